"""Memory synchronisation: each run that brings memories into an index, cache or outside store, or back from there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case
from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import items


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


TARGETS = {
    "vector_index": "Vector index", "redis_cache": "Redis cache", "external_memory": "Outside memory",
    "embedding": "Embeddings", "warehouse": "Warehouse",
}  # fmt: skip
DIRECTIONS = {"push": "Out", "pull": "In", "both": "Both ways"}


def name() -> ColumnElement[str]:
    """ "Vector index, out"."""
    target = case(TARGETS, value=MemorySync.target)
    way = case({key: words.lower() for key, words in DIRECTIONS.items()}, value=MemorySync.direction)
    return target.op("||")(", ").op("||")(way)


def begun(moving: Moving) -> Mapping[str, Any]:
    return {"started_at": moving.at}


def ended(moving: Moving) -> Mapping[str, Any]:
    return {"finished_at": moving.at}


def nothing_failed(moving: Moving) -> str | None:
    failed = moving.asked.get("failed", moving.record["failed"])
    return f"{failed:,} could not be written, so it succeeded in part only." if failed else None


COUNTS = ("scanned", "upserted", "deleted", "failed", "lag_seconds", "cursor_to")
SYSTEM: dict[str, Any] = {"may": "memory.sync", "by_system": True}

memory_sync = Resource(
    MemorySync,
    title="name",
    label="Memory synchronisation",
    singular="synchronisation run",
    icon="refresh",
    nav=("Memory", 55),
    about="Each run that brings memories into an index, cache or outside store, or back: what it looked at, wrote and could not"
    " write.",
    area="memory",
    read_only="The worker makes and ends these runs; they are kept as they went.",
    create=False,
    sort="-created_at",
    scopes={
        "Running": MemorySync.status.in_(("queued", "running")),
        "Failed": MemorySync.status.in_(("failed", "partial")),
        "Vector index": MemorySync.target == "vector_index",
        "Embeddings": MemorySync.target == "embedding",
    },
    facts=("target", "direction", "scanned", "upserted", "deleted", "failed", "lag_seconds", "finished_at"),
    lifecycle=Lifecycle(
        field="status",
        initial="queued",
        stages=("queued", "running", "succeeded"),
        frozen=dict.fromkeys(("succeeded", "partial", "failed"), ("*",)),
        why_frozen="This run is over; the next one begins where it ended.",
        transitions=(
            Transition("start", "Start", ("queued",), "running", effects=(begun,), done="started", **SYSTEM),
            Transition(
                "succeed", "End well", ("running",), "succeeded", asks=COUNTS, guards=(nothing_failed,), effects=(ended,),
                done="ended", **SYSTEM,
            ),
            Transition(
                "end_in_part", "End in part", ("running",), "partial", asks=(*COUNTS, "failures"), effects=(ended,),
                done="ended in part", **SYSTEM,
            ),
            Transition(
                "fail", "End in failure", ("queued", "running"), "failed", asks=("error",), requires=("error",),
                effects=(ended,), done="failed", **SYSTEM,
            ),
        ),
    ),
    sentences={
        "uq_memory_sync_tenant_id_target": ("target", "A run to this target is under way already."),
        "ck_memory_sync_counts": ("scanned", "More was written, deleted and failed than was looked at."),
    },
    fields=(
        Text("name", label="Run", edit=NEVER, sort=False, width="l", expr=name),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={
                "queued": "mute open", "running": "info prog", "succeeded": "ok done", "partial": "warn part",
                "failed": "danger fail",
            },
            labels={"partial": "In part"},
        ),
        Moment("created_at", label="Queued", edit=NEVER, filter=True),
        Count("scanned", label="Looked at", edit=NEVER, filter=True, width="s"),
        Count("upserted", label="Written", edit=NEVER, filter=True, width="s"),
        Count("deleted", label="Deleted", edit=NEVER, filter=True, width="s"),
        Count("failed", label="Failed", edit=NEVER, filter=True, width="s"),
        Count("lag_seconds", label="Behind", unit="s", edit=NEVER, filter=True, width="s",
              help="Seconds between the newest memory and the newest one the target had when the run ended."),
        Moment("finished_at", label="Ended", edit=NEVER, filter=True),
        Text("error", label="What went wrong", long=True, edit=NEVER, list=False),
        Text(
            "not_written", label="Could not be written", long=True, edit=NEVER, list=False, sort=False,
            expr=lambda: items(MemorySync.__table__.c.failures, "memory", "why"),
        ),
        Choice("target", edit=NEVER, filter=True, list=False, labels=TARGETS),
        Choice("direction", edit=NEVER, filter=True, list=False, labels=DIRECTIONS),
        Moment("started_at", label="Started", edit=NEVER, list=False, filter=True),
        Code("cursor_from", label="From place", edit=NEVER, list=False, group="Place"),
        Code("cursor_to", label="To place", edit=NEVER, list=False, group="Place"),
        Reference(
            "scheduled_task_id", label="Queued task", to="scheduled_tasks", edit=NEVER, list=False, filter=True,
            group="Place",
        ),
        Json("failures", label="Failures, as data", edit=NEVER, group="Place"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Place"),
    ),
)  # fmt: skip
