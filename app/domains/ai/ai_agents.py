"""AI agents: what each one is, which model it thinks with, how far it may act alone and what it may spend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.approval_rules import Approval
from app.engine.fields import (
    BULK,
    CREATE,
    INLINE,
    NEVER,
    Choice,
    Code,
    Cost,
    Count,
    Json,
    Moment,
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
    cost,
    integer,
    json_,
    moment,
    number,
    ref,
    text_,
    texts,
)
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class AiAgent(Record, Standard, Authored, Archivable):
    __tablename__ = "ai_agents"
    key: Mapped[str] = text_()
    name: Mapped[str] = text_()
    role: Mapped[str] = text_()
    kind: Mapped[str] = choice("assistant", "worker", "evaluator", "board_member", "orchestrator", default="worker")
    description: Mapped[str | None] = text_()
    system_prompt: Mapped[str | None] = text_()
    provider: Mapped[str | None] = text_()
    model: Mapped[str | None] = text_()
    params: Mapped[dict[str, Any]] = json_("{}")
    tools: Mapped[list[str]] = texts()
    autonomy: Mapped[str] = choice("suggest", "approve", "auto", default="suggest")
    status: Mapped[str] = choice("draft", "active", "paused", "disabled", "retired", default="draft")
    pause_reason: Mapped[str | None] = text_()
    owner_id: Mapped[int | None] = ref("app_users", "N")
    vote_weight: Mapped[Decimal] = number(6, 3, "1")
    daily_budget: Mapped[Decimal | None] = cost()
    max_calls_per_min: Mapped[int] = integer("60")
    max_consecutive_failures: Mapped[int] = integer("5")
    consecutive_failures: Mapped[int] = integer("0")
    last_run_at: Mapped[datetime | None] = moment()


def answered_for(moving: Moving) -> str | None:
    """An agent acts in somebody's name; without that person nobody would look when it errs."""
    if (moving.asked.get("owner_id") or moving.record["owner_id"]) is None:
        return "Name an owner first: someone has to answer for what an active agent does."
    return None


def has_a_model(moving: Moving) -> str | None:
    if not moving.record["model"]:
        return "Choose a model first; without one the agent cannot run."
    return None


def begin_afresh(moving: Moving) -> Mapping[str, Any]:
    """Old failures must not pause the agent again at its first new one."""
    return {"pause_reason": None, "consecutive_failures": 0}


def acts_alone(moving: Moving) -> str | None:
    return "An agent that acts alone is approved by a second person." if moving.record["autonomy"] == "auto" else None


ai_agents = Resource(
    AiAgent,
    title="name",
    code="key",
    label="Agents",
    icon="agent",
    nav=("AI", 10),
    about="The agents that work here: each has a person who answers for it, a limit to what it may do alone, and a budget.",
    area="agents",
    search=("name", "key", "role"),
    sort="name",
    open_title=True,
    scopes={
        "Active": AiAgent.status == "active",
        "Paused": AiAgent.status == "paused",
        "Acts alone": AiAgent.autonomy == "auto",
        "Failing": AiAgent.consecutive_failures > 0,
    },
    facts=("status", "role", "autonomy", "model", "owner_id", "daily_budget", "last_run_at"),
    related=(
        Related(
            "ai_decision_logs",
            via="agent_id",
            label="Decisions",
            fields=("decided_at", "kind", "chosen", "confidence", "risk", "status", "total_cost", "review_verdict"),
            sort="-decided_at",
        ),
        Related(
            "ai_calls",
            via="agent_id",
            label="Model calls",
            fields=("started_at", "operation", "model_used", "status", "input_tokens", "output_tokens", "total_cost"),
            sort="-started_at",
        ),
        Related(
            "ai_tasks",
            via="agent_id",
            label="Tasks",
            fields=("title", "subject_id", "status", "total_cost", "result_quality", "created_at"),
            sort="-created_at",
        ),
        Related(
            "ai_automation_rules",
            via="agent_id",
            label="Rules it acts by",
            fields=("name", "status", "autonomy", "watch_event", "fired_count", "accepted"),
        ),
        Related(
            "agent_performance",
            via="agent_id",
            label="Figures by day",
            fields=("day", "decisions", "agreement", "decisions_overridden", "avg_confidence", "total_cost"),
            sort="-day",
        ),
        Related(
            "ai_board_votes",
            via="agent_id",
            label="Votes on the board",
            fields=("consensus_decision_id", "round", "stance", "choice", "confidence", "cast_at"),
            sort="-created_at",
        ),
        Related(
            "agent_memories",
            via="agent_id",
            label="Memory blocks",
            fields=("block", "value", "size", "read_only", "revision", "updated_at"),
            sort="position",
        ),
        Related(
            "conversations",
            via="agent_id",
            label="Conversations",
            fields=("title", "channel", "status", "customer_id", "message_count", "last_message_at"),
            sort="-last_message_at",
        ),
        Related(
            "ai_memories",
            via="agent_id",
            label="Memories it learned",
            fields=("content", "kind", "state", "confidence", "recall_count", "created_at"),
            sort="-created_at",
        ),
        Related(
            "memory_recalls",
            via="agent_id",
            label="Recalls",
            fields=("query", "strategy", "found", "used", "top_score", "created_at"),
            sort="-created_at",
        ),
        Related(
            "ai_insights",
            via="agent_id",
            label="Insights",
            fields=("title", "severity", "kind", "status", "impact_amount", "created_at"),
            sort="-created_at",
        ),
        Related(
            "ai_improvement_cycles",
            via="agent_id",
            label="Learning cycles",
            fields=("title", "target_kind", "status", "baseline_value", "result_value", "conclusion"),
            sort="-created_at",
        ),
    ),
    fields=(
        Text("name", required=True, edit=INLINE, width="l", longest=120),
        Code("key", edit=CREATE, help="A short name for programs, like ar-follow-up. It stays as given."),
        Text("role", required=True, edit=INLINE, help="What it is here for, such as Estimator.", longest=120),
        Choice(
            "status",
            edit=NEVER,
            filter=True,
            tones={
                "draft": "mute draft",
                "active": "ok done",
                "paused": "warn pause",
                "disabled": "danger off",
                "retired": "mute off",
            },
        ),
        Choice(
            "autonomy",
            edit=INLINE,
            filter=True,
            labels={"suggest": "Suggests", "approve": "Acts when approved", "auto": "Acts alone"},
            tones={"suggest": "mute open", "approve": "info part", "auto": "ai ai"},
            help="How far it may go without a person.",
        ),
        Choice("kind", filter=True, list=False),
        Reference("owner_id", label="Owner", to="app_users", as_="person", edit=INLINE | BULK, filter=True),
        Text("description", long=True, list=False),
        Code("model", edit=INLINE, filter=True, group="Model"),
        Code("provider", filter=True, list=False, group="Model"),
        Text("system_prompt", long=True, list=False, group="Model"),
        Json("params", label="Parameters", group="Model"),
        Tags("tools", label="Allowed tools", list=False, group="Model", help="What is not named here it cannot use."),
        Cost("daily_budget", label="Daily budget", least=0, edit=INLINE, filter=True, group="Limits"),
        Count("max_calls_per_min", label="Calls a minute at most", least=1, list=False, group="Limits"),
        Count("max_consecutive_failures", label="Pauses after failures", least=1, list=False, group="Limits"),
        Count("consecutive_failures", label="Failures in a row", edit=NEVER, filter=True, group="Limits"),
        Quantity("vote_weight", label="Weight in board votes", places=3, least=0, list=False, group="Limits"),
        Moment("last_run_at", label="Last run", edit=NEVER, filter=True),
        Text("pause_reason", label="Why it is paused", edit=NEVER, list=False),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False),
    ),
    sentences={
        "uq_ai_agents_tenant_id_key": ("key", "Another agent has this key already."),
        "ck_ai_agents_active_owner": ("owner_id", "An active agent needs an owner."),
    },
    lifecycle=Lifecycle(
        "status",
        initial="draft",
        stages=("draft", "active", "retired"),
        frozen={"retired": ("*",)},
        why_frozen="A retired agent is kept for its record; make a new one instead.",
        transitions=(
            Transition(
                "activate",
                "Activate",
                ("draft",),
                "active",
                "agents.activate",
                guards=(answered_for, has_a_model),
                effects=(begin_afresh,),
                asks=("owner_id",),
                done="activated",
                approval=Approval("agent_activation", amount="daily_budget", when=acts_alone),
            ),
            Transition(
                "pause",
                "Pause",
                ("active",),
                "paused",
                "agents.pause",
                asks=("pause_reason",),
                requires=("pause_reason",),
                done="paused",
            ),
            Transition(
                "resume",
                "Resume",
                ("paused",),
                "active",
                "agents.pause",
                guards=(answered_for,),
                effects=(begin_afresh,),
                done="resumed",
            ),
            Transition(
                "disable",
                "Disable",
                ("draft", "active", "paused"),
                "disabled",
                "agents.disable",
                reason=True,
                danger=True,
                done="disabled",
            ),
            Transition(
                "enable",
                "Enable as draft",
                ("disabled",),
                "draft",
                "agents.disable",
                effects=(begin_afresh,),
                done="enabled as a draft",
            ),
            Transition(
                "retire",
                "Retire",
                ("draft", "paused", "disabled"),
                "retired",
                "agents.retire",
                reason=True,
                danger=True,
                done="retired",
            ),
        ),
    ),
)
