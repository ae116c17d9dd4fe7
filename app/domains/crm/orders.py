"""Orders: confirmed sales of services, materials or plans, before fulfilment and billing."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Date, Moment, Money, Reference, Text
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
from app.engine.resource import Resource


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


orders = Resource(
    Order,
    title="number",
    label="Orders",
    icon="building",
    nav=("Money", 15),
    about="Confirmed sales of services, materials or plans, before fulfilment and billing.",
    area="orders",
    search=("number",),
    sort="-created_at",
    fields=(
        Code("number", filter=True),
        Choice("kind", filter=True),
        Choice("status", filter=True),
        Choice("channel", filter=True),
        Reference("customer_id", to="customers", filter=True),
        Reference("estimate_id", to="estimates", filter=True),
        Reference("property_id", to="properties", filter=True),
        Reference("contact_id", to="contacts", filter=True),
        Reference("sales_rep_id", to="app_users", as_="person", filter=True),
        Text("po_number", filter=True),
        Moment("confirmed_at", filter=True),
        Date("needed_by", filter=True),
        Moment("fulfilled_at", filter=True),
        Moment("closed_at", filter=True),
        Moment("cancelled_at", filter=True),
        Text("cancel_reason", long=True, list=False),
        Text("hold_reason", long=True, list=False),
        Money("invoiced_total", filter=True),
        Text("notes", long=True, list=False),
        Code("currency", list=False, filter=True),
        Money("subtotal", filter=True),
        Money("discount_total", filter=True),
        Money("tax_total", filter=True),
        Money("total", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
        Code("external_source", filter=True),
        Code("external_id", filter=True),
    ),
)
