"""Writing a batch of rows: new records in one statement, changed ones in another, and what refuses found by halving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import psycopg as _psycopg
from sqlalchemy.exc import DBAPIError

from app.engine.apply import REFUSALS, next_numbers, sentence, write
from app.engine.bulk.work import Item, update_many
from app.engine.importing.matching import Context, Found
from app.engine.importing.runs import rows_json
from app.engine.plan import Change
from app.engine.refusals import NotFound, Refusal, Rejected
from app.engine.values import typed_row

_DIALECT = _psycopg.dialect()  # type: ignore[no-untyped-call]

Fault = tuple[str | None, str]
"""(column, sentence)"""


@dataclass
class Written:
    """What became of a batch: the key of each record that was written, and why the others were not."""

    keys: dict[int, int]
    faults: dict[int, Fault]


def write_what_can_be(
    connection: Connection,
    context: Context,
    items: Sequence[Found],
    rehearsing: bool,
    after_each: Callable[[Sequence[Found], Mapping[int, int]], None] = lambda part, keys: None,
) -> Written:
    """Write a batch; what the database or a follow-up refuses is found by halving and left out, with the column and why.

    `after_each` writes what belongs to a part within the same unit. Rehearsing, changed records go back to what they were
    at once, so that nobody who works on them waits for the end of it; new ones stay for the rows that refer to them.
    """
    done = Written({}, {})
    for kind in ("creates", "changes"):
        chosen = [each for each in items if (each.outcome == "creates") == (kind == "creates") and each.todo]
        waiting = [chosen] if chosen else []
        while waiting:
            part = waiting.pop()
            try:
                with connection.begin_nested() as unit:
                    keys = (
                        _create(connection, context, part, rehearsing)
                        if kind == "creates"
                        else _change(connection, context, part)
                    )
                    if rehearsing and kind == "changes":
                        unit.rollback()
                    else:
                        after_each(part, keys)
                if rehearsing and kind == "changes":
                    after_each(part, keys)
                done.keys |= keys
                continue
            except Refusal as fault:
                said = _of_refusal(fault)
            except REFUSALS as fault:
                said = _of_database(fault, context)
            if len(part) == 1:
                done.faults[part[0].row.n] = said
                continue
            half = len(part) // 2
            waiting += [part[half:], part[:half]]
    return done


def _of_refusal(fault: Refusal) -> Fault:
    if isinstance(fault, Rejected):
        column = next(iter(fault.errors), None)
        return column or None, fault.sentence
    return None, "It is gone by now." if isinstance(fault, NotFound) else fault.sentence


def _of_database(fault: DBAPIError, context: Context) -> Fault:
    return _of_refusal(sentence(fault, [context.resource]))


def _change(connection: Connection, context: Context, part: Sequence[Found]) -> dict[int, int]:
    keys = {each.row.n: each.record_id for each in part if each.record_id is not None}
    changing = [each for each in part if each.after]
    if context.follows:
        for each in changing:
            change = Change(context.resource, "update", each.record_id, each.before, each.after, each.version)
            write(connection, change, context.actor)
    elif changing:
        items = [Item(each.row.n, each.record_id or 0, each.version, each.now, each.after) for each in changing]
        update_many(connection, context.resource, items, context.actor)
    return keys


def _create(connection: Connection, context: Context, part: Sequence[Found], rehearsing: bool) -> dict[int, int]:
    resource = context.resource
    afters = [dict(each.after) for each in part]
    unnumbered = [after for after in afters if resource.numbered and resource.code and not after.get(resource.code)]
    if unnumbered:
        for after, number in zip(unnumbered, _numbers(connection, context, len(unnumbered), rehearsing), strict=True):
            after[str(resource.code)] = number
    if context.follows:
        read = [typed_row(resource.table, after) for after in afters]
        made = [write(connection, Change(resource, "insert", None, {}, after), context.actor) for after in read]
    else:
        made = insert_many(connection, context, afters)
    return {each.row.n: key for each, key in zip(part, made, strict=True)}


def _numbers(connection: Connection, context: Context, count: int, rehearsing: bool) -> list[str]:
    """The next human numbers; a rehearsal takes none, since the counter would be held from everybody else meanwhile."""
    kind = str(context.resource.numbered)
    if not rehearsing:
        return next_numbers(connection, context.actor.tenant_id, kind, count)
    start = int(connection.execute(text("SELECT nextval('import_rehearsal_numbers')")).scalar_one())
    return [f"~{start}.{n}" for n in range(count)]


def insert_many(connection: Connection, context: Context, afters: Sequence[Mapping[str, Any]]) -> list[int]:
    """New records in their order, one statement for all that give the same columns; returns their keys in the same order.

    A column without a default is given to all, so that rows differ only by columns that have one.
    """
    table = context.resource.table
    every: set[str] = set().union(*afters)
    plain = {name for name in every if table.c[name].server_default is None and table.c[name].nullable}
    groups: dict[frozenset[str], list[int]] = {}
    for place, after in enumerate(afters):
        groups.setdefault(frozenset(after.keys() | plain), []).append(place)
    keys: list[int] = [0] * len(afters)
    for names, places in groups.items():
        for place, key in zip(
            places, _insert(connection, context, sorted(names), [afters[at] for at in places]), strict=True
        ):
            keys[place] = key
    return keys


def _insert(
    connection: Connection, context: Context, names: Sequence[str], afters: Sequence[Mapping[str, Any]]
) -> list[int]:
    table = context.resource.table
    quote = _DIALECT.identifier_preparer.quote
    quoted = _DIALECT.identifier_preparer.format_table(table)
    columns = ", ".join(quote(name) for name in names)
    shape = ", ".join(f"{quote(name)} {table.c[name].type.compile(_DIALECT)}" for name in names)
    statement = text(
        f"INSERT INTO {quoted} ({columns}) SELECT {', '.join(f'p.{quote(name)}' for name in names)}"
        " FROM jsonb_array_elements(CAST(:afters AS jsonb)) WITH ORDINALITY AS r (given, n)"
        f" CROSS JOIN LATERAL jsonb_to_record(r.given) AS p ({shape}) ORDER BY r.n RETURNING id"
    )
    found = connection.execute(statement, {"afters": rows_json(afters)})
    # Keys are given out in the order of the rows, whatever the order in which they come back.
    return sorted(found.scalars())
