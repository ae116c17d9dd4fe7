"""Agent rules: rules an agent evaluates from a plain-language instruction, bounded by confidence, allow-list and approval."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Quantity, Reference, Tags, Text
from app.engine.records import (
    Archivable,
    Authored,
    Record,
    Standard,
    bigint,
    choice,
    integer,
    json_,
    moment,
    probability,
    ref,
    text_,
    texts,
)
from app.engine.resource import Resource


class AiAutomationRule(Record, Standard, Authored, Archivable):
    __tablename__ = "ai_automation_rules"
    name: Mapped[str] = text_()
    agent_id: Mapped[int] = ref("ai_agents", "R")
    instruction: Mapped[str] = text_()
    compiled: Mapped[Any] = json_(nullable=True)
    watch_event: Mapped[str] = text_()
    automation_id: Mapped[int | None] = ref("automations", "N")
    action_allowlist: Mapped[list[str]] = texts()
    autonomy: Mapped[str] = choice("suggest", "approve", "auto", default="approve")
    min_confidence: Mapped[Decimal] = probability("0.8")
    max_actions_per_day: Mapped[int] = integer("50")
    status: Mapped[str] = choice("draft", "shadow", "active", "paused", "retired", default="draft")
    shadow_until: Mapped[datetime | None] = moment()
    approved_by: Mapped[int | None] = ref("app_users", "N")
    approved_at: Mapped[datetime | None] = moment()
    fired_count: Mapped[int] = bigint("0")
    accepted_count: Mapped[int] = bigint("0")
    rejected_count: Mapped[int] = bigint("0")
    last_fired_at: Mapped[datetime | None] = moment()


ai_automation_rules = Resource(
    AiAutomationRule,
    title="name",
    label="Agent rules",
    icon="gear",
    nav=("Automation", 40),
    about="Rules an agent evaluates from a plain-language instruction, bounded by confidence, allow-list and approval.",
    area="rules",
    search=("name",),
    sort="-created_at",
    fields=(
        Text("name", filter=True),
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Text("instruction", long=True, list=False),
        Json("compiled"),
        Code("watch_event", filter=True),
        Reference("automation_id", to="automations", filter=True),
        Tags("action_allowlist", list=False, filter=True),
        Choice("autonomy", filter=True),
        Quantity("min_confidence", places=4, filter=True),
        Count("max_actions_per_day", filter=True),
        Choice("status", filter=True),
        Moment("shadow_until", filter=True),
        Reference("approved_by", to="app_users", as_="person", filter=True),
        Moment("approved_at", filter=True),
        Count("fired_count", filter=True),
        Count("accepted_count", filter=True),
        Count("rejected_count", filter=True),
        Moment("last_fired_at", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
