"""Applying a plan: exactly what was shown, in batches, each whole or not at all; stopped, and taken up again.

The change sets of one plan name the first of them, so that they are undone as one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from app.engine.access import Actor
from app.engine.apply import change, transaction
from app.engine.bulk import plans
from app.engine.bulk.plans import BATCH, LIFE, BulkPlan
from app.engine.bulk.rehearsal import hold
from app.engine.bulk.work import Item, Outcome, Work, jsoned, of, write_what_can_be
from app.engine.long_work import Stopped
from app.engine.plan import same
from app.engine.refusals import Rejected, Stale
from app.engine.values import typed_row


def begin(
    connection: Connection, plan: BulkPlan, actor: Actor, reason: str, request_id: str | None, ip: str | None
) -> None:
    """Let a rehearsed plan be applied: once, by its maker, as long as it is what was shown.

    Raises Rejected without a reason, Stale when it was applied already, is too old, or is not what was rehearsed.
    """
    if not reason.strip():
        raise Rejected({"reason": "Say why; the history of every record keeps it."})
    if plan.expired:
        raise Stale("This rehearsal is a day old. Rehearse it again before you apply it.")
    if plan.changing == 0:
        raise Rejected({"": "There is nothing to apply: no record would change."})
    of(connection, plan.resource, plan.edits or {}, actor, reason)  # what the role allowed then, it must allow now
    if plan.sha256 != plans.digest(connection, plan):
        raise Stale("This plan is not what was rehearsed any more. Rehearse it again.")
    LIFE.begin(connection, plan, plan.sha256, reason, request_id, ip)


def carry_out(number: int, actor: Actor) -> BulkPlan:
    """Apply what is left of a plan that was begun, batch by batch. Safe to run twice and after a worker died: a batch is
    in the ledger with its rows marked, or neither happened.

    Raises NotAllowed or Rejected where the role does not include it any more.
    """
    with transaction() as connection:
        plan = plans.find(connection, number, actor.tenant_id)
        attempt = LIFE.take_up(connection, number)
        if attempt is None:
            return plan
        work = of(connection, plan.resource, plan.edits or {}, actor, plan.reason or "")
    while _batch(plan, work, actor, attempt):
        pass
    with transaction() as connection:
        LIFE.rest(connection, number, attempt)
        return plans.find(connection, number, actor.tenant_id)


class _Nothing(Exception):
    """A batch of which nothing could be written, so that no change set should stand for it."""


def _batch(plan: BulkPlan, work: Work, actor: Actor, attempt: int) -> bool:
    """One batch in one transaction with its change set; whether there may be more."""
    left: dict[int, Outcome] = {}
    try:
        with transaction() as connection:
            first = plans.first_set(connection, plan)
        with change(
            actor, reason=plan.reason, action=work.action, request_id=plan.request_id, ip=plan.ip, group_id=first
        ) as connection:
            rows = _next(connection, plan, attempt)
            items = _still(connection, work, rows, actor, left)
            for n, (kind, why) in write_what_can_be(connection, work, items).items():
                left[n] = Outcome("left_out", kind=kind, why=why)
            if len(left) == len(rows):
                raise _Nothing
            _mark(connection, plan, [row.n for row in rows if row.n not in left], left)
            connection.execute(
                text("INSERT INTO bulk_plan_sets (plan_id, change_set_id, records) VALUES (:plan, :set, :records)"),
                {"plan": plan.id, "set": connection.info["change_set"], "records": len(rows) - len(left)},
            )
    except _Nothing:
        with transaction() as connection:
            rows = _next(connection, plan, attempt)
            if not rows:
                LIFE.done(connection, plan.id, attempt)
                return False
            _mark(connection, plan, [], left)
    except Stopped:
        return False
    return True


def _next(connection: Connection, plan: BulkPlan, attempt: int) -> Sequence[Any]:
    """The rows of the next batch; the plan itself is held meanwhile, so that no two workers are at it."""
    LIFE.hold(connection, plan.id, attempt)
    return connection.execute(_NEXT, {"plan": plan.id, "n": BATCH}).all()


_NEXT = text(
    "SELECT n, record_id, version, before, after, given, why FROM bulk_plan_rows"
    " WHERE plan_id = :plan AND outcome = 'changes' ORDER BY n LIMIT :n"
)


def _still(
    connection: Connection, work: Work, rows: Sequence[Any], actor: Actor, left: dict[int, Outcome]
) -> list[Item]:
    """The rows that still stand as they were rehearsed and would become what was shown; the others go to `left` with why."""
    held = hold(connection, work, [row.record_id for row in rows], actor)
    missing = held.missing(connection)
    moved: list[Any] = []
    items: list[Item] = []
    for row in rows:
        now = held.rows.get(row.record_id)
        if now is None:
            gone = missing[row.record_id]
            left[row.n] = Outcome("left_out", kind=gone.kind, why=gone.why)
            continue
        if now.get("version") != row.version or not _stands(work, row, now):
            moved.append(row)
            continue
        outcome = work.outcome(connection, now)
        if outcome.outcome != "changes":
            left[row.n] = Outcome("left_out", kind=outcome.kind or "moved", why=outcome.why or "It is so by now.")
        elif not _as_shown(outcome, row):
            left[row.n] = Outcome("left_out", kind="moved", why="It would become something else than was shown.")
        else:
            items.append(Item(row.n, row.record_id, row.version, now, outcome.after or {}))
    names = _by_whom(connection, work, moved)
    for row in moved:
        who = names.get(str(row.record_id))
        why = f"{who} changed it since the rehearsal." if who else "It was changed since the rehearsal."
        left[row.n] = Outcome("left_out", kind="moved", why=why)
    return items


def _stands(work: Work, row: Any, now: Mapping[str, Any]) -> bool:
    """Whether a record of which nobody counts versions still has the values it was rehearsed with."""
    if work.resource.versioned:
        return True
    before = typed_row(work.resource.table, row.before or {})
    return all(same(now[name], value) for name, value in before.items() if name in now)


def _as_shown(outcome: Outcome, row: Any) -> bool:
    """Whether a record would become what was shown, but for what is only given at this moment."""
    given = {*outcome.given, *(row.given or ())}
    if (outcome.why or None) != (row.why or None):
        return False
    shown, now = (row.after or {}), json.loads(jsoned(_plain(outcome.after or {})))
    return {k: v for k, v in shown.items() if k not in given} == {k: v for k, v in now.items() if k not in given}


def _plain(after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if callable(value) else value for name, value in after.items()}


def _by_whom(connection: Connection, work: Work, rows: Sequence[Any]) -> dict[str, str]:
    """Who changed these records last."""
    if not rows or not work.resource.recorded:
        return {}
    found = connection.execute(
        _LAST, {"table": work.resource.ledger_name, "keys": [str(row.record_id) for row in rows]}
    )
    return {record: name for record, name in found if name}


_LAST = text("""
SELECT k.key, u.display_name FROM unnest(CAST(:keys AS text[])) AS k (key)
CROSS JOIN LATERAL (
    SELECT change_set_id FROM change_entries e WHERE e.table_name = :table AND e.record_id = k.key
    ORDER BY e.id DESC LIMIT 1
) e JOIN change_sets s ON s.id = e.change_set_id LEFT JOIN app_users u ON u.id = s.app_user_id
""")


def _mark(connection: Connection, plan: BulkPlan, applied: Sequence[int], left: Mapping[int, Outcome]) -> None:
    if applied:
        connection.execute(
            text("UPDATE bulk_plan_rows SET outcome = 'applied' WHERE plan_id = :plan AND n = ANY(:n)"),
            {"plan": plan.id, "n": list(applied)},
        )
    if left:
        connection.execute(
            text(
                "UPDATE bulk_plan_rows r SET outcome = 'left_out', kind = u.kind, why = u.why"
                " FROM unnest(CAST(:n AS int[]), CAST(:kind AS text[]), CAST(:why AS text[])) AS u (n, kind, why)"
                " WHERE r.plan_id = :plan AND r.n = u.n"
            ),
            {
                "plan": plan.id,
                "n": list(left),
                "kind": [each.kind for each in left.values()],
                "why": [each.why for each in left.values()],
            },
        )
    connection.execute(
        text(
            "UPDATE bulk_plans SET applied = applied + :applied, left_out = left_out + :left,"
            " beat_at = clock_timestamp() WHERE id = :id"
        ),
        {"id": plan.id, "applied": len(applied), "left": len(left)},
    )
