"""Figures whose history is worth keeping: read once an hour, one value a day, for the small lines on the home page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core import clock
from app.engine.apply import transaction

_SET = text("""
    INSERT INTO metrics (tenant_id, name, bucket, bucket_start, dims, kind, value, unit)
    VALUES (:tenant_id, :name, 'day', :bucket_start, :dims, 'gauge', :value, :unit)
    ON CONFLICT (tenant_id, name, bucket, bucket_start, dims_key)
    DO UPDATE SET value = excluded.value, computed_at = clock_timestamp()
""").bindparams(bindparam("dims", type_=JSONB))

Gauge = Callable[[Connection, int], Iterable[tuple[dict[str, str], int | float | Decimal]]]
_gauges: dict[str, tuple[Gauge, str]] = {}


def gauge(name: str, *, unit: str) -> Callable[[Gauge], Gauge]:
    """Register a figure whose history is worth keeping: the decorated function yields (dims, value) for one tenant, today."""

    def register(function: Gauge) -> Gauge:
        _gauges[name] = (function, unit)
        return function

    return register


def keep_gauges() -> int:
    """Write today's value of every gauge of every active tenant, in the tenant's own day; repeating it only refreshes the day."""
    written = 0
    with transaction() as connection:
        tenants = connection.execute(text("SELECT id, timezone FROM tenants WHERE status = 'active' ORDER BY id")).all()
        for tenant in tenants:
            today = clock.today(tenant.timezone)
            for name, (function, unit) in sorted(_gauges.items()):
                rows = [
                    {"tenant_id": tenant.id, "name": name, "bucket_start": day_start(today, tenant.timezone), "dims": dims,
                     "value": value, "unit": unit}
                    for dims, value in function(connection, tenant.id)
                ]  # fmt: skip
                if rows:
                    connection.execute(_SET, rows)
                written += len(rows)
    return written


def day_start(day: date, zone: str) -> datetime:
    """Midnight of that calendar day in `zone`, as a moment."""
    return datetime(day.year, day.month, day.day, tzinfo=clock.zone_of(zone))
