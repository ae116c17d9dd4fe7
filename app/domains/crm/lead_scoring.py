"""What a lead is worth calling first: how well the work suits us, and how much they show they want it.

Points add up per side to at most 100. Interest cools: what was shown counts half after thirty days. The score is
0.6 fit + 0.4 engagement; the grade's letter comes from fit (A from 70, B from 40), its digit from engagement
(1 from 70, 2 from 40), as KPIs define them. The rules are rows people edit; a company without any goes by these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection, case, func, insert, literal, select, update

from app.domains.crm.pipeline import OPEN_LEAD
from app.domains.crm.tables import table
from app.engine.refusals import Rejected

MOST = 100


@dataclass(frozen=True)
class Rule:
    """Points for a lead whose facts answer `expression`: `{"estimated_value.gte": 25000}`; all of it must hold.

    `{"asked": true}` counts from when they asked, `{"said": "call"}` once for each call of theirs, up to `max_points`.
    """

    name: str
    dimension: str
    """fit, engagement, or penalty, which takes from fit"""
    expression: Mapping[str, Any]
    points: int
    max_points: int | None = None
    half_life_days: int | None = None
    """After so many days what was shown counts half."""


DEFAULTS: tuple[Rule, ...] = (
    Rule("Names a company", "fit", {"company_name.null": False}, 20),
    Rule("Work worth 25,000 or more", "fit", {"estimated_value.gte": 25_000}, 30),
    Rule("Work worth 10,000 to 25,000", "fit", {"estimated_value.gte": 10_000, "estimated_value.lt": 25_000}, 20),
    Rule("Work worth 2,500 to 10,000", "fit", {"estimated_value.gte": 2_500, "estimated_value.lt": 10_000}, 10),
    Rule("Large roof", "fit", {"roof_area_sqft.gte": 10_000}, 10),
    Rule("Wants a new roof", "fit", {"service_interest.in": ["reroof", "new_construction"]}, 30),
    Rule("Wants a coating", "fit", {"service_interest": "coating"}, 25),
    Rule("Wants maintenance", "fit", {"service_interest": "maintenance"}, 20),
    Rule("Wants an inspection, or help at once", "fit", {"service_interest.in": ["inspection", "emergency"]}, 15),
    Rule("Wants a leak repaired", "fit", {"service_interest": "leak_repair"}, 10),
    Rule("Knows us, or was sent by somebody who does", "fit", {"source.in": ["repeat", "referral"]}, 20),
    Rule("Sent by a partner", "fit", {"source": "partner"}, 15),
    Rule("Called or came by", "fit", {"source.in": ["phone", "walk_in"]}, 10),
    Rule("Asked before", "penalty", {"duplicate_of_id.null": False}, -15),
    Rule("Asked", "engagement", {"asked": True}, 40, half_life_days=30),
    Rule("In a hurry", "engagement", {"urgency.in": ["high", "emergency"]}, 20),
    Rule("Met us", "engagement", {"said": "meeting"}, 35, half_life_days=30),
    Rule("Showed us the roof", "engagement", {"said": "site_visit"}, 35, half_life_days=30),
    Rule("Talked on the telephone", "engagement", {"said": "call"}, 25, half_life_days=30),
    Rule("Wrote an e-mail", "engagement", {"said": "email"}, 20, half_life_days=30),
    Rule("Wrote a text message", "engagement", {"said": "sms"}, 15, half_life_days=30),
)

Touches = Iterable[tuple[str, datetime]]
"""Kind and moment of everything they said or came to, our own calls left unanswered not counted."""
Points = tuple[str, int]

FACTS = (
    "title", "estimated_value", "roof_area_sqft", "company_name", "service_interest", "source", "urgency", "duplicate_of_id",
    "site_city", "site_region", "customer_id", "campaign_id", "landing_page_id", "referred_by_id",
)  # fmt: skip
SAID = ("call", "email", "sms", "meeting", "site_visit")


def scored(lead: Mapping[str, Any], touches: Touches, at: datetime, rules: Sequence[Rule] = DEFAULTS) -> dict[str, Any]:
    """The columns of a score, with the points that explain it. A score given by hand stays."""
    heard = list(touches)
    found = [(rule, points) for rule in rules if (points := _points(rule, lead, heard, at))]
    suits = [(rule.name, points) for rule, points in found if rule.dimension != "engagement"]
    wants = [(rule.name, points) for rule, points in found if rule.dimension == "engagement"]
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
            for side, given in (("fit", suits), ("engagement", wants))
            for rule, points in given
        ],
        "scored_at": at,
    }


def _points(rule: Rule, lead: Mapping[str, Any], touches: Sequence[tuple[str, datetime]], at: datetime) -> int:
    facts = {key: value for key, value in rule.expression.items() if key not in ("asked", "said")}
    if not all(_holds(lead, key, value) for key, value in facts.items()):
        return 0
    moments = [lead["created_at"]]
    if "said" in rule.expression:
        moments = [when for kind, when in touches if kind == rule.expression["said"]]
    sum_ = sum(_cooled(rule, when, at) for when in moments)
    return sum_ if rule.max_points is None else min(sum_, rule.max_points)


def _holds(lead: Mapping[str, Any], key: str, wanted: Any) -> bool:
    name, _, how = key.partition(".")
    value = lead.get(name)
    if how == "null":
        return (value in (None, "")) == bool(wanted)
    if value is None:
        return how == "ne"
    if how == "in":
        return str(value) in [str(each) for each in wanted]
    if how in ("", "eq", "ne"):
        return (str(value) == str(wanted)) == (how != "ne")
    left, right = Decimal(str(value)), Decimal(str(wanted))
    return {"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}[how]


def unreadable(expression: Any, dimension: str) -> str | None:
    """Why a rule's expression says nothing, as a sentence; None when leads can be weighed by it."""
    if not isinstance(expression, Mapping) or not expression:
        return 'Write what a lead must be like, as {"estimated_value.gte": 25000}.'
    for key, wanted in expression.items():
        name, _, how = str(key).partition(".")
        if name in ("asked", "said"):
            if dimension != "engagement":
                return "What they said counts for engagement; choose that side."
            if name == "said" and wanted not in SAID:
                return f"What can be said is {', '.join(SAID)}."
            continue
        if name not in FACTS:
            return f"Leads are not weighed by “{name[:40]}”; use {', '.join(FACTS)}."
        if how not in ("", "eq", "ne", "in", "null", "gt", "gte", "lt", "lte"):
            return f"“{how[:20]}” is none of eq, ne, in, null, gt, gte, lt, lte."
        if how == "in" and not isinstance(wanted, list):
            return f'“{key}” takes a list, as ["reroof", "coating"].'
        if how in ("gt", "gte", "lt", "lte") and not (
            name in ("estimated_value", "roof_area_sqft") and _is_number(wanted)
        ):
            return f"“{how}” compares estimated_value or roof_area_sqft with a number."
    return None


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and Decimal(str(value)).is_finite()
    except InvalidOperation:
        return False


def _cooled(rule: Rule, when: datetime, at: datetime) -> int:
    if not rule.half_life_days:
        return rule.points
    return round(rule.points * 0.5 ** (max(at - when, timedelta()) / timedelta(days=rule.half_life_days)))


def _capped(points: list[Points]) -> int:
    return max(0, min(MOST, sum(each for _, each in points)))


def _step(points: int, names: str) -> str:
    return names[0] if points >= 70 else names[1] if points >= 40 else names[2]


# -- kept beside the lead ---------------------------------------------------------------------------------------------


def rules_of(connection: Connection, tenant_id: int) -> Sequence[Rule]:
    """The company's own rules that are switched on; one that has none at all goes by ours."""
    rows = table("lead_scoring_rules").c
    columns = (rows.name, rows.dimension, rows.expression, rows.points, rows.max_points, rows.half_life_days)
    found = connection.execute(
        select(rows.is_active, *columns).where(rows.tenant_id == tenant_id).order_by(rows.position, rows.id)
    ).all()
    return [Rule(*row[1:]) for row in found if row.is_active] if found else DEFAULTS


def write_defaults(connection: Connection, tenant_id: int) -> None:
    """Give a company that has no rules ours as rows, so that it has something to edit. Inside an open change set."""
    rows = table("lead_scoring_rules")
    if connection.execute(select(rows.c.id).where(rows.c.tenant_id == tenant_id).limit(1)).first() is None:
        connection.execute(insert(rows), as_rows(tenant_id))


def as_rows(tenant_id: int) -> list[dict[str, Any]]:
    return [
        {"tenant_id": tenant_id, **asdict(rule), "expression": dict(rule.expression), "position": place}
        for place, rule in enumerate(DEFAULTS, 1)
    ]


def rescore(connection: Connection, lead: Mapping[str, Any]) -> None:
    """After a lead was made, or a fact its score rests on was changed."""
    if not lead.keys().isdisjoint(FACTS):
        _keep(connection, select(table("leads")).where(table("leads").c.id == lead["id"]))


def noticed(connection: Connection, activity: Mapping[str, Any]) -> None:
    """After somebody logged what a lead said."""
    activities, leads = table("crm_activities").c, table("leads")
    key = connection.execute(select(activities.lead_id).where(activities.id == activity["id"])).scalar()
    if key is not None:
        _keep(connection, select(leads).where(leads.c.id == key))


def weigh_anew(connection: Connection, rule: Mapping[str, Any]) -> None:
    """After a rule was made, changed or dropped: every lead still open is weighed by the rules as they are now."""
    rows, leads = table("lead_scoring_rules"), table("leads")
    stored = connection.execute(select(rows).where(rows.c.id == rule["id"])).mappings().first()
    if stored is not None:
        fault = unreadable(stored["expression"], stored["dimension"])
        if fault is not None:
            raise Rejected({"expression": fault})
    tenant_id = stored["tenant_id"] if stored is not None else rule["tenant_id"]
    _keep(connection, select(leads).where(leads.c.tenant_id == tenant_id, leads.c.status.in_(OPEN_LEAD)))


_SCORE = ("fit_score", "engagement_score", "score", "grade")


def _keep(connection: Connection, which: Any) -> None:
    """Written only where a score comes out otherwise, so that an undo finds nothing left to do."""
    leads = table("leads")
    found = [dict(row) for row in connection.execute(which).mappings()]
    if not found:
        return
    rules, heard = rules_of(connection, found[0]["tenant_id"]), _heard(connection, [lead["id"] for lead in found])
    at = connection.execute(select(func.now())).scalar_one()
    changed = []
    for lead in found:
        score = scored(lead, heard.get(lead["id"], ()), at, rules)
        if any(lead[name] != score[name] for name in _SCORE):
            changed.append({"id": lead["id"], **score})
    for start in range(0, len(changed), 500):
        _write(connection, leads, changed[start : start + 500])


def _heard(connection: Connection, keys: Sequence[int]) -> dict[int, list[tuple[str, datetime]]]:
    activities = table("crm_activities").c
    spoke = (activities.direction == "in") | activities.kind.in_(("meeting", "site_visit"))
    heard: dict[int, list[tuple[str, datetime]]] = {}
    for key, kind, when in connection.execute(
        select(activities.lead_id, activities.kind, activities.occurred_at).where(activities.lead_id.in_(keys), spoke)
    ):
        heard.setdefault(key, []).append((kind, when))
    return heard


def _write(connection: Connection, leads: Any, changed: list[dict[str, Any]]) -> None:
    """All scores in one statement: the ledger then records them in one go as well."""
    key = leads.c.id
    values = {
        name: case({each["id"]: literal(each[name], leads.c[name].type) for each in changed}, value=key)
        for name in (*_SCORE, "score_breakdown", "scored_at")
    }
    connection.execute(update(leads).where(key.in_([each["id"] for each in changed])).values(**values))
