"""Recalls: each time an agent looked into memory: what it asked, what came back, and what of that it used."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.fields import NEVER, Choice, Count, Duration, Flag, Moment, Quantity, Reference, Text
from app.engine.records import Log, Record, choice, flag, integer, number, numbers, ref, text_
from app.engine.resource import Related, Resource
from app.engine.wording import chain

FLOOR = Decimal("0.2")
"""A recall whose best memory scores lower found nothing worth the name (KPIS.md, memory hit rate)."""


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


HIT = MemoryRecall.top_score >= FLOOR

memory_recalls = Resource(
    MemoryRecall,
    title="query",
    label="Recalls",
    singular="recall",
    icon="search",
    nav=("Memory", 40),
    about="Every look into memory: what an agent asked, which memories came back, and which of them it used. Misses show what"
    " is not known yet.",
    area="memory",
    read_only="A log of what was asked and found; it is kept as it happened.",
    search=("query",),
    sort="-created_at",
    scopes={
        "Used": func.cardinality(MemoryRecall.used_ids) > 0,
        "Found, not used": HIT & (func.cardinality(MemoryRecall.used_ids) == 0),
        "Missed": func.coalesce(MemoryRecall.top_score, 0) < FLOOR,
        "Found nothing": func.cardinality(MemoryRecall.returned_ids) == 0,
        "From cache": MemoryRecall.cache_hit.is_(True),
        "Slow": MemoryRecall.latency_ms >= 400,
    },
    facts=("agent_id", "strategy", "found", "used", "top_score", "latency_ms", "conversation_id", "created_at"),
    related=(
        Related(
            "ai_memory_feedback", via="recall_id", label="What people and agents said", sort="-created_at",
            fields=("finding", "memory_id", "verdict", "comment", "applied_at"),
        ),
    ),
    fields=(
        Text("query", label="Asked", edit=NEVER, personal=True, width="xl"),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=NEVER, filter=True),
        Choice("strategy", label="How", edit=NEVER, filter=True, width="s",
               labels={"keyword": "By words", "vector": "By meaning", "hybrid": "Both", "graph": "By relations",
                       "key": "By key"}),
        Count("found", edit=NEVER, sort=False, width="s", expr=lambda: func.cardinality(MemoryRecall.returned_ids)),
        Count("used", edit=NEVER, sort=False, width="s", expr=lambda: func.cardinality(MemoryRecall.used_ids)),
        Quantity("top_score", label="Best score", places=6, edit=NEVER, filter=True, width="s"),
        Duration("latency_ms", label="Took", edit=NEVER, filter=True, width="s"),
        Moment("created_at", label="When", edit=NEVER, filter=True),
        Text(
            "answered_with", label="Used", long=True, edit=NEVER, list=False, sort=False, personal=True, group="Memories",
            expr=lambda: chain(MemoryRecall.__table__.c.used_ids, db.metadata.tables["ai_memories"], "content", "\n\n"),
        ),
        Text(
            "came_back", label="Came back", long=True, edit=NEVER, list=False, sort=False, personal=True, group="Memories",
            expr=lambda: chain(MemoryRecall.__table__.c.returned_ids, db.metadata.tables["ai_memories"], "content", "\n\n"),
        ),
        Count("requested_k", label="Asked for at most", edit=NEVER, list=False, filter=True),
        Flag("cache_hit", label="From cache", edit=NEVER, list=False, filter=True),
        Reference("conversation_id", label="Conversation", to="conversations", edit=NEVER, list=False, filter=True),
        Reference("call_id", label="Model call", to="ai_calls", as_="code", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
