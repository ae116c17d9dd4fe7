"""What people did: what people did in the console, coarse: sign-ins, views, exports, bulk actions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Duration, Json, Moment, Reference, SubjectLink, Text
from app.engine.records import Log, PerhapsSubject, Record, choice, integer, json_, ref, text_
from app.engine.resource import Resource


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


user_activities = Resource(
    UserActivity,
    title="kind",
    label="What people did",
    icon="key",
    nav=("People and access", 80),
    about="What people did in the console, coarse: sign-ins, views, exports, bulk actions.",
    area="activity",
    search=("summary",),
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    fields=(
        Reference("app_user_id", to="app_users", as_="person", edit=NEVER, filter=True),
        Choice("kind", edit=NEVER, filter=True),
        Text("screen", edit=NEVER, filter=True),
        Text("summary", long=True, edit=NEVER, list=False),
        Duration("duration_ms", edit=NEVER, filter=True),
        Code("request_id", edit=NEVER, filter=True),
        Code("ip", edit=NEVER, list=False, personal=True, sort=False, expr=lambda: func.host(UserActivity.ip)),
        Json("meta", edit=NEVER),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)
