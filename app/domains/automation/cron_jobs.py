"""Recurring jobs: what happens every minute, hour or night, when it is due next, and whether it came off the last time.

Those without a company are the console's own: the worker keeps them in line with what its code has (`queue_mirror`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, text
from sqlalchemy.orm import Mapped

from app.core.clock import now
from app.engine import background
from app.engine.actions import Action
from app.engine.fields import BULK, INLINE, NEVER, Choice, Code, Count, Duration, Flag, Json, Moment, Reference, Text
from app.engine.records import PlatformStandard, Record, choice, flag, integer, json_, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition

JUST_NOW = timedelta(seconds=10)


class CronJob(Record, PlatformStandard):
    __tablename__ = "cron_jobs"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    task_name: Mapped[str] = text_()
    args: Mapped[dict[str, Any]] = json_("{}")
    schedule: Mapped[str] = text_()
    timezone: Mapped[str] = text_(server_default="UTC")
    enabled: Mapped[bool] = flag("true")
    status: Mapped[str] = choice("new", "up", "late", "down", "paused", default="new")
    grace_seconds: Mapped[int] = integer("300")
    max_runtime_seconds: Mapped[int] = integer("3600")
    overlap: Mapped[str] = choice("skip", "queue", default="skip")
    catch_up: Mapped[bool] = flag()
    owner_id: Mapped[int | None] = ref("app_users", "N")
    pause_reason: Mapped[str | None] = text_()
    next_run_at: Mapped[datetime | None] = moment()
    last_run_at: Mapped[datetime | None] = moment()
    last_success_at: Mapped[datetime | None] = moment()
    last_status: Mapped[str | None] = text_()
    last_duration_ms: Mapped[int | None] = integer()
    consecutive_failures: Mapped[int] = integer("0")
    alert_after_failures: Mapped[int] = integer("1")


def can_run_now(record: Mapping[str, Any]) -> str | None:
    if record["status"] == "paused":
        return "This job is paused; resume it first."
    if record["task_name"] in background.queue.tasks:
        return None
    return f"No worker of the console knows the task “{record['task_name']}”, so nothing could run it."


def paused(_: Moving) -> Mapping[str, Any]:
    return {"enabled": False, "next_run_at": None}


def resumed(_: Moving) -> Mapping[str, Any]:
    """The scheduler says within seconds when it is due next."""
    return {"enabled": True, "pause_reason": None, "consecutive_failures": 0}


def run_now(moving: Moving) -> Mapping[str, Any]:
    return {"next_run_at": moving.at}


def queue_it(connection: Connection, written: Mapping[str, Any]) -> None:
    """Run now: queued with the change. One that waits already is enough."""
    turn = written["next_run_at"] if set(written) == {"id", "next_run_at"} else None
    if turn is None or abs(now() - turn) > JUST_NOW:
        return
    name = connection.execute(_TASK, {"id": written["id"]}).scalar()
    queued = background.queue.tasks.get(name) if name else None
    if queued is not None:
        second = int(turn.timestamp())  # not the first of a minute, on which the schedule's own turns fall
        background.defer_within(connection, queued, once=name, timestamp=second if second % 60 else second + 1)


_TASK = text("SELECT task_name FROM cron_jobs WHERE id = :id AND tenant_id IS NULL")

cron_jobs = Resource(
    CronJob,
    title="name",
    code="key",
    label="Recurring jobs",
    singular="recurring job",
    icon="calendar",
    nav=("Automation", 15),
    about="What happens every minute, hour or night: when it is due next, how it went the last time, and what is late.",
    area="cron",
    create=False,
    search=("name", "key", "task_name"),
    sort="name",
    scopes={
        "Late": CronJob.status == "late",
        "Down": CronJob.status == "down",
        "Paused": CronJob.status == "paused",
        "The console's own": CronJob.tenant_id.is_(None),
        "Due within the hour": and_(CronJob.enabled, CronJob.next_run_at < func.now() + func.make_interval(0, 0, 0, 0, 1)),
    },
    facts=(
        "status", "schedule", "next_run_at", "last_run_at", "last_status", "last_duration_ms", "consecutive_failures",
        "owner_id",
    ),
    related=(
        Related(
            "scheduled_tasks", "cron_job_id", label="Its turns",
            fields=("task_name", "scheduled_for", "status", "started_at", "took", "error"), sort="-created_at",
        ),
    ),
    follow=(queue_it,),
    sentences={
        "uq_cron_jobs_tenant_id_key": ("key", "Another recurring job has this key already."),
        "ck_cron_jobs_grace_seconds": (
            "grace_seconds", "Grace cannot be negative, and a run may take a second at least.",
        ),
    },
    lifecycle=Lifecycle(
        "status",
        initial="new",
        transitions=(
            Transition(
                "pause", "Pause", ("new", "up", "late", "down"), "paused", "cron.pause", asks=("pause_reason",),
                requires=("pause_reason",), effects=(paused,), danger=True, done="paused",
            ),
            Transition("resume", "Resume", ("paused",), "new", "cron.pause", effects=(resumed,), done="resumed"),
        ),
    ),
    actions=(Action("run", "Run now", "cron.run", run_now, when=can_run_now, done="queued"),),
    fields=(
        Text("name", label="Job", edit=NEVER, width="l"),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={"new": "mute draft", "up": "ok done", "late": "warn warn", "down": "danger fail", "paused": "warn pause"},
            help="Late: past its time and its grace. Down: it failed as often as it may.",
        ),
        Code("schedule", edit=NEVER, filter=True, help="Minute, hour, day of the month, month, weekday."),
        Moment("next_run_at", label="Next", planned=True, edit=NEVER, filter=True),
        Moment("last_run_at", label="Last", edit=NEVER, filter=True),
        Choice(
            "last_status", label="Ended", edit=NEVER, filter=True, values=("succeeded", "failed", "missed"),
            tones={"succeeded": "ok done", "failed": "danger fail", "missed": "warn warn"},
        ),
        Duration("last_duration_ms", label="Took", edit=NEVER, filter=True, width="s"),
        Count("consecutive_failures", label="Failures in a row", edit=NEVER, filter=True, width="s"),
        Code("key", edit=NEVER, list=False),
        Code("task_name", label="Task", edit=NEVER, list=False, filter=True),
        Json("args", label="Given", edit=NEVER),
        Code("timezone", label="Time zone", edit=NEVER, list=False, filter=True),
        Flag("enabled", edit=NEVER, list=False, filter=True),
        Text("pause_reason", label="Why it is paused", edit=NEVER, list=False),
        Moment("last_success_at", label="Last success", edit=NEVER, list=False, filter=True),
        Reference(
            "owner_id", label="Owner", to="app_users", as_="person", edit=INLINE | BULK, list=False, filter=True,
            group="Watching",
        ),
        Count(
            "grace_seconds", label="Late after seconds", least=0, most=604_800, edit=INLINE, list=False, filter=True,
            group="Watching",
        ),
        Count(
            "alert_after_failures", label="Down after failures", least=1, most=100, edit=INLINE, list=False,
            filter=True, group="Watching",
        ),
        Count(
            "max_runtime_seconds", label="Too long after seconds", least=1, most=604_800, edit=INLINE, list=False,
            group="Watching",
        ),
        Choice(
            "overlap", label="While it runs already", edit=NEVER, list=False, filter=True, group="Rules",
            labels={"skip": "Skip the turn", "queue": "Wait"},
        ),
        Flag("catch_up", label="Makes up for missed turns", edit=NEVER, list=False, filter=True, group="Rules"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Rules"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Rules"),
    ),
)  # fmt: skip
