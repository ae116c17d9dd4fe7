"""What each operator finds, on rows one can count by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from flask import Flask

from app.engine import listing
from app.engine.access import SYSTEM
from app.engine.projection import projection
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
    actor = SYSTEM(place.tenant_id)
    query = listing.read_query(
        [(question, value), ("cols", "name"), ("sort", "name")],
        projection(REGISTRY["customers"], actor),
        "America/Denver",
    )
    page = listing.fetch(place.connection, query, actor)
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
