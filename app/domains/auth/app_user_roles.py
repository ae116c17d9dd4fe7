"""Role grants: who holds which role, given by whom and until when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Moment, Reference
from app.engine.records import Log, Record, moment, ref
from app.engine.resource import Resource


class AppUserRole(Record, Log):
    __tablename__ = "app_user_roles"
    app_user_id: Mapped[int] = ref("app_users", "C")
    role_id: Mapped[int] = ref("roles", "R")
    granted_by: Mapped[int | None] = ref("app_users", "N")
    expires_at: Mapped[datetime | None] = moment()


app_user_roles = Resource(
    AppUserRole,
    title="id",
    label="Role grants",
    singular="role grant",
    icon="lock",
    nav=("People and access", 82),
    about="Each line is one role held by one person. Grants with an end stop working by themselves.",
    area="roles",
    sort="-id",
    read_only="Roles are given and taken on the People page; the history of each grant is in the change history.",
    scopes={"Time-limited": AppUserRole.expires_at.is_not(None), "Expired": AppUserRole.expires_at < func.now()},
    fields=(
        Reference("app_user_id", label="Person", to="app_users", as_="person", edit=NEVER, filter=True, width="m"),
        Reference("role_id", label="Role", to="roles", edit=NEVER, filter=True),
        Reference("granted_by", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("expires_at", label="Ends", edit=NEVER, filter=True),
        Moment("created_at", label="Given", edit=NEVER, filter=True),
    ),
)
