"""A plan is worked out before anything is written, and is written whole or not at all."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import text

from app.core.db import db
from app.engine import ledger
from app.engine.apply import apply, change
from app.engine.plan import Change, Plan, plan_create, plan_edit
from app.engine.refusals import NotAllowed, NotFound, Rejected, Stale
from app.engine.registry import REGISTRY
from tests.domains.conftest import House, house

pytestmark = pytest.mark.any_server

__all__ = ["house"]


@pytest.fixture
def olga(house: House) -> int:
    house.person("Olga", "*.*")
    return house.given("customers", name="Bluestem", status="active", notes="n")


def sets(house: House) -> int:
    mine = text("SELECT count(*) FROM change_sets WHERE tenant_id = :tenant")
    return int(house.connection.execute(mine, {"tenant": house.tenant_id}).scalar_one())


def test_a_plan_writes_nothing_and_holds_only_what_differs(house: House, olga: int) -> None:
    plan = plan_edit(
        house.connection,
        REGISTRY["customers"],
        olga,
        {"name": "North", "notes": "n", "website": ""},
        1,
        house.people["Olga"],
    )
    assert [(dict(each.before), dict(each.after)) for each in plan.changes] == [
        ({"name": "Bluestem"}, {"name": "North"})
    ]
    assert house.row("customers", olga)["name"] == "Bluestem"


def test_an_empty_plan_opens_no_change_set(house: House, olga: int) -> None:
    before = sets(house)
    assert house.edit("Olga", "customers", olga, name="Bluestem").change_set is None
    assert sets(house) == before


def test_a_plan_with_one_bad_change_changes_nothing_at_all(house: House, olga: int) -> None:
    before, customers = sets(house), REGISTRY["customers"]
    good = Change(customers, "update", olga, {"name": "Bluestem"}, {"name": "North"}, 1)
    bad = Change(customers, "insert", None, {}, {"name": "Second", "status": "nonsense"})
    with pytest.raises(Rejected):
        apply(Plan((good, bad)), house.people["Olga"])
    assert house.row("customers", olga)["name"] == "Bluestem"
    assert sets(house) == before


def test_a_plan_made_on_an_older_row_is_refused_as_a_whole(house: House, olga: int) -> None:
    actor = house.people["Olga"]
    plan = plan_edit(house.connection, REGISTRY["customers"], olga, {"name": "North"}, 1, actor)
    house.change("customers", olga, notes="meanwhile")
    second = house.given("customers", name="Second", status="active")
    both = Plan((Change(REGISTRY["customers"], "update", second, {}, {"name": "Renamed"}, 1), *plan.changes))
    with pytest.raises(Stale):
        apply(both, actor)
    assert house.row("customers", second)["name"] == "Second"


def test_four_people_adding_to_one_text_at_once_lose_no_word(app: Flask, house: House, olga: int) -> None:
    """Whoever read an older text is told so and tries again; nobody overwrites anybody."""
    actor, customers, faults = house.people["Olga"], REGISTRY["customers"], []
    read = customers.table.select().where(customers.table.c.id == olga)

    def add(word: str) -> None:
        while True:
            try:
                with db.engine.connect() as connection:
                    row = connection.execute(read).mappings().one()
                    plan = plan_edit(
                        connection, customers, olga, {"notes": f"{row['notes']} {word}"}, row["version"], actor
                    )
                apply(plan, actor)
                return
            except Stale:
                continue

    def person(name: str) -> None:
        try:
            with app.app_context():
                for number in range(4):
                    add(f"{name}{number}")
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=person, args=[name]) for name in "abcd"]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert faults == []
    assert sorted(house.row("customers", olga)["notes"].split()) == sorted(
        ["n", *(f"{a}{b}" for a in "abcd" for b in range(4))]
    )


def test_a_set_left_by_an_error_leaves_no_trace(house: House, olga: int) -> None:
    before, table = sets(house), REGISTRY["customers"].table

    class Interrupted(Exception):
        pass

    def interrupted() -> None:
        with change(house.people["Olga"]) as connection:
            connection.execute(table.update().where(table.c.id == olga).values(name="Half done"))
            raise Interrupted

    with pytest.raises(Interrupted):
        interrupted()
    assert house.row("customers", olga)["name"] == "Bluestem"
    assert sets(house) == before


@pytest.mark.parametrize("name", ["status", "balance", "version", "id", "tenant_id", "nonsense"])
def test_what_no_form_offers_no_plan_takes(house: House, olga: int, name: str) -> None:
    actor, customers = house.people["Olga"], REGISTRY["customers"]
    with pytest.raises(NotAllowed, match="cannot be changed here"):
        plan_edit(house.connection, customers, olga, {name: 1}, None, actor)
    with pytest.raises(NotAllowed, match="cannot be changed here"):
        plan_create(customers, {"name": "New", name if name != "status" else "balance": 1}, actor)


def test_a_record_of_another_company_is_not_found_to_plan_on(house: House, olga: int) -> None:
    stranger = replace(house.people["Olga"], tenant_id=house.tenant_id + 1)
    with pytest.raises(NotFound):
        plan_edit(house.connection, REGISTRY["customers"], olga, {"name": "Mine"}, None, stranger)


def test_the_receipt_names_the_set_and_the_set_names_who_and_why(house: House, olga: int) -> None:
    actor = house.people["Olga"]
    plan = plan_edit(house.connection, REGISTRY["customers"], olga, {"name": "North"}, 1, actor)
    receipt = apply(plan, actor, "They split", request_id="r1")
    found = ledger.change_set(house.connection, actor, receipt.change_set or 0)
    assert found is not None
    assert (found.actor_name, found.reason, found.channel, found.entry_count, found.request_id) == (
        "Olga",
        "They split",
        "console",
        1,
        "r1",
    )
    assert receipt.keys == (olga,)
    assert house.row("customers", olga)["updated_by"] == actor.app_user_id
