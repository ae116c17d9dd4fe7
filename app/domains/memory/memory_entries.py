"""Captured: core capture store: everything observed that might be worth remembering."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Moment, Quantity, Reference, Secret, SubjectLink, Tags, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, moment, probability, ref, text_, texts
from app.engine.records import embedding as embedding_
from app.engine.resource import Resource


class MemoryEntry(Record, Standard, PerhapsSubject):
    __tablename__ = "memory_entries"
    source: Mapped[str] = choice("conversation", "decision", "document", "user", "import", "automation", "observation")
    content: Mapped[str] = text_()
    content_hash: Mapped[bytes] = mapped_column(LargeBinary)
    conversation_id: Mapped[int | None] = ref("conversations", "N")
    message_id: Mapped[int | None] = ref("conversation_history", "N")
    decision_id: Mapped[int | None] = ref("ai_decision_logs", "N")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    app_user_id: Mapped[int | None] = ref("app_users", "N")
    importance: Mapped[Decimal] = probability("0.5")
    status: Mapped[str] = choice("captured", "consolidated", "discarded", "quarantined", default="captured")
    consolidated_into_id: Mapped[int | None] = ref("ai_memories", "N")
    pii_flags: Mapped[list[str]] = texts()
    embedding_model: Mapped[str | None] = text_()
    embedding: Mapped[Any] = embedding_()
    expires_at: Mapped[datetime | None] = moment()
    processed_at: Mapped[datetime | None] = moment()


memory_entries = Resource(
    MemoryEntry,
    title="content",
    label="Captured",
    icon="agent",
    nav=("Memory", 30),
    about="Core capture store: everything observed that might be worth remembering.",
    area="memory",
    sort="-created_at",
    fields=(
        Choice("source", filter=True),
        Text("content", long=True, list=False),
        Secret("content_hash"),
        Reference("conversation_id", to="conversations", filter=True),
        Reference("message_id", to="conversation_history", filter=True),
        Reference("decision_id", to="ai_decision_logs", filter=True),
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Reference("app_user_id", to="app_users", as_="person", filter=True),
        Quantity("importance", places=4, filter=True),
        Choice("status", filter=True),
        Reference("consolidated_into_id", to="ai_memories", filter=True),
        Tags("pii_flags", list=False, filter=True),
        Code("embedding_model", filter=True),
        Moment("expires_at", filter=True),
        Moment("processed_at", filter=True),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
