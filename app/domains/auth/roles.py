"""Roles: named bundles of permissions, as seeded for the ten kinds of staff and edited by administrators."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Code, Flag, Moment, Tags, Text
from app.engine.records import Record, Standard, flag, text_, texts
from app.engine.resource import Related, Resource


class Role(Record, Standard):
    __tablename__ = "roles"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    description: Mapped[str | None] = text_()
    permissions: Mapped[list[str]] = texts()
    is_system: Mapped[bool] = flag()


roles = Resource(
    Role,
    title="name",
    label="Roles in the database",
    singular="role",
    icon="lock",
    about="What a role may do, as permission keys. The Roles page shows the same as a matrix and changes it.",
    area="roles",
    search=("name", "key"),
    sort="name",
    open_title=True,
    read_only="Permissions are given and taken on the Roles page, where each one is explained and checked.",
    related=(
        Related("app_user_roles", via="role_id", label="Held by", fields=("app_user_id", "granted_by", "expires_at")),
    ),
    fields=(
        Text("name", edit=NEVER, width="m"),
        Code("key", edit=NEVER),
        Text("description", edit=NEVER, width="l"),
        Tags("permissions", edit=NEVER, filter=True),
        Flag("is_system", label="Came with the console", edit=NEVER, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER),
    ),
)
