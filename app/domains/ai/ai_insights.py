"""Insights: findings worth a person's attention, what they rest on, what is at stake and what was done about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped

from app.engine.access import Actor
from app.engine.fields import (
    BULK,
    CREATE,
    INLINE,
    NEVER,
    Choice,
    Code,
    Json,
    Moment,
    Money,
    Percent,
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
    json_,
    moment,
    money,
    probability,
    ref,
    text_,
)
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs


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


OPEN_STATES = ("new", "acknowledged", "in_progress")
OPEN = AiInsight.status.in_(OPEN_STATES)


def mine(actor: Actor) -> ColumnElement[bool]:
    return OPEN & (AiInsight.assignee_id == actor.app_user_id)


def taken(moving: Moving) -> Mapping[str, Any]:
    """Whoever takes it up first is the one to ask about it, unless somebody was named."""
    return {"assignee_id": moving.record["assignee_id"] or moving.actor.app_user_id}


def its_time_is_up(moving: Moving) -> str | None:
    until = moving.record["expires_at"]
    if until is None:
        return "This insight has no end; dismiss it instead."
    return None if until <= moving.at else "It still holds; its end lies ahead."


def reopened(_: Moving) -> Mapping[str, Any]:
    return {"dismiss_reason": None, "expires_at": None}


ai_insights = Resource(
    AiInsight,
    title="title",
    label="Insights",
    singular="insight",
    icon="star",
    nav=("AI", 45),
    about="What the agents found worth a person's attention: the evidence, what is at stake, and who sees to it.",
    area="insights",
    search=("title",),
    sort="-created_at",
    opens="Open",
    scopes={
        "Open": OPEN,
        "Mine": mine,
        "New": AiInsight.status == "new",
        "High and critical": OPEN & AiInsight.severity.in_(("high", "critical")),
        "Opportunities": OPEN & (AiInsight.kind == "opportunity"),
        "Nobody has them": OPEN & AiInsight.assignee_id.is_(None),
        "Dismissed": AiInsight.status == "dismissed",
    },
    facts=("severity", "kind", "impact_amount", "confidence", "subject_id", "assignee_id", "agent_id", "expires_at"),
    lifecycle=Lifecycle(
        field="status",
        initial="new",
        stages=("new", "acknowledged", "in_progress", "actioned"),
        frozen=dict.fromkeys(("actioned", "dismissed", "expired"), ("*",)),
        why_frozen="This insight is closed; reopen it first.",
        transitions=(
            Transition(
                "acknowledge", "Acknowledge", ("new",), "acknowledged", "insights.act", effects=(taken,), done="acknowledged",
            ),
            Transition(
                "start", "Start on it", ("new", "acknowledged"), "in_progress", "insights.act", effects=(taken,),
                asks=("actioned_task_id",), done="started",
            ),
            Transition(
                "finish", "Mark as acted on", ("acknowledged", "in_progress"), "actioned", "insights.act",
                asks=("actioned_task_id",), effects=(taken,), done="marked as acted on",
            ),
            Transition(
                "dismiss", "Dismiss insight", OPEN_STATES, "dismissed", "insights.dismiss", asks=("dismiss_reason",),
                requires=("dismiss_reason",), danger=True, done="dismissed",
            ),
            Transition(
                "expire", "Let expire", OPEN_STATES, "expired", "insights.act", guards=(its_time_is_up,), by_system=True,
                done="expired",
            ),
            Transition(
                "reopen", "Reopen insight", ("dismissed", "expired", "actioned"), "acknowledged", "insights.dismiss",
                effects=(reopened,), done="reopened",
            ),
        ),
    ),
    sentences={
        "uq_ai_insights_tenant_id_dedupe_key": ("dedupe_key", "An open insight says the same already."),
        "ck_ai_insights_dismissed": ("dismiss_reason", "Say why it is dismissed."),
        "ck_ai_insights_currency": ("currency", "Use a three-letter currency code, like USD."),
        "ck_ai_insights_subject": ("subject_id", "Name both the kind of record and its number, or neither."),
    },
    defaults={"currency": "USD"},
    fields=(
        Text("title", label="Insight", required=True, longest=300, edit=CREATE, width="xl"),
        Choice(
            "severity", edit=INLINE | BULK, filter=True,
            tones={
                "info": "mute dot", "low": "mute dot", "medium": "info dot", "high": "warn warn", "critical": "danger fail",
            },
        ),
        Choice("kind", edit=CREATE, filter=True, labels={"data_quality": "Data quality"}),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={
                "new": "ai ai", "acknowledged": "info open", "in_progress": "accent prog", "actioned": "ok done",
                "dismissed": "mute off", "expired": "mute pause",
            },
        ),
        SubjectLink("subject_id", label="About"),
        Money("impact_amount", label="At stake", edit=CREATE, filter=True),
        Percent("confidence", edit=CREATE, share=True, most=1, filter=True),
        Reference("assignee_id", label="Assigned to", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Moment("created_at", label="Found", edit=NEVER, filter=True),
        Text("body", label="What was found", long=True, required=True, edit=CREATE, list=False),
        Text("dismiss_reason", label="Dismissed because", long=True, edit=NEVER, list=False),
        Text(
            "grounds", label="Evidence", long=True, edit=NEVER, list=False, sort=False, group="Evidence",
            expr=lambda: pairs(AiInsight.__table__.c.evidence),
        ),
        Reference(
            "pattern_id", label="Pattern", to="ai_patterns", edit=CREATE, list=False, filter=True, group="Evidence",
        ),
        Reference(
            "prediction_id", label="Prediction", to="ai_predictions", edit=CREATE, list=False, filter=True,
            group="Evidence",
        ),
        Json("evidence", label="Evidence as data", edit=CREATE, group="Evidence"),
        Reference(
            "actioned_task_id", label="Task", to="user_tasks", edit=INLINE, list=False, filter=True, group="Work",
        ),
        Moment("expires_at", label="Holds until", planned=True, edit=INLINE, list=False, filter=True, group="Work"),
        Reference(
            "agent_id", label="Found by", to="ai_agents", as_="agent", edit=CREATE, list=False, filter=True,
            group="Origin",
        ),
        Code("dedupe_key", label="Same finding", edit=CREATE, longest=200, list=False, filter=True, group="Origin",
             help="What two findings of the same thing share, so that it is reported once."),
        Code("currency", longest=3, edit=CREATE, list=False, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
