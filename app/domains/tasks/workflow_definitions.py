"""Workflow definitions: how something is done step by step; each version, once published, stays as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, case, cast, func, select
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.fields import CREATE, INLINE, NEVER, Choice, Code, Count, Json, Moment, Reference, Text
from app.engine.records import Archivable, Authored, Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import items


class WorkflowDefinition(Record, Standard, Authored, Archivable):
    __tablename__ = "workflow_definitions"
    key: Mapped[str] = text_()
    version_no: Mapped[int] = integer("1")
    name: Mapped[str] = text_()
    description: Mapped[str | None] = text_()
    subject_type: Mapped[str | None] = text_()
    graph: Mapped[Any] = json_()
    checksum: Mapped[str | None] = text_()
    status: Mapped[str] = choice("draft", "published", "retired", default="draft")
    published_at: Mapped[datetime | None] = moment()
    published_by: Mapped[int | None] = ref("app_users", "N")
    timeout_minutes: Mapped[int | None] = integer()


def steps() -> ColumnElement[str]:
    return items(WorkflowDefinition.__table__.c.graph["nodes"], "name", "kind", "who", "due", between=" · ")


def ways() -> ColumnElement[str]:
    return items(WorkflowDefinition.__table__.c.graph["transitions"], "from", "when", "to", between=" → ")


def how_many() -> ColumnElement[int]:
    nodes = WorkflowDefinition.__table__.c.graph["nodes"]
    return case((func.jsonb_typeof(nodes) == "array", func.jsonb_array_length(nodes)), else_=0)


def under_way() -> ColumnElement[int]:
    """How many run by this version now."""
    instances = db.metadata.tables["workflow_instances"].c
    return (
        select(cast(func.count(), BigInteger))
        .where(
            instances.definition_id == WorkflowDefinition.id,
            instances.tenant_id == WorkflowDefinition.tenant_id,
            instances.finished_at.is_(None),
        )
        .scalar_subquery()
    )


def can_be_walked(moving: Moving) -> str | None:
    """One way in, at least one way out, and every way leads from a step to a step."""
    graph = moving.record["graph"]
    nodes = graph.get("nodes") if isinstance(graph, Mapping) else None
    if not isinstance(nodes, list) or not all(isinstance(node, Mapping) and node.get("key") for node in nodes):
        return "The graph needs its steps as “nodes”, each with a “key”."
    kinds = [node.get("kind") for node in nodes]
    if kinds.count("start") != 1:
        return "The graph needs exactly one step of the kind “start”."
    if "end" not in kinds:
        return "The graph needs a step of the kind “end”, or it never ends."
    known = {node["key"] for node in nodes}
    left = set()
    for way in graph.get("transitions") or ():
        ends = (way.get("from"), way.get("to")) if isinstance(way, Mapping) else (None, None)
        lost = next((end for end in ends if end not in known), None)
        if lost is not None or None in ends:
            return f"A way leads from or to “{lost}”, which is not among the steps."
        left.add(ends[0])
    stuck = next((node["key"] for node in nodes if node.get("kind") != "end" and node["key"] not in left), None)
    return f"No way leads out of “{stuck}”." if stuck else None


def one_at_a_time(moving: Moving) -> str | None:
    definitions, record = WorkflowDefinition.__table__.c, moving.record
    other = moving.connection.scalar(
        select(definitions.version_no).where(
            definitions.tenant_id == record["tenant_id"],
            definitions.key == record["key"],
            definitions.status == "published",
        )
    )
    return f"Version {other} is published; retire it first. What runs by it goes on by it." if other else None


def published(moving: Moving) -> Mapping[str, Any]:
    written = json.dumps(moving.record["graph"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {
        "published_at": moving.at,
        "published_by": moving.actor.app_user_id,
        "checksum": hashlib.sha256(written.encode()).hexdigest(),
    }


workflow_definitions = Resource(
    WorkflowDefinition,
    title="name",
    code="key",
    label="Workflows",
    singular="workflow",
    icon="split",
    nav=("Tasks and workflows", 20),
    about="How something is done step by step, and how long each may take. A published version never changes.",
    area="workflows",
    search=("name", "key"),
    sort="name,-version_no",
    opens="Published",
    scopes={
        "Published": WorkflowDefinition.status == "published",
        "Drafts": WorkflowDefinition.status == "draft",
        "Retired": WorkflowDefinition.status == "retired",
        "All": WorkflowDefinition.id.is_not(None),
    },
    facts=(
        "status", "version_no", "subject_type", "how_many", "under_way", "timeout_minutes", "published_at",
        "published_by",
    ),
    related=(
        Related(
            "workflow_instances", "definition_id", label="Runs of it",
            fields=("name", "subject_id", "status", "current_node", "due_at", "started_at"), sort="-created_at",
        ),
        Related(
            "workflow_automations", "definition_id", label="Automations in it",
            fields=("name", "automation_id", "blocking", "enabled"),
        ),
    ),
    sentences={
        "uq_workflow_definitions_tenant_id_key_version_no": (
            "version_no", "This version is there already; give the next number.",
        ),
        "uq_workflow_definitions_tenant_id_key": (
            "status", "Another version of it is published; retire that one first.",
        ),
        "ck_workflow_definitions_graph": ("graph", "Give the graph as {\"nodes\": […], \"transitions\": […]}."),
    },
    lifecycle=Lifecycle(
        "status",
        initial="draft",
        stages=("draft", "published", "retired"),
        frozen={"published": ("*",), "retired": ("*",)},
        why_frozen="A published version never changes, since work goes on by it; make the next version instead.",
        transitions=(
            Transition(
                "publish", "Publish", ("draft",), "published", "workflows.publish",
                guards=(can_be_walked, one_at_a_time), effects=(published,), done="published",
            ),
            Transition(
                "retire", "Retire", ("published", "draft"), "retired", "workflows.retire", reason=True, danger=True,
                done="retired; what runs by it goes on",
            ),
        ),
    ),
    fields=(
        Text("name", label="Workflow", required=True, edit=INLINE, longest=160, width="l"),
        Count("version_no", label="Version", least=1, edit=CREATE, filter=True, width="s"),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={"draft": "mute draft", "published": "ok done", "retired": "mute off"},
        ),
        Code("subject_type", label="About", filter=True, help="The table its runs are about, such as jobs."),
        Count("how_many", label="Steps", edit=NEVER, sort=False, expr=how_many, width="s"),
        Count("under_way", label="Under way", edit=NEVER, sort=False, expr=under_way, width="s"),
        Count("timeout_minutes", label="Minutes it may take", least=1, filter=True, width="s"),
        Moment("published_at", label="Published", edit=NEVER, filter=True),
        Code("key", edit=CREATE, list=False, help="The same for all versions of a workflow, like job-to-cash."),
        Text("description", long=True, list=False),
        Text("steps", long=True, edit=NEVER, list=False, sort=False, expr=steps, group="Steps"),
        Text(
            "ways", label="Ways from step to step", long=True, edit=NEVER, list=False, sort=False, expr=ways,
            group="Steps",
        ),
        Json(
            "graph", label="As data", required=True, group="Steps",
            help="{\"nodes\": [{\"key\", \"name\", \"kind\", \"who\", \"due\"}], "
            "\"transitions\": [{\"from\", \"to\", \"when\"}]}",
        ),
        Reference(
            "published_by", label="Published by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Code("checksum", edit=NEVER, list=False, group="Origin", help="Of the graph as it was published."),
        Reference(
            "created_by", label="Made by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, group="Origin",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
