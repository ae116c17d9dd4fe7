"""Choosing records: these, one page, or all that match; and asking every copy ever taken whether one of them was in it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from flask import Flask

from app.core.db import db
from app.engine import exports, listing, selection
from app.engine.access import SYSTEM, Actor
from app.engine.keysets import KeySet, holds, place_of
from app.engine.projection import projection
from app.engine.refusals import BadQuery
from app.engine.registry import REGISTRY
from app.engine.selection import MOST, Selection
from tests.domains.conftest import House, house

__all__ = ["house"]

Query = listing.ListQuery


@pytest.fixture
def roofs(app: Flask, house: House) -> tuple[Query, Actor, dict[str, int]]:
    """Four customers; the list shows the two active ones of Denver."""
    keys = {
        name: house.given("customers", name=name, status=status, bill_city=city)
        for name, status, city in (
            ("Alamo Storage", "active", "Denver"),
            ("Bluestem Cold", "active", "Denver"),
            ("Cedar Mesa", "prospect", "Denver"),
            ("Dry Creek", "active", "Casper"),
        )
    }
    actor = SYSTEM(house.tenant_id)
    asked = [("status", "active"), ("bill_city", "Denver"), ("sort", "name"), ("cols", "name")]
    return listing.read_query(asked, projection(REGISTRY["customers"], actor), "UTC"), actor, keys


def names(query: Query, actor: Actor) -> list[str]:
    return [row[0] for batch in exports.rows(db.engine, query, actor) for row in batch]


def test_all_that_match_are_those_the_list_shows(roofs: Any) -> None:
    listed, actor, _ = roofs
    assert names(Selection(listed).query, actor) == ["Alamo Storage", "Bluestem Cold"]


def test_these_come_in_the_order_of_the_list_and_stay_chosen_though_the_filter_left_them(roofs: Any) -> None:
    listed, actor, keys = roofs
    chosen = selection.these(listed, [str(keys["Dry Creek"]), str(keys["Alamo Storage"])])
    assert names(chosen.query, actor) == ["Alamo Storage", "Dry Creek"]


def test_nobody_selects_what_is_not_theirs(house: House, roofs: Any) -> None:
    listed, _, keys = roofs
    stranger = SYSTEM(house.tenant_id + 1_000)
    chosen = selection.these(listed, [str(key) for key in keys.values()])
    assert names(chosen.query, stranger) == []


def test_a_page_is_the_rows_it_showed(house: House, roofs: Any) -> None:
    listed, actor, keys = roofs
    with db.engine.connect() as connection:
        page = listing.fetch(connection, listed, actor)
    assert selection.page(listed, page.rows, page.layout.keys).keys == (
        str(keys["Alamo Storage"]), str(keys["Bluestem Cold"]),
    )  # fmt: skip


@pytest.mark.parametrize("keys", [[], [""], ["1,2"], ["x"], ["-1"], ["1; DROP TABLE customers"], ["9" * 30]])
def test_what_is_no_selection_is_said(roofs: Any, keys: list[str]) -> None:
    with pytest.raises(BadQuery):
        selection.these(roofs[0], keys)


def test_a_thousand_keys_too_many_are_for_a_filter(roofs: Any) -> None:
    with pytest.raises(BadQuery, match="all that match"):
        selection.these(roofs[0], [str(key) for key in range(1, MOST + 2)])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_key_set_holds_just_the_keys_it_took_in(seed: int) -> None:
    chance = random.Random(seed)
    taken: set[Any] = set(range(70_000, 80_000)) | {chance.randrange(2**40) for _ in range(500)} | {-3, 0, 2**62}
    taken |= {f"{chance.randrange(10**9)},Denver" for _ in range(300)}
    kept = KeySet()
    kept.add(chance.sample(sorted(taken, key=str), len(taken)))
    containers = {(kind, number): held for kind, number, held in kept.containers()}

    def has(key: Any) -> bool:
        kind, container, rest = place_of(key)
        return (kind, container) in containers and holds(containers[kind, container], rest)

    assert all(map(has, chance.sample(sorted(taken, key=str), 600)))
    strangers = [69_999, 80_000, -4, 1, 2**62 - 1, "0,Denver", *(chance.randrange(2**41, 2**42) for _ in range(500))]
    assert not any(map(has, strangers)), f"seed {seed}"


def test_a_whole_table_of_a_million_is_a_few_bytes() -> None:
    kept = KeySet()
    for start in range(1, 1_000_001, 2_000):
        kept.add(range(start, start + 2_000))
    rows = list(kept.containers())
    assert len(rows) == 16
    assert sum(len(held) for _, _, held in rows) < 2_000
