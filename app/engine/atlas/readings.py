"""Readings: what the worker sees of every table now and then, so that a later page can say when it was last written.

PostgreSQL's counters say how much was written since they began, not when; and a database restored this morning has
counters full of writes nobody made. So each reading keeps the counters and, where an index leads to it or the table is
small, the newest time found in it. Tables are never counted, and every look at one has its own short time limit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg import Error, errors, sql
from sqlalchemy import Connection, text

from app.core import clock
from app.core.db import db
from app.engine import catalogue
from app.engine.apply import transaction
from app.engine.catalogue import TableFacts

EVERY = timedelta(minutes=15)
KEEP = timedelta(days=21)
SPACED = timedelta(minutes=55)
"""Rows of one table lie at least this far apart while it changes, and a day apart while it does not."""
LIMIT_MS = 500
SMALL = 8 * 1024 * 1024
"""Bytes up to which a table may be looked through for its newest time without an index."""

_CHANGED = re.compile(r"updat|modif|chang|touch")
_MADE = re.compile(r"creat|insert|occur|record|logged|happen|receiv|enter|added|event_?(at|time)|time_?stamp|^ts$|^at$")
_TIMES = ("timestamp", "date")


@dataclass(frozen=True)
class Probe:
    """What one look into a table found; None where it could not be looked at or was not asked."""

    is_empty: bool | None = None
    newest_at: datetime | None = None
    newest_from: str | None = None
    highest_key: Decimal | None = None
    fault: str | None = None
    looks: int = 0
    """How many statements read the table for this."""


@dataclass(frozen=True)
class History:
    """What the readings of one table amount to."""

    taken_at: datetime
    inserts: int
    updates: int
    deletes: int
    is_empty: bool | None
    newest_at: datetime | None
    newest_from: str | None
    highest_key: Decimal | None
    fault: str | None
    probes: int
    first_at: datetime
    readings: int
    writes_per_day: float | None
    """From the last seven days of readings; None before there are two at least an hour apart."""
    grown_at: datetime | None
    """The reading that first showed rows that had been added since the one before."""
    changed_at: datetime | None
    """The same for rows changed or deleted, which no restore of a backup does."""

    @property
    def writes(self) -> int:
        return self.inserts + self.updates + self.deletes


def take(force: bool = False) -> int:
    """Read every table that is due; returns how many rows were kept. Needs an application context."""
    with db.engine.connect() as connection:
        if not force and not _due(connection):
            return 0
        before = histories(connection)
        facts = catalogue.tables(connection)
        connection.rollback()
        rows = [row for each in facts if (row := _reading(connection, each, before.get(each.qualified)))]
    with transaction() as connection:
        if rows:
            connection.execute(_WRITE, rows)
        connection.execute(_FORGET, {"before": clock.now() - KEEP})
        connection.execute(_NOTE, {"at": clock.now()})
    return len(rows)


def _due(connection: Connection) -> bool:
    last = connection.execute(text("SELECT read_at FROM atlas_surveys")).scalar()
    return last is None or clock.now() - last >= EVERY


def _reading(connection: Connection, facts: TableFacts, before: History | None) -> dict[str, Any] | None:
    """One row to keep, or None where there is nothing new to say."""
    now = clock.now()
    if before is None:
        found = probe(connection, facts)
    else:
        unchanged, age = before.writes == facts.writes, now - before.taken_at
        if facts.kind == "view":
            found = probe(connection, facts)
            if found.fault == before.fault and age < timedelta(days=1):
                return None
        elif age < (timedelta(days=1) if unchanged else SPACED):
            return None
        elif unchanged and before.is_empty is not None:  # nobody wrote, so what was found then still stands
            found = Probe(before.is_empty, before.newest_at, before.newest_from, before.highest_key)
        else:
            found = probe(connection, facts)
    return {
        "schema_name": facts.schema,
        "table_name": facts.name,
        "taken_at": now,
        "rows_estimate": facts.rows_estimate,
        "bytes": facts.bytes,
        **{name: getattr(facts, name) for name in ("inserts", "updates", "deletes", "seq_scans", "idx_scans")},
        "is_empty": found.is_empty,
        "newest_at": found.newest_at,
        "newest_from": found.newest_from,
        "highest_key": found.highest_key,
        "fault": found.fault,
        "probes": (before.probes if before else 0) + found.looks,
    }


# -- looking into a table --------------------------------------------------------------------------------------------


def probe(connection: Connection, facts: TableFacts) -> Probe:
    """Look into one table under a short limit: is it empty, its newest time, its highest key. Of a view: can it be planned."""
    if not facts.readable or facts.kind == "foreign" or not facts.populated:
        return Probe()
    name = sql.Identifier(facts.schema, facts.name)
    if facts.kind == "view":
        return Probe(fault=_fault(connection, sql.SQL("EXPLAIN SELECT * FROM {}").format(name)))
    row = _ask(connection, sql.SQL("SELECT EXISTS (SELECT FROM {})").format(name))
    is_empty = None if row is None else not row[0]
    if is_empty is not False:
        return Probe(is_empty, looks=1)
    newest, source = _newest(connection, facts, name)
    highest, looks = None, 1 + len(time_columns(facts))
    if facts.sequences and len(facts.key) == 1 and facts.key[0] == facts.sequences[0].column:
        row = _ask(connection, sql.SQL("SELECT max({})::numeric FROM {}").format(sql.Identifier(facts.key[0]), name))
        highest, looks = row[0] if row else None, looks + 1
    return Probe(is_empty, newest, source, highest, looks=looks)


def _newest(connection: Connection, facts: TableFacts, name: sql.Identifier) -> tuple[datetime | None, str | None]:
    found: tuple[datetime | None, str | None] = (None, None)
    for column in time_columns(facts):
        wanted = sql.SQL("extract(epoch FROM {}::timestamptz)::float8")
        if _leads_to(facts, column) or (facts.bytes or 0) <= SMALL:
            highest = sql.SQL("max({})").format(sql.Identifier(column))
            statement = sql.SQL("SELECT {} FROM {}").format(wanted.format(highest), name)
        elif len(facts.key) == 1 and facts.sequences and facts.sequences[0].column == facts.key[0]:
            statement = sql.SQL("SELECT {} FROM {} ORDER BY {} DESC LIMIT 1").format(
                wanted.format(sql.Identifier(column)), name, sql.Identifier(facts.key[0])
            )
        else:
            continue
        row = _ask(connection, statement)
        at = _moment(row[0]) if row else None
        if at and (found[0] is None or at > found[0]):
            found = (at, column)
    return found


def time_columns(facts: TableFacts) -> list[str]:
    """The columns that tell when a row came or changed: at most one of each, changed first; a due date tells neither."""
    times = [each.name for each in facts.columns if each.type.startswith(_TIMES)]
    kinds = (next((name for name in times if kind.search(name.lower())), None) for kind in (_CHANGED, _MADE))
    return [name for name in kinds if name]


def _leads_to(facts: TableFacts, column: str) -> bool:
    return any(each.columns[:1] == (column,) and each.valid and not each.partial for each in facts.indexes)


def _moment(seconds: float | None) -> datetime | None:
    """A time that can have been: neither infinity nor a day that is still to come."""
    if seconds is None or not math.isfinite(seconds) or seconds > clock.now().timestamp() + 86_400:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _ask(connection: Connection, statement: sql.Composable) -> tuple[Any, ...] | None:
    try:
        return _run(connection, statement)
    except Error:
        return None
    finally:
        connection.rollback()


def _fault(connection: Connection, statement: sql.Composable) -> str | None:
    """Why a view cannot be planned, in the database's words; None where it can, or where time ran out before one knew."""
    try:
        _run(connection, statement)
    except (errors.QueryCanceled, errors.LockNotAvailable, errors.OperationalError):
        return None
    except Error as error:
        return (error.diag.message_primary or type(error).__name__)[:300]
    finally:
        connection.rollback()
    return None


def _run(connection: Connection, statement: sql.Composable) -> tuple[Any, ...] | None:
    connection.execute(_LIMITS, {"limit": f"{LIMIT_MS}ms"})
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement)  # type: ignore[arg-type]
        return cursor.fetchone()
    finally:
        cursor.close()


_LIMITS = text("""
    SELECT set_config('statement_timeout', :limit, true), set_config('lock_timeout', '100ms', true),
           set_config('transaction_read_only', 'on', true), set_config('timezone', 'UTC', true)
""")


# -- what the readings amount to -------------------------------------------------------------------------------------


def histories(connection: Connection) -> dict[str, History]:
    """For each table that was ever read, its last reading and what the earlier ones say about when it was written."""
    found = {}
    for row in connection.execute(_HISTORIES, {"since": clock.now() - KEEP, "week": clock.now() - timedelta(days=7)}):
        days = row.span.total_seconds() / 86_400 if row.span else 0
        found[f"{row.schema_name}.{row.table_name}"] = History(
            taken_at=row.taken_at,
            inserts=row.inserts,
            updates=row.updates,
            deletes=row.deletes,
            is_empty=row.is_empty,
            newest_at=row.newest_at,
            newest_from=row.newest_from,
            highest_key=row.highest_key,
            fault=row.fault,
            probes=row.probes,
            first_at=row.first_at,
            readings=row.readings,
            writes_per_day=float(row.written) / days if days >= 1 / 24 else None,
            grown_at=row.grown_at,
            changed_at=row.changed_at,
        )
    return found


# Counters begin anew when they are reset or after a crash; a step down counts as nothing rather than as writes undone.
_HISTORIES = text("""
WITH steps AS (
    SELECT *, inserts - lag(inserts) OVER before AS more, updates + deletes - lag(updates + deletes) OVER before AS other,
           row_number() OVER (PARTITION BY schema_name, table_name ORDER BY taken_at DESC) AS place
    FROM table_readings WHERE taken_at >= :since
    WINDOW before AS (PARTITION BY schema_name, table_name ORDER BY taken_at)
), sums AS (
    SELECT schema_name, table_name, min(taken_at) AS first_at, count(*) AS readings,
           max(taken_at) FILTER (WHERE taken_at >= :week) - min(taken_at) FILTER (WHERE taken_at >= :week) AS span,
           coalesce(sum(greatest(more, 0) + greatest(other, 0)) FILTER (WHERE taken_at >= :week), 0) AS written,
           max(taken_at) FILTER (WHERE more > 0) AS grown_at, max(taken_at) FILTER (WHERE other > 0) AS changed_at
    FROM steps GROUP BY schema_name, table_name
)
SELECT s.schema_name, s.table_name, s.taken_at, s.inserts, s.updates, s.deletes, s.is_empty, s.newest_at, s.newest_from,
       s.highest_key, s.fault, s.probes, sums.first_at, sums.readings, sums.span, sums.written, sums.grown_at, sums.changed_at
FROM steps s JOIN sums USING (schema_name, table_name) WHERE s.place = 1
""")

_WRITE = text("""
INSERT INTO table_readings (schema_name, table_name, taken_at, rows_estimate, bytes, inserts, updates, deletes, seq_scans,
    idx_scans, is_empty, newest_at, newest_from, highest_key, fault, probes)
VALUES (:schema_name, :table_name, :taken_at, :rows_estimate, :bytes, :inserts, :updates, :deletes, :seq_scans,
    :idx_scans, :is_empty, :newest_at, :newest_from, :highest_key, :fault, :probes)
""")
_FORGET = text("DELETE FROM table_readings WHERE taken_at < :before")
_NOTE = text("""
INSERT INTO atlas_surveys (id, signature, surveyed_at, read_at) VALUES (1, '', :at, :at)
ON CONFLICT (id) DO UPDATE SET read_at = excluded.read_at, signature = ''
""")


def over_time(connection: Connection, schema: str, name: str) -> Sequence[Mapping[str, Any]]:
    """The readings of one table, oldest first."""
    return [dict(row) for row in connection.execute(_OF_ONE, {"schema": schema, "name": name}).mappings()]


_OF_ONE = text("""
SELECT taken_at, rows_estimate, bytes, inserts, updates, deletes, seq_scans, idx_scans, newest_at
FROM table_readings WHERE schema_name = :schema AND table_name = :name ORDER BY taken_at LIMIT 2000
""")
