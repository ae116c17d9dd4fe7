"""Users: sign-ins, each one person or service across all companies; the person at work is in People."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, ColumnElement, LargeBinary, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.auth.app_users import AppUser
from app.engine.fields import NEVER, Choice, Count, Email, Flag, Moment, Secret
from app.engine.records import Global, Record, choice, flag, integer, moment, text_
from app.engine.resource import Related, Resource


class User(Record, Global):
    __tablename__ = "users"
    email: Mapped[str] = text_()
    email_verified_at: Mapped[datetime | None] = moment()
    kind: Mapped[str] = choice("human", "service", default="human")
    status: Mapped[str] = choice("invited", "active", "locked", "disabled", default="invited")
    password_hash: Mapped[str | None] = text_()
    password_changed_at: Mapped[datetime | None] = moment()
    must_change_password: Mapped[bool] = flag()
    is_platform_admin: Mapped[bool] = flag()
    mfa_enabled: Mapped[bool] = flag()
    mfa_secret_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    mfa_recovery_hashes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    failed_logins: Mapped[int] = integer("0")
    locked_until: Mapped[datetime | None] = moment()
    last_login_at: Mapped[datetime | None] = moment()


def who_work_here(tenant_id: int) -> ColumnElement[bool]:
    """Sign-ins are shared between companies; each sees only those of its own people."""
    return User.id.in_(select(AppUser.user_id).where(AppUser.tenant_id == tenant_id))


users = Resource(
    User,
    title="email",
    label="Sign-ins",
    singular="sign-in",
    icon="key",
    nav=("People and access", 81),
    about=(
        "The address and password someone signs in with. One sign-in may belong to people in several companies;"
        " names, roles and pay are kept on the person (Staff), not here."
    ),
    area="sessions",
    within=who_work_here,
    search=("email",),
    sort="email",
    read_only="Sign-ins are invited, reset and disabled on the People page, which also ends their sessions.",
    scopes={
        "Locked or disabled": User.status.in_(("locked", "disabled")),
        "Without a second factor": (User.kind == "human") & ~User.mfa_enabled,
        "Never signed in": User.last_login_at.is_(None),
    },
    facts=("status", "kind", "mfa_enabled", "last_login_at", "failed_logins", "locked_until"),
    related=(
        Related(
            "app_users", via="user_id", label="People", fields=("display_name", "job_title", "employee_kind", "status")
        ),
        Related("user_sessions", via="user_id", label="Sign-in attempts", sort="-started_at"),
        Related("sessions", via="user_id", label="Open sessions", sort="-last_seen_at"),
        Related("auth_tokens", via="user_id", label="Tokens"),
    ),
    fields=(
        Email("email", label="E-mail", edit=NEVER, width="l"),
        Choice("kind", edit=NEVER, filter=True),
        Choice(
            "status",
            edit=NEVER,
            filter=True,
            tones={"invited": "info draft", "active": "ok done", "locked": "danger fail", "disabled": "mute off"},
        ),
        Moment("last_login_at", label="Last sign-in", edit=NEVER, filter=True),
        Flag("mfa_enabled", label="Second factor", edit=NEVER, filter=True, group="Security"),
        Secret("password_hash", label="Password", group="Security"),
        Moment("password_changed_at", label="Password changed", edit=NEVER, list=False, filter=True, group="Security"),
        Flag("must_change_password", edit=NEVER, list=False, filter=True, group="Security"),
        Secret("mfa_secret_enc", label="Second factor secret", group="Security"),
        Secret("mfa_recovery_hashes", label="Recovery codes", group="Security"),
        Count("failed_logins", label="Failed attempts", edit=NEVER, filter=True, group="Security"),
        Moment("locked_until", edit=NEVER, list=False, filter=True, group="Security"),
        Flag(
            "is_platform_admin", label="Platform administrator", edit=NEVER, list=False, filter=True, group="Security"
        ),
        Moment("email_verified_at", label="E-mail verified", edit=NEVER, list=False, group="Origin"),
        Moment("created_at", label="Added", edit=NEVER, list=False, group="Origin"),
    ),
)
