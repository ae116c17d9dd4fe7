"""Automation runs: every time an automation started, step by step, with what it changed and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Computed, Integer, and_, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.automation.automations import Automation
from app.engine.fields import NEVER, Choice, Code, Count, Duration, Flag, Json, Moment, Reference, SubjectLink, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, flag, integer, json_, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import items


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


FAILED = AutomationRun.status.in_(("failed", "timed_out"))
UNDER_WAY = AutomationRun.status.in_(("queued", "running", "waiting"))


def named() -> ColumnElement[str]:
    """A run bears the name of what runs."""
    return select(Automation.name).where(Automation.id == AutomationRun.automation_id).scalar_subquery()


def steps_told() -> ColumnElement[str]:
    return items(AutomationRun.__table__.c.steps, "name", "status", "took", "error", between=" · ")


def begun(moving: Moving) -> Mapping[str, Any]:
    return {"started_at": moving.record["started_at"] or moving.at}


def ended(moving: Moving) -> Mapping[str, Any]:
    """Something that never began has no duration: it begins and ends in the same moment."""
    return {"finished_at": moving.at, "started_at": moving.record["started_at"] or moving.at}


_BY_SYSTEM: dict[str, Any] = {"may": "automations.run", "by_system": True}

automation_runs = Resource(
    AutomationRun,
    title="name",
    label="Automation runs",
    singular="run",
    icon="refresh",
    nav=("Automation", 35),
    about="Every time an automation started: what it did step by step, what it changed, and why it failed.",
    area="automations",
    read_only="A run is kept as it went; a retry is a new run. One that has not ended can be cancelled here.",
    sort="-created_at",
    scopes={
        "Failed": FAILED,
        "Under way": UNDER_WAY,
        "Waiting": AutomationRun.status == "waiting",
        "Skipped": AutomationRun.status == "skipped",
        "Retries": AutomationRun.retry_of_id.is_not(None),
        "Slow": and_(AutomationRun.duration_ms > 60_000, AutomationRun.status == "succeeded"),
        "Last 24 hours": AutomationRun.created_at > func.now() - func.make_interval(0, 0, 0, 1),
    },
    facts=(
        "automation_id", "status", "trigger", "started_at", "duration_ms", "attempt", "records_changed", "subject_id",
    ),
    related=(
        Related(
            "automation_runs", "retry_of_id", label="Tried again as",
            fields=("created_at", "status", "attempt", "duration_ms", "error"),
        ),
        Related(
            "error_logs", "automation_run_id", label="Errors",
            fields=("occurred_at", "message", "group_id", "level"), sort="-occurred_at",
        ),
        Related(
            "message_outbox", "automation_run_id", label="Messages it wrote",
            fields=("subject", "channel", "to_address", "status", "created_at"),
        ),
        Related(
            "workflow_instances", "automation_run_id", label="Workflows it began",
            fields=("name", "subject_id", "status", "current_node", "started_at"),
        ),
    ),
    lifecycle=Lifecycle(
        "status",
        initial="queued",
        stages=("queued", "running", "succeeded"),
        transitions=(
            Transition(
                "cancel", "Cancel run", ("queued", "running", "waiting"), "cancelled", "automations.cancel", reason=True,
                effects=(ended,), danger=True, done="cancelled; what it had done stays done",
            ),
            Transition("begin", "Begin", ("queued",), "running", effects=(begun,), done="begun", **_BY_SYSTEM),
            Transition(
                "skip", "Skip", ("queued",), "skipped", asks=("skip_reason",), requires=("skip_reason",),
                effects=(ended,), done="skipped", **_BY_SYSTEM,
            ),
            Transition("wait", "Wait", ("running",), "waiting", done="waiting", **_BY_SYSTEM),
            Transition("go_on", "Go on", ("waiting",), "running", done="going on", **_BY_SYSTEM),
            Transition(
                "succeed", "Note success", ("running",), "succeeded", asks=("output", "records_changed"),
                effects=(ended,), done="succeeded", **_BY_SYSTEM,
            ),
            Transition(
                "fail", "Note a failure", ("running", "waiting"), "failed", asks=("error", "error_type"),
                requires=("error",), effects=(ended,), done="failed", **_BY_SYSTEM,
            ),
            Transition(
                "time_out", "Note that it took too long", ("running", "waiting"), "timed_out", effects=(ended,),
                done="timed out", **_BY_SYSTEM,
            ),
        ),
    ),
    fields=(
        Text("name", label="Automation", edit=NEVER, sort=False, width="l", expr=named),
        Moment("created_at", label="When", edit=NEVER, filter=True),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={
                "queued": "info open", "running": "accent prog", "waiting": "warn pause", "succeeded": "ok done",
                "failed": "danger fail", "skipped": "mute off", "cancelled": "mute off", "timed_out": "danger warn",
            },
        ),
        Choice(
            "trigger", label="Started by", edit=NEVER, filter=True, width="s",
            labels={"ai_rule": "Agent's rule", "manual": "Hand"}, tones={"ai_rule": "ai ai"},
        ),
        SubjectLink("subject_id", label="About", width="l"),
        Duration("duration_ms", label="Took", edit=NEVER, filter=True, width="s"),
        Count("records_changed", label="Changed", edit=NEVER, filter=True, width="s"),
        Text("error", label="What went wrong", edit=NEVER, width="l"),
        Reference("automation_id", label="Automation itself", to="automations", edit=NEVER, list=False, filter=True),
        Text("skip_reason", label="Why it was skipped", edit=NEVER, list=False),
        Text(
            "steps_told", label="Steps", long=True, edit=NEVER, list=False, sort=False, expr=steps_told,
            group="How it went",
        ),
        Code("error_type", label="Kind of error", edit=NEVER, list=False, filter=True, group="How it went"),
        Json("steps", label="Steps as data", edit=NEVER, group="How it went"),
        Json("input", label="Began with", edit=NEVER, personal=True, group="How it went"),
        Json("output", label="Left behind", edit=NEVER, personal=True, group="How it went"),
        Moment("started_at", label="Began", edit=NEVER, list=False, filter=True, group="Time"),
        Moment("finished_at", label="Ended", edit=NEVER, list=False, filter=True, group="Time"),
        Count("attempt", label="Try", edit=NEVER, list=False, filter=True, group="Time"),
        Reference(
            "retry_of_id", label="Tries again", to="automation_runs", edit=NEVER, list=False, filter=True, group="Time",
        ),
        Flag("dry_run", label="Rehearsal", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("trigger_ref", label="Occasion", edit=NEVER, list=False, filter=True, group="Origin"),
        Code(
            "dedupe_key", label="Same occasion", edit=NEVER, list=False, filter=True, group="Origin",
            help="Of two runs of an automation with the same key only the first is begun.",
        ),
        Reference(
            "started_by", label="Started by person", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "scheduled_task_id", label="In the queue as", to="scheduled_tasks", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
