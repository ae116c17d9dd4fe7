"""Model performance: hourly roll-up of ai_calls by provider, model, operation."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Code, Cost, Count, Duration, Moment, Text
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


ai_performance = Resource(
    AiPerformance,
    title="provider",
    label="Model performance",
    icon="pulse",
    nav=("Monitoring", 65),
    about="Hourly roll-up of ai_calls by provider, model, operation.",
    area="ai.performance",
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    fields=(
        Moment("bucket_start", edit=NEVER, filter=True),
        Code("provider", edit=NEVER, filter=True),
        Code("model", edit=NEVER, filter=True),
        Text("operation", edit=NEVER, filter=True),
        Count("calls", edit=NEVER, filter=True),
        Count("errors", edit=NEVER, filter=True),
        Count("timeouts", edit=NEVER, filter=True),
        Count("rate_limited", edit=NEVER, filter=True),
        Count("cache_hits", edit=NEVER, filter=True),
        Count("input_tokens", edit=NEVER, filter=True),
        Count("output_tokens", edit=NEVER, filter=True),
        Cost("total_cost", edit=NEVER, filter=True),
        Duration("latency_p50_ms", edit=NEVER, filter=True),
        Duration("latency_p95_ms", edit=NEVER, filter=True),
        Duration("latency_p99_ms", edit=NEVER, filter=True),
        Duration("ttft_p95_ms", edit=NEVER, filter=True),
        Count("feedback_up", edit=NEVER, filter=True),
        Count("feedback_down", edit=NEVER, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)
