"""Every kind of column of every list, sorted up or down: no row twice, none left out, empties last, from either end."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from app.engine import keyset, listing
from app.engine.registry import discover
from app.engine.resource import Resource
from tests.every.conftest import SEED, Company, one_of_each_kind

every_resource = pytest.mark.parametrize("resource", list(discover()), ids=lambda each: each.name)
ROWS, WALK = 10, 300


def expected(company: Company, query: listing.ListQuery, most: int, skip: int = 0) -> list[int]:
    """The keys of a stretch of the list, by a plain SELECT in the order the list promises; from its end for a `skip` below 0."""
    order = []
    for name, down in [*query.order, ("id", query.order[0][1])]:
        column = query.resource.expression(name)
        if skip < 0:
            order.append((column.asc() if down else column.desc()).nulls_first())
        else:
            order.append((column.desc() if down else column.asc()).nulls_last())
    actor = company.actor()
    statement = select(query.resource.table.c.id).where(*listing.conditions(query, actor)).order_by(*order)
    rows = company.connection.execute(statement.limit(most).offset(max(skip, 0)), listing.values(query, actor))
    keys = list(rows.scalars())
    return keys[::-1] if skip < 0 else keys


def filled(company: Company, query: listing.ListQuery) -> int:
    """How many rows have something in the first column of the order; the empties begin behind them."""
    actor, first = company.actor(), query.resource.expression(query.order[0][0])
    statement = select(func.count(first), func.count()).where(*listing.conditions(query, actor))
    some, rows = company.connection.execute(
        statement.select_from(query.resource.table), listing.values(query, actor)
    ).one()
    return int(some) if some < rows else 0


def asked(company: Company, resource: Resource, sort: str) -> listing.ListQuery:
    first = resource.fields[0].name
    pairs = [("limit", str(ROWS)), ("sort", sort), ("cols", first)]
    return listing.read_query(pairs, company.view(resource), company.actor().timezone)


def walk(company: Company, query: listing.ListQuery, before: str | None = None, most: int = WALK) -> list[int]:
    """The keys of page after page from the start, or from the end when `before` says so, in the order of the list."""
    found: list[int] = []
    query = replace(query, before=before)
    while True:
        page = listing.fetch(company.connection, query, company.actor())
        keys = [row[page.layout.key] for row in page.rows]
        found = [*keys, *found] if query.before else [*found, *keys]
        place = page.previous if query.before else page.next
        if place is None or len(found) >= most:
            return found
        query = replace(query, before=place) if query.before else replace(query, after=place)


@every_resource
def test_the_declared_order_walks_the_whole_list_once_in_both_directions(company: Company, resource: Resource) -> None:
    query = asked(company, resource, resource.sort)
    assert walk(company, query) == expected(company, query, WALK)
    assert walk(company, query, before=keyset.END) == expected(company, query, WALK, skip=-1)


@every_resource
def test_every_kind_of_column_sorts_past_ties_and_empties(company: Company, resource: Resource) -> None:
    """Each kind up or down by the seed; there are enough kinds and tables for both to be walked in every run."""
    sortable = company.view(resource).sortable
    dice = random.Random(f"{SEED}/{resource.name}/ways")
    for each in one_of_each_kind(resource, (field for field in resource.fields if field.name in sortable)):
        sort = dice.choice((each.name, f"-{each.name}"))
        query = asked(company, resource, sort)
        # Down from the end is up from the start, read the other way: each direction is walked once.
        if sort == each.name:
            assert walk(company, query, most=2 * ROWS) == expected(company, query, 2 * ROWS), sort
        else:
            assert walk(company, query, most=ROWS) == expected(company, query, ROWS), sort
            ends = expected(company, query, 2 * ROWS, skip=-1)
            assert walk(company, query, before=keyset.END, most=2 * ROWS) == ends, sort
        seam = filled(company, query)
        if seam > 2:
            around = expected(company, query, ROWS + 3, skip=seam - 3)
            assert across(company, query, around[0]) == around[1:], sort


def across(company: Company, query: listing.ListQuery, key: int) -> list[int]:
    """Pages behind that record, over the place where the empties begin, forward and back again."""
    start = cursor(company, query, key)
    found = walk(company, replace(query, after=start), most=ROWS + 2)[: ROWS + 2]
    back = walk(company, query, before=cursor(company, query, found[-1]), most=len(found) - 1)
    assert back[1 - len(found) :] == found[:-1], query.sort_text
    return found


def cursor(company: Company, query: listing.ListQuery, key: int) -> str:
    columns = [query.resource.expression(name) for name, _ in query.order]
    if "id" not in dict(query.order):
        columns.append(query.resource.table.c.id)
    row = company.connection.execute(select(*columns).where(query.resource.table.c.id == key)).one()
    return keyset.encode(query.sort_text, list(row))


@every_resource
def test_pages_link_to_each_other_and_to_both_ends(company: Company, resource: Resource) -> None:
    """The same over HTTP: rows as the page shows them, by the links the page offers."""
    query = asked(company, resource, resource.sort)
    keys = expected(company, query, 21)
    first = rows_and_links(company, f"{resource.path}?limit=10")
    assert first.keys == keys[:10]
    assert (first.previous is None, first.next is None) == (True, len(keys) <= 10)
    if first.next is None:
        return
    second = rows_and_links(company, first.next)
    assert second.keys == keys[10:20]
    assert rows_and_links(company, second.previous).keys == keys[:10]
    last = rows_and_links(company, f"{resource.path}?limit=10&before=end")
    assert last.keys == expected(company, query, 10, skip=-1)
    assert last.next is None


class rows_and_links:
    def __init__(self, company: Company, address: str | None) -> None:
        assert address
        page = company.get(address.replace("&amp;", "&"), **{"HX-Request-Type": "partial"}).get_data(as_text=True)
        self.keys = [int(key) for key in re.findall(r'<tr data-key="(\d+)"', page)]
        self.previous, self.next = (
            found[1] if (found := re.search(rf'href="([^"]+)"[^>]*rel="{which}"', page)) else None
            for which in ("prev", "next")
        )
