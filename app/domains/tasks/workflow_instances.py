"""Workflow instances: one run of a definition for one subject."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Reference, SubjectLink, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Resource


class WorkflowInstance(Record, Standard, PerhapsSubject):
    __tablename__ = "workflow_instances"
    definition_id: Mapped[int] = ref("workflow_definitions", "R")
    status: Mapped[str] = choice(
        "pending",
        "running",
        "waiting",
        "suspended",
        "completed",
        "failed",
        "cancelled",
        "terminated",
        "timed_out",
        default="pending",
    )
    current_node: Mapped[str | None] = text_()
    context: Mapped[dict[str, Any]] = json_("{}")
    correlation_key: Mapped[str | None] = text_()
    parent_instance_id: Mapped[int | None] = ref("workflow_instances", "N")
    started_by: Mapped[int | None] = ref("app_users", "N")
    automation_run_id: Mapped[int | None] = ref("automation_runs", "N")
    started_at: Mapped[datetime | None] = moment()
    finished_at: Mapped[datetime | None] = moment()
    due_at: Mapped[datetime | None] = moment()
    retry_count: Mapped[int] = integer("0")
    error: Mapped[str | None] = text_()
    end_reason: Mapped[str | None] = text_()


workflow_instances = Resource(
    WorkflowInstance,
    title="definition_id",
    label="Workflow instances",
    icon="task",
    nav=("Tasks and workflows", 25),
    about="One run of a definition for one subject.",
    area="workflows",
    sort="-created_at",
    fields=(
        Reference("definition_id", to="workflow_definitions", filter=True),
        Choice("status", filter=True),
        Code("current_node", filter=True),
        Json("context"),
        Code("correlation_key", filter=True),
        Reference("parent_instance_id", to="workflow_instances", filter=True),
        Reference("started_by", to="app_users", as_="person", filter=True),
        Reference("automation_run_id", to="automation_runs", filter=True),
        Moment("started_at", filter=True),
        Moment("finished_at", filter=True),
        Moment("due_at", filter=True),
        Count("retry_count", filter=True),
        Text("error", long=True, list=False),
        Text("end_reason", long=True, list=False),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
