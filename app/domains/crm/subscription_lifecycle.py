"""How a recurring agreement begins, is billed period by period, falls behind, rests and ends."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select

from app.core.clock import today
from app.domains.crm.billing import PeriodBill
from app.domains.crm.job_lifecycle import OPEN_VISITS
from app.domains.crm.tables import table
from app.engine.actions import Action
from app.engine.refusals import NotAllowed
from app.engine.states import Lifecycle, Moving, Transition

LIVE = ("active", "past_due", "unpaid", "paused")


def after_one(day: date, unit: str, count: int) -> date:
    """The first day of the next period. The 31st becomes the last day of a shorter month."""
    if unit == "week":
        return day + timedelta(weeks=count)
    months = day.month - 1 + count * (12 if unit == "year" else 1)
    year, month = day.year + months // 12, months % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _days(moving: Moving, day: date) -> dict[str, Any]:
    """The period that begins that day, to be invoiced when it begins."""
    record = moving.record
    ends = after_one(day, record["interval_unit"], record["interval_count"])
    return {
        "current_period_start": day,
        "current_period_end": ends,
        "next_invoice_on": record["next_invoice_on"] or day,
    }


def first_invoice_settled(moving: Moving) -> str | None:
    """Where a card is charged the first charge decides; where an invoice is sent, the agreement itself is enough."""
    if moving.record["collection"] == "send_invoice":
        return None
    invoices = table("invoices").c
    paid = (
        select(invoices.id).where(invoices.subscription_id == moving.record["id"], invoices.status == "paid").limit(1)
    )
    if moving.connection.execute(paid).first() is None:
        return "Its first invoice has not been paid yet."
    return None


def customer_pays(moving: Moving) -> str | None:
    customers = table("customers").c
    name, status = moving.connection.execute(
        select(customers.name, customers.status).where(customers.id == moving.record["customer_id"])
    ).one()
    return f"{name} is on credit hold; billing must release it first." if status == "credit_hold" else None


def waited_long_enough(moving: Moving) -> str | None:
    days = 1 if moving.record["collection"] == "auto_charge" else 30
    since = moving.at - moving.record["created_at"]
    return None if since >= timedelta(days=days) else "There is still time to pay its first invoice."


def overdue(moving: Moving) -> str | None:
    return None if _late(moving) or moving.record["payment_failed_at"] else "None of its invoices is overdue."


def nothing_overdue(moving: Moving) -> str | None:
    late = _late(moving)
    return f"{late} of its invoices {'is' if late == 1 else 'are'} still overdue." if late else None


def _late(moving: Moving) -> int:
    invoices = table("invoices").c
    found = select(func.count()).where(
        invoices.subscription_id == moving.record["id"],
        invoices.status == "open",
        invoices.due_date < today(moving.actor.timezone),
    )
    return int(moving.connection.execute(found).scalar_one())


def no_visit_ahead(moving: Moving) -> str | None:
    """Crews must not drive out for an agreement that has ended."""
    jobs, visits = table("jobs").c, table("job_visits").c
    ahead = moving.connection.execute(
        select(func.count()).where(
            jobs.subscription_id == moving.record["id"], visits.job_id == jobs.id, visits.status.in_(OPEN_VISITS)
        )
    ).scalar_one()
    if ahead == 1:
        return "One visit is still planned under it; cancel it first."
    return f"{ahead} visits are still planned under it; cancel them first." if ahead else None


def begun(moving: Moving) -> Mapping[str, Any]:
    return _days(moving, moving.record["starts_on"])


def after_trial(moving: Moving) -> Mapping[str, Any]:
    return _days(moving, today(moving.actor.timezone))


def fell_behind(moving: Moving) -> Mapping[str, Any]:
    return {"payment_failed_at": moving.record["payment_failed_at"] or moving.at, "dunning_step": 1}


def in_order(_: Moving) -> Mapping[str, Any]:
    return {"payment_failed_at": None, "dunning_step": 0}


def paused(moving: Moving) -> Mapping[str, Any]:
    """No invoices while it rests."""
    return {"paused_at": moving.at, "next_invoice_on": None}


def resumed(moving: Moving) -> Mapping[str, Any]:
    day = today(moving.actor.timezone)
    return {
        "paused_at": None,
        "resume_on": None,
        "next_invoice_on": max(moving.record["current_period_end"] or day, day),
    }


def cancelled(moving: Moving) -> Mapping[str, Any]:
    return {
        "cancelled_at": moving.at,
        "ends_on": today(moving.actor.timezone),
        "next_invoice_on": None,
        "next_visit_on": None,
        "resume_on": None,
        "auto_renew": False,
        "cancel_at_period_end": False,
    }


lifecycle = Lifecycle(
    field="status",
    initial="incomplete",
    stages=("incomplete", "active"),
    frozen=dict.fromkeys(("cancelled", "incomplete_expired"), ("*",)),
    why_frozen="This agreement has ended; make a new one.",
    transitions=(
        Transition(
            "try_out", "Give a trial", source=("incomplete",), to="trialing", may="subscriptions.start",
            asks=("trial_ends_at",),
            requires=("trial_ends_at",), done="given a trial",
        ),
        Transition(
            "start", "Start agreement", source=("incomplete",), to="active", may="subscriptions.start",
            guards=(customer_pays, first_invoice_settled), effects=(begun,), done="started",
        ),
        Transition(
            "lapse", "Let it lapse", source=("incomplete",), to="incomplete_expired", may="subscriptions.settle",
            guards=(waited_long_enough,), by_system=True, done="lapsed",
        ),
        Transition(
            "convert", "End the trial", source=("trialing",), to="active", may="subscriptions.start",
            guards=(customer_pays,),
            effects=(after_trial,), done="started after its trial",
        ),
        Transition(
            "fall_behind", "Mark as past due", source=("active",), to="past_due", may="subscriptions.settle",
            guards=(overdue,),
            effects=(fell_behind,), by_system=True, done="past due",
        ),
        Transition(
            "settle", "Back in order", source=("past_due", "unpaid"), to="active", may="subscriptions.settle",
            guards=(nothing_overdue,), effects=(in_order,), by_system=True, done="back in order",
        ),
        Transition(
            "give_up", "Stop reminding", source=("past_due",), to="unpaid", may="subscriptions.settle", reason=True,
            done="given up as unpaid",
        ),
        Transition(
            "pause", "Pause agreement", source=("active", "trialing"), to="paused", may="subscriptions.pause",
            asks=("resume_on",),
            effects=(paused,), done="paused",
        ),
        Transition(
            "resume", "Resume agreement", source=("paused",), to="active", may="subscriptions.pause",
            effects=(resumed,),
            done="resumed",
        ),
        Transition(
            "cancel", "Cancel now", source=(*LIVE, "trialing"), to="cancelled", may="subscriptions.cancel",
            asks=("cancel_reason",),
            requires=("cancel_reason",), guards=(no_visit_ahead,), effects=(cancelled,), danger=True, done="cancelled",
        ),
    ),
)  # fmt: skip

# -- what does not change its state -----------------------------------------------------------------------------------


def to_be_billed(record: Mapping[str, Any]) -> str | None:
    if record["status"] not in ("active", "past_due"):
        return "Only an agreement in force is billed."
    return None if record["next_invoice_on"] else "It has no day for its next invoice; enter one first."


def bill(moving: Moving) -> Mapping[str, Any]:
    """The next period as a draft invoice, which an undo takes back; never the same period twice."""
    record, invoices = moving.record, table("invoices").c
    starts = record["next_invoice_on"]
    twice = select(invoices.id).where(
        invoices.subscription_id == record["id"],
        invoices.period_start == starts,
        invoices.status != "void",
        invoices.archived_at.is_(None),
    )
    if moving.connection.execute(twice.limit(1)).first() is not None:
        raise NotAllowed(f"There is an invoice for the period from {starts:%b} {starts.day} already.")
    if record["ends_on"] is not None and record["ends_on"] <= starts:
        raise NotAllowed("The agreement ends before its next period begins.")
    ends = after_one(starts, record["interval_unit"], record["interval_count"])
    return {
        "next_invoice_on": PeriodBill(record, starts, ends),
        "current_period_start": starts,
        "current_period_end": ends,
    }


def may_run_out(record: Mapping[str, Any]) -> str | None:
    if record["status"] not in ("active", "past_due"):
        return "Only an agreement in force runs out."
    if record["current_period_end"] is None:
        return "Its current period has no end; cancel it now instead."
    return "It already ends with its period." if record["cancel_at_period_end"] else None


def run_out(moving: Moving) -> Mapping[str, Any]:
    return {
        **moving.asked,
        "cancel_at_period_end": True,
        "ends_on": moving.record["current_period_end"],
        "auto_renew": False,
    }


def running_out(record: Mapping[str, Any]) -> str | None:
    if record["status"] == "cancelled" or not record["cancel_at_period_end"]:
        return "No notice was given."
    return None


def go_on(_: Moving) -> Mapping[str, Any]:
    return {"cancel_at_period_end": False, "cancel_reason": None, "ends_on": None, "auto_renew": True}


actions = (
    Action("bill", "Bill the next period", may="subscriptions.write", intent=bill, when=to_be_billed, done="billed"),
    Action(
        "run_out", "Cancel at period end", may="subscriptions.cancel", intent=run_out, when=may_run_out,
        asks=("cancel_reason",), requires=("cancel_reason",), done="set to end with its period",
    ),
    Action(
        "go_on", "Withdraw the notice", may="subscriptions.cancel", intent=go_on, when=running_out, done="going on",
    ),
)  # fmt: skip
