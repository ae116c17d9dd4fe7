"""What people did: sign-ins, pages, searches, exports and bulk actions, coarse enough to be read as a day's story."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.access import Actor
from app.engine.fields import NEVER, Choice, Code, Duration, Json, Moment, Reference, SubjectLink, Text
from app.engine.records import Log, PerhapsSubject, Record, choice, integer, json_, ref, text_
from app.engine.resource import Resource
from app.engine.wording import pairs


class UserActivity(Record, Log, PerhapsSubject):
    __tablename__ = "user_activities"
    app_user_id: Mapped[int | None] = ref("app_users", "R")
    kind: Mapped[str] = choice(
        "login",
        "logout",
        "view",
        "search",
        "create",
        "update",
        "delete",
        "export",
        "import",
        "bulk_action",
        "impersonate",
        "ai_command",
        "settings",
    )
    screen: Mapped[str | None] = text_()
    summary: Mapped[str] = text_()
    duration_ms: Mapped[int | None] = integer()
    request_id: Mapped[str | None] = text_()
    ip: Mapped[Any] = mapped_column(INET, nullable=True)
    meta: Mapped[dict[str, Any]] = json_("{}")


def mine(actor: Actor) -> ColumnElement[bool]:
    return UserActivity.app_user_id == actor.app_user_id


user_activities = Resource(
    UserActivity,
    title="summary",
    label="Activity entries",
    singular="activity entry",
    icon="eye",
    nav=("People and access", 86),
    about="Who signed in, looked, searched, exported and changed many records at once. What changed in a record, field by"
    " field, is in the change history.",
    area="activity",
    search=("summary", "screen"),
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    scopes={
        "Mine": mine,
        "Signing in and out": UserActivity.kind.in_(("login", "logout")),
        "Taken out": UserActivity.kind == "export",
        "Many at once": UserActivity.kind.in_(("bulk_action", "import")),
        "Personal data seen": UserActivity.screen == "reveal",
        "As somebody else": UserActivity.kind == "impersonate",
        "Asked of AI": UserActivity.kind == "ai_command",
    },
    badge="kind",
    facts=("app_user_id", "kind", "created_at", "screen", "subject_id", "duration_ms"),
    fields=(
        Moment("created_at", label="When", edit=NEVER, filter=True, width="s"),
        Reference("app_user_id", label="Who", to="app_users", as_="person", edit=NEVER, filter=True),
        Text("summary", label="What", edit=NEVER, width="xl"),
        Choice(
            "kind", edit=NEVER, filter=True,
            labels={"login": "Sign-in", "logout": "Sign-out", "impersonate": "As somebody else", "ai_command": "AI command"},
            tones={
                "login": "ok dot", "create": "info dot", "update": "info dot", "delete": "danger dot", "export": "warn dot",
                "import": "accent dot", "bulk_action": "accent dot", "impersonate": "danger warn", "ai_command": "ai ai",
                "settings": "accent dot",
            },
        ),
        SubjectLink("subject_id", label="About"),
        Code("screen", edit=NEVER, filter=True),
        Duration("duration_ms", label="Took", edit=NEVER, filter=True),
        Text(
            "particulars", long=True, edit=NEVER, list=False, sort=False,
            expr=lambda: pairs(UserActivity.__table__.c.meta),
        ),
        Code(
            "ip", label="Address", edit=NEVER, list=False, personal=True, sort=False, group="Request",
            expr=lambda: func.host(UserActivity.ip),
        ),
        Code("request_id", label="Request", edit=NEVER, list=False, filter=True, group="Request"),
        Json("meta", label="Particulars as data", edit=NEVER, group="Request"),
    ),
)  # fmt: skip
