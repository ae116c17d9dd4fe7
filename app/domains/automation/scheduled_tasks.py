"""Background queue: the durable job queue and run ledger: immediate, delayed and cron-fired background work."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Flag, Json, Moment, Percent, Reference, Text
from app.engine.records import (
    PlatformStandard,
    Record,
    bigint,
    choice,
    flag,
    integer,
    json_,
    moment,
    percent,
    ref,
    text_,
)
from app.engine.resource import Resource


class ScheduledTask(Record, PlatformStandard):
    __tablename__ = "scheduled_tasks"
    queue: Mapped[str] = text_(server_default="default")
    task_name: Mapped[str] = text_()
    args: Mapped[dict[str, Any]] = json_("{}")
    status: Mapped[str] = choice(
        "queued", "running", "succeeded", "failed", "cancelled", "aborted", "missed", default="queued"
    )
    priority: Mapped[int] = integer("0")
    run_at: Mapped[datetime] = moment("now()")
    attempts: Mapped[int] = integer("0")
    max_attempts: Mapped[int] = integer("5")
    timeout_seconds: Mapped[int] = integer("600")
    lock_key: Mapped[str | None] = text_()
    dedupe_key: Mapped[str | None] = text_()
    cron_job_id: Mapped[int | None] = ref("cron_jobs", "C")
    scheduled_for: Mapped[datetime | None] = moment()
    queue_job_id: Mapped[int | None] = bigint()
    requested_by: Mapped[int | None] = ref("app_users", "N")
    worker_id: Mapped[int | None] = ref("workers", "N")
    heartbeat_at: Mapped[datetime | None] = moment()
    abort_requested: Mapped[bool] = flag()
    started_at: Mapped[datetime | None] = moment()
    finished_at: Mapped[datetime | None] = moment()
    progress_pct: Mapped[Decimal] = percent("0")
    progress_note: Mapped[str | None] = text_()
    result: Mapped[Any] = json_(nullable=True)
    error_type: Mapped[str | None] = text_()
    error: Mapped[str | None] = text_()


scheduled_tasks = Resource(
    ScheduledTask,
    title="task_name",
    label="Background queue",
    icon="gear",
    nav=("Automation", 20),
    about="The durable job queue and run ledger: immediate, delayed and cron-fired background work.",
    area="queue",
    search=("task_name",),
    sort="-created_at",
    fields=(
        Code("queue", filter=True),
        Code("task_name", filter=True),
        Json("args"),
        Choice("status", filter=True),
        Count("priority", filter=True),
        Moment("run_at", filter=True),
        Count("attempts", filter=True),
        Count("max_attempts", filter=True),
        Count("timeout_seconds", filter=True),
        Code("lock_key", filter=True),
        Code("dedupe_key", filter=True),
        Reference("cron_job_id", to="cron_jobs", filter=True),
        Moment("scheduled_for", filter=True),
        Count("queue_job_id", filter=True),
        Reference("requested_by", to="app_users", as_="person", filter=True),
        Reference("worker_id", to="workers", filter=True),
        Moment("heartbeat_at", filter=True),
        Flag("abort_requested", filter=True),
        Moment("started_at", filter=True),
        Moment("finished_at", filter=True),
        Percent("progress_pct", filter=True),
        Text("progress_note", long=True, list=False),
        Json("result"),
        Code("error_type", filter=True),
        Text("error", long=True, list=False),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
