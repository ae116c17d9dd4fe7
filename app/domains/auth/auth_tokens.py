"""Auth tokens: one-time and refresh tokens, of which only the hash is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, LargeBinary, Text, Uuid, func, select
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.auth.app_users import AppUser
from app.engine.fields import NEVER, Choice, Code, Moment, Reference, Secret, Tags
from app.engine.records import Global, Record, choice, moment, ref, texts
from app.engine.resource import Resource


class AuthToken(Record, Global):
    __tablename__ = "auth_tokens"
    user_id: Mapped[int] = ref("users", "C")
    purpose: Mapped[str] = choice("refresh", "password_reset", "email_verify", "invite", "magic_link", "mfa_challenge")
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    family_id: Mapped[UUID | None] = mapped_column(Uuid)
    parent_id: Mapped[int | None] = ref("auth_tokens", "N")
    jti: Mapped[UUID | None] = mapped_column(Uuid)
    scopes: Mapped[list[str]] = texts()
    issued_ip: Mapped[Any] = mapped_column(INET, nullable=True)
    expires_at: Mapped[datetime] = moment()
    used_at: Mapped[datetime | None] = moment()
    revoked_at: Mapped[datetime | None] = moment()
    revoke_reason: Mapped[str | None] = choice(
        "logout", "rotated", "reuse_detected", "admin", "password_change", "expired"
    )


def of_people_here(tenant_id: int) -> ColumnElement[bool]:
    return AuthToken.user_id.in_(select(AppUser.user_id).where(AppUser.tenant_id == tenant_id))


auth_tokens = Resource(
    AuthToken,
    title="id",
    label="Tokens",
    singular="token",
    icon="key",
    nav=("People and access", 85),
    about="Invitations, password resets and refresh tokens. The token itself is known only to who received it.",
    area="sessions",
    within=of_people_here,
    sort="-id",
    read_only="Tokens are issued and ended by the console itself; a changed token would be a forged one.",
    scopes={
        "Usable": AuthToken.used_at.is_(None) & AuthToken.revoked_at.is_(None) & (AuthToken.expires_at > func.now()),
        "Reuse detected": AuthToken.revoke_reason == "reuse_detected",
    },
    fields=(
        Reference("user_id", label="Sign-in", to="users", edit=NEVER, filter=True, width="m"),
        Choice("purpose", edit=NEVER, filter=True),
        Moment("created_at", label="Issued", edit=NEVER, filter=True),
        Moment("expires_at", label="Expires", edit=NEVER, filter=True),
        Moment("used_at", label="Used", edit=NEVER, filter=True),
        Moment("revoked_at", label="Ended", edit=NEVER, filter=True),
        Choice("revoke_reason", label="Why it ended", edit=NEVER, filter=True, tones={"reuse_detected": "danger fail"}),
        Tags("scopes", edit=NEVER, list=False),
        Code(
            "issued_ip",
            label="Issued to",
            edit=NEVER,
            list=False,
            personal=True,
            expr=lambda: func.host(AuthToken.issued_ip, type_=Text),
        ),
        Secret("token_hash", label="Token"),
    ),
)
