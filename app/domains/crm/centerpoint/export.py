"""Read the whole CenterPoint export and say, row by row, what becomes of it. No database is needed to ask."""

from __future__ import annotations

from collections.abc import Mapping
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
    leads(intake, read(folder, sheets.LEADS))
    return intake
