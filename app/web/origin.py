"""The list a record was opened from: carried in the address, so that every way back ends where one was.

`?from=` holds the query of the list, never an address: it can lead to a list of the same table and nowhere else.
`&at=` is the place of the record in that list's order, for whoever goes on to the next after an edit moved it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from flask import g, request
from sqlalchemy import Connection

from app.engine import listing
from app.engine.access import Actor
from app.engine.neighbours import around, start_of_page
from app.engine.plan import Plan
from app.engine.projection import Projection
from app.engine.refusals import BadQuery, NotFound
from app.engine.resource import Resource
from app.web import saved_views
from app.web.addresses import PLACE, Pairs, link
from app.web.rows import leads_to

FROM, AT = "from", "at"
PLAIN = "list"
"""What stands for a list nothing was asked of."""
LONGEST = 600
"""Characters of a list's query that every row's link may carry; a longer one is left to the browser's own way back."""


def carried(pairs: Sequence[tuple[str, str]]) -> str:
    """What the links of a list's rows carry of it: `?from=...`, ready to stand in an attribute."""
    text = urlencode([pair for pair in pairs if pair[0] not in (FROM, "count")], safe=",.:-") or PLAIN
    return "" if len(text) > LONGEST else f"?{FROM}={_written(text)}"


def _written(text: str) -> str:
    return quote(text, safe=",.:-_~")


def came() -> str:
    """The same for links of the present page, which pass on where it was opened from."""
    text, at = request.args.get(FROM, ""), request.args.get(AT, "")
    if not text or len(text) > LONGEST:
        return ""
    return f"?{FROM}={_written(text)}" + (f"&{AT}={_written(at)}" if at and len(at) <= LONGEST else "")


@dataclass(frozen=True)
class Origin:
    """A list as the person left it."""

    query: listing.ListQuery
    pairs: Pairs
    name: str | None
    """The saved view or ready-made list it was."""

    @property
    def resource(self) -> Resource:
        return self.query.resource

    def address(self, key: Any = None) -> str:
        """The list again, at the row of this record."""
        return link(self.resource.path, self.pairs, drop=(), **{FROM: None if key is None else str(key)})

    def trail(self, key: Any = None) -> list[tuple[str, str | None]]:
        """The list's share of the crumbs: the table, and the view or ready-made list of it that was open."""
        if not self.name:
            return [(self.resource.plural, self.address(key))]
        return [(self.resource.plural, self.resource.path), (self.name, self.address(key))]


def origin(view: Projection, actor: Actor) -> Origin | None:
    """The list the present page says it was opened from; None where it says none, or one that cannot be asked for."""
    found: dict[Any, Origin | None] = g.setdefault("origins", {})
    if view not in found:
        found[view] = _read(view, actor)
    return found[view]


def _read(view: Projection, actor: Actor) -> Origin | None:
    text = request.args.get(FROM, "")
    if not text or len(text) > LONGEST:
        return None
    try:
        pairs = [] if text == PLAIN else parse_qsl(text, strict_parsing=True, max_num_fields=60)
        pairs = [pair for pair in pairs if pair[0] != FROM]
        state = saved_views.asked(view.resource, view, actor, pairs)
        query = listing.read_query(state.pairs, view, actor.timezone)
        return Origin(query, pairs, state.view.name if state.view else query.scope)
    except (BadQuery, NotFound, ValueError):
        return None


def came_back(view: Projection, actor: Actor, plan: Plan) -> str:
    """The same after an edit: the record's former place is carried on only where the edit may have moved it."""
    found = origin(view, actor)
    if found is None:
        return came()
    order = {name for name, _ in found.query.order}
    changed = {name for each in plan.changes for name in each.after} | {"updated_at"}
    still = order <= set(found.resource.table.c.keys()) and not order & changed
    return carried(found.pairs) if still else came()


def crumbs(resource: Resource, view: Projection, actor: Actor, key: Any = None) -> list[tuple[str, str | None]]:
    """The crumbs before a record: back to the very list it was opened from, or to the whole table."""
    found = origin(view, actor)
    return [*resource.crumbs, *(found.trail(key) if found else [(resource.plural, resource.path)])]


@dataclass(frozen=True)
class Steps:
    """The ways to the next and the previous record of the list, as (address, title)."""

    previous: tuple[str, str] | None
    next: tuple[str, str] | None
    came: str
    """What further links of the record's page carry."""
    listed: bool


def steps(connection: Connection, view: Projection, actor: Actor, key: Any) -> Steps | None:
    """Next and previous record of the list one came from, by its filters and order; None for who came from none."""
    found = origin(view, actor)
    if found is None:
        return None
    beside = around(connection, found.query, actor, key, request.args.get(AT, ""))
    if beside is None:
        return None
    suffix = carried(found.pairs)
    return Steps(
        leads_to(beside.previous, suffix) if beside.previous else None,
        leads_to(beside.next, suffix) if beside.next else None,
        f"{suffix}&{AT}={_written(beside.at)}",
        beside.listed,
    )


def page_with(connection: Connection, query: listing.ListQuery, pairs: Pairs, actor: Actor, key: str) -> str | None:
    """The page of a list that begins with this record, for who went on through the records past the page one came from."""
    start = start_of_page(connection, query, actor, key)
    if start is None:
        return None
    return link(query.resource.path, pairs, drop=PLACE, after=start or None, **{FROM: key})


def in_place_of(connection: Connection, found: Origin, actor: Actor, key: Any) -> str | None:
    """The key of the row that will stand where a record stands that is about to leave the list."""
    beside = around(connection, found.query, actor, key, request.args.get(AT, ""))
    page = (beside.next or beside.previous) if beside else None
    if page is None:
        return None
    address = page.query.resource.address_of_row(page.layout.keys)
    return str(page.rows[0][page.layout.key] if address is None else address(page.rows[0]))
