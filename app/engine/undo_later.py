"""Undos too large to wait for: done by a worker in batches, each whole by itself, stopped and gone on with at will."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from app.engine import ledger, undo_at_once
from app.engine.access import Actor
from app.engine.apply import change, transaction, tried, write
from app.engine.importing.rehearsal import give_time
from app.engine.ledger import ChangeSet
from app.engine.long_work import Stopped
from app.engine.refusals import NotAllowed, Rejected, Stale
from app.engine.undo import Left, Record, may_undo, plan_undo
from app.engine.undo_at_once import Done, Slice

BATCH, BY_ROW = 2_000, 500
"""Entries in one batch: a second or two of work; fewer where each record is written by itself."""
COUNTED = 200_000
"""Entries up to which a preview counts what an undo would do."""


class _Nothing(Exception):
    """A batch in which nothing could be restored leaves no change set behind."""

    def __init__(self, done: Done) -> None:
        super().__init__()
        self.done = done


def ask(
    connection: Connection, sets: Sequence[tuple[int, int]], actor: Actor, reason: str, request_id: str | None
) -> int:
    """Write down that these sets, (id, entries) as they were written, are to be undone; the last one comes first.

    Raises NotAllowed while the same change is being undone already.
    """
    values = {
        "tenant": actor.tenant_id,
        "person": actor.app_user_id,
        "set": sets[-1][0] if len(sets) == 1 else sets[0][0],
        "sets": [number for number, _entries in reversed(sets)],
        "entries": sum(entries for _number, entries in sets),
        "reason": reason,
        "request": request_id,
    }
    number = connection.execute(_ASK, values).scalar()
    if number is None:
        raise NotAllowed("This change is being undone at this moment.")
    return int(number)


def run_of(connection: Connection, number: int, tenant_id: int) -> Row[Any] | None:
    """One undo with who asked for it."""
    return connection.execute(_RUN, {"id": number, "tenant": tenant_id}).first()


def runs_of(connection: Connection, set_id: int) -> Sequence[Row[Any]]:
    """The large undos of a set, newest first."""
    return connection.execute(_RUNS, {"set": set_id}).all()


def take_up(connection: Connection, number: int) -> Row[Any] | None:
    """Begin, or go on after a worker that died: None when it is done with or was stopped meanwhile."""
    return connection.execute(_TAKE_UP, {"id": number}).first()


def stop(connection: Connection, number: int) -> bool:
    """Stop after the batch that is being written; what is done stays done and is listed."""
    return connection.execute(_STOP, {"id": number}).rowcount == 1


def resume(connection: Connection, number: int) -> bool:
    """Go on with what was stopped or failed, where it stood."""
    return connection.execute(_RESUME, {"id": number}).rowcount == 1


def finish(connection: Connection, run: Row[Any], status: str, why: str | None = None) -> bool:
    """End it as this attempt found it; False when it is another's by now."""
    values = {"id": run.id, "attempt": run.attempt, "status": status, "why": why}
    return connection.execute(_FINISH, values).rowcount == 1


def left(connection: Connection, number: int, after: int = 0, limit: int = ledger.PAGE) -> Sequence[Row[Any]]:
    """What an undo left as it is, in the order it came upon it."""
    return connection.execute(_LEFT, {"run": number, "after": after, "n": limit}).all()


def go_on(engine: Engine, run: Row[Any], actor: Actor, entries: int = BATCH) -> None:
    """Take back everything that is still to do, so many entries at a time.

    Raises Stopped, and NotAllowed once the actor's role no longer allows it.
    """
    sets = run.set_ids
    with engine.connect() as connection:
        why_not = may_undo_all(connection, sets, actor)
    if why_not:
        raise NotAllowed(why_not)
    at, position = run.at_set, run.at_entry
    while at < len(sets):
        with engine.connect() as connection:
            found = ledger.change_set(connection, actor, sets[at])
            plain = undo_at_once.is_plain(connection, sets[at])
        if found is None:
            raise NotAllowed("A change that was to be undone is not to be found any more.")
        position = _set(engine, run, found, position, plain, actor, entries)
        at, position = at + 1, None
        with transaction(engine) as connection:
            _move(connection, run, at, None, 0, Done(), None)


def may_undo_all(connection: Connection, sets: Sequence[int], actor: Actor) -> str | None:
    """Why this actor cannot undo all of these sets, or None."""
    for number in sets:
        found = ledger.change_set(connection, actor, number)
        if found is None:
            return "This change touches what your role does not see."
        why_not = may_undo(found, set(ledger.tables(connection, number)), actor, connection)
        if why_not:
            return why_not
    return None


def _set(
    engine: Engine, run: Row[Any], found: ChangeSet, position: int | None, plain: bool, actor: Actor, most: int
) -> int | None:
    """All batches of one set, from where it stood."""
    at = list(run.set_ids).index(found.id)
    while True:
        with engine.connect() as connection:
            batch = _batch(connection, found, position, most)
        if not batch:
            return position
        low, entries = min(each.low for each in batch), sum(each.entries for each in batch)
        try:
            with change(
                actor,
                reason=run.reason,
                action="undo",
                request_id=run.request_id,
                undoes_id=found.id,
                group_id=_group(engine, run),
            ) as connection:
                give_time(connection)
                done = Done()
                for each in batch:
                    done += _table(connection, found, each, plain, actor)
                if not done.restored:
                    raise _Nothing(done)
                _move(connection, run, at, low, entries, done, connection.info["change_set"])
        except _Nothing as nothing:
            with transaction(engine) as connection:
                _move(connection, run, at, low, entries, nothing.done, None)
        position = low


def _group(engine: Engine, run: Row[Any]) -> int | None:
    with engine.connect() as connection:
        return connection.execute(_GROUP, {"id": run.id}).scalar()


def _batch(connection: Connection, found: ChangeSet, position: int | None, most: int) -> Sequence[Row[Any]]:
    """The next entries of a set by table, those first that were written last: rows of (table_name, low, high, entries)."""
    asked = {"set": found.id, "before": position, "n": most}
    batch = connection.execute(_BATCH, asked).all()
    if any(undo_at_once.can(connection, each.table_name, arrived(found) is not None) is None for each in batch):
        batch = connection.execute(_BATCH, asked | {"n": min(most, BY_ROW)}).all()
    return batch


def arrived(found: ChangeSet) -> int | None:
    """The first set of the import a set belongs to; None where it is of none."""
    return (found.group_id or found.id) if found.channel == "import" else None


def _table(connection: Connection, found: ChangeSet, part: Row[Any], plain: bool, actor: Actor) -> Done:
    came = arrived(found)
    resource = undo_at_once.can(connection, part.table_name, came is not None)
    if resource is not None:
        return undo_at_once.undo(connection, Slice(found.id, resource, part.low, part.high, plain, came), actor)
    asked = {"set": found.id, "table": part.table_name, "low": part.low, "high": part.high}
    records: list[Record] = [(part.table_name, record) for (record,) in connection.execute(_RECORDS, asked)]
    return _row_by_row(connection, found, records, actor)


def _row_by_row(connection: Connection, found: ChangeSet, records: list[Record], actor: Actor) -> Done:
    planned = plan_undo(connection, found, actor, records)
    restored, left_alone = 0, list(planned.left)
    for each in planned.plan.changes:
        try:
            with tried(connection, planned.plan):
                write(connection, each, actor)
            restored += 1
        except (Rejected, Stale, NotAllowed) as refused:
            sentence = refused.sentence[:1].lower() + refused.sentence[1:]
            left_alone.append(Left(each.resource.name, str(each.key), None, sentence))
    return Done(restored, tuple(left_alone))


def _move(
    connection: Connection,
    run: Row[Any],
    at: int,
    position: int | None,
    entries: int,
    done: Done,
    change_set: int | None,
) -> None:
    """Write down how far it is, in the transaction that brought it there. Raises Stopped."""
    values = {
        "id": run.id,
        "attempt": run.attempt,
        "at": at,
        "position": position,
        "entries": entries,
        "restored": done.restored,
        "left": len({(each.table, each.record_id) for each in done.left}),
        "change_set": change_set,
    }
    if connection.execute(_MOVE, values).rowcount != 1:
        raise Stopped("The undo was stopped.")
    if done.left:
        connection.execute(
            _NOTE,
            [
                {"run": run.id, "table": each.table, "record": each.record_id, "field": each.field, "why": each.why}
                for each in done.left
            ],
        )


_ASK = text("""
INSERT INTO undo_runs (tenant_id, app_user_id, change_set_id, set_ids, entries, reason, request_id)
VALUES (:tenant, :person, :set, CAST(:sets AS bigint[]), :entries, :reason, :request)
ON CONFLICT (change_set_id) WHERE status IN ('waiting', 'running') DO NOTHING
RETURNING id
""")
_RUN = text("""
SELECT r.*, a.display_name AS asked_by FROM undo_runs r JOIN app_users a ON a.id = r.app_user_id
WHERE r.id = :id AND r.tenant_id = :tenant
""")
_RUNS = text("SELECT * FROM undo_runs WHERE change_set_id = :set ORDER BY id DESC LIMIT 20")
_TAKE_UP = text("""
UPDATE undo_runs SET status = 'running', attempt = attempt + 1, beat_at = clock_timestamp()
WHERE id = :id AND status IN ('waiting', 'running') RETURNING *
""")
_STOP = text("""
UPDATE undo_runs SET status = 'stopped', finished_at = clock_timestamp() WHERE id = :id AND status IN ('waiting', 'running')
""")
_RESUME = text("""
UPDATE undo_runs SET status = 'waiting', why = NULL, finished_at = NULL, beat_at = clock_timestamp()
WHERE id = :id AND status IN ('stopped', 'failed')
""")
_FINISH = text("""
UPDATE undo_runs SET status = :status, why = :why, finished_at = clock_timestamp()
WHERE id = :id AND attempt = :attempt AND status IN ('waiting', 'running')
""")
_LEFT = text("SELECT * FROM undo_left WHERE undo_run_id = :run AND id > :after ORDER BY id LIMIT :n")
_GROUP = text("SELECT group_id FROM undo_runs WHERE id = :id")
_BATCH = text("""
SELECT table_name, min(id) AS low, max(id) AS high, count(*) AS entries FROM (
    SELECT id, table_name FROM change_entries
    WHERE change_set_id = :set AND (CAST(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :n
) AS next GROUP BY table_name ORDER BY max(id) DESC
""")
_RECORDS = text("""
SELECT e.record_id FROM change_entries e
WHERE e.change_set_id = :set AND e.table_name = :table AND e.id BETWEEN :low AND :high
    AND NOT EXISTS (SELECT FROM change_entries l WHERE l.table_name = e.table_name AND l.record_id = e.record_id
        AND l.id > e.id AND l.change_set_id = e.change_set_id)
""")
_MOVE = text("""
UPDATE undo_runs SET at_set = :at, at_entry = :position, entries_done = entries_done + :entries,
    records_restored = records_restored + :restored, records_left = records_left + :left,
    group_id = coalesce(group_id, :change_set), beat_at = clock_timestamp()
WHERE id = :id AND attempt = :attempt AND status = 'running'
""")
_NOTE = text("""
INSERT INTO undo_left (undo_run_id, table_name, record_id, field, why) VALUES (:run, :table, :record, :field, :why)
""")
