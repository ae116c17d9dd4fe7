"""Workflow steps: every visit of a step by a run, from entering to leaving; the timeline, and where it stands now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func
from sqlalchemy.orm import Mapped

from app.engine.access import Actor
from app.engine.fields import NEVER, Choice, Code, Count, Duration, Json, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class WorkflowState(Record, Standard):
    __tablename__ = "workflow_states"
    instance_id: Mapped[int] = ref("workflow_instances", "C")
    node_key: Mapped[str] = text_()
    node_kind: Mapped[str] = choice("start", "task", "approval", "wait", "decision", "automation", "agent", "end")
    visit: Mapped[int] = integer("1")
    attempt: Mapped[int] = integer("1")
    status: Mapped[str] = choice(
        "active", "waiting", "completed", "failed", "skipped", "timed_out", "cancelled", default="active"
    )
    entered_at: Mapped[datetime] = moment("now()")
    exited_at: Mapped[datetime | None] = moment()
    due_at: Mapped[datetime | None] = moment()
    outcome: Mapped[str | None] = text_()
    input: Mapped[dict[str, Any]] = json_("{}")
    output: Mapped[Any] = json_(nullable=True)
    error: Mapped[str | None] = text_()
    actor_id: Mapped[int | None] = ref("app_users", "N")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    wait_until: Mapped[datetime | None] = moment()
    wait_event: Mapped[str | None] = text_()


OPEN = WorkflowState.exited_at.is_(None)


def mine(actor: Actor) -> ColumnElement[bool]:
    return and_(OPEN, WorkflowState.actor_id == actor.app_user_id)


def took() -> ColumnElement[Any]:
    """Milliseconds in the step; of one that is open, nothing yet."""
    return func.round(func.extract("epoch", WorkflowState.exited_at - WorkflowState.entered_at) * 1000)


def left(moving: Moving) -> Mapping[str, Any]:
    return {"exited_at": moving.at, "wait_until": None, "wait_event": None}


def left_without(moving: Moving) -> Mapping[str, Any]:
    return {**left(moving), "outcome": moving.asked.get("outcome") or "skipped"}


_BY_SYSTEM: dict[str, Any] = {"may": "workflows.run", "by_system": True}

workflow_states = Resource(
    WorkflowState,
    title="node_key",
    label="Workflow steps",
    singular="step",
    icon="right",
    nav=("Tasks and workflows", 30),
    about="Every visit of a step: when it was entered and left, by which way, by whom, and which are late.",
    area="workflows",
    read_only="Steps are entered and left as the workflow goes on; one that is stuck can be skipped here, with a reason.",
    search=("node_key",),
    unsought=True,
    sort="-entered_at",
    scopes={
        "Open": OPEN,
        "Waiting on me": mine,
        "Late": and_(OPEN, WorkflowState.due_at < func.now()),
        "Approvals": and_(OPEN, WorkflowState.node_kind == "approval"),
        "Failed": WorkflowState.status.in_(("failed", "timed_out")),
        "Skipped": WorkflowState.status == "skipped",
    },
    facts=("instance_id", "node_kind", "status", "entered_at", "due_at", "exited_at", "outcome", "actor_id"),
    related=(
        Related(
            "user_tasks", "workflow_state_id", label="Tasks", fields=("title", "number", "status", "assignee_id", "due_at"),
        ),
    ),
    sentences={
        "uq_workflow_states_instance_id_node_key_visit": ("visit", "This visit of the step is there already."),
        "ck_workflow_states_exited": ("exited_at", "A step that is over says when it was left."),
    },
    lifecycle=Lifecycle(
        "status",
        initial="active",
        transitions=(
            Transition(
                "skip", "Skip step", ("active", "waiting"), "skipped", "workflows.skip", asks=("outcome",), reason=True,
                effects=(left_without,), danger=True, done="skipped",
            ),
            Transition(
                "wait", "Wait", ("active",), "waiting", asks=("wait_until", "wait_event"), done="waiting", **_BY_SYSTEM,
            ),
            Transition("go_on", "Go on", ("waiting",), "active", done="going on", **_BY_SYSTEM),
            Transition(
                "complete", "Leave", ("active", "waiting"), "completed", asks=("outcome", "output"), requires=("outcome",),
                effects=(left,), done="left", **_BY_SYSTEM,
            ),
            Transition(
                "fail", "Note a failure", ("active", "waiting"), "failed", asks=("error",), requires=("error",),
                effects=(left,), done="failed", **_BY_SYSTEM,
            ),
            Transition(
                "time_out", "Note that it took too long", ("active", "waiting"), "timed_out", effects=(left,),
                done="timed out", **_BY_SYSTEM,
            ),
        ),
    ),
    fields=(
        Code("node_key", label="Step", edit=NEVER, filter=True),
        Reference("instance_id", label="Run", to="workflow_instances", edit=NEVER, filter=True),
        Choice("node_kind", label="Kind", edit=NEVER, filter=True, width="s", tones={"agent": "ai ai"}),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={
                "active": "accent prog", "waiting": "info pause", "completed": "ok done", "failed": "danger fail",
                "skipped": "mute off", "timed_out": "danger warn", "cancelled": "mute off",
            },
        ),
        Moment("entered_at", label="Entered", edit=NEVER, filter=True),
        Moment("due_at", label="Due", planned=True, due=True, edit=NEVER, filter=True),
        Duration("took", label="Took", edit=NEVER, sort=False, expr=took, width="s"),
        Text("outcome", label="Left by", edit=NEVER, filter=True),
        Reference("actor_id", label="Person", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("exited_at", label="Left", edit=NEVER, list=False, filter=True),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=NEVER, list=False, filter=True),
        Count("visit", edit=NEVER, list=False, filter=True),
        Count("attempt", label="Try", edit=NEVER, list=False, filter=True),
        Text("error", label="What went wrong", long=True, edit=NEVER, list=False),
        Moment("wait_until", label="Waits until", planned=True, edit=NEVER, list=False, filter=True, group="Waiting"),
        Code("wait_event", label="Waits for", edit=NEVER, list=False, filter=True, group="Waiting"),
        Json("input", label="Entered with", edit=NEVER, personal=True, group="In and out"),
        Json("output", label="Left with", edit=NEVER, personal=True, group="In and out"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="In and out"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="In and out"),
    ),
)  # fmt: skip
