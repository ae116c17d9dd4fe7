"""Large changes are taken back in batches, many rows at a time, and it makes no difference to what stands there afterwards."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from sqlalchemy import text, update

from app.core.db import db
from app.engine import ledger, undo_later
from app.engine.access import Actor
from app.engine.apply import change, transaction
from app.engine.registry import REGISTRY
from app.engine.undo import plan_undo
from tests.domains.conftest import House, house
from tests.engine.test_undo import Work, snapshot

pytestmark = pytest.mark.any_server

__all__ = ["house"]

SEED = int(os.environ.get("TEST_SEED", random.randrange(10**6)))


def undone(house: House, who: Actor, *sets: int, entries: int = undo_later.BATCH) -> Any:
    """These sets, as they were written, taken back by the worker's way; the run as it ended."""
    with transaction() as connection:
        number = undo_later.ask(connection, [(each, 1) for each in sets], who, "It was wrong", None)
        run = undo_later.take_up(connection, number)
    assert run is not None
    undo_later.go_on(db.engine, run, who, entries)
    with transaction() as connection:
        assert undo_later.finish(connection, run, "done")
        return undo_later.run_of(connection, number, house.tenant_id)


def written_by(house: House, run: Any) -> list[int]:
    """The sets an undo wrote, in order."""
    found = ledger.change_set(house.connection, house.people["Olga"], run.group_id)
    return [] if found is None else [number for number, _entries in ledger.together(house.connection, found)]


@pytest.mark.parametrize("story", range(12))
def test_a_random_change_is_taken_back_whole_and_its_undo_too(house: House, story: int) -> None:
    print(f"TEST_SEED={SEED}")
    chance = random.Random(f"{SEED} {story}")
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
        for _ in range(chance.randint(1, 15)):
            work.step()
        number = connection.info["change_set"]
    became = snapshot(house)
    # Batches of any size: a record written twice may have its entries in two of them.
    run = undone(house, olga, number, entries=chance.choice([1, 2, 5, 5_000]))
    assert snapshot(house) == before
    assert run.records_left == 0
    if run.group_id is not None:
        again = undone(house, olga, *written_by(house, run), entries=chance.choice([1, 3, 5_000]))
        assert again.records_left == 0
        now = snapshot(house)
        assert {place: row for place, row in now.items() if place in became} == became


@pytest.mark.parametrize("story", range(8))
def test_what_changed_since_is_skipped_and_named_exactly(house: House, story: int) -> None:
    print(f"TEST_SEED={SEED}")
    chance = random.Random(f"{SEED} {story}")
    olga = house.person("Olga", "*.*")
    rows = REGISTRY["customers"].table
    keys = [house.given("customers", name=f"C{n}", bill_city="Austn", notes=None) for n in range(12)]
    with change(olga, reason="213 wrong cities") as connection:
        connection.execute(update(rows).where(rows.c.id.in_(keys)).values(bill_city="Austin", notes="fixed"))
        number = connection.info["change_set"]
    later: dict[int, set[str]] = {}
    for key in chance.sample(keys, 5):
        names = set(chance.sample(["bill_city", "notes", "website"], chance.randint(1, 3)))
        house.change("customers", key, **dict.fromkeys(names, "https://later.example"))
        later[key] = names & {"bill_city", "notes"}
    found = ledger.change_set(house.connection, olga, number)
    assert found is not None
    planned = plan_undo(house.connection, found, olga)
    run = undone(house, olga, number, entries=chance.choice([4, 5_000]))
    left = {(each.record_id, each.field) for each in undo_later.left(house.connection, run.id)}
    assert left == {(str(key), name) for key, names in later.items() for name in names}
    assert left == {(each.record_id, each.field) for each in planned.left}
    assert run.records_restored == len([key for key in keys if later.get(key, set()) != {"bill_city", "notes"}])
    for key in keys:
        row, kept = house.row("customers", key), later.get(key, set())
        assert row["bill_city"] == ("https://later.example" if "bill_city" in kept else "Austn")
        assert row["notes"] == ("https://later.example" if "notes" in kept else None)


def test_what_the_database_refuses_is_left_and_named_and_the_rest_goes_back(house: House) -> None:
    olga = house.person("Olga", "*.*")
    rows = REGISTRY["customers"].table
    keys = [house.given("customers", name=f"C{n}", number=f"OLD-{house.tenant_id}-{n}") for n in range(9)]
    with change(olga, reason="new numbers") as connection:
        connection.execute(update(rows).where(rows.c.id.in_(keys)).values(number=text("'NEW-' || id")))
        number = connection.info["change_set"]
    house.given("customers", name="Took it", number=f"OLD-{house.tenant_id}-4")
    run = undone(house, olga, number)
    assert (run.records_restored, run.records_left) == (8, 1)
    (left,) = undo_later.left(house.connection, run.id)
    assert left.record_id == str(keys[4])
    assert "already has this number" in left.why


def test_a_stop_between_batches_leaves_whole_batches_and_can_be_gone_on_with(house: House) -> None:
    olga = house.person("Olga", "*.*")
    rows = REGISTRY["customers"].table
    keys = [house.given("customers", name=f"C{n}") for n in range(6)]
    with change(olga, reason="a bulk fix") as connection:
        connection.execute(update(rows).where(rows.c.id.in_(keys)).values(bill_city="Austin"))
        number = connection.info["change_set"]
    with transaction() as connection:
        asked = undo_later.ask(connection, [(number, 6)], olga, "It was wrong", None)
        run = undo_later.take_up(connection, asked)
        assert undo_later.stop(connection, asked)
    with pytest.raises(undo_later.Stopped):
        undo_later.go_on(db.engine, run, olga, 2)
    assert {house.row("customers", key)["bill_city"] for key in keys} == {"Austin"}
    with transaction() as connection:
        assert undo_later.resume(connection, asked)
        run = undo_later.take_up(connection, asked)
    undo_later.go_on(db.engine, run, olga, 2)
    now = undo_later.run_of(house.connection, asked, house.tenant_id)
    assert now is not None
    assert (now.entries_done, now.records_restored, len(written_by(house, now))) == (6, 6, 3)
    assert {house.row("customers", key)["bill_city"] for key in keys} == {None}
