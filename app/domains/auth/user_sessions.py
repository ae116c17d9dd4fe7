"""Sign-in attempts: every try and its outcome, with device and end; outlives the session itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Text as TextType
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Count, Email, Moment, Reference, Text
from app.engine.records import PlatformLog, Record, choice, code, integer, moment, ref, text_
from app.engine.resource import Resource


class UserSession(Record, PlatformLog):
    __tablename__ = "user_sessions"
    user_id: Mapped[int | None] = ref("users", "R")
    email_tried: Mapped[str | None] = text_()
    outcome: Mapped[str] = choice("success", "bad_password", "bad_mfa", "locked", "disabled", "unknown_user")
    auth_method: Mapped[str] = choice(
        "password", "password_totp", "recovery_code", "magic_link", "sso", default="password"
    )
    started_at: Mapped[datetime] = moment("now()")
    ended_at: Mapped[datetime | None] = moment()
    end_reason: Mapped[str | None] = choice(
        "logout", "idle_timeout", "absolute_timeout", "revoked", "replaced", "error"
    )
    ip: Mapped[Any] = mapped_column(INET, nullable=True)
    user_agent: Mapped[str | None] = text_()
    device_label: Mapped[str | None] = text_()
    country: Mapped[str | None] = code(2)
    risk: Mapped[str] = choice("low", "medium", "high", default="low")
    request_count: Mapped[int] = integer("0")


user_sessions = Resource(
    UserSession,
    title="email_tried",
    label="Sign-in attempts",
    singular="sign-in attempt",
    icon="history",
    nav=("People and access", 84),
    about="Every attempt to sign in, right or wrong, and how each session ended.",
    area="sessions",
    search=("email_tried",),
    sort="-started_at",
    read_only="Sign-in attempts are evidence; they are kept as they happened.",
    scopes={
        "Failed": UserSession.outcome != "success",
        "Risky": UserSession.risk != "low",
        "Still open": (UserSession.outcome == "success") & UserSession.ended_at.is_(None),
    },
    facts=("outcome", "auth_method", "started_at", "ended_at", "end_reason", "risk"),
    fields=(
        Email("email_tried", label="Tried as", edit=NEVER, width="l"),
        Choice(
            "outcome",
            edit=NEVER,
            filter=True,
            labels={
                "bad_mfa": "Wrong second factor",
                "bad_password": "Wrong password",
                "unknown_user": "Unknown address",
            },
            tones={
                "success": "ok done",
                "bad_password": "warn warn",
                "bad_mfa": "warn warn",
                "locked": "danger fail",
                "disabled": "danger fail",
                "unknown_user": "warn warn",
            },
        ),
        Reference("user_id", label="Sign-in", to="users", edit=NEVER, filter=True),
        Moment("started_at", label="When", edit=NEVER, filter=True),
        Moment("ended_at", label="Ended", edit=NEVER, filter=True),
        Choice(
            "end_reason",
            label="How it ended",
            edit=NEVER,
            filter=True,
            labels={"logout": "Signed out", "revoked": "Ended by an administrator"},
        ),
        Code("ip", label="Address", edit=NEVER, personal=True, expr=lambda: func.host(UserSession.ip, type_=TextType)),
        Text("device_label", label="Device", edit=NEVER, personal=True),
        Choice(
            "risk", edit=NEVER, filter=True, tones={"low": "mute dot", "medium": "warn warn", "high": "danger fail"}
        ),
        Choice(
            "auth_method",
            label="By",
            edit=NEVER,
            list=False,
            filter=True,
            labels={"password_totp": "Password and code", "sso": "Single sign-on"},
        ),
        Code("country", edit=NEVER, list=False, filter=True),
        Count("request_count", label="Requests", edit=NEVER, list=False),
        Text("user_agent", label="Browser", edit=NEVER, personal=True, list=False),
    ),
)
