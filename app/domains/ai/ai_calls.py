"""AI calls: each question put to a model or tool, with tokens, cost, time and what came back."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Cost, Count, Duration, Flag, Json, Moment, Reference, Text
from app.engine.records import Log, Record, choice, cost, flag, integer, json_, moment, ref, text_
from app.engine.resource import Related, Resource


class AiCall(Record, Log):
    __tablename__ = "ai_calls"
    trace_id: Mapped[str] = text_()
    span_id: Mapped[str] = text_()
    parent_span_id: Mapped[str | None] = text_()
    agent_id: Mapped[int | None] = ref("ai_agents", "R")
    decision_id: Mapped[int | None] = ref("ai_decision_logs", "N")
    ai_task_id: Mapped[int | None] = ref("ai_tasks", "N")
    conversation_id: Mapped[int | None] = ref("conversations", "N")
    operation: Mapped[str] = choice(
        "chat", "completion", "embedding", "tool", "rerank", "retrieval", "moderation", default="chat"
    )
    provider: Mapped[str] = text_()
    model_requested: Mapped[str] = text_()
    model_used: Mapped[str | None] = text_()
    prompt_name: Mapped[str | None] = text_()
    prompt_version: Mapped[str | None] = text_()
    params: Mapped[dict[str, Any]] = json_("{}")
    input: Mapped[Any] = json_(nullable=True)
    output: Mapped[Any] = json_(nullable=True)
    redacted_at: Mapped[datetime | None] = moment()
    input_tokens: Mapped[int] = integer("0")
    output_tokens: Mapped[int] = integer("0")
    cached_tokens: Mapped[int] = integer("0")
    reasoning_tokens: Mapped[int] = integer("0")
    price_id: Mapped[int | None] = ref("ai_model_prices", "R")
    input_cost: Mapped[Decimal] = cost("0")
    output_cost: Mapped[Decimal] = cost("0")
    total_cost: Mapped[Decimal] = cost("0")
    started_at: Mapped[datetime] = moment("now()")
    latency_ms: Mapped[int | None] = integer()
    ttft_ms: Mapped[int | None] = integer()
    status: Mapped[str] = choice(
        "running", "ok", "error", "timeout", "rate_limited", "cancelled", "blocked", default="running"
    )
    finish_reason: Mapped[str | None] = text_()
    error_type: Mapped[str | None] = text_()
    error: Mapped[str | None] = text_()
    retry_count: Mapped[int] = integer("0")
    cache_hit: Mapped[bool] = flag()


ai_calls = Resource(
    AiCall,
    title="span_id",
    label="Model calls",
    singular="model call",
    icon="code",
    nav=("AI", 30),
    about="Every call to a model or tool. Tokens and cost are the provider's own figures at the price of that day.",
    area="ai.calls",
    sort="-started_at",
    read_only="Calls are a log of what was sent, answered and paid; they are kept as they happened.",
    scopes={
        "Failed": AiCall.status.not_in(("ok", "running")),
        "Running": AiCall.status == "running",
        "Not part of a decision": AiCall.decision_id.is_(None),
    },
    facts=(
        "status",
        "operation",
        "model_used",
        "started_at",
        "latency_ms",
        "input_tokens",
        "output_tokens",
        "total_cost",
    ),
    related=(
        Related(
            "memory_recalls",
            via="call_id",
            label="Recalls made in it",
            fields=("query", "strategy", "found", "used", "top_score", "latency_ms"),
        ),
    ),
    fields=(
        Moment("started_at", label="Started", edit=NEVER, filter=True),
        Code("span_id", label="Call", edit=NEVER, filter=True),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=NEVER, filter=True),
        Choice("operation", edit=NEVER, filter=True),
        Code("model_used", label="Model", edit=NEVER, filter=True),
        Choice(
            "status",
            edit=NEVER,
            filter=True,
            labels={"ok": "OK", "rate_limited": "Rate limited"},
            tones={
                "running": "info prog",
                "ok": "ok done",
                "error": "danger fail",
                "timeout": "danger fail",
                "rate_limited": "warn warn",
                "cancelled": "mute off",
                "blocked": "warn warn",
            },
        ),
        Count("input_tokens", label="Tokens in", edit=NEVER, filter=True),
        Count("output_tokens", label="Tokens out", edit=NEVER, filter=True),
        Cost("total_cost", label="Cost", edit=NEVER, filter=True),
        Duration("latency_ms", label="Latency", edit=NEVER, filter=True),
        Duration("ttft_ms", label="First token after", edit=NEVER, filter=True),
        Reference("decision_id", label="Decision", to="ai_decision_logs", edit=NEVER, filter=True, list=False),
        Reference("conversation_id", label="Conversation", to="conversations", edit=NEVER, filter=True, list=False),
        Reference("ai_task_id", label="For task", to="ai_tasks", edit=NEVER, filter=True, list=False),
        Code("provider", edit=NEVER, list=False, filter=True, group="Model"),
        Code("model_requested", label="Model asked for", edit=NEVER, list=False, filter=True, group="Model"),
        Code("prompt_name", label="Prompt", edit=NEVER, list=False, filter=True, group="Model"),
        Code("prompt_version", edit=NEVER, list=False, group="Model"),
        Json("params", label="Parameters", edit=NEVER, group="Model"),
        Count("cached_tokens", label="Tokens from cache", edit=NEVER, list=False, group="Cost"),
        Count("reasoning_tokens", edit=NEVER, list=False, group="Cost"),
        Cost("input_cost", edit=NEVER, list=False, group="Cost"),
        Cost("output_cost", edit=NEVER, list=False, group="Cost"),
        Reference("price_id", label="Price", to="ai_model_prices", edit=NEVER, list=False, filter=True, group="Cost"),
        Flag("cache_hit", label="Answered from cache", edit=NEVER, list=False, filter=True, group="Cost"),
        Count("retry_count", label="Retries", edit=NEVER, list=False, filter=True, group="Result"),
        Code("finish_reason", edit=NEVER, list=False, filter=True, group="Result"),
        Code("error_type", label="Kind of error", edit=NEVER, list=False, filter=True, group="Result"),
        Text("error", long=True, edit=NEVER, list=False, group="Result"),
        Json("input", edit=NEVER, personal=True, group="Content"),
        Json("output", edit=NEVER, personal=True, group="Content"),
        Moment("redacted_at", label="Content removed", edit=NEVER, list=False, filter=True, group="Content"),
        Code("trace_id", label="Trace", edit=NEVER, list=False, filter=True, group="Content"),
        Code("parent_span_id", label="Called from", edit=NEVER, list=False, group="Content"),
    ),
)
