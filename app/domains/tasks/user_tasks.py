"""Tasks: work for people, each with one person to do it and a time to have it done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Mapped

from app.core.clock import today, zone_of
from app.core.db import db
from app.domains.tasks.order import done_first, done_with_it
from app.engine.access import Actor
from app.engine.fields import (
    BULK,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Json,
    Moment,
    Quantity,
    Reference,
    SubjectLink,
    Tags,
    Text,
)
from app.engine.records import (
    Archivable,
    Authored,
    PerhapsSubject,
    Record,
    Standard,
    choice,
    integer,
    json_,
    moment,
    ref,
    text_,
    texts,
)
from app.engine.records import (
    number as numeric,
)
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class UserTask(Record, Standard, Authored, Archivable, PerhapsSubject):
    __tablename__ = "user_tasks"
    number: Mapped[str] = text_()
    title: Mapped[str] = text_()
    description: Mapped[str | None] = text_()
    kind: Mapped[str] = choice(
        "todo", "call", "email", "meeting", "inspection", "measure", "follow_up", "approval", "data_fix", default="todo"
    )
    status: Mapped[str] = choice("todo", "in_progress", "blocked", "done", "cancelled", default="todo")
    priority: Mapped[str] = choice("low", "normal", "high", "urgent", default="normal")
    assignee_id: Mapped[int | None] = ref("app_users", "N")
    due_at: Mapped[datetime | None] = moment()
    remind_at: Mapped[datetime | None] = moment()
    started_at: Mapped[datetime | None] = moment()
    completed_at: Mapped[datetime | None] = moment()
    completed_by: Mapped[int | None] = ref("app_users", "N")
    blocked_reason: Mapped[str | None] = text_()
    result_note: Mapped[str | None] = text_()
    parent_id: Mapped[int | None] = ref("user_tasks", "C")
    template_id: Mapped[int | None] = ref("task_templates", "N")
    workflow_state_id: Mapped[int | None] = ref("workflow_states", "N")
    source: Mapped[str] = choice(
        "manual", "template", "workflow", "automation", "ai", "insight", "data_quality", default="manual"
    )
    checklist: Mapped[list[Any]] = json_("[]")
    estimate_minutes: Mapped[int | None] = integer()
    actual_minutes: Mapped[int | None] = integer()
    tags: Mapped[list[str]] = texts()
    board_position: Mapped[Decimal] = numeric(20, 10, "0")


OPEN = UserTask.status.in_(("todo", "in_progress", "blocked"))


def mine(actor: Actor) -> ColumnElement[bool]:
    return and_(OPEN, UserTask.assignee_id == actor.app_user_id)


def mine_today(actor: Actor) -> ColumnElement[bool]:
    """Due before the viewer's midnight, and what was due before and is still open: yesterday's work is today's too."""
    zone = zone_of(actor.timezone)
    midnight = datetime.combine(today(actor.timezone) + timedelta(days=1), time(), zone)
    return and_(mine(actor), UserTask.due_at < midnight)


def of_my_team(actor: Actor) -> ColumnElement[bool]:
    """Open work of the people who report to the viewer."""
    people = db.metadata.tables["app_users"].c
    reports = select(people.id).where(people.tenant_id == actor.tenant_id, people.manager_id == actor.app_user_id)
    return and_(OPEN, UserTask.assignee_id.in_(reports))


def made_by_me(actor: Actor) -> ColumnElement[bool]:
    return and_(OPEN, UserTask.created_by == actor.app_user_id)


def ones_own(moving: Moving) -> str | None:
    """A task is worked by whom it was given to, or by whoever runs the work of all."""
    task, actor = moving.record, moving.actor
    if actor.may("tasks.work") or task["assignee_id"] == actor.app_user_id:
        return None
    return "This task is given to somebody else; ask them or an operations manager."


def made_or_run(moving: Moving) -> str | None:
    task, actor = moving.record, moving.actor
    if actor.may("tasks.cancel") or task["created_by"] == actor.app_user_id:
        return None
    return "Only the person who made this task or an operations manager decides that."


def checklist_ticked(moving: Moving) -> str | None:
    """A checklist is a list of {text, required, done}; what is required is ticked before the task is done."""
    for item in moving.record["checklist"] or ():
        if isinstance(item, Mapping) and item.get("required") and not item.get("done"):
            return f"Tick “{item.get('text') or 'the required step'}” on the checklist first."
    return None


def started(moving: Moving) -> Mapping[str, Any]:
    return {"started_at": moving.record["started_at"] or moving.at}


def completed(moving: Moving) -> Mapping[str, Any]:
    return {"completed_at": moving.at, "completed_by": moving.actor.app_user_id}


def unblocked(_: Moving) -> Mapping[str, Any]:
    return {"blocked_reason": None}


def reopened(_: Moving) -> Mapping[str, Any]:
    return {"completed_at": None, "completed_by": None, "blocked_reason": None}


_OWN = ("tasks.own",)

lifecycle = Lifecycle(
    field="status",
    initial="todo",
    stages=("todo", "in_progress", "done"),
    frozen={"cancelled": ("*",)},
    why_frozen="This task was cancelled; reopen it first.",
    transitions=(
        Transition(
            "start", "Start task", source=("todo",), to="in_progress", may="tasks.work", also=_OWN,
            guards=(ones_own, done_first),
            effects=(started,), done="started",
        ),
        Transition(
            "complete", "Mark as done", source=("todo", "in_progress"), to="done", may="tasks.work", also=_OWN,
            asks=("result_note",), guards=(ones_own, done_first, done_with_it, checklist_ticked),
            effects=(started, completed), done="marked done",
        ),
        Transition(
            "block", "Mark as blocked", source=("todo", "in_progress"), to="blocked", may="tasks.work", also=_OWN,
            asks=("blocked_reason",), requires=("blocked_reason",), guards=(ones_own,), done="marked as blocked",
        ),
        Transition(
            "unblock", "Unblock task", source=("blocked",), to="todo", may="tasks.work", also=_OWN, guards=(ones_own,),
            effects=(unblocked,), done="unblocked",
        ),
        Transition(
            "resume", "Resume task", source=("blocked",), to="in_progress", may="tasks.work", also=_OWN,
            guards=(ones_own, done_first),
            effects=(unblocked, started), done="resumed",
        ),
        Transition(
            "cancel", "Cancel task", source=("todo", "in_progress", "blocked"), to="cancelled", may="tasks.cancel", also=_OWN,
            reason=True, guards=(made_or_run,), effects=(unblocked,), danger=True, done="cancelled",
        ),
        Transition(
            "reopen", "Reopen task", source=("done", "cancelled"), to="todo", may="tasks.cancel", also=_OWN, reason=True,
            guards=(made_or_run,), effects=(reopened,), done="reopened",
        ),
    ),
)  # fmt: skip

user_tasks = Resource(
    UserTask,
    title="title",
    code="number",
    label="Tasks",
    icon="task",
    nav=("Field", 30),
    letter="t",
    about="What has to be done, by whom and until when; what is blocked, and by what.",
    area="tasks",
    own="assignee_id",
    search=("title", "number"),
    sort="due_at",
    opens="Open",
    numbered="user_task",
    lifecycle=lifecycle,
    scopes={
        "Mine today": mine_today,
        "Mine": mine,
        "Overdue": and_(OPEN, UserTask.due_at < func.now()),
        "Team": of_my_team,
        "Blocked": UserTask.status == "blocked",
        "Unassigned": and_(OPEN, UserTask.assignee_id.is_(None)),
        "Made by me": made_by_me,
        "Open": OPEN,
    },
    facts=("assignee_id", "due_at", "priority", "subject_id", "blocked_reason", "estimate_minutes"),
    related=(
        Related("user_tasks", "parent_id", label="Steps", fields=("title", "status", "assignee_id", "due_at")),
        Related(
            "task_dependencies", "successor_user_task_id", label="Waits for", id="waits_for",
            fields=("name", "predecessor_user_task_id", "predecessor_ai_task_id", "lag_minutes"),
        ),
        Related(
            "task_dependencies", "predecessor_user_task_id", label="Holds up", id="holds_up",
            fields=("name", "successor_user_task_id", "successor_ai_task_id", "lag_minutes"),
        ),
    ),
    sentences={
        "uq_user_tasks_tenant_id_number": ("number", "Another task already has this number."),
        "ck_user_tasks_parent_id": ("parent_id", "A task cannot be a step of itself."),
    },
    defaults={"assignee_id": lambda actor: actor.app_user_id},
    fields=(
        Text("title", label="Task", required=True, edit=INLINE, longest=300, width="xl"),
        Code("number", edit=NEVER, width="s"),
        SubjectLink("subject_id", label="About", width="l"),
        Reference("assignee_id", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Choice(
            "status", edit=NEVER, filter=True, width="s", labels={"todo": "To do"},
            tones={
                "todo": "mute open", "in_progress": "accent prog", "blocked": "warn pause", "done": "ok done",
                "cancelled": "mute off",
            },
        ),
        Choice(
            "priority", edit=INLINE | BULK, filter=True, width="s",
            tones={"low": "mute off", "normal": "mute dot", "high": "warn warn", "urgent": "danger warn"},
        ),
        Moment("due_at", label="Due", planned=True, due=True, edit=INLINE | BULK, filter=True),
        Choice("kind", edit=BULK, filter=True, labels={"todo": "To do", "email": "E-mail"}),
        Text("blocked_reason", label="Blocked by", edit=NEVER, width="l"),
        Text("description", long=True, list=False),
        Moment("remind_at", label="Remind", planned=True, list=False, filter=True, group="Time"),
        Count("estimate_minutes", label="Planned minutes", least=0, edit=INLINE, list=False, group="Time"),
        Count("actual_minutes", label="Minutes spent", least=0, edit=INLINE, list=False, group="Time"),
        Moment("started_at", label="Started", edit=NEVER, list=False, filter=True, group="Time"),
        Moment("completed_at", label="Done", edit=NEVER, list=False, filter=True, group="Time"),
        Reference(
            "completed_by", label="Done by", to="app_users", as_="person", edit=NEVER, list=False, filter=True, group="Time",
        ),
        Text("result_note", label="Result", long=True, list=False, group="Time"),
        Reference("parent_id", label="Step of", to="user_tasks", list=False, filter=True, group="Place"),
        Json(
            "checklist", group="Place",
            help="Steps as {\"text\": …, \"required\": true, \"done\": false}; required ones are ticked before the task is done.",
        ),
        Tags("tags", edit=INLINE | BULK, list=False, filter=True, group="Place"),
        Quantity("board_position", edit=NEVER, places=10, list=False, group="Place"),
        Choice(
            "source", label="Came from", edit=NEVER, list=False, filter=True, group="Origin",
            labels={"ai": "AI"}, tones={"ai": "ai ai"},
        ),
        Reference(
            "template_id", label="From template", to="task_templates", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "workflow_state_id", label="Step of workflow", to="workflow_states", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "created_by", label="Made by", to="app_users", as_="person", edit=NEVER, list=False, filter=True, group="Origin",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
