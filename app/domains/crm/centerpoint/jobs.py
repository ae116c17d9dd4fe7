"""Work orders. A job whose customer is unknown can be neither billed nor called about, so it is sent back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from app.domains.crm.centerpoint.customers import SOURCE
from app.domains.crm.centerpoint.intake import Intake, Record
from app.domains.crm.centerpoint.sheets import Row
from app.domains.crm.centerpoint.values import Unreadable, day, money, words

STAGES = {
    "new": "new",
    "accepted": "approved",
    "scheduled": "scheduled",
    "en route": "in_progress",
    "in progress": "in_progress",
    "completed": "completed",
    "authorized": "authorized",
    "invoiced": "invoiced",
    "closed": "closed",
}
DONE = frozenset({"completed", "authorized", "invoiced", "closed"})

# Work type and how it is billed. Warranty work and non-billable work are never invoiced in the export.
WORK_TYPES = {
    "leak": ("leak", "time_materials"),
    "scope": ("scope", "time_materials"),
    "warranty": ("warranty", "warranty"),
    "inspection": ("inspection", "time_materials"),
    "non-billable": ("non_billable", "none"),
    "rooftop maintenance": ("maintenance", "time_materials"),
    "snow removal": ("snow_removal", "time_materials"),
}


def jobs(intake: Intake, rows: Iterable[Row]) -> None:
    """Jobs with stage, work type, value and not-to-exceed. A note becomes an entry of the customer's timeline."""
    for row in intake.sound("jobs", rows):
        customer = intake.parent("customers", row, "Cust #", "customer", "jobs")
        if customer is None:
            continue
        status = STAGES.get((words(row["Stage"]) or "").lower())
        work = WORK_TYPES.get((words(row["Work Type"]) or "").lower())
        if status is None or work is None:
            column = "Stage" if status is None else "Work Type"
            intake.refuse("jobs", row, "unknown_word", f"{column} “{row[column][:80]}” is not one the console knows")
            continue
        opened: date | None = intake.take(row, "Opened", day, "unparsable_date")
        completed: date | None = intake.take(row, "Completed", day, "unparsable_date")
        if status in DONE and completed is None:
            intake.refuse("jobs", row, "no_completion_date", f"{row['Stage']}, but without a day of completion")
            continue
        site = _site(intake, row, customer)
        _admit(intake, row, customer, site, status, work, opened, completed if status in DONE else None)


def _site(intake: Intake, row: Row, customer: Record) -> Record | None:
    """The job's site, if it is this customer's; another's would send the crew to a stranger's roof."""
    key = row.key_of("Site #")
    if not key:
        return None
    site = intake.known.get("properties", {}).get(key)
    if site is None:
        intake.without(row, "Site #", "unknown_site", f"{key}, which is not in the export")
    elif site["customer_id"] != customer["id"]:
        intake.without(row, "Site #", "site_of_another", f"{key}, a site of another customer")
        site = None
    return site


def _admit(
    intake: Intake, row: Row, customer: Record, site: Record | None, status: str, work: tuple[str, str],
    opened: date | None, completed: date | None,
) -> None:  # fmt: skip
    work_type, billing = work
    at = intake.noon(opened) if opened else None
    done = intake.noon(completed) if completed else None
    label = " ".join(row["Work Type"].split())
    job = intake.admit("jobs", {
        "number": f"J-{row.key.removeprefix('J')}",
        "title": f"{label}, {site['name'] if site else customer['name']}",
        "work_type": work_type,
        "status": status,
        "customer_id": customer["id"],
        "property_id": site["id"] if site else None,
        "billing_method": billing,
        "is_billable": billing == "time_materials",
        "contract_value": intake.take(row, "Amount", _value, "unreadable_amount") or Decimal(0),
        "nte_amount": intake.take(row, "NTE", _value, "unreadable_amount"),
        "billed_total": Decimal(0),
        "percent_complete": 100 if done else 0,
        "requested_at": at,
        "completed_at": done,
        "invoiced_at": None,
        "closed_at": None,
        "stage_entered_at": done or at,
        "created_at": at,
        "external_source": SOURCE,
        "external_id": row.key,
    }, row)  # fmt: skip
    last = done or at
    if last and (customer["last_job_at"] is None or customer["last_job_at"] < last):
        customer["last_job_at"] = last
    if note := words(row["Notes"]):
        intake.admit("crm_activities", {
            "kind": "note",
            "subject": f"Note on {job['number']}",
            "body": note,
            "customer_id": customer["id"],
            "job_id": job["id"],
            "occurred_at": at,
            "created_at": at,
        }, row, f"{row.key}/note")  # fmt: skip


def _value(raw: str) -> Decimal | None:
    amount = money(raw)
    if amount is not None and amount < 0:
        raise Unreadable("below zero")
    return amount
