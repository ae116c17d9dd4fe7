"""The way back, as people take it: previewed, whole or for some records, large ones while they look on."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import update

from app.core.db import db
from app.engine import undo_later
from app.engine.apply import change, transaction
from app.engine.registry import REGISTRY
from tests.domains.conftest import House, house
from tests.web.desk import Desk, sit

pytestmark = pytest.mark.any_server

__all__ = ["house"]


@pytest.fixture
def ana(app: Flask, house: House) -> Desk:
    return sit(app, house, "Ana Ruiz", "customers.*", "audit.read")


def fixed(ana: Desk, keys: list[int], **values: str) -> int:
    """Ana fixes these customers in one go; the change set."""
    rows = REGISTRY["customers"].table
    with change(ana.actor, reason="wrong cities") as connection:
        connection.execute(update(rows).where(rows.c.id.in_(keys)).values(**values))
        return int(connection.info["change_set"])


def cities(house: House, keys: list[int]) -> list[str | None]:
    return [house.row("customers", key)["bill_city"] for key in keys]


def test_the_preview_says_record_by_record_what_goes_back_and_a_few_can_be_chosen(house: House, ana: Desk) -> None:
    keys = [house.given("customers", name=f"Ridge {n}", bill_city="Austn") for n in range(3)]
    number = fixed(ana, keys, bill_city="Austin")
    house.change("customers", keys[2], bill_city="Dallas")
    page = ana.page(f"/change-sets/{number}/undo")
    assert "Puts back 2 records; 1 left alone" in page
    assert "Ridge 0" in page
    assert (
        "billing city: it has been changed since" in page.lower() or "city: it has been changed since" in page.lower()
    )
    only_left = ana.page(f"/change-sets/{number}/undo?show=left")
    assert "Ridge 2" in only_left
    assert "Ridge 0" not in only_left
    answer = ana.press(f"/change-sets/{number}/undo", rows="these", record=f"customers/{keys[0]}")
    assert answer.status_code == 303
    assert cities(house, keys) == ["Austn", "Austin", "Dallas"]
    assert "partly undone" in ana.page(f"/change-sets/{number}")
    # The history of the one says that it is undone, that of the other offers it.
    assert "undone</a>" in ana.page(f"/crm/customers/{keys[0]}/history")
    assert f"only=customers/{keys[1]}" in ana.page(f"/crm/customers/{keys[1]}/history")


def test_nothing_ticked_is_said_and_changes_nothing(house: House, ana: Desk) -> None:
    key = house.given("customers", name="Ridge", bill_city="Austn")
    number = fixed(ana, [key], bill_city="Austin")
    answer = ana.press(f"/change-sets/{number}/undo", rows="these")
    assert answer.status_code == 422
    assert "Tick the records" in answer.get_data(as_text=True)
    assert cities(house, [key]) == ["Austin"]


def test_what_the_database_would_refuse_is_named_before_and_the_rest_goes_back(house: House, ana: Desk) -> None:
    keys = [house.given("customers", name=f"Ridge {n}", number=f"A{n}-{house.tenant_id}") for n in range(2)]
    rows = REGISTRY["customers"].table
    with change(ana.actor, reason="new numbers") as connection:
        for key in keys:
            connection.execute(update(rows).where(rows.c.id == key).values(number=f"B{key}-{house.tenant_id}"))
        number = connection.info["change_set"]
    house.given("customers", name="Took it", number=f"A1-{house.tenant_id}")
    page = ana.page(f"/change-sets/{number}/undo")
    assert "1 cannot go back" in page
    assert "already has this number" in page
    assert ana.press(f"/change-sets/{number}/undo", without_refused="1").status_code == 303
    assert house.row("customers", keys[0])["number"] == f"A0-{house.tenant_id}"
    assert house.row("customers", keys[1])["number"] == f"B{keys[1]}-{house.tenant_id}"


def test_a_large_change_is_undone_by_the_worker_while_one_looks_on(house: House, ana: Desk) -> None:
    rows = REGISTRY["customers"].table
    with transaction() as connection:
        keys = list(
            connection.scalars(
                rows.insert().returning(rows.c.id),
                [
                    {
                        "tenant_id": house.tenant_id,
                        "number": f"L{house.tenant_id}-{n}",
                        "name": f"Large {n}",
                        "bill_city": "Austn",
                    }
                    for n in range(520)
                ],
            )
        )
    number = fixed(ana, keys, bill_city="Austin")
    house.change("customers", keys[7], bill_city="Dallas")
    dallas = house.row("customers", keys[7])["name"]
    page = ana.page(f"/change-sets/{number}/undo")
    assert "Puts back 519 records; 1 left alone" in page
    assert "Next records" in page
    assert f"{dallas}<" in ana.page(f"/change-sets/{number}/undo?show=left")
    asked = ana.press(f"/change-sets/{number}/undo", reason="It was Austn after all")
    assert asked.status_code == 303
    place = asked.headers["Location"]
    assert "waiting for a worker" in ana.page(place)
    assert ana.press(f"/change-sets/{number}/undo").status_code == 403  # not twice at once
    run_id = int(place.rsplit("/", 1)[1])
    with transaction() as connection:
        run = undo_later.take_up(connection, run_id)
    assert run is not None
    undo_later.go_on(db.engine, run, ana.actor, 200)
    with transaction() as connection:
        undo_later.finish(connection, run, "done")
    page = ana.page(place)
    assert "Undone." in page
    assert f"{dallas}<" in page
    assert set(cities(house, keys[:7] + keys[8:20])) == {"Austn"}
    assert cities(house, [keys[7]]) == ["Dallas"]
    # What the undo wrote in three batches is undone as one.
    wrote = re.search(r'href="/change-sets/(\d+)">What it wrote', page)
    assert wrote
    assert "Undo all 3 batches" in ana.page(f"/change-sets/{wrote[1]}")
    again = ana.press(f"/change-sets/{wrote[1]}/undo", together="1")
    assert again.headers["Location"].startswith("/change-sets/undos/")


def test_whoever_may_not_change_them_is_not_offered_an_undo(app: Flask, house: House, ana: Desk) -> None:
    key = house.given("customers", name="Ridge", bill_city="Austn")
    number = fixed(ana, [key], bill_city="Austin")
    eve = sit(app, house, "Eve", "customers.read", "audit.read")
    assert "does not change customers" in eve.page(f"/change-sets/{number}/undo")
    assert eve.press(f"/change-sets/{number}/undo").status_code == 403
    nobody = sit(app, house, "Nobody", "invoices.read")
    assert nobody.get(f"/change-sets/{number}/undo").status_code == 404
