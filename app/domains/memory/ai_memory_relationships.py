"""Memory relations: typed edges between memories."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Moment, Quantity, Reference, Text
from app.engine.records import Record, Standard, choice, moment, probability, ref, text_
from app.engine.resource import Resource


class AiMemoryRelationship(Record, Standard):
    __tablename__ = "ai_memory_relationships"
    from_memory_id: Mapped[int] = ref("ai_memories", "C")
    to_memory_id: Mapped[int] = ref("ai_memories", "C")
    kind: Mapped[str] = choice("supports", "contradicts", "supersedes", "duplicates", "derived_from", "related")
    weight: Mapped[Decimal] = probability("0.5")
    detected_by: Mapped[str] = choice("agent", "user", "job", default="job")
    resolved_at: Mapped[datetime | None] = moment()
    resolved_by: Mapped[int | None] = ref("app_users", "N")
    resolution: Mapped[str | None] = text_()


ai_memory_relationships = Resource(
    AiMemoryRelationship,
    title="kind",
    label="Memory relations",
    icon="agent",
    nav=("Memory", 35),
    about="Typed edges between memories.",
    area="memory",
    sort="-created_at",
    fields=(
        Reference("from_memory_id", to="ai_memories", filter=True),
        Reference("to_memory_id", to="ai_memories", filter=True),
        Choice("kind", filter=True),
        Quantity("weight", places=4, filter=True),
        Choice("detected_by", filter=True),
        Moment("resolved_at", filter=True),
        Reference("resolved_by", to="app_users", as_="person", filter=True),
        Text("resolution", long=True, list=False),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
