"""How an estimate travels: drafted, reviewed by a second pair of eyes where it must be, sent, answered, or replaced."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.core.clock import today
from app.core.formats import money
from app.domains.crm import totals
from app.domains.crm.pipeline import its_customer, somebody_pays
from app.domains.crm.tables import table
from app.engine.approval_rules import Approval
from app.engine.states import Lifecycle, Moving, Transition

VALID_DAYS = 30
"""How long an offer stands when its author named no day."""


def proven(moving: Moving) -> str | None:
    return totals.unproven(moving.connection, "estimate_lines", "estimate_id", moving.record)


def may_go_unreviewed(moving: Moving) -> str | None:
    """AI's figures, thin margins and large sums go past a colleague first: the cheapest place to catch a wrong price."""
    estimate = moving.record
    if estimate["source"] == "ai":
        return "An agent priced this; submit it for review first."
    rules = _settings(moving)
    floor, limit = rules.get("margin_floor_pct"), rules.get("estimate_sign_limit")
    margin = estimate["margin_pct"]
    if floor is not None and margin is not None and margin < Decimal(str(floor)):
        return f"The margin of {margin:g}% is below the floor of {floor:g}%; submit it for review first."
    if limit is not None and estimate["total"] > Decimal(str(limit)):
        allowed = money(Decimal(str(limit)), estimate["currency"])
        return f"Estimates above {allowed} are reviewed before they go out; submit it for review first."
    return None


def _settings(moving: Moving) -> Mapping[str, Any]:
    tenants = table("tenants").c
    found = moving.connection.execute(select(tenants.settings).where(tenants.id == moving.record["tenant_id"])).scalar()
    return found or {}


def second_pair_of_eyes(moving: Moving) -> str | None:
    me = moving.actor.app_user_id
    if me is not None and me in (moving.record["created_by"], moving.record["estimator_id"]):
        return "You wrote this estimate; somebody else reviews it."
    return None


def below_the_floor(moving: Moving) -> str | None:
    """Work that earns too little is a decision of two, beyond the review every such estimate passes."""
    floor, margin = _settings(moving).get("margin_floor_pct"), moving.record["margin_pct"]
    if floor is None or margin is None or margin >= Decimal(str(floor)):
        return None
    return f"The margin of {margin:g}% is below the floor of {floor:g}%; sending it needs a second person."


def still_valid(moving: Moving) -> str | None:
    until = moving.record["valid_until"]
    if until is not None and until < today(moving.actor.timezone):
        return f"This offer ended on {until:%b} {until.day}, {until.year}; extend “valid until” or make a revision."
    return None


def past_validity(moving: Moving) -> str | None:
    until = moving.record["valid_until"]
    if until is None or until >= today(moving.actor.timezone):
        return "This offer is still valid."
    return None


def revised(moving: Moving) -> str | None:
    estimates = table("estimates").c
    later = select(estimates.id).where(estimates.revised_from_id == moving.record["id"]).limit(1)
    if moving.connection.execute(later).first() is None:
        return "Make the next revision first: a new estimate that revises this one."
    return None


def sent(moving: Moving) -> Mapping[str, Any]:
    day = today(moving.actor.timezone)
    until = moving.record["valid_until"]
    kept = until if until is not None and until >= day else day + timedelta(days=VALID_DAYS)
    return {"sent_at": moving.at, "issued_on": day, "valid_until": kept}


def viewed(moving: Moving) -> Mapping[str, Any]:
    return {"viewed_at": moving.at, "view_count": moving.record["view_count"] + 1}


def accepted(moving: Moving) -> Mapping[str, Any]:
    return {"accepted_at": moving.at}


def declined(moving: Moving) -> Mapping[str, Any]:
    return {"declined_at": moving.at}


_PRICED = (
    "customer_id", "property_id", "currency", "discount_total", "cost_total", "waste_pct", "overhead_pct", "profit_pct",
    "contingency_pct", "deposit_pct", "roof_area_sqft", "scope_text", "exclusions", "terms_text", "title",
)  # fmt: skip

lifecycle = Lifecycle(
    field="status",
    initial="draft",
    stages=("draft", "internal_review", "sent", "viewed", "accepted"),
    frozen={
        **dict.fromkeys(("internal_review", "sent", "viewed", "declined", "expired"), _PRICED),
        "accepted": ("*",),
        "superseded": ("*",),
    },
    why_frozen="What went out stays as it went out; make a revision.",
    transitions=(
        Transition(
            "submit", "Submit for review", source=("draft",), to="internal_review", may="estimates.submit",
            guards=(proven,), done="submitted for review",
        ),
        Transition(
            "send", "Send estimate", source=("draft",), to="sent", may="estimates.send",
            guards=(proven, may_go_unreviewed), effects=(sent,), done="sent",
        ),
        Transition(
            "approve", "Approve and send", source=("internal_review",), to="sent", may="estimate_reviews.decide",
            guards=(second_pair_of_eyes, proven), effects=(sent,), done="approved and sent",
            approval=Approval("estimate_margin", amount="total", when=below_the_floor),
        ),
        Transition(
            "send_back", "Send back to draft", source=("internal_review",), to="draft", may="estimate_reviews.decide",
            reason=True, done="sent back to draft",
        ),
        Transition(
            "view", "Mark as viewed", source=("sent",), to="viewed", may="estimates.send", effects=(viewed,),
            by_system=True, done="viewed",
        ),
        Transition(
            "accept", "Record acceptance", source=("sent", "viewed"), to="accepted", may="estimates.accept",
            asks=("accepted_by_name",), requires=("accepted_by_name",), guards=(still_valid, somebody_pays),
            effects=(accepted, its_customer),
            done="accepted",
        ),
        Transition(
            "decline", "Record refusal", source=("sent", "viewed"), to="declined", may="estimates.decline",
            asks=("decline_reason",), requires=("decline_reason",), effects=(declined,), done="declined",
        ),
        Transition(
            "expire", "Let it expire", source=("sent", "viewed"), to="expired", may="estimates.decline",
            guards=(past_validity,), by_system=True, done="expired",
        ),
        Transition(
            "supersede", "Replace by its revision", source=("sent", "viewed", "declined", "expired"), to="superseded",
            may="estimates.revise", guards=(revised,), done="replaced by its revision",
        ),
    ),
)  # fmt: skip
