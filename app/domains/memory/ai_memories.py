"""Memories: consolidated long-term memory shared by agents, with strength that decays unless recalled."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Computed, LargeBinary
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import (
    NEVER,
    Choice,
    Code,
    Count,
    Flag,
    Moment,
    Quantity,
    Reference,
    Secret,
    SubjectLink,
    Tags,
    Text,
)
from app.engine.records import (
    PerhapsSubject,
    Record,
    Standard,
    bigint,
    choice,
    flag,
    integer,
    moment,
    probability,
    ref,
    text_,
    texts,
)
from app.engine.records import embedding as embedding_
from app.engine.resource import Resource


class AiMemory(Record, Standard, PerhapsSubject):
    __tablename__ = "ai_memories"
    content: Mapped[str] = text_()
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = choice("fact", "preference", "procedure", "episode", "relationship", "warning", default="fact")
    scope: Mapped[str] = choice("tenant", "customer", "property", "job", "user", "agent", default="tenant")
    state: Mapped[str] = choice("active", "superseded", "expired", "archived", "deleted", default="active")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    cluster_id: Mapped[int | None] = ref("ai_memory_clusters", "N")
    superseded_by_id: Mapped[int | None] = ref("ai_memories", "N")
    importance: Mapped[Decimal] = probability("0.5")
    confidence: Mapped[Decimal] = probability("0.5")
    strength: Mapped[Decimal] = probability("1")
    decay_half_life_days: Mapped[int] = integer("90")
    pinned: Mapped[bool] = flag()
    sensitive: Mapped[bool] = flag()
    tags: Mapped[list[str]] = texts()
    embedding_model: Mapped[str | None] = text_()
    embedding: Mapped[Any] = embedding_()
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed("to_tsvector('english', content)", persisted=True))
    recall_count: Mapped[int] = bigint("0")
    useful_count: Mapped[int] = bigint("0")
    last_recalled_at: Mapped[datetime | None] = moment()
    expires_at: Mapped[datetime | None] = moment()
    verified_by: Mapped[int | None] = ref("app_users", "N")
    verified_at: Mapped[datetime | None] = moment()


ai_memories = Resource(
    AiMemory,
    title="content",
    label="Memories",
    icon="agent",
    nav=("Memory", 25),
    about="Consolidated long-term memory shared by agents, with strength that decays unless recalled.",
    area="memory",
    sort="-created_at",
    fields=(
        Text("content", long=True, list=False),
        Secret("content_hash"),
        Choice("kind", filter=True),
        Choice("scope", filter=True),
        Choice("state", filter=True),
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Reference("cluster_id", to="ai_memory_clusters", filter=True),
        Reference("superseded_by_id", to="ai_memories", filter=True),
        Quantity("importance", places=4, filter=True),
        Quantity("confidence", places=4, filter=True),
        Quantity("strength", places=4, filter=True),
        Count("decay_half_life_days", filter=True),
        Flag("pinned", filter=True),
        Flag("sensitive", filter=True),
        Tags("tags", list=False, filter=True),
        Code("embedding_model", filter=True),
        Count("recall_count", filter=True),
        Count("useful_count", filter=True),
        Moment("last_recalled_at", filter=True),
        Moment("expires_at", filter=True),
        Reference("verified_by", to="app_users", as_="person", filter=True),
        Moment("verified_at", filter=True),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
