"""Undo as a law: whatever one change did, its undo leaves the rows as they were."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from app.engine import ledger
from app.engine.apply import apply, change
from app.engine.registry import REGISTRY
from app.engine.undo import may_undo, plan_undo
from tests.domains.conftest import House, house

pytestmark = pytest.mark.any_server

__all__ = ["house"]

TABLES = ("customers", "contacts", "crm_activities")
STAMPS = frozenset({"version", "updated_at", "updated_by"})
TEXTS: dict[str, dict[str, list[Any]]] = {
    "customers": {"name": ["A", "B", "C"], "website": [None, "a.example"], "notes": [None, "x"], "tax_exempt": [True]},
    "contacts": {"full_name": ["Ruth", "Sam"], "title": [None, "Owner", "Foreman"]},
    "crm_activities": {"subject": ["Called", "Wrote"], "body": [None, "long"]},
}  # fmt: skip


class Work:
    """Random writes inside one change set, as an import, an action and a person's edit would make them."""

    def __init__(self, connection: Connection, company: House, customer: int, chance: random.Random) -> None:
        self.connection, self.company, self.customer, self.chance = connection, company, customer, chance
        self.keys = {
            table: list(
                connection.scalars(select(rows.c.id).where(rows.c.tenant_id == company.tenant_id).order_by(rows.c.id))
            )
            for table, rows in ((name, REGISTRY[name].table) for name in TABLES)
        }

    def step(self) -> None:
        table = self.chance.choice(TABLES)
        how = self.chance.choice([self.edit, self.edit, self.edit, self.create, self.remove])
        how(table)

    def values(self, table: str) -> dict[str, Any]:
        names = self.chance.sample(list(TEXTS[table]), self.chance.randint(1, len(TEXTS[table])))
        return {name: self.chance.choice(TEXTS[table][name]) for name in names}

    def edit(self, table: str) -> None:
        rows = REGISTRY[table].table
        for key in self.chance.sample(self.keys[table], min(len(self.keys[table]), self.chance.randint(1, 2))):
            self.connection.execute(update(rows).where(rows.c.id == key).values(**self.values(table)))

    def create(self, table: str) -> None:
        rows = REGISTRY[table].table
        values = {name: choices[-1] for name, choices in TEXTS[table].items()} | {"tenant_id": self.company.tenant_id}
        if table == "customers":
            values |= {"number": f"X-{self.chance.randrange(10**9)}"}
        else:
            values |= {"customer_id": self.customer}
        if table == "crm_activities":
            values |= {"kind": "note", "occurred_at": "2026-01-01T00:00Z"}
        self.keys[table].append(
            self.connection.execute(insert(rows).values(**values).returning(rows.c.id)).scalar_one()
        )

    def remove(self, table: str) -> None:
        if table != "customers" and self.keys[table]:
            key = self.keys[table].pop(self.chance.randrange(len(self.keys[table])))
            rows = REGISTRY[table].table
            self.connection.execute(delete(rows).where(rows.c.id == key))


def snapshot(company: House) -> dict[tuple[str, int], dict[str, Any]]:
    """Every row of the company that is not archived, without what only counts and stamps."""
    found = {}
    for name in TABLES:
        rows = REGISTRY[name].table
        wanted = select(rows).where(rows.c.tenant_id == company.tenant_id)
        if "archived_at" in rows.c:
            wanted = wanted.where(rows.c.archived_at.is_(None))
        for row in company.connection.execute(wanted).mappings():
            found[(name, row["id"])] = {key: value for key, value in row.items() if key not in STAMPS}
    return found


@pytest.mark.parametrize("seed", range(25))
def test_undo_leaves_the_rows_as_they_were_and_its_own_undo_as_they_became(house: House, seed: int) -> None:
    chance = random.Random(seed)
    olga = house.person("Olga", "*.*")
    customer = house.given("customers", name="Bluestem", status="active")
    for number in range(3):
        house.given("contacts", full_name=f"Person {number}", customer_id=customer)
        house.given(
            "crm_activities", kind="note", subject="Called", occurred_at="2026-01-01T00:00Z", customer_id=customer
        )
    before = snapshot(house)
    with change(olga, reason="a long day") as connection:
        work = Work(connection, house, customer, chance)
        for _ in range(chance.randint(1, 12)):
            work.step()
        number = connection.info["change_set"]
    became = snapshot(house)

    undone = undo(house, olga, number)
    assert snapshot(house) == before
    if undone is not None:
        undo(house, olga, undone)
        now = snapshot(house)
        # What the change had made and the undo only archived comes back; what was deleted for good stays gone with its key.
        assert {place: row for place, row in now.items() if place in became} == became


def undo(house: House, actor: Any, number: int) -> int | None:
    found = ledger.change_set(house.connection, actor, number)
    if found is None:
        return None
    assert may_undo(found, set(ledger.tables(house.connection, number)), actor) is None
    planned = plan_undo(house.connection, found, actor)
    assert planned.left == ()
    return apply(planned.plan, actor, undoes_id=number).change_set


@pytest.mark.parametrize("seed", range(10))
def test_later_changes_stand_and_are_named(house: House, seed: int) -> None:
    """What others changed since is neither lost nor silently kept."""
    chance = random.Random(1_000 + seed)
    olga = house.person("Olga", "*.*")
    key = house.given("customers", name="Bluestem", status="active", website=None, notes=None)
    wanted = {"name": "North", "website": "https://n.example", "notes": "n", "legal_name": "North LLC"}
    receipt = house.edit("Olga", "customers", key, **wanted)
    later = chance.sample(list(wanted), chance.randint(0, 4))
    if later:
        house.edit("Olga", "customers", key, **{name: f"later {name}" for name in later})
    found = ledger.change_set(house.connection, olga, receipt.change_set or 0)
    assert found is not None
    planned = plan_undo(house.connection, found, olga)
    assert {each.field for each in planned.left} == set(later)
    apply(planned.plan, olga, undoes_id=found.id)
    row = house.row("customers", key)
    for name in wanted:
        was = "Bluestem" if name == "name" else None
        assert (row[name] == was) == (name not in later), name
