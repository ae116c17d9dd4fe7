"""Insights: findings worth a person's attention, with evidence and a next step."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Json, Moment, Money, Quantity, Reference, SubjectLink, Text
from app.engine.records import (
    PerhapsSubject,
    Record,
    Standard,
    choice,
    code,
    json_,
    moment,
    money,
    probability,
    ref,
    text_,
)
from app.engine.resource import Resource


class AiInsight(Record, Standard, PerhapsSubject):
    __tablename__ = "ai_insights"
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    kind: Mapped[str] = choice("anomaly", "opportunity", "risk", "trend", "recommendation", "data_quality")
    severity: Mapped[str] = choice("info", "low", "medium", "high", "critical", default="low")
    title: Mapped[str] = text_()
    body: Mapped[str] = text_()
    evidence: Mapped[dict[str, Any]] = json_("{}")
    impact_amount: Mapped[Decimal | None] = money()
    currency: Mapped[str | None] = code(3)
    confidence: Mapped[Decimal | None] = probability()
    pattern_id: Mapped[int | None] = ref("ai_patterns", "N")
    prediction_id: Mapped[int | None] = ref("ai_predictions", "N")
    dedupe_key: Mapped[str] = text_()
    status: Mapped[str] = choice(
        "new", "acknowledged", "in_progress", "actioned", "dismissed", "expired", default="new"
    )
    assignee_id: Mapped[int | None] = ref("app_users", "N")
    actioned_task_id: Mapped[int | None] = ref("user_tasks", "N")
    dismiss_reason: Mapped[str | None] = text_()
    expires_at: Mapped[datetime | None] = moment()


ai_insights = Resource(
    AiInsight,
    title="title",
    label="Insights",
    icon="agent",
    nav=("AI", 80),
    about="Findings worth a person's attention, with evidence and a next step.",
    area="insights",
    search=("title",),
    sort="-created_at",
    fields=(
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Choice("kind", filter=True),
        Choice("severity", filter=True),
        Text("title", filter=True),
        Text("body", long=True, list=False),
        Json("evidence"),
        Money("impact_amount", filter=True),
        Code("currency", list=False, filter=True),
        Quantity("confidence", places=4, filter=True),
        Reference("pattern_id", to="ai_patterns", filter=True),
        Reference("prediction_id", to="ai_predictions", filter=True),
        Code("dedupe_key", filter=True),
        Choice("status", filter=True),
        Reference("assignee_id", to="app_users", as_="person", filter=True),
        Reference("actioned_task_id", to="user_tasks", filter=True),
        Text("dismiss_reason", long=True, list=False),
        Moment("expires_at", filter=True),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
