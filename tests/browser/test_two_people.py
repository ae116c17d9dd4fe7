"""Two people have the same customer open. What does not overlap merges; what does is chosen by whoever saves second."""

from __future__ import annotations

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.browser.watched import Watched
from tests.conftest import Live

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def customers(server: Live) -> list[tuple[int, str]]:
    """Some customers nobody else works on."""
    with psycopg.connect(server.database.superuser_url, options="-c search_path=console,public") as connection:
        return list(
            connection.execute(
                "SELECT id, name FROM customers WHERE status = 'active' AND archived_at IS NULL ORDER BY id OFFSET 40 LIMIT 3"
            ).fetchall()
        )


def begin_editing(person: Watched, key: int) -> None:
    person.go(f"/crm/customers/{key}/edit")
    person.heading("Edit ")


def save(person: Watched) -> None:
    person.page.get_by_role("button", name="Save customer").click()


def test_changes_to_different_fields_are_both_kept_and_the_second_is_told(
    person: Person, customers: list[tuple[int, str]]
) -> None:
    key, name = customers[0]
    seller, manager = person("sales"), person("operations_manager")
    begin_editing(seller, key)
    begin_editing(manager, key)
    seller.page.locator("#source").fill("Trade fair")
    save(seller)
    seller.toast(f"Came from of {name} changed")

    manager.page.locator("#work_instructions").fill("Ask for the roof key at the gate")
    save(manager)
    told = manager.toast(f"Work instructions of {name} changed").inner_text()
    assert "Owen Prescott's change to Came from was kept." in told
    manager.accessible("merged")
    begin_editing(manager, key)
    expect(manager.page.locator("#source")).to_have_value("Trade fair")
    expect(manager.page.locator("#work_instructions")).to_have_value("Ask for the roof key at the gate")


def test_the_same_field_is_chosen_by_the_second_with_both_in_view(
    person: Person, customers: list[tuple[int, str]]
) -> None:
    key, name = customers[1]
    seller, manager = person("sales"), person("operations_manager")
    begin_editing(seller, key)
    begin_editing(manager, key)
    was = manager.page.locator("#payment_terms_days").input_value()
    seller.page.locator("#payment_terms_days").fill("15")
    seller.page.locator("#credit_limit").fill("20000")
    save(seller)
    seller.toast(f"2 fields of {name} changed")

    page = manager.page
    page.locator("#payment_terms_days").fill("75")
    page.locator("#credit_limit").fill("90,000")
    page.locator("#source").fill("Referral")
    save(manager)
    manager.heading(f"{name} was changed while you were editing")
    expect(page.get_by_role("alert")).to_contain_text("Owen Prescott saved a change", use_inner_text=True)
    terms = page.get_by_role("row", name="Terms in days")
    assert terms.get_by_role("cell").all_inner_texts() == [was, "15", "75"]
    expect(page.get_by_role("row", name="Credit limit")).to_have_count(1)
    expect(page.get_by_role("row", name="Came from"), "only what both changed is asked for").to_have_count(0)
    assert terms.get_by_role("radio").first.is_checked(), "theirs, unless one chooses otherwise"
    manager.accessible_everywhere()
    terms.get_by_role("radio").nth(1).check()
    page.get_by_role("button", name="Save these choices").click()
    manager.toast(f"2 fields of {name} changed")

    begin_editing(seller, key)
    expect(seller.page.locator("#payment_terms_days")).to_have_value("75")
    assert seller.page.locator("#credit_limit").input_value() in ("20000", "20000.00")
    expect(seller.page.locator("#source")).to_have_value("Referral")


def test_a_value_edited_in_place_says_what_somebody_else_made_of_it(
    person: Person, customers: list[tuple[int, str]]
) -> None:
    key, name = customers[2]
    seller, manager = person("sales"), person("operations_manager")
    seller.go(f"/crm/customers/{key}")
    manager.go(f"/crm/customers/{key}")
    for each in (seller, manager):
        each.page.get_by_role("button", name=f"Edit City of {name}").click()
        each.until("document.activeElement.id === 'bill_city'")
    seller.page.keyboard.type("Golden")
    seller.press("Enter")
    seller.toast(f"City of {name} changed")
    manager.page.keyboard.type("Arvada")
    manager.press("Enter")
    error = manager.page.locator("#v-bill_city .err")
    error.wait_for()
    expect(error).to_contain_text("“Golden”", use_inner_text=True)
    expect(manager.page.locator("#bill_city"), "one's own stays in the editor").to_have_value("Arvada")
    manager.accessible("with a clash in place")
    manager.press("Enter")
    manager.toast(f"City of {name} changed")
    expect(manager.page.locator("#v-bill_city")).to_contain_text("Arvada", use_inner_text=True)
