"""Memory clusters: memories that belong to one topic, so that they can be looked over, merged and put aside together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.access import Actor
from app.engine.fields import INLINE, NEVER, Choice, Code, Count, Moment, Percent, Reference, Text
from app.engine.records import Record, Standard, choice, embedding, integer, moment, probability, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class AiMemoryCluster(Record, Standard):
    __tablename__ = "ai_memory_clusters"
    label: Mapped[str] = text_()
    summary: Mapped[str | None] = text_()
    topic: Mapped[str | None] = text_()
    centroid: Mapped[Any] = embedding()
    member_count: Mapped[int] = integer("0")
    cohesion: Mapped[Decimal | None] = probability()
    algorithm: Mapped[str] = text_(server_default="manual")
    status: Mapped[str] = choice("active", "merged", "archived", default="active")
    merged_into_id: Mapped[int | None] = ref("ai_memory_clusters", "N")
    rebuilt_at: Mapped[datetime | None] = moment()


def another_in_use(moving: Moving) -> str | None:
    chosen = moving.asked.get("merged_into_id")
    if chosen is None:
        return None
    if chosen == moving.record["id"]:
        return "A cluster cannot be merged into itself."
    clusters = db.metadata.tables["ai_memory_clusters"].c
    status = moving.connection.scalar(
        select(clusters.status).where(clusters.id == chosen, clusters.tenant_id == moving.record["tenant_id"])
    )
    return None if status == "active" else "Choose a cluster that is in use."


def moved_over(moving: Moving) -> Mapping[str, Any]:
    """Its memories go to the other cluster in the same change."""
    key, target = moving.record["id"], moving.asked["merged_into_id"]
    return {"merged_into_id": lambda connection, actor: move_members(connection, actor, key, target), "member_count": 0}


def move_members(connection: Connection, actor: Actor, key: int, target: int) -> int:
    clusters, memories = db.metadata.tables["ai_memory_clusters"], db.metadata.tables["ai_memories"]
    mine = (memories.c.cluster_id == key, memories.c.tenant_id == actor.tenant_id)
    connection.execute(update(memories).where(*mine).values(cluster_id=target))
    members = (
        select(func.count()).where(memories.c.cluster_id == target, memories.c.state == "active").scalar_subquery()
    )
    connection.execute(update(clusters).where(clusters.c.id == target).values(member_count=members))
    return target


def nobody_in_it(moving: Moving) -> str | None:
    memories = db.metadata.tables["ai_memories"].c
    inside = select(func.count()).where(memories.cluster_id == moving.record["id"], memories.state == "active")
    count = moving.connection.scalar(inside)
    return f"{count:,} memories in use belong to it; merge it into another cluster instead." if count else None


ai_memory_clusters = Resource(
    AiMemoryCluster,
    title="label",
    label="Memory clusters",
    singular="memory cluster",
    icon="board",
    nav=("Memory", 20),
    about="Memories by topic: how many belong together, and how closely. Rename them, or merge two that are one.",
    area="memory",
    search=("label", "topic"),
    sort="-member_count",
    opens="In use",
    scopes={
        "In use": AiMemoryCluster.status == "active",
        "Loose": (AiMemoryCluster.status == "active") & (AiMemoryCluster.cohesion < Decimal("0.5")),
        "Empty": (AiMemoryCluster.status == "active") & (AiMemoryCluster.member_count == 0),
        "Merged": AiMemoryCluster.status == "merged",
    },
    facts=("topic", "member_count", "cohesion", "algorithm", "rebuilt_at", "merged_into_id"),
    related=(
        Related(
            "ai_memories", via="cluster_id", label="Memories", sort="-recall_count",
            fields=("content", "kind", "subject_id", "state", "confidence", "recall_count", "last_recalled_at"),
        ),
    ),
    lifecycle=Lifecycle(
        field="status",
        initial="active",
        frozen={"merged": ("*",), "archived": ("*",)},
        why_frozen="This cluster is not in use; put it back in use first.",
        transitions=(
            Transition(
                "merge", "Merge into another", ("active",), "merged", "memory.merge", asks=("merged_into_id",),
                requires=("merged_into_id",), guards=(another_in_use,), effects=(moved_over,), done="merged",
            ),
            Transition(
                "archive", "Put aside", ("active",), "archived", "memory.archive", guards=(nobody_in_it,), done="put aside",
            ),
            Transition("restore", "Put back in use", ("archived",), "active", "memory.archive", done="put back in use"),
        ),
    ),
    sentences={
        "uq_ai_memory_clusters_tenant_id_label": ("label", "Another cluster has this name already."),
        "ck_ai_memory_clusters_merged": ("merged_into_id", "A merged cluster names the one it went into."),
    },
    fields=(
        Text("label", label="Cluster", required=True, longest=120, edit=INLINE, width="l"),
        Text("topic", longest=120, edit=INLINE, filter=True),
        Choice(
            "status", edit=NEVER, filter=True, labels={"active": "In use", "archived": "Put aside"},
            tones={"active": "ok done", "merged": "info part", "archived": "mute off"},
        ),
        Count("member_count", label="Memories", edit=NEVER, filter=True),
        Percent("cohesion", edit=NEVER, share=True, filter=True, help="How alike its memories are: 1 is all the same."),
        Moment("rebuilt_at", label="Last sorted", edit=NEVER, filter=True),
        Text("summary", label="What it is about", long=True, longest=2000),
        Code("algorithm", label="Sorted by", edit=NEVER, list=False, filter=True),
        Reference("merged_into_id", label="Merged into", to="ai_memory_clusters", edit=NEVER, list=False, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
