"""Whether the console is well: checks measure one thing each, thresholds give the verdict, and not knowing is never green."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from app.core import clock
from app.core.db import db
from app.engine.apply import transaction

GROUPS = ("app", "db", "queue", "cron", "integration", "ai", "storage", "security", "data", "reality")
ORDER = {"crit": 0, "warn": 1, "unknown": 2, "ok": 3}
STALE_AFTER = 3  # intervals without a new row: what we last knew is then no longer what we know

Number = int | float | Decimal

# A mute outlives the row it was set on; an acknowledgement holds until the state turns, for then it is another story.
_WRITE = text("""
    INSERT INTO system_health (tenant_id, check_key, group_key, status, value, unit, warn_at, crit_at, message, details,
                               latency_ms, checked_at, changed, muted_until, acked_by, acked_at)
    SELECT CAST(:tenant_id AS bigint), :check_key, :group_key, :status, :value, :unit, :warn_at, :crit_at, :message, :details,
           :latency_ms, :checked_at, coalesce(before.status <> :status, false),
           CASE WHEN before.muted_until > :checked_at THEN before.muted_until END,
           CASE WHEN before.status = :status THEN before.acked_by END,
           CASE WHEN before.status = :status THEN before.acked_at END
    FROM (VALUES (1)) AS one
    LEFT JOIN LATERAL (
        SELECT status, muted_until, acked_by, acked_at FROM system_health
        WHERE check_key = :check_key AND tenant_id IS NOT DISTINCT FROM CAST(:tenant_id AS bigint)
        ORDER BY checked_at DESC LIMIT 1
    ) AS before ON true
""").bindparams(bindparam("details", type_=JSONB))

_LAST_RUN = text("""
    SELECT wanted.check_key, last.checked_at
    FROM unnest(CAST(:keys AS text[])) AS wanted (check_key)
    CROSS JOIN LATERAL (
        SELECT checked_at FROM system_health WHERE check_key = wanted.check_key ORDER BY checked_at DESC LIMIT 1
    ) AS last
""")


@dataclass(frozen=True)
class Measured:
    """What a check found. `value` None means that there was nothing to judge, and the message says why.

    `verdict` is for the few checks whose rule is more than two thresholds; `idle` marks a quiet system
    (no requests, no calls): not green, for nothing proved it well, yet no reason to worry anybody.
    """

    value: Number | None
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    verdict: str | None = None
    idle: bool = False


@dataclass(frozen=True)
class Check:
    """One question asked of the system on a schedule, with the limits at which somebody should care."""

    key: str
    group: str
    title: str
    measure: Callable[..., Measured]
    unit: str | None = None
    warn: Number | None = None
    crit: Number | None = None
    every: int = 60
    direction: str = "above"
    per_tenant: bool = False
    timeout_ms: int = 5000
    about: str = ""

    def verdict(self, measured: Measured, limits: tuple[Number | None, Number | None] | None = None) -> str:
        """ok, warn or crit by the thresholds; unknown when there was no value to hold against them."""
        if measured.verdict:
            return measured.verdict
        if measured.value is None:
            return "unknown"
        warn, crit = limits or (self.warn, self.crit)
        if crit is not None and self._past(measured.value, crit):
            return "crit"
        return "warn" if warn is not None and self._past(measured.value, warn) else "ok"

    def _past(self, value: Number, limit: Number) -> bool:
        return value >= limit if self.direction == "above" else value <= limit


@dataclass(frozen=True)
class Verdict:
    """The outcome of one run, as it is written down."""

    check: Check
    tenant_id: int | None
    status: str
    measured: Measured
    warn: Number | None
    crit: Number | None
    latency_ms: int
    checked_at: datetime


_checks: dict[str, Check] = {}


def check(
    key: str, *, group: str, title: str, **options: Any
) -> Callable[[Callable[..., Measured]], Callable[..., Measured]]:
    """Register the decorated function as a health check; it is handed a Connection (and a tenant id if `per_tenant`)."""
    if group not in GROUPS:
        raise ValueError(f"Health check {key}: no group {group!r}; one of {', '.join(GROUPS)}.")

    def register(measure: Callable[..., Measured]) -> Callable[..., Measured]:
        about = " ".join((measure.__doc__ or "").split())
        _checks[key] = Check(key, group, title, measure, about=about, **options)
        return measure

    return register


def checks() -> tuple[Check, ...]:
    """Every check there is, by group and then as declared."""
    return tuple(sorted(_checks.values(), key=lambda one: GROUPS.index(one.group)))


def find(key: str) -> Check | None:
    """The check of that key, or None."""
    return _checks.get(key)


def run_checks(keys: Iterable[str] | None = None, budget_s: float | None = None) -> list[Verdict]:
    """Run the named checks (all without names) and write each outcome down as soon as it is known.

    `budget_s` bounds the whole run for somebody waiting on a page: checks not reached keep their last row,
    which goes stale by itself rather than pretend to be new.
    """
    wanted = checks() if keys is None else [_checks[key] for key in keys if key in _checks]
    with _Looking(2000) as connection:
        tenants = _tenants(connection)
    began, verdicts = time.perf_counter(), []
    for one in wanted:
        if budget_s is not None and time.perf_counter() - began > budget_s:
            break
        fresh = [_run(one, tenant_id, settings) for tenant_id, settings in _subjects(one, tenants)]
        if fresh:  # none when there is no company yet to measure for
            with transaction() as connection:
                connection.execute(_WRITE, [_row(verdict) for verdict in fresh])
        verdicts += fresh
    return verdicts


def due(connection: Connection) -> list[str]:
    """The checks whose interval has passed since their last row. A tenth is forgiven, or a minute's check would run every two."""
    last = {row.check_key: row.checked_at for row in connection.execute(_LAST_RUN, {"keys": list(_checks)})}
    now = clock.now()
    return [
        one.key for one in checks() if one.key not in last or now - last[one.key] >= timedelta(seconds=one.every * 0.9)
    ]


class _Looking:
    """A connection that only looks: its own statement time-out, and rolled back whatever happened."""

    def __init__(self, timeout_ms: int) -> None:
        self.timeout_ms = timeout_ms

    def __enter__(self) -> Connection:
        self.connection = db.engine.connect()
        self.connection.execute(
            text(
                "SELECT set_config('statement_timeout', :limit, true), set_config('transaction_read_only', 'on', true)"
            ),
            {"limit": f"{self.timeout_ms}ms"},
        )
        return self.connection

    def __exit__(self, *_error: object) -> None:
        self.connection.close()


def _run(one: Check, tenant_id: int | None, settings: Mapping[str, Any]) -> Verdict:
    limits = _limits(one, settings)
    began = time.perf_counter()
    try:
        with _Looking(one.timeout_ms) as connection:
            measured = one.measure(connection, tenant_id) if one.per_tenant else one.measure(connection)
        status = one.verdict(measured, limits)
    except Exception as error:  # whatever went wrong, the answer is that we do not know
        measured, status = Measured(None, _reason(error, one)), "unknown"
    took = round((time.perf_counter() - began) * 1000)
    return Verdict(one, tenant_id, status, measured, *limits, took, clock.now())


def _reason(error: Exception, one: Check) -> str:
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        if state == "57014":
            return f"No answer within {one.timeout_ms / 1000:g} s"
        first = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
        return f"Could not be checked: {first}"[:300]
    return f"Could not be checked: {type(error).__name__}: {error}"[:300]


def _limits(one: Check, settings: Mapping[str, Any]) -> tuple[Number | None, Number | None]:
    """The declared thresholds, or the tenant's own from `settings.health.<key>`; a nonsensical setting is ignored, not obeyed."""
    own = settings.get(one.key) if isinstance(settings, Mapping) else None
    if not isinstance(own, Mapping):
        return one.warn, one.crit
    chosen = [own.get("warn", one.warn), own.get("crit", one.crit)]
    if any(value is not None and (isinstance(value, bool) or not isinstance(value, int | float)) for value in chosen):
        return one.warn, one.crit
    return chosen[0], chosen[1]


def _tenants(connection: Connection) -> list[tuple[int, Mapping[str, Any]]]:
    rows = connection.execute(
        text(
            "SELECT id, coalesce(settings -> 'health', '{}') AS health FROM tenants WHERE status = 'active' ORDER BY id"
        )
    )
    return [(row.id, row.health) for row in rows]


def _subjects(
    one: Check, tenants: list[tuple[int, Mapping[str, Any]]]
) -> Iterator[tuple[int | None, Mapping[str, Any]]]:
    """A tenant's check runs for each tenant; a check of the machine runs once, by the thresholds of the first tenant."""
    if one.per_tenant:
        yield from tenants
    else:
        yield None, tenants[0][1] if tenants else {}


def _row(verdict: Verdict) -> dict[str, Any]:
    details = dict(verdict.measured.details) | ({"idle": True} if verdict.measured.idle else {})
    return {
        "tenant_id": verdict.tenant_id,
        "check_key": verdict.check.key,
        "group_key": verdict.check.group,
        "status": verdict.status,
        "value": verdict.measured.value,
        "unit": verdict.check.unit,
        "warn_at": verdict.warn,
        "crit_at": verdict.crit,
        "message": verdict.measured.message or None,
        "details": details,
        "latency_ms": verdict.latency_ms,
        "checked_at": verdict.checked_at,
    }
