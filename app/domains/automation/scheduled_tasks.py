"""Background queue: what is to be done later, what is being done and what became of it, as the queue itself has it.

The queue is procrastinate's, in our schema; a row here is its picture for people, kept by the worker (`queue_mirror`).
What a person asks of a row is asked of the queue in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, text
from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Duration, Flag, Json, Moment, Percent, Reference, Text
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
from app.engine.refusals import Rejected
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


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


def took() -> ColumnElement[Any]:
    """Milliseconds from its last start to its end."""
    return func.round(func.extract("epoch", ScheduledTask.finished_at - ScheduledTask.started_at) * 1000)


def ago(minutes: int) -> ColumnElement[Any]:
    return func.now() - func.make_interval(0, 0, 0, 0, 0, minutes)


_IN_QUEUE = text("SELECT status::text FROM procrastinate_jobs WHERE id = :job")


def stands_in_the_queue(status: str, sentence: str) -> Any:
    """A guard: the queue itself still has the job, in that state. Its picture may be seconds old."""

    def guard(moving: Moving) -> str | None:
        job = moving.record["queue_job_id"]
        if job is None:
            return "This row tells of work done elsewhere; the console's queue does not have it."
        now = moving.connection.execute(_IN_QUEUE, {"job": job}).scalar()
        return None if now == status else sentence

    return guard


def waits_again(_: Moving) -> Mapping[str, Any]:
    return {"finished_at": None, "started_at": None, "worker_id": None, "heartbeat_at": None}


def ended(moving: Moving) -> Mapping[str, Any]:
    return {"finished_at": moving.at}


def tell_the_queue(connection: Connection, written: Mapping[str, Any]) -> None:
    """What a person wants of the job, done by the queue's own functions: with the change or not at all."""
    job = connection.execute(_JOB, {"id": written["id"]}).scalar()
    if job is None:
        raise Rejected({"": "The console's queue does not have this job."})
    if written.get("status") == "cancelled":
        done = connection.execute(_CANCEL, {"job": job}).scalar() is not None
    elif written.get("status") == "queued":
        done = connection.execute(_IN_QUEUE, {"job": job}).scalar() == "failed"
        if done:
            connection.execute(_RETRY, {"job": job})
    else:
        return
    if not done:
        raise Rejected({"": "The queue has moved on with this job meanwhile; look again."})


_JOB = text("SELECT queue_job_id FROM scheduled_tasks WHERE id = :id")
_CANCEL = text("SELECT procrastinate_cancel_job_v1(:job, false, false)")
_RETRY = text("SELECT procrastinate_retry_job_v2(:job, clock_timestamp(), NULL, NULL, NULL)")

scheduled_tasks = Resource(
    ScheduledTask,
    title="task_name",
    label="Queued jobs",
    singular="queued job",
    icon="inbox",
    nav=("Automation", 20),
    about="Work that happens later: what waits, what runs, what failed and why. The newest stand first.",
    area="queue",
    read_only=(
        "The worker keeps this picture of the queue. A job that waits can be cancelled and one that failed tried again; "
        "one that runs ends by itself, since it cannot be stopped half-way."
    ),
    search=("task_name",),
    unsought=True,
    sort="-created_at",
    follow=(tell_the_queue,),
    scopes={
        "Waiting": ScheduledTask.status == "queued",
        "Overdue": and_(ScheduledTask.status == "queued", ScheduledTask.run_at < ago(2)),
        "Running": ScheduledTask.status == "running",
        "Stalled": and_(
            ScheduledTask.status == "running", or_(ScheduledTask.heartbeat_at.is_(None), ScheduledTask.heartbeat_at < ago(2))
        ),
        "Failed": ScheduledTask.status == "failed",
        "Missed": ScheduledTask.status == "missed",
        "Recurring": ScheduledTask.cron_job_id.is_not(None),
        "Asked for by people": ScheduledTask.requested_by.is_not(None),
    },
    facts=("status", "run_at", "started_at", "took", "attempts", "worker_id", "cron_job_id", "error"),
    related=(
        Related(
            "error_logs", "scheduled_task_id", label="Errors", fields=("occurred_at", "message", "group_id", "level"),
            sort="-occurred_at",
        ),
        Related(
            "automation_runs", "scheduled_task_id", label="Runs of automations",
            fields=("name", "status", "trigger", "duration_ms", "created_at"), sort="-created_at",
        ),
    ),
    sentences={
        "procrastinate_jobs_queueing_lock_idx_v1": (
            "status", "The same work is waiting in the queue already; this copy need not run again."
        ),
        "uq_scheduled_tasks_dedupe_key": ("status", "The same work is waiting in the queue already."),
    },
    lifecycle=Lifecycle(
        "status",
        initial="queued",
        stages=("queued", "running", "succeeded"),
        transitions=(
            Transition(
                "retry", "Try again", ("failed",), "queued", "queue.retry",
                guards=(
                    stands_in_the_queue("failed", "This job is not failed any more; the list will say so in a moment."),
                ),
                effects=(waits_again,), done="queued again",
            ),
            Transition(
                "cancel", "Cancel job", ("queued",), "cancelled", "queue.cancel", reason=True,
                guards=(
                    stands_in_the_queue("todo", "This job is not waiting any more; the list will say so in a moment."),
                ),
                effects=(ended,), danger=True, done="cancelled",
            ),
        ),
    ),
    fields=(
        Code("task_name", label="Task", edit=NEVER, filter=True, width="l"),
        Choice(
            "status", edit=NEVER, filter=True, labels={"queued": "Waiting"},
            tones={
                "queued": "info open", "running": "accent prog", "succeeded": "ok done", "failed": "danger fail",
                "cancelled": "mute off", "aborted": "mute off", "missed": "warn warn",
            },
        ),
        Moment("run_at", label="Due", planned=True, edit=NEVER, filter=True),
        Moment("started_at", label="Began", edit=NEVER, filter=True),
        Duration("took", label="Took", edit=NEVER, sort=False, expr=took, width="s"),
        Count("attempts", label="Tries", edit=NEVER, filter=True, width="xs"),
        Code("queue", edit=NEVER, filter=True, width="s"),
        Reference("worker_id", label="Worker", to="workers", edit=NEVER, filter=True),
        Text("error", label="What went wrong", edit=NEVER, width="l"),
        Moment("created_at", label="Queued", edit=NEVER, list=False, filter=True),
        Moment("finished_at", label="Ended", edit=NEVER, list=False, filter=True),
        Reference(
            "cron_job_id", label="Recurring job", to="cron_jobs", edit=NEVER, list=False, filter=True, group="Origin",
        ),
        Moment("scheduled_for", label="Its turn", edit=NEVER, list=False, filter=True, group="Origin"),
        Reference(
            "requested_by", label="Asked for by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Count("queue_job_id", label="Number in the queue", edit=NEVER, list=False, filter=True, group="Origin"),
        Json("args", label="Given", edit=NEVER, group="Origin"),
        Percent("progress_pct", label="Progress", edit=NEVER, list=False, filter=True, group="How it went"),
        Text("progress_note", label="Note", edit=NEVER, list=False, group="How it went"),
        Code("error_type", label="Kind of error", edit=NEVER, list=False, filter=True, group="How it went"),
        Json("result", edit=NEVER, group="How it went"),
        Moment("heartbeat_at", label="Last sign of life", edit=NEVER, list=False, filter=True, group="How it went"),
        Flag("abort_requested", label="Asked to stop", edit=NEVER, list=False, filter=True, group="How it went"),
        Count("priority", edit=NEVER, list=False, filter=True, group="Rules"),
        Count("max_attempts", label="Tries at most", edit=NEVER, list=False, filter=True, group="Rules"),
        Count("timeout_seconds", label="Stops after seconds", edit=NEVER, list=False, filter=True, group="Rules"),
        Code(
            "lock_key", label="Never beside", edit=NEVER, list=False, filter=True, group="Rules",
            help="Of jobs with the same word only one runs at a time.",
        ),
        Code(
            "dedupe_key", label="Same work", edit=NEVER, list=False, filter=True, group="Rules",
            help="Of jobs with the same word only one waits at a time.",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Rules"),
    ),
)  # fmt: skip
