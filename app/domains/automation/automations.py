"""Automations: what happens by itself, when, under which conditions; who answers for it, and how well it goes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, cast, func, not_, or_
from sqlalchemy import Numeric as NumericType
from sqlalchemy.orm import Mapped

from app.engine.fields import (
    BULK,
    CREATE,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Flag,
    Json,
    Moment,
    Percent,
    Reference,
    Text,
)
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
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import items, pairs


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


def starts_when() -> ColumnElement[str]:
    return pairs(Automation.__table__.c.trigger_config)


def asks() -> ColumnElement[str]:
    return items(Automation.__table__.c.conditions, "field", "is", "value", between=" ")


def does() -> ColumnElement[str]:
    return items(Automation.__table__.c.actions, "do", "with", "to", between=" · ")


def success() -> ColumnElement[Any]:
    """Of the runs that ended, the share that succeeded; nothing where none has ended yet."""
    ended = Automation.success_count + Automation.failure_count
    return case((ended > 0, func.round(cast(100 * Automation.success_count, NumericType) / ended, 1)))


def does_something(moving: Moving) -> str | None:
    actions = moving.record["actions"]
    return None if isinstance(actions, list) and actions else "Say first what it does; it has no action yet."


def somebody_answers(moving: Moving) -> str | None:
    """Nothing fails silently: somebody hears of every failure."""
    if moving.asked.get("owner_id") or moving.record["owner_id"]:
        return None
    return "Name an owner first: someone has to hear of it when a run fails."


def begin_afresh(_: Moving) -> Mapping[str, Any]:
    return {"disabled_reason": None, "consecutive_failures": 0}


def rest(_: Moving) -> Mapping[str, Any]:
    return {"next_run_at": None}


TROUBLED = or_(Automation.consecutive_failures > 0, Automation.status == "auto_disabled")

automations = Resource(
    Automation,
    title="name",
    code="key",
    label="Automations",
    singular="automation",
    icon="bolt",
    nav=("Automation", 30),
    about="What happens by itself: when it starts, what it asks, what it does, and how often that went well.",
    area="automations",
    search=("name", "key"),
    sort="name",
    scopes={
        "Enabled": Automation.status == "enabled",
        "Failing": TROUBLED,
        "Switched off by failures": Automation.status == "auto_disabled",
        "Never ran": Automation.last_run_at.is_(None),
        "Rehearsing": and_(Automation.dry_run, Automation.status == "enabled"),
        "Nobody answers": and_(Automation.owner_id.is_(None), not_(Automation.status == "draft")),
    },
    facts=(
        "status", "trigger_kind", "owner_id", "success", "last_run_at", "last_status", "next_run_at", "disabled_reason",
    ),
    related=(
        Related(
            "automation_runs", "automation_id", label="Runs",
            fields=("created_at", "trigger", "status", "duration_ms", "records_changed", "subject_id", "error"),
            sort="-created_at",
        ),
        Related(
            "ai_automation_rules", "automation_id", label="Started by agents' rules",
            fields=("name", "agent_id", "status", "autonomy"),
        ),
        Related(
            "workflow_automations", "automation_id", label="Used in workflows",
            fields=("name", "definition_id", "blocking", "enabled"),
        ),
    ),
    sentences={
        "uq_automations_tenant_id_key": ("key", "Another automation has this key already."),
        "ck_automations_actions": (
            "actions", "An enabled automation does something; pause it before taking its last action away.",
        ),
        "ck_automations_disabled_reason": ("disabled_reason", "Say why it was switched off."),
    },
    lifecycle=Lifecycle(
        "status",
        initial="draft",
        stages=("draft", "enabled"),
        transitions=(
            Transition(
                "enable", "Enable", ("draft", "paused", "auto_disabled"), "enabled", "automations.enable",
                asks=("owner_id",), guards=(does_something, somebody_answers), effects=(begin_afresh,), done="enabled",
            ),
            Transition(
                "pause", "Pause", ("enabled",), "paused", "automations.pause", reason=True, effects=(rest,), done="paused",
            ),
            Transition(
                "switch_off", "Switch off after failures", ("enabled",), "auto_disabled", "automations.run",
                asks=("disabled_reason",), requires=("disabled_reason",), effects=(rest,), by_system=True,
                done="switched off after failures",
            ),
        ),
    ),
    fields=(
        Text("name", required=True, edit=INLINE, longest=120, width="l"),
        Choice(
            "status", edit=NEVER, filter=True, labels={"auto_disabled": "Switched off"},
            tones={
                "draft": "mute draft", "enabled": "ok done", "paused": "warn pause", "auto_disabled": "danger fail",
            },
        ),
        Choice(
            "trigger_kind", label="Starts by", filter=True, width="s",
            labels={"ai_rule": "Agent's rule", "manual": "Hand"}, tones={"ai_rule": "ai ai"},
        ),
        Reference("owner_id", label="Owner", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Percent("success", label="Success", edit=NEVER, sort=False, places=1, expr=success, width="s"),
        Count("consecutive_failures", label="Failures in a row", edit=NEVER, filter=True, width="s"),
        Moment("last_run_at", label="Last run", edit=NEVER, filter=True),
        Moment("next_run_at", label="Next run", planned=True, edit=NEVER, filter=True),
        Flag(
            "dry_run", label="Rehearses only", edit=INLINE, filter=True,
            help="Runs and tells what it would do, but changes nothing.",
        ),
        Code("key", edit=CREATE, list=False, help="A short name for programs, like remind-overdue. It stays as given."),
        Text("description", long=True, list=False),
        Text("disabled_reason", label="Why it was switched off", edit=NEVER, list=False),
        Text(
            "starts_when", label="Starts when", long=True, edit=NEVER, list=False, sort=False, expr=starts_when,
            group="What it does",
        ),
        Text("asks", label="Only if", long=True, edit=NEVER, list=False, sort=False, expr=asks, group="What it does"),
        Text("does", label="Then", long=True, edit=NEVER, list=False, sort=False, expr=does, group="What it does"),
        Json("trigger_config", label="Start as data", group="What it does"),
        Json(
            "conditions", label="Conditions as data", group="What it does",
            help="A list of {\"field\": …, \"is\": …, \"value\": …}; all of them must hold.",
        ),
        Json(
            "actions", label="Actions as data", group="What it does",
            help="A list of {\"do\": …, \"with\": …, \"to\": …}, done in this order.",
        ),
        Choice(
            "concurrency", label="While it runs already", list=False, filter=True, group="Limits",
            labels={"allow": "Start another", "skip": "Skip the new run", "queue": "Wait"},
        ),
        Count("max_runs_per_hour", label="Runs an hour at most", least=1, list=False, group="Limits"),
        Count("timeout_seconds", label="Stops after seconds", least=1, most=86_400, list=False, group="Limits"),
        Count("max_attempts", label="Tries at most", least=1, most=20, list=False, group="Limits"),
        Count("auto_disable_after", label="Switches off after failures", least=1, list=False, group="Limits"),
        Count("success_count", label="Runs that succeeded", edit=NEVER, list=False, filter=True, group="So far"),
        Count("failure_count", label="Runs that failed", edit=NEVER, list=False, filter=True, group="So far"),
        Choice(
            "last_status", label="Last run ended", edit=NEVER, list=False, filter=True, group="So far",
            values=("succeeded", "failed", "skipped", "cancelled", "timed_out"),
            tones={"succeeded": "ok done", "failed": "danger fail", "timed_out": "danger warn"},
        ),
        Reference(
            "template_id", label="From template", to="automation_templates", list=False, filter=True, group="Origin",
        ),
        Reference(
            "created_by", label="Made by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, group="Origin",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
