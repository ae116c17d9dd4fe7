"""Estimates: priced proposals with revisions, their margin, and the customer's answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Computed, Integer, Numeric, Uuid, and_, cast, func, text
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import today
from app.domains.crm import totals
from app.domains.crm.estimate_lifecycle import lifecycle
from app.domains.crm.pipeline import carry_on
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.fields import (
    BULK,
    CREATE,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Date,
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
from app.engine.records import (
    number as numeric,
)
from app.engine.resource import Related, Resource
from app.engine.states import Moving

_MARGIN = (
    "CASE WHEN total - tax_total > 0 THEN round((total - tax_total - cost_total) / (total - tax_total) * 100, 2) END"
)


class Estimate(Record, Standard, Authored, Archivable, External, MoneyHeader):
    __tablename__ = "estimates"
    number: Mapped[str] = text_()
    revision_no: Mapped[int] = integer("1")
    revised_from_id: Mapped[int | None] = ref("estimates", "N")
    title: Mapped[str] = text_()
    status: Mapped[str] = choice(
        "draft", "internal_review", "sent", "viewed", "accepted", "declined", "expired", "superseded", default="draft"
    )
    customer_id: Mapped[int | None] = ref("customers", "R")
    lead_id: Mapped[int | None] = ref("leads", "N")
    property_id: Mapped[int | None] = ref("properties", "N")
    contact_id: Mapped[int | None] = ref("contacts", "N")
    estimator_id: Mapped[int | None] = ref("app_users", "N")
    source: Mapped[str] = choice("manual", "ai", "template", "import", default="manual")
    ai_decision_id: Mapped[int | None] = ref("ai_decision_logs", "N")
    approval_request_id: Mapped[int | None] = ref("approval_requests", "N")
    scope_text: Mapped[str | None] = text_()
    exclusions: Mapped[str | None] = text_()
    terms_text: Mapped[str | None] = text_()
    roof_area_sqft: Mapped[Decimal | None] = numeric(12, 2)
    waste_pct: Mapped[Decimal] = percent("0")
    overhead_pct: Mapped[Decimal] = percent("0")
    profit_pct: Mapped[Decimal] = percent("0")
    contingency_pct: Mapped[Decimal] = percent("0")
    deposit_pct: Mapped[Decimal] = percent("0")
    cost_total: Mapped[Decimal] = money("0")
    margin_pct: Mapped[Decimal | None] = mapped_column(Numeric, Computed(_MARGIN, persisted=True))
    public_id: Mapped[UUID] = mapped_column(Uuid, server_default=text("uuidv7()"))
    issued_on: Mapped[date | None] = day()
    valid_until: Mapped[date | None] = day()
    sent_at: Mapped[datetime | None] = moment()
    viewed_at: Mapped[datetime | None] = moment()
    view_count: Mapped[int] = integer("0")
    accepted_at: Mapped[datetime | None] = moment()
    accepted_by_name: Mapped[str | None] = text_()
    accepted_ip: Mapped[str | None] = mapped_column(INET)
    declined_at: Mapped[datetime | None] = moment()
    decline_reason: Mapped[str | None] = text_()
    converted_at: Mapped[datetime | None] = moment()
    pdf_document_id: Mapped[int | None] = ref("documents", "N")


WAITING = Estimate.status.in_(("sent", "viewed"))
"""Out with the customer, unanswered."""


def mine(actor: Actor) -> ColumnElement[bool]:
    return Estimate.estimator_id == actor.app_user_id


def expiring(actor: Actor) -> ColumnElement[bool]:
    day = today(actor.timezone)
    return and_(WAITING, Estimate.valid_until.between(day, day + timedelta(days=7)))


def days_out() -> ColumnElement[Any]:
    """Whole days since the estimate went out; empty while it has not."""
    return cast(func.floor(func.extract("epoch", func.now() - Estimate.sent_at) / 86400), Integer)


def drafts_only(record: Mapping[str, Any]) -> str | None:
    return None if record["status"] == "draft" else "Only a draft's amounts change; make a revision."


def recalculate(moving: Moving) -> Mapping[str, Any]:
    lines = (moving.connection, "estimate_lines", "estimate_id")
    cost = totals.cost_of(*lines, moving.record["id"])
    return {**totals.header_of(*lines, moving.record), "cost_total": cost}


def discount(moving: Moving) -> Mapping[str, Any]:
    row = moving.record
    return totals.header(row["subtotal"], row["tax_total"], moving.asked["discount_total"])


estimates = Resource(
    Estimate,
    title="title",
    code="number",
    label="Estimates",
    icon="ruler",
    nav=("Customers", 40),
    letter="e",
    about="What we offer to do, for how much and at which margin, and what the customer said.",
    search=("number", "title"),
    sort="-created_at",
    numbered="estimate",
    lifecycle=lifecycle,
    printed=True,
    follow=(carry_on,),
    of_money=True,
    scopes={
        "Mine": mine,
        "Drafts": Estimate.status == "draft",
        "Awaiting review": Estimate.status == "internal_review",
        "Sent, not viewed 3 days": and_(Estimate.status == "sent", Estimate.sent_at < func.now() - text("interval '3 days'")),
        "Expiring in 7 days": expiring,
        "Accepted, not converted": and_(Estimate.status == "accepted", Estimate.converted_at.is_(None)),
    },
    facts=("customer_id", "property_id", "total", "margin_pct", "valid_until", "estimator_id", "days_out", "view_count"),
    related=(
        Related(
            "estimate_lines", "estimate_id", label="Lines", sort="position", closed=lambda head: head["status"] != "draft",
            fields=("description", "section", "quantity", "unit", "unit_price", "line_total"),
        ),
        Related("jobs", "estimate_id", fields=("title", "number", "status", "contract_value")),
        Related("orders", "estimate_id", fields=("number", "kind", "status", "total", "invoiced_total")),
        Related(
            "estimates", "revised_from_id", label="Later revisions", fields=("title", "number", "revision_no", "status", "total"),
        ),
    ),
    actions=(
        Action(
            "recalculate", "Recalculate totals", may="estimates.write", intent=recalculate, when=drafts_only, done="recalculated",
        ),
        Action(
            "discount", "Give a discount", may="estimates.write", intent=discount, when=drafts_only,
            asks=("discount_total",), requires=("discount_total",), done="discounted",
        ),
    ),
    sentences={
        "ck_estimates_customer_or_lead": ("customer_id", "Say whom this is offered to: a customer, or a lead."),
        "ck_estimates_valid_until": ("valid_until", "An offer cannot end before it is made."),
        "ck_estimates_currency": ("currency", "Write the currency as three capital letters, like USD."),
        "uq_estimates_tenant_id_number_revision_no": ("revision_no", "This estimate already has that revision."),
    },
    defaults={"estimator_id": lambda actor: actor.app_user_id},
    fields=(
        Text("title", label="Estimate", required=True, edit=INLINE, longest=200, width="l"),
        Code("number", edit=NEVER, width="s"),
        Count("revision_no", label="Rev.", edit=NEVER, width="xs"),
        Reference(
            "customer_id", to="customers", edit=CREATE, filter=True, width="l",
            help="May wait where a lead is named: accepting the estimate wins the lead and says who pays.",
        ),
        Reference("property_id", label="Site", to="properties", filter=True),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={
                "draft": "mute draft", "internal_review": "warn pause", "sent": "info sched", "viewed": "info prog",
                "accepted": "ok done", "declined": "danger fail", "expired": "mute off", "superseded": "mute off",
            },
        ),
        Money("total", edit=NEVER, filter=True, group="Amounts"),
        Percent(
            "margin_pct", label="Margin", edit=NEVER, filter=True, least=None, group="Amounts",
            help="What is left of the price before tax after our own cost.",
        ),
        Count("days_out", label="Days since sent", edit=NEVER, sort=False, filter=True, expr=days_out),
        Count("view_count", label="Views", edit=NEVER, filter=True),
        Date(
            "valid_until", edit=INLINE, due=True, filter=True,
            help="After this day the customer can no longer accept.",
        ),
        Reference("lead_id", to="leads", edit=CREATE, list=False, filter=True),
        Reference("contact_id", to="contacts", list=False, filter=True),
        Reference("estimator_id", to="app_users", as_="person", edit=INLINE | BULK, list=False, filter=True),
        Choice("source", edit=NEVER, list=False, filter=True, labels={"ai": "AI"}, tones={"ai": "ai ai"}),
        Reference("revised_from_id", label="Revises", to="estimates", edit=CREATE, list=False, filter=True),
        Reference(
            "ai_decision_id", label="AI decision", to="ai_decision_logs", as_="agent", edit=NEVER, list=False, filter=True,
        ),
        Reference("approval_request_id", label="Approval", to="approval_requests", edit=NEVER, list=False, filter=True),
        Reference("pdf_document_id", label="As printed", to="documents", edit=NEVER, list=False, filter=True),
        Money("subtotal", edit=NEVER, list=False, group="Amounts"),
        Money("discount_total", label="Discount", edit=NEVER, least=0, list=False, group="Amounts"),
        Money("tax_total", label="Tax", edit=NEVER, list=False, group="Amounts"),
        Money(
            "cost_total", label="Our cost", edit=NEVER, list=False, filter=True, group="Amounts",
            help="From the costs of its lines.",
        ),
        Code("currency", longest=3, edit=CREATE, list=False, group="Amounts"),
        Quantity("roof_area_sqft", label="Roof area", unit="sq ft", places=2, least=0, list=False, group="Pricing"),
        Percent("waste_pct", label="Waste", list=False, group="Pricing"),
        Percent("overhead_pct", label="Overhead", list=False, group="Pricing"),
        Percent("profit_pct", label="Profit", list=False, group="Pricing"),
        Percent("contingency_pct", label="Contingency", list=False, group="Pricing"),
        Percent(
            "deposit_pct", label="Deposit", list=False, group="Pricing",
            help="Share of the total asked for before work begins.",
        ),
        Text("scope_text", label="Scope", long=True, list=False, group="Words"),
        Text("exclusions", long=True, list=False, group="Words"),
        Text("terms_text", label="Terms", long=True, list=False, group="Words"),
        Date("issued_on", label="Issued", edit=NEVER, list=False, filter=True, group="Answer"),
        Moment("sent_at", label="Sent", edit=NEVER, list=False, filter=True, group="Answer"),
        Moment("viewed_at", label="First viewed", edit=NEVER, list=False, filter=True, group="Answer"),
        Moment("accepted_at", label="Accepted", edit=NEVER, list=False, filter=True, group="Answer"),
        Text(
            "accepted_by_name", label="Accepted by", edit=NEVER, list=False, group="Answer",
            help="Who signed, as written there.",
        ),
        Text(
            "accepted_from", label="Accepted from", edit=NEVER, list=False, sort=False, personal=True, group="Answer",
            expr=lambda: func.host(Estimate.accepted_ip),
        ),
        Moment("declined_at", label="Declined", edit=NEVER, list=False, filter=True, group="Answer"),
        Text("decline_reason", edit=NEVER, list=False, group="Answer"),
        Moment("converted_at", label="Turned into work", edit=NEVER, list=False, filter=True, group="Answer"),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, group="Origin"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
