"""What was weighed, handed to the engine as one run: each table a sheet, each row with where it stood and what it says.

References are handed in by the keys CenterPoint has for the records, so that a row finds its parent whether that comes in
with the same run or came in with an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.domains.crm.centerpoint.customers import SOURCE
from app.domains.crm.centerpoint.intake import Intake, Record, Refusal
from app.domains.crm.centerpoint.sheets import SHEETS, Row, Sheet
from app.engine.importing.runs import Given, Ref
from app.engine.importing.sources import Allowance, allow

# A date nobody could read leaves these to the moment of the import, which is when the record came to be here.
MOMENTS = ("created_at", "requested_at", "stage_entered_at", "occurred_at")

POINTERS = {
    "customer_id": "customers", "property_id": "properties", "job_id": "jobs", "invoice_id": "invoices",
    "payment_id": "payments", "duplicate_of_id": "leads",
}  # fmt: skip

# What the console keeps by itself once the record is here, from its own invoices, payments and visits.
KEPT_HERE = {
    "customers": ("lifetime_revenue", "open_balance", "last_job_at"),
    "jobs": ("billed_total", "percent_complete", "invoiced_at", "closed_at", "stage_entered_at"),
    "invoices": ("amount_paid", "status", "paid_at"),
    "payments": ("amount_allocated",),
    "leads": ("duplicate_of_id", "stage_entered_at"),
}


# What an export tells of each table. States, sums and numbers are among them, which no form here may set: CenterPoint is
# where these records lived, and its word is taken as it stands.
TOLD = {
    "customers": (
        "number", "name", "status", "source", "email", "phone_e164", "bill_line1", "bill_city", "bill_region",
        "bill_postal", "payment_terms_days", "tax_exempt", "notes", "created_at",
    ),
    "contacts": (
        "customer_id", "full_name", "title", "role", "is_primary", "is_billing", "email", "phone_e164", "notes",
        "created_at",
    ),
    "properties": (
        "customer_id", "name", "line1", "city", "region", "postal", "building_type", "roof_area_sqft", "created_at",
    ),
    "jobs": (
        "number", "title", "work_type", "status", "customer_id", "property_id", "billing_method", "is_billable",
        "contract_value", "nte_amount", "requested_at", "completed_at", "created_at",
    ),
    "crm_activities": ("kind", "subject", "body", "customer_id", "job_id", "occurred_at", "created_at"),
    "invoices": (
        "number", "customer_id", "job_id", "property_id", "issue_date", "due_date", "terms_days", "subtotal", "tax_total",
        "total", "finalized_at", "created_at",
    ),
    "invoice_lines": (
        "invoice_id", "position", "description", "quantity", "unit_price", "tax_rate", "tax_amount", "line_total",
        "cost_type", "created_at",
    ),
    "payments": (
        "number", "customer_id", "method", "status", "amount", "received_on", "reference", "created_at",
    ),
    "payment_allocations": ("invoice_id", "kind", "payment_id", "amount", "allocated_on", "created_at"),
    "leads": (
        "number", "title", "status", "source", "customer_id", "owner_id", "contact_name", "company_name", "email",
        "phone_e164", "estimated_value", "probability_pct", "notes", "won_at", "lost_reason", "created_at",
    ),
}  # fmt: skip

for _table, _columns in TOLD.items():
    _kept = frozenset(KEPT_HERE.get(_table, ()))
    _all = _kept | {*_columns, "external_source", "external_id"}
    allow(SOURCE, _table, Allowance(columns=_all, follows=False, may="imports.guided", kept=_kept))


def tables() -> tuple[tuple[Sheet, str], ...]:
    """Every table with the file it is filled from, parents first."""
    return tuple((sheet, table) for sheet in SHEETS for table in sheet.tables)


def rows(intake: Intake, sheet: Sheet, table: str) -> Iterator[Given]:
    """The rows of one table in the order of the file, those that were sent back among them."""
    notes = _notes(intake, sheet) if table == sheet.tables[0] else {}
    back = [each for each in intake.refusals if each.file == sheet.file and each.kind == "row"]
    made = zip(intake.tables.get(table, ()), intake.origins.get(table, ()), strict=True)
    found = [
        (origin.row.number, _given(intake, table, record, origin.key, origin.row, notes))
        for record, origin in made
        if not origin.row.here
    ]
    if table == sheet.tables[0]:
        found += [(each.row_no, _refused(each)) for each in back]
    found.sort(key=lambda each: each[0])
    # Who asked again points at who asked first, and that one may stand further down.
    yield from sorted(
        (given for _number, given in found), key=lambda each: each.given.get("duplicate_of_id") is not None
    )


def plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they travel between processes and are kept: references as what they name."""
    return {name: value.json() if isinstance(value, Ref) else value for name, value in given.items()}


def _given(
    intake: Intake, table: str, record: Record, key: str, row: Row, notes: Mapping[int, tuple[tuple[str, str], ...]]
) -> Given:
    given: dict[str, Any] = {}
    for column, value in record.items():
        if column == "id" or (value is None and column in MOMENTS):
            continue
        if column in POINTERS and value is not None:
            target = POINTERS[column]
            value = Ref(target, "source", intake.origin(target, value).key)
        given[column] = value
    return Given(row.number, key, row.cells, given, notes=notes.get(row.number, ()))


def _refused(refusal: Refusal) -> Given:
    return Given(refusal.row_no, refusal.key or None, refusal.raw["row"], refused=("", refusal.reason))


def _notes(intake: Intake, sheet: Sheet) -> dict[int, tuple[tuple[str, str], ...]]:
    """Values that could not be taken from rows that come in, by row: (column, why)."""
    found: dict[int, tuple[tuple[str, str], ...]] = {}
    for each in intake.refusals:
        if each.file == sheet.file and each.kind == "value":
            found[each.row_no] = (*found.get(each.row_no, ()), (each.raw["column"], each.reason))
    return found
