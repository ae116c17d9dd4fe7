"""Many money records brought in at once are decided by a second person, who approves exactly what was rehearsed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from app.core.db import db
from app.engine import background
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.approval_rules import Need, needed
from app.engine.approvals import Request, Within, ask, executor, rehearses
from app.engine.bulk.approval import MOST_SHOWN
from app.engine.importing import applying, runs
from app.engine.importing.matching import Context
from app.engine.importing.runs import AT_ONCE, Run
from app.engine.plan import Change
from app.engine.refusals import NotAllowed, NotFound, Stale


def needed_to_apply(connection: Connection, run: Run, actor: Actor) -> Need | None:
    """Whether applying this run needs a second person: by how many records of one money table it writes.

    What a guided run brings in anew, others issued long ago; its permission stands for that. What it changes counts.
    """
    counted = runs.counts(connection, run)
    for sheet in run.sheets:
        guided = Context(run, sheet, actor).stands_in
        weighed = ("changes", "conflicts") if guided else ("creates", "changes", "conflicts")
        size = sum(counted[sheet.id].get(name, 0) for name in weighed)
        many = sheet.resource.many[:1].lower() + sheet.resource.many[1:]
        why = f"Bringing in {size:,} {many} at once needs a second person."
        need = needed(connection, actor, "bulk_fix", size=size, resource=sheet.resource, why=why)
        if need is not None:
            return need
    return None


def ask_to_apply(connection: Connection, actor: Actor, need: Need, run: Run, reason: str) -> int:
    """Ask for a rehearsed run to be applied; the request lapses with the rehearsal. Returns the request's id."""
    if run.expired or run.state != "ready":
        raise Stale("This rehearsal is not ready to be applied any more. Rehearse it again.")
    if run.sha256 != runs.digest(connection, run):
        raise Stale("This import is not what was rehearsed any more. Rehearse it again.")
    what = {"do": f"Import {run.title}", "with": f"{run.creates:,} new, {run.changes + run.conflicts:,} changed"}
    call = {"act": "import", "import": run.id, "sha256": run.sha256}
    return ask(
        connection, actor, need, title=f"Import {run.title}: {run.writing:,} rows", what=what, call=call,
        about=_about(connection, run, actor), reason=reason, expires=run.expires_at,
    )  # fmt: skip


def _about(connection: Connection, run: Run, actor: Actor) -> tuple[str, int]:
    """A record it changes; where it only makes new ones, whoever asks."""
    for sheet in run.sheets:
        for each in runs.rows(connection, sheet.id, "changes", limit=1):
            if each.record_id is not None:
                return sheet.table_name, each.record_id
    return "app_users", actor.app_user_id or 0


@executor("import")
def carry_out(request: Request, asker: Actor, within: Within) -> None:
    """Let the run begin, once and only if it is still what was approved; a worker goes on with a large one."""
    call = request.payload["call"]
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as reading:
        run = runs.find(reading, call["import"], request.tenant_id)
    if run.sha256 != call["sha256"]:
        raise Stale("It was rehearsed anew since it was asked for, so it is not what was approved.")
    if run.app_user_id != asker.app_user_id:
        raise NotAllowed("Only whoever rehearsed it may have it applied.")
    why = f"{request.payload.get('why', '')} (approved, request {request.id})"
    with transaction() as connection:
        applying.begin(connection, run, asker, why, None, None)
        within(connection)
        if run.writing > AT_ONCE:
            apply_later(connection, run.id)
    if run.writing <= AT_ONCE:
        applying.carry_out(run.id, asker)


def apply_later(connection: Connection, number: int) -> None:
    """Leave a run that was begun to the worker."""
    queued = background.queue.tasks["import.apply"]
    background.defer_within(connection, queued, once=f"import.apply:{number}", import_id=number)


@rehearses("import")
def shown(connection: Connection, request: Request) -> Sequence[Change]:
    """The first records of the run with their values before and after."""
    try:
        run = runs.find(connection, request.payload["call"]["import"], request.tenant_id)
    except NotFound:
        return []
    changes: list[Change] = []
    for sheet in run.sheets:
        for outcome in ("creates", "changes", "conflicts", "applied"):
            for each in runs.rows(connection, sheet.id, outcome, limit=MOST_SHOWN - len(changes)):
                kind = "update" if each.before else "insert"
                changes.append(Change(sheet.resource, kind, each.record_id, each.before, each.after))
    return changes[:MOST_SHOWN]
