"""Memory feedback: verdicts on a memory by a person or agent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Json, Moment, Reference, Text
from app.engine.records import Log, Record, choice, json_, moment, ref, text_
from app.engine.resource import Resource


class AiMemoryFeedback(Record, Log):
    __tablename__ = "ai_memory_feedback"
    memory_id: Mapped[int] = ref("ai_memories", "C")
    recall_id: Mapped[int | None] = ref("memory_recalls", "N")
    app_user_id: Mapped[int | None] = ref("app_users", "N")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    verdict: Mapped[str] = choice("helpful", "irrelevant", "wrong", "outdated", "harmful")
    comment: Mapped[str | None] = text_()
    correction: Mapped[str | None] = text_()
    applied_at: Mapped[datetime | None] = moment()
    applied_change: Mapped[Any] = json_(nullable=True)


ai_memory_feedback = Resource(
    AiMemoryFeedback,
    title="memory_id",
    label="Memory feedback",
    icon="agent",
    nav=("Memory", 45),
    about="Verdicts on a memory by a person or agent.",
    area="memory",
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    fields=(
        Reference("memory_id", to="ai_memories", edit=NEVER, filter=True),
        Reference("recall_id", to="memory_recalls", edit=NEVER, filter=True),
        Reference("app_user_id", to="app_users", as_="person", edit=NEVER, filter=True),
        Reference("agent_id", to="ai_agents", as_="agent", edit=NEVER, filter=True),
        Choice("verdict", edit=NEVER, filter=True),
        Text("comment", long=True, edit=NEVER, list=False),
        Text("correction", long=True, edit=NEVER, list=False),
        Moment("applied_at", edit=NEVER, filter=True),
        Json("applied_change", edit=NEVER),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)
