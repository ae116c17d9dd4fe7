"""Board sessions: meetings of agents on a question, with agenda, quorum, rounds and cost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Cost, Count, Json, Moment, Percent, Reference, SubjectLink, Text
from app.engine.records import (
    PerhapsSubject,
    Record,
    Standard,
    choice,
    cost,
    integer,
    json_,
    moment,
    percent,
    ref,
    text_,
)
from app.engine.resource import Resource


class AiBoardSession(Record, Standard, PerhapsSubject):
    __tablename__ = "ai_board_sessions"
    number: Mapped[str] = text_()
    title: Mapped[str] = text_()
    purpose: Mapped[str] = choice("strategy", "pricing", "risk", "operations", "incident", "policy")
    status: Mapped[str] = choice(
        "draft", "scheduled", "in_session", "voting", "concluded", "cancelled", default="draft"
    )
    agenda: Mapped[list[Any]] = json_("[]")
    trigger: Mapped[str] = choice("manual", "schedule", "threshold", "incident", default="manual")
    chair_agent_id: Mapped[int | None] = ref("ai_agents", "R")
    convened_by: Mapped[int | None] = ref("app_users", "N")
    scheduled_for: Mapped[datetime | None] = moment()
    started_at: Mapped[datetime | None] = moment()
    ended_at: Mapped[datetime | None] = moment()
    quorum_pct: Mapped[Decimal] = percent("60")
    max_rounds: Mapped[int] = integer("3")
    round: Mapped[int] = integer("0")
    conversation_id: Mapped[int | None] = ref("conversations", "N")
    summary: Mapped[str | None] = text_()
    budget: Mapped[Decimal | None] = cost()
    total_cost: Mapped[Decimal] = cost("0")
    cancel_reason: Mapped[str | None] = text_()


ai_board_sessions = Resource(
    AiBoardSession,
    title="title",
    code="number",
    label="Board sessions",
    icon="agent",
    nav=("AI", 55),
    about="Meetings of agents on a question, with agenda, quorum, rounds and cost.",
    area="boards",
    search=(
        "number",
        "title",
        "summary",
    ),
    sort="-created_at",
    fields=(
        Code("number", filter=True),
        Text("title", filter=True),
        Choice("purpose", filter=True),
        Choice("status", filter=True),
        Json("agenda"),
        Choice("trigger", filter=True),
        Reference("chair_agent_id", to="ai_agents", as_="agent", filter=True),
        Reference("convened_by", to="app_users", as_="person", filter=True),
        Moment("scheduled_for", filter=True),
        Moment("started_at", filter=True),
        Moment("ended_at", filter=True),
        Percent("quorum_pct", filter=True),
        Count("max_rounds", filter=True),
        Count("round", filter=True),
        Reference("conversation_id", to="conversations", filter=True),
        Text("summary", long=True, list=False),
        Cost("budget", filter=True),
        Cost("total_cost", filter=True),
        Text("cancel_reason", long=True, list=False),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
