"""Data problems: what the rules found wrong in the records, what would put it right, and who did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, literal
from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Json, Link, Moment, Reference, SubjectLink, Text
from app.engine.records import Record, Standard, Subject, bigint, choice, json_, moment, ref, text_
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


# The rules by their key, as the problem reads to whoever has to put it right.
RULES = {
    "DQ-01": "Invoice differs from its lines",
    "DQ-02": "Paid and credited differ from what was allocated",
    "DQ-03": "Completed job without an invoice",
    "DQ-04": "Closed job billed too low",
    "DQ-05": "Customer nobody can reach",
    "DQ-06": "The same customer twice",
    "DQ-07": "The same open lead twice",
    "DQ-08": "E-mail or telephone number cannot be right",
    "DQ-09": "Decision differs from its calls",
    "DQ-10": "Unallocated payment while invoices are open",
    "DQ-11": "Payment entered twice, it seems",
    "DQ-12": "Accepted estimate without a job",
    "DQ-13": "Estimate still live past its validity",
    "DQ-14": "Scheduled job without a coming visit",
    "DQ-15": "Crew lead in two places at once",
    "DQ-16": "Open lead lying still",
    "DQ-17": "Tasks that wait for each other",
    "DQ-18": "Open task of somebody who left",
    "DQ-19": "Agreement without a coming invoice",
    "DQ-20": "Maintenance visit overdue",
    "DQ-21": "Automation failing three times running",
    "DQ-22": "Memory about nothing any more",
    "DQ-23": "File that never arrived",
    "DQ-24": "Link to a record that is gone",
    "DQ-25": "Record of another company referred to",
}
OPEN = DataQualityFinding.status == "open"


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
    nav=("System", 60),
    about="What the nightly rules found wrong: in which record, how grave, what would put it right, and who did.",
    area="dq",
    read_only="A rule finds a problem and notices when it is gone; mark it as fixed, or ignore it with a reason.",
    search=("rule_key", "suggested_fix"),
    sort="-last_seen_at",
    opens="Open",
    scopes={
        "Open": OPEN,
        "Critical": and_(OPEN, DataQualityFinding.severity == "critical"),
        "Money": and_(OPEN, DataQualityFinding.rule_key.in_(("DQ-01", "DQ-02", "DQ-03", "DQ-04", "DQ-10", "DQ-11"))),
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
            "problem", edit=NEVER, width="l",
            expr=lambda: case(
                {key: literal(words) for key, words in RULES.items()},
                value=DataQualityFinding.rule_key, else_=DataQualityFinding.rule_key,
            ),
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
