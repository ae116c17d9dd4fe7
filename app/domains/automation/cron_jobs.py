"""Recurring jobs: recurring schedules and their monitors: next run, last result, late or missed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Duration, Flag, Json, Moment, Reference, Text
from app.engine.records import PlatformStandard, Record, choice, flag, integer, json_, moment, ref, text_
from app.engine.resource import Resource


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


cron_jobs = Resource(
    CronJob,
    title="name",
    label="Recurring jobs",
    icon="gear",
    nav=("Automation", 15),
    about="Recurring schedules and their monitors: next run, last result, late or missed.",
    area="cron",
    search=(
        "key",
        "name",
        "task_name",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Text("name", filter=True),
        Code("task_name", filter=True),
        Json("args"),
        Code("schedule", filter=True),
        Code("timezone", filter=True),
        Flag("enabled", filter=True),
        Choice("status", filter=True),
        Count("grace_seconds", filter=True),
        Count("max_runtime_seconds", filter=True),
        Choice("overlap", filter=True),
        Flag("catch_up", filter=True),
        Reference("owner_id", to="app_users", as_="person", filter=True),
        Text("pause_reason", long=True, list=False),
        Moment("next_run_at", filter=True),
        Moment("last_run_at", filter=True),
        Moment("last_success_at", filter=True),
        Text("last_status", filter=True),
        Duration("last_duration_ms", filter=True),
        Count("consecutive_failures", filter=True),
        Count("alert_after_failures", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
