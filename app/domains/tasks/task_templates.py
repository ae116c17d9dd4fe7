"""Task templates: the tasks that always belong together, with who does them, when, and in which order."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func
from sqlalchemy.orm import Mapped

from app.engine.fields import CREATE, INLINE, NEVER, Code, Count, Flag, Json, Moment, Reference, Text
from app.engine.records import Archivable, Authored, Record, Standard, flag, integer, json_, text_
from app.engine.resource import Related, Resource
from app.engine.wording import items


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


def steps() -> ColumnElement[str]:
    return items(TaskTemplate.__table__.c["items"], "title", "role", "due", "after", between=" · ")


def how_many() -> ColumnElement[int]:
    shape = TaskTemplate.__table__.c["items"]
    return case((func.jsonb_typeof(shape) == "array", func.jsonb_array_length(shape)), else_=0)


task_templates = Resource(
    TaskTemplate,
    title="name",
    code="key",
    label="Task templates",
    singular="task template",
    icon="copy",
    nav=("Tasks and workflows", 35),
    about="Tasks that always belong together: who does them, how many days after, and which waits for which.",
    area="task_templates",
    search=("name", "key"),
    sort="name",
    scopes={
        "In use": TaskTemplate.is_active.is_(True),
        "Begun by an event": TaskTemplate.trigger_event.is_not(None),
        "Never used": TaskTemplate.use_count == 0,
    },
    facts=("how_many", "applies_to", "trigger_event", "use_count", "is_active"),
    related=(
        Related(
            "user_tasks", "template_id", label="Tasks made from it",
            fields=("title", "number", "status", "assignee_id", "due_at"), sort="-due_at",
        ),
    ),
    sentences={
        "uq_task_templates_tenant_id_key": ("key", "Another template has this key already."),
        "ck_task_templates_items": ("items", "Give the steps as a list: [{\"title\": …, \"role\": …, \"due\": …}]."),
    },
    fields=(
        Text("name", required=True, edit=INLINE, longest=120, width="l"),
        Count("how_many", label="Tasks", edit=NEVER, sort=False, expr=how_many, width="s"),
        Code(
            "applies_to", label="About", edit=INLINE, filter=True, help="The table its tasks are about, such as jobs.",
        ),
        Code(
            "trigger_event", label="Begun by", edit=INLINE, filter=True,
            help="What happens when its tasks are made by themselves; blank means by hand.",
        ),
        Count("use_count", label="Used", edit=NEVER, filter=True, width="s"),
        Flag("is_active", label="In use", edit=INLINE, filter=True, width="s"),
        Moment("updated_at", label="Changed", edit=NEVER, filter=True),
        Code("key", edit=CREATE, list=False, help="A short name for programs, like new-job. It stays as given."),
        Text("description", long=True, list=False),
        Text("steps", long=True, edit=NEVER, list=False, sort=False, expr=steps),
        Json(
            "items", label="Steps as data",
            help="A list of {\"title\": …, \"kind\": …, \"role\": …, \"due\": \"+2 days\", \"after\": …}; "
            "`after` names the step it waits for.",
        ),
        Reference(
            "created_by", label="Made by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, group="Origin",
        ),
    ),
)  # fmt: skip
