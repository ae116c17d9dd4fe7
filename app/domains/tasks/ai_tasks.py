"""Agents' tasks: work given to an agent, with its budget, the approvals it waits for, and what it brought back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.domains.tasks.order import done_first
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.fields import (
    CREATE,
    NEVER,
    Choice,
    Code,
    Cost,
    Count,
    Json,
    Moment,
    Percent,
    Reference,
    SubjectLink,
    Text,
)
from app.engine.records import (
    PerhapsSubject,
    Record,
    Standard,
    choice,
    cost,
    integer,
    json_,
    moment,
    percent,
    ref,
    text_,
)
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class AiTask(Record, Standard, PerhapsSubject):
    __tablename__ = "ai_tasks"
    agent_id: Mapped[int] = ref("ai_agents", "R")
    title: Mapped[str] = text_()
    instruction: Mapped[str] = text_()
    input: Mapped[dict[str, Any]] = json_("{}")
    output: Mapped[Any] = json_(nullable=True)
    status: Mapped[str] = choice(
        "queued",
        "running",
        "waiting_approval",
        "waiting_input",
        "succeeded",
        "failed",
        "cancelled",
        "timed_out",
        default="queued",
    )
    priority: Mapped[int] = integer("0")
    requested_by: Mapped[int | None] = ref("app_users", "N")
    requested_by_agent_id: Mapped[int | None] = ref("ai_agents", "R")
    parent_id: Mapped[int | None] = ref("ai_tasks", "C")
    approval_request_id: Mapped[int | None] = ref("approval_requests", "N")
    run_after: Mapped[datetime | None] = moment()
    deadline_at: Mapped[datetime | None] = moment()
    attempt: Mapped[int] = integer("0")
    max_attempts: Mapped[int] = integer("3")
    worker_id: Mapped[int | None] = ref("workers", "N")
    heartbeat_at: Mapped[datetime | None] = moment()
    started_at: Mapped[datetime | None] = moment()
    finished_at: Mapped[datetime | None] = moment()
    progress_pct: Mapped[Decimal] = percent("0")
    thread_id: Mapped[str | None] = text_()
    checkpoint_id: Mapped[str | None] = text_()
    budget: Mapped[Decimal | None] = cost()
    total_cost: Mapped[Decimal] = cost("0")
    error_type: Mapped[str | None] = text_()
    error: Mapped[str | None] = text_()
    result_quality: Mapped[str | None] = choice("good", "acceptable", "bad")


OPEN = AiTask.status.in_(("queued", "running", "waiting_approval", "waiting_input"))
WAITING = AiTask.status.in_(("waiting_approval", "waiting_input"))


def asked_by_me(actor: Actor) -> ColumnElement[bool]:
    return AiTask.requested_by == actor.app_user_id


def agent_may_begin(moving: Moving) -> str | None:
    """An agent that is paused or has spent its day's money takes nothing up."""
    agents = db.metadata.tables["ai_agents"]
    agent = moving.connection.execute(agents.select().where(agents.c.id == moving.record["agent_id"])).mappings().one()
    if agent["status"] != "active":
        return f"{agent['name']} is {agent['status'].replace('_', ' ')}; it takes nothing up."
    return None


def within_budget(moving: Moving) -> str | None:
    task = moving.record
    if task["budget"] is not None and task["total_cost"] >= task["budget"]:
        return f"The task has spent its budget of ${task['budget']:,.2f}; give it more first."
    return None


def tries_left(moving: Moving) -> str | None:
    task = moving.record
    if task["attempt"] < task["max_attempts"]:
        return None
    return f"All {task['max_attempts']} tries are spent; make a new task of it."


def begun(moving: Moving) -> Mapping[str, Any]:
    return {
        "started_at": moving.record["started_at"] or moving.at,
        "heartbeat_at": moving.at,
        "attempt": moving.record["attempt"] + 1,
    }


def alive(moving: Moving) -> Mapping[str, Any]:
    return {"heartbeat_at": moving.at}


def ended(moving: Moving) -> Mapping[str, Any]:
    return {"finished_at": moving.at, "worker_id": None}


def succeeded(moving: Moving) -> Mapping[str, Any]:
    return {**ended(moving), "progress_pct": Decimal(100), "error": None, "error_type": None}


def afresh(_: Moving) -> Mapping[str, Any]:
    return {"finished_at": None, "error": None, "error_type": None, "worker_id": None, "heartbeat_at": None}


def rated(moving: Moving) -> Mapping[str, Any]:
    return {"result_quality": moving.asked["result_quality"]}


def has_a_result(record: Mapping[str, Any]) -> str | None:
    return None if record["status"] == "succeeded" else "Only a task that has brought a result can be rated."


_BY_SYSTEM: dict[str, Any] = {"may": "ai.tasks.run", "by_system": True}

ai_tasks = Resource(
    AiTask,
    title="title",
    label="Agents' tasks",
    singular="agent's task",
    icon="agent",
    nav=("Tasks and workflows", 40),
    about="Work given to agents: what was asked, what it may cost, what it waits for, and what it brought back.",
    area="ai.tasks",
    search=("title",),
    sort="-created_at",
    scopes={
        "Waits for a person": WAITING,
        "Open": OPEN,
        "Failed": AiTask.status.in_(("failed", "timed_out")),
        "Past its deadline": and_(OPEN, AiTask.deadline_at < func.now()),
        "Near its budget": and_(AiTask.budget.is_not(None), AiTask.total_cost >= AiTask.budget * Decimal("0.8")),
        "To be rated": and_(AiTask.status == "succeeded", AiTask.result_quality.is_(None)),
        "Silent": and_(
            AiTask.status == "running",
            or_(AiTask.heartbeat_at.is_(None), AiTask.heartbeat_at < func.now() - func.make_interval(0, 0, 0, 0, 0, 2)),
        ),
        "Asked by me": asked_by_me,
    },
    facts=("agent_id", "status", "progress_pct", "total_cost", "budget", "requested_by", "subject_id", "deadline_at"),
    related=(
        Related("ai_tasks", "parent_id", label="Parts of it", fields=("title", "agent_id", "status", "total_cost")),
        Related(
            "ai_calls", "ai_task_id", label="Model calls",
            fields=("started_at", "operation", "model_used", "status", "total_cost"), sort="-started_at",
        ),
        Related(
            "ai_decision_logs", "ai_task_id", label="Decisions",
            fields=("decided_at", "kind", "chosen", "confidence", "status"), sort="-decided_at",
        ),
        Related(
            "task_dependencies", "successor_ai_task_id", label="Waits for", id="waits_for",
            fields=("name", "predecessor_user_task_id", "predecessor_ai_task_id", "lag_minutes"),
        ),
        Related(
            "task_dependencies", "predecessor_ai_task_id", label="Holds up", id="holds_up",
            fields=("name", "successor_user_task_id", "successor_ai_task_id", "lag_minutes"),
        ),
    ),
    sentences={
        "ck_ai_tasks_attempt": ("max_attempts", "It has been tried more often than that already."),
        "ck_ai_tasks_finished": ("finished_at", "What has ended says when."),
    },
    defaults={"requested_by": lambda actor: actor.app_user_id},
    lifecycle=Lifecycle(
        "status",
        initial="queued",
        stages=("queued", "running", "succeeded"),
        frozen={"succeeded": ("*",), "cancelled": ("*",)},
        why_frozen="This task has ended; make a new one for what is still wanted.",
        transitions=(
            Transition(
                "approve", "Approve and go on", ("waiting_approval",), "running", "ai.tasks.approve",
                guards=(within_budget,), effects=(alive,), done="approved",
            ),
            Transition(
                "answer", "Answer and go on", ("waiting_input",), "running", "ai.tasks.approve", asks=("input",),
                requires=("input",), guards=(within_budget,), effects=(alive,), done="answered",
            ),
            Transition(
                "retry", "Try again", ("failed", "timed_out"), "queued", "ai.tasks.retry",
                guards=(tries_left, within_budget), effects=(afresh,), done="queued again",
            ),
            Transition(
                "cancel", "Cancel task", ("queued", "running", "waiting_approval", "waiting_input"), "cancelled",
                "ai.tasks.cancel", reason=True, effects=(ended,), danger=True, done="cancelled",
            ),
            Transition(
                "begin", "Begin", ("queued",), "running", asks=("worker_id",),
                guards=(agent_may_begin, within_budget, tries_left, done_first), effects=(begun,), done="begun", **_BY_SYSTEM,
            ),
            Transition(
                "ask_approval", "Ask for approval", ("running",), "waiting_approval",
                asks=("approval_request_id", "checkpoint_id"), requires=("checkpoint_id",), done="waiting for approval",
                **_BY_SYSTEM,
            ),
            Transition(
                "ask_input", "Ask a question", ("running",), "waiting_input", asks=("checkpoint_id",),
                requires=("checkpoint_id",), done="waiting for an answer", **_BY_SYSTEM,
            ),
            Transition(
                "succeed", "Note success", ("running",), "succeeded", asks=("output",), effects=(succeeded,),
                done="done", **_BY_SYSTEM,
            ),
            Transition(
                "put_back", "Put back to try again", ("running",), "queued", asks=("error", "error_type", "run_after"),
                requires=("error",), guards=(tries_left,), done="put back", **_BY_SYSTEM,
            ),
            Transition(
                "fail", "Note a failure", ("running",), "failed", asks=("error", "error_type"), requires=("error",),
                effects=(ended,), done="failed", **_BY_SYSTEM,
            ),
            Transition(
                "time_out", "Note that it took too long", ("queued", "running", "waiting_approval", "waiting_input"),
                "timed_out", effects=(ended,), done="timed out", **_BY_SYSTEM,
            ),
        ),
    ),
    actions=(
        Action(
            "rate", "Rate result", "ai.tasks.rate", rated, when=has_a_result, asks=("result_quality",),
            requires=("result_quality",), done="rated",
        ),
    ),
    fields=(
        Text("title", label="Task", required=True, longest=300, width="xl"),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=CREATE, filter=True),
        Choice(
            "status", edit=NEVER, filter=True,
            labels={"waiting_approval": "Waits for approval", "waiting_input": "Waits for an answer"},
            tones={
                "queued": "info open", "running": "accent prog", "waiting_approval": "warn pause",
                "waiting_input": "warn pause", "succeeded": "ok done", "failed": "danger fail", "cancelled": "mute off",
                "timed_out": "danger warn",
            },
        ),
        SubjectLink("subject_id", label="About", width="l"),
        Percent("progress_pct", label="Progress", places=0, edit=NEVER, filter=True, width="s"),
        Cost("total_cost", label="Cost", edit=NEVER, filter=True),
        Cost("budget", least=0, filter=True),
        Choice(
            "result_quality", label="Result", edit=NEVER, filter=True,
            tones={"good": "ok done", "acceptable": "info part", "bad": "danger fail"},
        ),
        Moment("created_at", label="Asked", edit=NEVER, filter=True),
        Text("instruction", required=True, long=True, longest=8_000, list=False),
        Text("error", label="What went wrong", long=True, edit=NEVER, list=False),
        Json("input", label="Given", personal=True, group="In and out"),
        Json("output", label="Brought back", edit=NEVER, personal=True, group="In and out"),
        Reference(
            "requested_by", label="Asked by", to="app_users", as_="person", edit=CREATE, list=False, filter=True,
            group="Who asked",
        ),
        Reference(
            "requested_by_agent_id", label="Asked by agent", to="ai_agents", as_="agent", edit=NEVER, list=False,
            filter=True, group="Who asked",
        ),
        Reference("parent_id", label="Part of", to="ai_tasks", edit=CREATE, list=False, filter=True, group="Who asked"),
        Reference(
            "approval_request_id", label="Approval", to="approval_requests", edit=NEVER, list=False, filter=True,
            group="Who asked",
        ),
        Count("priority", list=False, filter=True, group="Time", help="Higher numbers are taken up first."),
        Moment("run_after", label="Not before", planned=True, list=False, filter=True, group="Time"),
        Moment("deadline_at", label="Deadline", planned=True, due=True, list=False, filter=True, group="Time"),
        Moment("started_at", label="Began", edit=NEVER, list=False, filter=True, group="Time"),
        Moment("finished_at", label="Ended", edit=NEVER, list=False, filter=True, group="Time"),
        Count("attempt", label="Try", edit=NEVER, list=False, filter=True, group="How it runs"),
        Count("max_attempts", label="Tries at most", least=1, most=20, list=False, group="How it runs"),
        Reference("worker_id", label="Worker", to="workers", edit=NEVER, list=False, filter=True, group="How it runs"),
        Moment("heartbeat_at", label="Last sign of life", edit=NEVER, list=False, filter=True, group="How it runs"),
        Code("thread_id", label="Thread", edit=NEVER, list=False, filter=True, group="How it runs"),
        Code("checkpoint_id", label="Goes on from", edit=NEVER, list=False, group="How it runs"),
        Code("error_type", label="Kind of error", edit=NEVER, list=False, filter=True, group="How it runs"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="How it runs"),
    ),
)  # fmt: skip
