"""SQL runs: every statement sent at the SQL desk, who sent it, what it read, what came of it, and why one was refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.access import Actor
from app.engine.fields import NEVER, Choice, Code, Count, Duration, Json, Moment, Reference, Tags, Text
from app.engine.records import (
    Created,
    Record,
    Tenanted,
    bigint,
    choice,
    flag,
    integer,
    json_,
    moment,
    ref,
    text_,
    texts,
)
from app.engine.resource import Resource


class SqlRun(Record, Tenanted, Created):
    __tablename__ = "sql_runs"
    app_user_id: Mapped[int | None] = ref("app_users", "N")
    query_id: Mapped[int | None] = ref("sql_queries", "N")
    kind: Mapped[str] = choice("run", "explain")
    statement: Mapped[str] = text_()
    shape: Mapped[str] = text_()
    parameters: Mapped[dict[str, Any]] = json_("{}")
    tables: Mapped[list[str]] = texts()
    masked: Mapped[list[str]] = texts()
    outcome: Mapped[str] = choice("running", "done", "cut", "refused", "failed", "cancelled", "timed_out")
    why: Mapped[str | None] = text_()
    row_count: Mapped[int | None] = bigint()
    duration_ms: Mapped[int | None] = integer()
    time_limit: Mapped[int] = integer()
    permit: Mapped[bytes | None] = mapped_column(LargeBinary)
    ticket: Mapped[str | None] = text_()
    beat_at: Mapped[datetime | None] = moment()
    stop_asked: Mapped[bool] = flag()
    ended_at: Mapped[datetime | None] = moment()
    request_id: Mapped[str | None] = text_()


def mine(actor: Actor) -> ColumnElement[bool]:
    return SqlRun.app_user_id == actor.app_user_id


sql_runs = Resource(
    SqlRun,
    title="shape",
    label="SQL statements sent",
    singular="statement",
    icon="history",
    nav=("System", 8),
    about="Every statement sent at the SQL desk, also those refused: by whom, when, what it read, and what came of it.",
    area="sql",
    read_only="What was sent at the SQL desk is evidence; nobody changes it.",
    search=("shape",),
    sort="-created_at",
    scopes={
        "Mine": mine,
        "Refused": SqlRun.outcome == "refused",
        "Stopped": SqlRun.outcome.in_(("cancelled", "timed_out")),
    },
    badge="outcome",
    fields=(
        Text("shape", label="Statement, values left out", edit=NEVER, mono=True, width="xl"),
        Reference("app_user_id", label="Sent by", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("created_at", label="When", edit=NEVER, filter=True),
        Choice(
            "outcome", edit=NEVER, filter=True,
            labels={"done": "Answered", "cut": "Answered, cut short", "timed_out": "Out of time"},
            tones={"running": "info dot", "done": "ok done", "cut": "ok done", "refused": "danger fail",
                   "failed": "warn warn", "cancelled": "mute draft", "timed_out": "warn warn"},
        ),
        Count("row_count", label="Rows", edit=NEVER, filter=True),
        Duration("duration_ms", label="Took", edit=NEVER, filter=True),
        Tags("tables", label="Read", edit=NEVER, filter=True),
        Text("why", label="Why", edit=NEVER, width="l"),
        Reference("query_id", label="Kept query", to="sql_queries", edit=NEVER, filter=True, list=False),
        Choice("kind", edit=NEVER, filter=True, list=False, labels={"run": "Run", "explain": "Plan only"}),
        Tags("masked", label="Columns masked", edit=NEVER, list=False),
        Count("time_limit", label="Seconds it had", edit=NEVER, list=False),
        Text("statement", label="Statement as sent", long=True, edit=NEVER, list=False, personal=True, group="As sent"),
        Json("parameters", label="Values given", edit=NEVER, list=False, personal=True, group="As sent"),
        Moment("ended_at", label="Ended", edit=NEVER, list=False),
        Code("request_id", label="Request", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
