"""Memory clusters: topical groups of memories."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Quantity, Reference, Text
from app.engine.records import Record, Standard, choice, embedding, integer, moment, probability, ref, text_
from app.engine.resource import Resource


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


ai_memory_clusters = Resource(
    AiMemoryCluster,
    title="label",
    label="Memory clusters",
    icon="agent",
    nav=("Memory", 20),
    about="Topical groups of memories.",
    area="memory",
    search=(
        "label",
        "summary",
    ),
    sort="-created_at",
    fields=(
        Text("label", filter=True),
        Text("summary", long=True, list=False),
        Text("topic", filter=True),
        Count("member_count", filter=True),
        Quantity("cohesion", places=4, filter=True),
        Code("algorithm", filter=True),
        Choice("status", filter=True),
        Reference("merged_into_id", to="ai_memory_clusters", filter=True),
        Moment("rebuilt_at", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
