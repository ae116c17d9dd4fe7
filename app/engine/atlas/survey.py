"""The survey: the atlas as rows of a table, so that the list of all tables is filtered, sorted and taken out like any other.

It is computed anew when the schema has changed, when new readings are there, and when it has become old; by the worker,
or by the page that finds it so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from app.core import clock
from app.engine import catalogue
from app.engine.apply import transaction
from app.engine.atlas.entries import Entry, rows

FRESH = timedelta(minutes=5)
LOCK = 7_203_152  # one survey is written at a time


@dataclass(frozen=True)
class Standing:
    """From when the list is, and from when the readings it rests on; None before the first reading."""

    surveyed_at: datetime
    read_at: datetime | None


def ensure(connection: Connection) -> Standing:
    """The standing of the survey after making sure it shows the schema as it is now. Needs an application context."""
    signature, last = catalogue.signature(connection), connection.execute(_KEPT).first()
    if last and last.signature == signature and clock.now() - last.surveyed_at < FRESH:
        return Standing(last.surveyed_at, last.read_at)
    return survey(connection, signature)


def kept(connection: Connection) -> Standing | None:
    """The standing of the last survey, whatever has happened since; None where there never was one."""
    row = connection.execute(_KEPT).first()
    return Standing(row.surveyed_at, row.read_at) if row else None


def survey(connection: Connection, signature: str | None = None) -> Standing:
    """Compute every entry and keep them: new tables appear, dropped ones go, unchanged ones are left alone."""
    signature = signature or catalogue.signature(connection)
    found = [_row(each) for each in rows(connection)]
    at = clock.now()
    with transaction() as writing:
        writing.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        writing.execute(_GONE, {"names": [each["qualified"] for each in found]})
        if found:
            writing.execute(_KEEP, found)
        read_at = writing.execute(_NOTE, {"signature": signature, "at": at}).scalar_one()
    return Standing(at, read_at)


def _row(each: Entry) -> dict[str, Any]:
    facts = each.facts
    return {
        "qualified": each.qualified,
        "schema_name": facts.schema,
        "table_name": facts.name,
        "domain": each.domain,
        "kind": facts.kind,
        "verdict": each.verdict,
        "evidence": each.evidence,
        "about": each.about,
        "rows_estimate": facts.rows_estimate,
        "bytes": facts.bytes,
        "column_count": len(facts.columns),
        "last_write_at": each.last_write,
        "last_write_from": each.written.source or None,
        "writes_per_day": None if each.write_rate is None else round(each.write_rate, 1),
        "reads": None if facts.kind in ("view", "foreign") else each.reads,
        "refs_out": len(facts.refs_out),
        "refs_in": len(facts.refs_in),
        "unused_indexes": len(each.unused_indexes),
        "missing_indexes": len(facts.unindexed_refs),
        "look_alikes": [one.other for one in each.look_alikes],
        "is_declared": each.resource is not None,
        "is_governed": each.governed,
        "is_ours": facts.is_ours,
        "is_readable": facts.readable,
        "automations": len(each.automations),
        "shown_on": each.shown_on,
        "owner": facts.owner,
        "extension": facts.extension,
    }


_KEPT = text("SELECT signature, surveyed_at, read_at FROM atlas_surveys")
_GONE = text("DELETE FROM atlas_entries WHERE qualified <> ALL (CAST(:names AS text[]))")
_NOTE = text("""
INSERT INTO atlas_surveys (id, signature, surveyed_at) VALUES (1, :signature, :at)
ON CONFLICT (id) DO UPDATE SET signature = excluded.signature, surveyed_at = excluded.surveyed_at
RETURNING read_at
""")
_COLUMNS = (
    "schema_name", "table_name", "domain", "kind", "verdict", "evidence", "about", "rows_estimate", "bytes", "column_count",
    "last_write_at", "last_write_from", "writes_per_day", "reads", "refs_out", "refs_in", "unused_indexes", "missing_indexes",
    "look_alikes", "is_declared", "is_governed", "is_ours", "is_readable", "automations", "shown_on", "owner", "extension",
)  # fmt: skip
_NAMES, _GIVEN = ", ".join(_COLUMNS), ", ".join(f":{name}" for name in _COLUMNS)
_KEPT_ONES, _NEW_ONES = (", ".join(f"{side}.{name}" for name in _COLUMNS) for side in ("kept", "excluded"))
_KEEP = text(f"""
INSERT INTO atlas_entries AS kept (qualified, {_NAMES}) VALUES (:qualified, {_GIVEN})
ON CONFLICT (qualified) DO UPDATE SET ({_NAMES}) = ROW ({_NEW_ONES}), surveyed_at = clock_timestamp()
WHERE ({_KEPT_ONES}) IS DISTINCT FROM ({_NEW_ONES})
""")
