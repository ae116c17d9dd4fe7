"""Leads as a sales office keeps them: the export's enquiries with owners and next steps, and those behind estimates."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.company import of_kind
from app.demo.world import Record, World, pick_weighted
from app.domains.crm.centerpoint.copying import first_free
from app.domains.crm.lead_scoring import scored

WANTS = {"leak_repair": 24, "maintenance": 16, "inspection": 18, "reroof": 22, "coating": 10, "emergency": 4,
         "new_construction": 3, "other": 3}  # fmt: skip
URGENCY = {"low": 14, "normal": 62, "high": 19, "emergency": 5}
REASONS = {
    "price": 32,
    "no_response": 24,
    "timing": 16,
    "competitor": 14,
    "not_a_fit": 6,
    "out_of_area": 5,
    "project_cancelled": 3,
}
RIVALS = ("Summit Roofing", "Peak Membrane", "Front Range Exteriors", "the building's own crew")
STREETS = ("Blake St", "Wazee St", "Colfax Ave", "Brighton Blvd", "Quebec St", "Federal Blvd", "Smith Rd", "Ulster St")
CITIES = ("Denver", "Aurora", "Commerce City", "Lakewood", "Arvada", "Centennial", "Thornton")
Line = tuple[str, str | None, str, str]
CALLED_BACK: Line = ("call", "out", "Called back", "Talked through options; they compare three bids.")
SAID: tuple[Line, ...] = (
    ("call", "in", "Asked when somebody can come", "Ladder access on the north side; ask for the manager."),
    ("email", "in", "Sent photos of the roof", "Ponding at two drains, seams open along the parapet."),
    ("email", "out", "Sent our references", "Two roofs of the same kind, both within ten miles."),
    ("site_visit", None, "Looked at the roof", "Measured; about two thirds of the insulation is dry."),
)


def work_up(world: World, records: list[Record]) -> list[Record]:
    """Give the export's leads what the office would have added since: who answers, what is wanted, what comes next.

    Returns what was said to them, to be written once the leads are there.
    """
    said: list[Record] = []
    dice, owners = world.dice("leads"), of_kind(world, "sales")
    for record in records:
        begun = min(record["created_at"] or world.at, world.at)
        answered = min(begun + timedelta(minutes=dice.lognormvariate(4.2, 1.6)), world.at)
        age = (world.at - begun).days
        record.update(
            owner_id=None if record["status"] == "new" and dice.random() < 0.4 else dice.choice(owners),
            service_interest=pick_weighted(dice, WANTS),
            urgency=pick_weighted(dice, URGENCY),
            site_address=f"{dice.randrange(100, 9900)} {dice.choice(STREETS)}"
            if record["status"] == "quoted"
            else None,
            site_city=dice.choice(CITIES),
            site_region="CO",
            first_response_at=None if record["status"] == "new" else answered,
            qualified_at=None,
            quoted_at=None,
            expected_close_on=None,
            lost_at=None,
            competitor=None,
            next_action_at=_next(world, dice, age) if record["status"] in ("new", "contacted", "quoted") else None,
        )
        _history(world, dice, record, answered)
        said += _talk(world, dice, record)
    return said


def _history(world: World, dice: random.Random, record: Record, answered: datetime) -> None:
    """When a lead came to where it stands."""
    status = record["status"]
    if status == "contacted":
        record["stage_entered_at"] = answered
    elif status == "quoted":
        record["qualified_at"] = min(answered + timedelta(days=dice.uniform(0.5, 6)), world.at)
        record["quoted_at"] = min(record["qualified_at"] + timedelta(days=dice.uniform(1, 9)), world.at)
        record["stage_entered_at"] = record["quoted_at"]
        record["expected_close_on"] = (record["quoted_at"] + timedelta(days=30)).astimezone(world.zone).date()
    elif status == "lost":
        record["lost_at"] = record["stage_entered_at"] = min(answered + timedelta(days=dice.uniform(3, 60)), world.at)
        record["lost_reason"] = "duplicate" if record["duplicate_of_id"] else pick_weighted(dice, REASONS)
        record["competitor"] = dice.choice(RIVALS) if record["lost_reason"] in ("competitor", "price") else None


def _next(world: World, dice: random.Random, age: int) -> datetime | None:
    """Fresh leads have a next step; of old ones, many were forgotten."""
    if dice.random() < (0.12 if age < 45 else 0.5):
        return None
    return world.local(days=round(dice.triangular(-8, 14, 4)), hour=8 + dice.randrange(9), minute=dice.choice((0, 30)))


def _talk(world: World, dice: random.Random, record: Record) -> list[Record]:
    """What was said so far, the first answer first; the lead is scored by it."""
    begun = min(record["created_at"] or world.at, world.at)
    answered, until = record["first_response_at"], max(record["stage_entered_at"] or world.at, begun)
    lines: list[tuple[Line, datetime]] = [(CALLED_BACK, answered)] if answered else []
    for line in dice.sample(SAID if answered else SAID[:2], dice.choice((1, 2, 3) if answered else (0, 0, 1))):
        lines.append((line, begun + (min(until, world.at) - begun) * dice.random()))
    shown = [(kind, when) for (kind, direction, *_), when in lines if direction == "in" or kind == "site_visit"]
    found = scored({"roof_area_sqft": None, **record, "created_at": begun}, shown, world.at)
    record.update(found, score_breakdown=Jsonb(found["score_breakdown"]))
    return [
        {
            "kind": kind, "direction": direction, "subject": subject, "body": body, "lead_id": record["id"],
            "app_user_id": record["owner_id"], "occurred_at": when, "created_at": when,
            "duration_minutes": dice.choice((4, 6, 10, 15)) if kind == "call" else None,
        }
        for (kind, direction, subject, body), when in lines
    ]  # fmt: skip


def behind_estimates(world: World) -> list[Record]:
    """Many an estimate began as somebody's enquiry: accepted ones won their lead, those still out have it quoted.

    Returns what was said to these.
    """
    world.chapter("leads", "Demonstration company: the enquiries behind estimates")
    dice = world.dice("leads behind estimates")
    rows = world.rows(
        "SELECT e.id, e.status, e.title, e.customer_id, e.property_id, e.estimator_id, e.total, e.created_at, e.sent_at,"
        " e.accepted_at, c.name, c.email, c.phone_e164, coalesce(k.full_name, 'Front desk'), k.email, k.phone_e164"
        " FROM estimates e JOIN customers c ON c.id = e.customer_id LEFT JOIN LATERAL (SELECT * FROM contacts"
        " WHERE customer_id = c.id ORDER BY is_primary DESC, id LIMIT 1) k ON true WHERE e.tenant_id = %s"
        " AND e.status IN ('accepted', 'sent', 'viewed') ORDER BY e.id",
        world.tenant_id,
    )
    number = world.rows("SELECT coalesce(max(substring(number FROM '\\d+$')::int), 0) + 1 FROM leads")[0][0]
    first = first_free(world.connection, ["leads"])["leads"]
    chosen = [row for row in rows if dice.random() < 0.6]
    records = [
        {"id": first + place, "number": f"L-{number + place:05d}", **_behind(dice, world, row)}
        for place, row in enumerate(chosen)
    ]
    said = [each for record in records for each in _talk(world, dice, record)]
    world.write("leads", records)
    world.numbered("lead", "L-", 5, number + len(records) - 1)
    world.connection.execute(
        "UPDATE estimates SET lead_id = pair.lead FROM unnest(%s::bigint[], %s::bigint[]) AS pair (estimate, lead)"
        " WHERE estimates.id = pair.estimate",
        ([row[0] for row in chosen], [record["id"] for record in records]),
    )
    return said


def _behind(dice: random.Random, world: World, row: tuple[Any, ...]) -> Record:
    (_id, status, title, customer, place, estimator, total, written, sent, accepted, name, email, phone, contact, own_email,
     own_phone) = row  # fmt: skip
    won = status == "accepted"
    begun = written - timedelta(days=dice.uniform(1, 12))
    answered = begun + timedelta(minutes=dice.lognormvariate(3.6, 1.2))
    return {
        "title": title, "status": "won" if won else "quoted",
        "source": pick_weighted(dice, {"repeat": 46, "referral": 24, "phone": 16, "web_form": 14}),
        "customer_id": customer, "property_id": place, "owner_id": estimator, "duplicate_of_id": None,
        "contact_name": contact, "company_name": name, "email": own_email or email, "phone_e164": own_phone or phone,
        "service_interest": pick_weighted(dice, WANTS), "urgency": pick_weighted(dice, URGENCY), "estimated_value": total,
        "probability_pct": 100 if won else 50, "first_response_at": min(answered, written), "qualified_at": written,
        "quoted_at": sent, "won_at": accepted if won else None, "stage_entered_at": accepted if won else sent,
        "next_action_at": None if won else _next(world, dice, 0), "created_at": begun,
    }  # fmt: skip


def conversations(world: World, said: list[Record]) -> None:
    """What was said to leads, each from the first answer on."""
    world.chapter("activities", "Demonstration company: calls, mails and visits to leads")
    world.write("crm_activities", said)
