"""Task templates: reusable sets of tasks with offsets, roles and internal dependencies."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Code, Count, Flag, Json, Moment, Reference, Text
from app.engine.records import Archivable, Authored, Record, Standard, flag, integer, json_, text_
from app.engine.resource import Resource


class TaskTemplate(Record, Standard, Authored, Archivable):
    __tablename__ = "task_templates"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    description: Mapped[str | None] = text_()
    applies_to: Mapped[str | None] = text_()
    trigger_event: Mapped[str | None] = text_()
    items: Mapped[list[Any]] = json_("[]")
    is_active: Mapped[bool] = flag("true")
    use_count: Mapped[int] = integer("0")


task_templates = Resource(
    TaskTemplate,
    title="name",
    label="Task templates",
    icon="task",
    nav=("Tasks and workflows", 35),
    about="Reusable sets of tasks with offsets, roles and internal dependencies.",
    area="task_templates",
    search=(
        "key",
        "name",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Text("name", filter=True),
        Text("description", long=True, list=False),
        Text("applies_to", filter=True),
        Text("trigger_event", filter=True),
        Json("items"),
        Flag("is_active", filter=True),
        Count("use_count", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
