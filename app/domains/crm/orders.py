"""Orders: what a customer has agreed to buy - work, materials, plans - from the agreement to the last delivery and invoice."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import Mapped

from app.core.clock import today
from app.domains.crm.order_lifecycle import actions, lifecycle
from app.engine.access import Actor
from app.engine.fields import BULK, CREATE, INLINE, NEVER, Choice, Code, Date, Moment, Money, Reference, Text
from app.engine.records import (
    Archivable,
    Authored,
    External,
    MoneyHeader,
    Record,
    Standard,
    choice,
    day,
    moment,
    money,
    ref,
    text_,
)
from app.engine.resource import Related, Resource


class Order(Record, Standard, Authored, Archivable, External, MoneyHeader):
    __tablename__ = "orders"
    number: Mapped[str] = text_()
    kind: Mapped[str] = choice("service", "material", "product", "plan", default="service")
    status: Mapped[str] = choice(
        "draft", "confirmed", "on_hold", "in_fulfilment", "fulfilled", "closed", "cancelled", default="draft"
    )
    channel: Mapped[str] = choice("console", "public_site", "api", "import", default="console")
    customer_id: Mapped[int] = ref("customers", "R")
    estimate_id: Mapped[int | None] = ref("estimates", "R")
    property_id: Mapped[int | None] = ref("properties", "R")
    contact_id: Mapped[int | None] = ref("contacts", "N")
    sales_rep_id: Mapped[int | None] = ref("app_users", "N")
    po_number: Mapped[str | None] = text_()
    confirmed_at: Mapped[datetime | None] = moment()
    needed_by: Mapped[date | None] = day()
    fulfilled_at: Mapped[datetime | None] = moment()
    closed_at: Mapped[datetime | None] = moment()
    cancelled_at: Mapped[datetime | None] = moment()
    cancel_reason: Mapped[str | None] = text_()
    hold_reason: Mapped[str | None] = text_()
    invoiced_total: Mapped[Decimal] = money("0")
    notes: Mapped[str | None] = text_()


UNDER_WAY = Order.status.in_(("confirmed", "in_fulfilment", "on_hold"))
"""Agreed, and not delivered yet."""


def mine(actor: Actor) -> ColumnElement[bool]:
    return and_(
        Order.status.in_(("draft", "confirmed", "in_fulfilment", "on_hold")), Order.sales_rep_id == actor.app_user_id
    )


def late(actor: Actor) -> ColumnElement[bool]:
    return and_(UNDER_WAY, Order.needed_by < today(actor.timezone))


def to_invoice() -> ColumnElement[Any]:
    return Order.total - Order.invoiced_total


orders = Resource(
    Order,
    title="number",
    code="number",
    label="Orders",
    icon="box",
    nav=("Money", 12),
    about="What customers have agreed to buy: what is still to be delivered, and what of it is still to be invoiced.",
    search=("number", "po_number"),
    sort="-created_at",
    numbered="order",
    lifecycle=lifecycle,
    actions=actions,
    scopes={
        "Mine": mine,
        "Drafts": Order.status == "draft",
        "To deliver": Order.status.in_(("confirmed", "in_fulfilment")),
        "Late": late,
        "On hold": Order.status == "on_hold",
        "Delivered, not invoiced": and_(Order.status == "fulfilled", Order.invoiced_total < Order.total),
        "Closed": Order.status == "closed",
    },
    facts=("customer_id", "property_id", "kind", "total", "invoiced_total", "to_invoice", "needed_by", "sales_rep_id"),
    related=(
        Related(
            "order_lines", "order_id", label="Lines", sort="position", closed=lambda head: head["status"] != "draft",
            fields=(
                "position", "description", "quantity", "unit", "unit_price", "line_total", "fulfilled_qty",
                "invoiced_qty",
            ),
        ),
        Related("invoices", "order_id", fields=("number", "state", "issue_date", "due_date", "total", "balance")),
        Related("jobs", "order_id", fields=("title", "number", "status", "due_by")),
    ),
    sentences={
        "uq_orders_tenant_id_number": ("number", "Another order already has this number."),
        "ck_orders_on_hold": ("hold_reason", "An order on hold says why."),
        "ck_orders_total": ("discount_total", "The total is the subtotal less the discount plus tax."),
        "ck_orders_currency": ("currency", "Write the currency as three capital letters, like USD."),
    },
    defaults={"sales_rep_id": lambda actor: actor.app_user_id},
    fields=(
        Code("number", label="Order", edit=NEVER, filter=True, width="s"),
        Reference("customer_id", to="customers", required=True, filter=True, width="l"),
        Choice("kind", filter=True, width="s", labels={"plan": "Maintenance plan"}),
        Choice(
            "status", edit=NEVER, filter=True, width="s",
            labels={"in_fulfilment": "Being delivered", "fulfilled": "Delivered"},
            tones={
                "draft": "mute draft", "confirmed": "info sched", "on_hold": "warn pause",
                "in_fulfilment": "accent prog",
                "fulfilled": "ok part", "closed": "ok done", "cancelled": "mute fail",
            },
        ),
        Date("needed_by", due=True, edit=INLINE | BULK, filter=True, help="When the customer needs it."),
        Money("total", edit=NEVER, filter=True, group="Amounts"),
        Money(
            "invoiced_total", label="Invoiced", edit=NEVER, filter=True, group="Amounts",
            help="Open and paid invoices of this order, less credit notes.",
        ),
        Reference("sales_rep_id", label="Sold by", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Moment("created_at", label="Ordered", edit=NEVER, filter=True),
        Money(
            "to_invoice", label="To invoice", edit=NEVER, list=False, sort=False, filter=True, expr=to_invoice,
            group="Amounts",
        ),
        Reference("property_id", label="Site", to="properties", list=False, filter=True),
        Reference("contact_id", label="Ordered by", to="contacts", list=False, filter=True),
        Reference("estimate_id", label="Offered as", to="estimates", edit=CREATE, list=False, filter=True),
        Code("po_number", label="Purchase order", edit=INLINE, list=False, filter=True),
        Choice(
            "channel", label="Came by", edit=CREATE, list=False, filter=True,
            labels={"public_site": "Public site", "api": "API"},
        ),
        Money("subtotal", edit=NEVER, list=False, filter=True, group="Amounts"),
        Money("discount_total", label="Discount", edit=NEVER, least=0, list=False, group="Amounts"),
        Money("tax_total", label="Tax", edit=NEVER, list=False, group="Amounts"),
        Code("currency", longest=3, edit=CREATE, list=False, filter=True, group="Amounts"),
        Text("notes", long=True, list=False, group="Notes"),
        Moment("confirmed_at", label="Confirmed", edit=NEVER, list=False, filter=True, group="Steps"),
        Text("hold_reason", label="On hold because", longest=300, edit=NEVER, list=False, filter=True, group="Steps"),
        Moment("fulfilled_at", label="Delivered", edit=NEVER, list=False, filter=True, group="Steps"),
        Moment("closed_at", label="Closed", edit=NEVER, list=False, filter=True, group="Steps"),
        Moment("cancelled_at", label="Cancelled", edit=NEVER, list=False, filter=True, group="Steps"),
        Text("cancel_reason", longest=300, edit=NEVER, list=False, group="Steps"),
        Reference(
            "created_by", label="Entered by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, group="Origin"),
    ),
)  # fmt: skip
