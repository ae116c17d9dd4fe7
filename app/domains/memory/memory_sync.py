"""Memory synchronisation: one synchronisation run between the database and an index, cache or outside memory."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Resource


class MemorySync(Record, Standard):
    __tablename__ = "memory_sync"
    target: Mapped[str] = choice("vector_index", "redis_cache", "external_memory", "embedding", "warehouse")
    direction: Mapped[str] = choice("push", "pull", "both", default="push")
    status: Mapped[str] = choice("queued", "running", "succeeded", "partial", "failed", default="queued")
    cursor_from: Mapped[str | None] = text_()
    cursor_to: Mapped[str | None] = text_()
    scanned: Mapped[int] = integer("0")
    upserted: Mapped[int] = integer("0")
    deleted: Mapped[int] = integer("0")
    failed: Mapped[int] = integer("0")
    lag_seconds: Mapped[int | None] = integer()
    failures: Mapped[list[Any]] = json_("[]")
    started_at: Mapped[datetime | None] = moment()
    finished_at: Mapped[datetime | None] = moment()
    error: Mapped[str | None] = text_()
    scheduled_task_id: Mapped[int | None] = ref("scheduled_tasks", "N")


memory_sync = Resource(
    MemorySync,
    title="target",
    label="Memory synchronisation",
    icon="agent",
    nav=("Memory", 55),
    about="One synchronisation run between the database and an index, cache or outside memory.",
    area="memory",
    sort="-created_at",
    fields=(
        Choice("target", filter=True),
        Choice("direction", filter=True),
        Choice("status", filter=True),
        Code("cursor_from", filter=True),
        Code("cursor_to", filter=True),
        Count("scanned", filter=True),
        Count("upserted", filter=True),
        Count("deleted", filter=True),
        Count("failed", filter=True),
        Count("lag_seconds", filter=True),
        Json("failures"),
        Moment("started_at", filter=True),
        Moment("finished_at", filter=True),
        Text("error", long=True, list=False),
        Reference("scheduled_task_id", to="scheduled_tasks", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
