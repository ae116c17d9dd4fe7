"""How a forecast is measured against what happened (KPIS.md, prediction quality): Brier score for probabilities, absolute
error for amounts, right or wrong for categories, days off for dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

HALF = Decimal("0.5")
TENTH = Decimal("0.1")
DAYS = 7
"""A date foreseen within a week of the day counts as right."""


def unclear(forecast: Mapping[str, Any], asked: Mapping[str, Any]) -> str | None:
    """What is still missing or impossible in what somebody says happened, as a sentence."""
    kind, value, word = forecast["value_kind"], asked.get("actual_value"), asked.get("actual_category")
    if kind == "probability" and value not in (0, 1):
        return "Enter 1 if it happened and 0 if it did not."
    if kind == "amount" and value is None:
        return "Enter the amount it came to."
    if kind == "category" and not word:
        return "Say which category it turned out to be."
    if kind == "date" and _day(word) is None:
        return "Enter the day it happened as year-month-day, like 2026-11-20."
    return None


def score(forecast: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """`was_correct` with `brier` or `abs_error`. The forecast is complete (`unclear` found nothing)."""
    match forecast["value_kind"]:
        case "probability":
            happened = Decimal(asked["actual_value"])
            likely: Decimal = forecast["probability"]
            return {"was_correct": (likely >= HALF) == (happened == 1), "brier": round((likely - happened) ** 2, 6)}
        case "amount":
            came = Decimal(asked["actual_value"])
            foreseen: Decimal = forecast["amount"]
            error = abs(foreseen - came)
            low, high = forecast["low"], forecast["high"]
            within = low <= came <= high if low is not None and high is not None else error <= abs(came) * TENTH
            return {"was_correct": within, "abs_error": error}
        case "category":
            return {"was_correct": forecast["category"] == asked["actual_category"]}
        case _:
            day = _day(asked["actual_category"])
            assert day is not None
            off = abs((forecast["predicted_date"] - day).days)
            return {"was_correct": off <= DAYS, "abs_error": Decimal(off)}


def _day(word: Any) -> date | None:
    try:
        return date.fromisoformat(str(word or "").strip())
    except ValueError:
        return None
