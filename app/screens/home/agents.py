"""What the agents want judged, and how they did over fourteen days: runs, errors, cost and agreement."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import text

from app.core import charts, formats
from app.screens.home.frame import Count, Frame

MOST_COUNTED = 10_000
_REVIEW = text("""
    SELECT d.id, d.question, d.chosen, d.risk, d.confidence, d.decided_at, a.name AS agent,
           (SELECT count(*) FROM (SELECT FROM ai_decision_logs
            WHERE tenant_id = :tenant AND reviewed_at IS NULL AND risk <> 'low' LIMIT :most) AS counted) AS waiting
    FROM ai_decision_logs d JOIN ai_agents a ON a.id = d.agent_id
    WHERE d.tenant_id = :tenant AND d.reviewed_at IS NULL AND d.risk <> 'low'
    ORDER BY d.decided_at DESC, d.id DESC LIMIT 4
""")
_DECISIONS = text("""
    SELECT a.id, a.name, a.status, sums.runs, sums.agreed, sums.disagreed
    FROM (
        SELECT agent_id, count(*) AS runs, count(*) FILTER (WHERE review_verdict = 'agree') AS agreed,
               count(*) FILTER (WHERE review_verdict = 'disagree') AS disagreed
        FROM ai_decision_logs WHERE tenant_id = :tenant AND decided_at >= :since GROUP BY 1
    ) AS sums
    JOIN ai_agents a ON a.id = sums.agent_id
""")
_CALLS = text("""
    SELECT agent_id, width_bucket(started_at, CAST(:midnights AS timestamptz[])) AS place, count(*) AS rows,
           sum(total_cost) AS cost,
           count(*) FILTER (WHERE status <> 'running') AS ended,
           count(*) FILTER (WHERE status IN ('error', 'timeout', 'rate_limited', 'blocked')) AS errors
    FROM ai_calls WHERE tenant_id = :tenant AND started_at >= :since GROUP BY 1, 2
""")
_BUDGET = text("""
    SELECT sum(daily_budget) AS budget FROM ai_agents
    WHERE tenant_id = :tenant AND status = 'active' AND archived_at IS NULL
""")

DAYS = 14
MOST_AGENTS = 5
FAILED = "error,timeout,rate_limited,blocked"


@dataclass(frozen=True)
class Waiting:
    question: str
    href: str
    agent: str
    risk: str
    confidence: Decimal | None
    decided_at: datetime


@dataclass(frozen=True)
class Review:
    count: Count
    first: list[Waiting]
    may_review: bool


@dataclass(frozen=True)
class Agent:
    name: str
    href: str
    paused: bool
    runs: Count
    errors: Count
    error_rate: float | None
    """Calls that failed, of all that ended (KPIS.md, AI error rate)."""
    cost: Decimal
    calls: Count
    agreement: float | None
    """Agreed, of those agreed or disagreed with; None where nobody judged one."""
    judged: Count


@dataclass(frozen=True)
class Column:
    """One day of the cost chart, in the units of its box."""

    x: float
    y: float
    height: float
    error_y: float
    error_height: float
    today: bool
    words: str


@dataclass(frozen=True)
class Agents:
    agents: list[Agent]
    hidden: int
    columns: list[Column]
    scale: list[tuple[float, str]]
    first_day: date
    spent_today: Decimal
    calls_today: Count
    budget: Decimal | None
    budget_share: int
    sentence: str
    as_of: datetime | None = None
    """When it was counted, where that was not just now."""


class _Kept(NamedTuple):
    until: float
    value: Agents


# Fourteen days of a log of ten million rows take longer than a page may: a count that was slow is kept for a minute at
# least and a hundred times as long as it took, so that counting never takes more than a hundredth of the time.
_SLOW_S, _KEEP_S, _KEEP_TIMES = 0.15, 60.0, 100
_kept: dict[Any, _Kept] = {}


def review(here: Frame) -> Review | None:
    if not here.sees("ai_decision_logs", "question"):
        return None
    rows = here.rows(_REVIEW, most=MOST_COUNTED + 1)
    waiting = rows[0].waiting if rows else 0
    return Review(
        count=Count(
            min(waiting, MOST_COUNTED), here.list("ai_decision_logs", {"scope": "To review"}), waiting > MOST_COUNTED
        ),
        first=[
            Waiting(
                row.question,
                here.record("ai_decision_logs", row.id),
                row.agent,
                row.risk,
                row.confidence,
                row.decided_at,
            )
            for row in rows
        ],
        may_review=here.actor.may("ai.decisions.review"),
    )


def agents(here: Frame) -> Agents | None:
    if not (here.sees("ai_agents") and here.sees("ai_decision_logs") and here.sees("ai_calls", "total_cost")):
        return None
    return _held((here.actor.tenant_id, here.zone, here.actor.timezone, here.today), lambda: _agents(here))


def _held(key: Any, load: Callable[[], Agents]) -> Agents:
    kept = _kept.get(key)
    if kept and time.monotonic() < kept.until:
        return kept.value
    began = time.monotonic()
    value = load()
    took = time.monotonic() - began
    if took > _SLOW_S:
        if len(_kept) > 100:
            _kept.clear()
        _kept[key] = _Kept(time.monotonic() + max(_KEEP_S, took * _KEEP_TIMES), value)
    return value


@dataclass
class _Sums:
    rows: int = 0
    ended: int = 0
    errors: int = 0
    cost: Decimal = field(default_factory=Decimal)

    def add(self, row: Any) -> None:
        self.rows += row.rows
        self.ended += row.ended
        self.errors += row.errors
        self.cost += row.cost or 0


def _agents(here: Frame) -> Agents:
    first = here.today - timedelta(days=DAYS - 1)
    since = here.start_of(first)
    days = [first + timedelta(days=offset) for offset in range(DAYS)]
    by_agent: dict[int | None, _Sums] = {}
    by_day: dict[date, _Sums] = {}
    for row in here.rows(_CALLS, midnights=[here.start_of(day) for day in days], since=since):
        by_agent.setdefault(row.agent_id, _Sums()).add(row)
        by_day.setdefault(days[row.place - 1], _Sums()).add(row)
    decided = sorted(
        here.rows(_DECISIONS, since=since), key=lambda row: (-by_agent.get(row.id, _Sums()).cost, row.name)
    )
    budget = here.rows(_BUDGET)[0].budget
    spent = by_day.get(here.today, _Sums())
    columns, scale = _chart([by_day.get(day, _Sums()) for day in days], days)
    costs = [by_day.get(day, _Sums()).cost for day in days]
    return Agents(
        agents=[_agent(here, row, by_agent.get(row.id, _Sums()), first) for row in decided[:MOST_AGENTS]],
        hidden=max(len(decided) - MOST_AGENTS, 0),
        columns=columns,
        scale=scale,
        first_day=first,
        spent_today=spent.cost,
        calls_today=Count(spent.rows, here.list("ai_calls", here.since("started_at", here.today))),
        budget=budget,
        budget_share=charts.whole_percent(float(spent.cost), float(budget or 0)),
        sentence=f"Daily AI cost between {formats.cost(min(costs))} and {formats.cost(max(costs))}, last {DAYS} days",
        as_of=here.now,
    )


def _agent(here: Frame, row: Any, calls: _Sums, first: date) -> Agent:
    decided = {"agent_id": row.id} | here.since("decided_at", first)
    called = {"agent_id": row.id} | here.since("started_at", first)
    judged = row.agreed + row.disagreed
    return Agent(
        name=row.name,
        href=here.record("ai_agents", row.id),
        paused=row.status == "paused",
        runs=Count(row.runs, here.list("ai_decision_logs", decided)),
        errors=Count(calls.errors, here.list("ai_calls", called | {"status.in": FAILED})),
        error_rate=calls.errors / calls.ended if calls.ended else None,
        cost=calls.cost,
        calls=Count(calls.rows, here.list("ai_calls", called)),
        agreement=row.agreed / judged if judged else None,
        judged=Count(judged, here.list("ai_decision_logs", decided | {"review_verdict.in": "agree,disagree"})),
    )


def _chart(sums: list[_Sums], days: list[date]) -> tuple[list[Column], list[tuple[float, str]]]:
    """Columns of daily cost between y 12 and 82 of the drawing, error shares as small red marks below them."""
    top = _ceiling(max((each.cost for each in sums), default=Decimal(0)))
    columns = []
    for index, (each, day) in enumerate(zip(sums, days, strict=True)):
        tall = round(float(each.cost / top) * 70, 1) if top else 0.0
        share = each.errors / each.ended if each.ended else 0.0
        mark = round(min(share / 0.10, 1) * 12, 1)
        columns.append(
            Column(
                x=round(29 + index * 15.8, 1),
                y=82 - tall,
                height=tall,
                error_y=round(114 - mark, 1),
                error_height=mark,
                today=index == len(sums) - 1,
                words=f"{formats.date(day, days[-1])}: {formats.cost(each.cost)}, {formats.percent(share)} of calls failed",
            )
        )
    scale = [(12.0, formats.money(top, style="key")), (47.0, formats.money(top / 2, style="key")), (82.0, "$0")]
    return columns, scale


def _ceiling(most: Decimal) -> Decimal:
    """The next round figure above the dearest day, so that the middle line of the chart has one too."""
    for step in (
        Decimal("0.1"),
        Decimal("0.2"),
        Decimal("0.5"),
        *(Decimal(10) ** n * m for n in range(7) for m in (1, 2, 5)),
    ):
        if most <= step:
            return step
    return most
