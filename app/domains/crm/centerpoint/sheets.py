"""The export's files as rows: each file as it is written, each row with its number and the key it is known by."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException


@dataclass(frozen=True)
class Sheet:
    """One table of the export: what its columns are called, which of them is the record's own key, and what it fills."""

    file: str
    key: str
    columns: tuple[str, ...]
    tables: tuple[str, ...]
    """The tables it fills, parents first; a job's note becomes an activity, a payment settles an invoice."""
    without: str
    """What follows where this file is missing."""

    @property
    def name(self) -> str:
        return self.file.removesuffix(".csv").replace("_", " ")


CUSTOMERS = Sheet(
    "customers.csv", "Cust #",
    ("Cust #", "Company", "Bill To Addr 1", "City", "ST", "Zip", "Phone 1", "E-mail", "Terms", "Tax Exempt",
     "Credit Hold", "Since", "Notes", "Notes (2)"),
    ("customers",),
    "Nothing can come in: every other file hangs on the customers.",
)  # fmt: skip
CONTACTS = Sheet(
    "contacts.csv", "Contact ID", ("Contact ID", "Cust #", "First", "Last", "Role", "Phone", "Email", "Primary"),
    ("contacts",),
    "No people come in, so customers can be reached only by their own telephone and e-mail.",
)  # fmt: skip
PROPERTIES = Sheet(
    "properties.csv", "Site #",
    ("Site #", "Cust #", "Site Name", "Address", "City", "ST", "Zip", "Roof System", "Squares", "Installed"),
    ("properties",),
    "No sites come in; jobs come in without the roof they are on.",
)  # fmt: skip
JOBS = Sheet(
    "jobs.csv", "WO #",
    ("WO #", "Cust #", "Site #", "Work Type", "Stage", "Opened", "Completed", "Amount", "NTE", "Notes"),
    ("jobs", "crm_activities"),
    "No jobs come in, and so no invoices: each names its work order. No lines and payments either.",
)  # fmt: skip
INVOICES = Sheet(
    "invoices.csv", "Inv #",
    ("Inv #", "WO #", "Cust #", "Date", "Due", "Subtotal", "Tax", "Total", "Paid", "Status"),
    ("invoices",),
    "No invoices come in, and so no lines and payments.",
)  # fmt: skip
LINES = Sheet(
    "invoice_lines.csv", "Inv #", ("Inv #", "Ln", "Description", "Qty", "Amount"), ("invoice_lines",),
    "No invoice can be proven by its lines, so none comes in, and no payments.",
)  # fmt: skip
PAYMENTS = Sheet(
    "payments.csv", "Pmt #", ("Pmt #", "Cust #", "Inv #", "Received", "Amount", "Method", "Ref"),
    ("payments", "payment_allocations"),
    "No payments come in; every invoice comes in as still open.",
)  # fmt: skip
LEADS = Sheet(
    "leads.csv", "Lead #",
    ("Lead #", "Company", "Contact", "Phone", "Email", "Stage", "Created", "Value", "Source"), ("leads",),
    "No leads come in.",
)  # fmt: skip

SHEETS = (CUSTOMERS, CONTACTS, PROPERTIES, JOBS, INVOICES, LINES, PAYMENTS, LEADS)


@dataclass(frozen=True)
class Source:
    """Where a table of the export is read from: a file of any name, and how that is written."""

    sheet: Sheet
    path: Path
    name: str
    """As the person who sent it calls it."""
    encoding: str = ""
    separator: str = ""
    """None of the two for a workbook."""

    @property
    def written(self) -> str:
        """How it is written, in words."""
        if not self.separator:
            return "Excel workbook"
        encodings = {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252", "utf-16": "UTF-16"}
        between = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
        return f"{encodings[self.encoding]}, {between[self.separator]}"


@dataclass(frozen=True)
class Row:
    """One row. `number` is what a spreadsheet shows beside it: the heading is 1, a note of three lines is one row.

    It is 0 for a row of an earlier export whose record is here: others may hang on it, and it is neither read nor handed in.
    """

    file: str
    number: int
    key: str
    cells: dict[str, str]
    fault: str | None = None

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    @property
    def here(self) -> bool:
        return self.number == 0

    def key_of(self, column: str) -> str:
        """A reference to another record, as text: its leading zeros are part of it."""
        return self.cells[column].strip()


class Unusable(Exception):
    """A file that cannot be read to its end; the message says why."""


def read(source: Source | None) -> Iterator[Row]:
    """Every row below the heading. A row of the wrong width has a `fault`: which cell is whose cannot be told.

    Raises Unusable where the file breaks off. No source, no rows.
    """
    if source is None:
        return
    sheet, file = source.sheet, source.sheet.file
    rows = cells_of(source)
    heading = named(sheet, next(rows))
    place = heading.index(sheet.key)
    separator = source.separator or ","
    for number, cells in enumerate(rows, 2):
        fault = None
        if len(cells) != len(heading):
            fault = f"the row has {len(cells)} fields where the heading has {len(heading)}"
        elif any("\0" in cell for cell in cells):
            fault = "the row holds a NUL character, which no text column can keep"
        known = dict(zip(heading, cells, strict=False))
        if len(cells) > len(heading):
            known["(beyond the heading)"] = separator.join(cells[len(heading) :])
        yield Row(file, number, cells[place].strip() if len(cells) > place else "", known, fault)


def cells_of(source: Source) -> Iterator[Sequence[str]]:
    """The cells of every row, the heading's among them, as text."""
    try:
        if not source.separator:
            yield from _cells_of_workbook(source)
            return
        with source.path.open(encoding=source.encoding, newline="") as stream:
            yield from csv.reader(stream, delimiter=source.separator)
    except csv.Error:
        raise Unusable(
            f"{source.name} breaks off: a field is longer than {csv.field_size_limit():,} characters. A quotation mark"
            " has probably lost its partner."
        ) from None
    except UnicodeDecodeError:
        raise Unusable(f"{source.name} is text neither in UTF-8 nor in Windows-1252.") from None


def _cells_of_workbook(source: Source) -> Iterator[Sequence[str]]:
    """A workbook's first sheet. What Excel made a number or a date of becomes text again, a key its leading zeros."""
    with rows_of_workbook(source.path) as rows:
        width, place = 0, 0
        for row in rows:
            cells = [_text(cell) for cell in row]
            if not width:
                while cells and not cells[-1]:
                    cells.pop()
                width = len(cells)
                place = named(source.sheet, cells).index(source.sheet.key)
            elif not any(cells):
                continue
            elif isinstance(row[place], int):
                cells[place] = cells[place].zfill(5)
            yield cells[:width]


@contextmanager
def rows_of_workbook(path: Path) -> Iterator[Iterator[tuple[Any, ...]]]:
    """The rows of a workbook's first sheet, whatever its file is called. Raises Unusable where it is none that can be read."""
    with path.open("rb") as stream:
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            try:
                yield book.worksheets[0].iter_rows(values_only=True)
            finally:
                book.close()
        except (
            zipfile.BadZipFile,
            KeyError,
            ValueError,
            IndexError,
            OSError,
            TypeError,
            SyntaxError,
            InvalidFileException,
        ):
            raise Unusable("It is no Excel workbook that can be read.") from None


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def named(sheet: Sheet, heading: Iterable[str]) -> list[str]:
    """The heading as this console calls its columns, however they are capitalised; others keep their own names."""
    ours = {_bare(column): column for column in sheet.columns}
    return [ours.get(_bare(name), name) for name in distinct(heading)]


def distinct(heading: Iterable[str]) -> Iterator[str]:
    """Column names made different: the customers' file has two columns called Notes."""
    seen: dict[str, int] = {}
    for name in heading:
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"


def _bare(name: str) -> str:
    return " ".join(name.split()).lower()
