"""Sessions: sign-ins that are open now; ending one shuts its browser out at the next request."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, func
from sqlalchemy import Text as TextType
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Code, Moment, Reference, Secret, Text
from app.engine.records import Global, Record, json_, moment, ref, text_
from app.engine.resource import Resource


class Session(Record, Global):
    __tablename__ = "sessions"
    session_hash: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[int] = ref("users", "C")
    tenant_id: Mapped[int | None] = ref("tenants", "C")
    user_session_id: Mapped[int | None] = ref("user_sessions", "N")
    csrf_secret: Mapped[bytes] = mapped_column(LargeBinary)
    data: Mapped[dict[str, Any]] = json_("{}")
    ip: Mapped[Any] = mapped_column(INET, nullable=True)
    user_agent: Mapped[str | None] = text_()
    mfa_passed_at: Mapped[datetime | None] = moment()
    elevated_until: Mapped[datetime | None] = moment()
    last_seen_at: Mapped[datetime] = moment("now()")
    idle_expires_at: Mapped[datetime] = moment()
    absolute_expires_at: Mapped[datetime] = moment()


sessions = Resource(
    Session,
    title="id",
    label="Open sessions",
    singular="session",
    icon="lock",
    about="Who is signed in at this moment, from where and until when. Closed ones are in Sign-in attempts.",
    area="sessions",
    sort="-last_seen_at",
    read_only="Sessions are ended on the Sessions page, one by one or all of a person's.",
    scopes={"Raised for dangerous actions": Session.elevated_until > func.now()},
    fields=(
        Reference("user_id", label="Sign-in", to="users", edit=NEVER, filter=True, width="m"),
        Moment("last_seen_at", label="Last seen", edit=NEVER, filter=True),
        Code("ip", label="Address", edit=NEVER, personal=True, expr=lambda: func.host(Session.ip, type_=TextType)),
        Text("user_agent", label="Browser", edit=NEVER, personal=True, width="l"),
        Moment("created_at", label="Signed in", edit=NEVER, filter=True),
        Moment("idle_expires_at", label="Ends when idle", edit=NEVER, list=False),
        Moment("absolute_expires_at", label="Ends at the latest", edit=NEVER),
        Moment("elevated_until", label="Raised until", edit=NEVER, list=False),
        Moment("mfa_passed_at", label="Second factor passed", edit=NEVER, list=False),
        Secret("session_hash", label="Cookie"),
        Secret("csrf_secret", label="Form secret"),
    ),
)
