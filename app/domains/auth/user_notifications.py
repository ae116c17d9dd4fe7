"""Notices: in-app notices per person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Reference, SubjectLink, Tags, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, integer, moment, ref, text_, texts
from app.engine.resource import Resource


class UserNotification(Record, Standard, PerhapsSubject):
    __tablename__ = "user_notifications"
    app_user_id: Mapped[int] = ref("app_users", "C")
    kind: Mapped[str] = text_()
    severity: Mapped[str] = choice("info", "success", "warning", "critical", default="info")
    title: Mapped[str] = text_()
    body: Mapped[str | None] = text_()
    link: Mapped[str | None] = text_()
    channels: Mapped[list[str]] = texts("{in_app}")
    dedupe_key: Mapped[str | None] = text_()
    repeat_count: Mapped[int] = integer("1")
    read_at: Mapped[datetime | None] = moment()
    dismissed_at: Mapped[datetime | None] = moment()
    snoozed_until: Mapped[datetime | None] = moment()


user_notifications = Resource(
    UserNotification,
    title="title",
    label="Notices",
    icon="key",
    nav=("", 40),
    about="In-app notices per person.",
    area="notices",
    search=("title",),
    sort="-created_at",
    fields=(
        Reference("app_user_id", to="app_users", as_="person", filter=True),
        Text("kind", filter=True),
        Choice("severity", filter=True),
        Text("title", filter=True),
        Text("body", long=True, list=False),
        Text("link", filter=True),
        Tags("channels", list=False, filter=True),
        Code("dedupe_key", filter=True),
        Count("repeat_count", filter=True),
        Moment("read_at", filter=True),
        Moment("dismissed_at", filter=True),
        Moment("snoozed_until", filter=True),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
