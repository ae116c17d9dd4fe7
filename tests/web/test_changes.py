"""Finding one's way in the history: what changed, what is gone, and how a record stood at any moment."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text, update

from app.core.clock import now
from app.engine.apply import change
from app.engine.registry import REGISTRY
from tests.domains.conftest import House, house
from tests.web.desk import Desk, sit

pytestmark = pytest.mark.any_server

__all__ = ["house"]


@pytest.fixture
def ana(app: Flask, house: House) -> Desk:
    return sit(app, house, "Ana Ruiz", "customers.*", "contacts.*", "audit.read", "app_users.read")


def shown(page: str) -> set[int]:
    return {int(key) for key in re.findall(r'<tr data-key="(\d+)"', page)}


def edited(who: Desk, key: int, reason: str, **values: object) -> int:
    rows = REGISTRY["customers"].table
    with change(who.actor, reason=reason) as connection:
        connection.execute(update(rows).where(rows.c.id == key).values(**values))
        return int(connection.info["change_set"])


def test_the_history_is_narrowed_by_person_table_field_time_and_words(app: Flask, house: House, ana: Desk) -> None:
    ben = sit(app, house, "Ben Okafor", "customers.*")
    key, word = house.given("customers", name="Ridge"), secrets.token_hex(5)
    city = edited(ana, key, f"moved {word}", bill_city=f"Aust{word}")
    name = edited(ben, key, "renamed", name="Ridge & Sons")
    mine = f"person={ana.actor.app_user_id}"
    assert shown(ana.page(f"/change-sets?{mine}")) == {city}
    assert {city, name} <= shown(ana.page("/change-sets?table=customers"))
    assert name not in shown(ana.page("/change-sets?table=customers&field=bill_city"))
    assert city in shown(ana.page("/change-sets?table=customers&field=bill_city"))
    assert shown(ana.page(f"/change-sets?q={word}")) == {city}
    assert shown(ana.page(f"/change-sets?q=AUST{word}&table=customers")) == {city}
    assert shown(ana.page(f"/change-sets?{mine}&when=today")) == {city}
    assert shown(ana.page(f"/change-sets?{mine}&when=-1month")) == set()
    assert shown(ana.page(f"/change-sets?{mine}&channel=import")) == set()
    # A name that is one person's leads to what that person did.
    assert f"person={ben.actor.app_user_id}" in ana.get("/change-sets?who=Ben+Okafor").headers["Location"]
    assert "Remove filter Person is Ana Ruiz" in ana.page(f"/change-sets?{mine}")
    for wrong in ("channel=fax", "table=nothing", "table=customers&field=nothing", "when=soonish", "colour=red"):
        assert ana.get(f"/change-sets?{wrong}").status_code == 400, wrong


def test_a_masked_value_is_not_found_by_its_words(app: Flask, house: House, ana: Desk) -> None:
    word = f"{secrets.token_hex(5)}@ridge.example"
    key = house.given("customers", name="Ridge")
    number = edited(ana, key, "asked", email=word)
    assert shown(ana.page(f"/change-sets?q={word}")) == {number}
    auditor = sit(app, house, "Eve", "customers.read", "audit.read")
    assert shown(auditor.page(f"/change-sets?q={word}")) == set()
    assert number in shown(auditor.page("/change-sets?table=customers"))
    outsider = sit(app, house, "Olaf", "audit.read")
    assert outsider.get("/change-sets?table=customers").status_code == 400


def test_what_was_deleted_is_listed_and_comes_back_with_what_went_along(app: Flask, house: House, ana: Desk) -> None:
    customer = house.given("customers", name="Ridge")
    contact = house.given("contacts", full_name="Ruth Deleted", customer_id=customer)
    olga = house.person("Olga", "*.*")
    with change(olga, reason="cleared out") as connection:
        connection.execute(text("DELETE FROM contacts WHERE id = :id"), {"id": contact})
        connection.execute(text("DELETE FROM customers WHERE id = :id"), {"id": customer})
    page = ana.page(f"/deleted?person={olga.app_user_id}")
    assert "Ruth Deleted" in page
    assert "cleared out" in page
    restore = re.search(r'href="(/deleted/\d+/restore)" aria-label="Restore Ridge"', page)
    assert restore
    preview = ana.get(restore[1]).headers["Location"]
    asked = ana.page(preview)
    assert "Ruth Deleted" in asked
    assert "is brought back" in asked
    form = ana.form(asked, "record")
    with app.app_context():
        answer = ana.client.post(
            preview.split("?")[0],
            data={
                "csrf_token": form.values["csrf_token"],
                "rows": "these",
                "record": [f"customers/{customer}", f"contacts/{contact}"],
            },
        )
    assert answer.status_code == 303
    assert house.row("contacts", contact)["customer_id"] == customer
    assert "brought back" in ana.page(f"/deleted?person={olga.app_user_id}")
    # Whoever does not read the table does not learn of its deleted records.
    other = sit(app, house, "Sam", "invoices.read")
    assert "Ruth Deleted" not in other.page("/deleted")
    assert other.get("/deleted?table=contacts").status_code == 400


def test_what_stands_in_the_way_of_a_restore_is_named(house: House, ana: Desk) -> None:
    customer = house.given("customers", name="Ridge")
    contact = house.given("contacts", full_name="Ruth Blocked", customer_id=customer)
    olga = house.person("Olga", "*.*")
    with change(olga, reason="one") as connection:
        connection.execute(text("DELETE FROM contacts WHERE id = :id"), {"id": contact})
    with change(olga, reason="two") as connection:
        connection.execute(text("DELETE FROM customers WHERE id = :id"), {"id": customer})
    page = ana.page(f"/deleted?person={olga.app_user_id}&table=contacts")
    restore = re.search(r'href="(/deleted/\d+/restore)"', page)
    assert restore
    asked = ana.page(ana.get(restore[1]).headers["Location"])
    assert "1 cannot go back" in asked
    assert "points at one that is gone" in asked


def test_a_record_is_shown_as_it_was_and_two_moments_are_compared(app: Flask, house: House, ana: Desk) -> None:
    key = house.given("customers", name="Bluestem", bill_city="Austn", email="first@ridge.example")
    edited(ana, key, "one", bill_city="Austin")
    edited(ana, key, "two", name="Bluestem North", email="second@ridge.example")
    history = ana.page(f"/crm/customers/{key}/history")
    then = re.findall(rf'href="(/crm/customers/{key}/past\?entry=\d+)"', history)
    assert len(then) == 3
    as_made = ana.page(then[2])
    assert 'data-field="bill_city">Austn<' in as_made
    assert 'data-field="name">Bluestem<' in as_made
    assert 'data-differs="name"' in as_made
    after_one = ana.page(then[1])
    assert 'data-field="bill_city">Austin<' in after_one
    assert 'data-differs="bill_city"' not in after_one
    before = (now() - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    assert "There was no such customer then" in ana.page(f"/crm/customers/{key}/past?at={before}")
    assert "is not a date" in ana.page(f"/crm/customers/{key}/past?at=soonish")
    eve = sit(app, house, "Eve", "customers.read")
    assert "first@ridge.example" in as_made
    assert "first@ridge.example" not in eve.page(then[2])
    assert sit(app, house, "Sam", "invoices.read").get(then[2]).status_code == 404
