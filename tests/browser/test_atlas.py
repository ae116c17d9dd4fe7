"""An owner asks what is really in the database: from the list of all tables to the evidence, the map, and back by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.browser.watched import PHONE

pytestmark = pytest.mark.browser


def test_from_a_verdict_to_its_evidence_and_along_the_map(person: Person) -> None:
    owner = person("owner")
    owner.go("/explorer")
    page = owner.page
    page.get_by_role("link", name="Look-alike", exact=True).click()
    page.locator('.tabs [aria-current="page"]', has_text="Look-alike").wait_for()
    copy = page.locator("tr", has_text="legacy.customers_backup_2023")
    expect(copy.locator("td[data-field=verdict]")).to_have_text("Look-alike", use_inner_text=True)
    copy.get_by_role("link", name="Why").click()
    page.get_by_role("heading", name="legacy.customers_backup_2023").wait_for()
    expect(page.locator("#main")).to_contain_text("named like console.customers", use_inner_text=True)
    owner.accessible(within="#main")
    page.get_by_role("link", name="Map of Customers and work").click()
    page.get_by_role("heading", name="What refers to what").wait_for()
    owner.accessible(within="#main")
    box = page.get_by_role("link", name=re.compile("^console.invoices, "))
    box.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="console.invoices").wait_for()
    assert page.get_by_role("region", name="Referred to by").get_by_text("console.invoice_lines").count()
    expect(page.get_by_role("link", name="Browse rows")).to_have_attribute("href", "/crm/invoices")


def test_the_map_scrolls_within_itself_on_a_phone(person: Person) -> None:
    owner = person("owner", viewport=PHONE)
    owner.go("/explorer/map/crm")
    owner.fits()
    wide, seen = owner.page.locator(".atlas-map").evaluate("(each) => [each.scrollWidth, each.clientWidth]")
    assert wide > seen
