"""The rehearsal of an import: the real statements, taken back, and what was found of every row meanwhile.

Where rows refer to others of the same run all of it is rehearsed in one unit of work, so that they find them; what it
changes is taken back at once all the same, and only records that did not exist before stay till its end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from app.engine.access import Actor
from app.engine.apply import rehearsal, transaction
from app.engine.importing import runs, sources
from app.engine.importing.matching import BUSY, Context, Found, Row, look, points_at
from app.engine.importing.runs import BATCH, LIFE, Run, Sheet
from app.engine.importing.writing import write_what_can_be
from app.engine.long_work import Stopped

_LONG = text(
    "SELECT set_config('statement_timeout', '300s', true), CASE WHEN current_setting('transaction_timeout', true)"
    " IS NOT NULL THEN set_config('transaction_timeout', '0', true) END,"
    " set_config('idle_in_transaction_session_timeout', '300s', true)"
)


def give_time(connection: Connection) -> None:
    """Let the statements of this transaction take as long as a large batch does on a busy machine: no page waits for them."""
    connection.execute(_LONG)


def rehearse(number: int, actor: Actor) -> Run:
    """Rehearse every row of a run. Safe to begin anew: what an attempt found, the next finds again.

    Raises Stopped when told to, NotAllowed where this actor may not bring these in.
    """
    with transaction() as connection:
        run = runs.find(connection, number, actor.tenant_id)
        attempt = LIFE.prepare(connection, number)
        if attempt is None:
            raise Stopped("This rehearsal was stopped or ended already.")
        give_time(connection)
        if run.total > BATCH:
            connection.execute(_ANALYZED)
        for sheet in run.sheets:
            Context(run, sheet, actor)
            connection.execute(_ANEW, {"sheet": sheet.id})
            twice = [
                {"sheet": sheet.id, "n": n, "first": str(first)}
                for n, first in connection.execute(_TWICE, {"sheet": sheet.id})
            ]
            if twice:
                connection.execute(_REFUSE_TWICE, twice)
        looked_up = _looked_up(connection, run)
    with _in_one(actor) if len(run.sheets) > 1 or looked_up else nullcontext() as unit:
        for sheet in run.sheets:
            _sheet(Context(run, sheet, actor), attempt, unit, sheet.table_name in looked_up)
    with transaction() as connection:
        return _end(connection, run, attempt)


@contextmanager
def _in_one(actor: Actor) -> Iterator[Connection]:
    # In the ledger, for by that the database knows a finalised invoice whose lines come with the same import.
    with rehearsal(actor, "import", "import") as connection:
        give_time(connection)
        yield connection


@contextmanager
def _unit(actor: Actor, whole: Connection | None) -> Iterator[Connection]:
    if whole is not None:
        yield whole
        return
    with rehearsal(actor, "import", "rehearsal") as connection:
        give_time(connection)
        yield connection


def _sheet(context: Context, attempt: int, whole: Connection | None, looked_up: bool) -> None:
    if whole is None and not context.follows and context.run.total > runs.BATCH:
        _side_by_side(context, attempt)
    for rows in _batches(context.sheet):
        with _unit(context.actor, whole) as connection:
            found = _look(connection, context, rows, looked_up)
        _keep(context, attempt, found)


def _side_by_side(context: Context, attempt: int) -> None:
    """Two batches at a time, which nothing connects: while the database writes for one, the other is read and weighed.

    What one holds and the other asks for stays waiting, to be looked at by itself afterwards.
    """

    def one(rows: Sequence[Row]) -> None:
        try:
            with _unit(context.actor, None) as connection:
                found = _look(connection, context, rows, looked_up=False)
        except OperationalError:
            return
        _keep(context, attempt, [each for each in found if each.why != BUSY])

    with ThreadPoolExecutor(_ABREAST) as pool:
        under_way: deque[Future[None]] = deque()
        for rows in _batches(context.sheet):
            if len(under_way) == _ABREAST:
                under_way.popleft().result()
            under_way.append(pool.submit(copy_context().run, one, rows))
        for each in under_way:
            each.result()


_ABREAST = 2


def _batches(sheet: Sheet) -> Iterator[list[Row]]:
    """The rows nothing was found of so far, in turn."""
    after = 0
    while True:
        with transaction() as connection:
            rows = next_rows(connection, sheet, after, "AND outcome = 'waiting'")
        if not rows:
            return
        yield rows
        after = rows[-1].n


def _keep(context: Context, attempt: int, found: Sequence[Found]) -> None:
    """Note what was found of a batch. Raises Stopped when told to."""
    with transaction() as connection:
        give_time(connection)
        note(connection, context.sheet, found)
        LIFE.seen(connection, context.run.id, attempt, len(found))


def next_rows(connection: Connection, sheet: Sheet, after: int, condition: str, most: int | None = None) -> list[Row]:
    """The next rows of a sheet past place `after`."""
    asked = {"sheet": sheet.id, "after": after, "limit": most or runs.BATCH}
    return [Row(*row) for row in connection.execute(text(_ROWS.format(condition=condition)), asked).all()]


_ROWS = (
    "SELECT n, source_key, given FROM import_rows WHERE sheet_id = :sheet AND n > :after {condition}"
    " ORDER BY n LIMIT :limit"
)


def in_turn(context: Context, rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows in groups, such that none refers to a record an earlier one of the same group makes."""
    group: list[Row] = []
    keys: set[tuple[str, str]] = set()
    for row in rows:
        if group and points_at(row) & keys:
            yield group
            group, keys = [], set()
        group.append(row)
        if row.source_key:
            keys.add((context.sheet.table_name, row.source_key))
    if group:
        yield group


def _look(connection: Connection, context: Context, rows: Sequence[Row], looked_up: bool) -> list[Found]:
    """What becomes of each row of a batch: by the rules first, then by the database, which is asked in earnest.

    `looked_up` is whether other rows of the run look for these by the key they have in their source.
    """
    found = []

    def keep(part: Sequence[Found], keys: Mapping[int, int]) -> None:
        if looked_up:
            heard = [one for each in part if not each.heard_of and (one := each.heard(keys[each.row.n])) is not None]
            sources.keep(connection, context.run, context.sheet, heard, None)

    for group in in_turn(context, rows):
        looked = look(connection, context, group)
        done = write_what_can_be(connection, context, looked, rehearsing=True, after_each=keep)
        for each in looked:
            fault = done.faults.get(each.row.n)
            found.append(each if fault is None else each.refused(*fault))
        still = [each for each in looked if each.outcome == "already" and not each.noted]
        keep(still, {each.row.n: each.record_id or 0 for each in still})
    return found


def note(connection: Connection, sheet: Sheet, found: Sequence[Found]) -> None:
    """Keep what was found of some rows."""
    noted = [
        {
            "n": each.row.n,
            "outcome": each.outcome,
            "todo": each.todo,
            "col": each.column,
            "why": each.why,
            "record": each.record_id,
            "version": each.version,
            "before": each.before or None,
            "after": each.after or None,
            "later": ",".join(each.later) or None,
            "clashes": _clashes(each),
        }
        for each in found
    ]
    connection.execute(_NOTE, {"sheet": sheet.id, "rows": runs.rows_json(noted)})


def _clashes(found: Found) -> dict[str, Any] | None:
    return {each.column: [each.said_before, each.theirs, each.ours] for each in found.clashes} or None


def _looked_up(connection: Connection, run: Run) -> set[str]:
    """Tables of this run whose records its rows refer to by the key these have in their source, or which it has twice."""
    tables = [each.table_name for each in run.sheets]
    asked = {"sheets": [each.id for each in run.sheets], "tables": tables}
    return set(connection.scalars(_LOOKED_UP, asked)) | {name for name in tables if tables.count(name) > 1}


def _end(connection: Connection, run: Run, attempt: int) -> Run:
    give_time(connection)
    counted: dict[str, int] = {}
    for sheet in runs.counts(connection, run).values():
        for outcome, number in sheet.items():
            counted[outcome] = counted.get(outcome, 0) + number
    values: dict[str, Any] = {
        name: counted.get(name, 0) for name in ("creates", "changes", "already", "conflicts", "refused")
    }
    values |= {"id": run.id, "attempt": attempt, "sha256": runs.digest(connection, run)}
    values["sheets"] = [each.id for each in run.sheets]
    if connection.execute(_END, values).rowcount != 1:
        raise Stopped("The rehearsal was stopped.")
    return runs.find(connection, run.id, run.tenant_id)


_ANALYZED = text("SELECT analyze_import_rows()")
_ANEW = text("""
UPDATE import_rows SET outcome = 'waiting', todo = true, "column" = NULL, why = NULL, record_id = NULL, version = NULL,
    before = NULL, after = NULL, later = NULL, clashes = NULL
WHERE sheet_id = :sheet AND outcome <> 'waiting' AND (given <> '{}' OR todo)
""")
_TWICE = text("""
SELECT n, first FROM (
    SELECT n, row_number() OVER same AS place, first_value(row_no) OVER same AS first
    FROM import_rows WHERE sheet_id = :sheet AND source_key IS NOT NULL AND outcome = 'waiting'
    WINDOW same AS (PARTITION BY source_key ORDER BY n)
) AS placed WHERE place > 1 ORDER BY n
""")
_REFUSE_TWICE = text("""
UPDATE import_rows SET outcome = 'refused', todo = false, "column" = NULL,
    why = 'Row ' || :first || ' has the same key, ' || left(source_key, 80) || '.'
WHERE sheet_id = :sheet AND n = :n
""")
_LOOKED_UP = text("""
SELECT DISTINCT v.value ->> 'table' FROM import_rows r CROSS JOIN LATERAL jsonb_each(r.given) v
WHERE r.sheet_id = ANY(:sheets) AND jsonb_typeof(v.value) = 'object' AND v.value ->> 'by' = 'source'
    AND v.value ->> 'table' = ANY(:tables)
""")
_NOTE = text("""
UPDATE import_rows r SET outcome = u.outcome, todo = u.todo, "column" = u.col, why = u.why, record_id = u.record,
    version = u.version, before = u.before, after = u.after, later = string_to_array(u.later, ','), clashes = u.clashes
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS u (n int, outcome text, todo boolean, col text, why text, record bigint,
    version int, before jsonb, after jsonb, later text, clashes jsonb)
WHERE r.sheet_id = :sheet AND r.n = u.n
""")
_END = text("""
UPDATE imports SET state = 'ready', creates = :creates, changes = :changes, already = :already, conflicts = :conflicts,
    refused = :refused, sha256 = :sha256, rehearsed_at = clock_timestamp(),
    noted = (SELECT count(*) FROM import_rows WHERE sheet_id = ANY(:sheets) AND todo AND outcome = 'already'),
    expires_at = clock_timestamp() + interval '24 hours'
WHERE id = :id AND attempt = :attempt AND state = 'rehearsing' AND NOT stop_asked
""")
