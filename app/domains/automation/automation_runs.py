"""Automation runs: execution history with per-step results."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Computed, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Count, Duration, Flag, Json, Moment, Reference, SubjectLink, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, flag, integer, json_, moment, ref, text_
from app.engine.resource import Resource


class AutomationRun(Record, Standard, PerhapsSubject):
    __tablename__ = "automation_runs"
    automation_id: Mapped[int] = ref("automations", "C")
    trigger: Mapped[str] = choice("event", "schedule", "webhook", "manual", "threshold", "ai_rule", "retry")
    trigger_ref: Mapped[str | None] = text_()
    dedupe_key: Mapped[str | None] = text_()
    status: Mapped[str] = choice(
        "queued", "running", "waiting", "succeeded", "failed", "skipped", "cancelled", "timed_out", default="queued"
    )
    attempt: Mapped[int] = integer("1")
    retry_of_id: Mapped[int | None] = ref("automation_runs", "N")
    dry_run: Mapped[bool] = flag()
    input: Mapped[dict[str, Any]] = json_("{}")
    steps: Mapped[list[Any]] = json_("[]")
    output: Mapped[Any] = json_(nullable=True)
    records_changed: Mapped[int] = integer("0")
    skip_reason: Mapped[str | None] = text_()
    error_type: Mapped[str | None] = text_()
    error: Mapped[str | None] = text_()
    started_by: Mapped[int | None] = ref("app_users", "N")
    scheduled_task_id: Mapped[int | None] = ref("scheduled_tasks", "N")
    started_at: Mapped[datetime | None] = moment()
    finished_at: Mapped[datetime | None] = moment()
    duration_ms: Mapped[int | None] = mapped_column(
        Integer, Computed("(extract(epoch from (finished_at - started_at)) * 1000)::int", persisted=True)
    )


automation_runs = Resource(
    AutomationRun,
    title="automation_id",
    label="Automation runs",
    icon="gear",
    nav=("Automation", 35),
    about="Execution history with per-step results.",
    area="automations",
    sort="-created_at",
    fields=(
        Reference("automation_id", to="automations", filter=True),
        Choice("trigger", filter=True),
        Code("trigger_ref", filter=True),
        Code("dedupe_key", filter=True),
        Choice("status", filter=True),
        Count("attempt", filter=True),
        Reference("retry_of_id", to="automation_runs", filter=True),
        Flag("dry_run", filter=True),
        Json("input"),
        Json("steps"),
        Json("output"),
        Count("records_changed", filter=True),
        Text("skip_reason", long=True, list=False),
        Code("error_type", filter=True),
        Text("error", long=True, list=False),
        Reference("started_by", to="app_users", as_="person", filter=True),
        Reference("scheduled_task_id", to="scheduled_tasks", filter=True),
        Moment("started_at", filter=True),
        Moment("finished_at", filter=True),
        Duration("duration_ms", edit=NEVER, filter=True),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
