"""Patterns: recurring regularities found in data, with support and confidence, confirmed or rejected by a person."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Quantity, Reference, Text
from app.engine.records import Record, Standard, choice, integer, json_, moment, number, probability, ref, text_
from app.engine.resource import Resource


class AiPattern(Record, Standard):
    __tablename__ = "ai_patterns"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    domain: Mapped[str] = choice("sales", "operations", "billing", "customer", "ai", "system")
    description: Mapped[str] = text_()
    expression: Mapped[dict[str, Any]] = json_("{}")
    support: Mapped[int] = integer("0")
    confidence: Mapped[Decimal] = probability("0")
    lift: Mapped[Decimal | None] = number(10, 4)
    occurrences: Mapped[int] = integer("0")
    status: Mapped[str] = choice("candidate", "confirmed", "rejected", "stale", default="candidate")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    first_seen_at: Mapped[datetime] = moment("now()")
    last_seen_at: Mapped[datetime] = moment("now()")
    reviewed_by: Mapped[int | None] = ref("app_users", "N")
    reviewed_at: Mapped[datetime | None] = moment()


ai_patterns = Resource(
    AiPattern,
    title="name",
    label="Patterns",
    icon="agent",
    nav=("AI", 70),
    about="Recurring regularities found in data, with support and confidence, confirmed or rejected by a person.",
    area="patterns",
    search=(
        "key",
        "name",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Text("name", filter=True),
        Choice("domain", filter=True),
        Text("description", long=True, list=False),
        Json("expression"),
        Count("support", filter=True),
        Quantity("confidence", places=4, filter=True),
        Quantity("lift", places=4, filter=True),
        Count("occurrences", filter=True),
        Choice("status", filter=True),
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Moment("first_seen_at", filter=True),
        Moment("last_seen_at", filter=True),
        Reference("reviewed_by", to="app_users", as_="person", filter=True),
        Moment("reviewed_at", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
