"""The export's files as rows: each file in its own encoding, each row with its number and the key it is known by."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sheet:
    """How CenterPoint writes one table, and which column is the record's own key."""

    file: str
    key: str
    encoding: str = "utf-8-sig"
    separator: str = ","


CUSTOMERS = Sheet("customers.csv", "Cust #")
CONTACTS = Sheet("contacts.csv", "Contact ID", encoding="cp1252")
PROPERTIES = Sheet("properties.csv", "Site #", separator=";")
JOBS = Sheet("jobs.csv", "WO #")
INVOICES = Sheet("invoices.csv", "Inv #")
LINES = Sheet("invoice_lines.csv", "Inv #")
PAYMENTS = Sheet("payments.csv", "Pmt #")
LEADS = Sheet("leads.csv", "Lead #")

SHEETS = (CUSTOMERS, CONTACTS, PROPERTIES, JOBS, INVOICES, LINES, PAYMENTS, LEADS)


@dataclass(frozen=True)
class Row:
    """One row. `number` is what a spreadsheet shows beside it: the heading is 1, a note of three lines is one row."""

    file: str
    number: int
    key: str
    cells: dict[str, str]
    fault: str | None = None

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def key_of(self, column: str) -> str:
        """A reference to another record, as text: its leading zeros are part of it."""
        return self.cells[column].strip()


def read(folder: Path, sheet: Sheet) -> Iterator[Row]:
    """Every row below the heading. A row of the wrong width has a `fault`: which cell is whose cannot be told."""
    with (folder / sheet.file).open(encoding=sheet.encoding, newline="") as stream:
        rows = csv.reader(stream, delimiter=sheet.separator)
        heading = list(_distinct(next(rows)))
        place = heading.index(sheet.key)
        for number, cells in enumerate(rows, 2):
            fault = None
            if len(cells) != len(heading):
                fault = f"the row has {len(cells)} fields where the heading has {len(heading)}"
            elif any("\0" in cell for cell in cells):
                fault = "the row holds a NUL character, which no text column can keep"
            named = dict(zip(heading, cells, strict=False))
            if len(cells) > len(heading):
                named["(beyond the heading)"] = sheet.separator.join(cells[len(heading) :])
            yield Row(sheet.file, number, cells[place].strip() if len(cells) > place else "", named, fault)


def _distinct(heading: list[str]) -> Iterator[str]:
    """Column names made different: the customers' file has two columns called Notes."""
    seen: dict[str, int] = {}
    for name in heading:
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"
