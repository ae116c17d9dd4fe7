"""Payments and what they settle. Money received is a fact and comes in; only its claim on an invoice can be wrong.

A payment settles its invoice up to what is still open on it. What is left, because it is above the balance or a
second copy of the same cheque, stays on the customer's account unallocated, where a clerk refunds or applies it; the
claim that could not be taken is listed. Payments on a document that was sent back go back with it: on account they
would settle other invoices of the customer, which they did not pay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from app.domains.crm.centerpoint.customers import SOURCE
from app.domains.crm.centerpoint.intake import Intake, Record
from app.domains.crm.centerpoint.invoices import NONE
from app.domains.crm.centerpoint.sheets import Row
from app.domains.crm.centerpoint.values import Unreadable, day, money, title, words

METHODS = {
    "check": "check", "ach": "ach", "card": "card", "wire": "wire", "cash": "cash", "lockbox": "lockbox",
}  # fmt: skip

# The same cheque entered twice is entered within days; a monthly payment of the same amount is not a copy.
COPY_WITHIN = timedelta(days=3)


def payments(intake: Intake, rows: Iterable[Row], invoice_rows: Iterable[Row]) -> None:
    """Bring payments in, settle invoices oldest receipt first, then hold the invoices' own Paid column against them."""
    received: dict[str, list[tuple[date, str, Row, Record]]] = defaultdict(list)
    for row in intake.sound("payments", rows):
        customer = intake.parent("customers", row, "Cust #", "customer", "payments")
        invoice = customer and intake.parent("invoices", row, "Inv #", "invoice", "payments")
        if customer is None or invoice is None:
            continue
        try:
            record = _payment(row, customer, invoice)
        except Unreadable as fault:
            intake.refuse("payments", row, "unreadable_payment", str(fault))
            continue
        intake.admit("payments", record, row)
        received[row.key_of("Inv #")].append((record["received_on"], row.key, row, record))
    for key, receipts in received.items():
        _settle(intake, intake.known["invoices"][key], sorted(receipts, key=_in_turn))
    for row in invoice_rows:
        if invoice := intake.known.get("invoices", {}).get(row.key):
            _compare(intake, row, invoice, sum((receipt[3]["amount"] for receipt in received[row.key]), NONE))
    _balances(intake)


def _in_turn(receipt: tuple[date, str, Row, Record]) -> tuple[bool, date, str]:
    """Oldest first, after what settled the invoice here already."""
    return (not receipt[2].here, *receipt[:2])


def _payment(row: Row, customer: Record, invoice: Record) -> Record:
    amount, on = money(row["Amount"]), day(row["Received"])
    method = METHODS.get((words(row["Method"]) or "").lower())
    if amount is None or amount <= 0:
        raise Unreadable("a payment is above zero; money paid back needs the payment it refunds")
    if on is None or method is None:
        raise Unreadable("a payment needs the day it was received and a known method")
    if invoice["customer_id"] != customer["id"]:
        raise Unreadable("the invoice it names is another customer's")
    return {
        "number": f"PM-{row.key.removeprefix('PM')}",
        "customer_id": customer["id"],
        "method": method,
        "status": "succeeded",
        "amount": amount,
        "amount_allocated": NONE,
        "received_on": on,
        "reference": title(row["Ref"]),
        "created_at": None,
        "external_source": SOURCE,
        "external_id": row.key,
    }


def _settle(intake: Intake, invoice: Record, receipts: list[tuple[date, str, Row, Record]]) -> None:
    for place, (on, _key, row, payment) in enumerate(receipts):
        payment["created_at"] = intake.noon(on)
        open_amount = invoice["total"] - invoice["amount_paid"]
        taken = min(payment["amount"], open_amount)
        if taken > 0:
            invoice["amount_paid"] += taken
            payment["amount_allocated"] = taken
            intake.admit("payment_allocations", {
                "invoice_id": invoice["id"],
                "kind": "payment",
                "payment_id": payment["id"],
                "amount": taken,
                "allocated_on": on,
                "created_at": payment["created_at"],
            }, row, f"{row.key}/{invoice['external_id']}")  # fmt: skip
        if taken < payment["amount"]:
            copy = any(_copies(payment, earlier[3]) for earlier in receipts[:place])
            _list_excess(intake, row, payment, invoice, open_amount, copy)
        if taken > 0 and invoice["amount_paid"] == invoice["total"]:
            invoice["status"], invoice["paid_at"] = "paid", payment["created_at"]


def _copies(payment: Record, earlier: Record) -> bool:
    same = all(payment[field] == earlier[field] for field in ("customer_id", "amount", "reference"))
    return same and payment["received_on"] - earlier["received_on"] <= COPY_WITHIN


def _list_excess(intake: Intake, row: Row, payment: Record, invoice: Record, open_amount: Decimal, copy: bool) -> None:
    rest = payment["amount"] - payment["amount_allocated"]
    fault = "probable_duplicate_payment" if copy else "payment_above_balance"
    looks = ", and it looks like a second entry of an earlier payment" if copy else ""
    reason = (
        f"{payment['amount']:,} on {invoice['number']}, of which {open_amount:,} was still open{looks};"
        f" {rest:,} stays unallocated"
    )
    intake.without(row, "Amount", fault, reason, invoice=invoice["external_id"])


def _compare(intake: Intake, row: Row, invoice: Record, received: Decimal) -> None:
    """The export's own Paid and Status against the payments: what was received is right, a column is a claim."""
    claimed = intake.take(row, "Paid", money, "unreadable_amount") or NONE
    if claimed not in (invoice["amount_paid"], received):
        reason = f"{claimed:,}, but the payments received come to {received:,}"
        intake.without(row, "Paid", "paid_differs_from_payments", reason)
    if invoice["status"] == "open" and invoice["total"] == NONE:
        invoice["status"], invoice["paid_at"] = "paid", invoice["finalized_at"]
    stated = (words(row["Status"]) or "").lower()
    if stated == "paid" and invoice["status"] == "open":
        reason = f"Paid, but {invoice['total'] - invoice['amount_paid']:,} of it is still open"
        intake.without(row, "Status", "paid_status_without_payments", reason)


def _balances(intake: Intake) -> None:
    """The cached figures of customers and jobs, to the cent what invoices and allocations say."""
    customers = {record["id"]: record for record in intake.tables.get("customers", ())}
    paid_off: dict[int, Record] = {}
    for invoice in intake.tables.get("invoices", ()):
        if invoice["status"] == "open":
            customers[invoice["customer_id"]]["open_balance"] += invoice["total"] - invoice["amount_paid"]
        elif invoice["status"] == "paid":
            paid_off[invoice["job_id"]] = invoice
    for job in intake.tables.get("jobs", ()):
        if job["status"] == "closed":
            job["closed_at"] = paid_off[job["id"]]["paid_at"] if job["id"] in paid_off else job["completed_at"]
        job["stage_entered_at"] = _entered(job)


def _entered(job: Record) -> object:
    moment = {"closed": job["closed_at"], "invoiced": job["invoiced_at"]}.get(job["status"])
    return moment or job["stage_entered_at"]
