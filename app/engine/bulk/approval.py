"""Many money records changed at once are decided by a second person, who approves exactly the plan that was rehearsed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from app.core.db import db
from app.engine import background
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.approval_rules import Need, needed
from app.engine.approvals import Request, Within, ask, executor, rehearses
from app.engine.bulk import applying, plans
from app.engine.bulk.plans import AT_ONCE, BulkPlan
from app.engine.plan import Change
from app.engine.refusals import NotAllowed, NotFound, Stale

MOST_SHOWN = 200


def needed_to_apply(connection: Connection, plan: BulkPlan, actor: Actor) -> Need | None:
    """Whether applying this plan needs a second person."""
    why = f"Changing {plan.changing:,} {plan.resource.many[:1].lower() + plan.resource.many[1:]} at once needs a second person."
    anyhow = (plan.edits or {}).get("kind") == "quality"  # a fix writes into other tables than the one it is about
    return needed(connection, actor, "bulk_fix", size=plan.changing, resource=plan.resource, why=why, whatever=anyhow)


def ask_to_apply(connection: Connection, actor: Actor, need: Need, plan: BulkPlan, reason: str) -> int:
    """Ask for a rehearsed plan to be applied; the request lapses with the rehearsal. Returns the request's id."""
    if plan.expired or plan.state != "ready":
        raise Stale("This rehearsal is not ready to be applied any more. Rehearse it again.")
    if plan.sha256 != plans.digest(connection, plan):
        raise Stale("This plan is not what was rehearsed any more. Rehearse it again.")
    resource = plan.resource
    what = {"do": plan.title, "with": f"{plan.changing:,} {resource.many}"}
    moved = [
        f"{each['field']}: {each['before']} → {each['after']} {each['currency']}"
        for each in plan.money
        if each.get("field")
    ]
    if moved:
        what["money"] = "; ".join(moved)[:600]
    first = plans.rows(connection, plan, "changes", limit=1)
    call = {"act": "bulk", "plan": plan.id, "sha256": plan.sha256}
    return ask(
        connection, actor, need, title=f"{plan.title}: {plan.changing:,} {resource.many}", what=what, call=call,
        about=(resource.name, first[0].record_id), reason=reason, expires=plan.expires_at,
    )  # fmt: skip


@executor("bulk")
def run(request: Request, asker: Actor, within: Within) -> None:
    """Let the plan begin, once and only if it is still what was approved; a worker goes on with a large one."""
    call = request.payload["call"]
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as reading:
        plan = plans.find(reading, call["plan"], request.tenant_id)
    if plan.app_user_id != asker.app_user_id or plan.sha256 != call["sha256"]:
        raise NotAllowed("This plan is not what was approved any more. Nothing was changed; rehearse it and ask anew.")
    why = f"{request.payload.get('why', '')} (approved, request {request.id})"
    with transaction() as connection:
        applying.begin(connection, plan, asker, why, None, None)
        within(connection)
        if plan.changing > AT_ONCE:
            queued = background.queue.tasks["bulk.apply"]
            background.defer_within(connection, queued, once=f"bulk.apply:{plan.id}", plan_id=plan.id)
    if plan.changing <= AT_ONCE:
        applying.carry_out(plan.id, asker)


@rehearses("bulk")
def shown(connection: Connection, request: Request) -> Sequence[Change]:
    """The first records of the plan with their values before and after."""
    try:
        plan = plans.find(connection, request.payload["call"]["plan"], request.tenant_id)
    except NotFound:
        return []
    resource = plan.resource
    return [
        Change(resource, "update", each.record_id, each.before, each.after)
        for each in plans.rows(connection, plan, limit=MOST_SHOWN)
        if each.outcome in ("changes", "applied", "left_out")
    ]
