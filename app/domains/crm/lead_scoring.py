"""What a lead is worth calling first: how well the work suits us, and how much they show they want it.

Points add up per side to at most 100. Interest cools: what was shown counts half after thirty days. The score is
0.6 fit + 0.4 engagement; the grade's letter comes from fit (A from 70, B from 40), its digit from engagement
(1 from 70, 2 from 40), as KPIs define them. Until people write rules of their own, these are the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import Connection, func, select, update

from app.domains.crm.tables import table

HALF_LIFE = timedelta(days=30)
MOST = 100

_WANTED = {
    "reroof": 30, "new_construction": 30, "coating": 25, "maintenance": 20, "inspection": 15, "emergency": 15, "leak_repair": 10,
}  # fmt: skip
_CAME = {"repeat": 20, "referral": 20, "partner": 15, "phone": 10, "walk_in": 10}
_SHOWN = {"meeting": 35, "site_visit": 35, "call": 25, "email": 20, "sms": 15}

Points = tuple[str, int]


def fit(lead: Mapping[str, Any]) -> list[Points]:
    """Commercial roofs, work of some size, from people who know us."""
    value, area = lead["estimated_value"] or 0, lead["roof_area_sqft"] or 0
    worth = 30 if value >= 25_000 else 20 if value >= 10_000 else 10 if value >= 2_500 else 0
    points = [
        ("Names a company", 20 if lead["company_name"] else 0),
        ("Worth of the work", worth),
        ("Large roof", 10 if area >= 10_000 else 0),
        ("Kind of work", _WANTED.get(lead["service_interest"], 0)),
        ("Way it came", _CAME.get(lead["source"], 0)),
        ("Asked before", -15 if lead["duplicate_of_id"] else 0),
    ]
    return [each for each in points if each[1]]


def engagement(lead: Mapping[str, Any], touches: Iterable[tuple[str, datetime]], at: datetime) -> list[Points]:
    """`touches`: kind and moment of everything they said or came to, our own calls left unanswered not counted."""
    points = [("Asked", _cooled(40, lead["created_at"], at))]
    if lead["urgency"] in ("high", "emergency"):
        points.append(("In a hurry", 20))
    points += [
        (f"Answered: {kind.replace('_', ' ')}", _cooled(_SHOWN.get(kind, 0), when, at)) for kind, when in touches
    ]
    return [each for each in points if each[1]]


def scored(lead: Mapping[str, Any], touches: Iterable[tuple[str, datetime]], at: datetime) -> dict[str, Any]:
    """The columns of a score, with the points that explain it. A score given by hand stays."""
    suits, wants = fit(lead), engagement(lead, touches, at)
    for_fit, for_wish = _capped(suits), _capped(wants)
    computed = int((Decimal(60 * for_fit + 40 * for_wish) / 100).quantize(Decimal(1), ROUND_HALF_UP))
    by_hand = lead.get("score_override")
    return {
        "fit_score": for_fit,
        "engagement_score": for_wish,
        "score": computed if by_hand is None else by_hand,
        "grade": _step(for_fit, "ABC") + _step(for_wish, "123"),
        "score_breakdown": [
            {"side": side, "rule": rule, "points": points}
            for side, found in (("fit", suits), ("engagement", wants))
            for rule, points in found
        ],
        "scored_at": at,
    }


def _cooled(points: int, when: datetime, at: datetime) -> int:
    return round(points * 0.5 ** (max(at - when, timedelta()) / HALF_LIFE))


def _capped(points: list[Points]) -> int:
    return max(0, min(MOST, sum(each for _, each in points)))


def _step(points: int, names: str) -> str:
    return names[0] if points >= 70 else names[1] if points >= 40 else names[2]


# -- kept beside the lead ---------------------------------------------------------------------------------------------

_FACTS = frozenset(
    (
        "title",
        "estimated_value",
        "roof_area_sqft",
        "company_name",
        "service_interest",
        "source",
        "urgency",
        "duplicate_of_id",
    )
)


def rescore(connection: Connection, lead: Mapping[str, Any]) -> None:
    """After a lead was made, or a fact its score rests on was changed."""
    if _FACTS & lead.keys():
        _keep(connection, lead["id"])


def noticed(connection: Connection, activity: Mapping[str, Any]) -> None:
    """After somebody logged what a lead said."""
    activities = table("crm_activities").c
    key = connection.execute(select(activities.lead_id).where(activities.id == activity["id"])).scalar()
    if key is not None:
        _keep(connection, key)


def _keep(connection: Connection, key: int) -> None:
    """Written only where the score comes out otherwise, so that an undo finds nothing left to do."""
    leads, activities = table("leads"), table("crm_activities").c
    lead = dict(connection.execute(select(leads).where(leads.c.id == key)).mappings().one())
    spoke = (activities.direction == "in") | activities.kind.in_(("meeting", "site_visit"))
    touches = [
        (kind, when)
        for kind, when in connection.execute(
            select(activities.kind, activities.occurred_at).where(activities.lead_id == key, spoke)
        )
    ]
    found = scored(lead, touches, connection.execute(select(func.now())).scalar_one())
    if any(lead[name] != found[name] for name in ("fit_score", "engagement_score", "score", "grade")):
        connection.execute(update(leads).where(leads.c.id == key).values(**found))
