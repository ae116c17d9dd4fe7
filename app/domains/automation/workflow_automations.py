"""Automations in workflows: which automation a workflow runs at which moment, or which one begins the workflow."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, String, case, cast, func, literal
from sqlalchemy.orm import Mapped

from app.engine.fields import INLINE, NEVER, Choice, Code, Count, Flag, Json, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, flag, integer, json_, ref, text_
from app.engine.resource import Resource
from app.engine.wording import pairs


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


MOMENTS = {
    "starts_workflow": "Begins the workflow",
    "on_start": "When it starts",
    "on_enter": "Entering a step",
    "on_exit": "Leaving a step",
    "on_complete": "When it is done",
    "on_fail": "When it fails",
    "on_sla_breach": "When it is late",
}


def named() -> ColumnElement[str]:
    """The moment and, where it is one step's, which."""
    moment = case(MOMENTS, value=WorkflowAutomation.hook, else_=WorkflowAutomation.hook)
    step = func.coalesce(literal(": ").op("||")(WorkflowAutomation.node_key), "")
    return cast(moment.op("||")(step), String)


workflow_automations = Resource(
    WorkflowAutomation,
    title="name",
    label="Automations in workflows",
    singular="use in a workflow",
    icon="split",
    nav=("Automation", 45),
    about="Which automation a workflow runs at which moment, and which one begins a workflow.",
    area="automations",
    sort="definition_id,position",
    scopes={
        "Begin a workflow": WorkflowAutomation.hook == "starts_workflow",
        "Workflow waits": WorkflowAutomation.blocking.is_(True),
        "Switched off": WorkflowAutomation.enabled.is_(False),
    },
    facts=("definition_id", "automation_id", "blocking", "enabled"),
    sentences={
        "uq_workflow_automations_binding": ("automation_id", "This automation runs at that moment already."),
        "ck_workflow_automations_node_key": ("node_key", "Name the step it enters or leaves."),
    },
    fields=(
        Text("name", label="When", edit=NEVER, sort=False, expr=named, width="l"),
        Choice("hook", label="Moment", filter=True, list=False, labels=MOMENTS),
        Reference("definition_id", label="Workflow", to="workflow_definitions", filter=True, width="l"),
        Code("node_key", label="Step", filter=True, list=False),
        Reference("automation_id", label="Automation", to="automations", filter=True, width="l"),
        Count("position", label="Order", least=0, edit=INLINE, filter=True, width="xs"),
        Flag(
            "blocking", label="Workflow waits", edit=INLINE, filter=True,
            help="The workflow goes on only when the run has ended.",
        ),
        Flag("enabled", edit=INLINE, filter=True),
        Text(
            "only_if", label="Only if", long=True, edit=NEVER, list=False, sort=False,
            expr=lambda: pairs(WorkflowAutomation.__table__.c.condition),
        ),
        Json("condition", label="Condition as data"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
