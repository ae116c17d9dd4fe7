"""What each operator finds, on rows one can count by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from app.engine import listing
from app.engine.access import SYSTEM, Actor
from app.engine.narrowing import Emptied, emptied_by, facets
from app.engine.projection import projection
from app.engine.refusals import BadQuery
from app.engine.registry import REGISTRY
from tests.domains.conftest import House, house

pytestmark = pytest.mark.any_server

__all__ = ["house"]

NAMES = ("Alpha", "alpha beta", "100% Roof_ing", "O'Brien", None)


@pytest.fixture
def place(app: Flask, house: House) -> House:
    for number, (name, limit, on, tags) in enumerate(
        [
            ("Alpha", "0", None, ["vip"]),
            ("alpha beta", "100.50", date(2026, 3, 1), ["vip", "slow payer"]),
            ("100% Roof_ing", "100.51", date(2026, 3, 31), []),
            ("O'Brien", None, date(2026, 4, 1), ["a,b"]),
        ]
    ):
        house.given(
            "customers", name=name, status="active" if number % 2 else "prospect", credit_limit=limit and Decimal(limit),
            tax_exempt_expires_on=on, tags=tags, source="web" if number else None,
        )  # fmt: skip
    return house


def names(place: House, question: str, value: str) -> list[str]:
    return found(place, (question, value))


def found(place: House, *pairs: tuple[str, str], actor: Actor | None = None) -> list[str]:
    actor = actor or SYSTEM(place.tenant_id)
    view = projection(REGISTRY["customers"], actor)
    query = listing.read_query([*pairs, ("cols", "name"), ("sort", "name")], view, "America/Denver")
    page = listing.fetch(place.connection, query, actor, count=True)
    assert page.count is not None and page.count.number == len(page.rows)
    return sorted(row[page.layout.index["name"]] for row in page.rows)


ALPHA, BETA, ROOF, BRIEN = "Alpha", "alpha beta", "100% Roof_ing", "O'Brien"


@pytest.mark.parametrize(
    ("question", "value", "found"),
    [
        ("name", "Alpha", [ALPHA]),
        ("name.ne", "Alpha", [ROOF, BRIEN, BETA]),
        ("name.in", "Alpha,O'Brien,nobody", [ALPHA, BRIEN]),
        ("name.contains", "ALPHA", [ALPHA, BETA]),
        ("name.contains", "%", [ROOF]),
        ("name.contains", "_", [ROOF]),
        ("name.contains", "\\", []),
        ("name.contains", "'", [BRIEN]),
        ("name.startswith", "alpha ", [BETA]),
        ("name.startswith", "100%", [ROOF]),
        ("credit_limit", "0", [ALPHA]),
        ("credit_limit", "$100.50", [BETA]),
        ("credit_limit.ne", "0", [ROOF, BRIEN, BETA]),  # who has none does not have nought
        ("credit_limit.gt", "100.50", [ROOF]),
        ("credit_limit.gte", "100.50", [ROOF, BETA]),
        ("credit_limit.lt", "100.50", [ALPHA]),
        ("credit_limit.lte", "100.50", [ALPHA, BETA]),
        ("credit_limit.between", "100.50,100.51", [ROOF, BETA]),
        ("credit_limit.between", "2,1", []),
        ("credit_limit.null", "true", [BRIEN]),
        ("credit_limit.null", "no", [ROOF, ALPHA, BETA]),
        ("tax_exempt_expires_on", "2026-03-31", [ROOF]),
        ("tax_exempt_expires_on.gt", "2026-03-31", [BRIEN]),
        ("tax_exempt_expires_on.gte", "2026-03-31", [ROOF, BRIEN]),
        ("tax_exempt_expires_on.lt", "2026-03-31", [BETA]),
        ("tax_exempt_expires_on.lte", "2026-03-31", [ROOF, BETA]),
        ("tax_exempt_expires_on.ne", "2026-03-31", [ALPHA, BRIEN, BETA]),
        ("tax_exempt_expires_on.between", "2026-03-01,2026-03-31", [ROOF, BETA]),  # both days are in
        ("tags", "vip", [ALPHA, BETA]),
        ("tags", "slow payer", [BETA]),
        ("tags", "vip' OR true", []),
        ("tax_exempt", "no", [ROOF, ALPHA, BRIEN, BETA]),
        ("source.ne", "web", [ALPHA]),
        ("source.null", "true", [ALPHA]),
        ("status.in", "active,prospect", [ROOF, ALPHA, BRIEN, BETA]),
        ("q", "ALPHA", [ALPHA, BETA]),
        ("q", "100%", [ROOF]),
    ],
)
def test_an_operator_finds_exactly(place: House, question: str, value: str, found: list[str]) -> None:
    if not REGISTRY["customers"].has(question.partition(".")[0]) and question != "q":
        pytest.fail(f"customers lost the field {question}")
    assert names(place, question, value) == sorted(found)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("any1.name", "Alpha"), ("any1.credit_limit.gt", "100.50")], [ALPHA, ROOF]),
        ([("status", "prospect"), ("any1.name", "Alpha"), ("any1.credit_limit.gt", "100")], [ALPHA, ROOF]),
        ([("match", "any"), ("name", "O'Brien"), ("credit_limit", "0")], [ALPHA, BRIEN]),
        ([("match", "any"), ("name", "O'Brien"), ("all1.tags", "vip"), ("all1.credit_limit.gt", "1")], [BETA, BRIEN]),
        ([("any1.tags", "vip"), ("any1.name", "O'Brien"), ("any2.status", "active"), ("any2.source.null", "true")],
         [ALPHA, BRIEN, BETA]),
        ([("name.contains", "alpha"), ("name.contains", "beta")], [BETA]),
    ],
)  # fmt: skip
def test_groups_ask_for_any_or_all_of_what_is_in_them(
    place: House, pairs: list[tuple[str, str]], expected: list[str]
) -> None:
    assert found(place, *pairs) == sorted(expected)


def test_a_list_is_narrowed_by_what_the_record_it_points_at_says(place: House) -> None:
    alpha = place.connection.execute(
        select(REGISTRY["customers"].table.c.id).where(
            REGISTRY["customers"].table.c.name == ALPHA, REGISTRY["customers"].table.c.tenant_id == place.tenant_id
        )
    ).scalar_one()
    place.given("customers", name="Alpha annex", parent_id=alpha)
    assert found(place, ("parent.credit_limit", "0")) == ["Alpha annex"]
    assert found(place, ("parent.name.contains", "alph"), ("status", "prospect")) == ["Alpha annex"]
    assert found(place, ("any1.parent.tags", "vip"), ("any1.name", BRIEN)) == ["Alpha annex", BRIEN]
    assert found(place, ("parent_id", str(alpha))) == ["Alpha annex"]


def test_what_one_may_not_read_there_is_no_filter_here(place: House) -> None:
    """A job's customer may be named to a person who reads jobs alone; nothing else of it may be found out by asking."""
    jobs_alone = place.person("Jo", "jobs.read")
    view = projection(REGISTRY["jobs"], jobs_alone)
    with pytest.raises(BadQuery, match="no filter"):
        listing.read_query([("customer.credit_limit.gt", "0")], view, "UTC")
    masked = place.person("Ina", "customers.read", "jobs.read")
    assert "phone_e164" in projection(REGISTRY["customers"], masked).masked
    with pytest.raises(BadQuery, match="no filter"):
        listing.read_query([("customer.phone_e164", "+13035550142")], projection(REGISTRY["jobs"], masked), "UTC")


@pytest.mark.parametrize(
    "name", ["any0.name", "any1", "any1.nobody", "any1.parent.nobody", "parent.parent.name", "any1.any2.name"]
)
def test_a_group_or_a_way_that_is_none_is_refused(place: House, name: str) -> None:
    with pytest.raises(BadQuery):
        found(place, (name, "x"))


def test_which_filter_left_nothing(place: House) -> None:
    actor = SYSTEM(place.tenant_id)
    view = projection(REGISTRY["customers"], actor)

    def causes(*pairs: tuple[str, str]) -> Emptied | None:
        return emptied_by(place.connection, listing.read_query(pairs, view, "UTC"), actor)

    assert causes(("status", "inactive"), ("name", ALPHA)) == Emptied(("0",), ("0",))
    assert causes(("name", ALPHA), ("credit_limit.gt", "50")) == Emptied((), ("0", "1"))
    assert causes(("any1.name", "Nobody"), ("any1.credit_limit", "7"), ("q", "alpha")) == Emptied(("any1",), ("any1",))


def test_choices_say_how_many_there_would_be(place: House) -> None:
    actor = SYSTEM(place.tenant_id)
    customers = REGISTRY["customers"]
    query = listing.read_query([("status", "active"), ("credit_limit.gt", "0")], projection(customers, actor), "UTC")
    assert facets(place.connection, query, customers.field("status"), actor) == {"active": 1, "prospect": 1}
