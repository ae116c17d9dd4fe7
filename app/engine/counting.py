"""How many: exact when that is cheap, otherwise "about", and never a count of a big table while a person waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Connection, bindparam, func, literal, select

if TYPE_CHECKING:
    from app.engine.access import Actor
    from app.engine.listing import ListQuery

BOUND = 2_000
"""Up to so many rows are counted one by one; it takes well under a millisecond on an index."""
EXACT_LIMIT_MS = 3_000


@dataclass(frozen=True)
class Count:
    """`exact` says whether `number` was counted or estimated by the planner."""

    number: int
    exact: bool
    gave_up: bool = False
    """Counting exactly was asked for and took too long."""


_sizes: dict[Any, tuple[float, int]] = {}
_kept: dict[Any, tuple[str, dict[str, Any]]] = {}


def count(connection: Connection, query: ListQuery, actor: Actor) -> Count:
    """Count the rows behind a query without cursor, within bounds."""
    query = replace(query, after=None, before=None)
    if query.exact:
        return _exactly(connection, query, actor)
    narrowed = (
        bool(query.clauses or query.q or query.scope or query.fixed or query.among is not None or query.kept)
        or not query.projection.reads_all
    )
    if not narrowed:
        size = _size(connection, query, actor)
        if size > BOUND * 5:
            return Count(size, exact=False)
    found = _bounded(connection, query, actor, BOUND + 1)
    if found <= BOUND:
        return Count(found, exact=True)
    return Count(max(_planned(connection, query, actor), BOUND + 1), exact=False)


def more_than(connection: Connection, query: ListQuery, actor: Actor, bound: int) -> bool:
    """Whether a list is longer than `bound` rows; reads no more of it than that."""
    return _bounded(connection, replace(query, after=None, before=None), actor, bound + 1) > bound


def _bounded(connection: Connection, query: ListQuery, actor: Actor, most: int) -> int:
    from app.engine.listing import run

    sql, given = _statement(query, actor)
    return int(run(connection, sql, given | {"most": most})[0][0])


def _statement(query: ListQuery, actor: Actor) -> tuple[str, dict[str, Any]]:
    """`SELECT count(*)` over at most `most` rows; kept per shape like the list's own statement."""
    from app.engine.listing import compiled, conditions, values

    scope = query.resource.scopes.get(query.scope) if query.scope else None
    shape = (
        query.resource.identity,
        tuple(each.shape for each in query.clauses),
        bool(query.q),
        query.scope,
        query.archived,
        query.merged,
        query.matching_any,
        query.kept is not None,
        tuple(query.fixed),
        actor.permissions,
    )
    once = callable(scope) or query.among is not None
    kept = None if once else _kept.get(shape)
    if kept is None:
        rows = select(literal(1)).select_from(query.resource.table).where(*conditions(query, actor))
        kept = compiled(select(func.count()).select_from(rows.limit(bindparam("most", type_=BigInteger)).subquery()))
        if not once:
            if len(_kept) > 2_000:
                _kept.clear()
            _kept[shape] = kept
    sql, constants = kept
    return sql, constants | values(query, actor)


def _planned(connection: Connection, query: ListQuery, actor: Actor) -> int:
    """What the planner expects, from statistics; costs no reading of the table."""
    from app.engine.listing import compiled, conditions, run, values

    sql, constants = compiled(select(literal(1)).select_from(query.resource.table).where(*conditions(query, actor)))
    plan = run(connection, f"EXPLAIN (FORMAT JSON) {sql}", constants | values(query, actor))[0][0]
    return int(plan[0]["Plan"]["Plan Rows"])


def _exactly(connection: Connection, query: ListQuery, actor: Actor) -> Count:
    """On demand, under a time limit; when that runs out the estimate is shown and says so."""
    from sqlalchemy.exc import DBAPIError

    from app.engine.listing import run
    from app.engine.refusals import BadQuery

    sql, given = _statement(query, actor)
    try:
        with within(connection, EXACT_LIMIT_MS):
            return Count(int(run(connection, sql, given | {"most": None})[0][0]), exact=True)
    except (BadQuery, DBAPIError):
        return Count(_planned(connection, query, actor), exact=False, gave_up=True)


@contextmanager
def within(connection: Connection, limit_ms: int) -> Iterator[None]:
    """Stop what is asked inside after `limit_ms`: for figures a page is better for, but must not wait for."""
    connection.exec_driver_sql(f"SET statement_timeout = {limit_ms}")
    try:
        yield
    finally:
        connection.exec_driver_sql("RESET statement_timeout")


def _size(connection: Connection, query: ListQuery, actor: Actor) -> int:
    """Rows of a whole list by the planner's statistics, asked at most every ten seconds. Of the actor's own company: one
    that is small must not be told the size of a table others fill."""
    place = (query.resource.regclass, actor.tenant_id, query.archived)
    at, size = _sizes.get(place, (0.0, 0))
    if time.monotonic() - at > 10:
        size = _planned(connection, query, actor)
        if len(_sizes) > 2_000:
            _sizes.clear()
        _sizes[place] = (time.monotonic(), size)
    return size
