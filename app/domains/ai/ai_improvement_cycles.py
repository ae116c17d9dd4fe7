"""Learning cycles: one learning cycle: hypothesis, exact change, baseline, result, keep or roll back."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Json, Moment, Quantity, Reference, Text
from app.engine.records import Authored, Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.records import number as numeric
from app.engine.resource import Resource


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


ai_improvement_cycles = Resource(
    AiImprovementCycle,
    title="title",
    code="number",
    label="Learning cycles",
    icon="agent",
    nav=("AI", 85),
    about="One learning cycle: hypothesis, exact change, baseline, result, keep or roll back.",
    area="cycles",
    search=(
        "number",
        "title",
    ),
    sort="-created_at",
    fields=(
        Code("number", filter=True),
        Text("title", filter=True),
        Choice("target_kind", filter=True),
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Text("hypothesis", long=True, list=False),
        Json("changes"),
        Code("metric_key", filter=True),
        Quantity("baseline_value", places=6, filter=True),
        Quantity("target_value", places=6, filter=True),
        Quantity("result_value", places=6, filter=True),
        Count("sample_size", filter=True),
        Quantity("p_value", places=6, filter=True),
        Reference("ab_test_id", to="ab_tests", filter=True),
        Reference("approval_request_id", to="approval_requests", filter=True),
        Choice("status", filter=True),
        Moment("started_at", filter=True),
        Moment("evaluate_at", filter=True),
        Moment("completed_at", filter=True),
        Text("conclusion", long=True, list=False),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
