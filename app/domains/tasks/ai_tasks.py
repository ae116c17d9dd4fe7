"""Agent tasks: work for agents."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Cost, Count, Json, Moment, Percent, Reference, SubjectLink, Text
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
from app.engine.resource import Resource


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


ai_tasks = Resource(
    AiTask,
    title="title",
    label="Agent tasks",
    icon="task",
    nav=("Tasks and workflows", 40),
    about="Work for agents.",
    area="ai.tasks",
    search=("title",),
    sort="-created_at",
    fields=(
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Text("title", filter=True),
        Text("instruction", long=True, list=False),
        Json("input"),
        Json("output"),
        Choice("status", filter=True),
        Count("priority", filter=True),
        Reference("requested_by", to="app_users", as_="person", filter=True),
        Reference("requested_by_agent_id", to="ai_agents", as_="agent", filter=True),
        Reference("parent_id", to="ai_tasks", filter=True),
        Reference("approval_request_id", to="approval_requests", filter=True),
        Moment("run_after", filter=True),
        Moment("deadline_at", filter=True),
        Count("attempt", filter=True),
        Count("max_attempts", filter=True),
        Reference("worker_id", to="workers", filter=True),
        Moment("heartbeat_at", filter=True),
        Moment("started_at", filter=True),
        Moment("finished_at", filter=True),
        Percent("progress_pct", filter=True),
        Code("thread_id", filter=True),
        Code("checkpoint_id", filter=True),
        Cost("budget", filter=True),
        Cost("total_cost", filter=True),
        Code("error_type", filter=True),
        Text("error", long=True, list=False),
        Choice("result_quality", filter=True),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
