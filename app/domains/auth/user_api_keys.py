"""API keys: aPI credentials."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, func
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Reference, Secret, Tags, Text
from app.engine.records import Record, Standard, bigint, choice, integer, moment, ref, text_, texts
from app.engine.resource import Resource


class UserApiKey(Record, Standard):
    __tablename__ = "user_api_keys"
    app_user_id: Mapped[int] = ref("app_users", "C")
    name: Mapped[str] = text_()
    prefix: Mapped[str] = text_()
    key_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = texts()
    allowed_ips: Mapped[list[str] | None] = texts(default=None)
    rate_limit_per_min: Mapped[int] = integer("120")
    status: Mapped[str] = choice("active", "revoked", default="active")
    expires_at: Mapped[datetime | None] = moment()
    last_used_at: Mapped[datetime | None] = moment()
    last_used_ip: Mapped[Any] = mapped_column(INET, nullable=True)
    use_count: Mapped[int] = bigint("0")
    revoked_at: Mapped[datetime | None] = moment()
    revoked_by: Mapped[int | None] = ref("app_users", "N")
    rotated_from_id: Mapped[int | None] = ref("user_api_keys", "N")


user_api_keys = Resource(
    UserApiKey,
    title="name",
    label="API keys",
    icon="key",
    nav=("People and access", 70),
    about="API credentials.",
    area="apikeys",
    search=("name",),
    sort="-created_at",
    fields=(
        Reference("app_user_id", to="app_users", as_="person", filter=True),
        Text("name", filter=True),
        Code("prefix", filter=True),
        Secret("key_hash"),
        Tags("scopes", list=False, filter=True),
        Tags("allowed_ips", list=False, filter=True),
        Count("rate_limit_per_min", filter=True),
        Choice("status", filter=True),
        Moment("expires_at", filter=True),
        Moment("last_used_at", filter=True),
        Code(
            "last_used_ip",
            edit=NEVER,
            list=False,
            personal=True,
            sort=False,
            expr=lambda: func.host(UserApiKey.last_used_ip),
        ),
        Count("use_count", filter=True),
        Moment("revoked_at", filter=True),
        Reference("revoked_by", to="app_users", as_="person", filter=True),
        Reference("rotated_from_id", to="user_api_keys", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
