"""Recalls: each lookup in memory: what was asked, returned and used."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Count, Duration, Flag, Moment, Quantity, Reference, Text
from app.engine.records import Log, Record, choice, flag, integer, number, numbers, ref, text_
from app.engine.resource import Resource


class MemoryRecall(Record, Log):
    __tablename__ = "memory_recalls"
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    call_id: Mapped[int | None] = ref("ai_calls", "N")
    conversation_id: Mapped[int | None] = ref("conversations", "N")
    query: Mapped[str] = text_()
    strategy: Mapped[str] = choice("keyword", "vector", "hybrid", "graph", "key", default="keyword")
    requested_k: Mapped[int] = integer("5")
    returned_ids: Mapped[list[int]] = numbers()
    used_ids: Mapped[list[int]] = numbers()
    top_score: Mapped[Decimal | None] = number(10, 6)
    latency_ms: Mapped[int | None] = integer()
    cache_hit: Mapped[bool] = flag()


memory_recalls = Resource(
    MemoryRecall,
    title="query",
    label="Recalls",
    icon="agent",
    nav=("Memory", 40),
    about="Each lookup in memory: what was asked, returned and used.",
    area="memory",
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    fields=(
        Reference("agent_id", to="ai_agents", as_="agent", edit=NEVER, filter=True),
        Reference("call_id", to="ai_calls", edit=NEVER, filter=True),
        Reference("conversation_id", to="conversations", edit=NEVER, filter=True),
        Text("query", long=True, edit=NEVER, list=False),
        Choice("strategy", edit=NEVER, filter=True),
        Count("requested_k", edit=NEVER, filter=True),
        Quantity("top_score", places=6, edit=NEVER, filter=True),
        Duration("latency_ms", edit=NEVER, filter=True),
        Flag("cache_hit", edit=NEVER, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)
