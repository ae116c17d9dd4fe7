"""The records before and after one in a list, found by their place in its order, so that it costs the same anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, and_, select, text, true

from app.engine import keyset, listing
from app.engine.access import Actor
from app.engine.listing import ListQuery, Page
from app.engine.refusals import BadQuery, TooSlow

PATIENCE = "400ms"
"""A record does not wait longer than this for its neighbours in a list that no index serves."""


@dataclass(frozen=True)
class Neighbours:
    """Who stands next to a record; a side is None at the list's end."""

    previous: Page | None
    """A page of just that row, masked as the list masks it."""
    next: Page | None
    at: str
    """The place itself, which stays good when an edit moves the record elsewhere in the list or out of it."""
    listed: bool
    """Whether the list still holds the record."""


_kept: dict[Any, tuple[str, dict[str, Any]]] = {}


def around(connection: Connection, query: ListQuery, actor: Actor, key: Any, at: str = "") -> Neighbours | None:
    """The neighbours of a record in a list, or of the place `at` where it stood when somebody began to look at it.

    Three statements by key and index. None where rows have no order to stand in, the record is not for this actor, or
    the list would take too long.
    """
    keys = listing.sort_keys(query)
    if not keys:
        return None
    try:
        with _patient(connection, query):
            return _around(connection, query, actor, keys, key, at)
    except (TooSlow, BadQuery):
        return None


def _around(
    connection: Connection, query: ListQuery, actor: Actor, keys: list[keyset.SortKey], key: Any, at: str
) -> Neighbours | None:
    found = _place(connection, query, actor, keys, key)
    if found is None:
        return None
    *values, listed = found
    place = at if at and _fits(query, at, len(keys)) else keyset.encode(query.sort_text, values)

    def beside(**cursor: str) -> Page | None:
        # One more than wanted: a record that was moved past its former place may itself come next.
        asked = replace(query, columns=(), after=None, before=None, limit=2, exact=False)
        page = listing.fetch(connection, replace(asked, **cursor), actor)  # type: ignore[arg-type]
        others = [row for row in page.rows if _key(page, row) != str(key)]
        nearest = others[-1:] if "before" in cursor else others[:1]
        return replace(page, rows=nearest) if nearest else None

    return Neighbours(beside(before=place), beside(after=place), place, bool(listed))


def start_of_page(connection: Connection, query: ListQuery, actor: Actor, key: Any) -> str | None:
    """The cursor after which a page of the list begins with this record; "" for the first page, None where it is not listed."""
    keys = listing.sort_keys(query)
    try:
        with _patient(connection, query):
            found = _place(connection, query, actor, keys, key) if keys else None
            if found is None or not found[-1]:
                return None
            place = keyset.encode(query.sort_text, found[:-1])
            before = replace(query, columns=(), after=None, before=place, limit=2, exact=False)
            return listing.fetch(connection, before, actor).next or ""
    except (TooSlow, BadQuery):
        return None


@contextmanager
def _patient(connection: Connection, query: ListQuery) -> Iterator[None]:
    """A shorter limit for lists narrowed by anything; the plain ones walk their index."""
    if not (query.clauses or query.q or query.scope):
        yield
        return
    former = connection.execute(text("SHOW statement_timeout")).scalar_one()
    connection.execute(_LIMIT, {"limit": PATIENCE})
    try:
        yield
    finally:
        connection.execute(_LIMIT, {"limit": former})


_LIMIT = text("SELECT set_config('statement_timeout', :limit, false)")


def _key(page: Page, row: tuple[Any, ...]) -> str:
    address = page.query.resource.address_of_row(page.layout.keys)
    return str(row[page.layout.key] if address is None else address(row))


def _fits(query: ListQuery, at: str, width: int) -> bool:
    try:
        keyset.decode(query.sort_text, at, width)
    except BadQuery:
        return False
    return True


def _place(
    connection: Connection, query: ListQuery, actor: Actor, keys: list[keyset.SortKey], key: Any
) -> tuple[Any, ...] | None:
    """Where the record stands in the order, and whether the list's own conditions still hold for it."""
    shape = listing.shape_of(query, actor)
    kept = None if query.scope else _kept.get(shape)
    if kept is None:
        inside = and_(true(), *listing.conditions(query, actor))
        statement = select(*(each.column for each in keys), inside).where(
            *query.resource.is_record(), *listing.row_scope(query.projection, actor)
        )
        kept = listing.compiled(statement)
        if len(_kept) > 2_000:
            _kept.clear()
        if not query.scope:  # a ready-made list may be worked out anew each time
            _kept[shape] = kept
    sql, constants = kept
    rows = listing.run(connection, sql, constants | listing.values(query, actor) | query.resource.key_values(key))
    return rows[0] if rows else None
