"""How much of it is used: rows younger than 30 days, and what people changed, from the ledger; counted, never guessed.

Every look has its own short time limit. What could not be counted in time is said to be so, and is not taken for unused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Date, Executable, func, select, text
from sqlalchemy.exc import DBAPIError

from app.core import clock
from app.domains.platform.audit.features.feature import Use
from app.engine.registry import REGISTRY

SPAN = timedelta(days=30)
MOST = 10_000
"""Rows beyond which counting stops: enough to know that something is used."""
LIMIT_MS, LEDGER_MS = 2_000, 8_000


@dataclass(frozen=True)
class Counted:
    """What one measure found; `rows` is None where it could not be counted in time."""

    rows: int | None
    newest: datetime | date | None = None

    @property
    def is_capped(self) -> bool:
        return self.rows is not None and self.rows > MOST


@dataclass(frozen=True)
class Changes:
    """What the ledger says of one table."""

    entries: int
    people: frozenset[int]
    newest: datetime


def count(connection: Connection, tenant_id: int, use: Use) -> Counted | None:
    """Rows of one measure in the last 30 days; None where its table is not declared."""
    resource = REGISTRY.get(use.table)
    if resource is None or use.at not in resource.table.c:
        return None
    at = resource.table.c[use.at]
    now = clock.now()
    # What is planned for later has not been used yet.
    first, last = now - SPAN, now
    window = at.between(first.date(), last.date()) if isinstance(at.type, Date) else at.between(first, last)
    mine = resource.in_tenant(tenant_id, platform=False)
    wanted = [resource.table.c[name].in_(_some(value)) for name, value in use.where.items()]
    rows = select(at).where(window, *wanted, *([] if mine is None else [mine])).order_by(at.desc()).limit(MOST + 1)
    cut = rows.subquery()
    found = _within(connection, LIMIT_MS, select(func.count(), func.max(cut.c[use.at])).select_from(cut))
    if found is None:
        return Counted(None)
    return Counted(*found[0])


def _some(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def changes(connection: Connection, tenant_id: int) -> Mapping[str, Changes] | None:
    """Per table what was written to it in the last 30 days as the ledger has it; None where that took too long."""
    found = _within(connection, LEDGER_MS, _CHANGES.bindparams(tenant=tenant_id, since=clock.now() - SPAN))
    if found is None:
        return None
    return {row[0]: Changes(row[1], frozenset(filter(None, row[2])), row[3]) for row in found}


def _within(connection: Connection, limit_ms: int, statement: Executable) -> Sequence[Any] | None:
    """The rows of a statement, or None where it does not end in time; either way the connection can go on."""
    try:
        with connection.begin_nested():
            connection.execute(_LIMIT, {"limit": str(limit_ms)})
            return connection.execute(statement).all()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != "57014":  # stopped for the time it took
            raise
        return None


_LIMIT = text("SELECT set_config('statement_timeout', :limit, true)")
# What an import brings in shows that somebody imported, not that anybody uses what it filled.
_CHANGES = text("""
SELECT e.table_name, count(*), array_agg(DISTINCT s.app_user_id), max(s.created_at)
FROM change_sets s JOIN change_entries e ON e.change_set_id = s.id
WHERE s.tenant_id = :tenant AND s.created_at >= :since AND s.channel <> 'import'
GROUP BY 1
""")
