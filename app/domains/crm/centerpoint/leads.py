"""Leads. A sold one needs the customer it became: the export names none, so the company's name must find it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from app.domains.crm.centerpoint.customers import SOURCE
from app.domains.crm.centerpoint.intake import Intake, Record
from app.domains.crm.centerpoint.phones import phone
from app.domains.crm.centerpoint.sheets import Row
from app.domains.crm.centerpoint.values import Unreadable, day, email, money, title, words

# Stage, and how likely a lead at that stage becomes work; a dead one is lost for a reason nobody wrote down.
STAGES = {"opened": ("new", 0), "pending": ("contacted", 0), "quoted": ("quoted", 50), "sold": ("won", 100),
          "dead": ("lost", 0)}  # fmt: skip
# Going from door to door after hail has no word of its own; it is kept in the notes.
SOURCES = {"web": "web_form", "google ads": "google_ads", "referral": "referral", "hail canvass": "other"}
REPEATED = timedelta(days=90)

_UNSAID = re.compile(r"\b(?:inc|llc|ltd|corp|co|company|the)\b|[^a-z0-9]")


class Customers:
    """The customers that came in, by what a lead knows of them: a company's name, and the number it calls from."""

    def __init__(self, intake: Intake) -> None:
        self._named: dict[str, list[Record]] = defaultdict(list)
        self._reached: dict[str, list[Record]] = defaultdict(list)
        for customer in intake.tables.get("customers", ()):
            self._named[_bare(customer["name"])].append(customer)
            self._reached[customer["phone_e164"] or ""].append(customer)

    def find(self, company: str | None, number: str | None) -> Record:
        """The one of that name, or that one of its namesakes with this number. A number alone proves nothing: some
        leads call from one that a company of another name is known by. Unreadable with the reason where there is none."""
        alike = self._named.get(_bare(company), []) if company else []
        same = [each for each in alike if number and each["phone_e164"] == number] if len(alike) > 1 else alike
        if len(same) == 1:
            return same[0]
        if company is None:
            called = "it names no company"
        elif alike:
            called = f"{len(alike)} customers are called “{company}”"
        else:
            called = f"no customer is called “{company}”"
        others = [each["name"] for each in self._reached.get(number or "-", ()) if each not in alike]
        known = f", and its telephone number is that of {' and of '.join(others)}" if others else ""
        raise Unreadable(f"sold, but {called}{known}; a won lead needs its customer")


def leads(intake: Intake, rows: Iterable[Row]) -> None:
    """Leads with stage, value and source; who asked again within 90 days points at the first time."""
    customers = Customers(intake)
    for row in intake.sound("leads", rows):
        company, contact = title(row["Company"]), title(row["Contact"])
        stage = STAGES.get((words(row["Stage"]) or "").lower())
        if company is None and contact is None:
            intake.refuse("leads", row, "no_name", "the lead names neither a company nor a person")
        elif stage is None:
            intake.refuse("leads", row, "unknown_word", f"Stage “{row['Stage'][:80]}” is not one the console knows")
        else:
            _admit(intake, row, company, contact or str(company), *stage, customers)
    _repeats(intake.tables.get("leads", []))


def _admit(
    intake: Intake, row: Row, company: str | None, contact: str, status: str, chance: int, customers: Customers
) -> None:
    customer = None
    if status == "won":
        try:
            customer = customers.find(company, _dialled(row["Phone"]))
        except Unreadable as reason:
            intake.refuse("leads", row, "won_without_customer", str(reason))
            return
    number = intake.take(row, "Phone", phone, "malformed_phone")
    created = intake.take(row, "Created", day, "unparsable_date")
    at = intake.noon(created) if created else None
    source = intake.take(row, "Source", _source, "unknown_source") or "other"
    intake.admit("leads", {
        "number": f"L-{row.key.removeprefix('L')}",
        "title": f"Enquiry, {company or contact}",
        "status": status,
        "source": source,
        "customer_id": customer["id"] if customer else None,
        "owner_id": customer.get("account_manager_id") if customer else None,
        "duplicate_of_id": None,
        "contact_name": contact,
        "company_name": company,
        "email": intake.take(row, "Email", email, "malformed_email"),
        "phone_e164": number.e164 if number else None,
        "estimated_value": intake.take(row, "Value", _value, "unreadable_amount"),
        "probability_pct": chance,
        "notes": _notes(row, source, number.extension if number else None),
        "stage_entered_at": at,
        "won_at": at if status == "won" else None,
        "lost_reason": "other" if status == "lost" else None,
        "created_at": at,
        "external_source": SOURCE,
        "external_id": row.key,
    }, row)  # fmt: skip


def _repeats(records: list[Record]) -> None:
    """The first lead of the 90 days before with the same address or the same number."""
    dated = sorted((each for each in records if each["created_at"]), key=lambda each: (each["created_at"], each["id"]))
    seen: dict[str, list[Record]] = defaultdict(list)
    for record in dated:
        reach = [each for each in (record["email"], record["phone_e164"]) if each]
        earlier = [each for way in reach for each in seen[way] if record["created_at"] - each["created_at"] <= REPEATED]
        if earlier:
            record["duplicate_of_id"] = min(earlier, key=lambda each: (each["created_at"], each["id"]))["id"]
        for way in reach:
            seen[way].append(record)


def _bare(name: str) -> str:
    """A company's name without what two people write differently, as `customers.name_norm` has it."""
    return _UNSAID.sub("", name.lower())


def _dialled(raw: str) -> str | None:
    try:
        number = phone(raw)
    except Unreadable:
        return None
    return number.e164 if number else None


def _source(raw: str) -> str | None:
    text = words(raw)
    if text is None:
        return None
    if text.lower() not in SOURCES:
        raise Unreadable("a source the console does not know")
    return SOURCES[text.lower()]


def _value(raw: str) -> Decimal | None:
    amount = money(raw)
    if amount is not None and amount < 0:
        raise Unreadable("below zero")
    return amount


def _notes(row: Row, source: str, extension: str | None) -> str | None:
    """What has no column of its own."""
    came = words(row["Source"]) if source == "other" else None
    parts = [f"Came from: {came}." if came else "", f"Telephone extension {extension}." if extension else ""]
    return "\n".join(part for part in parts if part) or None
