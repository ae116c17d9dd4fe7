"""Experiments and what visitors, customers and staff did: every result is counted from the events that are there.

Ten experiments: running, paused, stopped with a broken split, concluded in each way, and one still a draft. Around them
the ordinary events of three months: forms sent, screens opened, and answers to how likely somebody is to recommend us.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from app.demo.company import of_kind
from app.demo.world import Record, World
from app.domains.analytics.rollups import AGENTS_BY_DAY, MODELS_BY_HOUR, values
from app.domains.analytics.significance import Arm, compare, sample_ratio


@dataclass(frozen=True)
class Trial:
    """One experiment: its arms with how often each converts, when it began, for how long, and how it ended."""

    key: str
    name: str
    hypothesis: str
    surface: str
    unit: str
    metric: str
    path: str | None
    arms: tuple[tuple[str, str, float, float], ...]
    """Key, name, share of the visitors (per cent), and the rate at which they do what is hoped for."""
    ago: int
    days: int
    daily: int
    status: str
    owner: str = "Tara McAllister"
    decision: str | None = None
    winner: str | None = None
    conclusion: str | None = None
    skew: float = 0.0
    """By how much the first arm got more visitors than planned, a fault in the splitting."""


TRIALS: tuple[Trial, ...] = (
    Trial("leak-form-short", "Three questions instead of nine", "Whoever has water coming in answers three questions, not nine.",
          "landing_page", "anonymous_id", "lead.submitted", "/leak-repair",
          (("A", "Nine questions", 50, 0.10), ("B", "Three questions", 50, 0.19)), 84, 28, 18, "concluded",
          decision="ship", winner="B", conclusion="Nearly twice as many send the short form, and as many of them are won."),
    Trial("phone-on-top", "Telephone number at the top", "Emergencies call; a number they see at once is called.",
          "landing_page", "anonymous_id", "call.started", "/emergency",
          (("A", "At the foot", 50, 0.14), ("B", "At the top", 50, 0.15)), 66, 21, 14, "concluded",
          decision="inconclusive", conclusion="No difference that could be told from chance."),
    Trial("reminder-thanks", "Thank for the last payment", "A reminder that thanks first is answered sooner.",
          "email", "customer", "reminder.answered", None,
          (("A", "Plain", 50, 0.34), ("B", "With thanks", 50, 0.32)), 90, 21, 12, "concluded", owner="Grace Okafor",
          decision="rollback", winner="A", conclusion="Nobody paid sooner; the plain text is back."),
    Trial("estimate-options", "Two alternatives in every estimate", "Choosing between two is easier than between yes and no.",
          "estimate", "customer", "estimate.accepted", None,
          (("A", "One price", 50, 0.24), ("B", "Two alternatives", 50, 0.30)), 74, 42, 6, "concluded", owner="Wes Lindqvist",
          decision="iterate", conclusion="Too little difference for so few estimates; a third alternative is tried next."),
    Trial("spring-headline", "Promise a date in the headline", "“Dry by Friday” is clearer than “trusted since 1988”.",
          "landing_page", "anonymous_id", "lead.submitted", "/spring-inspection",
          (("A", "Trusted since 1988", 50, 0.09), ("B", "Dry by Friday", 50, 0.13)), 24, 28, 17, "running"),
    Trial("sms-window", "Say the hour, not the half day", "Whoever knows the hour is at home.",
          "sms", "customer", "visit.kept", None,
          (("A", "Morning", 50, 0.81), ("B", "Between 9 and 10", 50, 0.90)), 16, 21, 12, "running", owner="Luis Cordova"),
    Trial("prompt-nearest-crew", "Name the nearest crew first", "The nearest crew is what people choose anyway.",
          "ai_prompt", "decision", "decision.agreed", None,
          (("A", "As it was", 50, 0.84), ("B", "Nearest first", 50, 0.89)), 12, 21, 15, "running", owner="Samir Haddad"),
    Trial("prompt-building-first", "Name the building before the matter", "Who knows the building knows the desk.",
          "ai_prompt", "decision", "decision.agreed", None,
          (("A", "Matter first", 50, 0.82), ("B", "Building first", 50, 0.90)), 58, 14, 20, "paused", owner="Samir Haddad"),
    Trial("quote-video", "A film of the roof in the estimate", "Seen is believed.",
          "estimate", "customer", "estimate.accepted", None,
          (("A", "Photos", 50, 0.26), ("B", "Film", 50, 0.31)), 30, 21, 9, "stopped", owner="Wes Lindqvist", skew=0.45),
    Trial("three-options", "Three alternatives in every estimate", "If two help, three may help more.",
          "estimate", "customer", "estimate.accepted", None,
          (("A", "One price", 34, 0.24), ("B", "Two alternatives", 33, 0.3), ("C", "Three alternatives", 33, 0.3)), 0, 42, 0,
          "draft", owner="Wes Lindqvist"),
)  # fmt: skip
SOURCES = {
    "landing_page": "landing_page",
    "email": "system",
    "sms": "system",
    "estimate": "public_site",
    "ai_prompt": "agent",
}
BROWSERS = ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X)", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_2)", "Mozilla/5.0 (Linux; Android 16)")  # fmt: skip
REFERRERS = ("https://www.google.com/", "https://www.bing.com/", "https://maps.google.com/", None, None)
SCREENS = ("/", "/crm/customers", "/crm/invoices?scope=Overdue", "/crm/jobs", "/crm/job_visits", "/ai/ai_decision_logs",
           "/crm/leads", "/tasks/user_tasks?scope=Mine+today", "/health")  # fmt: skip
LEAST = 80
GUARDED = {"leak-form-short": ("page.left",), "spring-headline": ("page.left",)}


class Log:
    """Events as they come in, each with an id of its own that the same seed gives again."""

    def __init__(self, world: World) -> None:
        self.world, self.dice = world, world.dice("events")
        self.records: list[Record] = []

    def add(self, name: str, source: str, at: datetime, **more: Any) -> None:
        self.records.append({
            "event_uuid": uuid.UUID(int=self.dice.getrandbits(128), version=4), "name": name, "source": source,
            "occurred_at": at, "app_user_id": None, "customer_id": None, "lead_id": None, "anonymous_id": None, "path": None,
            "referrer": None, "utm": None, "props": Jsonb({}), "value": None, "ab_test_id": None, "ab_variant": None,
            "ip_hash": None, "user_agent": None, "created_at": at, **more,
        })  # fmt: skip

    def visitor(self) -> Record:
        """Somebody on the public pages, known by nothing but a number."""
        dice = self.dice
        return {
            "anonymous_id": f"v{dice.getrandbits(48):012x}", "referrer": dice.choice(REFERRERS),
            "user_agent": dice.choice(BROWSERS), "ip_hash": dice.getrandbits(128).to_bytes(16),
            "utm": Jsonb({"source": "google", "medium": "cpc"}) if dice.random() < 0.3 else None,
        }  # fmt: skip


def experiments(world: World) -> dict[str, int]:
    """Write the experiments; returns their ids by key."""
    world.chapter("experiments", "Demonstration company: experiments")
    dice = world.dice("experiments")
    records: list[Record] = []
    for trial in TRIALS:
        began = world.local(-trial.ago, 8, 30) if trial.status != "draft" else None
        over = trial.status in ("stopped", "concluded")
        records.append({
            "key": trial.key, "name": trial.name, "hypothesis": trial.hypothesis, "surface": trial.surface,
            "status": trial.status, "unit": trial.unit, "salt": f"{dice.getrandbits(48):012x}",
            "variants": Jsonb([{"key": key, "name": name, "weight": weight} for key, name, weight, _rate in trial.arms]),
            "primary_metric": trial.metric, "guardrail_metrics": list(GUARDED.get(trial.key, ())),
            "mde_pct": 20, "min_sample_per_variant": LEAST, "planned_days": trial.days, "owner_id": world.staff[trial.owner],
            "started_at": began, "stopped_at": began + timedelta(days=trial.days, hours=1) if began and over else None,
            "winner": trial.winner, "decision": trial.decision, "conclusion": trial.conclusion,
            "created_by": world.staff[trial.owner],
            "created_at": (began or world.at - timedelta(days=2)) - timedelta(days=3, minutes=len(records)),
        })  # fmt: skip
    return {record["key"]: record["id"] for record in world.write("ab_tests", records)}


def events(world: World, test_ids: dict[str, int]) -> None:
    """What happened in the experiments and beside them, then the results of each day counted from it."""
    log = Log(world)
    customers = [row[0] for row in world.rows(
        "SELECT id FROM customers WHERE tenant_id = %s ORDER BY id LIMIT 700", world.tenant_id)]  # fmt: skip
    results = [each for trial in TRIALS for each in _trial(log, trial, test_ids[trial.key], customers)]
    _everyday(log, customers)
    log.records.sort(key=lambda each: each["occurred_at"])
    world.write("analytics_events", log.records)
    results.sort(key=lambda each: (each["as_of"], each["ab_test_id"], each["metric"], each["variant"]))
    world.write("ab_test_results", results)


def _trial(log: Log, trial: Trial, test: int, customers: list[int]) -> list[Record]:
    """Day by day: who was shown what and who did it; and at the end of each day what that came to so far."""
    world, dice = log.world, log.dice
    seen: Counter[str] = Counter()
    did: Counter[tuple[str, str]] = Counter()
    results: list[Record] = []
    if trial.status == "draft":
        return results
    shares = [
        weight + (trial.skew * 100 if place == 0 else 0)
        for place, (_key, _name, weight, _rate) in enumerate(trial.arms)
    ]
    metrics = (trial.metric, *GUARDED.get(trial.key, ()))
    for passed in range(min(trial.days, trial.ago + 1)):
        day = world.local(passed - trial.ago, 0)
        for _ in range(round(trial.daily * dice.uniform(0.7, 1.3))):
            at = day + timedelta(hours=dice.triangular(7, 22, 13))
            if at >= world.at:
                continue
            key, _name, _weight, rate = dice.choices(trial.arms, shares)[0]
            who = _who(log, trial, customers, dice)
            common = {"ab_test_id": test, "ab_variant": key, "path": trial.path, **who}
            log.add("experiment.shown", SOURCES[trial.surface], at, **common)
            seen[key] += 1
            for metric, likely in zip(metrics, (rate, 0.42), strict=False):
                if dice.random() < likely:
                    later = min(at + timedelta(minutes=dice.uniform(0.5, 40)), world.at)
                    log.add(metric, SOURCES[trial.surface], later, **common)
                    did[key, metric] += 1
        last = passed == min(trial.days, trial.ago + 1) - 1 and trial.status in ("stopped", "concluded")
        results += _standing(trial, test, day.date(), seen, did, metrics, last, world)
    return results


def _who(log: Log, trial: Trial, customers: list[int], dice: random.Random) -> Record:
    if trial.unit == "anonymous_id":
        return log.visitor()
    if trial.unit == "customer" and customers:
        return {"customer_id": dice.choice(customers)}
    return {}


def _standing(
    trial: Trial, test: int, day: date, seen: Counter[str], did: Counter[tuple[str, str]], metrics: tuple[str, ...],
    last: bool, world: World,
) -> list[Record]:  # fmt: skip
    """The count at the end of a day, every variant against the first."""
    keys = [key for key, *_ in trial.arms]
    srm = sample_ratio([seen[key] for key in keys], [weight for _key, _name, weight, _rate in trial.arms])
    rows: list[Record] = []
    for metric in metrics:
        arms = {key: Arm(seen[key], did[key, metric]) for key in keys}
        enough = all(arm.enough(LEAST) for arm in arms.values())
        for place, key in enumerate(keys):
            arm, told = arms[key], compare(arms[keys[0]], arms[key]) if place else None
            rows.append({
                "ab_test_id": test, "variant": key, "metric": metric, "as_of": day, "is_control": place == 0,
                "exposures": arm.exposures, "conversions": arm.conversions, "mean": round(arm.mean, 8),
                "std_error": round(arm.standard_error, 8), "uplift_pct": told.uplift_pct if told else None,
                "ci_low": told.ci_low if told else None, "ci_high": told.ci_high if told else None,
                "p_value": told.p_value if told else None, "chance_to_beat": told.chance_to_beat if told else None,
                "srm_p": srm, "enough_data": enough, "is_final": last,
                "created_at": min(datetime.combine(day, time(23, 55), world.zone), world.at),
            })  # fmt: skip
    return rows


def _everyday(log: Log, customers: list[int]) -> None:
    """Forms sent by the leads that came through the web, screens the staff opened this month, and how customers rated us."""
    world, dice = log.world, log.dice
    for lead, at in world.rows(
        "SELECT id, created_at FROM leads WHERE tenant_id = %s AND source IN ('web_form', 'landing_page', 'google_ads')"
        " AND created_at BETWEEN %s AND %s ORDER BY created_at DESC, id LIMIT 120",
        world.tenant_id, world.at - timedelta(days=90), world.at,
    ):  # fmt: skip
        log.add("lead.submitted", "public_site", at, lead_id=lead, path="/contact", **log.visitor())
    people = of_kind(world, "office", "sales", "estimator", "project_manager")
    for _ in range(300):
        at = world.at - timedelta(days=30 * dice.random() ** 1.4)
        log.add("screen.opened", "console", at, app_user_id=dice.choice(people), path=dice.choice(SCREENS),
                value=dice.randrange(40, 900), props=Jsonb({"unit": "ms"}))  # fmt: skip
    for customer in dice.sample(customers, min(90, len(customers))):
        rating = dice.choices((10, 9, 8, 7, 6, 4, 2), (34, 24, 18, 10, 6, 5, 3))[0]
        at = world.at - timedelta(days=dice.uniform(0.2, 88))
        log.add("nps.answered", "public_site", at, customer_id=customer, value=rating, path="/how-did-we-do")


def performance(world: World) -> None:
    """Two weeks of models by the hour and three months of agents by the day, rolled up the way the worker does it."""
    run = world.connection.execute
    run(MODELS_BY_HOUR, values(world.tenant_id, str(world.zone), world.local(-14, 0)))
    run(AGENTS_BY_DAY, values(world.tenant_id, str(world.zone), world.local(-90, 0)))
    world.touched |= {"ai_performance", "agent_performance"}
