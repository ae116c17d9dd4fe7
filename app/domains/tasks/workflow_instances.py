"""Workflow runs: one subject on its way through a workflow, where it stands, since when, and whether it is late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select, text
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.domains.tasks.workflow_definitions import WorkflowDefinition
from app.engine.access import Actor
from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Reference, SubjectLink, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs


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


ACTIVE = ("pending", "running", "waiting", "suspended")
OPEN = WorkflowInstance.status.in_(ACTIVE)


def named() -> ColumnElement[str]:
    """A run bears the name of its workflow."""
    return (
        select(WorkflowDefinition.name).where(WorkflowDefinition.id == WorkflowInstance.definition_id).scalar_subquery()
    )


def waits_for_me(actor: Actor) -> ColumnElement[bool]:
    """Open steps that are the viewer's to do."""
    states = db.metadata.tables["workflow_states"].c
    mine = exists().where(
        states.instance_id == WorkflowInstance.id, states.actor_id == actor.app_user_id, states.exited_at.is_(None)
    )
    return and_(OPEN, mine)


def is_published(moving: Moving) -> str | None:
    status = moving.connection.scalar(
        select(WorkflowDefinition.status).where(WorkflowDefinition.id == moving.record["definition_id"])
    )
    return (
        None
        if status == "published"
        else f"This version of the workflow is {status}; only a published one begins anything."
    )


def has_a_failed_step(moving: Moving) -> str | None:
    return None if moving.record["current_node"] else "It is not known at which step it failed; begin it anew instead."


def begun(moving: Moving) -> Mapping[str, Any]:
    return {"started_at": moving.record["started_at"] or moving.at}


def ended(moving: Moving) -> Mapping[str, Any]:
    return {"finished_at": moving.at, "started_at": moving.record["started_at"] or moving.at}


def again(moving: Moving) -> Mapping[str, Any]:
    return {"finished_at": None, "error": None, "retry_count": moving.record["retry_count"] + 1}


def follow_with_the_steps(connection: Connection, written: Mapping[str, Any]) -> None:
    """A retry is a new visit of the step that failed; what ends by a person's hand takes its open steps along."""
    status = written.get("status")
    if status == "running" and "retry_count" in written:
        connection.execute(_VISIT_AGAIN, {"id": written["id"]})
    elif status in ("cancelled", "terminated", "timed_out"):
        become = "timed_out" if status == "timed_out" else "cancelled"
        connection.execute(_END_STEPS, {"id": written["id"], "status": become})


_VISIT_AGAIN = text("""
    INSERT INTO workflow_states (tenant_id, instance_id, node_key, node_kind, visit, attempt, status, input, actor_id, agent_id)
    SELECT s.tenant_id, s.instance_id, s.node_key, s.node_kind, s.visit + 1, s.attempt + 1, 'active', s.input, s.actor_id,
           s.agent_id
    FROM workflow_instances i JOIN workflow_states s ON s.instance_id = i.id AND s.node_key = i.current_node
    WHERE i.id = :id ORDER BY s.visit DESC LIMIT 1
""")
_END_STEPS = text("""
    UPDATE workflow_states SET status = :status, exited_at = clock_timestamp() WHERE instance_id = :id AND exited_at IS NULL
""")

_BY_SYSTEM: dict[str, Any] = {"may": "workflows.run", "by_system": True}

workflow_instances = Resource(
    WorkflowInstance,
    title="name",
    label="Workflow runs",
    singular="workflow run",
    icon="refresh",
    nav=("Tasks and workflows", 25),
    about="One subject on its way through a workflow: where it stands, what it waits for, and whether it is late.",
    area="workflows",
    read_only="A run follows its workflow by itself; hold it, take it up again or end it with the buttons here.",
    sort="-created_at",
    follow=(follow_with_the_steps,),
    scopes={
        "Under way": OPEN,
        "Waiting on me": waits_for_me,
        "Late": and_(OPEN, WorkflowInstance.due_at < func.now()),
        "Failed": WorkflowInstance.status.in_(("failed", "timed_out")),
        "Suspended": WorkflowInstance.status == "suspended",
        "Done": WorkflowInstance.status == "completed",
    },
    facts=(
        "definition_id", "status", "current_node", "subject_id", "started_at", "due_at", "retry_count", "started_by",
    ),
    related=(
        Related(
            "workflow_states", "instance_id", label="Steps",
            fields=("node_key", "node_kind", "status", "entered_at", "exited_at", "outcome", "actor_id", "agent_id"),
            sort="entered_at",
        ),
        Related(
            "workflow_instances", "parent_instance_id", label="Runs within it",
            fields=("name", "subject_id", "status", "current_node", "started_at"),
        ),
    ),
    sentences={
        "uq_workflow_instances_definition_id_correlation_key": (
            "correlation_key", "Another run of this workflow for the same matter is under way."
        ),
        "ck_workflow_instances_terminated": ("end_reason", "Say why it is ended."),
    },
    lifecycle=Lifecycle(
        "status",
        initial="pending",
        stages=("pending", "running", "completed"),
        transitions=(
            Transition(
                "start", "Begin", ("pending",), "running", "workflows.start", guards=(is_published,), effects=(begun,),
                done="begun",
            ),
            Transition(
                "suspend", "Suspend", ("running", "waiting"), "suspended", "workflows.suspend", reason=True,
                done="suspended; its clocks stand still",
            ),
            Transition("resume", "Resume", ("suspended",), "running", "workflows.suspend", done="resumed"),
            Transition(
                "retry", "Retry from the failed step", ("failed",), "running", "workflows.retry",
                guards=(has_a_failed_step,), effects=(again,), done="taken up again",
            ),
            Transition(
                "cancel", "Cancel run", ACTIVE, "cancelled", "workflows.cancel", asks=("end_reason",),
                requires=("end_reason",), effects=(ended,), danger=True, done="cancelled",
            ),
            Transition(
                "terminate", "End at once", ACTIVE, "terminated", "workflows.end.terminate", asks=("end_reason",),
                requires=("end_reason",), effects=(ended,), danger=True, done="ended at once",
            ),
            Transition("wait", "Wait", ("running",), "waiting", done="waiting", **_BY_SYSTEM),
            Transition("go_on", "Go on", ("waiting",), "running", done="going on", **_BY_SYSTEM),
            Transition(
                "complete", "Note as done", ("running",), "completed", effects=(ended,), done="done", **_BY_SYSTEM,
            ),
            Transition(
                "fail", "Note a failure", ("running", "waiting"), "failed", asks=("error", "current_node"),
                requires=("error",), effects=(ended,), done="failed", **_BY_SYSTEM,
            ),
            Transition(
                "time_out", "Note that it took too long", ACTIVE, "timed_out", effects=(ended,), done="timed out",
                **_BY_SYSTEM,
            ),
        ),
    ),
    fields=(
        Text("name", label="Workflow", edit=NEVER, sort=False, width="l", expr=named),
        SubjectLink("subject_id", label="About", width="l"),
        Choice(
            "status", edit=NEVER, filter=True, labels={"terminated": "Ended at once"},
            tones={
                "pending": "mute draft", "running": "accent prog", "waiting": "info pause", "suspended": "warn pause",
                "completed": "ok done", "failed": "danger fail", "cancelled": "mute off", "terminated": "mute off",
                "timed_out": "danger warn",
            },
        ),
        Code("current_node", label="Stands at", edit=NEVER, filter=True),
        Moment("started_at", label="Began", edit=NEVER, filter=True),
        Moment("due_at", label="Due", planned=True, due=True, edit=NEVER, filter=True),
        Moment("finished_at", label="Ended", edit=NEVER, filter=True),
        Count("retry_count", label="Retries", edit=NEVER, filter=True, width="s"),
        Reference("started_by", label="Begun by", to="app_users", as_="person", edit=NEVER, filter=True),
        Text("error", label="What went wrong", long=True, edit=NEVER, list=False),
        Text("end_reason", label="Why it was ended", edit=NEVER, list=False),
        Reference(
            "definition_id", label="Workflow itself", to="workflow_definitions", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "parent_instance_id", label="Within run", to="workflow_instances", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "automation_run_id", label="Begun by automation", to="automation_runs", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Code(
            "correlation_key", label="Matter", edit=NEVER, list=False, filter=True, group="Origin",
            help="Of one workflow only one run for the same matter is under way.",
        ),
        Text(
            "known", label="What it knows", long=True, edit=NEVER, list=False, sort=False, group="Origin",
            may="workflows.write", expr=lambda: pairs(WorkflowInstance.__table__.c.context),
        ),
        Json("context", label="What it knows, as data", edit=NEVER, personal=True, group="Origin"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
