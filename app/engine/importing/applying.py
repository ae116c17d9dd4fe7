"""Applying an import: exactly what was rehearsed, in batches, each whole or not at all; stopped, and taken up again.

The change sets of one run name the first of them, so that it is undone as one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from app.engine.access import Actor
from app.engine.apply import change, transaction
from app.engine.bulk.work import jsoned
from app.engine.importing import runs, sources
from app.engine.importing.matching import Context, Found, Row, foresee, look, still_new
from app.engine.importing.rehearsal import give_time, in_turn, next_rows
from app.engine.importing.runs import LIFE, Run
from app.engine.importing.writing import Fault, write_what_can_be
from app.engine.long_work import Stopped
from app.engine.refusals import Rejected, Stale


def begin(connection: Connection, run: Run, actor: Actor, reason: str, request_id: str | None, ip: str | None) -> None:
    """Let a rehearsed run be applied: once, by its maker, as long as it is what was shown.

    Raises Rejected without a reason, Stale when it was applied already, is too old, or is not what was rehearsed.
    """
    if not reason.strip():
        raise Rejected({"reason": "Say why; the history of every record keeps it."})
    if run.expired:
        raise Stale("This rehearsal is a day old. Rehearse it again before you apply it.")
    if run.writing == 0:
        raise Rejected({"": "There is nothing to apply: all of it is here already, or refused."})
    for sheet in run.sheets:
        Context(run, sheet, actor)  # what the role allowed then, it must allow now
    if run.state == "ready" and run.sha256 != runs.digest(connection, run):
        raise Stale("This import is not what was rehearsed any more; the file or a row was changed. Rehearse it again.")
    LIFE.begin(connection, run, run.sha256, reason, request_id, ip)


def discard(connection: Connection, run: Run) -> None:
    """Give a run up before anything of it was applied; its rows and files go. Raises Stale for any other."""
    LIFE.discard(connection, run)
    for forget in (_FORGET_ROWS, _FORGET_PARTS):
        connection.execute(forget, {"ids": [each.id for each in run.sheets]})


_FORGET_ROWS = text("DELETE FROM import_rows WHERE sheet_id = ANY(:ids)")
_FORGET_PARTS = text("DELETE FROM import_parts WHERE sheet_id = ANY(:ids)")


def carry_out(number: int, actor: Actor) -> Run:
    """Apply what is left of a run that was begun, batch by batch. Safe to run twice and after a worker died: a batch is in
    the ledger with its rows marked, or neither happened.

    Raises NotAllowed where the role does not include it any more.
    """
    with transaction() as connection:
        run = runs.find(connection, number, actor.tenant_id)
        attempt = LIFE.take_up(connection, number)
        if attempt is None:
            return run
    for sheet in run.sheets:
        context = Context(run, sheet, actor)
        # With one batch alone there is nothing to be ahead of, and a person may be waiting for it.
        for ahead in _foreseen(context) if run.total > runs.BATCH else ():
            if not _batch(context, attempt, ahead):
                break
        while _batch(context, attempt):
            pass
    with transaction() as connection:
        LIFE.rest(connection, number, attempt)
        left = connection.execute(_LEFT, {"sheets": [each.id for each in run.sheets]}).scalar()
    if not left:
        _settle(run, actor)
    with transaction() as connection:
        if not left:
            LIFE.done(connection, number, attempt)
        return runs.find(connection, number, actor.tenant_id)


_LEFT = text("SELECT EXISTS (SELECT FROM import_rows WHERE sheet_id = ANY(:sheets) AND todo)")


@dataclass(frozen=True)
class Ahead:
    """The next rows, weighed while those before them were being written: which to write as they were shown, and why the
    others are left out. None to write where they have to be weighed in the transaction that writes them."""

    rows: Sequence[Row]
    writing: Sequence[Found] | None = None
    left: Mapping[int, Fault] = field(default_factory=dict)

    def stands(self, connection: Connection, context: Context) -> bool:
        """Whether they are what there is to write now, and would be weighed just so."""
        asked = {"sheet": context.sheet.id, "n": [row.n for row in self.rows]}
        waiting = connection.execute(_STILL_TO_DO, asked).scalar()
        return waiting == len(self.rows) and still_new(connection, context, self.rows)


_STILL_TO_DO = text("SELECT count(*) FROM import_rows WHERE sheet_id = :sheet AND n = ANY(:n) AND todo")


def _foreseen(context: Context) -> Iterator[Ahead]:
    """The batches of a sheet in turn, each weighed while the one before it is with whoever asked for it."""

    def weigh(after: int) -> Ahead | None:
        with transaction() as connection:
            give_time(connection)
            rows = next_rows(connection, context.sheet, after, "AND todo")
            if not rows:
                return None
            found = foresee(connection, context, rows)
            return Ahead(rows) if found is None else Ahead(rows, *_as_shown(connection, context, found))

    with ThreadPoolExecutor(1) as beside:
        ahead = beside.submit(copy_context().run, weigh, 0)
        while (batch := ahead.result()) is not None:
            ahead = beside.submit(copy_context().run, weigh, batch.rows[-1].n)
            yield batch


class _Again(Exception):
    """Somebody let go of a record just now: the next round writes it, with a change set."""


def _settle(run: Run, actor: Actor) -> None:
    """Bring in line what hangs on the rows as a whole, in a change set of the run's own group."""
    settle = sources.settle(run.kind)
    if settle is None:
        return
    with transaction() as connection:
        first = runs.first_set(connection, run)
    if first is None:
        return
    with change(
        actor, reason=run.reason, action="import", channel="import", request_id=run.request_id, ip=run.ip,
        group_id=first,
    ) as connection:  # fmt: skip
        give_time(connection)
        settle(connection, run)


class _Nothing(Exception):
    """A batch of which no record was written, so that no change set should stand for it."""


def _batch(context: Context, attempt: int, ahead: Ahead | None = None) -> bool:
    """One batch in one transaction with its change set; whether there may be more."""
    run = context.run
    try:
        with transaction() as connection:
            first = runs.first_set(connection, run)
        with change(
            context.actor, reason=run.reason, action="import", channel="import", request_id=run.request_id, ip=run.ip,
            group_id=first,
        ) as connection:  # fmt: skip
            done = _write(connection, context, attempt, connection.info["change_set"], ahead)
            if done is None or not done.records:
                raise _Nothing
            mark(connection, context, done)
            values = {"id": run.id, "set": connection.info["change_set"], "records": done.records}
            connection.execute(_SET, values)
    except _Nothing:
        return _notes_alone(context, attempt)
    except Stopped:
        return False
    return True


def _notes_alone(context: Context, attempt: int) -> bool:
    """A batch that writes no record: what the source said is kept, and what was left out."""
    try:
        with transaction() as connection:
            done = _write(connection, context, attempt, None)
            if done is None:
                return False
            if done.records:
                raise _Again
            mark(connection, context, done)
    except _Again:
        return True
    except Stopped:
        return False
    return True


_SET = text("INSERT INTO import_sets (import_id, change_set_id, records) VALUES (:id, :set, :records)")


class Done:
    """What came of a batch."""

    def __init__(self) -> None:
        self.applied: dict[int, int | None] = {}
        self.left: dict[int, Fault] = {}
        self.records = 0
        """Records created or changed."""


def _write(
    connection: Connection, context: Context, attempt: int, change_set: int | None, ahead: Ahead | None = None
) -> Done | None:
    """Write the next rows as they were shown; None where there are no more."""
    run, sheet, table = context.run, context.sheet, context.sheet.table_name
    give_time(connection)
    LIFE.hold(connection, run.id, attempt)
    # Two imports of one source do not make the same record twice.
    connection.execute(_ONE_BY_ONE, {"tenant": str(run.tenant_id), "source": run.source, "table": table})
    done = Done()

    def keep(part: Sequence[Found], keys: Mapping[int, int]) -> None:
        heard = [one for each in part if (one := each.heard(keys[each.row.n])) is not None]
        sources.keep(connection, run, sheet, heard, change_set)
        clashes = [clash for each in part for clash in each.clashes]
        sources.put_before_a_person(connection, run, table, clashes)

    def put(writing: Sequence[Found], left: Mapping[int, Fault]) -> None:
        written = write_what_can_be(connection, context, writing, rehearsing=False, after_each=keep)
        done.left |= {**left, **written.faults}
        for each in writing:
            if each.row.n in written.keys:
                done.applied[each.row.n] = written.keys[each.row.n]
                done.records += bool(each.after or each.clashes)

    if ahead is not None and ahead.writing is not None and ahead.stands(connection, context):
        put(ahead.writing, ahead.left)
        return done
    rows = next_rows(connection, sheet, 0, "AND todo")
    for group in in_turn(context, rows):
        put(*_as_shown(connection, context, look(connection, context, group)))
    return done if rows else None


def _as_shown(connection: Connection, context: Context, found: Sequence[Found]) -> tuple[list[Found], dict[int, Fault]]:
    """Which rows would become just what was shown, and why the others are left out."""
    asked = {"sheet": context.sheet.id, "n": [each.row.n for each in found]}
    shown = {row.n: row for row in connection.execute(_SHOWN, asked).all()}
    writing: list[Found] = []
    left: dict[int, Fault] = {}
    for each in found:
        why = _otherwise(each, shown[each.row.n])
        if why is None:
            writing.append(each)
        else:
            left[each.row.n] = (each.column, why)
    return writing, left


def _otherwise(found: Found, shown: Any) -> str | None:
    """Why a row is left out: it would do something else by now than was shown."""
    if found.outcome != shown.outcome:
        return found.why or "It would become something else than was shown."
    if found.outcome != "creates" and found.record_id != shown.record_id:
        return "It is about another record by now."
    if found.outcome in ("changes", "conflicts") and found.version != shown.version:
        return "Somebody changed it since the rehearsal."
    given = {*found.later, *(shown.later or ())}
    then, now = dict(shown.after or {}), _as_kept(found.after)
    for name in given:
        then.pop(name, None)
        now.pop(name, None)
    return None if then == now else "It would become something else than was shown."


def _as_kept(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they read once they were kept as JSON; most are so already."""
    others = {name: value for name, value in values.items() if value.__class__ not in _KEPT}
    return {**values, **json.loads(jsoned(others))} if others else dict(values)


_KEPT = frozenset({str, int, bool, float, type(None)})


_ONE_BY_ONE = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('import ' || :tenant || ' ' || :source || ' ' || :table, 0))"
)
_SHOWN = text(
    "SELECT n, outcome, record_id, version, after, later FROM import_rows WHERE sheet_id = :sheet AND n = ANY(:n)"
)


def mark(connection: Connection, context: Context, done: Done) -> None:
    """Write down what came of a batch, in the transaction that wrote it."""
    sheet = context.sheet
    if done.applied:
        asked = {"sheet": sheet.id, "n": list(done.applied), "records": list(done.applied.values())}
        connection.execute(_APPLIED, asked)
    if done.left:
        asked = {
            "sheet": sheet.id, "n": list(done.left), "columns": [column for column, _ in done.left.values()],
            "whys": [runs.storable(why) for _, why in done.left.values()],
        }  # fmt: skip
        connection.execute(_LEFT_OUT, asked)
    beat = {"id": context.run.id, "applied": len(done.applied), "left": len(done.left)}
    connection.execute(_BEAT, beat)


_APPLIED = text("""
UPDATE import_rows r SET outcome = CASE WHEN outcome = 'already' THEN outcome ELSE 'applied' END, todo = false,
    record_id = u.record
FROM unnest(CAST(:n AS int[]), CAST(:records AS bigint[])) AS u (n, record) WHERE r.sheet_id = :sheet AND r.n = u.n
""")
_LEFT_OUT = text("""
UPDATE import_rows r SET outcome = 'left_out', todo = false, "column" = u.col, why = u.why
FROM unnest(CAST(:n AS int[]), CAST(:columns AS text[]), CAST(:whys AS text[])) AS u (n, col, why)
WHERE r.sheet_id = :sheet AND r.n = u.n
""")
_BEAT = text(
    "UPDATE imports SET applied = applied + :applied, left_out = left_out + :left, beat_at = clock_timestamp()"
    " WHERE id = :id"
)
