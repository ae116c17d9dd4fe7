"""A run of one file: how it is read is looked at and corrected, its rows are read in, and then it is rehearsed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, text

from app.core.db import db
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.exports import safe
from app.engine.fields import CREATE, Edit
from app.engine.importing import reading, rehearsal, runs
from app.engine.importing.mapping import (
    ID,
    SOURCE,
    THEIR_KEY,
    ColumnMapping,
    Reader,
    guess,
    is_allowed,
    is_ours,
    keys,
    remember,
    remembered,
)
from app.engine.importing.matching import closed
from app.engine.importing.runs import LIFE, Given, Run, Sheet
from app.engine.importing.transformations import NOTHING, Reading
from app.engine.long_work import Stopped
from app.engine.projection import Projection, projection
from app.engine.refusals import NotAllowed, Rejected, Stale
from app.engine.resource import Resource

MODES = {
    "both": "Change what is here, create the rest",
    "create": "Only create",
    "update": "Only change what is here",
}
BLANKS = {"leave": "leave the field as it is", "clear": "empty the field"}
ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a mark", "cp1252": "Windows-1252 (Western)", "utf-16": "UTF-16",
             "utf-16-le": "UTF-16 LE", "utf-16-be": "UTF-16 BE", "iso-8859-15": "Latin-9", "cp437": "DOS (437)"}  # fmt: skip
DELIMITERS = {",": "comma ,", ";": "semicolon ;", "\t": "tab", "|": "bar |"}
DATE_ORDERS = {"mdy": "month/day/year", "dmy": "day/month/year", "ymd": "year/month/day"}
DECIMALS = {"point": "1,234.50", "comma": "1.234,50"}
DIALECT = ("encoding", "delimiter", "sheet", "header_row", "date_order", "decimal")


def may_import(view: Projection) -> bool:
    """Whether this role brings anything into a table."""
    return why_not(view) is None


def why_not(view: Projection) -> str | None:
    """Why this role brings no file into a table it reads, as a sentence; None where it does."""
    why = closed(view.resource)
    if why is None and not (view.reads and (view.writable(CREATE) or view.writable(Edit.FORM))):
        why = f"Your role does not bring in {view.resource.plural.lower()}."
    return why


def receive(
    connection: Connection, actor: Actor, resource: Resource, name: str, pieces: Iterable[bytes], source: str
) -> int:
    """Keep a file that was sent for a table and look at it; returns the run's number.

    Raises Rejected with a sentence for a file that cannot be read, NotAllowed where the role brings nothing in there.
    """
    why = why_not(projection(resource, actor))
    if actor.app_user_id is None or why:
        raise NotAllowed(why or "Only a person who signs in brings files in.")
    title = name.replace("\\", "/").rpartition("/")[2].strip()[:200] or "file"
    number = runs.begin(connection, actor, source=source.strip().lower()[:80] or "file", title=title)
    sheet = runs.add_sheet(connection, number, resource.name, file_name=title, key="")
    reading.keep(connection, sheet, pieces)
    look_again(connection, runs.find(connection, number, actor.tenant_id), actor, {})
    return number


def look_again(connection: Connection, run: Run, actor: Actor, chosen: Mapping[str, Any]) -> None:
    """Look at the file as a person says it is to be read, and map its columns anew where they are called otherwise.

    Raises Rejected with a sentence, Stale once it is under way.
    """
    sheet = run.sheets[0]
    _draft(connection, run)
    rehearsal.give_time(connection)  # a workbook takes seconds to open, on a busy machine many
    with reading.on_disk(connection, sheet.id) as path:
        found = reading.inspect(path, chosen)
    view = projection(sheet.resource, actor)
    header, columns = found.pop("header"), found.pop("columns")
    before = remembered(connection, actor.tenant_id, run.source, sheet.table_name)
    if list(sheet.header) == header:
        before = ColumnMapping.read(sheet.mapping)
    made = guess(connection, view, actor, header, columns, before)
    if before is None:
        # What this console took out says nothing in words; there N/A is somebody's own.
        made = ColumnMapping(made.columns, "" if is_ours(sheet.resource, header) else NOTHING)
    found |= {"named": _named_otherwise(sheet.file_name, found["kind"]), "zone": actor.timezone, "columns": columns}
    mode, key = _guessed(view, made, sheet) if list(sheet.header) != header else (sheet.mode, sheet.key)
    values = {
        "sheet": sheet.id, "dialect": _json(found), "header": _json(header), "mapping": _json(made.json()), "mode": mode,
        "key": key,
    }  # fmt: skip
    connection.execute(_LOOKED, values)


def _guessed(view: Projection, made: ColumnMapping, sheet: Sheet) -> tuple[str, str]:
    """How rows find their records, where the columns say it; what the role cannot do is not chosen."""
    code = view.resource.code or ""
    key = next(
        (each for each in (ID, code) if each and each in made.mapped), SOURCE if THEIR_KEY in made.mapped else ""
    )
    if not view.creates:
        return "update", key
    if not view.writable(Edit.FORM) or not key:
        return "create", key
    return "both", key


def _named_otherwise(name: str, kind: str) -> str:
    """A sentence where the name says another kind of file than it is."""
    ending = name.lower().rpartition(".")[2] if "." in name else ""
    if kind == "csv" and ending in ("xlsx", "xlsm", "xls"):
        return "It is called a workbook, but it is a text file; it is read as one."
    if kind == "xlsx" and ending not in ("xlsx", "xlsm"):
        return "It is an Excel workbook, whatever it is called; it is read as one."
    return ""


def _json(words: Any) -> str:
    return runs.storable(json.dumps(words, ensure_ascii=False)) or "null"


_LOOKED = text(
    "UPDATE import_sheets SET dialect = CAST(:dialect AS jsonb), header = CAST(:header AS jsonb),"
    " mapping = CAST(:mapping AS jsonb), mode = :mode, key = :key WHERE id = :sheet"
)


def _draft(connection: Connection, run: Run) -> None:
    """Back to a draft: what was rehearsed counts no more."""
    if connection.execute(_DRAFT, {"id": run.id}).rowcount != 1:
        raise Stale("This import is under way or was applied already. Begin a new one.")


_DRAFT = text("""
UPDATE imports SET state = 'draft', why = NULL, sha256 = NULL, seen = 0, creates = 0, changes = 0, already = 0,
    conflicts = 0, refused = 0, noted = 0, attempt = attempt + 1, expires_at = clock_timestamp() + interval '24 hours'
WHERE id = :id AND state IN ('draft', 'ready', 'failed') AND applied + left_out = 0
""")


def choose(
    connection: Connection,
    run: Run,
    actor: Actor,
    mapping: ColumnMapping,
    *,
    source: str,
    mode: str,
    key: str,
    blanks: str,
) -> None:
    """Say what becomes of the columns. Raises Rejected beside what is wrong, Stale once it is under way."""
    sheet = run.sheets[0]
    view = projection(sheet.resource, actor)
    errors: dict[str, str] = {}
    if mode not in MODES or blanks not in BLANKS:
        errors["mode"] = "Choose what is done."
    if not is_allowed(view, mapping):
        errors[""] = "A column was given to a field your role does not write."
    if not mapping.mapped - {ID, THEIR_KEY}:
        errors[""] = "No column becomes a field yet. Choose for at least one what it is."
    if key and key not in {each for each, _words in keys(view, mapping.mapped)}:
        errors["key"] = "No column holds this key. Choose another, or give a column to it."
    if mode == "update" and not key:
        errors["key"] = "Say how a row finds the record it changes."
    if mode == "create" and not view.creates:
        errors["mode"] = f"Your role does not create {sheet.resource.plural.lower()}."
    if mode == "update" and not view.writes:
        errors["mode"] = f"Your role does not change {sheet.resource.plural.lower()}."
    if not source.strip():
        errors["source"] = "Say where the file comes from, as in centerpoint."
    if errors:
        raise Rejected(errors)
    _draft(connection, run)
    named = source.strip().lower()[:80]
    connection.execute(text("UPDATE imports SET source = :source WHERE id = :id"), {"id": run.id, "source": named})
    values = {"sheet": sheet.id, "mapping": _json(mapping.json()), "mode": mode, "key": key, "blanks": blanks}
    connection.execute(_CHOOSE, values)
    remember(connection, actor.tenant_id, named, sheet.table_name, mapping)


_CHOOSE = text(
    "UPDATE import_sheets SET mapping = CAST(:mapping AS jsonb), mode = :mode, key = :key, blanks = :blanks WHERE id = :sheet"
)


def to_read(connection: Connection, run: Run) -> None:
    """Say that the file may be read in. Raises Stale once it is under way."""
    if connection.execute(_TO_READ, {"id": run.id}).rowcount != 1:
        raise Stale("This import is under way or was applied already. Begin a new one.")


_TO_READ = text("""
UPDATE imports SET state = 'reading', why = NULL, total = 0, seen = 0, sha256 = NULL, stop_asked = false,
    attempt = attempt + 1, beat_at = clock_timestamp(), expires_at = clock_timestamp() + interval '24 hours'
WHERE id = :id AND state IN ('draft', 'ready', 'failed') AND applied + left_out = 0
""")


def read_and_rehearse(number: int, actor: Actor) -> Run:
    """Read a run's file in, off the request where it is large, and rehearse it. Begun anew after a worker died.

    Raises Stopped when told to, Rejected for a file that cannot be read to its end; no row of it counts then.
    """
    read_rows(number, actor)
    return rehearsal.rehearse(number, actor)


def read_rows(number: int, actor: Actor) -> None:
    """The first half of it: every row of the files, as it would be brought in. Nothing to do where that stands already."""
    with transaction() as connection:
        run = runs.find(connection, number, actor.tenant_id)
        attempt = LIFE.prepare(connection, number, "reading")
        if attempt is None:
            if run.state != "rehearsing":
                raise Stopped("This import was stopped or ended already.")
            return
        connection.execute(_AGAIN, {"id": number})
        for each in run.sheets:
            connection.execute(_NONE, {"sheet": each.id})
    make = _MAKERS.get(run.kind)
    if make is None:
        for sheet in run.sheets:
            _read_in(run, sheet, attempt)
    else:
        _made_by(make, run, attempt)
    with transaction() as connection:
        runs.to_rehearse(connection, number)


_AGAIN = text("UPDATE imports SET total = 0 WHERE id = :id")
_NONE = text("DELETE FROM import_rows WHERE sheet_id = :sheet")
_BEAT = text(
    "UPDATE imports SET total = total + :rows, beat_at = clock_timestamp()"
    " WHERE id = :id AND attempt = :attempt AND state = 'reading' AND NOT stop_asked"
)


def _read_in(run: Run, sheet: Sheet, attempt: int) -> None:
    with ExitStack() as open_:
        with db.engine.connect() as connection:  # let go of before the file is read, which takes a while
            path = open_.enter_context(reading.on_disk(connection, sheet.id))
        rows = reader(sheet).rows(reading.read(path, sheet.dialect, len(sheet.header)))
        place = 1
        while batch := list(islice(rows, runs.BATCH)):
            _hand_in(run, sheet, attempt, batch, place)
            place += len(batch)


Maker = Callable[[Run], Iterator[tuple[Sheet, list[Given]]]]
"""Reads the files of a guided run and gives their rows, a batch of one sheet at a time. Raises Rejected with a sentence."""

_MAKERS: dict[str, Maker] = {}


def made_by(kind: str) -> Callable[[Maker], Maker]:
    """Who makes the rows of guided runs of this kind of their files, in place of columns that a person maps."""

    def register(make: Maker) -> Maker:
        _MAKERS[kind] = make
        return make

    return register


def _made_by(make: Maker, run: Run, attempt: int) -> None:
    places: dict[int, int] = {}
    for sheet, batch in make(run):
        place = places.get(sheet.id, 1)
        _hand_in(run, sheet, attempt, batch, place)
        places[sheet.id] = place + len(batch)


def _hand_in(run: Run, sheet: Sheet, attempt: int, batch: list[Given], place: int) -> None:
    with transaction() as connection:
        if connection.execute(_BEAT, {"id": run.id, "attempt": attempt, "rows": len(batch)}).rowcount != 1:
            raise Stopped("The import was stopped.")
        runs.hand_in(connection, sheet.id, batch, place)


def reader(sheet: Sheet) -> Reader:
    """How the rows of this sheet's file become rows of the run."""
    mapping, dialect = ColumnMapping.read(sheet.mapping), sheet.dialect
    how = Reading(
        dialect.get("date_order", "mdy"), dialect.get("decimal", "point"), mapping.words_for_nothing,
        dialect.get("zone", "UTC"), dialect.get("kind") == "csv",
    )  # fmt: skip
    return Reader(sheet.resource, sheet.header, mapping, sheet.key, sheet.blanks, how)


def refused_lines(engine: Engine, run: Run, sheet: Sheet) -> Iterator[str]:
    """The rows that were not taken as a CSV file: their own columns, the row and the reason; corrected, it can be sent again."""
    header = list(sheet.header)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    after, began = 0, False
    while True:
        with engine.connect() as connection:
            found = connection.execute(_REFUSED, {"sheet": sheet.id, "after": after, "n": 2_000}).all()
        if not began:
            began = True
            header = header or list(dict.fromkeys(name for row in found for name in row.raw))
            writer.writerow([*map(safe, header), "Row", "Column", "Why it was not taken"])
        for row in found:
            title = column_title(sheet, row.column)
            writer.writerow([*(safe(row.raw.get(name, "")) for name in header), row.row_no, safe(title), safe(row.why)])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        if len(found) < 2_000:
            return
        after = found[-1].n


_REFUSED = text("""
SELECT n, row_no, raw, "column", why FROM import_rows
WHERE sheet_id = :sheet AND n > :after AND outcome IN ('refused', 'left_out') ORDER BY n LIMIT :n
""")


def column_title(sheet: Sheet, name: str | None) -> str:
    """What the file calls the column of a field, or the field's own name."""
    if not name:
        return ""
    mapping = ColumnMapping.read(sheet.mapping)
    for column, each in mapping.columns.items():
        if name in (each.to, each.also):
            return column
    return sheet.resource.field(name).title if sheet.resource.has(name) else name
