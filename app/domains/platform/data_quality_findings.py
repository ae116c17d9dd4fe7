"""Data problems: what the rules found wrong in the records, what would put it right, and who did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, func, literal, select, true
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.access import Actor
from app.engine.fields import NEVER, Choice, Code, Json, Link, Moment, Money, Reference, SubjectLink, Text
from app.engine.quality.own import PREFIX
from app.engine.quality.rules import titles
from app.engine.records import Record, Standard, Subject, bigint, choice, code, json_, moment, money, ref, text_
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs


class DataQualityFinding(Record, Standard, Subject):
    __tablename__ = "data_quality_findings"
    rule_key: Mapped[str] = text_()
    severity: Mapped[str] = choice("info", "warn", "critical", default="warn")
    details: Mapped[dict[str, Any]] = json_("{}")
    suggested_fix: Mapped[str | None] = text_()
    status: Mapped[str] = choice("open", "fixed", "ignored", "auto_resolved", default="open")
    first_seen_at: Mapped[datetime] = moment("now()")
    last_seen_at: Mapped[datetime] = moment("now()")
    fixed_by: Mapped[int | None] = ref("app_users", "N")
    fixed_at: Mapped[datetime | None] = moment()
    # The change set that put it right; the ledger is the database's own and no table declared here.
    fix_audit_id: Mapped[int | None] = bigint()
    ignored_until: Mapped[datetime | None] = moment()
    ignore_reason: Mapped[str | None] = text_()
    amount: Mapped[Decimal | None] = money()
    currency: Mapped[str | None] = code(3)
    note: Mapped[str | None] = text_()


OPEN = DataQualityFinding.status == "open"


def problem() -> ColumnElement[Any]:
    """How the rule reads: in the words it was declared with, or those of whoever made it on the screen."""
    own = db.metadata.tables["quality_rules"].c
    made = (
        select(own.title)
        .where(literal(PREFIX) + cast(own.id, String) == DataQualityFinding.rule_key)
        .correlate(DataQualityFinding.__table__)
        .scalar_subquery()
    )
    words = {key: literal(title) for key, title in titles().items()}
    key = DataQualityFinding.rule_key
    return case(words, value=key, else_=func.coalesce(made, key)) if words else func.coalesce(made, key)


def seen(actor: Actor) -> ColumnElement[bool]:
    """A rule made on the screen may ask for fields not everyone sees, and whom it accuses would tell what stands in them.

    Here its problems are seen by who makes rules; the queues show them to whoever could ask for that list themselves.
    """
    return true() if actor.may("dq.rules") else DataQualityFinding.rule_key.not_like(f"{PREFIX}%")


def an_end_ahead(moving: Moving) -> str | None:
    until = moving.asked.get("ignored_until")
    return "Choose a moment that lies ahead, or leave it blank." if until and until <= moving.at else None


def fixed(moving: Moving) -> Mapping[str, Any]:
    return {"fixed_by": moving.actor.app_user_id, "fixed_at": moving.at}


def found_again(moving: Moving) -> Mapping[str, Any]:
    return {
        "fixed_by": None, "fixed_at": None, "fix_audit_id": None, "ignored_until": None, "ignore_reason": None,
        "last_seen_at": moving.at,
    }  # fmt: skip


data_quality_findings = Resource(
    DataQualityFinding,
    title="problem",
    label="Data problems",
    singular="data problem",
    icon="broom",
    about="What the nightly rules found wrong: in which record, how grave, what would put it right, and who did.",
    area="dq",
    by_subject=True,
    seen=seen,
    read_only="A rule finds a problem and notices when it is gone; mark it as fixed, or ignore it with a reason.",
    search=("rule_key", "suggested_fix"),
    sort="-last_seen_at",
    opens="Open",
    scopes={
        "Open": OPEN,
        "Critical": and_(OPEN, DataQualityFinding.severity == "critical"),
        "Money": and_(OPEN, DataQualityFinding.amount.is_not(None)),
        "New this week": and_(OPEN, DataQualityFinding.first_seen_at >= func.now() - func.make_interval(0, 0, 1)),
        "Ignored": DataQualityFinding.status == "ignored",
        "Fixed": DataQualityFinding.status.in_(("fixed", "auto_resolved")),
    },
    facts=("rule_key", "severity", "subject_id", "first_seen_at", "last_seen_at", "fixed_by", "fixed_at", "ignored_until"),
    lifecycle=Lifecycle(
        "status",
        initial="open",
        stages=("open", "fixed"),
        transitions=(
            Transition(
                "fix", "Mark as fixed", ("open", "ignored"), "fixed", "dq.fix", effects=(fixed,), done="marked as fixed",
            ),
            Transition(
                "ignore", "Ignore", ("open",), "ignored", "dq.ignore", asks=("ignore_reason", "ignored_until"),
                requires=("ignore_reason",), guards=(an_end_ahead,), done="ignored",
            ),
            Transition(
                "reopen", "Reopen", ("fixed", "ignored", "auto_resolved"), "open", "dq.fix", effects=(found_again,),
                done="reopened",
            ),
            Transition(
                "resolve", "Note that it is gone", ("open", "ignored"), "auto_resolved", "dq.resolve", by_system=True,
                done="found to be gone",
            ),
        ),
    ),
    sentences={
        "uq_data_quality_findings_rule_key_subject_type_subject_id": (
            "rule_key", "The same problem of this record is open already.",
        ),
        "ck_data_quality_findings_ignored": ("ignore_reason", "Say why it may stay as it is."),
    },
    fields=(
        Text(
            "problem", edit=NEVER, width="l", expr=problem,
        ),
        SubjectLink("subject_id", label="In"),
        Choice(
            "severity", edit=NEVER, filter=True, width="s", labels={"warn": "Warning"},
            tones={"info": "mute dot", "warn": "warn warn", "critical": "danger fail"},
        ),
        Choice(
            "status", edit=NEVER, filter=True, width="s", labels={"auto_resolved": "Gone by itself"},
            tones={"open": "info open", "fixed": "ok done", "ignored": "mute off", "auto_resolved": "ok dot"},
        ),
        Text("suggested_fix", label="What would put it right", edit=NEVER, width="l"),
        Moment("first_seen_at", label="First seen", edit=NEVER, filter=True),
        Moment("last_seen_at", label="Last seen", edit=NEVER, filter=True),
        Code("rule_key", label="Rule", edit=NEVER, filter=True, width="xs"),
        Text(
            "found", label="What was found", long=True, edit=NEVER, list=False, sort=False, group="Evidence",
            expr=lambda: pairs(DataQualityFinding.__table__.c.details),
        ),
        Money("amount", label="At stake", edit=NEVER, filter=True, help="Money that hangs on it while it stands."),
        Code("currency", longest=3, edit=NEVER, list=False),
        Text("note", label="Why it still stands", long=True, edit=NEVER, list=False, group="Evidence"),
        Json("details", label="As data", edit=NEVER, group="Evidence"),
        Reference(
            "fixed_by", label="Fixed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True, group="Outcome",
        ),
        Moment("fixed_at", label="Fixed", edit=NEVER, list=False, filter=True, group="Outcome"),
        Link("fix_audit_id", label="The fix itself", base="/change-sets/", words="Open the change", list=False, group="Outcome"),
        Text("ignore_reason", label="Ignored because", long=True, edit=NEVER, list=False, group="Outcome"),
        Moment("ignored_until", label="Ignored until", planned=True, edit=NEVER, list=False, filter=True, group="Outcome"),
        Moment("created_at", label="Reported", edit=NEVER, list=False, filter=True, group="Outcome"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Outcome"),
    ),
)  # fmt: skip
