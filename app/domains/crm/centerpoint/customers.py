"""Customers and the people at them. Duplicates come in as they are: merging companies is a person's decision."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from app.domains.crm.centerpoint.intake import Intake
from app.domains.crm.centerpoint.phones import phone
from app.domains.crm.centerpoint.sheets import Row
from app.domains.crm.centerpoint.values import Unreadable, day, email, postal, title, truth, words

SOURCE = "centerpoint"

ROLES = {"a/r contact": "billing", "facilities": "facility_manager", "owner": "owner"}


def terms(raw: str) -> int | None:
    """Days to pay: `Net 30`, `NET30`, `net 45`, `Due on receipt`."""
    text = words(raw)
    if text is None:
        return None
    if text.lower() == "due on receipt":
        return 0
    found = re.fullmatch(r"net\s*(\d{1,3})", text, re.IGNORECASE)
    if found is None or int(found[1]) > 180:
        raise Unreadable("not terms of payment of 0 to 180 days")
    return int(found[1])


def customers(intake: Intake, rows: Iterable[Row]) -> None:
    """Bill-to accounts. `Since` becomes the day the record was created: it is older than this console."""
    for row in intake.sound("customers", rows):
        name = title(row["Company"])
        if name is None:
            intake.refuse("customers", row, "no_name", "the customer has no name")
            continue
        number = intake.take(row, "Phone 1", phone, "malformed_phone")
        since: date | None = intake.take(row, "Since", day, "unparsable_date")
        hold = intake.take(row, "Credit Hold", truth, "unreadable_truth")
        days = intake.take(row, "Terms", terms, "unreadable_terms")
        intake.admit("customers", {
            "number": f"C-{row.key}",
            "name": name,
            "status": "credit_hold" if hold else "active",
            "source": SOURCE,
            "email": intake.take(row, "E-mail", email, "malformed_email"),
            "phone_e164": number.e164 if number else None,
            "bill_line1": title(row["Bill To Addr 1"]),
            "bill_city": title(row["City"]),
            "bill_region": title(row["ST"]),
            "bill_postal": intake.take(row, "Zip", postal, "unreadable_postal"),
            "payment_terms_days": 30 if days is None else days,
            "tax_exempt": bool(intake.take(row, "Tax Exempt", truth, "unreadable_truth")),
            "notes": _notes(row["Notes"], row["Notes (2)"], _extension(number)),
            "created_at": intake.noon(since) if since else None,
            "external_source": SOURCE,
            "external_id": row.key,
            "lifetime_revenue": 0,
            "open_balance": 0,
            "last_job_at": None,
        }, row)  # fmt: skip


def contacts(intake: Intake, rows: Iterable[Row]) -> None:
    """People at a customer. Only one may be its primary contact; a second claim to it is not taken."""
    primary: set[int] = set()
    for row in intake.sound("contacts", rows):
        customer = intake.parent("customers", row, "Cust #", "customer", "contacts")
        if customer is None:
            continue
        name = title(f"{row['First']} {row['Last']}")
        if name is None:
            intake.refuse("contacts", row, "no_name", "the contact has no name")
            continue
        first = bool(intake.take(row, "Primary", truth, "unreadable_truth"))
        if first and customer["id"] in primary:
            intake.without(row, "Primary", "second_primary", "yes, but the customer already has a primary contact")
            first = False
        if first:
            primary.add(customer["id"])
        number = intake.take(row, "Phone", phone, "malformed_phone")
        role = words(row["Role"])
        if role and role.lower() not in ROLES:
            intake.without(row, "Role", "unknown_role", f"“{role[:80]}”, a role the console does not know")
        kind = ROLES.get((role or "").lower(), "primary" if first else "other")
        intake.admit("contacts", {
            "customer_id": customer["id"],
            "full_name": name,
            "title": role,
            "role": kind,
            "is_primary": first,
            "is_billing": kind == "billing",
            "email": intake.take(row, "Email", email, "malformed_email"),
            "phone_e164": number.e164 if number else None,
            "notes": _extension(number),
            "created_at": customer["created_at"],
            "external_source": SOURCE,
            "external_id": row.key,
        }, row)  # fmt: skip


def _extension(number: object) -> str | None:
    extension = getattr(number, "extension", None)
    return f"Telephone extension {extension}." if extension else None


def _notes(*parts: str | None) -> str | None:
    """Both Notes columns and the extension, in that order; nothing people wrote is shortened or cleaned."""
    return "\n".join(text for text in (words(part) for part in parts) if text) or None
