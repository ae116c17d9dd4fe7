"""Workflow definitions: versioned process graphs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Reference, Text
from app.engine.records import Archivable, Authored, Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Resource


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


workflow_definitions = Resource(
    WorkflowDefinition,
    title="name",
    label="Workflow definitions",
    icon="task",
    nav=("Tasks and workflows", 20),
    about="Versioned process graphs.",
    area="workflows",
    search=(
        "key",
        "name",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Count("version_no", filter=True),
        Text("name", filter=True),
        Text("description", long=True, list=False),
        Json("graph"),
        Code("checksum", filter=True),
        Choice("status", filter=True),
        Moment("published_at", filter=True),
        Reference("published_by", to="app_users", as_="person", filter=True),
        Count("timeout_minutes", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
