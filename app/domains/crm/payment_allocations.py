"""Allocations: which payment, credit or write-off settled how much of which invoice. Never edited; reversed instead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.core.clock import now
from app.engine.fields import NEVER, Choice, Date, Moment, Money, Reference, Text
from app.engine.records import Log, Record, choice, day, moment, money, ref, text_
from app.engine.resource import Resource


class PaymentAllocation(Record, Log):
    __tablename__ = "payment_allocations"
    invoice_id: Mapped[int] = ref("invoices", "R")
    kind: Mapped[str] = choice("payment", "credit", "write_off", "discount")
    payment_id: Mapped[int | None] = ref("payments", "R")
    credit_note_id: Mapped[int | None] = ref("invoices", "R")
    amount: Mapped[Decimal] = money()
    allocated_on: Mapped[date] = day()
    allocated_by: Mapped[int | None] = ref("app_users", "R")
    approval_request_id: Mapped[int | None] = ref("approval_requests", "N")
    reversed_at: Mapped[datetime | None] = moment()
    reversed_by: Mapped[int | None] = ref("app_users", "R")
    reversal_reason: Mapped[str | None] = text_()


def reversed_again() -> Mapping[str, Any]:
    """An allocation stays in the books; taking its posting back reverses it."""
    return {"reversed_at": now(), "reversal_reason": "Taken back with the change that posted it"}


payment_allocations = Resource(
    PaymentAllocation,
    title="kind",
    label="Allocations",
    icon="link",
    about="Which payment, credit or write-off settled how much of which invoice, and what was reversed.",
    area="payments",
    read_only="An allocation is posted with its payment and reversed, never edited: the books show both.",
    create=False,
    of_money=True,
    taken_back=reversed_again,
    sort="-allocated_on",
    scopes={
        "Standing": PaymentAllocation.reversed_at.is_(None),
        "Reversed": PaymentAllocation.reversed_at.is_not(None),
        "Write-offs": PaymentAllocation.kind == "write_off",
    },
    facts=("invoice_id", "payment_id", "amount", "allocated_on", "allocated_by", "reversed_at"),
    fields=(
        Choice(
            "kind", edit=NEVER, filter=True, tones={"payment": "ok done", "credit": "info part", "write_off": "danger off"},
        ),
        Date("allocated_on", label="On", edit=NEVER, filter=True),
        Reference("invoice_id", to="invoices", as_="code", edit=NEVER, filter=True),
        Reference("payment_id", to="payments", as_="code", edit=NEVER, filter=True),
        Reference("credit_note_id", to="invoices", as_="code", edit=NEVER, filter=True),
        Money("amount", edit=NEVER, filter=True),
        Reference("allocated_by", label="By", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("reversed_at", label="Reversed", edit=NEVER, filter=True),
        Reference("reversed_by", to="app_users", as_="person", edit=NEVER, list=False, filter=True),
        Text("reversal_reason", edit=NEVER, list=False),
        Reference("approval_request_id", label="Approval", to="approval_requests", edit=NEVER, list=False, filter=True),
        Moment("created_at", label="Posted", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
