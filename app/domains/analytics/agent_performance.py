"""Agent performance: what each agent did each day, how often people agreed, how well it knew its own certainty, what it cost."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Numeric, Text, cast, func, select
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.fields import NEVER, Cost, Count, Date, Duration, Moment, Money, Percent, Reference
from app.engine.fields import Text as TextField
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


def name() -> ColumnElement[str]:
    agents = db.metadata.tables["ai_agents"].alias("worker")
    words = func.concat(agents.c.name, ", ", cast(AgentPerformance.day, Text))
    return select(words).where(agents.c.id == AgentPerformance.agent_id).scalar_subquery()


def agreement() -> ColumnElement[Any]:
    """Agree / (agree + disagree) of what was reviewed (KPIS.md section 2)."""
    return func.round(cast(AgentPerformance.agreed * 100, Numeric) / func.nullif(AgentPerformance.reviewed, 0), 1)


agent_performance = Resource(
    AgentPerformance,
    title="name",
    label="Agent performance",
    singular="day of an agent",
    icon="trendup",
    nav=("Monitoring", 61),
    about="What each agent did each day: decisions, how often people agreed, how well it knew its own certainty, what it cost.",
    area="ai.performance",
    read_only="These figures are rolled up from decisions, calls and tasks; look at those to see why.",
    sort="-day",
    scopes={
        "Last 7 days": AgentPerformance.day >= func.current_date() - 7,
        "Overruled": AgentPerformance.decisions_overridden + AgentPerformance.decisions_rejected > 0,
        "Too sure of itself": AgentPerformance.calibration_error > Decimal("0.2"),
    },
    facts=(
        "day", "agent_id", "decisions", "agreement", "avg_confidence", "calibration_error", "total_cost",
        "latency_p95_ms",
    ),
    fields=(
        TextField("name", label="Day of an agent", edit=NEVER, sort=False, width="l", expr=name),
        Date("day", edit=NEVER, filter=True),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=NEVER, filter=True, list=False),
        Count("decisions", edit=NEVER, filter=True),
        Count("reviewed", label="Reviewed", edit=NEVER, filter=True),
        Percent("agreement", label="Agreed with", edit=NEVER, sort=False, expr=agreement),
        Count("decisions_overridden", label="Overridden", edit=NEVER, filter=True),
        Percent("avg_confidence", label="Confidence", edit=NEVER, share=True, filter=True),
        Percent(
            "calibration_error", label="Calibration error", edit=NEVER, share=True, filter=True,
            help="How far its certainty lies from how often it was right; 0 is perfect.",
        ),
        Cost("total_cost", label="Cost", edit=NEVER, filter=True),
        Duration("latency_p95_ms", label="p95", edit=NEVER, filter=True),
        Count("decisions_auto", label="Acted alone", edit=NEVER, filter=True, list=False, group="Decisions"),
        Count("decisions_approved", label="Approved", edit=NEVER, filter=True, list=False, group="Decisions"),
        Count("decisions_rejected", label="Rejected", edit=NEVER, filter=True, list=False, group="Decisions"),
        Count("agreed", label="Agreed", edit=NEVER, filter=True, list=False, group="Decisions"),
        Money(
            "value_amount", label="Worth", edit=NEVER, filter=True, list=False, group="Decisions",
            help="What its decisions turned out to be worth.",
        ),
        Count("tasks_total", label="Tasks", edit=NEVER, filter=True, list=False, group="Tasks"),
        Count("tasks_succeeded", label="Succeeded", edit=NEVER, filter=True, list=False, group="Tasks"),
        Count("tasks_failed", label="Failed", edit=NEVER, filter=True, list=False, group="Tasks"),
        Count("tasks_cancelled", label="Cancelled", edit=NEVER, filter=True, list=False, group="Tasks"),
        Count("calls", label="Model calls", edit=NEVER, filter=True, list=False, group="Use"),
        Count("recalls", label="Memory recalls", edit=NEVER, filter=True, list=False, group="Use"),
        Count("recall_hits", label="Found something", edit=NEVER, filter=True, list=False, group="Use"),
        Moment("created_at", label="Rolled up", edit=NEVER, list=False, filter=True, group="Use"),
    ),
)  # fmt: skip
