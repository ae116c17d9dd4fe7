"""What the agents noticed and point out: patterns that keep showing, and insights about records that stand as they say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.foresight import predictions
from app.demo.world import Record, World

# Key, domain, who noticed it, name, description, rule, cases, confidence, lift, state.
PATTERNS: tuple[tuple[str, str, str, str, str, dict[str, Any], int, float, float, str], ...] = (
    ("second-reminder-pays", "billing", "ar-follow-up", "Who opens the first reminder twice pays after the second",
     "Seen with property managers most of all; they forward the mail to their owner and wait for the answer.",
     {"opened_first_reminder": "twice or more", "then": "paid within 10 days of the second"}, 214, 0.83, 2.1, "confirmed"),
    ("po-missing-late", "billing", "invoice-auditor", "Invoices without a purchase order are paid three weeks later",
     "Where the customer asks for one, an invoice without it lies until somebody calls.",
     {"customer": "asks for a purchase order", "invoice": "carries none"}, 137, 0.78, 3.4, "confirmed"),
    ("over-limit-question", "billing", "invoice-auditor", "Above the limit agreed, every second invoice is questioned",
     "Questions come within four days and cost an average of nineteen days.",
     {"invoice_total": "above not-to-exceed"}, 61, 0.52, 2.9, "confirmed"),
    ("friday-invoices", "billing", "invoice-auditor", "Invoices sent on a Friday are opened on Tuesday",
     "They are paid no later for it.", {"sent_on": "Friday"}, 402, 0.91, 1.2, "rejected"),
    ("promise-kept", "billing", "ar-follow-up", "Two of three promises to pay are kept to the day",
     "Those made on the telephone more often than those made by mail.", {"promise": "given with a date"},
     96, 0.67, 1.6, "candidate"),
    ("north-drains", "operations", "inspection-reader", "North drains clog in the second winter",
     "On roofs with trees within thirty feet; the south side stays clear.",
     {"roof_age_winters": 2, "side": "north", "trees": "within 30 ft"}, 44, 0.71, 4.2, "confirmed"),
    ("wind-reschedule", "operations", "dispatch-scheduler", "Crane days move when the forecast says more than 28 mph",
     "Above it the lift was stopped on site in seven of nine cases.", {"gust_mph": "over 28", "crane": True},
     38, 0.82, 5.1, "confirmed"),
    ("repeat-leak-curb", "operations", "inspection-reader", "A leak at an equipment curb comes back within the year",
     "Unless the curb is rebuilt rather than sealed.", {"finding": "curb", "repair": "sealed"}, 73, 0.64, 3.0, "confirmed"),
    ("monday-no-access", "operations", "dispatch-scheduler", "No access is a Monday problem",
     "Keys are with somebody who starts on Tuesday.", {"weekday": "Monday", "visit": "no access"}, 29, 0.58, 2.2, "candidate"),
    ("two-crews-one-roof", "operations", "dispatch-scheduler", "Two crews on one roof take longer than one",
     "Below 20,000 square feet they wait for each other.", {"crews": 2, "roof_sqft": "below 20,000"}, 17, 0.61, 1.5, "candidate"),
    ("overtime-hail", "operations", "dispatch-scheduler", "Ten days after hail, overtime doubles",
     "Inspections come first, repairs follow them.", {"event": "hail", "after_days": 10}, 12, 0.75, 2.6, "stale"),
    ("photo-evening", "ai", "inspection-reader", "Photos taken after four in the afternoon are read wrongly",
     "Long shadows look like open seams.", {"photo_hour": "after 16"}, 88, 0.69, 2.4, "confirmed"),
    ("short-question-drift", "ai", "inbox-triage", "Messages under ten words are routed twice",
     "They name no building and no invoice.", {"message_words": "under 10"}, 151, 0.57, 1.9, "candidate"),
    ("sure-and-wrong", "ai", "estimate-drafter", "Above ninety per cent certainty the drafter is no better than at eighty",
     "Its certainty follows the number of similar jobs, not how similar they are.", {"confidence": "above 0.9"},
     118, 0.72, 1.1, "candidate"),
    ("school-summer", "sales", "estimate-drafter", "Schools decide in the second week of May",
     "Before the board meets; whoever is late waits a year.", {"customer": "school", "month": "May"}, 33, 0.79, 3.8, "confirmed"),
    ("three-bids", "sales", "estimate-drafter", "With three bids asked for, the second visit wins",
     "Whoever walks the roof again before the decision takes it in four of six cases.", {"bids": 3, "visits": 2},
     41, 0.66, 2.3, "confirmed"),
    ("quick-answer", "sales", "inbox-triage", "Answered within an hour, a lead is won twice as often",
     "The effect is gone after half a day.", {"first_answer_minutes": "under 60"}, 187, 0.62, 2.0, "confirmed"),
    ("web-form-night", "sales", "inbox-triage", "Forms sent at night are emergencies in one case of five",
     "They do not say so.", {"sent_hour": "22 to 5"}, 57, 0.54, 2.7, "candidate"),
    ("discount-spiral", "sales", "estimate-drafter", "A first discount is followed by a second request",
     "In seven of ten cases within a year.", {"discount": "given once"}, 49, 0.7, 1.8, "stale"),
    ("manager-change", "customer", "customer-segmenter", "A new property manager asks for three bids",
     "Loyalty belongs to the person, not to the building.", {"contact": "changed", "within_days": 120},
     26, 0.77, 4.4, "confirmed"),
    ("quiet-then-gone", "customer", "customer-segmenter", "Nineteen months of silence and the customer is gone",
     "Until then one call in three brings them back.", {"months_without_job": 19}, 64, 0.81, 3.3, "confirmed"),
    ("warranty-happy", "customer", "customer-segmenter", "Who had a warranty repair recommends us more often",
     "If somebody came within three days.", {"job": "warranty", "days_to_visit": "up to 3"}, 22, 0.63, 1.7, "candidate"),
    ("morning-exports", "system", "invoice-auditor", "Lists are slow at seven, when everybody exports",
     "Four large exports in ten minutes.", {"hour": 7, "exports": "over 3"}, 31, 0.74, 2.1, "rejected"),
    ("forecast-outage", "system", "dispatch-scheduler", "The forecast service fails on the first of the month",
     "Its key is renewed then.", {"day_of_month": 1}, 6, 0.83, 6.0, "candidate"),
)  # fmt: skip


def patterns(world: World, agent_ids: dict[str, int]) -> dict[str, int]:
    """Write the patterns; returns their ids by key."""
    dice, judge = world.dice("patterns"), world.staff["Samir Haddad"]
    records: list[Record] = []
    for key, domain, agent, name, description, rule, cases, confidence, lift, status in PATTERNS:
        first = world.at - timedelta(days=dice.uniform(40, 300))
        last = world.at - timedelta(hours=dice.uniform(2, 200) if status != "stale" else dice.uniform(2000, 4000))
        judged = first + timedelta(days=dice.uniform(2, 20)) if status != "candidate" else None
        records.append({
            "key": key, "name": name, "domain": domain, "description": description, "expression": Jsonb(rule), "support": cases,
            "confidence": confidence, "lift": lift, "occurrences": cases + dice.randrange(cases // 2 + 1), "status": status,
            "agent_id": agent_ids[agent], "first_seen_at": min(first, last), "last_seen_at": last,
            "reviewed_by": judge if judged else None, "reviewed_at": judged, "created_at": min(first, last),
        })  # fmt: skip
    return {record["key"]: record["id"] for record in world.write("ai_patterns", records)}


# Kind, severity, who found it, the pattern it rests on, title, body. The rest comes from the record it is about.
Finding = tuple[str, str, str, str | None, str, str]
FINDINGS: dict[str, Finding] = {
    "overdue": ("risk", "high", "ar-follow-up", "second-reminder-pays", "{} is {} days past due and nobody has called",
                "Two reminders went out and were opened. Customers like this one pay once a person calls."),
    "unbilled": ("opportunity", "medium", "invoice-auditor", "po-missing-late", "{} was completed {} days ago and is not billed",
                 "The work is done and signed. Bill it before the month closes."),
    "silent": ("risk", "medium", "customer-segmenter", "quiet-then-gone", "{} has been silent for {} months",
               "Until the nineteenth month one call in three brings a customer back."),
    "viewed": ("opportunity", "medium", "estimate-drafter", "three-bids", "{} was opened {} days ago and not answered",
               "With three bids asked for, whoever walks the roof again wins. Offer a second visit."),
    "unreachable": ("data_quality", "low", "inbox-triage", None, "{} cannot be reached: no address, no number",
                    "Whoever is on site will not be able to call anybody. Ask the account manager."),
}  # fmt: skip
OWN: tuple[tuple[str, str, str, str | None, str, str, dict[str, Any]], ...] = (
    ("anomaly", "high", "inspection-reader", "photo-evening", "Twice as many doubtful photo sets as last week",
     "Most were taken after four in the afternoon, when shadows look like seams.", {"this_week": 31, "last_week": 14}),
    ("trend", "info", "dispatch-scheduler", "wind-reschedule", "Crane days are moved every fifth time this month",
     "The forecast is windier than last year; the limit of the board is kept.", {"moved": 9, "planned": 46}),
    ("recommendation", "medium", "estimate-drafter", "sure-and-wrong", "Show the drafter fewer similar jobs",
     "Above ninety per cent certainty it is no better than at eighty.", {"decisions": 118, "agreed_share": 0.81}),
    ("anomaly", "critical", "invoice-auditor", "over-limit-question", "Seven invoices of one day went out above their limit",
     "All of one project manager, all on the same afternoon. The limits were raised on paper only.", {"invoices": 7}),
    ("trend", "low", "inbox-triage", "quick-answer", "First answers have become faster",
     "The median is 38 minutes, down from 52 a month ago.", {"median_minutes": 38, "a_month_ago": 52}),
    ("recommendation", "low", "ar-follow-up", "promise-kept", "Ask for the date of payment on the telephone",
     "Promises made on the telephone are kept more often than those in writing.", {"by_phone": 0.74, "by_mail": 0.58}),
)  # fmt: skip
DISMISSALS = ("Known, and agreed with the customer.", "Not worth the call.", "Somebody is on it already.")
SUBJECT_QUERIES: tuple[tuple[str, str, str], ...] = (
    ("overdue", "invoices",
     "SELECT id, number, %(today)s::date - due_date, balance FROM invoices WHERE tenant_id = %(tenant)s AND status = 'open'"
     " AND kind = 'invoice' AND due_date BETWEEN %(today)s::date - 160 AND %(today)s::date - 30"
     " ORDER BY balance DESC, id LIMIT 26"),
    ("unbilled", "jobs",
     "SELECT id, number, %(today)s::date - completed_at::date, contract_value + approved_changes - billed_total FROM jobs"
     " WHERE tenant_id = %(tenant)s AND is_billable AND status IN ('completed', 'authorized') AND completed_at < %(at)s"
     " ORDER BY completed_at DESC, id LIMIT 18"),
    ("silent", "customers",
     "SELECT c.id, c.name, (%(today)s::date - max(j.requested_at)::date) / 30, round(c.lifetime_revenue / 4, 2)"
     " FROM customers c JOIN jobs j ON j.customer_id = c.id WHERE c.tenant_id = %(tenant)s AND c.status = 'active'"
     " GROUP BY c.id HAVING max(j.requested_at) < %(at)s - interval '150 days' ORDER BY c.lifetime_revenue DESC, c.id LIMIT 16"),
    ("viewed", "estimates",
     "SELECT id, number, %(today)s::date - coalesce(viewed_at, sent_at)::date, total FROM estimates"
     " WHERE tenant_id = %(tenant)s AND status IN ('sent', 'viewed') ORDER BY total DESC, id LIMIT 18"),
    ("unreachable", "customers",
     "SELECT id, name, 0, NULL::numeric FROM customers c WHERE tenant_id = %(tenant)s AND email IS NULL AND phone_e164 IS NULL"
     " AND NOT EXISTS (SELECT FROM contacts k WHERE k.customer_id = c.id AND (k.email IS NOT NULL OR k.phone_e164 IS NOT NULL))"
     " ORDER BY id LIMIT 12"),
)  # fmt: skip
STANDING = {"new": 30, "acknowledged": 16, "in_progress": 14, "actioned": 26, "dismissed": 10, "expired": 4}


def insights(world: World, agent_ids: dict[str, int], pattern_ids: dict[str, int]) -> None:
    """What was found about which record, what is at stake, who has it and what came of it."""
    dice = world.dice("insights")
    foreseen = {(table, key): number for number, table, key in world.rows(
        "SELECT id, subject_type, subject_id FROM ai_predictions WHERE tenant_id = %s AND subject_id IS NOT NULL ORDER BY id",
        world.tenant_id)}  # fmt: skip
    desks = [
        world.staff[name]
        for name in ("Grace Okafor", "Owen Prescott", "Dana Whitfield", "Samir Haddad", "Bianca Reyes")
    ]
    done = world.rows(
        "SELECT id FROM user_tasks WHERE tenant_id = %s AND source = 'ai' ORDER BY id LIMIT 60", world.tenant_id
    )
    tasks = [row[0] for row in done]
    records: list[Record] = []
    for finding, about, told, worth in _found(world):
        kind, severity, agent, pattern, title, body, evidence = finding
        status = dice.choices(list(STANDING), list(STANDING.values()))[0]
        age = dice.uniform(0.1, 6) if status == "new" else dice.uniform(2, 70)
        at = world.at - timedelta(days=age)
        taken = status in ("acknowledged", "in_progress", "actioned", "dismissed") or dice.random() < 0.3
        task = tasks.pop() if tasks and status in ("in_progress", "actioned") and dice.random() < 0.6 else None
        records.append({
            "agent_id": agent_ids[agent], "kind": kind, "severity": severity, "title": title, "body": body,
            "evidence": Jsonb(evidence), "impact_amount": worth if worth and worth > 0 else None,
            "currency": "USD" if worth and worth > 0 else None, "confidence": round(dice.uniform(0.55, 0.95), 4),
            "pattern_id": pattern_ids[pattern] if pattern else None,
            "prediction_id": foreseen.get(about) if about else None, "dedupe_key": told,
            "status": status, "assignee_id": dice.choice(desks) if taken else None, "actioned_task_id": task,
            "dismiss_reason": dice.choice(DISMISSALS) if status == "dismissed" else None,
            "expires_at": at + timedelta(days=1.5 if status == "expired" else 90)
            if status == "expired" or dice.random() < 0.5 else None,
            "subject_type": about[0] if about else None, "subject_id": about[1] if about else None, "created_at": at,
        })  # fmt: skip
    records.sort(key=lambda each: each["created_at"])
    world.write("ai_insights", records)


Told = tuple[tuple[str, str, str, str | None, str, str, dict[str, Any]], tuple[str, int] | None, str, Decimal | None]


def _found(world: World) -> Iterator[Told]:
    """Each finding with its record, the key that keeps it from being reported twice, and the money at stake."""
    values = {"tenant": world.tenant_id, "today": world.local().date(), "at": world.at}
    for name, table, query in SUBJECT_QUERIES:
        kind, severity, agent, pattern, title, body = FINDINGS[name]
        for key, label, days, worth in world.connection.execute(query, values).fetchall():
            graver = "critical" if severity == "high" and worth and worth > 15_000 else severity
            evidence = {"days": days} if days else {"searched": "customer and contacts"}
            yield (
                (kind, graver, agent, pattern, title.format(label, days), body, evidence),
                (table, key),
                f"{name}/{key}",
                worth,
            )
    for place, (kind, severity, agent, pattern, title, body, evidence) in enumerate(OWN):
        yield (kind, severity, agent, pattern, title, body, evidence), None, f"own/{place}", None


def findings(world: World, agent_ids: dict[str, int]) -> None:
    """Patterns first, then what is foreseen, then what is pointed out because of both."""
    world.chapter("findings", "Demonstration company: what the agents noticed, foresee and point out")
    known = patterns(world, agent_ids)
    predictions(world, agent_ids)
    insights(world, agent_ids, known)
