"""How an order moves from agreed to delivered to billed, and what stands in its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from app.core.formats import money
from app.domains.crm import totals
from app.domains.crm.billing import OrderBill
from app.domains.crm.job_lifecycle import customer_in_good_standing
from app.domains.crm.tables import table
from app.engine.actions import Action
from app.engine.refusals import NotAllowed
from app.engine.states import Lifecycle, Moving, Transition


def proven(moving: Moving) -> str | None:
    return totals.unproven(moving.connection, "order_lines", "order_id", moving.record)


def everything_delivered(moving: Moving) -> str | None:
    lines = table("order_lines").c
    missing = moving.connection.execute(
        select(func.count()).where(lines.order_id == moving.record["id"], lines.fulfilled_qty < lines.quantity)
    ).scalar_one()
    if missing:
        which = "One line is" if missing == 1 else f"{missing} lines are"
        return f"{which} not delivered in full; note on the lines what was delivered first."
    return None


def billed_in_full(moving: Moving) -> str | None:
    order = moving.record
    left = order["total"] - order["invoiced_total"]
    if left > 0:
        return f"{money(left, order['currency'])} of this order has not been invoiced."
    if left < 0:
        return f"{money(-left, order['currency'])} more than ordered was invoiced; credit that first."
    return None


def nothing_invoiced(moving: Moving) -> str | None:
    """What was billed is taken back by a credit note, not by cancelling what it was for."""
    order = moving.record
    if order["invoiced_total"]:
        return f"{money(order['invoiced_total'], order['currency'])} of it has been invoiced; credit that first."
    if _draft(moving):
        return "An invoice for it is being drafted; delete that first."
    return None


def _draft(moving: Moving) -> bool:
    invoices = table("invoices").c
    draft = select(invoices.id).where(
        invoices.order_id == moving.record["id"], invoices.status == "draft", invoices.archived_at.is_(None)
    )
    return moving.connection.execute(draft.limit(1)).first() is not None


def confirmed(moving: Moving) -> Mapping[str, Any]:
    return {"confirmed_at": moving.at}


def resumed(moving: Moving) -> Mapping[str, Any]:
    """Back to where it was held: something delivered already means that delivery goes on."""
    lines = table("order_lines").c
    begun = select(lines.id).where(lines.order_id == moving.record["id"], lines.fulfilled_qty > 0).limit(1)
    going = moving.connection.execute(begun).first() is not None
    return {"hold_reason": None} | ({"status": "in_fulfilment"} if going else {})


def fulfilled(moving: Moving) -> Mapping[str, Any]:
    return {"fulfilled_at": moving.at}


def closed(moving: Moving) -> Mapping[str, Any]:
    return {"closed_at": moving.at}


def cancelled(moving: Moving) -> Mapping[str, Any]:
    return {"cancelled_at": moving.at, "hold_reason": None}


def drafts_only(record: Mapping[str, Any]) -> str | None:
    return None if record["status"] == "draft" else "Only a draft's amounts change; what was confirmed stands."


def recalculate(moving: Moving) -> Mapping[str, Any]:
    return totals.header_of(moving.connection, "order_lines", "order_id", moving.record)


def discount(moving: Moving) -> Mapping[str, Any]:
    row = moving.record
    return totals.header(row["subtotal"], row["tax_total"], moving.asked["discount_total"])


def to_be_billed(record: Mapping[str, Any]) -> str | None:
    if record["status"] not in ("confirmed", "in_fulfilment", "fulfilled"):
        return "Only a confirmed order that is not on hold is billed."
    return None if record["invoiced_total"] < record["total"] else "Everything in this order has been invoiced."


def bill(moving: Moving) -> Mapping[str, Any]:
    """A draft invoice over what has not been invoiced yet, made with this change and undone with it."""
    if _draft(moving):
        raise NotAllowed("An invoice for this order is being drafted already; finish that one first.")
    return {"invoiced_total": OrderBill(moving.record)}


_AGREED = (
    "kind", "channel", "customer_id", "estimate_id", "property_id", "currency", "subtotal", "discount_total",
    "tax_total", "total",
)  # fmt: skip

lifecycle = Lifecycle(
    field="status",
    initial="draft",
    stages=("draft", "confirmed", "in_fulfilment", "fulfilled", "closed"),
    frozen={
        **dict.fromkeys(("confirmed", "on_hold", "in_fulfilment", "fulfilled"), _AGREED),
        **dict.fromkeys(("closed", "cancelled"), ("*",)),
    },
    why_frozen="What was agreed stays as it was agreed; cancel the order and make a new one.",
    transitions=(
        Transition(
            "confirm", "Confirm order", source=("draft",), to="confirmed", may="orders.confirm", asks=("po_number",),
            guards=(proven, customer_in_good_standing), effects=(confirmed,), done="confirmed",
        ),
        Transition(
            "begin", "Begin delivery", source=("confirmed",), to="in_fulfilment", may="orders.fulfil",
            done="being delivered",
        ),
        Transition(
            "fulfil", "Mark as delivered", source=("in_fulfilment",), to="fulfilled", may="orders.fulfil",
            guards=(everything_delivered,), effects=(fulfilled,), done="delivered",
        ),
        Transition(
            "hold", "Put on hold", source=("confirmed", "in_fulfilment"), to="on_hold", may="orders.hold",
            asks=("hold_reason",),
            requires=("hold_reason",), done="put on hold",
        ),
        Transition(
            "resume", "Resume order", source=("on_hold",), to="confirmed", may="orders.hold", effects=(resumed,),
            done="resumed",
        ),
        Transition(
            "close", "Close order", source=("fulfilled",), to="closed", may="orders.close", guards=(billed_in_full,),
            effects=(closed,), done="closed",
        ),
        Transition(
            "cancel", "Cancel order", source=("draft", "confirmed", "on_hold"), to="cancelled", may="orders.cancel",
            asks=("cancel_reason",), requires=("cancel_reason",), guards=(nothing_invoiced,), effects=(cancelled,),
            danger=True,
            done="cancelled",
        ),
    ),
)  # fmt: skip

actions = (
    Action(
        "bill", "Draft the invoice", may="orders.bill", intent=bill, when=to_be_billed, done="put on a draft invoice",
    ),
    Action(
        "recalculate", "Recalculate totals", may="orders.write", intent=recalculate, when=drafts_only,
        done="recalculated",
    ),
    Action(
        "discount", "Give a discount", may="orders.write", intent=discount, when=drafts_only, asks=("discount_total",),
        requires=("discount_total",), done="discounted",
    ),
)  # fmt: skip
