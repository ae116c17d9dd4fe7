"""Before a record is taken away one sees what hangs on it, and the question grows with the harm."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask

from app.engine import attached
from app.engine.registry import REGISTRY
from tests.domains.conftest import House
from tests.web.desk import Desk, sit, words


@pytest.fixture
def olga(app: Flask, house: House) -> Desk:
    return sit(app, house, "Olga", "*.*")


def harm(house: House, table: str, key: int, desk: Desk) -> dict[str, list[str]]:
    found = attached.harm(house.connection, REGISTRY[table], key, desk.actor)
    assert found.complete
    return {effect: [each.words for each in found.of(effect)] for effect in ("goes", "lets_go", "blocks")}


def test_what_goes_what_lets_go_and_what_blocks_is_asked_of_the_database(house: House, olga: Desk) -> None:
    customer = house.given("customers", name="Alamo")
    assert harm(house, "customers", customer, olga) == {"goes": [], "lets_go": [], "blocks": []}
    contact = house.given("contacts", full_name="Ann Reed", customer_id=customer)
    house.given("contacts", full_name="Bo Reed", customer_id=customer)
    house.given("estimates", title="Roof", customer_id=customer, contact_id=contact)
    found = attached.harm(house.connection, REGISTRY["customers"], customer, olga.actor)
    assert [(each.effect, each.words, each.below, each.href) for each in found.attached] == [
        ("goes", "2 contacts", False, f"/crm/contacts?customer_id={customer}&archived=1"),
        ("lets_go", "1 estimate", True, None),
        ("blocks", "1 estimate", False, f"/crm/estimates?customer_id={customer}&archived=1"),
    ]
    assert found.blocked and not found.much


def test_a_record_without_anything_is_deleted_by_one_plain_press(house: House, olga: Desk) -> None:
    house.person("Rita", "*.*")
    estimate = house.create("Rita", "estimates", customer_id=house.given("customers", name="Alamo"), title="Roof")
    line = house.create(
        "Rita", "estimate_lines", estimate_id=estimate, description="Work", quantity=Decimal(1), unit_price=Decimal(5)
    )
    at = f"/crm/estimate_lines/{line}/delete"
    page = olga.page(at)
    assert "Nothing else hangs on it" in page and 'name="confirm"' not in page
    assert olga.press(at).status_code == 303
    olga.page(f"/crm/estimate_lines/{line}", 404)


def test_much_that_goes_along_asks_for_the_name(house: House, olga: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached, "MUCH", 2)
    monkeypatch.setattr(attached, "MOST", 2)
    session = house.given("ai_board_sessions", title="Prices", purpose="strategy")
    for place, question in enumerate(("Raise?", "Lower?", "Wait?"), 1):
        asked = {"question": question, "position": place, "options": ["yes", "no"]}
        house.given("ai_consensus_decisions", board_session_id=session, **asked)
    at = f"/ai/ai_board_sessions/{session}/delete"
    page = olga.page(at)
    assert "2+ " in page and 'name="confirm"' in page
    wrong = olga.press(at, confirm="Open")
    assert wrong.status_code == 422 and "to confirm that all of this may go" in words(wrong)
    name = page.split("Type “")[1].split("”")[0]
    assert olga.press(at, confirm=name).status_code == 303
    olga.page(f"/ai/ai_board_sessions/{session}", 404)


def test_what_a_role_does_not_see_is_neither_named_nor_counted(app: Flask, house: House, olga: Desk) -> None:
    customer = house.given("customers", name="Alamo")
    for title in ("Roof", "Gutter"):
        house.given("estimates", title=title, customer_id=customer)
    assert "2 estimates" in olga.page(f"/crm/customers/{customer}/delete")
    narrow = sit(app, house, "Nina", "customers.*")
    page = narrow.page(f"/crm/customers/{customer}/delete")
    assert "stimate" not in page.split('id="act"')[1].split("</dialog>")[0]
    assert "Records your role does not show" in page
