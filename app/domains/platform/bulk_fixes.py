"""Bulk fixes too large to wait for: rehearsed and applied by a worker as the person they are for, who is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from app.core.db import db
from app.engine import background
from app.engine.access import SYSTEM, Actor
from app.engine.apply import change, transaction
from app.engine.approval_rules import person
from app.engine.bulk import applying, approval, rehearsal
from app.engine.bulk.plans import BulkPlan
from app.engine.bulk.rehearsal import Stopped
from app.engine.refusals import NotAllowed, Refusal

logger = logging.getLogger("console.bulk")

once_approved = approval.run
"""What carries out a plan that needed a second person; a worker knows it by this."""


@background.task("bulk.rehearse")
def rehearse(plan_id: int) -> None:
    """Rehearse a plan. One that was stopped or taken over meanwhile is left alone."""
    _as_its_maker(plan_id, rehearsal.rehearse)


@background.task("bulk.apply")
def apply(plan_id: int) -> None:
    """Apply what is left of a plan; after a worker died, the next one goes on with the batch that was lost."""
    _as_its_maker(plan_id, applying.carry_out)


def _as_its_maker(plan_id: int, work: Callable[[int, Actor], BulkPlan]) -> None:
    with db.engine.connect() as connection:
        row = connection.execute(_WHOSE, {"id": plan_id}).first()
        actor = person(connection, row.app_user_id) if row is not None else None
    if row is None:
        return
    try:
        if actor is None:
            raise NotAllowed("The person it was for may no longer work here.")
        plan = work(plan_id, actor)
    except Stopped:
        logger.info("bulk plan stopped", extra={"plan": plan_id})
        return
    except Refusal as refused:
        with transaction() as connection:
            applying.fail(connection, plan_id, refused.sentence)
        _tell(row, "warning", f"Your fix of {row.label} could not go on", refused.sentence)
    else:
        title, body = _said(plan)
        _tell(row, "success" if plan.state in ("ready", "done") else "warning", title, body)


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


def _tell(row: Any, severity: str, title: str, body: str) -> None:
    with change(
        SYSTEM(row.tenant_id), reason=f"Bulk plan {row.id}", action="bulk.told", channel="system"
    ) as connection:
        connection.execute(
            _NOTICE,
            {
                "tenant": row.tenant_id,
                "person": row.app_user_id,
                "severity": severity,
                "title": title,
                "body": body,
                "link": f"/plans/{row.id}",
                "matter": f"bulk:{row.id}:{title}"[:200],
            },
        )


_WHOSE = text(
    "SELECT id, tenant_id, app_user_id, replace(table_name, '_', ' ') AS label FROM bulk_plans WHERE id = :id"
)
_NOTICE = text("""
INSERT INTO user_notifications (tenant_id, app_user_id, kind, severity, title, body, link, dedupe_key)
VALUES (:tenant, :person, 'bulk.done', :severity, :title, :body, :link, :matter)
ON CONFLICT DO NOTHING
""")
