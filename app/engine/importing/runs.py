"""Runs of imports as they are kept: their sheets, their rows, what was found of each, and the change sets they made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, text

from app.engine.access import Actor
from app.engine.long_work import LongWork
from app.engine.refusals import NotFound, Stale
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

MOST_ROWS = 500_000
"""Rows one sheet may hold."""
BATCH = 2_000
"""Rows written in one transaction."""
AT_ONCE = 500
"""Rows up to which a person waits for the writing; beyond, the worker does it."""
PAGE = 50
LIFE = LongWork("imports", "import", preparing=("reading", "rehearsing"))

OUTCOMES = {
    "creates": "Will be created",
    "changes": "Will change",
    "conflicts": "Both changed",
    "already": "Already so",
    "refused": "Refused",
    "applied": "Brought in",
    "left_out": "Left out",
    "waiting": "Not looked at yet",
}


@dataclass(frozen=True)
class Ref:
    """A reference as a row gives it: the record of `table` whose `by` is `value`.

    `by` is a field's name there, `id` for its key, or `source` for the key it has in the source of this run; the record may
    then stand in an earlier sheet of the same run.
    """

    table: str
    by: str
    value: str

    def json(self) -> dict[str, str]:
        return {"table": self.table, "by": self.by, "value": self.value}


@dataclass(frozen=True)
class Unread:
    """A cell that is no value of its field, with why. It refuses its row, unless the record holds just this already."""

    text: str
    why: str

    def json(self) -> dict[str, str]:
        return {"unread": self.text, "why": self.why}


@dataclass(frozen=True)
class Given:
    """One row as its maker hands it in.

    `given` is field -> value, a `Ref` or an `Unread`; None empties the field. `refused` is (column, why), for a row that
    cannot be taken at all; `raw` is the row as the source has it, by its own column names.
    """

    row_no: int
    source_key: str | None
    raw: Mapping[str, Any]
    given: Mapping[str, Any] = field(default_factory=dict)
    refused: tuple[str, str] | None = None
    notes: Sequence[tuple[str, str]] = ()
    """(column, why) of cells that could not be taken from a row that is taken without them."""


@dataclass(frozen=True)
class Sheet:
    """One table's rows in a run.

    `key` says how a row finds the record it is about: `source` by the key it has in its source, `id` or a field's name by
    what stands there, "" not at all.
    """

    id: int
    import_id: int
    position: int
    table_name: str
    file_name: str
    file_bytes: int
    file_sha256: str | None
    dialect: Mapping[str, Any]
    header: Sequence[str]
    mapping: Mapping[str, Any]
    mode: str
    key: str
    blanks: str

    @property
    def resource(self) -> Resource:
        """Raises NotFound where the table is no longer part of the console."""
        found = REGISTRY.get(self.table_name)
        if found is None:
            raise NotFound("The table this import is about is not part of the console any more.")
        return found


@dataclass(frozen=True)
class Run:
    """One run as it stands. `creates` to `refused` are what the rehearsal found, and stay.

    `noted` are rows that change nothing of ours, of which only what the source said is kept.
    """

    id: int
    tenant_id: int
    app_user_id: int
    maker: str
    created_at: Any
    kind: str
    source: str
    title: str
    state: str
    why: str | None
    total: int
    seen: int
    creates: int
    changes: int
    already: int
    conflicts: int
    refused: int
    noted: int
    applied: int
    left_out: int
    sha256: str | None
    rehearsed_at: Any
    reason: str | None
    request_id: str | None
    ip: str | None
    attempt: int
    stop_asked: bool
    finished_at: Any
    expires_at: Any
    expired: bool
    sheets: tuple[Sheet, ...] = ()

    @property
    def writing(self) -> int:
        """Rows of which something would be written."""
        return self.creates + self.changes + self.conflicts + self.noted

    @property
    def waits(self) -> bool:
        """Whether a worker is at it."""
        return self.state in ("reading", "rehearsing", "applying")

    @property
    def tables(self) -> list[str]:
        return list(dict.fromkeys(each.table_name for each in self.sheets))


_COLUMNS = (
    "i.id, i.tenant_id, i.app_user_id, a.display_name, i.created_at, i.kind, i.source, i.title, i.state, i.why, i.total,"
    " i.seen, i.creates, i.changes, i.already, i.conflicts, i.refused, i.noted, i.applied, i.left_out, i.sha256,"
    " i.rehearsed_at, i.reason, i.request_id, host(i.ip), i.attempt, i.stop_asked, i.finished_at, i.expires_at,"
    " i.expires_at < clock_timestamp() AND i.state IN ('draft', 'ready')"
)
_FROM = "FROM imports i JOIN app_users a ON a.id = i.app_user_id"
_ONE = text(f"SELECT {_COLUMNS} {_FROM} WHERE i.id = :id AND i.tenant_id = :tenant")
_MINE = text(
    f"SELECT {_COLUMNS} {_FROM} WHERE i.app_user_id = :me AND (CAST(:before AS bigint) IS NULL OR i.id < :before)"
    " ORDER BY i.id DESC LIMIT :n"
)
_SHEETS = text(
    "SELECT id, import_id, position, table_name, file_name, file_bytes, file_sha256, dialect, header, mapping, mode, key,"
    " blanks FROM import_sheets WHERE import_id = ANY(:ids) ORDER BY import_id, position"
)


def find(connection: Connection, number: int, tenant_id: int) -> Run:
    """One run of a tenant with its sheets, for the engine's own use. Raises NotFound."""
    row = connection.execute(_ONE, {"id": number, "tenant": tenant_id}).first()
    if row is None:
        raise NotFound("There is no such import. It may have been forgotten, as imports are in time.")
    return _run(row, tuple(Sheet(*each) for each in connection.execute(_SHEETS, {"ids": [number]})))


def open_run(connection: Connection, number: int, actor: Actor) -> Run:
    """One run as a person opens it: one's own. Raises NotFound for every other."""
    found = find(connection, number, actor.tenant_id)
    if found.app_user_id != actor.app_user_id:
        raise NotFound("There is no such import. It may have been forgotten, as imports are in time.")
    return found


def mine(connection: Connection, actor: Actor, before: int | None = None, limit: int = PAGE) -> list[Run]:
    """One's own runs, newest first."""
    rows = connection.execute(_MINE, {"me": actor.app_user_id, "before": before, "n": limit}).all()
    sheets: dict[int, list[Sheet]] = {}
    for each in connection.execute(_SHEETS, {"ids": [row[0] for row in rows]}):
        sheets.setdefault(each.import_id, []).append(Sheet(*each))
    return [_run(row, tuple(sheets.get(row[0], ()))) for row in rows]


def _run(row: Sequence[Any], sheets: tuple[Sheet, ...]) -> Run:
    return Run(*(*row, sheets))


def begin(connection: Connection, actor: Actor, *, source: str, title: str, kind: str = "file") -> int:
    """Open a run; returns its number. `kind` is "file" or a guided run's own name (see `sources.allow`)."""
    values = {
        "tenant": actor.tenant_id, "me": actor.app_user_id, "kind": kind, "source": source[:80], "title": title[:200],
    }  # fmt: skip
    return int(connection.execute(_BEGIN, values).scalar_one())


_BEGIN = text(
    "INSERT INTO imports (tenant_id, app_user_id, kind, source, title) VALUES (:tenant, :me, :kind, :source, :title)"
    " RETURNING id"
)


def add_sheet(
    connection: Connection,
    number: int,
    table: str,
    *,
    file_name: str = "",
    mode: str = "both",
    key: str = "source",
    blanks: str = "leave",
    header: Sequence[str] = (),
) -> int:
    """Add a sheet after those there are; parents come before what refers to them. Returns its id."""
    values = {
        "import": number, "table": table, "file": file_name[:200], "mode": mode, "key": key, "blanks": blanks,
        "header": json.dumps(list(header), ensure_ascii=False),
    }  # fmt: skip
    return int(connection.execute(_ADD_SHEET, values).scalar_one())


_ADD_SHEET = text(
    "INSERT INTO import_sheets (import_id, position, table_name, file_name, mode, key, blanks, header) SELECT :import,"
    " coalesce(max(position), 0) + 1, :table, :file, :mode, :key, :blanks, CAST(:header AS jsonb)"
    " FROM import_sheets WHERE import_id = :import RETURNING id"
)


def hand_in(connection: Connection, sheet_id: int, rows: Iterable[Given], first: int = 1) -> int:
    """Keep the rows of a sheet, to be rehearsed; returns how many. `first` is the place of the first among all handed in."""
    rows, place = iter(rows), first
    while batch := list(islice(rows, BATCH)):
        kept = [
            {
                "n": n,
                "row_no": each.row_no,
                "key": each.source_key,
                "raw": each.raw,
                "given": _plain(each.given),
                "col": each.refused[0] if each.refused else None,
                "why": each.refused[1] if each.refused else None,
                "notes": [list(note) for note in each.notes] or None,
            }
            for n, each in enumerate(batch, place)
        ]
        connection.execute(_HAND_IN, {"sheet": sheet_id, "rows": rows_json(kept)})
        place += len(batch)
    return place - first


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.json() if isinstance(value, Ref | Unread) else value for name, value in given.items()}


def rows_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Many rows as one parameter: an array of texts would have every quotation mark in them escaped one by one."""
    return storable(json.dumps(rows, default=str, ensure_ascii=False)) or "[]"


def storable(words: str | None) -> str | None:
    """Text with NUL made visible: PostgreSQL keeps none in text or jsonb. Halves of surrogate pairs become question marks."""
    if words is None:
        return None
    shown = words.replace("\\u0000", "\N{SYMBOL FOR NULL}").replace("\0", "\N{SYMBOL FOR NULL}")
    return shown.encode("utf-8", "replace").decode()


_HAND_IN = text("""
INSERT INTO import_rows (sheet_id, n, row_no, source_key, raw, given, outcome, todo, "column", why,
    notes)
SELECT :sheet, u.n, u.row_no, u.key, u.raw, u.given, CASE WHEN u.why IS NULL THEN 'waiting' ELSE 'refused' END,
    u.why IS NULL, u.col, u.why, nullif(u.notes, 'null')
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS u (n int, row_no int, key text, raw jsonb, given jsonb, col text, why text,
    notes jsonb)
""")


def to_rehearse(connection: Connection, number: int) -> None:
    """Say that all rows are in and the rehearsal may begin. Raises Stale once it is under way or was applied."""
    if connection.execute(_TO_REHEARSE, {"id": number}).rowcount != 1:
        raise Stale("This import is under way or was applied already. Begin a new one.")


_TO_REHEARSE = text("""
UPDATE imports SET state = 'rehearsing', why = NULL, seen = 0, sha256 = NULL, stop_asked = false, attempt = attempt + 1,
    total = (SELECT count(*) FROM import_rows r JOIN import_sheets s ON s.id = r.sheet_id WHERE s.import_id = imports.id),
    beat_at = clock_timestamp(), expires_at = clock_timestamp() + interval '24 hours'
WHERE id = :id AND state IN ('draft', 'reading', 'ready', 'failed') AND applied + left_out = 0
""")


# -- reading again -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RowFound:
    """One row of a run as a page or a file shows it."""

    sheet_id: int
    n: int
    row_no: int
    source_key: str | None
    raw: Mapping[str, Any]
    outcome: str
    column: str | None
    why: str | None
    record_id: int | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    later: tuple[str, ...]
    clashes: Mapping[str, Any]


_ROWS = (
    'SELECT sheet_id, n, row_no, source_key, raw, outcome, "column", why, record_id, before, after, later, clashes'
    " FROM import_rows WHERE sheet_id = :sheet AND n > :after {of} ORDER BY n LIMIT :limit"
)
_ALL, _OF = text(_ROWS.format(of="")), text(_ROWS.format(of="AND outcome = :outcome"))


def rows(
    connection: Connection, sheet_id: int, outcome: str | None = None, after: int = 0, limit: int = PAGE
) -> list[RowFound]:
    """The rows of a sheet past place `after`, of one outcome or of all."""
    asked = {"sheet": sheet_id, "after": after, "outcome": outcome, "limit": limit}
    found = connection.execute(_OF if outcome else _ALL, asked if outcome else asked | {"outcome": None})
    return [RowFound(*(*row[:9], row[9] or {}, row[10] or {}, tuple(row[11] or ()), row[12] or {})) for row in found]


def counts(connection: Connection, run: Run) -> dict[int, dict[str, int]]:
    """Sheet -> outcome -> rows, as they stand."""
    found: dict[int, dict[str, int]] = {each.id: {} for each in run.sheets}
    for sheet, outcome, number in connection.execute(_COUNTS, {"sheets": list(found)}):
        found[sheet][outcome] = number
    return found


_COUNTS = text(
    "SELECT sheet_id, outcome, count(*) AS number FROM import_rows WHERE sheet_id = ANY(:sheets) GROUP BY 1, 2"
)


def reasons(connection: Connection, run: Run, most: int = 8) -> list[Row[Any]]:
    """Why rows were not taken: (sheet_id, outcome, column, why, number), most first."""
    asked = {"sheets": [each.id for each in run.sheets], "n": most}
    return list(connection.execute(_REASONS, asked).all())


_REASONS = text(
    'SELECT sheet_id, outcome, "column", why, count(*) AS number FROM import_rows WHERE sheet_id = ANY(:sheets)'
    " AND outcome IN ('refused', 'left_out') GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 4 LIMIT :n"
)


def sets(connection: Connection, run: Run) -> list[Row[Any]]:
    """The change sets it made, newest first: change_set_id, records, undone_by."""
    return list(connection.execute(_SETS, {"id": run.id}).all())


_SETS = text(
    "SELECT s.change_set_id, s.records, (SELECT max(z.id) FROM change_sets z WHERE z.undoes_id = s.change_set_id)"
    " AS undone_by FROM import_sets s WHERE s.import_id = :id ORDER BY s.change_set_id DESC"
)


def first_set(connection: Connection, run: Run) -> int | None:
    """The change set by which all of what it did is found and undone."""
    found = connection.execute(text("SELECT min(change_set_id) FROM import_sets WHERE import_id = :id"), {"id": run.id})
    return found.scalar()


def digest(connection: Connection, run: Run) -> str:
    """SHA-256 over what this run would do: its files, and each row with the record, its version and what was given.

    The same as long as the run does the same; applying and approving are bound to it.
    """
    whole = hashlib.sha256(b"import 1\n")
    whole.update(f"{run.tenant_id}\n{run.kind}\n{run.source}\n".encode())
    for sheet in run.sheets:
        said = [sheet.table_name, sheet.mode, sheet.key, sheet.blanks, sheet.mapping, _file(connection, sheet)]
        whole.update(json.dumps(said, sort_keys=True, ensure_ascii=False).encode())
        after = 0
        while True:
            last, part = connection.execute(_DIGESTED, {"sheet": sheet.id, "after": after, "n": 10_000}).one()
            if last is None:
                break
            whole.update(part.encode())
            after = last
    return whole.hexdigest()


_DIGESTED = text("""
SELECT max(n), encode(sha256(convert_to(string_agg(line, E'\\n' ORDER BY n), 'UTF8')), 'hex') FROM (
    SELECT n, concat_ws(E'\\t', n, source_key, record_id, version, given, after, clashes, array_to_string(later, ',')) AS line
    FROM import_rows WHERE sheet_id = :sheet AND n > :after ORDER BY n LIMIT :n
) AS next
""")
_PARTS = text("SELECT n, encode(sha256(bytes), 'hex') FROM import_parts WHERE sheet_id = :sheet ORDER BY n")


def _file(connection: Connection, sheet: Sheet) -> list[str]:
    return [part for _n, part in connection.execute(_PARTS, {"sheet": sheet.id})]
