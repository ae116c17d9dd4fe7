"""Errors: one row for each distinct problem, to be solved, put aside or given to someone, however often it occurred."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Mapped

from app.engine.access import Actor
from app.engine.fields import BULK, INLINE, NEVER, Choice, Code, Count, Moment, Reference, Text
from app.engine.records import PlatformStandard, Record, bigint, choice, integer, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class ErrorGroup(Record, PlatformStandard):
    __tablename__ = "error_groups"
    fingerprint: Mapped[str] = text_()
    title: Mapped[str] = text_()
    culprit: Mapped[str | None] = text_()
    error_type: Mapped[str] = text_()
    source: Mapped[str] = choice("web", "worker", "agent", "automation", "integration", "browser")
    level: Mapped[str] = choice("warning", "error", "fatal", default="error")
    status: Mapped[str] = choice("unresolved", "resolved", "ignored", default="unresolved")
    substatus: Mapped[str | None] = choice("new", "ongoing", "regressed", "escalating", "until_escalating", "forever")
    assignee_id: Mapped[int | None] = ref("app_users", "N")
    task_id: Mapped[int | None] = ref("user_tasks", "N")
    first_seen_at: Mapped[datetime] = moment("now()")
    last_seen_at: Mapped[datetime] = moment("now()")
    event_count: Mapped[int] = bigint("0")
    user_count: Mapped[int] = integer("0")
    first_release: Mapped[str | None] = text_()
    last_release: Mapped[str | None] = text_()
    resolved_at: Mapped[datetime | None] = moment()
    resolved_by: Mapped[int | None] = ref("app_users", "N")
    resolved_in_release: Mapped[str | None] = text_()
    ignore_until: Mapped[datetime | None] = moment()


def resolved(moving: Moving) -> Mapping[str, Any]:
    return {
        "resolved_at": moving.at,
        "resolved_by": moving.actor.app_user_id,
        "resolved_in_release": moving.asked.get("resolved_in_release") or moving.record["last_release"],
        "substatus": None,
        "ignore_until": None,
    }


def put_aside(moving: Moving) -> Mapping[str, Any]:
    return {"substatus": None if moving.asked.get("ignore_until") else "forever"}


def open_again(moving: Moving) -> Mapping[str, Any]:
    return {
        "substatus": "ongoing",
        "resolved_at": None,
        "resolved_by": None,
        "resolved_in_release": None,
        "ignore_until": None,
    }


def an_end_ahead(moving: Moving) -> str | None:
    until = moving.asked.get("ignore_until")
    return "Choose a moment that lies ahead, or leave it blank." if until and until <= moving.at else None


def mine(actor: Actor) -> Any:
    return ErrorGroup.assignee_id == actor.app_user_id


error_groups = Resource(
    ErrorGroup,
    title="title",
    label="Errors",
    singular="error",
    icon="bug",
    nav=("Monitoring", 30),
    about="Each distinct problem once, however often it happened. Resolve it, put it aside, or give it to someone.",
    area="errors",
    search=("title", "culprit", "error_type"),
    sign="!",
    sort="-last_seen_at",
    create=False,
    scopes={
        "Unresolved": ErrorGroup.status == "unresolved",
        "New in 24 h": (ErrorGroup.status == "unresolved")
        & (ErrorGroup.first_seen_at >= func.now() - func.make_interval(0, 0, 0, 1)),
        "Regressed": ErrorGroup.substatus == "regressed",
        "Mine": mine,
        "Ignored": ErrorGroup.status == "ignored",
    },
    facts=(
        "status",
        "level",
        "event_count",
        "user_count",
        "first_seen_at",
        "last_seen_at",
        "last_release",
        "assignee_id",
    ),
    related=(
        Related(
            "error_logs",
            via="group_id",
            label="Occurrences",
            fields=("occurred_at", "message", "path", "status_code", "app_user_id", "request_id"),
            sort="-occurred_at",
        ),
    ),
    fields=(
        Text("title", edit=NEVER, width="xl"),
        Choice(
            "level",
            edit=NEVER,
            filter=True,
            tones={"warning": "warn warn", "error": "danger fail", "fatal": "danger fail"},
        ),
        Choice(
            "status",
            edit=NEVER,
            filter=True,
            tones={"unresolved": "info open", "resolved": "ok done", "ignored": "mute off"},
        ),
        Choice(
            "substatus", label="Detail", edit=NEVER, filter=True, tones={"new": "info dot", "regressed": "danger warn"}
        ),
        Count("event_count", label="Events", edit=NEVER, filter=True),
        Count("user_count", label="People affected", edit=NEVER, filter=True),
        Moment("last_seen_at", label="Last seen", edit=NEVER, filter=True),
        Moment("first_seen_at", label="First seen", edit=NEVER, filter=True),
        Reference("assignee_id", label="Assigned to", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Code("culprit", label="Where", edit=NEVER, list=False, filter=True, group="Problem"),
        Code("error_type", label="Kind", edit=NEVER, list=False, filter=True, group="Problem"),
        Choice("source", edit=NEVER, filter=True, group="Problem"),
        Code("fingerprint", edit=NEVER, list=False, filter=True, group="Problem"),
        Reference("task_id", label="Task", to="user_tasks", list=False, filter=True, group="Work"),
        Code("first_release", edit=NEVER, list=False, filter=True, group="Release"),
        Code("last_release", edit=NEVER, list=False, filter=True, group="Release"),
        Code("resolved_in_release", label="Resolved in", edit=NEVER, list=False, filter=True, group="Release"),
        Moment("resolved_at", label="Resolved", edit=NEVER, list=False, filter=True, group="Work"),
        Reference("resolved_by", to="app_users", as_="person", edit=NEVER, list=False, filter=True, group="Work"),
        Moment("ignore_until", label="Ignored until", edit=NEVER, list=False, filter=True, group="Work"),
    ),
    lifecycle=Lifecycle(
        "status",
        initial="unresolved",
        transitions=(
            Transition(
                "resolve",
                "Resolve",
                ("unresolved", "ignored"),
                "resolved",
                "errors.resolve",
                effects=(resolved,),
                asks=("resolved_in_release",),
                done="resolved",
            ),
            Transition(
                "ignore",
                "Ignore",
                ("unresolved",),
                "ignored",
                "errors.ignore",
                guards=(an_end_ahead,),
                effects=(put_aside,),
                asks=("ignore_until",),
                done="ignored",
            ),
            Transition(
                "reopen",
                "Reopen",
                ("resolved", "ignored"),
                "unresolved",
                "errors.resolve",
                effects=(open_again,),
                done="reopened",
            ),
        ),
    ),
)
