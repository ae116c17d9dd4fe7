"""Taking a list out: CSV and XLSX in a stream, masked as on the screen, at constant memory, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any

import xlsxwriter
from sqlalchemy import Engine, text

from app.engine import listing
from app.engine.access import Actor
from app.engine.fields import Field
from app.engine.listing import Layout, ListQuery

BATCH = 2_000
TIME_LIMIT = "300s"
# A person's page must end soon; a copy of a big table may take minutes. Servers before 17 have no transaction_timeout.
_LIMITS = text(
    "SELECT set_config('statement_timeout', :limit, true), CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL"
    " THEN set_config('transaction_timeout', '0', true) END"
)
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that starts so is run as a formula by spreadsheets (OWASP, "CSV Injection"); a leading apostrophe makes it text."""
XLSX_ROWS, XLSX_CELL = 1_048_575, 32_767

Seen = Callable[[list[tuple[Any, ...]]], None]
"""Told of each batch of rows as it goes into a file."""
About = Callable[[], list[tuple[str, str]]]
"""What a workbook says of itself on its last sheet; asked when all rows are in it."""


def safe(value: Any) -> Any:
    """People's own text, made text for a spreadsheet as well."""
    return f"'{value}" if type(value) is str and value.startswith(_DANGEROUS) else value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _cell(each: Field, masked: bool, escape: bool) -> Callable[[Any], Any] | None:
    """How one column's values are written; None where the database's value can go as it is."""
    show = each.mask if masked else None if each.out_is_plain else each.out
    if not escape or not (masked or each.textual):
        return show
    return safe if show is None else lambda value: safe(show(value))


def header(query: ListQuery, layout: Layout) -> list[str]:
    """Column heads: a reference gives its key and, where the role may see it, its title."""
    called = query.resource.column_name
    names = [called(name) for name in _lead(query)]
    for each in query.columns:
        names.append(called(each.name))
        if each.name in layout.labels:
            names.append(f"{called(each.name).removesuffix('_id')}_label")
    return names


def _lead(query: ListQuery) -> tuple[str, ...]:
    """Every line begins with the key, so that it can be found again; one that is a column already is not said twice."""
    shown = {each.name for each in query.columns}
    return tuple(name for name in query.resource.keys if name not in shown) if query.resource.opens_records else ()


def _writer(query: ListQuery, layout: Layout, escape: bool = True) -> Callable[[tuple[Any, ...]], list[Any]]:
    """A function from a row to its cells, with every decision taken once per column and none per cell."""
    lead = _lead(query)
    picks = [place for name, place in zip(query.resource.keys, layout.keys, strict=True) if name in lead]
    calls: list[tuple[int, Callable[[Any], Any]]] = [(place, safe) for place in range(len(picks))] if escape else []
    if query.resource.keys == ("id",):  # a number, which nothing takes for a formula
        calls = []
    for each in query.columns:
        call = _cell(each, each.name in query.projection.masked, escape)
        if call is not None:
            calls.append((len(picks), call))
        picks.append(layout.index[each.name])
        if each.name in layout.labels:
            if escape:
                calls.append((len(picks), safe))
            picks.append(layout.labels[each.name])
    pick = itemgetter(*picks) if len(picks) > 1 else lambda row: tuple(row[place] for place in picks)

    def cells(row: tuple[Any, ...]) -> list[Any]:
        found = list(pick(row))
        for place, call in calls:
            found[place] = call(found[place])
        return found

    return cells


def rows(engine: Engine, query: ListQuery, actor: Actor, seen: Seen | None = None) -> Iterator[list[tuple[Any, ...]]]:
    """All rows of the list in batches, from one snapshot, by a cursor of the server so that memory stays as it is."""
    keys = listing.sort_keys(query)
    prepared = listing.prepare_all(query, actor, keys)
    values = prepared.constants | listing.values(query, actor)
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        connection.execute(_LIMITS, {"limit": TIME_LIMIT})
        raw = connection.connection.driver_connection
        assert raw is not None
        with raw.cursor(name="export") as cursor:
            cursor.itersize = BATCH
            cursor.execute(prepared.sql, values)
            while batch := cursor.fetchmany(BATCH):
                if seen is not None:
                    seen(batch)
                yield batch


def layout_of(query: ListQuery, actor: Actor) -> Layout:
    return listing.prepare_all(query, actor, listing.sort_keys(query)).layout


def csv_lines(engine: Engine, query: ListQuery, actor: Actor, seen: Seen | None = None) -> Iterator[str]:
    """UTF-8 with a byte order mark, since Excel takes anything else for the local code page."""
    layout = layout_of(query, actor)
    cells = _writer(query, layout)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(header(query, layout))
    for batch in rows(engine, query, actor, seen):
        writer.writerows(map(cells, batch))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def json_lines(engine: Engine, query: ListQuery, actor: Actor, seen: Seen | None = None) -> Iterator[str]:
    """One JSON array, an object a row. Nothing runs it as a formula, so the text stays as it is."""
    layout = layout_of(query, actor)
    names, cells = header(query, layout), _writer(query, layout, escape=False)
    opening = "["  # sent with the first rows, so that a list that cannot be read is refused rather than broken off
    for batch in rows(engine, query, actor, seen):
        parts = [
            json.dumps(dict(zip(names, cells(row), strict=True)), ensure_ascii=False, default=_json) for row in batch
        ]
        yield opening + ",\n".join(parts)
        opening = ",\n"
    yield "[]\n" if opening == "[" else "]\n"


def _json(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else _plain(value)


def xlsx_chunks(
    engine: Engine, query: ListQuery, actor: Actor, seen: Seen | None = None, about: About | None = None
) -> Iterator[bytes]:
    """A workbook written row by row to a file of its own and read back in pieces. Text is stored as text, so no cell runs."""
    layout = layout_of(query, actor)
    cells = _writer(query, layout, escape=False)
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        book = xlsxwriter.Workbook(
            file.name,
            {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "remove_timezone": True},
        )
        heads, bold = header(query, layout), book.add_format({"bold": True})
        sheet, line = _sheet(book, query, 1, heads, bold), 0
        for batch in rows(engine, query, actor, seen):
            for row in batch:
                if line == XLSX_ROWS:  # as much as one sheet takes
                    sheet, line = _sheet(book, query, len(book.worksheets()) + 1, heads, bold), 0
                line += 1
                for column, value in enumerate(cells(row)):
                    _write(sheet, line, column, value)
        if about is not None:
            _tell_about(book, about(), bold)
        book.close()
        file.seek(0)
        while piece := file.read(65_536):
            yield piece


def _sheet(book: Any, query: ListQuery, number: int, heads: list[str], bold: Any) -> Any:
    """The first sheet and, where a list is longer than one takes, the ones after it."""
    name = sheet_name(query.resource.plural)
    sheet = book.add_worksheet(name if number == 1 else f"{name[:26]} {number}")
    sheet.write_row(0, 0, heads, bold)
    sheet.freeze_panes(1, 1)
    return sheet


def _tell_about(book: Any, said: list[tuple[str, str]], bold: Any) -> None:
    sheet = book.add_worksheet(ABOUT_SHEET)
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 80)
    for line, (label, words) in enumerate(said):
        sheet.write_string(line, 0, label, bold)
        sheet.write_string(line, 1, words[:XLSX_CELL])


def _write(sheet: Any, line: int, column: int, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool | str):
        sheet.write_string(line, column, str(value)[:XLSX_CELL])
    elif isinstance(value, Decimal | int | float):
        sheet.write_number(line, column, value)
    else:
        sheet.write_string(line, column, str(_plain(value))[:XLSX_CELL])


ABOUT_SHEET = "About this copy"
_NOT_IN_SHEETS, _NOT_IN_FILES = re.compile(r"[\[\]:*?/\\\x00-\x1f]"), re.compile(r"[^A-Za-z0-9._-]+")


def sheet_name(label: str) -> str:
    """What a workbook takes for the name of its sheet."""
    return _NOT_IN_SHEETS.sub("_", label)[:31].strip(" '") or "Rows"


def safe_name(name: str) -> str:
    """What any browser and any disk takes for the name of a file."""
    return _NOT_IN_FILES.sub("_", name)[:80].strip("._") or "table"


def file_name(query: ListQuery, kind: str, at: datetime) -> str:
    """customers-2026-11-20-0930.csv: says what and when, and sorts by age."""
    return f"{safe_name(query.resource.name)}-{at.astimezone(UTC):%Y-%m-%d-%H%M}.{kind}"
