"""Automations: trigger, conditions, actions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Flag, Json, Moment, Reference, Text
from app.engine.records import (
    Archivable,
    Authored,
    Record,
    Standard,
    bigint,
    choice,
    flag,
    integer,
    json_,
    moment,
    ref,
    text_,
)
from app.engine.resource import Resource


class Automation(Record, Standard, Authored, Archivable):
    __tablename__ = "automations"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    description: Mapped[str | None] = text_()
    template_id: Mapped[int | None] = ref("automation_templates", "N")
    trigger_kind: Mapped[str] = choice("event", "schedule", "webhook", "manual", "threshold", "ai_rule")
    trigger_config: Mapped[dict[str, Any]] = json_("{}")
    conditions: Mapped[list[Any]] = json_("[]")
    actions: Mapped[list[Any]] = json_("[]")
    status: Mapped[str] = choice("draft", "enabled", "paused", "auto_disabled", default="draft")
    disabled_reason: Mapped[str | None] = text_()
    owner_id: Mapped[int | None] = ref("app_users", "N")
    dry_run: Mapped[bool] = flag()
    concurrency: Mapped[str] = choice("allow", "skip", "queue", default="skip")
    max_runs_per_hour: Mapped[int] = integer("60")
    timeout_seconds: Mapped[int] = integer("300")
    max_attempts: Mapped[int] = integer("3")
    auto_disable_after: Mapped[int] = integer("3")
    consecutive_failures: Mapped[int] = integer("0")
    success_count: Mapped[int] = bigint("0")
    failure_count: Mapped[int] = bigint("0")
    last_run_at: Mapped[datetime | None] = moment()
    last_status: Mapped[str | None] = text_()
    next_run_at: Mapped[datetime | None] = moment()


automations = Resource(
    Automation,
    title="name",
    label="Automations",
    icon="gear",
    nav=("Automation", 30),
    about="Trigger, conditions, actions.",
    area="automations",
    search=(
        "key",
        "name",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Text("name", filter=True),
        Text("description", long=True, list=False),
        Reference("template_id", to="automation_templates", filter=True),
        Choice("trigger_kind", filter=True),
        Json("trigger_config"),
        Json("conditions"),
        Json("actions"),
        Choice("status", filter=True),
        Text("disabled_reason", long=True, list=False),
        Reference("owner_id", to="app_users", as_="person", filter=True),
        Flag("dry_run", filter=True),
        Choice("concurrency", filter=True),
        Count("max_runs_per_hour", filter=True),
        Count("timeout_seconds", filter=True),
        Count("max_attempts", filter=True),
        Count("auto_disable_after", filter=True),
        Count("consecutive_failures", filter=True),
        Count("success_count", filter=True),
        Count("failure_count", filter=True),
        Moment("last_run_at", filter=True),
        Text("last_status", filter=True),
        Moment("next_run_at", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
