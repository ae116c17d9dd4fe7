"""Bulk fixes too large to wait for: rehearsed and applied by a worker as the person they are for, who is told."""

from __future__ import annotations

from app.domains.platform.errands import Errand
from app.engine import background
from app.engine.bulk import applying, approval, plans, rehearsal
from app.engine.bulk.plans import BulkPlan

once_approved = approval.run
"""What carries out a plan that needed a second person; a worker knows it by this."""


@background.task("bulk.rehearse")
def rehearse(plan_id: int) -> None:
    """Rehearse a plan. One that was stopped or taken over meanwhile is left alone."""
    ERRAND.run(plan_id, rehearsal.rehearse)


@background.task("bulk.apply")
def apply(plan_id: int) -> None:
    """Apply what is left of a plan; after a worker died, the next one goes on with the batch that was lost."""
    ERRAND.run(plan_id, applying.carry_out)


def _said(plan: BulkPlan) -> tuple[str, str]:
    many = plan.resource.many.lower()
    if plan.state == "ready":
        return (
            f"Your rehearsal over {plan.total:,} {many} is ready",
            f"{plan.changing:,} would change, {plan.refused:,} are refused, {plan.already:,} are already so.",
        )
    if plan.state == "done":
        return f"{plan.applied:,} {many} changed", f"{plan.left_out:,} were left out. You can undo all of it."
    return f"Your fix of {many} stopped", f"{plan.applied:,} changed so far; you can go on or undo them."


ERRAND = Errand(
    "bulk",
    plans.LIFE,
    "replace(table_name, '_', ' ')",
    "plan_id",
    "/plans",
    "Your fix of {label} could not go on",
    _said,
)
