"""Recurring agreements: recurring agreements: roof maintenance plans and software or retainer billing."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Computed, Numeric
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Count, Date, Flag, Moment, Money, Percent, Quantity, Reference, Text
from app.engine.records import (
    Archivable,
    Authored,
    External,
    Record,
    Standard,
    choice,
    code,
    day,
    flag,
    integer,
    moment,
    money,
    percent,
    ref,
    text_,
)
from app.engine.records import quantity as quantity_
from app.engine.resource import Resource


class Subscription(Record, Standard, Authored, Archivable, External):
    __tablename__ = "subscriptions"
    number: Mapped[str] = text_()
    name: Mapped[str] = text_()
    kind: Mapped[str] = choice("service_agreement", "software", "retainer", default="service_agreement")
    status: Mapped[str] = choice(
        "incomplete",
        "incomplete_expired",
        "trialing",
        "active",
        "past_due",
        "unpaid",
        "paused",
        "cancelled",
        default="incomplete",
    )
    customer_id: Mapped[int] = ref("customers", "R")
    property_id: Mapped[int | None] = ref("properties", "R")
    product_id: Mapped[int | None] = ref("products", "R")
    quantity: Mapped[Decimal] = quantity_("1")
    unit_amount: Mapped[Decimal] = money()
    currency: Mapped[str] = code(3, "USD")
    discount_pct: Mapped[Decimal] = percent("0")
    interval_unit: Mapped[str] = choice("week", "month", "year", default="month")
    interval_count: Mapped[int] = integer("1")
    mrr: Mapped[Decimal | None] = mapped_column(
        Numeric(14, 2),
        Computed(
            "round(quantity * unit_amount * (1 - discount_pct / 100) * CASE interval_unit WHEN 'week' THEN 52.0 / 12 WHEN 'month' THEN 1 ELSE 1.0 / 12 END / interval_count, 2)",
            persisted=True,
        ),
    )
    collection: Mapped[str] = choice("auto_charge", "send_invoice", default="send_invoice")
    starts_on: Mapped[date] = day()
    trial_ends_at: Mapped[datetime | None] = moment()
    current_period_start: Mapped[date | None] = day()
    current_period_end: Mapped[date | None] = day()
    next_invoice_on: Mapped[date | None] = day()
    ends_on: Mapped[date | None] = day()
    auto_renew: Mapped[bool] = flag("true")
    visits_per_year: Mapped[int | None] = integer()
    next_visit_on: Mapped[date | None] = day()
    last_visit_on: Mapped[date | None] = day()
    paused_at: Mapped[datetime | None] = moment()
    resume_on: Mapped[date | None] = day()
    cancel_at_period_end: Mapped[bool] = flag()
    cancelled_at: Mapped[datetime | None] = moment()
    cancel_reason: Mapped[str | None] = choice(
        "price",
        "service_quality",
        "sold_property",
        "no_longer_needed",
        "non_payment",
        "competitor",
        "term_ended",
        "other",
    )
    dunning_step: Mapped[int] = integer("0")
    payment_failed_at: Mapped[datetime | None] = moment()
    stripe_subscription_id: Mapped[str | None] = text_()


subscriptions = Resource(
    Subscription,
    title="name",
    code="number",
    label="Recurring agreements",
    icon="building",
    nav=("Money", 20),
    about="Recurring agreements: roof maintenance plans and software or retainer billing.",
    area="subscriptions",
    search=(
        "number",
        "name",
    ),
    sort="-created_at",
    fields=(
        Code("number", filter=True),
        Text("name", filter=True),
        Choice("kind", filter=True),
        Choice("status", filter=True),
        Reference("customer_id", to="customers", filter=True),
        Reference("property_id", to="properties", filter=True),
        Reference("product_id", to="products", filter=True),
        Quantity("quantity", places=4, filter=True),
        Money("unit_amount", filter=True),
        Code("currency", list=False, filter=True),
        Percent("discount_pct", filter=True),
        Choice("interval_unit", filter=True),
        Count("interval_count", filter=True),
        Money("mrr", edit=NEVER, filter=True),
        Choice("collection", filter=True),
        Date("starts_on", filter=True),
        Moment("trial_ends_at", filter=True),
        Date("current_period_start", filter=True),
        Date("current_period_end", filter=True),
        Date("next_invoice_on", filter=True),
        Date("ends_on", filter=True),
        Flag("auto_renew", filter=True),
        Count("visits_per_year", filter=True),
        Date("next_visit_on", filter=True),
        Date("last_visit_on", filter=True),
        Moment("paused_at", filter=True),
        Date("resume_on", filter=True),
        Flag("cancel_at_period_end", filter=True),
        Moment("cancelled_at", filter=True),
        Choice("cancel_reason", filter=True),
        Count("dunning_step", filter=True),
        Moment("payment_failed_at", filter=True),
        Code("stripe_subscription_id", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
        Code("external_source", filter=True),
        Code("external_id", filter=True),
    ),
)
