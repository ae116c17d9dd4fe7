"""Sales takes in a new customer without touching the mouse, then the person to call there."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person

pytestmark = pytest.mark.browser

CUSTOMER = "Juniper Ridge Cold Storage"


def test_a_customer_and_its_contact_are_taken_in_by_keys_alone(person: Person) -> None:
    seller = person("sales")
    page = seller.page
    seller.go("/crm/customers")
    seller.tab_to("New customer")
    seller.press("Enter")
    seller.heading("New customer")
    seller.accessible_everywhere()

    seller.tab_to("Customer")
    page.keyboard.type(CUSTOMER)
    seller.tab_to("Account manager")
    expect(page.locator("#account_manager_id"), "oneself, unless said otherwise").to_have_value("Owen Prescott")
    seller.press("Control+a")
    page.keyboard.type("Bian")
    page.get_by_role("option", name="Bianca Reyes").wait_for()
    expect(page.locator("#account_manager_id")).to_have_attribute("aria-expanded", "true")
    seller.until("document.getElementById('announcer').textContent === '1 match'")
    seller.accessible("with matches")
    seller.press("ArrowDown")
    active = page.locator("#account_manager_id").get_attribute("aria-activedescendant")
    expect(page.locator(f"#{active}")).to_have_attribute("aria-selected", "true")
    seller.press("Enter")
    expect(page.locator("#account_manager_id")).to_have_value("Bianca Reyes")
    assert page.get_by_role("option").count() == 0 or not page.get_by_role("option").first.is_visible()
    assert seller.path().startswith("/crm/customers/new"), "choosing is not saving"

    # What was typed and not chosen means nothing; Escape closes the list and leaves the form alone.
    seller.press("Control+a")
    page.keyboard.type("Bia")
    page.get_by_role("option", name="Bianca Reyes").wait_for()
    seller.press("Escape", "Tab")
    seller.until("document.getElementById('account_manager_id').value === 'Bianca Reyes'")

    seller.tab_to("Terms in days")
    page.keyboard.type("999")
    seller.press("Enter")
    page.locator("#payment_terms_days[aria-invalid=true]").wait_for()
    seller.comes_to("Terms in days", marked=False)
    expect(page.locator("#payment_terms_days-err")).to_contain_text("180", use_inner_text=True)
    expect(page.locator("#name")).to_have_value(CUSTOMER)
    expect(page.locator("#account_manager_id")).to_have_value("Bianca Reyes")
    seller.accessible("refused")
    seller.press("Control+a")
    page.keyboard.type("45")
    seller.press("Control+s")
    seller.toast("Customer created")
    facts = page.locator("dl.facts").inner_text()
    assert "Bianca Reyes" in facts
    assert "45" in facts
    customer = seller.path().partition("?")[0]

    seller.tab_to("New contact", limit=120)
    seller.press("Enter")
    seller.heading("New contact")
    expect(page.locator("#customer_id"), "the customer one came from is filled in").to_have_value(CUSTOMER)
    seller.tab_to("Name")
    page.keyboard.type("Ines Okonkwo")
    page.locator("#email").fill("ines@juniper")
    page.locator("#phone_e164").fill("(720) 555-0142")
    seller.press("Enter")
    page.locator("#email[aria-invalid=true]").wait_for()
    seller.comes_to("E-mail", marked=False)
    page.locator("#email").fill("Ines@Juniper.example")
    seller.press("Enter")
    seller.toast("Contact created")
    expect(page.locator("#main")).to_contain_text("720-555-0142", use_inner_text=True)
    page.locator("#main a", has_text=CUSTOMER).first.click()
    seller.heading(CUSTOMER)
    assert seller.path() == customer
    expect(page.locator("#rel-contacts tbody tr", has_text="Ines Okonkwo")).to_have_count(1)
    seller.accessible_everywhere()


def test_a_form_left_with_something_typed_asks_once(person: Person) -> None:
    seller = person("sales")
    page = seller.page
    seller.go("/crm/customers/new")
    page.locator("#name").fill("Half a customer")
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_timeout(300)
    assert asked == ["Leave this page? What you typed here is not saved."]
    expect(page.locator("#name")).to_have_value("Half a customer")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("link", name="Cancel").click()
    seller.heading("Customers")
