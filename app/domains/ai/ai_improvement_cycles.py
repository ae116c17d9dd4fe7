"""Learning cycles: a hypothesis, the exact change it proposes, the measure before and after; kept, or rolled back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped

from app.domains.ai.learning import bring_in, fits
from app.engine.fields import (
    FORM,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Json,
    Moment,
    Quantity,
    Reference,
    Text,
)
from app.engine.records import Authored, Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.records import number as numeric
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import phrases


class AiImprovementCycle(Record, Standard, Authored):
    __tablename__ = "ai_improvement_cycles"
    number: Mapped[str] = text_()
    title: Mapped[str] = text_()
    target_kind: Mapped[str] = choice("synapse_weights", "prompt", "rule", "threshold", "template", "model")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    hypothesis: Mapped[str] = text_()
    changes: Mapped[list[Any]] = json_("[]")
    metric_key: Mapped[str] = text_()
    baseline_value: Mapped[Decimal | None] = numeric(18, 6)
    target_value: Mapped[Decimal | None] = numeric(18, 6)
    result_value: Mapped[Decimal | None] = numeric(18, 6)
    sample_size: Mapped[int | None] = integer()
    p_value: Mapped[Decimal | None] = numeric(8, 6)
    ab_test_id: Mapped[int | None] = ref("ab_tests", "N")
    approval_request_id: Mapped[int | None] = ref("approval_requests", "N")
    status: Mapped[str] = choice(
        "proposed", "approved", "running", "evaluating", "kept", "rolled_back", "rejected", "failed", default="proposed"
    )
    started_at: Mapped[datetime | None] = moment()
    evaluate_at: Mapped[datetime | None] = moment()
    completed_at: Mapped[datetime | None] = moment()
    conclusion: Mapped[str | None] = text_()


EVALUATING = AiImprovementCycle.status == "evaluating"


def in_words() -> ColumnElement[str]:
    return phrases(AiImprovementCycle.__table__.c.changes, "{what}: {before} → {after}")


def by_somebody_else(moving: Moving) -> str | None:
    """Whoever proposes a change is not the one to find it good."""
    proposer = moving.record["created_by"]
    if proposer is not None and proposer == moving.actor.app_user_id:
        return "You proposed this cycle; somebody else approves it."
    return None


def within_bounds(moving: Moving) -> str | None:
    return fits(moving.connection, moving.record)


def has_a_baseline(moving: Moving) -> str | None:
    baseline = moving.asked.get("baseline_value")
    if baseline is None and moving.record["baseline_value"] is None:
        return "Measure the baseline first; without it nobody can say whether the change helped."
    return None


def has_a_result(moving: Moving) -> str | None:
    return None if moving.record["result_value"] is not None else "Measure the result first."


def ahead(moving: Moving) -> str | None:
    when = moving.asked.get("evaluate_at")
    return "Choose a moment that lies ahead." if when is not None and when <= moving.at else None


def begun(moving: Moving) -> Mapping[str, Any]:
    return {"started_at": moving.at}


def completed(moving: Moving) -> Mapping[str, Any]:
    return {"completed_at": moving.at}


lifecycle = Lifecycle(
    field="status",
    initial="proposed",
    stages=("proposed", "approved", "running", "evaluating", "kept"),
    frozen={
        "approved": ("changes", "target_kind", "hypothesis", "metric_key", "agent_id", "target_value"),
        "running": ("changes", "target_kind", "hypothesis", "metric_key", "agent_id", "target_value", "baseline_value"),
        "evaluating": ("*",),
        "kept": ("*",),
        "rolled_back": ("*",),
        "rejected": ("*",),
        "failed": ("*",),
    },
    why_frozen="What was approved is what is measured; propose another cycle to change it.",
    transitions=(
        Transition(
            "approve", "Approve cycle", ("proposed",), "approved", "cycles.approve", guards=(by_somebody_else, within_bounds),
            done="approved",
        ),
        Transition(
            "reject", "Reject cycle", ("proposed",), "rejected", "cycles.approve", asks=("conclusion",),
            requires=("conclusion",), effects=(completed,), danger=True, done="rejected",
        ),
        Transition(
            "start", "Start cycle", ("approved",), "running", "cycles.start", guards=(within_bounds, has_a_baseline, ahead),
            effects=(begun,), asks=("baseline_value", "evaluate_at"), requires=("evaluate_at",), done="started",
        ),
        Transition(
            "evaluate", "Enter the result", ("running",), "evaluating", "cycles.conclude",
            asks=("result_value", "sample_size", "p_value"), requires=("result_value", "sample_size"), done="being evaluated",
        ),
        Transition(
            "keep", "Keep the change", ("evaluating",), "kept", "cycles.conclude", guards=(has_a_result,),
            effects=(completed,), asks=("conclusion",), requires=("conclusion",), done="kept",
        ),
        Transition(
            "roll_back", "Roll back", ("running", "evaluating"), "rolled_back", "cycles.conclude", effects=(completed,),
            asks=("conclusion",), requires=("conclusion",), danger=True, done="rolled back",
        ),
        Transition(
            "fail", "Give up", ("approved", "running"), "failed", "cycles.conclude", effects=(completed,),
            asks=("conclusion",), requires=("conclusion",), danger=True, done="given up",
        ),
    ),
)  # fmt: skip

ai_improvement_cycles = Resource(
    AiImprovementCycle,
    title="title",
    code="number",
    label="Learning cycles",
    singular="learning cycle",
    icon="refresh",
    nav=("AI", 90),
    about="What the agents want to change about themselves, and whether it helped. Approved by a person, kept or rolled back.",
    area="cycles",
    search=("title", "number"),
    sort="-created_at",
    numbered="cycle",
    lifecycle=lifecycle,
    follow=(bring_in,),
    scopes={
        "To approve": AiImprovementCycle.status == "proposed",
        "Running": AiImprovementCycle.status == "running",
        "Evaluating": EVALUATING,
        "Kept": AiImprovementCycle.status == "kept",
        "Rolled back": AiImprovementCycle.status == "rolled_back",
    },
    facts=(
        "target_kind", "agent_id", "metric_key", "baseline_value", "target_value", "result_value", "p_value",
        "evaluate_at",
    ),
    sentences={
        "uq_ai_improvement_cycles_tenant_id_number": ("number", "Another cycle has this number already."),
        "ck_ai_improvement_cycles_completed": ("baseline_value", "A cycle that ends has a baseline to be compared with."),
    },
    fields=(
        Text("title", label="Cycle", required=True, longest=200, edit=INLINE, width="xl"),
        Code("number", edit=NEVER, width="s"),
        Choice("target_kind", label="Changes", edit=FORM, filter=True),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=FORM, filter=True),
        Choice(
            "status", edit=NEVER, filter=True,
            tones={
                "proposed": "ai ai", "approved": "info sched", "running": "accent prog", "evaluating": "accent part",
                "kept": "ok done", "rolled_back": "warn part", "rejected": "mute off", "failed": "danger fail",
            },
        ),
        Code(
            "metric_key", label="Measured by", edit=FORM, filter=True,
            help="The figure that has to improve, like ai.agreement.",
        ),
        Quantity("baseline_value", label="Before", places=6, edit=FORM, filter=True),
        Quantity("target_value", label="Hoped for", places=6, edit=FORM, filter=True),
        Quantity("result_value", label="After", places=6, edit=NEVER, filter=True),
        Moment("evaluate_at", label="Evaluated", planned=True, edit=NEVER, filter=True),
        Text("hypothesis", long=True, required=True, list=False, edit=FORM),
        Text("conclusion", long=True, edit=NEVER, list=False),
        Text(
            "diff", label="Change", long=True, edit=NEVER, list=False, sort=False, group="Change",
            expr=in_words,
        ),
        Json(
            "changes", label="Change as data", edit=FORM, group="Change",
            help='One item for each, like [{"what": "Days late → Payment risk", "id": 12, "before": 1.4, "after": 1.6}].',
        ),
        Count("sample_size", label="Cases measured", least=0, edit=NEVER, list=False, filter=True, group="Result"),
        Quantity(
            "p_value", label="p", places=6, least=0, most=1, edit=NEVER, list=False, filter=True, group="Result",
            help="How likely chance alone would do as well.",
        ),
        Reference("ab_test_id", label="Experiment", to="ab_tests", edit=FORM, list=False, filter=True, group="Result"),
        Moment("started_at", label="Started", edit=NEVER, list=False, filter=True, group="Result"),
        Moment("completed_at", label="Completed", edit=NEVER, list=False, filter=True, group="Result"),
        Reference(
            "approval_request_id", label="Approval", to="approval_requests", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "created_by", label="Proposed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Moment("created_at", label="Proposed", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
