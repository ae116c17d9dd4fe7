"""Experiments: two or more ways of doing the same thing, shown at random, measured until one is better or none is."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, text
from sqlalchemy.orm import Mapped

from app.engine.fields import (
    BULK,
    CREATE,
    FORM,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Json,
    Moment,
    Percent,
    Quantity,
    Reference,
    Tags,
    Text,
)
from app.engine.records import (
    Archivable,
    Authored,
    Record,
    Standard,
    choice,
    integer,
    json_,
    moment,
    number,
    percent,
    ref,
    text_,
    texts,
)
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import phrases

SRM_LIMIT = Decimal("0.001")
"""Below this the visitors were not split as planned, and whatever was measured may come from that."""


class AbTest(Record, Standard, Authored, Archivable):
    __tablename__ = "ab_tests"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    hypothesis: Mapped[str] = text_()
    surface: Mapped[str] = choice("landing_page", "email", "sms", "estimate", "ai_prompt", "console")
    status: Mapped[str] = choice("draft", "running", "paused", "stopped", "concluded", default="draft")
    variants: Mapped[Any] = json_()
    traffic_pct: Mapped[Decimal] = percent("100")
    unit: Mapped[str] = choice("anonymous_id", "lead", "customer", "app_user", "decision", default="anonymous_id")
    salt: Mapped[str] = text_()
    primary_metric: Mapped[str] = text_()
    metric_kind: Mapped[str] = choice("proportion", "mean", default="proportion")
    guardrail_metrics: Mapped[list[str]] = texts()
    mde_pct: Mapped[Decimal | None] = number(7, 4)
    alpha: Mapped[Decimal] = number(5, 4, "0.05")
    power: Mapped[Decimal] = number(5, 4, "0.8")
    min_sample_per_variant: Mapped[int] = integer("100")
    planned_days: Mapped[int] = integer("14")
    owner_id: Mapped[int | None] = ref("app_users", "N")
    started_at: Mapped[datetime | None] = moment()
    stopped_at: Mapped[datetime | None] = moment()
    winner: Mapped[str | None] = text_()
    decision: Mapped[str | None] = choice("ship", "rollback", "iterate", "inconclusive")
    conclusion: Mapped[str | None] = text_()


LIVE = AbTest.status.in_(("running", "paused"))
PLANNED_END = AbTest.started_at + func.make_interval(0, 0, 0, AbTest.planned_days)


def arms() -> ColumnElement[str]:
    return phrases(AbTest.__table__.c.variants, "{key}: {name}, {weight} %")


def days_run() -> ColumnElement[Any]:
    """Full days from the start to the stop, or to now."""
    until = func.coalesce(AbTest.stopped_at, func.now())
    return func.floor(func.extract("epoch", until - AbTest.started_at) / 86400)


def names(variants: Any) -> list[str]:
    """The keys of the variants, as far as they are written the way they should be."""
    if not isinstance(variants, list):
        return []
    return [each["key"] for each in variants if isinstance(each, Mapping) and isinstance(each.get("key"), str)]


# -- what has to be so ------------------------------------------------------------------------------------------------


def well_planned(moving: Moving) -> str | None:
    """What is measured and how it is split is settled before the first visitor comes."""
    variants = moving.record["variants"]
    keys = names(variants)
    if len(keys) != len(variants) or len(set(keys)) != len(keys):
        return "Give every variant a key of its own."
    shares = [each.get("weight") for each in variants]
    if not all(isinstance(share, int | float) and share > 0 for share in shares) or round(sum(shares), 4) != 100:
        return "The weights of the variants add up to 100."
    if (moving.asked.get("owner_id") or moving.record["owner_id"]) is None:
        return "Name an owner first: somebody has to read the result."
    return None


_LATEST = text("""
SELECT bool_and(enough_data) AS enough, min(srm_p) AS srm FROM ab_test_results
WHERE ab_test_id = :test AND metric = :metric AND as_of = (
    SELECT max(as_of) FROM ab_test_results WHERE ab_test_id = :test AND metric = :metric)
""")


def bears_a_verdict(moving: Moving) -> str | None:
    """Nothing is shipped or rolled back on a split that went wrong, too few cases, or before the planned days are over."""
    test, verdict = moving.record, moving.asked.get("decision")
    if verdict not in ("ship", "rollback"):
        return None
    latest = moving.connection.execute(_LATEST, {"test": test["id"], "metric": test["primary_metric"]}).one()
    if latest.enough is None:
        return "There are no results yet; only “iterate” or “inconclusive” can be concluded."
    if latest.srm is not None and latest.srm < SRM_LIMIT:
        return "The visitors were not split as planned (sample ratio), so the numbers prove nothing."
    if test["stopped_at"] - test["started_at"] < timedelta(days=test["planned_days"]):
        return f"It ran less than the {test['planned_days']} days planned; it proves nothing yet."
    return None if latest.enough else "A variant has too few cases; only “iterate” or “inconclusive” can be concluded."


def names_a_winner(moving: Moving) -> str | None:
    winner, keys = moving.asked.get("winner"), names(moving.record["variants"])
    if moving.asked.get("decision") == "ship" and not winner:
        return "Say which variant is shipped."
    if winner and winner not in keys:
        return f"Choose one of the variants: {', '.join(keys)}."
    return None


def started(moving: Moving) -> Mapping[str, Any]:
    return {"started_at": moving.record["started_at"] or moving.at}


def stopped(moving: Moving) -> Mapping[str, Any]:
    return {"stopped_at": moving.at}


_DESIGN = (
    "surface", "variants", "traffic_pct", "unit", "salt", "primary_metric", "metric_kind", "guardrail_metrics", "mde_pct",
    "alpha", "power", "min_sample_per_variant", "planned_days", "hypothesis",
)  # fmt: skip

lifecycle = Lifecycle(
    field="status",
    initial="draft",
    stages=("draft", "running", "stopped", "concluded"),
    frozen={"running": _DESIGN, "paused": _DESIGN, "stopped": _DESIGN, "concluded": ("*",)},
    why_frozen="What was planned is what is measured; make another experiment to change it.",
    transitions=(
        Transition(
            "start", "Start experiment", ("draft",), "running", "abtests.start", guards=(well_planned,), effects=(started,),
            asks=("owner_id",), done="started",
        ),
        Transition("pause", "Pause experiment", ("running",), "paused", "abtests.stop", reason=True, done="paused"),
        Transition("resume", "Resume experiment", ("paused",), "running", "abtests.start", done="resumed"),
        Transition(
            "stop", "Stop experiment", ("running", "paused"), "stopped", "abtests.stop", effects=(stopped,), danger=True,
            done="stopped",
        ),
        Transition(
            "conclude", "Conclude experiment", ("stopped",), "concluded", "abtests.conclude",
            guards=(names_a_winner, bears_a_verdict), asks=("decision", "winner", "conclusion"),
            requires=("decision", "conclusion"), done="concluded",
        ),
    ),
)  # fmt: skip

ab_tests = Resource(
    AbTest,
    title="name",
    code="key",
    label="Experiments",
    singular="experiment",
    icon="merge",
    nav=("Monitoring", 50),
    about="Two or more ways of doing the same thing, shown at random, measured as planned before anyone looked.",
    area="abtests",
    search=("name", "key"),
    sort="-created_at",
    lifecycle=lifecycle,
    scopes={
        "Running": AbTest.status == "running",
        "Ready for a verdict": (AbTest.status == "stopped") | (LIVE & (func.now() >= PLANNED_END)),
        "Shipped": AbTest.decision == "ship",
        "Came to nothing": AbTest.decision.in_(("inconclusive", "rollback")),
    },
    facts=("surface", "primary_metric", "days", "planned_days", "owner_id", "started_at", "winner", "decision"),
    related=(
        Related(
            "ab_test_results", via="ab_test_id", label="Results by day", sort="-as_of",
            fields=("as_of", "metric", "exposures", "conversions", "rate", "uplift_pct", "p_value", "chance_to_beat"),
        ),
        Related(
            "analytics_events", via="ab_test_id", label="Events", sort="-occurred_at",
            fields=("occurred_at", "name", "ab_variant", "path", "value"),
        ),
        Related(
            "ai_improvement_cycles", via="ab_test_id", label="Learning cycles it decides", sort="-created_at",
            fields=("title", "status", "baseline_value", "result_value", "conclusion"),
        ),
    ),
    defaults={"salt": lambda _actor: secrets.token_hex(6), "owner_id": lambda actor: actor.app_user_id},
    sentences={
        "uq_ab_tests_tenant_id_key": ("key", "Another experiment has this key already."),
        "ck_ab_tests_variants": ("variants", "Give at least two variants, as a list."),
        "ck_ab_tests_alpha": ("alpha", "The error rate lies between 0 and 0.5, the power between 0.5 and 1."),
        "ck_ab_tests_concluded": ("decision", "Say what was decided."),
    },
    fields=(
        Text("name", label="Experiment", required=True, longest=200, edit=INLINE, width="l"),
        Code("key", edit=CREATE, list=False, help="A short name for programs. It stays as given."),
        Choice(
            "surface", label="Where", edit=FORM, filter=True,
            labels={"sms": "SMS", "ai_prompt": "AI prompt", "email": "E-mail"},
        ),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={
                "draft": "mute draft", "running": "accent prog", "paused": "warn pause", "stopped": "info part",
                "concluded": "ok done",
            },
        ),
        Count("days", label="Days run", edit=NEVER, sort=False, expr=days_run),
        Count("planned_days", label="Days planned", least=1, most=365, filter=True),
        Code(
            "primary_metric", label="Measured by", edit=FORM, filter=True,
            help="The figure it is decided by, like lead.submitted.",
        ),
        Choice(
            "decision", label="Verdict", edit=NEVER, filter=True,
            tones={"ship": "ok done", "rollback": "danger off", "iterate": "info prog", "inconclusive": "mute open"},
        ),
        Code("winner", edit=NEVER),
        Reference("owner_id", label="Owner", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Moment("started_at", label="Started", edit=NEVER, filter=True, list=False),
        Moment("stopped_at", label="Stopped", edit=NEVER, filter=True, list=False),
        Text("hypothesis", long=True, required=True, list=False, help="What is expected to happen, and why."),
        Text("conclusion", long=True, edit=NEVER, list=False),
        Text(
            "arms", label="Variants", long=True, edit=NEVER, list=False, sort=False,
            group="Design", expr=arms,
        ),
        Json(
            "variants", label="Variants as data", edit=FORM, required=True, group="Design",
            help='The first is the control, like [{"key": "A", "name": "As it is", "weight": 50}, …]; weights add up to 100.',
        ),
        Choice(
            "unit", label="Split by", list=False, filter=True, group="Design",
            labels={"app_user": "Member of staff", "anonymous_id": "Visitor"},
        ),
        Percent("traffic_pct", label="Share of visitors", list=False, group="Design"),
        Choice(
            "metric_kind", label="Kind of figure", list=False, group="Design",
            labels={"proportion": "Share", "mean": "Average"},
        ),
        Tags("guardrail_metrics", label="Must not get worse", list=False, group="Design"),
        Code(
            "salt", edit=CREATE, list=False, group="Design",
            help="Decides with the visitor who sees what; never changed.",
        ),
        Percent("mde_pct", label="Smallest uplift worth finding", list=False, group="Certainty"),
        Quantity("alpha", label="Error rate", places=4, least=0, most=1, list=False, group="Certainty"),
        Quantity("power", places=4, least=0, most=1, list=False, group="Certainty"),
        Count("min_sample_per_variant", label="Cases a variant at least", least=1, list=False, group="Certainty"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
        Reference(
            "created_by", label="Made by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
    ),
)  # fmt: skip
