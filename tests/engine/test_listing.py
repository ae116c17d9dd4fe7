"""Reading the list grammar, and counting what a list holds without making people wait."""

from __future__ import annotations

import pytest
from flask import Flask

from app.engine import counting, listing
from app.engine.access import SYSTEM, Actor
from app.engine.projection import projection
from app.engine.refusals import BadQuery
from app.engine.registry import discover
from tests.domains.conftest import House, house

pytestmark = pytest.mark.any_server

__all__ = ["house"]

CUSTOMERS = next(each for each in discover() if each.name == "customers")


def read(actor: Actor | None = None, **asked: str) -> listing.ListQuery:
    return listing.read_query(list(asked.items()), projection(CUSTOMERS, actor or SYSTEM(1)), "UTC")


def test_an_address_that_says_nothing_opens_the_declared_list() -> None:
    query = read()
    assert (query.sort_text, query.limit, query.clauses, query.scope) == (CUSTOMERS.sort, 50, (), None)
    assert query.columns == query.projection.listed


def test_columns_stand_in_the_order_asked_and_once() -> None:
    assert [each.name for each in read(cols="status,name,status").columns] == ["status", "name"]


def test_an_order_is_closed_by_the_key_and_says_each_column_once() -> None:
    assert read(sort="name,-name").sort_text == "-name"
    assert read(sort="-name,id,status").sort_text == "-name,id"
    assert [(key.name, key.descending) for key in listing.sort_keys(read(sort="-name"))] == [
        ("name", True),
        ("id", True),
    ]
    with pytest.raises(BadQuery, match="at most four"):
        read(sort="name,status,number,source,id")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"sort": "nonsense"}, "cannot be sorted by “nonsense”"),
        ({"cols": "nonsense"}, "no column “nonsense”"),
        ({"scope": "nonsense"}, "no ready-made list"),
        ({"limit": "1000"}, "from 10 to 200"),
        ({"limit": "many"}, "from 10 to 200"),
        ({"nonsense": "1"}, "no filter “nonsense”"),
        ({"name.like": "1"}, "does not work on Customer"),
        ({"status": "odd"}, "Choose one of"),
        ({"name.in": ",".join("x" * 201)}, "at most 200 values"),
        ({"name": "x" * 2_001}, "too long"),
        ({"q": "\x00"}, "ordinary characters"),
    ],
)
def test_what_it_cannot_read_it_says(asked: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadQuery, match=sentence):
        read(**asked)


def test_a_field_the_role_does_not_see_is_refused_like_one_that_does_not_exist() -> None:
    reader = Actor(1, 1, 1, "Rae", permissions=frozenset({"customers.read"}))
    for asked in ({"sort": "email"}, {"email": "a@b.co"}, {"email.contains": "a"}):
        with pytest.raises(BadQuery, match="“email”"):
            read(reader, **asked)


def test_a_count_is_exact_while_that_is_cheap_and_says_about_where_it_is_not(
    app: Flask, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    for number in range(12):
        house.given("customers", name=f"Customer {number}", status="active" if number < 5 else "prospect")
    actor = SYSTEM(house.tenant_id)

    def count(**asked: str) -> counting.Count:
        return counting.count(house.connection, read(actor, **asked), actor)

    assert count() == counting.Count(12, exact=True)
    assert count(status="active") == counting.Count(5, exact=True)
    assert count(q="Customer 1") == counting.Count(3, exact=True)
    monkeypatch.setattr(counting, "BOUND", 3)
    found = count(status="prospect")
    assert not found.exact
    assert found.number > 3, "an estimate never says fewer than were seen"
    assert count(status="prospect", count="exact") == counting.Count(7, exact=True)


def test_a_page_that_shows_everything_is_its_own_count(app: Flask, house: House) -> None:
    house.given("customers", name="Bluestem", status="active")
    actor = SYSTEM(house.tenant_id)
    page = listing.fetch(house.connection, read(actor), actor, count=True)
    assert page.count == counting.Count(1, exact=True)
    assert (page.previous, page.next) == (None, None)
