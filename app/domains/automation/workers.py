"""Workers: live background processes with heartbeat."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Tags, Text
from app.engine.records import Global, Record, bigint, choice, integer, moment, text_, texts
from app.engine.resource import Resource


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


workers = Resource(
    Worker,
    title="name",
    label="Workers",
    icon="gear",
    nav=("Automation", 10),
    about="Live background processes with heartbeat.",
    area="queue",
    search=("name",),
    sort="-created_at",
    fields=(
        Text("name", filter=True),
        Tags("queues", list=False, filter=True),
        Choice("status", filter=True),
        Moment("started_at", filter=True),
        Moment("last_heartbeat_at", filter=True),
        Count("jobs_done", filter=True),
        Count("jobs_failed", filter=True),
        Count("memory_mb", filter=True),
        Code("code_version", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
