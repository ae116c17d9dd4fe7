"""Notices: what the console tells one person, until they have read it, put it off or dismissed it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy.orm import Mapped

from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.fields import NEVER, Choice, Code, Count, Moment, Reference, SubjectLink, Tags, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, integer, moment, ref, text_, texts
from app.engine.refusals import Rejected
from app.engine.resource import Resource
from app.engine.states import Moving


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


OPEN = and_(
    UserNotification.dismissed_at.is_(None),
    or_(UserNotification.snoozed_until.is_(None), UserNotification.snoozed_until <= func.now()),
)


def mine(actor: Actor) -> ColumnElement[bool]:
    return and_(OPEN, UserNotification.app_user_id == actor.app_user_id)


def mine_unread(actor: Actor) -> ColumnElement[bool]:
    return and_(mine(actor), UserNotification.read_at.is_(None))


def put_off_by_me(actor: Actor) -> ColumnElement[bool]:
    return and_(
        UserNotification.app_user_id == actor.app_user_id,
        UserNotification.dismissed_at.is_(None),
        UserNotification.snoozed_until > func.now(),
    )


def gone(record: Mapping[str, Any]) -> str | None:
    return "This notice was dismissed." if record["dismissed_at"] else None


def unread_only(record: Mapping[str, Any]) -> str | None:
    return "This notice was read already." if record["read_at"] else gone(record)


def read_only_once(record: Mapping[str, Any]) -> str | None:
    return gone(record) if record["read_at"] else "This notice has not been read yet."


def read(moving: Moving) -> Mapping[str, Any]:
    return {"read_at": moving.at}


def unread(_: Moving) -> Mapping[str, Any]:
    return {"read_at": None}


def put_off(moving: Moving) -> Mapping[str, Any]:
    """It comes back unread: whoever puts a notice off wants to be told again."""
    until = moving.asked["snoozed_until"]
    if until <= moving.at:
        raise Rejected({"snoozed_until": "Choose a moment that lies ahead."})
    return {"snoozed_until": until, "read_at": None}


def dismissed(moving: Moving) -> Mapping[str, Any]:
    return {"dismissed_at": moving.at, "read_at": moving.record["read_at"] or moving.at}


user_notifications = Resource(
    UserNotification,
    title="title",
    label="Notices",
    singular="notice",
    icon="bell",
    nav=("", 40),
    about="What the console tells somebody: what happened, to which record, and whether it was read.",
    area="notices",
    own="app_user_id",
    read_only="A notice says what happened when it happened; mark it as read, put it off or dismiss it.",
    search=("title",),
    sort="-created_at",
    opens="For me",
    scopes={
        "For me": mine,
        "Unread": mine_unread,
        "Put off": put_off_by_me,
        "Critical": and_(OPEN, UserNotification.severity == "critical"),
        "Open, everybody's": OPEN,
        "Dismissed": UserNotification.dismissed_at.is_not(None),
    },
    badge="severity",
    facts=("severity", "app_user_id", "subject_id", "created_at", "read_at", "snoozed_until", "repeat_count"),
    actions=(
        Action("read", "Mark as read", "notices.write", read, when=unread_only, done="marked as read"),
        Action("unread", "Mark as unread", "notices.write", unread, when=read_only_once, done="marked as unread"),
        Action(
            "snooze", "Put off", "notices.write", put_off, when=gone, asks=("snoozed_until",),
            requires=("snoozed_until",), done="put off",
        ),
        Action("dismiss", "Dismiss notice", "notices.write", dismissed, when=gone, done="dismissed"),
    ),
    fields=(
        Text("title", label="Notice", edit=NEVER, width="xl"),
        Choice(
            "severity", edit=NEVER, filter=True, width="s",
            tones={"info": "info dot", "success": "ok done", "warning": "warn warn", "critical": "danger fail"},
        ),
        SubjectLink("subject_id", label="About"),
        Reference("app_user_id", label="For", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("created_at", label="When", edit=NEVER, filter=True),
        Moment("read_at", label="Read", edit=NEVER, filter=True),
        Moment("snoozed_until", label="Put off until", planned=True, edit=NEVER, filter=True),
        Code("kind", edit=NEVER, filter=True, list=False),
        Text("body", label="In full", long=True, edit=NEVER, list=False),
        Count("repeat_count", label="Times", edit=NEVER, list=False, filter=True, help="How often it happened again meanwhile."),
        Moment("dismissed_at", label="Dismissed", edit=NEVER, list=False, filter=True, group="Delivery"),
        Tags("channels", label="Told by", edit=NEVER, list=False, filter=True, group="Delivery"),
        Code("link", label="Leads to", edit=NEVER, list=False, group="Delivery"),
        Code(
            "dedupe_key", label="Same matter", edit=NEVER, list=False, filter=True, group="Delivery",
            help="One open notice a person for each matter; more of the same is counted on it.",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Delivery"),
    ),
)  # fmt: skip
