"""Recurring agreements: maintenance plans and retainers, billed and visited period by period until somebody ends them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Computed, Numeric, and_, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import today
from app.domains.crm.subscription_lifecycle import actions, lifecycle
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
    Flag,
    Moment,
    Money,
    Percent,
    Quantity,
    Reference,
    Text,
)
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
from app.engine.resource import Related, Resource


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
            "round(quantity * unit_amount * (1 - discount_pct / 100) * CASE interval_unit WHEN 'week' THEN 52.0 / 12"
            " WHEN 'month' THEN 1 ELSE 1.0 / 12 END / interval_count, 2)",
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


IN_FORCE = Subscription.status.in_(("active", "past_due"))


def renewing(actor: Actor) -> ColumnElement[bool]:
    """Whose term ends within thirty days and goes on by itself: the time to talk about the price."""
    day = today(actor.timezone)
    soon = func.coalesce(Subscription.ends_on, Subscription.current_period_end).between(day, day + timedelta(days=30))
    return and_(IN_FORCE, Subscription.auto_renew, Subscription.interval_unit == "year", soon)


def visit_overdue(actor: Actor) -> ColumnElement[bool]:
    return and_(IN_FORCE, Subscription.next_visit_on < today(actor.timezone))


def without_invoice_day(actor: Actor) -> ColumnElement[bool]:
    """In force, and nobody will be billed: no day for the next invoice, or it has passed."""
    day = today(actor.timezone)
    return and_(IN_FORCE, func.coalesce(Subscription.next_invoice_on, date(1900, 1, 1)) < day)


subscriptions = Resource(
    Subscription,
    title="name",
    code="number",
    label="Recurring agreements",
    singular="recurring agreement",
    icon="refresh",
    nav=("Money", 14),
    about="Maintenance plans and other agreements that recur: what they bring a month, what comes next, who is behind.",
    search=("number", "name"),
    sort="next_invoice_on",
    opens="In force",
    numbered="subscription",
    lifecycle=lifecycle,
    actions=actions,
    scopes={
        "In force": IN_FORCE,
        "Past due": Subscription.status.in_(("past_due", "unpaid")),
        "Renewing in 30 days": renewing,
        "Visit overdue": visit_overdue,
        "No invoice coming": without_invoice_day,
        "Ending": and_(IN_FORCE, Subscription.cancel_at_period_end),
        "Paused": Subscription.status == "paused",
        "Not started": Subscription.status.in_(("incomplete", "trialing")),
    },
    facts=(
        "customer_id", "property_id", "unit_amount", "mrr", "next_invoice_on", "next_visit_on", "current_period_end",
        "dunning_step",
    ),
    related=(
        Related(
            "invoices", "subscription_id", fields=("number", "state", "period_start", "issue_date", "total", "balance"),
        ),
        Related("jobs", "subscription_id", label="Visits and jobs", fields=("title", "number", "status", "due_by")),
    ),
    sentences={
        "uq_subscriptions_tenant_id_number": ("number", "Another agreement already has this number."),
        "uq_subscriptions_stripe_subscription_id": ("stripe_subscription_id", "Another agreement has this Stripe number."),
        "ck_subscriptions_interval_count": ("interval_count", "A period is 1 to 36 weeks, months or years."),
        "ck_subscriptions_amounts": (
            "unit_amount", "The amount is not below zero, the quantity above it, the discount at most 100 percent.",
        ),
        "ck_subscriptions_period": ("current_period_end", "A period ends after it begins."),
        "ck_subscriptions_currency": ("currency", "Write the currency as three capital letters, like USD."),
    },
    defaults={"starts_on": lambda actor: today(actor.timezone), "auto_renew": True},
    fields=(
        Text("name", label="Agreement", required=True, edit=INLINE, longest=200, width="l"),
        Code("number", edit=NEVER, filter=True, width="s"),
        Reference("customer_id", to="customers", required=True, edit=CREATE, filter=True, width="l"),
        Choice(
            "status", edit=NEVER, filter=True, width="s",
            labels={"incomplete": "Not started", "incomplete_expired": "Lapsed", "trialing": "On trial"},
            tones={
                "incomplete": "mute draft", "incomplete_expired": "mute off", "trialing": "info part",
                "active": "ok prog",
                "past_due": "warn warn", "unpaid": "danger fail", "paused": "warn pause", "cancelled": "mute off",
            },
        ),
        Money(
            "mrr", label="A month", edit=NEVER, filter=True, group="Price",
            help="What it brings in a month, whatever its period.",
        ),
        Date("next_invoice_on", label="Next invoice", due=True, edit=INLINE | BULK, filter=True, group="Periods"),
        Date("next_visit_on", label="Next visit", due=True, edit=INLINE | BULK, filter=True, group="Visits"),
        Count(
            "dunning_step", label="Reminders", edit=NEVER, filter=True, width="xs",
            help="How often its open invoice was reminded of.",
        ),
        Choice("kind", edit=CREATE, list=False, filter=True),
        Reference("property_id", label="Site", to="properties", edit=INLINE, list=False, filter=True),
        Reference("product_id", label="Plan", to="products", list=False, filter=True),
        Choice(
            "collection", edit=INLINE | BULK, list=False, filter=True, group="Price",
            labels={"auto_charge": "Charged by itself", "send_invoice": "By invoice"},
        ),
        Quantity("quantity", least=0, list=False, filter=True, group="Price"),
        Money("unit_amount", label="Amount a period", least=0, edit=INLINE, list=False, filter=True, group="Price"),
        Percent("discount_pct", label="Discount", edit=INLINE, list=False, filter=True, group="Price"),
        Code("currency", longest=3, edit=CREATE, list=False, filter=True, group="Price"),
        Count("interval_count", label="Every", least=1, most=36, list=False, filter=True, group="Periods"),
        Choice("interval_unit", label="Weeks, months or years", list=False, filter=True, group="Periods"),
        Date("starts_on", label="Begins", edit=CREATE, list=False, filter=True, group="Periods"),
        Date("current_period_start", label="This period from", edit=NEVER, list=False, filter=True, group="Periods"),
        Date("current_period_end", label="This period to", edit=NEVER, list=False, filter=True, group="Periods"),
        Flag("auto_renew", label="Goes on by itself", edit=INLINE, list=False, filter=True, group="Periods"),
        Date("ends_on", label="Ends", edit=INLINE, list=False, filter=True, group="Periods"),
        Moment(
            "trial_ends_at", label="Trial until", planned=True, edit=NEVER, list=False, filter=True, group="Periods",
        ),
        Count(
            "visits_per_year", label="Visits a year", least=0, most=366, edit=INLINE, list=False, filter=True,
            group="Visits",
        ),
        Date("last_visit_on", label="Last visit", edit=INLINE, list=False, filter=True, group="Visits"),
        Moment("paused_at", label="Paused", edit=NEVER, list=False, filter=True, group="Pause and end"),
        Date(
            "resume_on", label="Goes on", edit=NEVER, list=False, filter=True, group="Pause and end",
            help="The day it is to go on.",
        ),
        Flag(
            "cancel_at_period_end", label="Ends with its period", edit=NEVER, list=False, filter=True,
            group="Pause and end",
        ),
        Moment("cancelled_at", label="Cancelled", edit=NEVER, list=False, filter=True, group="Pause and end"),
        Choice("cancel_reason", label="Ended because", edit=NEVER, list=False, filter=True, group="Pause and end"),
        Moment("payment_failed_at", label="Behind since", edit=NEVER, list=False, filter=True, group="Pause and end"),
        Code(
            "stripe_subscription_id", label="Stripe subscription", edit=NEVER, list=False, filter=True, group="Origin",
        ),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, group="Origin"),
        Reference(
            "created_by", label="Entered by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("created_at", label="Entered", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
