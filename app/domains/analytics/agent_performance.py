"""Agent performance: daily roll-up per agent: work, decisions, agreement, calibration, cost, memory use."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Cost, Count, Date, Duration, Moment, Money, Quantity, Reference
from app.engine.records import Log, Record, cost, integer, money, probability, ref
from app.engine.records import day as day_
from app.engine.resource import Resource


class AgentPerformance(Record, Log):
    __tablename__ = "agent_performance"
    agent_id: Mapped[int] = ref("ai_agents", "C")
    day: Mapped[date] = day_()
    tasks_total: Mapped[int] = integer("0")
    tasks_succeeded: Mapped[int] = integer("0")
    tasks_failed: Mapped[int] = integer("0")
    tasks_cancelled: Mapped[int] = integer("0")
    decisions: Mapped[int] = integer("0")
    decisions_auto: Mapped[int] = integer("0")
    decisions_approved: Mapped[int] = integer("0")
    decisions_rejected: Mapped[int] = integer("0")
    decisions_overridden: Mapped[int] = integer("0")
    reviewed: Mapped[int] = integer("0")
    agreed: Mapped[int] = integer("0")
    avg_confidence: Mapped[Decimal | None] = probability()
    calibration_error: Mapped[Decimal | None] = probability()
    latency_p95_ms: Mapped[int | None] = integer()
    calls: Mapped[int] = integer("0")
    total_cost: Mapped[Decimal] = cost("0")
    recalls: Mapped[int] = integer("0")
    recall_hits: Mapped[int] = integer("0")
    value_amount: Mapped[Decimal | None] = money()


agent_performance = Resource(
    AgentPerformance,
    title="agent_id",
    label="Agent performance",
    icon="pulse",
    nav=("Monitoring", 70),
    about="Daily roll-up per agent: work, decisions, agreement, calibration, cost, memory use.",
    area="ai.performance",
    read_only="A log of what happened; it is kept as it happened.",
    sort="-created_at",
    fields=(
        Reference("agent_id", to="ai_agents", as_="agent", edit=NEVER, filter=True),
        Date("day", edit=NEVER, filter=True),
        Count("tasks_total", edit=NEVER, filter=True),
        Count("tasks_succeeded", edit=NEVER, filter=True),
        Count("tasks_failed", edit=NEVER, filter=True),
        Count("tasks_cancelled", edit=NEVER, filter=True),
        Count("decisions", edit=NEVER, filter=True),
        Count("decisions_auto", edit=NEVER, filter=True),
        Count("decisions_approved", edit=NEVER, filter=True),
        Count("decisions_rejected", edit=NEVER, filter=True),
        Count("decisions_overridden", edit=NEVER, filter=True),
        Count("reviewed", edit=NEVER, filter=True),
        Count("agreed", edit=NEVER, filter=True),
        Quantity("avg_confidence", places=4, edit=NEVER, filter=True),
        Quantity("calibration_error", places=4, edit=NEVER, filter=True),
        Duration("latency_p95_ms", edit=NEVER, filter=True),
        Count("calls", edit=NEVER, filter=True),
        Cost("total_cost", edit=NEVER, filter=True),
        Count("recalls", edit=NEVER, filter=True),
        Count("recall_hits", edit=NEVER, filter=True),
        Money("value_amount", edit=NEVER, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
    ),
)
