"""Workflow automations: binding of an automation to a workflow moment, or of an event to a workflow start."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Flag, Json, Moment, Reference
from app.engine.records import Record, Standard, choice, flag, integer, json_, ref, text_
from app.engine.resource import Resource


class WorkflowAutomation(Record, Standard):
    __tablename__ = "workflow_automations"
    definition_id: Mapped[int] = ref("workflow_definitions", "C")
    automation_id: Mapped[int] = ref("automations", "C")
    hook: Mapped[str] = choice(
        "starts_workflow", "on_start", "on_enter", "on_exit", "on_complete", "on_fail", "on_sla_breach"
    )
    node_key: Mapped[str | None] = text_()
    condition: Mapped[Any] = json_(nullable=True)
    position: Mapped[int] = integer("0")
    blocking: Mapped[bool] = flag()
    enabled: Mapped[bool] = flag("true")


workflow_automations = Resource(
    WorkflowAutomation,
    title="node_key",
    label="Workflow automations",
    icon="gear",
    nav=("Automation", 45),
    about="Binding of an automation to a workflow moment, or of an event to a workflow start.",
    area="automations",
    sort="-created_at",
    fields=(
        Reference("definition_id", to="workflow_definitions", filter=True),
        Reference("automation_id", to="automations", filter=True),
        Choice("hook", filter=True),
        Code("node_key", filter=True),
        Json("condition"),
        Count("position", filter=True),
        Flag("blocking", filter=True),
        Flag("enabled", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
