"""Reports that were kept: the newest, one by key or by day, and the ones another is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from app.core.clock import zone_of
from app.domains.platform.audit.comparison import Comparison, compare
from app.domains.platform.audit.report import Report, read


@dataclass(frozen=True)
class Kept:
    """One kept report. `report` is None where it is of a form this version does not read."""

    key: int
    taken_at: datetime
    trigger: str
    by: str | None
    took_ms: int | None
    report: Report | None
    raw: Any


def newest(connection: Connection, tenant_id: int, before: datetime | None = None) -> Kept | None:
    """The last report, or the last one taken before a moment."""
    return _kept(connection.execute(_NEWEST, {"tenant": tenant_id, "before": before or "infinity"}).first())


def by_key(connection: Connection, tenant_id: int, key: int) -> Kept | None:
    """A report by its key."""
    return _kept(connection.execute(_BY_KEY, {"tenant": tenant_id, "key": key}).first())


def of_day(connection: Connection, tenant_id: int, day: date, zone: str) -> Kept | None:
    """The last report of a calendar day of the company."""
    begins = datetime(day.year, day.month, day.day, tzinfo=zone_of(zone))
    found = newest(connection, tenant_id, begins + timedelta(days=1))
    return found if found is not None and found.taken_at >= begins else None


def others(connection: Connection, tenant_id: int, limit: int = 12) -> list[Row[Any]]:
    """The last reports by date, without opening them."""
    return list(connection.execute(_LIST, {"tenant": tenant_id, "limit": limit}))


def since_previous(connection: Connection, tenant_id: int, kept: Kept) -> Comparison | None:
    """Against the report before it; None where there is none."""
    return _against(kept, newest(connection, tenant_id, kept.taken_at))


def since_last_week(connection: Connection, tenant_id: int, kept: Kept) -> Comparison | None:
    """Against the last report that is a week old; None where none is so old."""
    # An hour to spare: two nights a week apart are rarely so to the second.
    return _against(kept, newest(connection, tenant_id, kept.taken_at - timedelta(days=7) + timedelta(hours=1)))


def _against(kept: Kept, older: Kept | None) -> Comparison | None:
    if kept.report is None or older is None or older.report is None:
        return None
    return compare(kept.report, older.report, older.key)


def _kept(row: Row[Any] | None) -> Kept | None:
    if row is None:
        return None
    return Kept(row.id, row.taken_at, row.trigger, row.by, row.took_ms, read(row.report), row.report)


_WHOLE = """
SELECT a.id, a.taken_at, a.trigger, u.display_name AS by, a.took_ms, a.report
FROM system_audits a LEFT JOIN app_users u ON u.id = a.taken_by WHERE a.tenant_id = :tenant
"""
_NEWEST = text(f"{_WHOLE} AND a.taken_at < CAST(:before AS timestamptz) ORDER BY a.taken_at DESC, a.id DESC LIMIT 1")
_BY_KEY = text(f"{_WHOLE} AND a.id = :key")
_LIST = text("""
SELECT a.id, a.taken_at, a.trigger, u.display_name AS by, a.tables_live, a.tables_quiet, a.tables_empty, a.tables_look_alike,
       a.tables_broken, a.features_built, a.features_used, a.jobs_failing
FROM system_audits a LEFT JOIN app_users u ON u.id = a.taken_by
WHERE a.tenant_id = :tenant ORDER BY a.taken_at DESC, a.id DESC LIMIT :limit
""")
