"""How a customer's standing moves: won, held for credit, released, let go. A merge moves all that hangs on it."""

from __future__ import annotations

from sqlalchemy import func, select

from app.core.formats import money
from app.domains.crm.tables import table
from app.engine.states import Lifecycle, Moving, Transition

_OPEN_WORK = ("new", "approved", "scheduled", "in_progress", "on_hold", "completed", "authorized")


def nothing_open(moving: Moving) -> str | None:
    """A customer with work or money outstanding drops out of every list the day it is made inactive."""
    if moving.record["open_balance"] > 0:
        owed = money(moving.record["open_balance"], moving.record["currency"])
        return f"{owed} is still open on this customer's invoices; settle them first."
    jobs = table("jobs").c
    count = moving.connection.execute(
        select(func.count()).where(jobs.customer_id == moving.record["id"], jobs.status.in_(_OPEN_WORK))
    ).scalar_one()
    if count == 1:
        return "One job is still open; close or cancel it first."
    return f"{count} jobs are still open; close or cancel them first." if count else None


lifecycle = Lifecycle(
    field="status",
    initial="prospect",
    frozen={"merged": ("*",)},
    why_frozen="This customer was merged into another; edit that one.",
    transitions=(
        Transition(
            "activate",
            "Make active",
            source=("prospect", "inactive"),
            to="active",
            may="customers.write",
            done="made active",
        ),
        Transition(
            "hold",
            "Place on credit hold",
            source=("active",),
            to="credit_hold",
            may="customers.credit",
            reason=True,
            done="placed on credit hold",
        ),
        Transition(
            "release",
            "Release credit hold",
            source=("credit_hold",),
            to="active",
            may="customers.credit",
            reason=True,
            done="released from credit hold",
        ),
        Transition(
            "deactivate",
            "Make inactive",
            source=("prospect", "active", "credit_hold"),
            to="inactive",
            may="customers.write",
            guards=(nothing_open,),
            reason=True,
            done="made inactive",
        ),
        Transition(
            "merge",
            "Merge into another",
            source=("prospect", "active", "credit_hold", "inactive"),
            to="merged",
            may="customers.merge",
            requires=("merged_into_id",),
            asks=("merged_into_id",),
            by_system=True,
            done="merged",
        ),
    ),
)
