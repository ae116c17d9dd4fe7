"""Looking: run a rule over a company's records, open what is newly wrong, and note what is wrong no more.

One transaction a rule, with a time limit. A rule that errs or runs out of time changes nothing: its problems stand as they
stood, its error is kept and shown, and the other rules go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.core.clock import now, today
from app.core.db import db
from app.engine.access import SYSTEM
from app.engine.apply import change, transaction
from app.engine.quality import own
from app.engine.quality.rules import Rule
from app.engine.refusals import Refusal

logger = logging.getLogger("console.quality")

MOST = 5_000
"""Problems of one rule kept open for people; where there are more, the dearest come first and the count says so."""
OVERLAP = timedelta(minutes=15)
"""A look goes so far back behind the last one: what was being written then was not to be seen yet."""
MANY = 50_000
"""Records written since the last look beyond which every record is looked at."""
WHOLE_EVERY = timedelta(days=7)
"""A rule that takes only what changed takes every record as often as this."""
SEEN_EVERY = timedelta(hours=20)
SEEN_SELDOM = timedelta(days=6)
"""A problem that stands is marked as seen again once a day; where a rule has more than a thousand, once a week."""


@dataclass(frozen=True)
class Looked:
    """What came of one look at one rule."""

    key: str
    found: int = 0
    opened: int = 0
    resolved: int = 0
    back: int = 0
    whole: bool = True
    error: str | None = None
    took_ms: int = 0


class _Nothing(Exception):
    """Nothing changed, so that no change set should stand for the look."""

    def __init__(self, looked: Looked) -> None:
        super().__init__()
        self.looked = looked


def look(rule: Rule, tenant_id: int, *, whole: bool = False) -> Looked:
    """Run one rule over one company now. Never raises for what is wrong with the rule itself: it is in the answer."""
    with transaction() as connection:
        zone, since, whole_at = connection.execute(_BEGIN, {"tenant": tenant_id, "rule": rule.key}).one()
    at, began = now(), time.monotonic()
    partly = bool(
        rule.incremental and not whole and since is not None and whole_at is not None and at - whole_at < WHOLE_EVERY
    )
    try:
        looked = _look(rule, tenant_id, zone, at, since - OVERLAP if partly else None)
        why = None
    except Refusal as refused:
        looked, why = Looked(rule.key), refused.sentence
    except DBAPIError as fault:
        looked, why = Looked(rule.key), _said(fault, rule)
        logger.warning(
            "quality rule erred", extra={"rule": rule.key, "tenant": tenant_id, "why": str(fault.orig)[:300]}
        )
    took = round((time.monotonic() - began) * 1000)
    looked = Looked(rule.key, looked.found, looked.opened, looked.resolved, looked.back, not partly, why, took)
    with transaction() as connection:
        values = {
            "tenant": tenant_id,
            "rule": rule.key,
            "at": at,
            "whole": not partly,
            "found": looked.found,
            "error": why,
            "took": took,
        }
        connection.execute(_FAILED if why else _ENDED, values)
    return looked


def _said(fault: DBAPIError, rule: Rule) -> str:
    state = getattr(fault.orig, "sqlstate", "") or ""
    if state == "57014":
        return f"It was still looking after {rule.timeout_ms // 1000} s, so it was stopped."
    message = getattr(getattr(fault.orig, "diag", None), "message_primary", None) or "the database gave no answer"
    return f"The database refused it: {message}."


def _look(rule: Rule, tenant_id: int, zone: str, at: datetime, since: datetime | None) -> Looked:
    values: dict[str, Any] = {"tenant": tenant_id, "rule": rule.key, "severity": rule.severity, "at": at, "only": None}
    values |= {"subject": rule.tables[0], "today": today(zone)}
    try:
        with change(
            SYSTEM(tenant_id), reason=f"{rule.key}: {rule.title}"[:300], action="quality.look", channel="system"
        ) as connection:
            # Two looks at one rule wait for each other; whoever comes second sees what the first one opened.
            connection.execute(_LIMITS, {"ms": str(rule.timeout_ms)})
            connection.execute(_LOCK, values)
            if since is not None:
                values["only"] = _changed(connection, rule, tenant_id, since)
                since = since if values["only"] is not None else None
            if since is None or values["only"]:
                fill(connection, rule, values, since is not None)
                counted = _settle(connection, rule, values)
            else:
                counted = {"opened": 0, "resolved": 0, "back": 0, "seen": 0}
            back = connection.execute(_BACK, values).rowcount
            found = connection.execute(_STANDING, values).scalar_one() if since is not None else counted["found"]
            looked = Looked(rule.key, found, counted["opened"], counted["resolved"], counted["back"] + back)
            if not (counted["opened"] or counted["resolved"] or counted["seen"] or looked.back):
                raise _Nothing(looked)
            return looked
    except _Nothing as nothing:
        return nothing.looked


def fill(connection: Connection, rule: Rule, values: dict[str, Any], some: bool) -> None:
    """Put every record at fault into `found_now`, which lives as long as the transaction."""
    connection.execute(text("DROP TABLE IF EXISTS pg_temp.found_now"))
    connection.execute(_TABLE)
    if rule.key.startswith(own.PREFIX):
        own.fill(connection, rule, values, some)
        return
    statement = "INSERT INTO found_now " + _DISTINCT + rule.sql(some, connection) + _CLOSE
    connection.execute(text(statement), values)


_DISTINCT = "SELECT DISTINCT ON (subject_type, subject_id) * FROM ("
_CLOSE = ") every ORDER BY subject_type, subject_id"


def still(connection: Connection, rule: Rule, tenant_id: int, zone: str, table: str, keys: Sequence[int]) -> set[int]:
    """Those of these records the rule still accuses; looked at inside the caller's transaction, writing nothing."""
    values = {
        "tenant": tenant_id,
        "subject": rule.tables[0],
        "severity": rule.severity,
        "today": today(zone),
        "at": now(),
        "only": list(keys),
        "about": table,
    }
    if rule.key.startswith(own.PREFIX):
        return own.still(connection, rule, values)
    statement = "SELECT subject_id FROM (" + rule.sql(True, connection) + ") f WHERE subject_type = :about"
    return set(connection.scalars(text(statement), values))


def _changed(connection: Connection, rule: Rule, tenant_id: int, since: datetime) -> list[int] | None:
    """The records whose own row, or a row that belongs to them, was written since: by the ledger, which also knows what is
    gone. An entry that does not name the record (a change of a line's price) is followed to it by the row as it stands.
    None where so much was written that looking at everything is the shorter way.
    """
    found: set[int] = set()
    for table, column in rule.watches.items():
        asked = {"tenant": tenant_id, "since": since, "table": table, "column": column}
        if column == "id":
            found |= {int(key) for key in connection.scalars(_OWN_CHANGES, asked) if key.isdigit()}
            continue
        if column.startswith("<"):
            there = [int(key) for key in connection.scalars(_OWN_CHANGES, asked) if key.isdigit()]
            found |= own.pointing_at(connection, rule.tables[0], column[1:], there)
            continue
        keys: list[int] = []
        for record, told in connection.execute(_CHANGES, asked):
            found |= {int(each) for each in told if each and each.isdigit()}
            if record.isdigit():
                keys.append(int(record))
        found |= own.pointed_at(connection, table, column, keys)
    return sorted(found) if len(found) <= MANY else None


def _settle(connection: Connection, rule: Rule, values: dict[str, Any]) -> dict[str, int]:
    counted = {"found": connection.execute(_COUNT).scalar_one()}
    counted["resolved"] = connection.execute(_GONE, values).rowcount
    often = counted["found"] <= 1_000
    values = values | {"seen_before": values["at"] - (SEEN_EVERY if often else SEEN_SELDOM)}
    counted["seen"] = connection.execute(_SEEN, values).rowcount
    counted["back"] = connection.execute(_OVER, values).rowcount
    standing = connection.execute(_STANDING, values).scalar_one()
    room = max(0, MOST - standing)
    fix = next((each.label for each in rule.fixes), None)
    counted["opened"] = connection.execute(_NEW, values | {"room": room, "fix": fix}).rowcount
    return counted


_LIMITS = text("SELECT set_config('statement_timeout', :ms, true), set_config('lock_timeout', '30s', true)")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('quality.' || :rule), CAST(:tenant AS bigint)::int)")
_BEGIN = text("""
WITH began AS (
    INSERT INTO quality_looks (tenant_id, rule_key, state, begun_at) VALUES (:tenant, :rule, 'running', clock_timestamp())
    ON CONFLICT (tenant_id, rule_key) DO UPDATE SET state = 'running', begun_at = clock_timestamp()
    RETURNING looked_at, whole_at, error
)
SELECT t.timezone, CASE WHEN began.error IS NULL THEN began.looked_at END, began.whole_at
FROM began, tenants t WHERE t.id = :tenant
""")
_ENDED = text("""
UPDATE quality_looks SET state = 'idle', looked_at = :at, whole_at = CASE WHEN :whole THEN :at ELSE whole_at END,
    found = :found, took_ms = :took, error = NULL, error_at = NULL
WHERE tenant_id = :tenant AND rule_key = :rule
""")
_FAILED = text("""
UPDATE quality_looks SET state = 'idle', error = :error, error_at = :at, took_ms = :took
WHERE tenant_id = :tenant AND rule_key = :rule
""")
_OWN_CHANGES = text(
    "SELECT DISTINCT e.record_id FROM change_sets s JOIN change_entries e ON e.change_set_id = s.id"
    " WHERE s.created_at >= :since AND (s.tenant_id = :tenant OR s.tenant_id IS NULL) AND e.table_name = :table"
)
_CHANGES = text("""
SELECT e.record_id, array_agg(DISTINCT e.before ->> :column) || array_agg(DISTINCT e.after ->> :column)
FROM change_sets s JOIN change_entries e ON e.change_set_id = s.id
WHERE s.created_at >= :since AND (s.tenant_id = :tenant OR s.tenant_id IS NULL) AND e.table_name = :table GROUP BY 1
""")
_TABLE = text(
    "CREATE TEMPORARY TABLE found_now (subject_type text, subject_id bigint, amount numeric(14,2), currency text,"
    " details jsonb, severity text, PRIMARY KEY (subject_type, subject_id)) ON COMMIT DROP"
)
_COUNT = text("SELECT count(*) FROM found_now")
_GONE = text("""
UPDATE data_quality_findings d SET status = 'auto_resolved', ignored_until = NULL
WHERE d.tenant_id = :tenant AND d.rule_key = :rule AND d.status IN ('open', 'ignored')
    AND (CAST(:only AS bigint[]) IS NULL OR d.subject_id = ANY(:only))
    AND NOT EXISTS (SELECT FROM found_now f WHERE f.subject_type = d.subject_type AND f.subject_id = d.subject_id)
""")
_SEEN = text("""
UPDATE data_quality_findings d SET last_seen_at = :at, details = f.details, amount = f.amount, currency = f.currency,
    severity = f.severity
FROM found_now f
WHERE d.tenant_id = :tenant AND d.rule_key = :rule AND d.status = 'open'
    AND f.subject_type = d.subject_type AND f.subject_id = d.subject_id
    AND (d.last_seen_at < :seen_before OR d.details IS DISTINCT FROM f.details OR d.amount IS DISTINCT FROM f.amount
        OR d.severity <> f.severity)
""")
# Left alone until a day that has come: it is open again, and says since when.
_BACK = text("""
UPDATE data_quality_findings d SET status = 'open', ignored_until = NULL, last_seen_at = :at
WHERE d.tenant_id = :tenant AND d.rule_key = :rule AND d.status = 'ignored' AND d.ignored_until <= :at
    AND NOT EXISTS (SELECT FROM data_quality_findings o WHERE o.tenant_id = d.tenant_id AND o.rule_key = d.rule_key
        AND o.subject_type = d.subject_type AND o.subject_id = d.subject_id AND o.status = 'open')
""")
# The same record at fault again within a month of having come right: the same problem, and not a second one.
_OVER = text("""
UPDATE data_quality_findings d SET status = 'open', last_seen_at = :at, details = f.details, amount = f.amount,
    currency = f.currency, fixed_by = NULL, fixed_at = NULL, fix_audit_id = NULL
FROM found_now f
WHERE f.subject_type = d.subject_type AND f.subject_id = d.subject_id AND d.id = (
    SELECT max(o.id) FROM data_quality_findings o WHERE o.tenant_id = :tenant AND o.rule_key = :rule
        AND o.subject_type = f.subject_type AND o.subject_id = f.subject_id
        AND o.status IN ('fixed', 'auto_resolved') AND o.updated_at > CAST(:at AS timestamptz) - interval '30 days')
    AND NOT EXISTS (SELECT FROM data_quality_findings o WHERE o.tenant_id = :tenant AND o.rule_key = :rule
        AND o.subject_type = f.subject_type AND o.subject_id = f.subject_id AND o.status IN ('open', 'ignored'))
""")
_STANDING = text(
    "SELECT count(*) FROM data_quality_findings WHERE tenant_id = :tenant AND rule_key = :rule AND status = 'open'"
)
_NEW = text("""
INSERT INTO data_quality_findings (tenant_id, rule_key, severity, subject_type, subject_id, details, amount, currency,
    suggested_fix, first_seen_at, last_seen_at)
SELECT :tenant, :rule, f.severity, f.subject_type, f.subject_id, f.details, f.amount, f.currency, :fix, :at, :at
FROM found_now f
WHERE NOT EXISTS (SELECT FROM data_quality_findings d WHERE d.tenant_id = :tenant AND d.rule_key = :rule
    AND d.subject_type = f.subject_type AND d.subject_id = f.subject_id AND d.status IN ('open', 'ignored'))
ORDER BY f.amount DESC NULLS LAST, f.subject_id LIMIT :room
""")


def every(tenant_id: int) -> list[Rule]:
    """The rules of a company: those declared, and those its people made."""
    from app.engine.quality.rules import rules

    with db.engine.connect() as connection:
        return [*rules(), *own.rules(connection, tenant_id)]


def of_key(tenant_id: int, key: str) -> Rule | None:
    """One of them by its key."""
    return next((each for each in every(tenant_id) if each.key == key), None)
