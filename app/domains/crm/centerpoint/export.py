"""Read the whole CenterPoint export and say, row by row, what becomes of it. No database is needed to ask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from app.domains.crm.centerpoint import sheets
from app.domains.crm.centerpoint.customers import contacts, customers
from app.domains.crm.centerpoint.intake import Intake, Refusal
from app.domains.crm.centerpoint.invoices import invoices
from app.domains.crm.centerpoint.jobs import jobs
from app.domains.crm.centerpoint.payments import payments
from app.domains.crm.centerpoint.properties import properties
from app.domains.crm.centerpoint.sheets import read

FOLDER = Path(__file__).parents[4] / "data" / "centerpoint"


def weigh(folder: Path = FOLDER, zone: str = "America/Denver", first: Mapping[str, int] | None = None) -> Intake:
    """Everything the export holds, as rows for our tables and refusals for the rest, parents before children."""
    intake = Intake(ZoneInfo(zone), first or {})
    customers(intake, read(folder, sheets.CUSTOMERS))
    contacts(intake, read(folder, sheets.CONTACTS))
    properties(intake, read(folder, sheets.PROPERTIES))
    jobs(intake, read(folder, sheets.JOBS))
    invoice_rows = list(read(folder, sheets.INVOICES))
    invoices(intake, invoice_rows, read(folder, sheets.LINES))
    payments(intake, read(folder, sheets.PAYMENTS), invoice_rows)
    _leads_wait(intake, folder)
    return intake


def _leads_wait(intake: Intake, folder: Path) -> None:
    """Leads have no table yet: counted and named once, so that nobody believes they came in."""
    waiting = intake.read[sheets.LEADS.file] = sum(1 for _ in read(folder, sheets.LEADS))
    intake.turned_away[sheets.LEADS.file] = waiting
    reason = f"the file's {waiting} leads wait for the leads table"
    raw = {"kind": "file", "fault": "no_table", "rows": waiting}
    intake.refusals.append(Refusal(sheets.LEADS.file, 0, "", "file", "no_table", reason, raw))
