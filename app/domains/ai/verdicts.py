"""What a person says about an agent's decision: right, wrong, unsure, or something else instead; and how it turned out.

Agreement and override rates (KPIS.md section 2) are counted from what these actions set: agree / (agree + disagree) of the
reviewed, and (overridden + rejected) of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.engine.actions import Action
from app.engine.states import Moving

REVIEW = "ai.decisions.review"
WAITING = ("proposed", "pending_approval")


def not_yet_reviewed(record: Mapping[str, Any]) -> str | None:
    """A second verdict would erase the first one's author; undoing the first keeps both in the history."""
    if record.get("reviewed_at") is not None:
        return "This decision has a verdict already; undo that one in its history to judge again."
    return None


def can_be_overridden(record: Mapping[str, Any]) -> str | None:
    if record.get("status") in ("failed", "reverted"):
        return "Nothing came of this decision, so there is nothing to replace."
    return not_yet_reviewed(record)


def verdict(moving: Moving, word: str) -> dict[str, Any]:
    return {
        "review_verdict": word,
        "review_note": moving.asked.get("review_note") or None,
        "reviewed_by": moving.actor.app_user_id,
        "reviewed_at": moving.at,
    }


def agree(moving: Moving) -> Mapping[str, Any]:
    return verdict(moving, "agree")


def disagree(moving: Moving) -> Mapping[str, Any]:
    """A proposal that still waits is turned down with it; what was done already stays done and is only judged."""
    values = verdict(moving, "disagree")
    return values | {"status": "rejected"} if moving.record["status"] in WAITING else values


def unsure(moving: Moving) -> Mapping[str, Any]:
    return verdict(moving, "unsure")


def override(moving: Moving) -> Mapping[str, Any]:
    """The person decided otherwise, which counts as disagreement."""
    return verdict(moving, "disagree") | {"status": "overridden", "overridden_to": moving.asked["overridden_to"]}


def note_outcome(moving: Moving) -> Mapping[str, Any]:
    return {
        "outcome": moving.asked["outcome"],
        "outcome_value": moving.asked.get("outcome_value"),
        "outcome_noted_at": moving.at,
    }


ACTIONS = (
    Action("agree", "Accept", REVIEW, agree, when=not_yet_reviewed, asks=("review_note",), done="accepted"),
    Action(
        "override",
        "Choose otherwise",
        REVIEW,
        override,
        when=can_be_overridden,
        asks=("overridden_to", "review_note"),
        requires=("overridden_to",),
        done="overridden",
    ),
    Action(
        "disagree",
        "Reject",
        REVIEW,
        disagree,
        when=not_yet_reviewed,
        asks=("review_note",),
        requires=("review_note",),
        done="rejected",
    ),
    Action("unsure", "Leave open", REVIEW, unsure, when=not_yet_reviewed, asks=("review_note",), done="left open"),
    Action(
        "note_outcome",
        "Note how it turned out",
        REVIEW,
        note_outcome,
        asks=("outcome", "outcome_value"),
        requires=("outcome",),
        done="given an outcome",
    ),
)
