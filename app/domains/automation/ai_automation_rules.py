"""Agents' rules: what an agent watches for and may do about it, in plain words, within limits a person has approved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, case, cast, func, select
from sqlalchemy import Numeric as NumericType
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.approval_rules import Approval
from app.engine.fields import (
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Json,
    Moment,
    Percent,
    Reference,
    Tags,
    Text,
)
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
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import pairs

SHADOW = timedelta(days=14)
"""How long a new rule only says what it would have done, unless somebody names another end."""


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


def accepted() -> ColumnElement[Any]:
    """Of what it did or proposed and somebody judged, the share people let stand."""
    judged = AiAutomationRule.accepted_count + AiAutomationRule.rejected_count
    return case((judged > 0, func.round(cast(100 * AiAutomationRule.accepted_count, NumericType) / judged, 1)))


_FREEDOM = ("suggest", "approve", "auto")


def agent_allows(moving: Moving) -> str | None:
    """A rule never lets an agent go further than the agent itself may."""
    agents = db.metadata.tables["ai_agents"].c
    agent = moving.connection.execute(
        select(agents.name, agents.status, agents.autonomy).where(agents.id == moving.record["agent_id"])
    ).one()
    if agent.status != "active":
        return f"{agent.name} is {agent.status.replace('_', ' ')}; activate the agent first."
    if _FREEDOM.index(moving.record["autonomy"]) > _FREEDOM.index(agent.autonomy):
        return f"{agent.name} itself may not act that freely; lower the rule's freedom or raise the agent's."
    return None


def may_do_something(moving: Moving) -> str | None:
    if moving.record["action_allowlist"]:
        return None
    return "Name first what it may do; a rule that may do nothing cannot be active."


def watched_long_enough(moving: Moving) -> str | None:
    """Before it acts, it has shown for a while what it would have done."""
    until = moving.record["shadow_until"]
    if until is not None and until > moving.at:
        return f"It only watches until {until:%B %-d}; look at what it would have done, or end that time first."
    return None


def watching(moving: Moving) -> Mapping[str, Any]:
    return {"shadow_until": moving.asked.get("shadow_until") or moving.at + SHADOW}


def acts_alone(moving: Moving) -> str | None:
    return "A rule that acts alone is approved by a second person." if moving.record["autonomy"] == "auto" else None


def approved(moving: Moving) -> Mapping[str, Any]:
    return {"approved_by": moving.actor.app_user_id, "approved_at": moving.at}


ai_automation_rules = Resource(
    AiAutomationRule,
    title="name",
    label="Agents' rules",
    singular="rule",
    icon="shield",
    nav=("Automation", 40),
    about="What an agent watches for and may do about it, in plain words; each rule watches first and acts once approved.",
    area="rules",
    search=("name", "watch_event"),
    sort="name",
    scopes={
        "Active": AiAutomationRule.status == "active",
        "Only watching": AiAutomationRule.status == "shadow",
        "Ready to judge": (AiAutomationRule.status == "shadow") & (AiAutomationRule.shadow_until < func.now()),
        "Acts alone": (AiAutomationRule.autonomy == "auto") & (AiAutomationRule.status == "active"),
        "Paused": AiAutomationRule.status == "paused",
        "Never fired": AiAutomationRule.last_fired_at.is_(None),
    },
    facts=("agent_id", "status", "autonomy", "watch_event", "fired_count", "accepted", "shadow_until", "approved_by"),
    sentences={
        "uq_ai_automation_rules_tenant_id_name": ("name", "Another rule has this name already."),
        "ck_ai_automation_rules_approved": ("approved_at", "A rule acts only once somebody approved it."),
        "ck_ai_automation_rules_action_allowlist": (
            "action_allowlist", "An active rule may do something; pause it first.",
        ),
    },
    lifecycle=Lifecycle(
        "status",
        initial="draft",
        stages=("draft", "shadow", "active"),
        frozen={
            "active": ("agent_id", "instruction", "watch_event", "action_allowlist", "autonomy", "min_confidence",
                       "max_actions_per_day", "compiled"),
            "retired": ("*",),
        },
        why_frozen="What an active rule may do was approved as it stands; pause it, and it watches again before it acts.",
        transitions=(
            Transition(
                "watch", "Let it watch", ("draft", "paused"), "shadow", "rules.activate", asks=("shadow_until",),
                guards=(agent_allows,), effects=(watching,), done="set to watch",
            ),
            Transition(
                "activate", "Approve and activate", ("shadow",), "active", "rules.activate",
                guards=(watched_long_enough, may_do_something, agent_allows), effects=(approved,), done="activated",
                approval=Approval("rule_activation", when=acts_alone),
            ),
            Transition("pause", "Pause", ("shadow", "active"), "paused", "rules.pause", reason=True, done="paused"),
            Transition(
                "retire", "Retire", ("draft", "shadow", "paused"), "retired", "rules.retire", reason=True, danger=True,
                done="retired",
            ),
        ),
    ),
    fields=(
        Text("name", label="Rule", required=True, edit=INLINE, longest=160, width="l"),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", filter=True),
        Choice(
            "status", edit=NEVER, filter=True, labels={"shadow": "Only watching"},
            tones={
                "draft": "mute draft", "shadow": "info open", "active": "ok done", "paused": "warn pause",
                "retired": "mute off",
            },
        ),
        Choice(
            "autonomy", label="Freedom", filter=True,
            labels={"suggest": "Suggests", "approve": "Acts when approved", "auto": "Acts alone"},
            tones={"suggest": "mute open", "approve": "info part", "auto": "ai ai"},
        ),
        Code("watch_event", label="Watches for", required=True, filter=True),
        Count("fired_count", label="Fired", edit=NEVER, filter=True, width="s"),
        Percent("accepted", label="Let stand", edit=NEVER, sort=False, places=1, expr=accepted, width="s"),
        Moment("last_fired_at", label="Last fired", edit=NEVER, filter=True),
        Text(
            "instruction", required=True, long=True, longest=4_000, list=False,
            help="What it should notice and what it should do then, as you would tell a colleague.",
        ),
        Text(
            "understood", label="As the agent understood it", long=True, edit=NEVER, list=False, sort=False,
            expr=lambda: pairs(AiAutomationRule.__table__.c.compiled),
        ),
        Json("compiled", label="Understood, as data", edit=NEVER),
        Tags(
            "action_allowlist", label="May do", list=False, filter=True, group="Limits",
            help="What is not named here it cannot do.",
        ),
        Percent(
            "min_confidence", label="Sure by at least", share=True, most=1, list=False, filter=True, group="Limits",
        ),
        Count("max_actions_per_day", label="Actions a day at most", least=1, most=10_000, list=False, group="Limits"),
        Moment("shadow_until", label="Only watches until", planned=True, list=False, filter=True, group="Limits"),
        Reference(
            "automation_id", label="Starts automation", to="automations", list=False, filter=True, group="Limits",
        ),
        Count("accepted_count", label="Let stand by people", edit=NEVER, list=False, filter=True, group="So far"),
        Count("rejected_count", label="Turned down", edit=NEVER, list=False, filter=True, group="So far"),
        Reference(
            "approved_by", label="Approved by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="So far",
        ),
        Moment("approved_at", label="Approved", edit=NEVER, list=False, filter=True, group="So far"),
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
