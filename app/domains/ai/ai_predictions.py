"""Predictions: forecasts with a horizon, later scored against what happened."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import (
    NEVER,
    Choice,
    Code,
    Date,
    Flag,
    Json,
    Moment,
    Money,
    Quantity,
    Reference,
    SubjectLink,
    Text,
)
from app.engine.records import (
    PerhapsSubject,
    Record,
    Standard,
    choice,
    code,
    day,
    flag,
    json_,
    moment,
    money,
    number,
    ref,
    text_,
)
from app.engine.records import probability as probability_
from app.engine.resource import Resource


class AiPrediction(Record, Standard, PerhapsSubject):
    __tablename__ = "ai_predictions"
    agent_id: Mapped[int | None] = ref("ai_agents", "R")
    model_name: Mapped[str] = text_()
    model_version: Mapped[str] = text_()
    target: Mapped[str] = choice(
        "lead_win",
        "invoice_late",
        "job_overrun",
        "customer_churn",
        "revenue_month",
        "job_margin",
        "roof_failure",
        "custom",
    )
    value_kind: Mapped[str] = choice("probability", "amount", "category", "date")
    probability: Mapped[Decimal | None] = probability_()
    amount: Mapped[Decimal | None] = money()
    currency: Mapped[str | None] = code(3)
    category: Mapped[str | None] = text_()
    predicted_date: Mapped[date | None] = day()
    low: Mapped[Decimal | None] = number(18, 4)
    high: Mapped[Decimal | None] = number(18, 4)
    features: Mapped[dict[str, Any]] = json_("{}")
    explanation: Mapped[str | None] = text_()
    horizon_on: Mapped[date] = day()
    status: Mapped[str] = choice("open", "resolved", "expired", "voided", default="open")
    actual_value: Mapped[Decimal | None] = number(18, 4)
    actual_category: Mapped[str | None] = text_()
    was_correct: Mapped[bool | None] = flag(None)
    abs_error: Mapped[Decimal | None] = number(18, 4)
    brier: Mapped[Decimal | None] = number(8, 6)
    resolved_at: Mapped[datetime | None] = moment()
    resolution_source: Mapped[str | None] = choice("auto", "manual")
    void_reason: Mapped[str | None] = text_()


ai_predictions = Resource(
    AiPrediction,
    title="agent_id",
    label="Predictions",
    icon="agent",
    nav=("AI", 75),
    about="Forecasts with a horizon, later scored against what happened.",
    area="predictions",
    sort="-created_at",
    fields=(
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Code("model_name", filter=True),
        Code("model_version", filter=True),
        Choice("target", filter=True),
        Choice("value_kind", filter=True),
        Quantity("probability", places=4, filter=True),
        Money("amount", filter=True),
        Code("currency", list=False, filter=True),
        Text("category", filter=True),
        Date("predicted_date", filter=True),
        Quantity("low", places=4, filter=True),
        Quantity("high", places=4, filter=True),
        Json("features"),
        Text("explanation", long=True, list=False),
        Date("horizon_on", filter=True),
        Choice("status", filter=True),
        Quantity("actual_value", places=4, filter=True),
        Text("actual_category", filter=True),
        Flag("was_correct", filter=True),
        Quantity("abs_error", places=4, filter=True),
        Quantity("brier", places=6, filter=True),
        Moment("resolved_at", filter=True),
        Choice("resolution_source", filter=True),
        Text("void_reason", long=True, list=False),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
