"""What may be wrong with what agents decided: data rule 09."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func, select

from app.core.db import db
from app.engine.quality.rules import Fixed, Fixing, Only, rule


@rule(
    "DQ-09", "Decision differs from its calls", "ai_decision_logs", group="numbers", owner="ai_operator",
    whole="Calls are a log the history does not follow, so every decision is looked at.", worth=("total_cost",),
)  # fmt: skip
def decision_and_calls(only: Only) -> str:
    """Its cost or number of calls is not that of its calls: the cost per decision is wrong, and the budget with it."""
    return f"""
        SELECT d.id, round(abs(d.total_cost - c.cost), 2) AS amount, 'USD' AS currency, jsonb_build_object(
            'cost', d.total_cost, 'cost of its calls', c.cost, 'calls', d.call_count, 'calls there are', c.number) AS details
        FROM ai_decision_logs d JOIN (
            SELECT decision_id, sum(total_cost) AS cost, count(*) AS number FROM ai_calls
            WHERE tenant_id = :tenant AND decision_id IS NOT NULL {only("decision_id")} GROUP BY 1) c ON c.decision_id = d.id
        WHERE d.tenant_id = :tenant AND (d.total_cost <> c.cost OR d.call_count <> c.number) {only("d.id")}
        UNION ALL
        SELECT d.id, round(d.total_cost, 2), 'USD', jsonb_build_object('cost', d.total_cost, 'calls', d.call_count,
            'calls there are', 0)
        FROM ai_decision_logs d WHERE d.tenant_id = :tenant AND (d.total_cost <> 0 OR d.call_count <> 0)
            AND NOT EXISTS (SELECT FROM ai_calls c WHERE c.decision_id = d.id) {only("d.id")}"""


@decision_and_calls.fix("recompute", "Recompute from its calls", "ai.decisions.review")
def recompute(fixing: Fixing) -> Fixed:
    """Cost, calls and tokens become the sums of its calls."""
    calls = db.metadata.tables["ai_calls"].c
    cost, number, given, made = fixing.connection.execute(
        select(
            func.coalesce(func.sum(calls.total_cost), 0),
            func.count(),
            func.coalesce(func.sum(calls.input_tokens), 0),
            func.coalesce(func.sum(calls.output_tokens), 0),
        ).where(calls.decision_id == fixing.record["id"])
    ).one()
    changed = fixing.change(
        fixing.resource.name, fixing.record, total_cost=Decimal(cost), call_count=number, input_tokens=given,
        output_tokens=made,
    )  # fmt: skip
    return Fixed(f"{number} calls at ${cost:.6f} in all.", (changed,))
