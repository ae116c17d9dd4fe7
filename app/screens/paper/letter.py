"""What stands on the letter of an invoice or estimate: who writes to whom, for what, how much it comes to, how to pay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from app.core import formats
from app.core.db import db
from app.engine import exports, listing, reading
from app.engine.access import Actor
from app.engine.projection import projection
from app.engine.reading import Shown
from app.engine.refusals import NotFound
from app.engine.registry import REGISTRY

Pair = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """One line, its figures as they are printed."""

    description: str
    quantity: str
    unit: str
    rate: str
    amount: str


@dataclass(frozen=True)
class Letter:
    """Saved values only; what this person sees masked is left out rather than printed as dots."""

    heading: str
    below: str
    company: str
    address: tuple[str, ...]
    to_label: str
    to: tuple[str, ...]
    facts: tuple[tuple[Pair, ...], ...]
    """Columns of label and value."""
    lines: tuple[Line, ...]
    totals: tuple[Pair, ...]
    grand: Pair
    notes: tuple[Pair, ...]
    signed: bool
    """Whether there is a place to sign."""


def letter(connection: Connection, record: Shown, actor: Actor) -> Letter:
    """The letter of an invoice or an estimate, from what this actor may see of it and of whom it is for."""
    company, kept = connection.execute(_COMPANY, {"tenant": actor.tenant_id}).one()
    head = kept if isinstance(kept, dict) else {}
    customer = _open(connection, record, "customer_id", "customers", actor)
    made = _invoice if record.resource.name == "invoices" else _estimate
    return made(connection, record, customer, actor, str(company), head)


def _invoice(
    connection: Connection, record: Shown, customer: Shown | None, actor: Actor, company: str, head: Mapping[str, Any]
) -> Letter:
    value, money = record.values, _money(record)
    number = value.get("number") or "draft"
    credit = value.get("kind") == "credit_note"
    exempt = customer is not None and bool(customer.values.get("tax_exempt"))
    totals = [("Subtotal", money("subtotal"))]
    totals += [("Discount", money("discount_total", minus=True))] if value.get("discount_total") else []
    totals += [("Tax, exempt" if exempt and not value.get("tax_total") else "Tax", money("tax_total"))]
    totals += [
        (label, money(name, minus=True))
        for name, label in (("retainage_withheld", "Retainage withheld"), ("amount_paid", "Paid"),
                            ("amount_credited", "Credited"), ("amount_written_off", "Written off"))
        if value.get(name)
    ]  # fmt: skip
    pay = head.get("pay") or f"Check or bank transfer to {company}, reference {number}."
    questions = f" Questions: {head['email']}." if head.get("email") else ""
    received = _received(record, actor)
    notes = [("How to pay.", f"{pay.replace('{number}', str(number))}{questions}")] if not credit else []
    notes += [("Received.", received)] if received else []
    notes += [("Tax.", "Exempt: improvement to real property.")] if exempt and not value.get("tax_total") else []
    notes += [("", str(value["memo"]))] if value.get("memo") else []
    notes += [("", str(head["note"]))] if head.get("note") and not credit else []
    return Letter(
        heading=f"{'Credit note' if credit else 'Invoice'} {number}",
        below=_kind(record),
        company=company,
        address=_company(head),
        to_label="Bill to",
        to=_billed_to(record, customer),
        facts=(
            (("Issued", _day(value.get("issue_date"))), ("Terms", _terms(value.get("terms_days")))),
            (("Due", _day(value.get("due_date"))), ("Your order", value.get("po_number") or "none given")),
            (
                ("Job", _code(connection, record, "job_id", "jobs", actor)),
                ("Estimate", _code(connection, record, "estimate_id", "estimates", actor)),
            ),
        ),
        lines=_lines("invoice_lines", "invoice_id", record, actor),
        totals=tuple(totals),
        grand=("Credit" if credit else "Balance due", money("balance")),
        notes=tuple(notes),
        signed=False,
    )


def _estimate(
    connection: Connection, record: Shown, customer: Shown | None, actor: Actor, company: str, head: Mapping[str, Any]
) -> Letter:
    value, money = record.values, _money(record)
    totals = [("Subtotal", money("subtotal"))]
    totals += [("Discount", money("discount_total", minus=True))] if value.get("discount_total") else []
    totals += [("Tax", money("tax_total"))]
    words = (("Scope.", "scope_text"), ("Not included.", "exclusions"), ("Terms.", "terms_text"))
    notes = [(label, str(value[name])) for label, name in words if value.get(name)]
    notes += [("Questions.", str(head["email"]))] if head.get("email") else []
    site = _open(connection, record, "property_id", "properties", actor)
    return Letter(
        heading=f"Estimate {value.get('number') or ''}".strip(),
        below=str(value.get("title") or ""),
        company=company,
        address=_company(head),
        to_label="Prepared for",
        to=_billed_to(record, customer),
        facts=(
            (("Issued", _day(value.get("issued_on"))), ("Revision", str(value.get("revision_no") or 1))),
            (("Valid until", _day(value.get("valid_until"))),),
            (("Site", site.title if site else "none given"), ("Estimator", record.labels.get("estimator_id", ""))),
        ),
        lines=_lines("estimate_lines", "estimate_id", record, actor),
        totals=tuple(totals),
        grand=("Total", money("total")),
        notes=tuple(notes),
        signed=value.get("status") not in ("accepted", "declined", "superseded", "expired"),
    )


def _money(record: Shown) -> Any:
    currency = record.values.get("currency") or "USD"

    def said(name: str, minus: bool = False) -> str:
        amount = record.values.get(name)
        amount = amount if isinstance(amount, Decimal) else Decimal(0)
        return formats.money(-amount if minus else amount, currency)

    return said


def _lines(table: str, via: str, record: Shown, actor: Actor) -> tuple[Line, ...]:
    """Every line in its place; of options, those that were taken."""
    view = projection(REGISTRY[table], actor)
    columns = ("description", "quantity", "unit", "unit_price", "line_total")
    query = listing.read_query([], view, actor.timezone, fixed={via: record.key}, columns=columns, sort="position")
    if table == "estimate_lines":
        query = listing.read_query(
            [("is_selected", "true")], view, actor.timezone, {via: record.key}, columns, "position"
        )
    at = [exports.layout_of(query, actor).index[name] for name in columns]
    return tuple(
        Line(str(row[at[0]]), formats.quantity(row[at[1]]), row[at[2]], f"{row[at[3]]:,.2f}", f"{row[at[4]]:,.2f}")
        for batch in exports.rows(db.engine, query, actor)
        for row in batch
    )


def _received(record: Shown, actor: Actor) -> str:
    """The payments that stand, as a sentence; nothing where this person does not see payments."""
    view = projection(REGISTRY["payment_allocations"], actor)
    if not view.reads:
        return ""
    asked = [("kind", "payment"), ("reversed_at.null", "true")]
    columns = ("allocated_on", "amount")
    query = listing.read_query(asked, view, actor.timezone, {"invoice_id": record.key}, columns, "allocated_on")
    place = exports.layout_of(query, actor).index
    currency = record.values.get("currency") or "USD"
    return "; ".join(
        f"{formats.money(row[place['amount']], currency)} on {_day(row[place['allocated_on']])}"
        for batch in exports.rows(db.engine, query, actor)
        for row in batch
    )


def _billed_to(record: Shown, customer: Shown | None) -> tuple[str, ...]:
    """The address as it was when the invoice was sent, else as it is."""
    frozen = record.values.get("billing_snapshot")
    if isinstance(frozen, dict) and "billing_snapshot" not in record.projection.masked:
        known: Mapping[str, Any] = frozen.get("customer") or {}
        person = (frozen.get("contact") or {}).get("full_name")
    elif customer is not None:
        known = {name: given for name, given in customer.values.items() if name not in customer.projection.masked}
        person = record.labels.get("contact_id")
    else:
        return (record.labels.get("customer_id") or record.labels.get("lead_id") or "",)
    town = " ".join(str(known[name]) for name in ("bill_region", "bill_postal") if known.get(name))
    place = ", ".join(part for part in (known.get("bill_city"), town) if part)
    name = known.get("legal_name") or known.get("name")
    return tuple(str(part) for part in (name, person, known.get("bill_line1"), known.get("bill_line2"), place) if part)


def _open(connection: Connection, record: Shown, name: str, table: str, actor: Actor) -> Shown | None:
    """A record this one points to, where the actor may open it."""
    key, view = record.values.get(name), projection(REGISTRY[table], actor)
    if key is None or not view.reads:
        return None
    try:
        return reading.read(connection, view, key, actor)
    except NotFound:
        return None


def _code(connection: Connection, record: Shown, name: str, table: str, actor: Actor) -> str:
    found = _open(connection, record, name, table, actor)
    return (found.code or found.title) if found else record.labels.get(name, "none")


BILLS = {
    "progress": "Progress bill",
    "deposit": "Deposit",
    "final": "Final bill",
    "retainage_release": "Release of retainage",
    "subscription": "Recurring agreement",
}


def _kind(record: Shown) -> str:
    """What kind of bill it is, and that it is none yet or no more."""
    value = record.values
    words = BILLS.get(value.get("billing_kind") or "", "")
    if words and value.get("application_no"):
        words = f"{words} {value['application_no']}"
    state = {"draft": "Draft, not sent", "void": "Void"}.get(value.get("status") or "", "")
    return ". ".join(part for part in (words, state) if part)


def _company(head: Mapping[str, Any]) -> tuple[str, ...]:
    lines = head.get("address")
    return tuple(str(part) for part in (*(lines if isinstance(lines, list) else ()), head.get("email")) if part)


def _day(value: Any) -> str:
    return formats.date(value) if value else "none"


def _terms(days: int | None) -> str:
    return "Due on receipt" if not days else f"Net {days}"


_COMPANY = text("SELECT name, settings -> 'letterhead' FROM tenants WHERE id = :tenant")
