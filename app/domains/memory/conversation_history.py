"""Conversation history: messages in order."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Computed
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Count, Json, Moment, Reference, Text
from app.engine.records import Log, Record, choice, integer, json_, moment, ref, text_
from app.engine.resource import Resource


class ConversationMessage(Record, Log):
    __tablename__ = "conversation_history"
    conversation_id: Mapped[int] = ref("conversations", "C")
    seq: Mapped[int] = integer()
    role: Mapped[str] = choice("system", "user", "assistant", "tool", "human_agent", "customer")
    content: Mapped[str] = text_()
    agent_id: Mapped[int | None] = ref("ai_agents", "R")
    app_user_id: Mapped[int | None] = ref("app_users", "R")
    contact_id: Mapped[int | None] = ref("contacts", "N")
    tool_calls: Mapped[Any] = json_(nullable=True)
    tool_result: Mapped[Any] = json_(nullable=True)
    ai_call_id: Mapped[int | None] = ref("ai_calls", "N")
    tokens: Mapped[int] = integer("0")
    feedback: Mapped[str | None] = choice("up", "down")
    feedback_note: Mapped[str | None] = text_()
    redacted_at: Mapped[datetime | None] = moment()
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed("to_tsvector('english', content)", persisted=True))


conversation_history = Resource(
    ConversationMessage,
    title="content",
    label="Conversation history",
    icon="agent",
    nav=("Memory", 15),
    about="Messages in order.",
    area="conversations",
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    fields=(
        Reference("conversation_id", to="conversations", edit=NEVER, filter=True),
        Count("seq", edit=NEVER, filter=True),
        Choice("role", edit=NEVER, filter=True),
        Text("content", long=True, edit=NEVER, list=False),
        Reference("agent_id", to="ai_agents", as_="agent", edit=NEVER, filter=True),
        Reference("app_user_id", to="app_users", as_="person", edit=NEVER, filter=True),
        Reference("contact_id", to="contacts", edit=NEVER, filter=True),
        Json("tool_calls", edit=NEVER),
        Json("tool_result", edit=NEVER),
        Reference("ai_call_id", to="ai_calls", edit=NEVER, filter=True),
        Count("tokens", edit=NEVER, filter=True),
        Choice("feedback", edit=NEVER, filter=True),
        Text("feedback_note", long=True, edit=NEVER, list=False),
        Moment("redacted_at", edit=NEVER, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)
