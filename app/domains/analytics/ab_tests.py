"""Experiments: experiments: variants, unit, primary metric, guardrails, planned sample."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Percent, Quantity, Reference, Tags, Text
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
from app.engine.resource import Resource


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


ab_tests = Resource(
    AbTest,
    title="name",
    label="Experiments",
    icon="pulse",
    nav=("Monitoring", 50),
    about="Experiments: variants, unit, primary metric, guardrails, planned sample.",
    area="abtests",
    search=(
        "key",
        "name",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Text("name", filter=True),
        Text("hypothesis", long=True, list=False),
        Choice("surface", filter=True),
        Choice("status", filter=True),
        Json("variants"),
        Percent("traffic_pct", filter=True),
        Choice("unit", filter=True),
        Code("salt", filter=True),
        Code("primary_metric", filter=True),
        Choice("metric_kind", filter=True),
        Tags("guardrail_metrics", list=False, filter=True),
        Quantity("mde_pct", places=4, filter=True),
        Quantity("alpha", places=4, filter=True),
        Quantity("power", places=4, filter=True),
        Count("min_sample_per_variant", filter=True),
        Count("planned_days", filter=True),
        Reference("owner_id", to="app_users", as_="person", filter=True),
        Moment("started_at", filter=True),
        Moment("stopped_at", filter=True),
        Text("winner", filter=True),
        Choice("decision", filter=True),
        Text("conclusion", long=True, list=False),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
