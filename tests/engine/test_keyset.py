"""Paging by key over any order of any columns: nothing twice, nothing left out, with ties and empties everywhere."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    insert,
)

from app.engine import fields as f
from app.engine import keyset, listing
from app.engine.access import SYSTEM
from app.engine.projection import projection
from app.engine.refusals import BadQuery
from app.engine.resource import Resource

pytestmark = pytest.mark.any_server

ROWS = Table(
    "scratch_rows", MetaData(), Column("id", BigInteger, primary_key=True), Column("word", Text),
    Column("amount", Numeric(12, 2)),
    Column("count", Integer), Column("flag", Boolean), Column("day", Date), Column("at", DateTime(timezone=True)),
    Column("name", Text, nullable=False), prefixes=["TEMPORARY"],
)  # fmt: skip
WORDS = ["", " ", "a", "A", "b", "Ä", "ä", "z", "zz", "%", "'", "\\", "\u202e", "日本", "a" * 300]
NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)
VALUES: dict[str, list[Any]] = {
    "word": [None, *WORDS],
    "amount": [None, Decimal("-1.50"), Decimal("0"), Decimal("0.00"), Decimal("9999999999.99"), Decimal("0.10")],
    "count": [None, -1, 0, 1, 2**31 - 1],
    "flag": [None, True, False],
    "day": [None, date(1, 1, 1), date(2026, 2, 28), date(9999, 12, 31)],
    "at": [None, datetime(1970, 1, 1, tzinfo=UTC), NOON, NOON.replace(microsecond=1)],
    "name": WORDS,
}
scratch = Resource(
    type("Scratch", (), {"__table__": ROWS}),
    title="name",
    fields=(
        f.Text("name"), f.Text("word"), f.Money("amount"), f.Count("count"), f.Flag("flag"), f.Date("day"), f.Moment("at"),
    ),
    within=lambda tenant_id: ROWS.c.id > 0,
)  # fmt: skip
ACTOR = SYSTEM(1)


@pytest.fixture
def filled(connection: Connection) -> Iterator[Connection]:
    ROWS.create(connection)
    yield connection
    connection.rollback()


def fill(connection: Connection, chance: random.Random, many: int) -> list[dict[str, Any]]:
    """Few different values, so that nearly everything ties."""
    rows = [
        {name: chance.choice(values) for name, values in VALUES.items()} | {"id": key} for key in range(1, many + 1)
    ]
    if rows:
        connection.execute(insert(ROWS), rows)
    return rows


def order(chance: random.Random) -> str:
    names = chance.sample([*VALUES, "id"], chance.randint(1, 4))
    return ",".join(f"{chance.choice(['', '-'])}{name}" for name in names)


def query(sort: str, limit: int = 10, **asked: str) -> listing.ListQuery:
    pairs = [("sort", sort), ("limit", str(limit)), ("cols", "name"), *asked.items()]
    return listing.read_query(pairs, projection(scratch, ACTOR), "UTC")


def walk(connection: Connection, wanted: listing.ListQuery) -> list[int]:
    found: list[int] = []
    while True:
        page = listing.fetch(connection, wanted, ACTOR)
        keys = [row[page.layout.key] for row in page.rows]
        found = [*keys, *found] if wanted.before else [*found, *keys]
        place = page.previous if wanted.before else page.next
        if place is None:
            return found
        assert len(keys) == wanted.limit, "a page that is not the last one is full"
        wanted = replace(wanted, before=place) if wanted.before else replace(wanted, after=place)


def plain(connection: Connection, wanted: listing.ListQuery) -> list[int]:
    """The same by one ORDER BY over everything."""
    clauses = []
    for name, down in wanted.order:
        clauses.append((ROWS.c[name].desc() if down else ROWS.c[name].asc()).nulls_last())
    if "id" not in dict(wanted.order):
        clauses.append(ROWS.c.id.desc() if wanted.order[0][1] else ROWS.c.id.asc())
    return list(connection.scalars(ROWS.select().with_only_columns(ROWS.c.id).order_by(*clauses)))


@pytest.mark.any_server
@pytest.mark.parametrize("seed", range(30))
def test_any_order_visits_every_row_once_from_either_end(filled: Connection, seed: int) -> None:
    chance = random.Random(seed)
    fill(filled, chance, chance.choice([0, 1, 9, 10, 11, 20, 57]))
    for _ in range(4):
        wanted = query(order(chance))
        keys = plain(filled, wanted)
        assert walk(filled, wanted) == keys, wanted.sort_text
        assert walk(filled, replace(wanted, before=keyset.END)) == keys, wanted.sort_text


@pytest.mark.parametrize("seed", range(8))
def test_from_any_row_the_rows_before_and_after_it_are_its_neighbours(filled: Connection, seed: int) -> None:
    chance = random.Random(100 + seed)
    rows = {row["id"]: row for row in fill(filled, chance, 41)}
    wanted = query(order(chance))
    keys = plain(filled, wanted)
    names = [name for name, _ in wanted.order] + ([] if "id" in dict(wanted.order) else ["id"])
    for place, key in enumerate(keys):
        cursor = keyset.encode(wanted.sort_text, [rows[key][name] for name in names])
        after = listing.fetch(filled, replace(wanted, after=cursor), ACTOR)
        before = listing.fetch(filled, replace(wanted, before=cursor), ACTOR)
        assert [row[after.layout.key] for row in after.rows] == keys[place + 1 : place + 11]
        assert [row[before.layout.key] for row in before.rows] == keys[max(place - 10, 0) : place]
        assert (after.next is None) == (place + 11 >= len(keys))
        assert (before.previous is None) == (place <= 10)


def test_rows_that_come_and_go_between_pages_disturb_no_other(filled: Connection) -> None:
    """A page begins after a record, not after a count: what is inserted or deleted above shifts nothing."""
    fill(filled, random.Random(5), 40)
    wanted = query("word,-amount")
    keys = plain(filled, wanted)
    page = listing.fetch(filled, wanted, ACTOR)
    filled.execute(ROWS.delete().where(ROWS.c.id.in_(keys[:10])))
    filled.execute(insert(ROWS), [{"id": 1000 + number, "word": None, "name": ""} for number in range(3)])
    following = listing.fetch(filled, replace(wanted, after=page.next), ACTOR)
    assert [row[following.layout.key] for row in following.rows] == keys[10:20]


def test_a_cursor_keeps_values_exactly() -> None:
    values = [Decimal("0.10"), datetime(2026, 3, 8, 9, 30, 0, 1, tzinfo=UTC), date(1, 1, 1), None, True, "日本\n'", 7]
    assert keyset.decode("a", keyset.encode("a", values), 7) == [
        "0.10", "2026-03-08T09:30:00.000001+00:00", "0001-01-01", None, "true", "日本\n'", "7",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "cursor", ["", "x", "====", "é", "e30", "W10", "bnVsbA", "MQ", "WyJhIixbMSwyXV0", "[" * 50_000]
)
def test_what_is_no_cursor_of_this_order_is_refused(cursor: str) -> None:
    with pytest.raises(BadQuery, match="Start from the first page"):
        keyset.decode("name", cursor, 2)
