"""Duplicates: those of the real export against its answer key, what is remembered, and what is asked again."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from sqlalchemy import insert

from app.domains.crm.centerpoint.export import FOLDER, weigh
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.duplicates import looking, queue
from app.engine.registry import discover
from tests.domains.conftest import House, house

__all__ = ["house"]

KEY = json.loads((FOLDER / "answer_key.json").read_text())
CUSTOMERS = discover()["customers"]


def _bring_in(house: House) -> dict[int, str]:
    """The customers of the export; id -> the number they have there."""
    rows = []
    for record in weigh().tables["customers"]:
        given = {name: value for name, value in record.items() if name != "id" and value is not None}
        rows.append({"tenant_id": house.tenant_id, **given})
    table = CUSTOMERS.table
    names = sorted({name for row in rows for name in row} - {"created_at"})
    with transaction() as connection:
        found = connection.execute(
            insert(table).returning(table.c.id, table.c.external_id), [{n: r.get(n) for n in names} for r in rows]
        )
        return {row.id: row.external_id for row in found}


def _everyone(pairs: list[queue.Pair]) -> set[frozenset[int]]:
    return {frozenset((each.left, each.right)) for each in pairs}


@pytest.fixture
def merger(house: House) -> Actor:
    return house.staff("Dana", "operations_manager")


def test_the_export_against_its_answer_key(house: House, merger: Actor, capsys: pytest.CaptureFixture[str]) -> None:
    """The key names [original, copy]; two copies of one original are the same company as well, so they count as found."""
    numbers = _bring_in(house)
    looking.look(house.tenant_id, CUSTOMERS)
    found = {
        frozenset(numbers[key] for key in pair)
        for pair in _everyone(queue.open_pairs(house.connection, CUSTOMERS, merger, limit=5_000))
    }
    planted = {frozenset(pair) for pair in KEY["duplicate_customers"]}
    groups: dict[str, set[str]] = {}
    for original, copy in KEY["duplicate_customers"]:
        groups.setdefault(original, {original}).add(copy)
    same = {frozenset(pair) for group in groups.values() for pair in combinations(sorted(group), 2)}
    branches = {frozenset(pair) for pair in KEY["same_name_not_duplicate"]}
    precision, recall = len(found & same) / len(found), len(found & planted) / len(planted)
    with capsys.disabled():
        print(
            f"\nduplicates of the export: precision {precision:.3f}, recall {recall:.3f}"
            f" ({len(found)} pairs found, {len(planted)} planted, {len(found & branches)} of {len(branches)} branches accused)"
        )
    assert precision >= 0.95
    assert recall >= 0.90
    assert not found & branches
