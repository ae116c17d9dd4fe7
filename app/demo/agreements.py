"""Recurring agreements: maintenance plans in every state, what they bring, when they are billed and visited next."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from app.demo.world import Record, World, pick_weighted
from app.domains.crm.subscription_lifecycle import after_one

WHY_ENDED = {
    "price": 3,
    "sold_property": 4,
    "no_longer_needed": 2,
    "competitor": 2,
    "service_quality": 1,
    "term_ended": 3,
}


def agreements(world: World) -> None:
    """Maintenance plans on the roofs that are maintained anyway, each billed by the last invoice of that work."""
    world.chapter("agreements", "Demonstration company: maintenance plans, what they bring and what comes next")
    dice, today = world.dice("agreements"), world.local().date()
    rows = world.rows(
        "SELECT DISTINCT ON (j.property_id) j.property_id, j.customer_id, p.name, i.id, i.subtotal, i.issue_date, i.due_date,"
        " i.status, j.completed_at FROM jobs j JOIN invoices i ON i.job_id = j.id JOIN properties p ON p.id = j.property_id"
        " JOIN customers c ON c.id = j.customer_id"
        " WHERE j.tenant_id = %s AND j.work_type IN ('maintenance', 'inspection') AND i.kind = 'invoice'"
        " AND i.status IN ('open', 'paid') AND i.issue_date > %s AND i.subtotal BETWEEN 300 AND 20000 AND c.status = 'active'"
        " ORDER BY j.property_id, i.issue_date DESC, i.id",
        world.tenant_id, today - timedelta(days=355),
    )  # fmt: skip
    late = [row for row in rows if row[7] == "open" and row[6] < today]
    settled = [row for row in rows if row[7] == "paid"]
    plans = world.rows(
        "SELECT id, name FROM products WHERE tenant_id = %s AND kind = 'plan' ORDER BY id", world.tenant_id
    )
    chosen = [(row, "unpaid" if (today - row[6]).days > 60 else "past_due") for row in late[:9]]
    states = ["active"] * 62 + ["paused"] * 4 + ["cancelled"] * 13
    chosen += list(zip(settled[: len(states)], states, strict=False))
    records = [_plan(world, dice, today, plans, status, *row) for row, status in chosen]
    billed = [(row[3], row[5]) for row, _ in chosen]
    records += _beginning(world, dice, today, plans, {row[0] for row, _ in chosen})
    records.sort(key=lambda record: record["created_at"])
    for number, record in enumerate(records, 1):
        record["number"] = f"S-{number:05d}"
    of_site = {
        record["property_id"]: record for record in world.write("subscriptions", records) if record["property_id"]
    }
    world.numbered("subscription", "S-", 5, len(records))
    pairs = [(invoice, of_site[row[0]], issued) for (invoice, issued), (row, _) in zip(billed, chosen, strict=True)]
    world.connection.execute(
        "UPDATE invoices SET subscription_id = got.agreement, period_start = got.starts, period_end = got.ends"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::date[], %s::date[]) AS got (invoice, agreement, starts, ends)"
        " WHERE invoices.id = got.invoice",
        ([invoice for invoice, _, _ in pairs], [agreement["id"] for _, agreement, _ in pairs], [issued for *_, issued in pairs],
         [after_one(issued, "year", 1) for *_, issued in pairs]),
    )  # fmt: skip
    world.connection.execute(
        "UPDATE jobs SET subscription_id = s.id FROM subscriptions s WHERE s.tenant_id = %s AND jobs.property_id = s.property_id"
        " AND jobs.customer_id = s.customer_id AND jobs.work_type IN ('maintenance', 'inspection')"
        " AND jobs.requested_at::date >= s.starts_on AND s.status IN ('active', 'past_due', 'unpaid', 'paused')",
        (world.tenant_id,),
    )


def _plan(
    world: World, dice: random.Random, today: date, plans: list[tuple[Any, ...]], status: str, site: int, customer: int,
    place: str, _invoice: int, amount: Decimal, issued: date, due: date, _state: str, visited: datetime | None,
) -> Record:  # fmt: skip
    """An agreement billed once a year, last by the invoice it came with."""
    plan, name = plans[dice.randrange(len(plans))] if plans else (None, "Roof care")
    years = dice.choice((0, 0, 1, 1, 2, 3))
    starts = issued.replace(year=issued.year - years, day=min(issued.day, 28))
    ends = after_one(issued, "year", 1)
    visits = 4 if "four" in name else 2
    last = visited.astimezone(world.zone).date() if visited else issued
    following = last + timedelta(days=365 // visits)
    if following < today and dice.random() > 0.12:
        following = today + timedelta(days=dice.randrange(2, 75))
    behind = (today - due).days if status in ("past_due", "unpaid") else 0
    over = status == "cancelled"
    ended = today - timedelta(days=dice.randrange(1, 120)) if over else None
    if ended and ended <= issued:
        ended = issued + timedelta(days=1) if issued < today else today
    leaving = status == "active" and dice.random() < 0.08
    return {
        "name": f"{place}, {name.lower()}", "kind": "service_agreement", "status": status, "customer_id": customer,
        "property_id": site,
        "product_id": plan, "quantity": Decimal(1), "unit_amount": amount, "discount_pct": Decimal(0), "interval_unit": "year",
        "interval_count": 1, "collection": dice.choice(("send_invoice", "send_invoice", "send_invoice", "auto_charge")),
        "starts_on": starts, "trial_ends_at": None, "current_period_start": issued, "current_period_end": ends,
        "next_invoice_on": ends if status in ("active", "past_due", "unpaid") and not leaving else None,
        "ends_on": ended or (ends if leaving else None), "auto_renew": not over and not leaving, "visits_per_year": visits,
        "next_visit_on": None if over or status == "paused" else following, "last_visit_on": last,
        "paused_at": world.local(-dice.randrange(3, 40), 10) if status == "paused" else None,
        "resume_on": today + timedelta(days=dice.randrange(10, 90)) if status == "paused" else None,
        "cancel_at_period_end": leaving,
        "cancelled_at": min(datetime.combine(ended, time(11), world.zone), world.at) if ended else None,
        "cancel_reason": pick_weighted(dice, WHY_ENDED) if over or leaving else None,
        "dunning_step": 0 if not behind else 3 if behind >= 14 else 2 if behind >= 7 else 1,
        "payment_failed_at": datetime.combine(due + timedelta(days=1), time(8), world.zone) if behind else None,
        "created_at": datetime.combine(starts, time(9), world.zone) - timedelta(days=dice.randrange(1, 12)),
    }  # fmt: skip


def _beginning(
    world: World, dice: random.Random, today: date, plans: list[tuple[Any, ...]], taken: set[int]
) -> list[Record]:
    """Agreements of the last weeks: being tried out, waiting for their first payment, just begun, or never begun."""
    sites = [row for row in world.rows(
        "SELECT p.id, p.customer_id, p.name FROM properties p JOIN customers c ON c.id = p.customer_id WHERE p.tenant_id = %s"
        " AND c.status = 'active' ORDER BY p.id DESC LIMIT 200", world.tenant_id,
    ) if row[0] not in taken]  # fmt: skip
    records = []
    for status, count in (
        (("trialing", 4), ("incomplete", 6), ("incomplete_expired", 3), ("active", 9)) if sites else ()
    ):
        for _ in range(count):
            site, customer, place = sites.pop(dice.randrange(len(sites)))
            plan, name = plans[dice.randrange(len(plans))] if plans else (None, "Roof care")
            unit = dice.choice(("month", "month", "year"))
            made = world.at - timedelta(
                days=dice.uniform(35, 80) if status == "incomplete_expired" else dice.uniform(0.1, 13)
            )
            starts = made.astimezone(world.zone).date() + timedelta(days=dice.randrange(0, 6))
            begun = status == "active"
            ends = after_one(starts, unit, 1)
            records.append({
                "name": f"{place}, {name.lower()}", "kind": "service_agreement", "status": status, "customer_id": customer,
                "property_id": site, "product_id": plan, "quantity": Decimal(1),
                "unit_amount": Decimal(dice.choice((89, 129, 149, 199)) if unit == "month" else dice.choice((1280, 2390, 3400))),
                "discount_pct": Decimal(dice.choice((0, 0, 0, 5, 10))), "interval_unit": unit, "interval_count": 1,
                "collection": "auto_charge" if status == "incomplete_expired" else "send_invoice", "starts_on": starts,
                "trial_ends_at": world.local(dice.randrange(3, 25), 17) if status == "trialing" else None,
                "current_period_start": starts if begun else None, "current_period_end": ends if begun else None,
                "next_invoice_on": max(starts, today + timedelta(days=1)) if begun else None, "ends_on": None, "auto_renew": True,
                "visits_per_year": 2, "next_visit_on": starts + timedelta(days=dice.randrange(14, 90)) if begun else None,
                "last_visit_on": None, "paused_at": None, "resume_on": None, "cancel_at_period_end": False, "cancelled_at": None,
                "cancel_reason": None, "dunning_step": 0, "payment_failed_at": None, "created_at": made,
            })  # fmt: skip
    return records
