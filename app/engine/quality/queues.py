"""Queues: what stands open of each rule for one person, cut to the records they see, and how it came to be so."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, text

from app.core import charts
from app.core.clock import now
from app.engine.access import Actor
from app.engine.listing import seen_subjects
from app.engine.projection import projection
from app.engine.quality import own
from app.engine.quality.rules import Rule, amounts, rules
from app.engine.registry import REGISTRY

TREND_DAYS = 30
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Queue:
    """One rule as a person works it."""

    rule: Rule
    count: int
    critical: int
    money: tuple[tuple[str, Decimal], ...]
    """At stake, a sum a currency; nothing where the person does not see the amounts."""
    oldest: datetime | None
    owner: str
    looked_at: datetime | None
    whole_at: datetime | None
    took_ms: int | None
    found: int
    """All the rule found, seen by this person or not; more than `count` where not all are kept open."""
    state: str
    error: str | None
    error_at: datetime | None
    trend: charts.Spark | None
    trend_words: str
    own: Any = None
    """The stored rule, where somebody made it here."""

    @property
    def severity(self) -> str:
        return "critical" if self.critical else self.rule.severity


def queues(connection: Connection, actor: Actor) -> list[Queue]:
    """Every rule this person may know of, worst first within its heading."""
    stored = {f"{own.PREFIX}{row.id}": row for row in own.rows(connection, actor.tenant_id)}
    known: list[Rule] = [each for each in rules() if reads(each, actor)]
    known += [own.made(row) for row in stored.values() if row.table_name in REGISTRY and own.shows(row, actor)]
    counted = _counts(connection, actor)
    looks = {row.rule_key: row for row in connection.execute(_LOOKS, {"tenant": actor.tenant_id})}
    past = _past(connection, actor)
    made = []
    for rule in known:
        rows, look = counted.get(rule.key, []), looks.get(rule.key)
        values = past.get(rule.key, [])
        made.append(
            Queue(
                rule,
                sum(row.number for row in rows),
                sum(row.number for row in rows if row.severity == "critical"),
                tuple(amounts((row.currency, row.amount) for row in rows)) if shows_money(rule, actor) else (),
                min((row.oldest for row in rows), default=None),
                (look.owner if look else None) or (rule.owner.replace("_", " ") if rule.key not in stored else ""),
                look.looked_at if look else None,
                look.whole_at if look else None,
                look.took_ms if look else None,
                look.found if look else 0,
                look.state if look else "idle",
                look.error if look else None,
                look.error_at if look else None,
                charts.spark(values, 72, 22) if len(values) > 1 else None,
                f"from {values[0]:,} to {values[-1]:,} in {TREND_DAYS} days" if len(values) > 1 else "",
                stored.get(rule.key),
            )
        )
    return made


def reads(rule: Rule, actor: Actor) -> bool:
    """Whether this person sees any of the records a rule accuses."""
    return any(table in REGISTRY and projection(REGISTRY[table], actor).reads for table in rule.tables)


def shows_money(rule: Rule, actor: Actor) -> bool:
    """Whether this person may be told what is at stake: every field it is worked out from, of every row."""
    view = projection(rule.resource, actor)
    return view.reads_all and all(name in view.by_name and name not in view.masked for name in rule.worth)


def _seen(actor: Actor) -> tuple[Any, list[ColumnElement[bool]], dict[str, Any]]:
    table = _FINDINGS().c
    conditions = [table.tenant_id == bindparam("tenant"), seen_subjects(table, actor)]
    return table, conditions, {"tenant": actor.tenant_id, "me": actor.app_user_id}


def _FINDINGS() -> Any:
    return REGISTRY["data_quality_findings"].table


def _counts(connection: Connection, actor: Actor) -> dict[str, list[Any]]:
    table, conditions, values = _seen(actor)
    statement = (
        select(
            table.rule_key,
            table.severity,
            table.currency,
            func.count().label("number"),
            func.sum(table.amount).label("amount"),
            func.min(table.first_seen_at).label("oldest"),
        )
        .where(table.status == "open", *conditions)
        .group_by(table.rule_key, table.severity, table.currency)
    )
    found: dict[str, list[Any]] = {}
    for row in connection.execute(statement, values):
        found.setdefault(row.rule_key, []).append(row)
    return found


def _past(connection: Connection, actor: Actor) -> dict[str, list[int]]:
    """Open problems a day, oldest first, of the last month; told only where all records of the company may be counted."""
    found: dict[str, list[int]] = {}
    for row in connection.execute(_PAST, {"tenant": actor.tenant_id, "days": TREND_DAYS}):
        found.setdefault(row.rule, []).append(int(row.value))
    hidden = {each.key for each in rules() if not all(_all_of(table, actor) for table in each.tables)}
    return {key: values for key, values in found.items() if key not in hidden}


def _all_of(table: str, actor: Actor) -> bool:
    return table in REGISTRY and projection(REGISTRY[table], actor).reads_all


def ids(connection: Connection, actor: Actor, rule: Rule, status: str = "open", most: int = 5_000) -> list[int]:
    """A rule's problems in the order in which they are worked: the gravest and dearest first, then the oldest."""
    table, conditions, values = _seen(actor)
    worst = [table.severity == "critical", table.severity == "warn"]
    dear = [table.amount.desc().nulls_last()] if shows_money(rule, actor) else []
    statement = (
        select(table.id)
        .where(table.rule_key == bindparam("rule"), table.status == bindparam("status"), *conditions)
        .order_by(*(each.desc() for each in worst), *dear, table.first_seen_at, table.id)
        .limit(most)
    )
    return list(connection.scalars(statement, values | {"rule": rule.key, "status": status}))


def sees(connection: Connection, actor: Actor, number: int) -> bool:
    """Whether this person sees the record a problem is about."""
    table, conditions, values = _seen(actor)
    return connection.execute(select(table.id).where(table.id == number, *conditions), values).first() is not None


def subjects(connection: Connection, actor: Actor, rule: Rule, table: str) -> list[int]:
    """The records of one table a rule accuses, of those this person sees."""
    rows, conditions, values = _seen(actor)
    statement = select(rows.subject_id).where(
        rows.rule_key == rule.key, rows.status == "open", rows.subject_type == table, *conditions
    )
    return list(connection.scalars(statement, values))


def tables(connection: Connection, actor: Actor, rule: Rule) -> list[tuple[str, int]]:
    """(table, open problems) of a rule, most first."""
    rows, conditions, values = _seen(actor)
    statement = (
        select(rows.subject_type, func.count())
        .where(rows.rule_key == rule.key, rows.status == "open", *conditions)
        .group_by(rows.subject_type)
        .order_by(func.count().desc(), rows.subject_type)
    )
    return [(table, number) for table, number in connection.execute(statement, values) if table in REGISTRY]


@dataclass(frozen=True)
class Week:
    """What became of problems within the last seven days, of those this person sees."""

    opened: int
    fixed: int
    gone: int


def week(connection: Connection, actor: Actor) -> Week:
    table, conditions, values = _seen(actor)
    since = now() - WEEK
    found = connection.execute(
        select(
            func.count().filter(table.first_seen_at >= since),
            func.count().filter(table.status == "fixed", table.fixed_at >= since),
            func.count().filter(table.status == "auto_resolved", table.updated_at >= since),
        ).where(*conditions),
        values,
    ).one()
    return Week(*found)


_kept: dict[tuple[int, int | None, frozenset[str]], tuple[float, int]] = {}
KEPT_S = 10


def open_now(connection: Connection, actor: Actor) -> int:
    """How many problems stand open for this person, for the navigation; kept for ten seconds per process."""
    place = (actor.tenant_id, actor.app_user_id, actor.permissions)
    kept = _kept.get(place)
    if kept and time.monotonic() - kept[0] < KEPT_S:
        return kept[1]
    table, conditions, values = _seen(actor)
    number = int(
        connection.execute(select(func.count()).where(table.status == "open", *conditions), values).scalar_one()
    )
    if len(_kept) > 1_000:
        _kept.clear()
    _kept[place] = (time.monotonic(), number)
    return number


def forget() -> None:
    """Let the next page count anew: after an answer, or a look asked for by hand."""
    _kept.clear()


_LOOKS = text("""
SELECT l.rule_key, l.state, l.looked_at, l.whole_at, l.took_ms, l.found, l.error, l.error_at, u.display_name AS owner
FROM quality_looks l LEFT JOIN app_users u ON u.id = l.owner_id WHERE l.tenant_id = :tenant
""")
_PAST = text("""
SELECT dims ->> 'rule' AS rule, value FROM metrics
WHERE tenant_id = :tenant AND name = 'quality.open' AND bucket = 'day'
    AND bucket_start >= clock_timestamp() - make_interval(days => :days) ORDER BY bucket_start
""")
