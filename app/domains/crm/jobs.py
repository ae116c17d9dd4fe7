"""Jobs: work orders from the first call to the closed book, service calls and production projects alike."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, case, cast, func, or_
from sqlalchemy.orm import Mapped

from app.domains.crm.job_lifecycle import lifecycle
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
    Tags,
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
    moment,
    money,
    percent,
    ref,
    text_,
    texts,
)
from app.engine.records import (
    number as numeric,
)
from app.engine.resource import Related, Resource


class Job(Record, Standard, Authored, Archivable, External):
    __tablename__ = "jobs"
    number: Mapped[str] = text_()
    title: Mapped[str] = text_()
    kind: Mapped[str] = choice("service", "production", default="service")
    work_type: Mapped[str] = choice(
        "leak", "scope", "warranty", "inspection", "maintenance", "snow_removal", "reroof", "new_construction", "metal",
        "coating", "non_billable", "other", default="other",
    )  # fmt: skip
    status: Mapped[str] = choice(
        "new", "approved", "scheduled", "in_progress", "on_hold", "completed", "authorized", "invoiced", "closed",
        "cancelled", default="new",
    )  # fmt: skip
    priority: Mapped[str] = choice("low", "normal", "high", "emergency", default="normal")
    customer_id: Mapped[int] = ref("customers", "R")
    property_id: Mapped[int | None] = ref("properties", "R")
    contact_id: Mapped[int | None] = ref("contacts", "N")
    estimate_id: Mapped[int | None] = ref("estimates", "R")
    order_id: Mapped[int | None] = ref("orders", "R")
    subscription_id: Mapped[int | None] = ref("subscriptions", "N")
    recall_of_job_id: Mapped[int | None] = ref("jobs", "N")
    project_manager_id: Mapped[int | None] = ref("app_users", "N")
    lead_tech_id: Mapped[int | None] = ref("app_users", "N")
    sales_rep_id: Mapped[int | None] = ref("app_users", "N")
    billing_method: Mapped[str] = choice(
        "time_materials", "fixed", "progress", "warranty", "none", default="time_materials"
    )
    is_billable: Mapped[bool] = flag("true")
    nte_amount: Mapped[Decimal | None] = money()
    po_number: Mapped[str | None] = text_()
    currency: Mapped[str] = code(3, "USD")
    contract_value: Mapped[Decimal] = money("0")
    approved_changes: Mapped[Decimal] = money("0")
    est_cost: Mapped[Decimal] = money("0")
    est_labor_hours: Mapped[Decimal] = numeric(10, 2, "0")
    act_labor_hours: Mapped[Decimal] = numeric(10, 2, "0")
    act_labor_cost: Mapped[Decimal] = money("0")
    act_material_cost: Mapped[Decimal] = money("0")
    act_other_cost: Mapped[Decimal] = money("0")
    billed_total: Mapped[Decimal] = money("0")
    percent_complete: Mapped[Decimal] = percent("0")
    requested_at: Mapped[datetime] = moment("now()")
    due_by: Mapped[datetime | None] = moment()
    scheduled_start: Mapped[datetime | None] = moment()
    scheduled_end: Mapped[datetime | None] = moment()
    started_at: Mapped[datetime | None] = moment()
    completed_at: Mapped[datetime | None] = moment()
    authorized_at: Mapped[datetime | None] = moment()
    authorized_by: Mapped[int | None] = ref("app_users", "N")
    invoiced_at: Mapped[datetime | None] = moment()
    closed_at: Mapped[datetime | None] = moment()
    cancelled_at: Mapped[datetime | None] = moment()
    cancel_reason: Mapped[str | None] = text_()
    hold_reason: Mapped[str | None] = choice(
        "weather", "materials", "customer", "access", "permit", "credit", "crew", "other"
    )
    held_from: Mapped[str | None] = text_()
    hold_until: Mapped[date | None] = day()
    stage_entered_at: Mapped[datetime] = moment("now()")
    signed_off_name: Mapped[str | None] = text_()
    signed_off_at: Mapped[datetime | None] = moment()
    completion_summary: Mapped[str | None] = text_()
    tags: Mapped[list[str]] = texts()


UNDER_WAY = Job.status.in_(("new", "approved", "scheduled", "in_progress", "on_hold"))
"""Work not done yet, whatever it waits for."""


def mine(actor: Actor) -> ColumnElement[bool]:
    me = actor.app_user_id
    return or_(Job.project_manager_id == me, Job.lead_tech_id == me, Job.sales_rep_id == me)


def days_in_stage() -> ColumnElement[Any]:
    return cast(func.floor(func.extract("epoch", func.now() - Job.stage_entered_at) / 86400), Integer)


def margin() -> ColumnElement[Any]:
    """(billed - labor - material - other) / billed in percent; nothing billed has no margin."""
    spent = Job.act_labor_cost + Job.act_material_cost + Job.act_other_cost
    return case((Job.billed_total > 0, func.round((Job.billed_total - spent) / Job.billed_total * 100, 2)))


def value() -> ColumnElement[Any]:
    return Job.contract_value + Job.approved_changes


jobs = Resource(
    Job,
    title="title",
    code="number",
    label="Jobs",
    icon="home",
    nav=("Field", 10),
    letter="j",
    about="Every work order: what is to be done where, how far it is, and what of it has been billed.",
    search=("number", "title"),
    sort="-requested_at",
    numbered="job",
    lifecycle=lifecycle,
    scopes={
        "Mine": mine,
        "To schedule": Job.status.in_(("new", "approved")),
        "In progress": Job.status == "in_progress",
        "On hold": Job.status == "on_hold",
        "Late": and_(UNDER_WAY, Job.due_by < func.now()),
        "Completed, not authorized": Job.status == "completed",
        "Authorized, not invoiced": and_(Job.status == "authorized", Job.is_billable),
    },
    facts=("customer_id", "property_id", "due_by", "lead_tech_id", "value", "billed_total", "nte_amount", "days_in_stage"),
    related=(
        Related(
            "job_visits", "job_id", label="Visits", sort="-starts_at",
            fields=("name", "status", "starts_at", "ends_at", "crew_lead_id", "labor_hours", "needs_return"),
        ),
        Related(
            "invoices", "job_id", fields=("number", "billing_kind", "state", "issue_date", "due_date", "total", "balance"),
        ),
        Related(
            "crm_activities", "job_id", label="Activities", fields=("subject", "kind", "occurred_at", "app_user_id"),
        ),
        Related("media_assets", "job_id", label="Photos", fields=("name", "phase", "taken_at", "roof_section_id")),
        Related("centerpoint_files", "job_id", fields=("file_name", "centerpoint_type", "sync_status", "remote_updated_at")),
        Related("jobs", "recall_of_job_id", label="Recalls", fields=("title", "number", "status", "requested_at")),
    ),
    sentences={
        "uq_jobs_tenant_id_number": ("number", "Another job already has this number."),
        "ck_jobs_percent_complete": ("percent_complete", "Complete is between 0 and 100 percent."),
        "ck_jobs_currency": ("currency", "Write the currency as three capital letters, like USD."),
        "ck_jobs_scheduled_end": ("scheduled_end", "Work cannot end before it starts."),
        "ck_jobs_not_billable": ("billing_method", "Work that is not billed is done under warranty or as “none”."),
    },
    defaults={"sales_rep_id": lambda actor: actor.app_user_id},
    fields=(
        Text("title", label="Job", required=True, edit=INLINE, longest=300, width="m"),
        Code("number", edit=NEVER, width="s"),
        Reference("customer_id", to="customers", required=True, filter=True, width="m"),
        Reference("property_id", label="Site", to="properties", edit=INLINE, filter=True, width="m"),
        Choice("work_type", edit=INLINE | BULK, filter=True),
        Choice(
            "priority", edit=INLINE | BULK, filter=True, width="s",
            tones={"low": "mute off", "normal": "mute dot", "high": "warn warn", "emergency": "danger warn"},
        ),
        Choice(
            "status", edit=NEVER, filter=True, width="s",
            tones={
                "new": "mute open", "approved": "info open", "scheduled": "info sched", "in_progress": "accent prog",
                "on_hold": "warn pause", "completed": "ok part", "authorized": "ok done", "invoiced": "ok done",
                "closed": "mute off", "cancelled": "mute fail",
            },
        ),
        Count(
            "days_in_stage", label="Days here", edit=NEVER, sort=False, filter=True, expr=days_in_stage, width="xs",
        ),
        Moment("due_by", label="Due", planned=True, due=True, edit=INLINE | BULK, list=False, filter=True),
        Reference("lead_tech_id", label="Lead", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Money("contract_value", label="Value", edit=INLINE, least=0, filter=True, group="Money"),
        Choice("kind", edit=BULK, list=False, filter=True),
        Reference("contact_id", label="On site", to="contacts", list=False, filter=True),
        Reference("project_manager_id", to="app_users", as_="person", edit=INLINE | BULK, list=False, filter=True),
        Reference(
            "sales_rep_id", label="Sold by", to="app_users", as_="person", edit=INLINE | BULK, list=False, filter=True,
        ),
        Tags("tags", edit=INLINE | BULK, list=False, filter=True),
        Reference("estimate_id", to="estimates", edit=CREATE, list=False, filter=True),
        Reference("order_id", to="orders", as_="code", edit=CREATE, list=False, filter=True),
        Reference("subscription_id", label="Agreement", to="subscriptions", edit=CREATE, list=False, filter=True),
        Reference(
            "recall_of_job_id", label="Recall of", to="jobs", list=False, filter=True,
            help="The job whose work is done again free of charge.",
        ),
        Choice(
            "billing_method", edit=BULK, list=False, filter=True, group="Money", labels={"time_materials": "Time and materials"},
        ),
        Flag("is_billable", label="Billable", list=False, filter=True, group="Money"),
        Money(
            "nte_amount", label="Not to exceed", edit=INLINE, least=0, list=False, filter=True, group="Money",
            help="Beyond this sum the customer wants to be asked first.",
        ),
        Code("po_number", label="Purchase order", edit=INLINE, list=False, filter=True, group="Money"),
        Code("currency", longest=3, edit=CREATE, list=False, group="Money"),
        Money(
            "approved_changes", edit=INLINE, list=False, group="Money",
            help="Change orders the customer signed, more or less than the contract.",
        ),
        Money("value", label="Value with changes", edit=NEVER, list=False, sort=False, group="Money", expr=value),
        Money(
            "billed_total", label="Billed", edit=NEVER, list=False, filter=True, group="Money",
            help="Open and paid invoices of this job before tax.",
        ),
        Percent(
            "margin", edit=NEVER, list=False, sort=False, least=None, group="Money", expr=margin,
            help="What is left of the billed sum after labor, material and other cost.",
        ),
        Money("est_cost", label="Planned cost", least=0, list=False, group="Cost"),
        Quantity("est_labor_hours", label="Planned hours", unit="h", places=2, least=0, list=False, group="Cost"),
        Quantity(
            "act_labor_hours", label="Hours worked", unit="h", places=2, edit=INLINE, least=0, list=False, group="Cost",
        ),
        Money("act_labor_cost", label="Labor cost", edit=INLINE, least=0, list=False, group="Cost"),
        Money("act_material_cost", label="Material cost", edit=INLINE, least=0, list=False, group="Cost"),
        Money("act_other_cost", label="Other cost", edit=INLINE, least=0, list=False, group="Cost"),
        Moment("requested_at", label="Requested", planned=True, list=False, filter=True, group="Dates"),
        Moment(
            "scheduled_start", planned=True, edit=NEVER, list=False, filter=True, group="Dates",
            help="From its visits.",
        ),
        Moment("scheduled_end", planned=True, edit=NEVER, list=False, filter=True, group="Dates"),
        Moment("started_at", label="Started", edit=NEVER, list=False, filter=True, group="Dates"),
        Percent("percent_complete", label="Complete", edit=INLINE, list=False, filter=True, group="Dates"),
        Moment("completed_at", label="Completed", edit=NEVER, list=False, filter=True, group="Dates"),
        Moment("authorized_at", label="Authorized", edit=NEVER, list=False, filter=True, group="Dates"),
        Reference("authorized_by", to="app_users", as_="person", edit=NEVER, list=False, filter=True, group="Dates"),
        Moment("invoiced_at", label="Invoiced", edit=NEVER, list=False, filter=True, group="Dates"),
        Moment("closed_at", label="Closed", edit=NEVER, list=False, filter=True, group="Dates"),
        Moment("stage_entered_at", label="In this stage since", edit=NEVER, list=False, filter=True, group="Dates"),
        Choice("hold_reason", edit=NEVER, list=False, filter=True, group="Hold and cancellation"),
        Choice(
            "held_from", label="Held from", edit=NEVER, list=False, group="Hold and cancellation",
            values=("approved", "scheduled", "in_progress"), help="Where the job goes on when it is resumed.",
        ),
        Date("hold_until", due=True, edit=NEVER, list=False, filter=True, group="Hold and cancellation"),
        Moment("cancelled_at", label="Cancelled", edit=NEVER, list=False, filter=True, group="Hold and cancellation"),
        Text("cancel_reason", edit=NEVER, list=False, group="Hold and cancellation"),
        Text("completion_summary", label="What was done", long=True, list=False, group="Completion"),
        Text("signed_off_name", label="Signed off by", longest=200, list=False, group="Completion"),
        Moment("signed_off_at", label="Signed off", list=False, group="Completion"),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, group="Origin"),
        Moment("created_at", label="Added", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
