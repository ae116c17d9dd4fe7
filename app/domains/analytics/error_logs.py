"""Error occurrences: each single time a problem happened, with its stack, request and context, secrets removed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Text as TextType
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Reference, Text
from app.engine.records import PlatformLog, Record, choice, integer, json_, moment, ref, text_
from app.engine.resource import Resource


class ErrorLog(Record, PlatformLog):
    __tablename__ = "error_logs"
    group_id: Mapped[int] = ref("error_groups", "C")
    occurred_at: Mapped[datetime] = moment("now()")
    level: Mapped[str] = choice("warning", "error", "fatal", default="error")
    error_type: Mapped[str] = text_()
    message: Mapped[str] = text_()
    stacktrace: Mapped[str | None] = text_()
    frames: Mapped[Any] = json_(nullable=True)
    request_id: Mapped[str | None] = text_()
    method: Mapped[str | None] = text_()
    path: Mapped[str | None] = text_()
    status_code: Mapped[int | None] = integer()
    app_user_id: Mapped[int | None] = ref("app_users", "R")
    agent_id: Mapped[int | None] = ref("ai_agents", "R")
    scheduled_task_id: Mapped[int | None] = ref("scheduled_tasks", "N")
    automation_run_id: Mapped[int | None] = ref("automation_runs", "N")
    release: Mapped[str | None] = text_()
    environment: Mapped[str] = text_(server_default="production")
    context: Mapped[dict[str, Any]] = json_("{}")
    ip: Mapped[Any] = mapped_column(INET, nullable=True)


error_logs = Resource(
    ErrorLog,
    title="message",
    label="Error occurrences",
    singular="occurrence",
    icon="bug",
    nav=("Monitoring", 31),
    about="Every single occurrence. The problem behind them is one row in Errors, where it is resolved or assigned.",
    area="errors",
    sort="-occurred_at",
    read_only="Occurrences are evidence of what happened; resolve or ignore the error they belong to.",
    facts=("occurred_at", "level", "error_type", "path", "status_code", "app_user_id", "request_id", "release"),
    fields=(
        Moment("occurred_at", label="When", edit=NEVER, filter=True),
        Text("message", edit=NEVER, width="xl"),
        Reference("group_id", label="Error", to="error_groups", edit=NEVER, filter=True),
        Choice(
            "level",
            edit=NEVER,
            filter=True,
            tones={"warning": "warn warn", "error": "danger fail", "fatal": "danger fail"},
        ),
        Code("method", edit=NEVER, list=False, filter=True, group="Request"),
        Code("path", edit=NEVER, filter=True, group="Request"),
        Count("status_code", label="Status", edit=NEVER, filter=True, group="Request"),
        Code("request_id", label="Request", edit=NEVER, filter=True, group="Request"),
        Reference(
            "app_user_id", label="Person", to="app_users", as_="person", edit=NEVER, filter=True, group="Request"
        ),
        Code(
            "ip",
            label="Address",
            edit=NEVER,
            list=False,
            personal=True,
            expr=lambda: func.host(ErrorLog.ip, type_=TextType),
            group="Request",
        ),
        Code("error_type", label="Kind", edit=NEVER, list=False, filter=True, group="Problem"),
        Text("stacktrace", label="Stack", long=True, mono=True, edit=NEVER, list=False, group="Problem"),
        Json("frames", edit=NEVER, group="Problem"),
        Json("context", edit=NEVER, personal=True, group="Problem"),
        Reference(
            "agent_id", label="Agent", to="ai_agents", as_="agent", edit=NEVER, list=False, filter=True, group="Problem"
        ),
        Reference(
            "automation_run_id",
            label="In run",
            to="automation_runs",
            edit=NEVER,
            list=False,
            filter=True,
            group="Problem",
        ),
        Reference(
            "scheduled_task_id",
            label="In queued job",
            to="scheduled_tasks",
            edit=NEVER,
            list=False,
            filter=True,
            group="Problem",
        ),
        Code("release", edit=NEVER, list=False, filter=True, group="Problem"),
        Code("environment", edit=NEVER, list=False, filter=True, group="Problem"),
    ),
)
