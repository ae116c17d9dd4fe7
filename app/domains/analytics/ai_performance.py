"""Model performance: what the calls of each hour cost and how they went, by model and kind of call."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Numeric, cast, func, text
from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Code, Cost, Count, Duration, Moment, Percent
from app.engine.records import Log, Record, bigint, cost, integer, moment, text_
from app.engine.resource import Resource


class AiPerformance(Record, Log):
    __tablename__ = "ai_performance"
    bucket_start: Mapped[datetime] = moment()
    provider: Mapped[str] = text_()
    model: Mapped[str] = text_()
    operation: Mapped[str] = text_()
    calls: Mapped[int] = integer("0")
    errors: Mapped[int] = integer("0")
    timeouts: Mapped[int] = integer("0")
    rate_limited: Mapped[int] = integer("0")
    cache_hits: Mapped[int] = integer("0")
    input_tokens: Mapped[int] = bigint("0")
    output_tokens: Mapped[int] = bigint("0")
    total_cost: Mapped[Decimal] = cost("0")
    latency_p50_ms: Mapped[int | None] = integer()
    latency_p95_ms: Mapped[int | None] = integer()
    latency_p99_ms: Mapped[int | None] = integer()
    ttft_p95_ms: Mapped[int | None] = integer()
    feedback_up: Mapped[int] = integer("0")
    feedback_down: Mapped[int] = integer("0")


def failed() -> ColumnElement[Any]:
    """All that ended without an answer, as a share of the calls: errors hold time-outs and rate limits."""
    return func.round(cast(AiPerformance.errors * 100, Numeric) / func.nullif(AiPerformance.calls, 0), 1)


ai_performance = Resource(
    AiPerformance,
    title="model",
    label="Model performance",
    singular="hour of a model",
    icon="pulse",
    nav=("Monitoring", 60),
    about="What the calls of each hour cost and how they went, by model. Percentiles are those of the hour, never averaged.",
    area="ai.performance",
    read_only="These figures are rolled up from the calls themselves; look at the calls to see why.",
    sort="-bucket_start",
    scopes={
        "Last 24 h": AiPerformance.bucket_start >= func.now() - text("interval '24 hours'"),
        "With failures": AiPerformance.errors > 0,
        "Slower than 10 s": AiPerformance.latency_p95_ms > 10_000,
        "Over $1 an hour": AiPerformance.total_cost > 1,
    },
    facts=(
        "bucket_start", "operation", "calls", "failed", "total_cost", "latency_p50_ms", "latency_p95_ms",
        "latency_p99_ms",
    ),
    fields=(
        Moment("bucket_start", label="Hour", edit=NEVER, filter=True, planned=True),
        Code("model", edit=NEVER, filter=True, width="m"),
        Code("operation", edit=NEVER, filter=True),
        Count("calls", edit=NEVER, filter=True),
        Percent("failed", edit=NEVER, sort=False, expr=failed),
        Cost("total_cost", label="Cost", edit=NEVER, filter=True),
        Count("input_tokens", label="Tokens in", edit=NEVER, filter=True),
        Count("output_tokens", label="Tokens out", edit=NEVER, filter=True),
        Duration("latency_p50_ms", label="Median", edit=NEVER, filter=True),
        Duration("latency_p95_ms", label="p95", edit=NEVER, filter=True),
        Code("provider", edit=NEVER, filter=True, list=False),
        Duration("latency_p99_ms", label="p99", edit=NEVER, filter=True, list=False, group="Time"),
        Duration("ttft_p95_ms", label="First token, p95", edit=NEVER, filter=True, list=False, group="Time"),
        Count("errors", label="Failed calls", edit=NEVER, filter=True, list=False, group="Failures"),
        Count("timeouts", label="Timed out", edit=NEVER, filter=True, list=False, group="Failures"),
        Count("rate_limited", label="Rate limited", edit=NEVER, filter=True, list=False, group="Failures"),
        Count("cache_hits", label="Answered from cache", edit=NEVER, filter=True, list=False, group="Answers"),
        Count("feedback_up", label="Liked", edit=NEVER, filter=True, list=False, group="Answers"),
        Count("feedback_down", label="Disliked", edit=NEVER, filter=True, list=False, group="Answers"),
        Moment("created_at", label="Rolled up", edit=NEVER, list=False, filter=True, group="Answers"),
    ),
)  # fmt: skip
