"""Persistent context: key-value state kept across conversations and runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Reference
from app.engine.records import Record, Standard, bigint, choice, json_, moment, ref, text_
from app.engine.resource import Resource


class PersistentContext(Record, Standard):
    __tablename__ = "persistent_context"
    scope: Mapped[str] = choice("tenant", "user", "agent", "conversation", "customer", "job", "workflow")
    scope_id: Mapped[int | None] = bigint()
    key: Mapped[str] = text_()
    value: Mapped[Any] = json_()
    expires_at: Mapped[datetime | None] = moment()
    last_read_at: Mapped[datetime | None] = moment()
    read_count: Mapped[int] = bigint("0")
    written_by: Mapped[int | None] = ref("app_users", "N")
    written_by_agent_id: Mapped[int | None] = ref("ai_agents", "N")


persistent_context = Resource(
    PersistentContext,
    title="key",
    label="Persistent context",
    icon="agent",
    nav=("Memory", 60),
    about="Key-value state kept across conversations and runs.",
    area="memory",
    search=("key",),
    sort="-created_at",
    fields=(
        Choice("scope", filter=True),
        Count("scope_id", filter=True),
        Code("key", filter=True),
        Json("value"),
        Moment("expires_at", filter=True),
        Moment("last_read_at", filter=True),
        Count("read_count", filter=True),
        Reference("written_by", to="app_users", as_="person", filter=True),
        Reference("written_by_agent_id", to="ai_agents", as_="agent", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
