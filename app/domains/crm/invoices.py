"""Invoices and credit notes: what customers owe. A draft can change; once finalized, only a credit note corrects it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Computed, Integer, Numeric, Uuid, and_, case, cast, func, text
from sqlalchemy import Date as SqlDate
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import today
from app.domains.crm.invoice_lifecycle import actions, lifecycle
from app.domains.crm.posting import post, write_off
from app.engine.access import Actor
from app.engine.fields import (
    BULK,
    CREATE,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Date,
    Json,
    Moment,
    Money,
    Percent,
    Reference,
    Text,
)
from app.engine.records import (
    Archivable,
    Authored,
    External,
    MoneyHeader,
    Record,
    Standard,
    choice,
    day,
    integer,
    moment,
    money,
    percent,
    ref,
    text_,
)
from app.engine.resource import Related, Resource


class Invoice(Record, Standard, Authored, Archivable, External, MoneyHeader):
    __tablename__ = "invoices"
    number: Mapped[str | None] = text_()
    kind: Mapped[str] = choice("invoice", "credit_note", default="invoice")
    billing_kind: Mapped[str] = choice(
        "standard", "deposit", "progress", "final", "retainage_release", "subscription", default="standard"
    )
    status: Mapped[str] = choice("draft", "open", "paid", "void", "uncollectible", default="draft")
    credit_of_id: Mapped[int | None] = ref("invoices", "R")
    customer_id: Mapped[int] = ref("customers", "R")
    job_id: Mapped[int | None] = ref("jobs", "R")
    order_id: Mapped[int | None] = ref("orders", "R")
    subscription_id: Mapped[int | None] = ref("subscriptions", "R")
    estimate_id: Mapped[int | None] = ref("estimates", "R")
    property_id: Mapped[int | None] = ref("properties", "R")
    contact_id: Mapped[int | None] = ref("contacts", "N")
    billing_snapshot: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    issue_date: Mapped[date | None] = day()
    due_date: Mapped[date | None] = day()
    terms_days: Mapped[int] = integer("30")
    po_number: Mapped[str | None] = text_()
    period_start: Mapped[date | None] = day()
    period_end: Mapped[date | None] = day()
    application_no: Mapped[int | None] = integer()
    percent_complete: Mapped[Decimal | None] = percent()
    retainage_pct: Mapped[Decimal] = percent("0")
    retainage_withheld: Mapped[Decimal] = money("0")
    amount_paid: Mapped[Decimal] = money("0")
    amount_credited: Mapped[Decimal] = money("0")
    amount_written_off: Mapped[Decimal] = money("0")
    balance: Mapped[Decimal | None] = mapped_column(
        Numeric(14, 2),
        Computed("total - retainage_withheld - amount_paid - amount_credited - amount_written_off", persisted=True),
    )
    finalized_at: Mapped[datetime | None] = moment()
    sent_at: Mapped[datetime | None] = moment()
    viewed_at: Mapped[datetime | None] = moment()
    paid_at: Mapped[datetime | None] = moment()
    voided_at: Mapped[datetime | None] = moment()
    void_reason: Mapped[str | None] = text_()
    uncollectible_at: Mapped[datetime | None] = moment()
    dispute_status: Mapped[str] = choice("none", "open", "won", "lost", default="none")
    dispute_note: Mapped[str | None] = text_()
    promise_to_pay_on: Mapped[date | None] = day()
    dunning_level: Mapped[int] = integer("0")
    last_reminder_at: Mapped[datetime | None] = moment()
    memo: Mapped[str | None] = text_()
    internal_note: Mapped[str | None] = text_()
    public_id: Mapped[UUID] = mapped_column(Uuid, server_default=text("uuidv7()"))
    pdf_document_id: Mapped[int | None] = ref("documents", "N")
    stripe_invoice_id: Mapped[str | None] = text_()


OWED = and_(Invoice.status == "open", Invoice.kind == "invoice")


def today_in_database() -> ColumnElement[Any]:
    return cast(func.now(), SqlDate)


def state() -> ColumnElement[Any]:
    """How an invoice reads to people: lateness and part payment follow from calendar and payments, so nobody stores them."""
    settled = Invoice.amount_paid + Invoice.amount_credited + Invoice.amount_written_off
    return case(
        (Invoice.status != "open", Invoice.status),
        (and_(Invoice.kind == "invoice", Invoice.due_date < today_in_database()), "overdue"),
        (settled > 0, "partly_paid"),
        else_="open",
    )


def days_past_due() -> ColumnElement[Any]:
    """Whole days since an open invoice fell due; empty while nothing is late."""
    return case(
        (and_(OWED, Invoice.due_date < today_in_database()), cast(today_in_database() - Invoice.due_date, Integer))
    )


def overdue(days: int) -> Any:
    """Open invoices more than `days` days past due, by the viewer's calendar."""

    def condition(actor: Actor) -> ColumnElement[bool]:
        return and_(OWED, Invoice.due_date < today(actor.timezone) - timedelta(days=days))

    return condition


invoices = Resource(
    Invoice,
    title="number",
    code="number",
    label="Invoices",
    icon="invoice",
    nav=("Money", 10),
    letter="i",
    about="What customers owe and since when: drafts to finish, open invoices to collect, paid ones to look up.",
    search=("number", "po_number"),
    sort="-issue_date",
    lifecycle=lifecycle,
    printed=True,
    actions=actions,
    follow=(write_off, post),
    of_money=True,
    scopes={
        "Draft": Invoice.status == "draft",
        "Open": OWED,
        "Overdue": overdue(0),
        "Overdue 30+": overdue(30),
        "Unsent": and_(OWED, Invoice.sent_at.is_(None)),
        "Disputed": Invoice.dispute_status == "open",
        "Retainage": and_(Invoice.status.in_(("open", "paid")), Invoice.retainage_withheld > 0),
        "Paid": Invoice.status == "paid",
        "Credit notes": Invoice.kind == "credit_note",
    },
    badge="state",
    facts=("customer_id", "job_id", "total", "balance", "issue_date", "due_date", "days_past_due"),
    related=(
        Related(
            "invoice_lines", "invoice_id", label="Lines", sort="position", closed=lambda head: head["status"] != "draft",
            fields=("position", "description", "quantity", "unit", "unit_price", "tax_amount", "line_total"),
        ),
        Related(
            "payment_allocations", "invoice_id", label="Payments and credits",
            fields=("allocated_on", "kind", "payment_id", "credit_note_id", "amount", "reversed_at"),
        ),
        Related(
            "invoices", "credit_of_id", label="Credit notes", fields=("number", "state", "issue_date", "total", "balance"),
        ),
    ),
    sentences={
        "uq_invoices_tenant_id_number": ("number", "Another invoice already has this number."),
        "ck_invoices_due_date": ("due_date", "An invoice cannot be due before it is issued."),
        "ck_invoices_credit_of_id": ("credit_of_id", "Only a credit note corrects another invoice."),
        "ck_invoices_amounts": ("discount_total", "The total cannot fall below zero, nor below the retainage withheld."),
        "ck_invoices_balance": ("discount_total", "More has been paid or withheld than the invoice would come to."),
        "ck_invoices_currency": ("currency", "Write the currency as three capital letters, like USD."),
    },
    fields=(
        Code(
            "number", label="Invoice", edit=NEVER, filter=True, width="s",
            help="Given when the invoice is finalized, without gaps.",
        ),
        Reference("customer_id", to="customers", required=True, filter=True, width="m"),
        Reference("job_id", to="jobs", filter=True, width="m"),
        Choice(
            "state", edit=NEVER, sort=False, filter=True, expr=state,
            values=("draft", "open", "partly_paid", "overdue", "paid", "void", "uncollectible"),
            tones={
                "draft": "mute draft", "open": "info open", "partly_paid": "warn part", "overdue": "danger fail",
                "paid": "ok done", "void": "mute off", "uncollectible": "danger off",
            },
        ),
        Date("issue_date", label="Issued", edit=NEVER, filter=True),
        Date(
            "due_date", label="Due", edit=INLINE, due=True, filter=True,
            help="Follows from the terms at finalization; move it when more time was agreed.",
        ),
        Count("days_past_due", label="Days late", edit=NEVER, sort=False, filter=True, expr=days_past_due, width="s"),
        Money("total", edit=NEVER, filter=True, group="Amounts"),
        Money(
            "balance", edit=NEVER, filter=True, group="Amounts",
            help="What is still to be paid. On a credit note, what is still to be applied.",
        ),
        Moment("sent_at", label="Sent", edit=NEVER, list=False, filter=True),
        Date(
            "promise_to_pay_on", label="Promised", edit=INLINE, due=True, list=False, filter=True, group="Collection",
            help="The day the customer said the money would come.",
        ),
        Choice(
            "status", edit=NEVER, list=False, filter=True,
            tones={
                "draft": "mute draft", "open": "info open", "paid": "ok done", "void": "mute off", "uncollectible": "danger off",
            },
        ),
        Choice("kind", edit=CREATE, list=False, filter=True),
        Choice(
            "billing_kind", label="Billing", list=False, filter=True,
            help="Progress and final invoices share one contract; a release asks for what was withheld.",
        ),
        Reference("credit_of_id", label="Corrects", to="invoices", edit=CREATE, list=False, filter=True),
        Reference("property_id", label="Site", to="properties", list=False, filter=True),
        Reference("contact_id", label="Addressed to", to="contacts", list=False, filter=True),
        Reference("estimate_id", to="estimates", edit=CREATE, list=False, filter=True),
        Reference("order_id", to="orders", as_="code", edit=CREATE, list=False, filter=True),
        Reference("subscription_id", label="Agreement", to="subscriptions", edit=CREATE, list=False, filter=True),
        Reference("pdf_document_id", label="As printed", to="documents", edit=NEVER, list=False, filter=True),
        Count("terms_days", label="Terms in days", least=0, most=180, list=False, filter=True),
        Code("po_number", label="Purchase order", edit=INLINE, list=False, filter=True),
        Date("period_start", label="Period from", list=False, filter=True),
        Date("period_end", label="Period to", list=False),
        Count(
            "application_no", label="Application no.", least=1, list=False,
            help="Which progress bill of the contract this is.",
        ),
        Percent("percent_complete", label="Complete", list=False),
        Code("currency", longest=3, edit=CREATE, list=False, group="Amounts"),
        Money("subtotal", edit=NEVER, list=False, filter=True, group="Amounts"),
        Money("discount_total", label="Discount", edit=NEVER, least=0, list=False, group="Amounts"),
        Money("tax_total", label="Tax", edit=NEVER, list=False, group="Amounts"),
        Percent(
            "retainage_pct", label="Retainage", most=100, list=False, group="Amounts",
            help="Share the customer holds back until the work is accepted.",
        ),
        Money("retainage_withheld", edit=NEVER, list=False, filter=True, group="Amounts"),
        Money("amount_paid", label="Paid", edit=NEVER, list=False, filter=True, group="Amounts"),
        Money("amount_credited", label="Credited", edit=NEVER, list=False, group="Amounts"),
        Money("amount_written_off", label="Written off", edit=NEVER, list=False, group="Amounts"),
        Choice(
            "dispute_status", label="Dispute", edit=BULK, list=False, filter=True, group="Collection",
            tones={"none": "mute dot", "open": "warn warn", "won": "ok done", "lost": "danger fail"},
        ),
        Text("dispute_note", long=True, list=False, group="Collection"),
        Count("dunning_level", label="Reminders", edit=NEVER, list=False, filter=True, group="Collection"),
        Moment("last_reminder_at", label="Last reminder", edit=NEVER, list=False, filter=True, group="Collection"),
        Text("memo", long=True, list=False, group="Notes", help="Printed on the invoice."),
        Text("internal_note", long=True, list=False, group="Notes", help="For the office; never printed."),
        Moment("finalized_at", label="Finalized", edit=NEVER, list=False, filter=True, group="Steps"),
        Moment("viewed_at", label="Viewed", edit=NEVER, list=False, filter=True, group="Steps"),
        Moment("paid_at", label="Paid on", edit=NEVER, list=False, filter=True, group="Steps"),
        Moment("voided_at", label="Voided", edit=NEVER, list=False, filter=True, group="Steps"),
        Text("void_reason", edit=NEVER, list=False, group="Steps"),
        Moment("uncollectible_at", label="Given up", edit=NEVER, list=False, filter=True, group="Steps"),
        Json("billing_snapshot", label="Billed to, as printed", edit=NEVER, personal=True, group="Steps"),
        Code("stripe_invoice_id", label="Stripe invoice", edit=NEVER, list=False, group="Origin"),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, group="Origin"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
