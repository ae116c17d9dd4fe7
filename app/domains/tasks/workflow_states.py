"""Workflow states: state management: one row per visit of a node by an instance."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Resource


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


workflow_states = Resource(
    WorkflowState,
    title="node_key",
    label="Workflow states",
    icon="task",
    nav=("Tasks and workflows", 30),
    about="State management: one row per visit of a node by an instance.",
    area="workflows",
    sort="-created_at",
    fields=(
        Reference("instance_id", to="workflow_instances", filter=True),
        Code("node_key", filter=True),
        Choice("node_kind", filter=True),
        Count("visit", filter=True),
        Count("attempt", filter=True),
        Choice("status", filter=True),
        Moment("entered_at", filter=True),
        Moment("exited_at", filter=True),
        Moment("due_at", filter=True),
        Text("outcome", filter=True),
        Json("input"),
        Json("output"),
        Text("error", long=True, list=False),
        Reference("actor_id", to="app_users", as_="person", filter=True),
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Moment("wait_until", filter=True),
        Code("wait_event", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
