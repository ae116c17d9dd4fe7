"""Predictions: what an agent or model foresees, until when, and later how near it came to what happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, case, cast, func
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Mapped

from app.core.clock import today
from app.domains.ai.scoring import score, unclear
from app.engine.access import Actor
from app.engine.fields import (
    CREATE,
    NEVER,
    Choice,
    Code,
    Date,
    Flag,
    Json,
    Moment,
    Money,
    Percent,
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
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs

GRACE_DAYS = 30


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


OPEN = AiPrediction.status == "open"


def foreseen() -> ColumnElement[str]:
    """The value in words, whatever its kind: "72 %", "$18,250", "Open seam", "2026-12-04"."""
    return case(
        (
            AiPrediction.probability.is_not(None),
            cast(func.round(AiPrediction.probability * 100), SqlText).op("||")(" %"),
        ),
        (AiPrediction.amount.is_not(None), func.to_char(AiPrediction.amount, "FM$999,999,999,990")),
        (AiPrediction.category.is_not(None), AiPrediction.category),
        else_=cast(AiPrediction.predicted_date, SqlText),
    )


def past_horizon(actor: Actor) -> ColumnElement[bool]:
    """What should be known by now."""
    return OPEN & (AiPrediction.horizon_on < today(actor.timezone))


def told(moving: Moving) -> str | None:
    return unclear(moving.record, moving.asked)


def long_past(moving: Moving) -> str | None:
    horizon = moving.record["horizon_on"]
    if horizon + timedelta(days=GRACE_DAYS) < moving.at.date():
        return None
    return f"It is given up {GRACE_DAYS} days after its horizon, not before."


def resolved(moving: Moving) -> Mapping[str, Any]:
    source = "manual" if moving.actor.kind == "user" else "auto"
    return {"resolved_at": moving.at, "resolution_source": source, **score(moving.record, moving.asked)}


def voided(_: Moving) -> Mapping[str, Any]:
    """A voided forecast counts nowhere, so it keeps no score."""
    return {"resolved_at": None, "resolution_source": None, "was_correct": None, "abs_error": None, "brier": None}


ai_predictions = Resource(
    AiPrediction,
    title="explanation",
    label="Predictions",
    singular="prediction",
    icon="eye",
    nav=("AI", 80),
    about="What is foreseen and until when. The forecast stays as it was made; what really happened is added and scores it.",
    area="predictions",
    search=("explanation",),
    sort="-created_at",
    scopes={
        "Open": OPEN,
        "Past their day": past_horizon,
        "Came true": AiPrediction.was_correct.is_(True),
        "Were wrong": AiPrediction.was_correct.is_(False),
    },
    facts=("target", "foreseen", "horizon_on", "subject_id", "agent_id", "model_name", "was_correct", "brier"),
    related=(
        Related(
            "ai_insights", via="prediction_id", label="Insights made of it", sort="-created_at",
            fields=("title", "severity", "status", "impact_amount", "assignee_id", "created_at"),
        ),
    ),
    lifecycle=Lifecycle(
        field="status",
        initial="open",
        stages=("open", "resolved"),
        frozen=dict.fromkeys(("open", "resolved", "expired", "voided"), ("*",)),
        why_frozen="A forecast stays as it was made, or it could not be measured; resolve it or void it.",
        transitions=(
            Transition(
                "resolve", "Say what happened", ("open",), "resolved", "predictions.resolve", guards=(told,),
                asks=("actual_value", "actual_category"), effects=(resolved,), done="resolved",
            ),
            Transition(
                "expire", "Let expire", ("open",), "expired", "predictions.resolve", guards=(long_past,), by_system=True,
                done="expired",
            ),
            Transition(
                "void", "Void prediction", ("open", "resolved"), "voided", "predictions.void", asks=("void_reason",),
                requires=("void_reason",), effects=(voided,), danger=True, done="voided",
            ),
        ),
    ),
    defaults={"model_name": "by hand", "model_version": "1", "currency": "USD"},
    sentences={
        "ck_ai_predictions_one_value": ("probability", "Give exactly one: a probability, an amount, a category or a date."),
        "ck_ai_predictions_range": ("low", "The low end must not lie above the high end."),
        "ck_ai_predictions_currency": ("currency", "Use a three-letter currency code, like USD."),
        "ck_ai_predictions_subject": ("subject_id", "Name both the kind of record and its number, or neither."),
    },
    fields=(
        Text(
            "explanation", label="Prediction", required=True, longest=1000, edit=CREATE, width="xl",
            help="What is foreseen and why, in a sentence.",
        ),
        Choice("target", label="About", edit=CREATE, filter=True),
        Text("foreseen", label="Forecast", edit=NEVER, sort=False, width="s", expr=foreseen),
        SubjectLink("subject_id", label="Record"),
        Date("horizon_on", label="Until", edit=CREATE, filter=True),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={"open": "info open", "resolved": "ok done", "expired": "warn pause", "voided": "mute off"},
        ),
        Flag("was_correct", label="Came true", edit=NEVER, filter=True),
        Reference("agent_id", label="Foreseen by", to="ai_agents", as_="agent", edit=CREATE, filter=True),
        Moment("created_at", label="Made", edit=NEVER, filter=True),
        Choice("value_kind", label="Kind of value", edit=CREATE, filter=True, list=False, group="Forecast"),
        Percent(
            "probability", edit=CREATE, share=True, most=1, list=False, filter=True, group="Forecast",
            help="0 to 1.",
        ),
        Money("amount", edit=CREATE, list=False, filter=True, group="Forecast"),
        Code("currency", edit=CREATE, longest=3, list=False, group="Forecast"),
        Text("category", edit=CREATE, longest=200, list=False, filter=True, group="Forecast"),
        Date("predicted_date", label="Day foreseen", edit=CREATE, list=False, filter=True, group="Forecast"),
        Quantity("low", label="At least", places=4, edit=CREATE, list=False, group="Forecast"),
        Quantity("high", label="At most", places=4, edit=CREATE, list=False, group="Forecast"),
        Quantity(
            "actual_value", label="What it came to", places=4, edit=NEVER, list=False, filter=True, group="What happened",
            help="The amount; or 1 if it happened and 0 if it did not.",
        ),
        Text(
            "actual_category", label="What it turned out to be", edit=NEVER, longest=200, list=False, group="What happened",
            help="The category, or the day as 2026-11-20.",
        ),
        Quantity(
            "brier", label="Brier score", places=6, edit=NEVER, list=False, filter=True, group="What happened",
            help="0 is perfect, 1 the worst.",
        ),
        Quantity("abs_error", label="Off by", places=4, edit=NEVER, list=False, filter=True, group="What happened"),
        Moment("resolved_at", label="Resolved", edit=NEVER, list=False, filter=True, group="What happened"),
        Choice(
            "resolution_source", label="Resolved by", edit=NEVER, list=False, filter=True, group="What happened",
            labels={"auto": "The records", "manual": "A person"},
        ),
        Text("void_reason", label="Voided because", long=True, edit=NEVER, list=False, group="What happened"),
        Text(
            "grounds", label="Rests on", long=True, edit=NEVER, list=False, sort=False, group="Model",
            expr=lambda: pairs(AiPrediction.__table__.c.features),
        ),
        Json("features", label="Features as data", edit=CREATE, group="Model"),
        Code("model_name", label="Model", edit=CREATE, list=False, filter=True, group="Model"),
        Code("model_version", label="Version", edit=CREATE, list=False, filter=True, group="Model"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Model"),
    ),
)  # fmt: skip
