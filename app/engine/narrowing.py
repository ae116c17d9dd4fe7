"""What narrows a list, looked at piece by piece: how many each choice would give, and which filter left nothing.

Both are extras of a page: they are asked under a time limit and simply missing when it runs out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, literal, select, true

from app.engine import listing
from app.engine.access import Actor
from app.engine.counting import within
from app.engine.fields import Field
from app.engine.listing import ListQuery
from app.engine.refusals import TooSlow

FACETS_MS, EMPTIED_MS = 400, 800


def facets(connection: Connection, query: ListQuery, field: Field, actor: Actor) -> dict[Any, int] | None:
    """Value -> how many rows the list would have with it, everything else asked staying; None when counting takes too long.

    The field's own filters do not count: they are what is about to be chosen anew.
    """
    rest = tuple(each for each in query.clauses if each.via is not None or each.field.name != field.name or each.group)
    lifecycle = query.resource.lifecycle
    every = query.merged or bool(lifecycle and lifecycle.field == field.name)
    asked = replace(query, clauses=() if query.matching_any else rest, merged=every, after=None, before=None)
    column = asked.resource.expression(field.name)
    counted = select(column, func.count()).select_from(asked.resource.table).group_by(column)
    rows = _timed(connection, counted.where(*listing.conditions(asked, actor)), asked, actor, FACETS_MS)
    return None if rows is None else dict(rows)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Emptied:
    """Why a list is empty. Pieces are named as by `listing.narrowing`."""

    alone: tuple[str, ...]
    """Pieces that by themselves match nothing at all."""
    without: tuple[str, ...]
    """Pieces without any one of which there would be rows."""


def emptied_by(connection: Connection, query: ListQuery, actor: Actor) -> Emptied | None:
    """Which piece keeps every row out; one statement of a few yes-or-no questions. None when it takes too long."""
    pieces = listing.narrowing(query, actor)
    held = listing.held(query, actor)
    rows = select(literal(1)).select_from(query.resource.table)
    questions = []
    for name, piece in pieces.items():
        others = [each for other, each in pieces.items() if other != name]
        questions.append(exists(rows.where(*held, piece)).label(f"alone_{name}"))
        questions.append(exists(rows.where(*held, and_(true(), *others))).label(f"without_{name}"))
    answers = _timed(connection, select(*questions), query, actor, EMPTIED_MS) if questions else None
    if not answers:
        return None
    alone, without = answers[0][::2], answers[0][1::2]
    return Emptied(
        tuple(name for name, any_ in zip(pieces, alone, strict=True) if not any_),
        tuple(name for name, any_ in zip(pieces, without, strict=True) if any_),
    )


def _timed(
    connection: Connection, statement: Select[*tuple[Any, ...]], query: ListQuery, actor: Actor, limit_ms: int
) -> list[tuple[Any, ...]] | None:
    sql, constants = listing.compiled(statement)
    try:
        with within(connection, limit_ms):
            return listing.run(connection, sql, constants | listing.values(query, actor))
    except TooSlow:
        return None
