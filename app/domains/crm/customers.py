"""Customers: everyone we have quoted, roofed or billed. Who pays; where we work is a property."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Computed, func, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import today
from app.domains.crm.customer_lifecycle import lifecycle
from app.domains.crm.customer_merging import one_currency, settle
from app.domains.crm.tables import table
from app.engine.access import Actor
from app.engine.duplicates.likeness import Likeness
from app.engine.fields import (
    BULK,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Date,
    Email,
    Flag,
    Moment,
    Money,
    Phone,
    Reference,
    Tags,
    Text,
    Url,
)
from app.engine.merging.declared import Merging, Sum
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
    ref,
    text_,
    texts,
)
from app.engine.resource import Related, Resource

_NORMALISED = r"regexp_replace(lower(name), '\m(inc|llc|ltd|corp|co|company|the)\M|[^a-z0-9]', '', 'g')"


class Customer(Record, Standard, Authored, Archivable, External):
    __tablename__ = "customers"
    number: Mapped[str] = text_()
    name: Mapped[str] = text_()
    legal_name: Mapped[str | None] = text_()
    kind: Mapped[str] = choice(
        "company", "corporate", "residential", "contractor", "government", "vendor", default="company"
    )
    status: Mapped[str] = choice("prospect", "active", "credit_hold", "inactive", "merged", default="prospect")
    parent_id: Mapped[int | None] = ref("customers", "N")
    merged_into_id: Mapped[int | None] = ref("customers", "R")
    account_manager_id: Mapped[int | None] = ref("app_users", "N")
    source: Mapped[str | None] = text_()
    tags: Mapped[list[str]] = texts()
    email: Mapped[str | None] = text_()
    phone_e164: Mapped[str | None] = text_()
    website: Mapped[str | None] = text_()
    bill_line1: Mapped[str | None] = text_()
    bill_line2: Mapped[str | None] = text_()
    bill_city: Mapped[str | None] = text_()
    bill_region: Mapped[str | None] = text_()
    bill_postal: Mapped[str | None] = text_()
    bill_country: Mapped[str] = code(2, "US")
    currency: Mapped[str] = code(3, "USD")
    payment_terms_days: Mapped[int] = integer("30")
    credit_limit: Mapped[Decimal | None] = money()
    tax_exempt: Mapped[bool] = flag()
    tax_exempt_expires_on: Mapped[date | None] = day()
    default_nte: Mapped[Decimal | None] = money()
    po_required: Mapped[bool] = flag()
    invoice_delivery: Mapped[str] = choice("email", "portal", "mail", default="email")
    billing_instructions: Mapped[str | None] = text_()
    work_instructions: Mapped[str | None] = text_()
    name_norm: Mapped[str | None] = mapped_column(SqlText, Computed(_NORMALISED, persisted=True))
    rfm_recency: Mapped[int | None] = integer()
    rfm_frequency: Mapped[int | None] = integer()
    rfm_monetary: Mapped[int | None] = integer()
    rfm_segment: Mapped[str | None] = choice("champion", "loyal", "potential", "new", "at_risk", "lost")
    rfm_scored_at: Mapped[datetime | None] = moment()
    lifetime_revenue: Mapped[Decimal] = money("0")
    open_balance: Mapped[Decimal] = money("0")
    last_job_at: Mapped[datetime | None] = moment()
    stripe_customer_id: Mapped[str | None] = text_()
    notes: Mapped[str | None] = text_()


def mine(actor: Actor) -> ColumnElement[bool]:
    return Customer.account_manager_id == actor.app_user_id


def overdue(actor: Actor) -> ColumnElement[bool]:
    """Who owes us on an invoice past due by the viewer's calendar; read from the few open invoices, not per customer."""
    invoices = table("invoices").c
    late = select(invoices.customer_id).where(
        invoices.tenant_id == actor.tenant_id,
        invoices.status == "open",
        invoices.kind == "invoice",
        invoices.due_date < today(actor.timezone),
        invoices.balance > 0,
    )
    return Customer.id.in_(late)


def unreachable(actor: Actor) -> ColumnElement[bool]:
    """Nobody there has an e-mail address or a phone number: the customer can be neither asked nor billed."""
    contacts = table("contacts").c
    reachable = select(contacts.customer_id).where(
        contacts.tenant_id == actor.tenant_id,
        contacts.customer_id == Customer.id,
        contacts.archived_at.is_(None),
        func.coalesce(contacts.email, contacts.phone_e164, contacts.mobile_e164).is_not(None),
    )
    return ~reachable.exists()


customers = Resource(
    Customer,
    title="name",
    code="number",
    label="Customers",
    icon="building",
    nav=("Customers", 10),
    letter="c",
    about="Everyone we have quoted, roofed or billed: who pays, on which terms, and what is owed.",
    search=("name", "number", "email", "phone_e164", "bill_line1"),
    sort="name",
    numbered="customer",
    lifecycle=lifecycle,
    alike=Likeness(
        name=("name", "legal_name"), phones=("phone_e164",), emails=("email",), street="bill_line1", postal="bill_postal",
        city="bill_city",
    ),
    merging=Merging(
        move="merge",
        latest=("email", "phone_e164", "website"),
        ranks={"status": ("credit_hold", "active", "prospect", "inactive")},
        carries=("stripe_customer_id",),
        keeps=("source",),
        sums=(
            Sum("invoices", "total", "customer_id"), Sum("invoices", "balance", "customer_id"),
            Sum("payments", "amount", "customer_id"), Sum("payments", "unallocated", "customer_id"),
            Sum("jobs", "contract_value", "customer_id"),
        ),
        settle=settle,
        guards=(one_currency,),
    ),
    scopes={
        "My accounts": mine,
        "Overdue balance": overdue,
        "Credit hold": Customer.status == "credit_hold",
        "At risk": Customer.rfm_segment == "at_risk",
        "No e-mail": Customer.email.is_(None),
        "No contact": unreachable,
        "No account manager": Customer.account_manager_id.is_(None),
    },
    facts=(
        "open_balance", "credit_limit", "payment_terms_days", "account_manager_id", "lifetime_revenue", "last_job_at",
        "tax_exempt",
    ),
    related=(
        Related("jobs", "customer_id", fields=("title", "number", "work_type", "status", "due_by", "contract_value")),
        Related("invoices", "customer_id", fields=("number", "state", "issue_date", "due_date", "total", "balance")),
        Related("properties", "customer_id", fields=("name", "line1", "city", "status", "roof_area_sqft")),
        Related("contacts", "customer_id", fields=("full_name", "role", "title", "email", "phone_e164", "is_primary")),
        Related("estimates", "customer_id", fields=("title", "number", "status", "total", "margin_pct", "valid_until")),
        Related(
            "payments", "customer_id", fields=("number", "received_on", "method", "amount", "unallocated", "status"),
        ),
        Related(
            "crm_activities", "customer_id", label="Activities", fields=("subject", "kind", "occurred_at", "app_user_id")
        ),
        Related("orders", "customer_id", fields=("number", "kind", "status", "needed_by", "total", "invoiced_total")),
        Related("subscriptions", "customer_id", label="Agreements", fields=("name", "status", "mrr", "next_invoice_on")),
        Related("documents", "customer_id", fields=("title", "number", "kind", "status", "expires_on")),
        Related("leads", "customer_id", fields=("title", "number", "status", "grade", "estimated_value", "created_at")),
        Related("message_outbox", "customer_id", fields=("subject", "channel", "to_address", "status", "created_at")),
        Related(
            "conversations", "customer_id", fields=("title", "channel", "status", "agent_id", "last_message_at"),
            sort="-last_message_at",
        ),
        Related(
            "ai_memories", "subject_id", about="customers", label="Memories", sort="-created_at",
            fields=("content", "kind", "state", "confidence", "recall_count", "last_recalled_at"),
        ),
        Related("customers", "parent_id", label="Branches", fields=("name", "number", "status", "open_balance")),
    ),
    sentences={
        "uq_customers_tenant_id_number": ("number", "Another customer already has this number."),
        "uq_customers_stripe_customer_id": (
            "stripe_customer_id",
            "Another customer is linked to this Stripe account.",
        ),
        "ck_customers_payment_terms_days": ("payment_terms_days", "Give terms of 0 to 180 days."),
        "ck_customers_credit_limit": ("credit_limit", "A credit limit is zero or more."),
    },
    defaults={"account_manager_id": lambda actor: actor.app_user_id},
    fields=(
        Text("name", label="Customer", required=True, edit=INLINE, longest=200, width="l"),
        Code("number", label="ID", edit=NEVER, width="s"),
        Choice(
            "status",
            edit=NEVER,
            filter=True,
            width="s",
            tones={
                "prospect": "mute open",
                "active": "ok done",
                "credit_hold": "warn pause",
                "inactive": "mute off",
                "merged": "mute off",
            },
        ),
        Text("bill_line1", label="Street", personal=True, list=False, group="Billing address"),
        Text("bill_line2", label="Suite or floor", personal=True, list=False, group="Billing address"),
        Text("bill_city", label="City", edit=INLINE | BULK, filter=True, group="Billing address", width="m"),
        Reference(
            "account_manager_id", label="Account manager", to="app_users", as_="person", edit=INLINE | BULK, filter=True
        ),
        Phone("phone_e164", label="Phone", edit=INLINE, width="m"),
        Money(
            "open_balance",
            edit=NEVER,
            filter=True,
            help="What open invoices still ask for; kept up to date as payments are posted.",
        ),
        Choice(
            "rfm_segment",
            label="Segment",
            edit=NEVER,
            list=False,
            filter=True,
            help="From how recently, how often and for how much a customer buys; scored every night.",
            tones={
                "champion": "ok done",
                "loyal": "ok done",
                "potential": "info open",
                "new": "info open",
                "at_risk": "warn warn",
                "lost": "danger off",
            },
        ),
        Moment("last_job_at", label="Last job", edit=NEVER, filter=True),
        Email("email", label="E-mail", edit=INLINE, list=False),
        Choice("kind", edit=INLINE | BULK, filter=True, list=False),
        Tags("tags", edit=INLINE | BULK, filter=True, list=False),
        Text("legal_name", list=False, help="As it stands on contracts, where it differs from the name."),
        Reference("parent_id", label="Branch of", to="customers", list=False, filter=True),
        Reference("merged_into_id", label="Merged into", to="customers", edit=NEVER, list=False),
        Text("source", label="Came from", list=False, filter=True),
        Url("website", list=False),
        Text("bill_region", label="State", longest=40, edit=BULK, list=False, filter=True, group="Billing address"),
        Text("bill_postal", label="ZIP code", longest=20, edit=BULK, list=False, group="Billing address"),
        Code(
            "bill_country", label="Country", longest=2, list=False, group="Billing address",
            help="Two letters, like US.",
        ),
        Count(
            "payment_terms_days",
            label="Terms in days",
            edit=INLINE | BULK,
            least=0,
            most=180,
            list=False,
            filter=True,
            group="Terms",
            help="Days from the invoice's date until it is due; 0 means due on receipt.",
        ),
        Money(
            "credit_limit",
            least=0,
            edit=INLINE | BULK,
            list=False,
            filter=True,
            group="Terms",
            help="Above this open balance new work should wait. Empty means no limit was set.",
        ),
        Money(
            "default_nte",
            label="Not to exceed",
            least=0,
            list=False,
            group="Terms",
            help="The most a service call may cost without asking the customer; new jobs start with it.",
        ),
        Flag("po_required", label="Purchase order required", edit=BULK, list=False, filter=True, group="Terms"),
        Choice(
            "invoice_delivery",
            label="Invoices go by",
            edit=BULK,
            list=False,
            filter=True,
            group="Terms",
            labels={"email": "E-mail", "portal": "Customer's portal", "mail": "Post"},
        ),
        Flag("tax_exempt", edit=INLINE, list=False, filter=True, group="Terms"),
        Date(
            "tax_exempt_expires_on",
            label="Exemption expires",
            list=False,
            filter=True,
            group="Terms",
            help="From this day on invoices carry tax again unless a new certificate came in.",
        ),
        Code("currency", longest=3, edit=NEVER, list=False, group="Terms"),
        Text("billing_instructions", long=True, list=False, group="Notes"),
        Text(
            "work_instructions", long=True, list=False, group="Notes",
            help="What every crew must know on this customer's roofs.",
        ),
        Text("notes", long=True, list=False, group="Notes"),
        Money("lifetime_revenue", label="Billed to date", edit=NEVER, list=False, filter=True, group="History"),
        Count(
            "rfm_recency", label="Recency score", edit=NEVER, list=False, group="History",
            help="1 to 5; 5 bought most recently.",
        ),
        Count("rfm_frequency", label="Frequency score", edit=NEVER, list=False, group="History"),
        Count("rfm_monetary", label="Value score", edit=NEVER, list=False, group="History"),
        Moment("rfm_scored_at", label="Scored", edit=NEVER, list=False, group="History"),
        Code("stripe_customer_id", label="Stripe customer", edit=NEVER, list=False, group="Origin"),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("created_at", label="Customer since", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
