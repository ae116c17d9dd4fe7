"""Workers: the processes that do what happens later, each with its last sign of life and what it has done."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, func
from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Tags, Text
from app.engine.records import Global, Record, bigint, choice, integer, moment, text_, texts
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition

SILENT_S = 60
"""A worker gives a sign of life every ten seconds; one that is silent for a minute is in trouble."""


class Worker(Record, Global):
    __tablename__ = "workers"
    name: Mapped[str] = text_()
    queues: Mapped[list[str]] = texts()
    status: Mapped[str] = choice("starting", "idle", "busy", "draining", "stopped", default="starting")
    started_at: Mapped[datetime] = moment("now()")
    last_heartbeat_at: Mapped[datetime] = moment("now()")
    jobs_done: Mapped[int] = bigint("0")
    jobs_failed: Mapped[int] = bigint("0")
    memory_mb: Mapped[int | None] = integer()
    code_version: Mapped[str | None] = text_()


def heard_lately() -> ColumnElement[bool]:
    return Worker.last_heartbeat_at > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, SILENT_S)


LIVES = Worker.status != "stopped"


def gives_signs(moving: Moving) -> str | None:
    """Only a worker that is there hears that it should leave."""
    silent = (moving.at - moving.record["last_heartbeat_at"]).total_seconds()
    if silent <= SILENT_S:
        return None
    return "This worker gives no sign of life, so it would not hear it; its queued jobs go to another by themselves."


workers = Resource(
    Worker,
    title="name",
    label="Workers",
    singular="worker",
    icon="pulse",
    nav=("Automation", 10),
    about="The processes that do what happens later. Without one nothing is checked, sealed or sent.",
    area="queue",
    read_only="A worker keeps its own row: when it began, its last sign of life, what it has done. It can be told to leave here.",
    search=("name",),
    sort="-last_heartbeat_at",
    scopes={
        "Alive": and_(LIVES, heard_lately()),
        "Silent": and_(LIVES, ~heard_lately()),
        "Had failures": Worker.jobs_failed > 0,
        "Stopped": Worker.status == "stopped",
    },
    facts=(
        "status", "last_heartbeat_at", "started_at", "jobs_done", "jobs_failed", "memory_mb", "code_version", "queues",
    ),
    related=(
        Related(
            "scheduled_tasks", "worker_id", label="What it did",
            fields=("task_name", "status", "started_at", "finished_at", "attempts", "error"), sort="-created_at",
        ),
        Related(
            "ai_tasks", "worker_id", label="Agents' tasks", fields=("title", "agent_id", "status", "started_at"),
        ),
    ),
    lifecycle=Lifecycle(
        "status",
        initial="starting",
        transitions=(
            Transition(
                "drain", "Let it finish and leave", ("starting", "idle", "busy"), "draining", "queue.drain", reason=True,
                guards=(gives_signs,), danger=True, done="told to finish and leave",
            ),
        ),
    ),
    fields=(
        Text("name", label="Worker", edit=NEVER, width="l", help="The machine and the number of the process on it."),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={
                "starting": "info open", "idle": "ok dot", "busy": "accent prog", "draining": "warn pause",
                "stopped": "mute off",
            },
        ),
        Moment("last_heartbeat_at", label="Last sign of life", edit=NEVER, filter=True),
        Moment("started_at", label="Began", edit=NEVER, filter=True),
        Count("jobs_done", label="Done", edit=NEVER, filter=True),
        Count("jobs_failed", label="Failed", edit=NEVER, filter=True),
        Count("memory_mb", label="Memory", unit="MB", edit=NEVER, filter=True),
        Code("code_version", label="Version", edit=NEVER, filter=True),
        Tags("queues", edit=NEVER, list=False, filter=True, help="The queues it serves; none named means all of them."),
        Moment("created_at", label="Registered", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
