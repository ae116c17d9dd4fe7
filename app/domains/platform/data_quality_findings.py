"""Data problems: open data problems found by rules, with their fix and who applied it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Json, Moment, Reference, SubjectLink, Text
from app.engine.records import Record, Standard, Subject, bigint, choice, json_, moment, ref, text_
from app.engine.resource import Resource


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
    fix_audit_id: Mapped[int | None] = (
        bigint()
    )  # the change set that fixed it; the ledger is no table of ours to declare
    ignored_until: Mapped[datetime | None] = moment()
    ignore_reason: Mapped[str | None] = text_()


data_quality_findings = Resource(
    DataQualityFinding,
    title="rule_key",
    label="Data problems",
    icon="gear",
    nav=("System", 60),
    about="Open data problems found by rules, with their fix and who applied it.",
    area="dq",
    sort="-created_at",
    fields=(
        Code("rule_key", filter=True),
        Choice("severity", filter=True),
        Json("details"),
        Text("suggested_fix", long=True, list=False),
        Choice("status", filter=True),
        Moment("first_seen_at", filter=True),
        Moment("last_seen_at", filter=True),
        Reference("fixed_by", to="app_users", as_="person", filter=True),
        Moment("fixed_at", filter=True),
        Moment("ignored_until", filter=True),
        Text("ignore_reason", long=True, list=False),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
