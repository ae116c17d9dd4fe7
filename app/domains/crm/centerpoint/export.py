"""Read the whole CenterPoint export and say, row by row, what becomes of it. No database is needed to ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from app.domains.crm.centerpoint import sheets
from app.domains.crm.centerpoint.customers import contacts, customers
from app.domains.crm.centerpoint.intake import Intake
from app.domains.crm.centerpoint.invoices import invoices
from app.domains.crm.centerpoint.jobs import jobs
from app.domains.crm.centerpoint.leads import leads
from app.domains.crm.centerpoint.payments import payments
from app.domains.crm.centerpoint.properties import properties
from app.domains.crm.centerpoint.recognising import Found, recognise
from app.domains.crm.centerpoint.sheets import CUSTOMERS, Row, Unusable, read
from app.domains.crm.centerpoint.values import Unreadable, day, postal, words

FOLDER = Path(__file__).parents[4] / "data" / "centerpoint"


def sent(folder: Path = FOLDER) -> Found:
    """The files of a folder, sorted."""
    return recognise((path.name, path) for path in folder.iterdir() if path.is_file())


def weigh(
    export: Path | Found = FOLDER,
    zone: str = "America/Denver",
    first: Mapping[str, int] | None = None,
    here: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
) -> Intake:
    """Everything the export holds, as rows for our tables and refusals for the rest, parents before children.

    `here` has, by file, the rows earlier exports brought in: where this one does not name them again, what it does bring may
    hang on them. Raises Unusable where a file breaks off in the middle.
    """
    found = export if isinstance(export, Found) else sent(export)
    intake = Intake(ZoneInfo(zone), first or {})

    def rows(sheet: sheets.Sheet) -> Iterator[Row]:
        sent = list(read(found.get(sheet)))
        named = {row.key for row in sent}
        kept = (
            Row(sheet.file, 0, cells.get(sheet.key, "").strip(), dict(cells))
            for cells in (here or {}).get(sheet.file, ())
        )
        yield from (row for row in kept if row.key not in named)
        yield from sent

    customers(intake, rows(sheets.CUSTOMERS))
    contacts(intake, rows(sheets.CONTACTS))
    properties(intake, rows(sheets.PROPERTIES))
    jobs(intake, rows(sheets.JOBS))
    invoice_rows = list(rows(sheets.INVOICES))
    invoices(intake, invoice_rows, rows(sheets.LINES))
    payments(intake, rows(sheets.PAYMENTS), invoice_rows)
    leads(intake, rows(sheets.LEADS))
    return intake


@dataclass(frozen=True)
class Compared:
    """What a second file of the customers says beside the one that was taken."""

    taken: str
    beside: str
    same: int
    """Customers of which both say the same."""
    differing: tuple[tuple[str, str, str, str], ...]
    """(customer, column, taken, beside), at most a hundred."""
    only_taken: tuple[str, ...]
    only_beside: tuple[str, ...]


def compare(found: Found) -> Compared | None:
    """Hold the customers' workbook against their text: meaning against meaning, as Excel writes dates and ZIP codes anew."""
    taken, beside = found.get(CUSTOMERS), next(iter(found.beside), None)
    if taken is None or beside is None:
        return None
    ours, theirs = ({row.key: row for row in read(source) if not row.fault} for source in (taken, beside))
    differing = [
        (key, column, ours[key][column], theirs[key][column])
        for key in ours.keys() & theirs.keys()
        for column in CUSTOMERS.columns
        if _meaning(column, ours[key][column]) != _meaning(column, theirs[key][column])
    ]
    both = ours.keys() & theirs.keys()
    return Compared(
        taken.name,
        beside.name,
        len(both) - len({each[0] for each in differing}),
        tuple(sorted(differing)[:100]),
        tuple(sorted(ours.keys() - both)),
        tuple(sorted(theirs.keys() - both)),
    )


def _meaning(column: str, raw: str) -> object:
    """What a cell says, however it is written."""
    try:
        if column == "Since":
            return day(raw)
        if column == "Zip":
            return postal(raw)
    except Unreadable:
        pass
    return " ".join((words(raw) or "").split())


__all__ = ["FOLDER", "Compared", "Unusable", "compare", "sent", "weigh"]
