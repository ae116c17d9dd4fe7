"""A few customers of the real export with all that hangs on them, written as the export is written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from app.domains.crm.centerpoint.export import FOLDER
from app.domains.crm.centerpoint.sheets import SHEETS

FIRST, LAST = "00301", "00330"
WRITTEN = {"contacts.csv": "cp1252", "customers.csv": "utf-8-sig"}
Change = Callable[[str, dict[str, str]], dict[str, str] | None]
"""Given the file and a row; the row as it is to be, None to leave it out."""


def small_export(
    change: Change = lambda _file, row: row, first: str = FIRST, last: str = LAST, leads: int = 40
) -> dict[str, bytes]:
    """File -> content, of the customers from `first` to `last` and some leads; every file as wide and odd as the real one."""
    return {sheet.file: _file(sheet.file, change, first, last, leads) for sheet in SHEETS}


def write_export(folder: Path, first: str, last: str, leads: int) -> None:
    """The same in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in small_export(first=first, last=last, leads=leads).items():
        (folder / name).write_bytes(content)


def _invoices(first: str, last: str) -> set[str]:
    with (FOLDER / "invoices.csv").open(encoding="utf-8-sig", newline="") as stream:
        return {row["Inv #"] for row in csv.DictReader(stream) if first <= row["Cust #"] <= last}


def _file(file: str, change: Change, first: str, last: str, leads: int) -> bytes:
    separator, encoding = (";" if file == "properties.csv" else ","), WRITTEN.get(file, "utf-8")
    with (FOLDER / file).open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as stream:
        heading, *rows = csv.reader(stream, delimiter=separator)
    kept, invoices = io.StringIO(newline=""), _invoices(first, last) if file == "invoice_lines.csv" else set()
    writer = csv.writer(kept, delimiter=separator, lineterminator="\n")
    writer.writerow(heading)
    for cells in rows:
        row = dict(zip(heading, cells, strict=False))
        if file == "leads.csv":
            mine = cells[0] <= f"L{leads:05}"
        elif file == "invoice_lines.csv":
            mine = cells[0] in invoices
        else:
            mine = first <= row.get("Cust #", "") <= last
        if not mine:
            continue
        changed = change(file, dict(row)) if len(cells) == len(heading) else row
        if changed is not None:
            once = [
                cell if heading.count(name) > 1 else changed[name] for name, cell in zip(heading, cells, strict=False)
            ]
            writer.writerow(once + cells[len(heading) :])
    return kept.getvalue().encode(encoding)
