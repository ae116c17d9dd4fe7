"""How a job moves from a call to a closed book, and what stands in its way at each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, or_, select

from app.core.formats import money
from app.domains.crm.tables import table
from app.engine.approval_rules import Approval
from app.engine.states import Lifecycle, Moving, Transition

OPEN_VISITS = ("scheduled", "dispatched", "working", "paused")
SETTLED = ("paid", "void", "uncollectible")


def _given(moving: Moving, name: str) -> Any:
    """What the person just filled in, else what the job says already."""
    return moving.asked.get(name) or moving.record[name]


def order_number(moving: Moving) -> str | None:
    """A job without the order number its customer asks for is not paid."""
    customers = table("customers").c
    customer = moving.connection.execute(
        select(customers.name, customers.po_required).where(customers.id == moving.record["customer_id"])
    ).one()
    if customer.po_required and not _given(moving, "po_number"):
        return f"{customer.name} pays only with a purchase order number; enter it first."
    return None


def customer_in_good_standing(moving: Moving) -> str | None:
    """What is sold to somebody who does not pay waits until billing lets it go."""
    held = on_credit_hold(moving)
    return f"{held.partition(';')[0]}; billing must release it first." if held else order_number(moving)


def on_credit_hold(moving: Moving) -> str | None:
    """Work for somebody who does not pay is billing's decision."""
    customers = table("customers").c
    asked = select(customers.name).where(
        customers.id == moving.record["customer_id"], customers.status == "credit_hold"
    )
    name = moving.connection.execute(asked).scalar()
    return None if name is None else f"{name} is on credit hold; billing decides whether work goes on."


def crew_and_time(moving: Moving) -> str | None:
    if moving.record["property_id"] is None:
        return "Say which site the work is at first."
    visits = table("job_visits").c
    staffed = or_(visits.crew_lead_id.is_not(None), func.cardinality(visits.crew_ids) > 0)
    planned = select(visits.id).where(
        visits.job_id == moving.record["id"], visits.status.in_(("scheduled", "dispatched")), staffed
    )
    if moving.connection.execute(planned.limit(1)).first() is None:
        return "Add a visit with a crew lead and a time first."
    return None


def no_visit_open(moving: Moving) -> str | None:
    visits = table("job_visits").c
    count = moving.connection.execute(
        select(func.count()).where(visits.job_id == moving.record["id"], visits.status.in_(OPEN_VISITS))
    ).scalar_one()
    if count == 1:
        return "One visit is still open; finish or cancel it first."
    return f"{count} visits are still open; finish or cancel them first." if count else None


def not_ones_own_work(moving: Moving) -> str | None:
    """Hours and materials are checked by somebody who did not book them."""
    me = moving.actor.app_user_id
    if me is None:
        return None
    visits = table("job_visits").c
    led = select(visits.id).where(visits.job_id == moving.record["id"], visits.crew_lead_id == me).limit(1)
    if me == moving.record["lead_tech_id"] or moving.connection.execute(led).first() is not None:
        return "You led this crew; somebody else authorizes the work."
    return None


def within_limit(moving: Moving) -> str | None:
    job = moving.record
    limit = job["nte_amount"]
    worth = max(
        job["contract_value"] + job["approved_changes"],
        job["act_labor_cost"] + job["act_material_cost"] + job["act_other_cost"],
    )
    if limit is None or worth <= limit:
        return None
    come, agreed = money(worth, job["currency"]), money(limit, job["currency"])
    return f"The work comes to {come}, above the {agreed} not to exceed; agree on more with the customer first."


def billed_in_full(moving: Moving) -> str | None:
    job = moving.record
    due = job["contract_value"] + job["approved_changes"]
    if job["billed_total"] < due:
        return f"{money(due - job['billed_total'], job['currency'])} of this job has not been billed."
    invoices = table("invoices").c
    final = select(invoices.id).where(
        invoices.job_id == job["id"],
        invoices.kind == "invoice",
        invoices.billing_kind.in_(("standard", "final")),
        invoices.status.in_(("open", "paid")),
    )
    if moving.connection.execute(final.limit(1)).first() is None:
        return "Finalize the job's last invoice first."
    return None


def not_billable(moving: Moving) -> str | None:
    return "This job is billable; it closes once its invoices are paid." if moving.record["is_billable"] else None


def everything_settled(moving: Moving) -> str | None:
    invoices = table("invoices").c
    unsettled, withheld, released = moving.connection.execute(
        select(
            func.count().filter(invoices.kind == "invoice", invoices.status.not_in(SETTLED)),
            func.coalesce(func.sum(invoices.retainage_withheld).filter(invoices.status.in_(("open", "paid"))), 0),
            func.coalesce(
                func.sum(invoices.total).filter(
                    invoices.billing_kind == "retainage_release", invoices.status.in_(("open", "paid"))
                ),
                0,
            ),
        ).where(invoices.job_id == moving.record["id"])
    ).one()
    if unsettled:
        return "One invoice is not settled yet." if unsettled == 1 else f"{unsettled} invoices are not settled yet."
    if withheld > released:
        return f"{money(withheld - released, moving.record['currency'])} of retainage has not been released."
    return None


def nothing_billed(moving: Moving) -> str | None:
    invoices = table("invoices").c
    number = moving.connection.execute(
        select(invoices.number).where(
            invoices.job_id == moving.record["id"], invoices.kind == "invoice", invoices.status == "open"
        ).limit(1)
    ).scalar()  # fmt: skip
    return f"Invoice {number} is open; credit or void it first." if number else None


def entered(moving: Moving) -> Mapping[str, Any]:
    return {"stage_entered_at": moving.at}


def planned(moving: Moving) -> Mapping[str, Any]:
    """The job's window is that of its coming visits."""
    visits = table("job_visits").c
    start, end = moving.connection.execute(
        select(func.min(visits.starts_at), func.max(visits.ends_at)).where(
            visits.job_id == moving.record["id"], visits.status.in_(OPEN_VISITS)
        )
    ).one()
    return {"scheduled_start": start, "scheduled_end": end}


def started(moving: Moving) -> Mapping[str, Any]:
    return {"started_at": moving.record["started_at"] or moving.at}


def held(moving: Moving) -> Mapping[str, Any]:
    return {"held_from": moving.record["status"]}


def no_longer_held(_: Moving) -> Mapping[str, Any]:
    return {"hold_reason": None, "hold_until": None, "held_from": None}


def completed(moving: Moving) -> Mapping[str, Any]:
    return {"completed_at": moving.at, "percent_complete": 100}


def sent_back(_: Moving) -> Mapping[str, Any]:
    return {"completed_at": None}


def authorized(moving: Moving) -> Mapping[str, Any]:
    return {"authorized_at": moving.at, "authorized_by": moving.actor.app_user_id}


def invoiced(moving: Moving) -> Mapping[str, Any]:
    return {"invoiced_at": moving.at}


def closed(moving: Moving) -> Mapping[str, Any]:
    return {"closed_at": moving.at}


def cancelled(moving: Moving) -> Mapping[str, Any]:
    return {"cancelled_at": moving.at}


_AGREED = ("customer_id", "contract_value", "approved_changes", "is_billable", "billing_method", "nte_amount")

lifecycle = Lifecycle(
    field="status",
    initial="new",
    stages=("new", "approved", "scheduled", "in_progress", "completed", "authorized", "invoiced", "closed"),
    frozen={"invoiced": _AGREED, "closed": ("*",), "cancelled": ("*",)},
    why_frozen="This job is billed or over; open a new one for further work.",
    transitions=(
        Transition(
            "approve", "Approve job", source=("new",), to="approved", may="jobs.approve", asks=("po_number",),
            guards=(order_number,), effects=(entered,), done="approved",
            approval=Approval("credit_hold", amount="contract_value", when=on_credit_hold),
        ),
        Transition(
            "schedule", "Schedule job", source=("new", "approved"), to="scheduled", may="jobs.schedule",
            guards=(crew_and_time,), effects=(entered, planned), done="scheduled",
        ),
        Transition(
            "start", "Start work", source=("scheduled",), to="in_progress", may="jobs.schedule",
            effects=(entered, started), done="started",
        ),
        Transition(
            "hold", "Put on hold", source=("approved", "scheduled", "in_progress"), to="on_hold", may="jobs.hold",
            asks=("hold_reason", "hold_until"), requires=("hold_reason",), effects=(entered, held), done="put on hold",
        ),
        Transition(
            "resume", "Resume job", source=("on_hold",), to="{held_from}", may="jobs.hold",
            effects=(entered, no_longer_held), done="resumed",
        ),
        Transition(
            "complete", "Complete job", source=("in_progress",), to="completed", may="jobs.complete", also=("jobs.schedule",),
            asks=("completion_summary", "signed_off_name"), requires=("completion_summary",), guards=(no_visit_open,),
            effects=(entered, completed), done="completed",
        ),
        Transition(
            "authorize", "Authorize for billing", source=("completed",), to="authorized", may="jobs.authorize",
            guards=(not_ones_own_work, within_limit), effects=(entered, authorized), done="authorized",
        ),
        Transition(
            "send_back", "Send back to the crew", source=("completed",), to="in_progress", may="jobs.authorize", reason=True,
            effects=(entered, sent_back), done="sent back",
        ),
        Transition(
            "invoice", "Mark as invoiced", source=("authorized",), to="invoiced", may="jobs.close",
            guards=(billed_in_full,), effects=(entered, invoiced), by_system=True, done="invoiced",
        ),
        Transition(
            "close_unbilled", "Close without billing", source=("authorized",), to="closed", may="jobs.authorize",
            guards=(not_billable,), effects=(entered, closed), done="closed",
        ),
        Transition(
            "close", "Close job", source=("invoiced",), to="closed", may="jobs.close",
            guards=(everything_settled,), effects=(entered, closed), done="closed",
        ),
        Transition(
            "cancel", "Cancel job", source=("new", "approved", "scheduled", "on_hold"), to="cancelled", may="jobs.cancel",
            asks=("cancel_reason",), requires=("cancel_reason",), guards=(nothing_billed, no_visit_open),
            effects=(entered, no_longer_held, cancelled), danger=True, done="cancelled",
        ),
    ),
)  # fmt: skip
