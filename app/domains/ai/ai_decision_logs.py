"""AI decisions: what an agent was asked, what it chose and why, what that cost, and what a person thought of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Mapped

from app.domains.ai.verdicts import ACTIONS
from app.engine.access import Actor
from app.engine.dates import span
from app.engine.fields import (
    NEVER,
    Choice,
    Code,
    Cost,
    Count,
    Duration,
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
    cost,
    integer,
    json_,
    moment,
    money,
    numbers,
    probability,
    ref,
    text_,
)
from app.engine.resource import Related, Resource

LOW_CONFIDENCE = Decimal("0.6")


class AiDecisionLog(Record, Standard, PerhapsSubject):
    __tablename__ = "ai_decision_logs"
    agent_id: Mapped[int] = ref("ai_agents", "R")
    kind: Mapped[str] = text_()
    trigger: Mapped[str] = choice("user", "schedule", "automation", "event", "board", "agent")
    question: Mapped[str] = text_()
    inputs: Mapped[dict[str, Any]] = json_("{}")
    options: Mapped[list[Any]] = json_("[]")
    chosen: Mapped[str | None] = text_()
    reasoning: Mapped[str | None] = text_()
    confidence: Mapped[Decimal | None] = probability()
    risk: Mapped[str] = choice("low", "medium", "high", default="low")
    status: Mapped[str] = choice(
        "proposed", "pending_approval", "executed", "rejected", "overridden", "failed", "reverted", default="proposed"
    )
    action_taken: Mapped[dict[str, Any] | None] = json_()
    decided_at: Mapped[datetime] = moment("now()")
    pathway_id: Mapped[int | None] = ref("ai_neural_pathways", "N")
    activations: Mapped[dict[str, Any] | None] = json_()
    consensus_decision_id: Mapped[int | None] = ref("ai_consensus_decisions", "N")
    approval_request_id: Mapped[int | None] = ref("approval_requests", "N")
    ai_task_id: Mapped[int | None] = ref("ai_tasks", "N")
    memory_ids: Mapped[list[int]] = numbers()
    trace_id: Mapped[str | None] = text_()
    model: Mapped[str | None] = text_()
    call_count: Mapped[int] = integer("0")
    input_tokens: Mapped[int] = integer("0")
    output_tokens: Mapped[int] = integer("0")
    total_cost: Mapped[Decimal] = cost("0")
    latency_ms: Mapped[int | None] = integer()
    error: Mapped[str | None] = text_()
    reviewed_by: Mapped[int | None] = ref("app_users", "N")
    reviewed_at: Mapped[datetime | None] = moment()
    review_verdict: Mapped[str | None] = choice("agree", "disagree", "unsure")
    review_note: Mapped[str | None] = text_()
    overridden_to: Mapped[str | None] = text_()
    outcome: Mapped[str] = choice("unknown", "good", "neutral", "bad", default="unknown")
    outcome_value: Mapped[Decimal | None] = money()
    outcome_noted_at: Mapped[datetime | None] = moment()


def most_expensive_today(actor: Actor) -> ColumnElement[bool]:
    """The hundred that cost most since midnight where the actor is; bounded, so it costs the same in a log of any size."""
    midnight, _ = span("today", actor.timezone).moments(actor.timezone)
    dearest = (
        select(AiDecisionLog.id)
        .where(AiDecisionLog.tenant_id == actor.tenant_id, AiDecisionLog.decided_at >= midnight)
        .order_by(AiDecisionLog.total_cost.desc(), AiDecisionLog.id.desc())
        .limit(100)
    )
    return AiDecisionLog.id.in_(dearest)


SCOPES: Mapping[str, Any] = {
    "To review": AiDecisionLog.reviewed_at.is_(None) & (AiDecisionLog.risk != "low"),
    "Low confidence": AiDecisionLog.confidence < LOW_CONFIDENCE,
    "Overridden": AiDecisionLog.status == "overridden",
    "Most expensive today": most_expensive_today,
    "Failed": AiDecisionLog.status == "failed",
}

ai_decision_logs = Resource(
    AiDecisionLog,
    title="question",
    label="Decisions",
    singular="decision",
    icon="split",
    nav=("AI", 20),
    about="Everything an agent decided: question, choice, reasons and cost. What a person thinks of it is added, never edited.",
    area="ai.decisions",
    sort="-decided_at",
    badge="status",
    read_only="A decision is kept as it was made; a person adds a verdict or how it turned out, with the buttons here.",
    scopes=SCOPES,
    screen="decision.show",
    facts=("decided_at", "agent_id", "status", "confidence", "risk", "total_cost", "latency_ms", "review_verdict"),
    related=(
        Related(
            "ai_calls",
            via="decision_id",
            label="Model calls",
            fields=("started_at", "operation", "model_used", "status", "input_tokens", "output_tokens", "total_cost"),
            sort="started_at",
        ),
    ),
    actions=ACTIONS,
    fields=(
        Moment("decided_at", label="Decided", edit=NEVER, filter=True, width="s"),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=NEVER, filter=True),
        Text("question", edit=NEVER, width="xl"),
        Code("kind", edit=NEVER, filter=True, list=False),
        SubjectLink("subject_id", label="About", filter=True),
        Text("chosen", label="Choice", edit=NEVER),
        Percent("confidence", edit=NEVER, share=True, filter=True, width="s"),
        Choice(
            "risk",
            edit=NEVER,
            filter=True,
            tones={"low": "mute dot", "medium": "warn warn", "high": "danger fail"},
        ),
        Choice(
            "status",
            label="State",
            edit=NEVER,
            filter=True,
            labels={"pending_approval": "Waiting for approval"},
            tones={
                "proposed": "ai ai",
                "pending_approval": "ai ai",
                "executed": "ok done",
                "rejected": "mute off",
                "overridden": "warn part",
                "failed": "danger fail",
                "reverted": "mute off",
            },
        ),
        Cost("total_cost", label="Cost", edit=NEVER, filter=True),
        Count(
            "tokens",
            edit=NEVER,
            sort=False,
            expr=lambda: AiDecisionLog.input_tokens + AiDecisionLog.output_tokens,
        ),
        Duration("latency_ms", label="Latency", edit=NEVER, filter=True),
        Choice(
            "review_verdict",
            label="Verdict",
            edit=NEVER,
            filter=True,
            tones={"agree": "ok done", "disagree": "danger fail", "unsure": "mute open"},
        ),
        Choice(
            "outcome",
            edit=NEVER,
            filter=True,
            tones={"unknown": "mute open", "good": "ok done", "neutral": "mute dot", "bad": "danger fail"},
        ),
        Text("reasoning", long=True, edit=NEVER, list=False, group="Decision"),
        Json("options", edit=NEVER, group="Decision"),
        Json("inputs", edit=NEVER, personal=True, group="Decision"),
        Json("action_taken", edit=NEVER, group="Decision"),
        Choice("trigger", edit=NEVER, list=False, filter=True, group="Decision"),
        Code("subject_type", label="About a", edit=NEVER, list=False, filter=True, group="Decision"),
        Reference(
            "pathway_id",
            label="Pathway",
            to="ai_neural_pathways",
            edit=NEVER,
            list=False,
            filter=True,
            group="Decision",
        ),
        Reference(
            "consensus_decision_id",
            label="Settled by the board",
            to="ai_consensus_decisions",
            edit=NEVER,
            list=False,
            filter=True,
            group="Decision",
        ),
        Json("activations", label="Values in the network", edit=NEVER, group="Decision"),
        Reference(
            "ai_task_id",
            label="For task",
            to="ai_tasks",
            edit=NEVER,
            list=False,
            filter=True,
            group="Decision",
        ),
        Reference(
            "approval_request_id",
            label="Approval",
            to="approval_requests",
            edit=NEVER,
            list=False,
            filter=True,
            group="Decision",
        ),
        Code("model", edit=NEVER, list=False, filter=True, group="Run"),
        Code("trace_id", label="Trace", edit=NEVER, list=False, filter=True, group="Run"),
        Count("call_count", label="Calls", edit=NEVER, list=False, group="Run"),
        Count("input_tokens", label="Tokens in", edit=NEVER, list=False, group="Run"),
        Count("output_tokens", label="Tokens out", edit=NEVER, list=False, group="Run"),
        Text("error", long=True, edit=NEVER, list=False, group="Run"),
        Reference(
            "reviewed_by",
            label="Reviewed by",
            to="app_users",
            as_="person",
            edit=NEVER,
            list=False,
            filter=True,
            group="Review",
        ),
        Moment("reviewed_at", label="Reviewed", edit=NEVER, list=False, filter=True, group="Review"),
        Text("review_note", label="Note", long=True, edit=NEVER, list=False, group="Review"),
        Text("overridden_to", label="Chosen instead", edit=NEVER, list=False, group="Review"),
        Money("outcome_value", label="Worth", edit=NEVER, list=False, group="Review"),
        Moment("outcome_noted_at", label="Outcome noted", edit=NEVER, list=False, filter=True, group="Review"),
    ),
)
