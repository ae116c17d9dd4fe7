"""Payments: money received or paid back, by cheque, transfer or card. One payment may settle many invoices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Computed, Numeric, and_
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import today
from app.core.formats import money as in_words
from app.engine.actions import Action
from app.engine.fields import CREATE, INLINE, NEVER, Choice, Code, Date, Moment, Money, Reference, Text
from app.engine.records import (
    Authored,
    External,
    Record,
    Standard,
    choice,
    code,
    day,
    moment,
    money,
    ref,
    text_,
)
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class Payment(Record, Standard, Authored, External):
    __tablename__ = "payments"
    number: Mapped[str] = text_()
    customer_id: Mapped[int] = ref("customers", "R")
    direction: Mapped[str] = choice("in", "refund", default="in")
    refund_of_id: Mapped[int | None] = ref("payments", "R")
    method: Mapped[str] = choice("check", "ach", "card", "wire", "cash", "lockbox", "other")
    status: Mapped[str] = choice(
        "pending", "succeeded", "failed", "bounced", "disputed", "cancelled", default="pending"
    )
    amount: Mapped[Decimal] = money()
    currency: Mapped[str] = code(3, "USD")
    fee: Mapped[Decimal] = money("0")
    amount_allocated: Mapped[Decimal] = money("0")
    amount_refunded: Mapped[Decimal] = money("0")
    unallocated: Mapped[Decimal | None] = mapped_column(
        Numeric(14, 2), Computed("amount - amount_allocated - amount_refunded", persisted=True)
    )
    received_on: Mapped[date] = day()
    deposited_on: Mapped[date | None] = day()
    reference: Mapped[str | None] = text_()
    processor: Mapped[str | None] = text_()
    processor_payment_id: Mapped[str | None] = text_()
    idempotency_key: Mapped[str | None] = text_()
    failure_code: Mapped[str | None] = text_()
    failure_message: Mapped[str | None] = text_()
    approval_request_id: Mapped[int | None] = ref("approval_requests", "N")
    memo: Mapped[str | None] = text_()
    reconciled_at: Mapped[datetime | None] = moment()


RECEIVED = and_(Payment.status == "succeeded", Payment.direction == "in")


def nothing_allocated(moving: Moving) -> str | None:
    """A payment that turns out not to be money must first stop settling invoices."""
    settled = moving.record["amount_allocated"]
    if not settled:
        return None
    return f"{in_words(settled, moving.record['currency'])} of it settles invoices; reverse those allocations first."


def reconciled(moving: Moving) -> Mapping[str, Any]:
    return {"reconciled_at": moving.at}


def not_yet_reconciled(record: Mapping[str, Any]) -> str | None:
    if record["status"] != "succeeded":
        return "Only money that has arrived can be reconciled with the bank."
    return "It is reconciled already." if record["reconciled_at"] else None


lifecycle = Lifecycle(
    field="status",
    initial="pending",
    stages=("pending", "succeeded"),
    frozen={"cancelled": ("*",)},
    why_frozen="This payment was cancelled; record a new one.",
    transitions=(
        Transition(
            "confirm", "Confirm receipt", source=("pending",), to="succeeded", may="payments.confirm", done="confirmed",
        ),
        Transition(
            "fail", "Mark as failed", source=("pending",), to="failed", may="payments.confirm", asks=("failure_message",),
            requires=("failure_message",), done="marked as failed",
        ),
        Transition(
            "cancel", "Cancel payment", source=("pending",), to="cancelled", may="payments.cancel", reason=True, danger=True,
            done="cancelled",
        ),
        Transition(
            "bounce", "Mark as bounced", source=("succeeded", "disputed"), to="bounced", may="payments.reverse",
            asks=("failure_message",), requires=("failure_message",), guards=(nothing_allocated,), danger=True,
            done="marked as bounced",
        ),
        Transition(
            "dispute", "Mark as disputed", source=("succeeded",), to="disputed", may="payments.reverse", reason=True,
            guards=(nothing_allocated,), done="marked as disputed",
        ),
        Transition(
            "win", "Close dispute in our favor", source=("disputed",), to="succeeded", may="payments.reverse", reason=True,
            done="won back",
        ),
    ),
)  # fmt: skip

payments = Resource(
    Payment,
    title="number",
    code="number",
    label="Payments",
    icon="card",
    nav=("Money", 20),
    about="Money that came in or was paid back, how it came, and how much of it has settled invoices.",
    search=("number", "reference"),
    sort="-received_on",
    of_money=True,
    numbered="payment",
    lifecycle=lifecycle,
    scopes={
        "Unallocated": and_(RECEIVED, Payment.unallocated > 0),
        "To confirm": Payment.status == "pending",
        "Failed": Payment.status.in_(("failed", "bounced")),
        "Disputed": Payment.status == "disputed",
        "Undeposited": and_(RECEIVED, Payment.deposited_on.is_(None), Payment.method.in_(("check", "cash", "lockbox"))),
        "Not reconciled": and_(RECEIVED, Payment.reconciled_at.is_(None)),
        "Refunds": Payment.direction == "refund",
    },
    facts=("customer_id", "amount", "unallocated", "method", "reference", "received_on", "deposited_on", "reconciled_at"),
    related=(
        Related(
            "payment_allocations", "payment_id", label="Settles", fields=("allocated_on", "invoice_id", "amount", "reversed_at"),
        ),
        Related("payments", "refund_of_id", label="Refunds", fields=("number", "received_on", "amount", "status")),
    ),
    actions=(
        Action(
            "reconcile", "Mark as reconciled", may="payments.write", intent=reconciled, when=not_yet_reconciled,
            done="reconciled",
        ),
    ),
    sentences={
        "uq_payments_tenant_id_number": ("number", "Another payment already has this number."),
        "uq_payments_processor_processor_payment_id": ("reference", "This payment was recorded already."),
        "ck_payments_amount": ("amount", "A payment is more than zero."),
    },
    defaults={"received_on": lambda actor: today(actor.timezone), "method": "check"},
    fields=(
        Code("number", label="Payment", edit=NEVER, width="s"),
        Date("received_on", label="Received", required=True, edit=CREATE, filter=True),
        Reference("customer_id", to="customers", required=True, edit=CREATE, filter=True, width="l"),
        Choice(
            "method", required=True, edit=CREATE, filter=True, width="s",
            labels={"check": "Check", "ach": "ACH", "wire": "Wire transfer"},
        ),
        Code("reference", edit=INLINE, filter=True, help="Check number or the bank's reference."),
        Money("amount", required=True, edit=CREATE, least=Decimal("0.01"), filter=True),
        Money("unallocated", edit=NEVER, filter=True, help="What of it has not settled an invoice yet."),
        Choice(
            "status", edit=NEVER, filter=True, width="s", labels={"succeeded": "Received"},
            tones={
                "pending": "mute open", "succeeded": "ok done", "failed": "danger fail", "bounced": "danger fail",
                "disputed": "warn warn", "cancelled": "mute off",
            },
        ),
        Money("fee", edit=INLINE, least=0, filter=True, help="What the bank or processor kept."),
        Moment("reconciled_at", label="Reconciled", edit=NEVER, filter=True),
        Choice("direction", edit=NEVER, list=False, filter=True, labels={"in": "Received", "refund": "Paid back"}),
        Date("deposited_on", label="Deposited", edit=INLINE, list=False, filter=True),
        Reference("refund_of_id", label="Refund of", to="payments", as_="code", edit=NEVER, list=False, filter=True),
        Reference("approval_request_id", label="Approval", to="approval_requests", edit=NEVER, list=False, filter=True),
        Code("currency", longest=3, edit=CREATE, list=False),
        Money("amount_allocated", label="Allocated", edit=NEVER, list=False, filter=True),
        Money("amount_refunded", label="Refunded", edit=NEVER, list=False),
        Text("memo", long=True, list=False, group="Notes"),
        Text("failure_message", label="Why it failed", edit=NEVER, list=False, group="Processor"),
        Code("failure_code", edit=NEVER, list=False, group="Processor"),
        Text("processor", edit=NEVER, list=False, filter=True, group="Processor"),
        Code("processor_payment_id", label="ID there", edit=NEVER, list=False, group="Processor"),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID in the import", edit=NEVER, list=False, group="Origin"),
        Moment("created_at", label="Recorded", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
