"""Where records came from: what a source said of each when we last took notice, against what it says and what we have.

A field that only the source changed is taken, one that only we changed is kept, and one that both changed is put before a
person; the record is left alone there until somebody decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from app.engine.bulk.work import jsoned
from app.engine.importing.runs import Run, Sheet, rows_json, storable


@dataclass(frozen=True)
class Allowance:
    """What a guided run may write of a table beyond what its form offers, since the source is the authority on it."""

    columns: frozenset[str] = frozenset()
    """Columns it sets though no form does: a state, a sum, a number."""
    follows: bool = True
    """Whether what follows from a record being written is done; not where the source brings the results itself."""
    may: str = ""
    """The permission that stands for creating and changing such records in this run."""
    kept: frozenset[str] = frozenset()
    """Columns given to a new record only: afterwards the console keeps them by itself, so the source has no say in them."""


_ALLOWED: dict[tuple[str, str], Allowance] = {}

Settle = Callable[[Connection, "Run"], None]
"""Given the unit of work, which stands in a change set of the run's group, and the run; harmless when repeated."""

_SETTLED: dict[str, Settle] = {}


def allow(kind: str, table: str, allowance: Allowance) -> None:
    """Let runs of this kind write more of a table. For code of a domain only; no row and no request can say it."""
    _ALLOWED[kind, table] = allowance


def allowance(kind: str, table: str) -> Allowance:
    return _ALLOWED.get((kind, table), Allowance())


def settled(kind: str) -> Callable[[Settle], Settle]:
    """What is brought in line once all rows of a run of this kind are written: sums, numbers that go on, what is on record."""

    def register(settle: Settle) -> Settle:
        _SETTLED[kind] = settle
        return settle

    return register


def settle(kind: str) -> Settle | None:
    return _SETTLED.get(kind)


@dataclass(frozen=True)
class Said:
    """What a source said of one record when we last took notice."""

    source_key: str
    record_id: int
    said: Mapping[str, Any]
    changed: bool
    """Whether the row is another by now, be it in a column nobody takes."""
    import_id: int | None
    undone: bool
    """Whether the import that wrote it was taken back since: what it said then binds nobody any more."""


def said(connection: Connection, run: Run, sheet: Sheet, keys: Mapping[int, str]) -> dict[str, Said]:
    """What this run's source said of rows before, by their keys, in one statement; `keys` are those of places in the sheet."""
    if not keys:
        return {}
    asked = {"tenant": run.tenant_id, "source": run.source, "table": sheet.table_name, "sheet": sheet.id}
    asked |= {"places": list(keys), "keys": list(keys.values())}
    return {row[0]: Said(*row) for row in connection.execute(_SAID, asked).all()}


_SAID = text("""
SELECT s.source_key, s.record_id, s.said, s.raw_sha256 <> fingerprint(r.raw), s.import_id,
    EXISTS (SELECT FROM change_sets z WHERE z.undoes_id = s.change_set_id)
FROM unnest(CAST(:places AS int[]), CAST(:keys AS text[])) AS u (n, key)
JOIN record_sources s ON s.tenant_id = :tenant AND s.source = :source AND s.table_name = :table AND s.source_key = u.key
JOIN import_rows r ON r.sheet_id = :sheet AND r.n = u.n
""")


def of_record(connection: Connection, tenant_id: int, table: str, record_id: int) -> list[Row[Any]]:
    """Every source of one record: source, source_key, said, raw, import_id, seen_at; the latest first."""
    asked = {"tenant": tenant_id, "table": table, "record": record_id}
    return list(connection.execute(_OF_RECORD, asked).all())


_OF_RECORD = text(
    "SELECT source, source_key, said, raw, import_id, seen_at FROM record_sources"
    " WHERE tenant_id = :tenant AND table_name = :table AND record_id = :record ORDER BY seen_at DESC, id DESC"
)


@dataclass(frozen=True)
class Heard:
    """What is to be kept of one row: whose record it is and what the source says of it.

    The row itself, and what was read in it, stand in the run: `resolved` are the keys it refers to, `unsaid` the fields of
    which it says nothing after all.
    """

    n: int
    record_id: int
    resolved: Mapping[str, Any]
    unsaid: Sequence[str]


def keep(connection: Connection, run: Run, sheet: Sheet, heard: Sequence[Heard], change_set: int | None) -> None:
    """Take notice of what a source says of these records; fields it does not speak of stay as it said them before."""
    if not heard:
        return
    rows = [{"n": each.n, "record": each.record_id, "resolved": each.resolved, "unsaid": each.unsaid} for each in heard]
    asked = {"tenant": run.tenant_id, "source": run.source, "table": sheet.table_name, "import": run.id}
    connection.execute(_KEEP, asked | {"set": change_set, "sheet": sheet.id, "rows": rows_json(rows)})


_KEEP = text("""
INSERT INTO record_sources AS s (tenant_id, source, table_name, source_key, record_id, raw, said, import_id, change_set_id)
SELECT :tenant, :source, :table, r.source_key, u.record, r.raw, (r.given - u.unsaid) || u.resolved, :import, :set
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS u (n int, record bigint, resolved jsonb, unsaid text[])
JOIN import_rows r ON r.sheet_id = :sheet AND r.n = u.n
ON CONFLICT ON CONSTRAINT uq_record_sources_key DO UPDATE SET record_id = excluded.record_id, raw = excluded.raw,
    said = s.said || excluded.said, import_id = excluded.import_id,
    change_set_id = excluded.change_set_id, seen_at = clock_timestamp()
""")


@dataclass(frozen=True)
class Clash:
    """A field a source and we both changed."""

    record_id: int
    column: str
    said_before: Any
    theirs: Any
    ours: Any


def put_before_a_person(connection: Connection, run: Run, table: str, clashes: Sequence[Clash]) -> None:
    """Queue fields both changed. One that waits already is brought up to what the source says now."""
    if not clashes:
        return
    connection.execute(
        _CLASHES,
        {
            "tenant": run.tenant_id, "source": run.source, "table": table, "import": run.id,
            "records": [each.record_id for each in clashes],
            "columns": [each.column for each in clashes],
            "befores": [_json(each.said_before) for each in clashes],
            "theirs": [_json(each.theirs) for each in clashes],
            "ours": [_json(each.ours) for each in clashes],
        },
    )  # fmt: skip


def _json(value: Any) -> str | None:
    return storable(jsoned({"v": value}))


_CLASHES = text("""
INSERT INTO source_conflicts (tenant_id, source, table_name, import_id, record_id, "column", said_before, theirs, ours)
SELECT :tenant, :source, :table, :import, u.record, u.col, u.said -> 'v', u.theirs -> 'v', u.ours -> 'v'
FROM unnest(CAST(:records AS bigint[]), CAST(:columns AS text[]), CAST(:befores AS jsonb[]), CAST(:theirs AS jsonb[]),
    CAST(:ours AS jsonb[])) AS u (record, col, said, theirs, ours)
ON CONFLICT (tenant_id, source, table_name, record_id, "column") WHERE state = 'open'
DO UPDATE SET theirs = excluded.theirs, ours = excluded.ours, import_id = excluded.import_id, created_at = clock_timestamp()
""")
