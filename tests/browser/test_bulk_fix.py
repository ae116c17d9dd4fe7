"""Olga finds 213 customers with a wrong city, puts them right, sees who did it and takes it back, by keyboard alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from sqlalchemy import create_engine, text

from app.core.db import connect_args, psycopg_url
from tests.browser.conftest import Person
from tests.servers import Database

pytestmark = pytest.mark.browser

MANY = 213


@pytest.fixture
def wrong_city(demo_database: Database) -> Iterator[str]:
    """A city nobody else has, in 213 customers of the demonstration company."""
    city = f"Denvr {secrets.token_hex(3)}"
    config = demo_database.config()
    owner = create_engine(psycopg_url(demo_database.owner_url), connect_args=connect_args(config, "owner", "psql"))
    with owner.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO customers (tenant_id, number, name, bill_city, status)"
                " SELECT t.id, :city || '-' || n, 'Wrong city ' || n, :city, 'active'"
                " FROM (SELECT id FROM tenants ORDER BY id LIMIT 1) t, generate_series(1, :many) n"
            ),
            {"city": city, "many": MANY},
        )
    yield city
    with owner.begin() as connection:
        connection.execute(text("DELETE FROM customers WHERE number LIKE :city || '-%'"), {"city": city})
    owner.dispose()


def test_213_customers_with_a_wrong_city_are_put_right_and_back_by_keyboard(person: Person, wrong_city: str) -> None:
    olga = person("operations_manager")
    page = olga.page
    olga.go("/crm/customers?view=all&limit=25")
    olga.press("f")
    olga.comes_to("Find a field", marked=False)
    page.keyboard.type("City")
    olga.tab_to("City")
    olga.press("Enter")
    olga.until("document.activeElement?.name === 'value'")
    page.keyboard.type(wrong_city)
    olga.press("Enter")
    olga.at("bill_city")
    page.locator(".pager", has_text="of 213 customers").wait_for()

    olga.press("j", "Space")
    olga.until("document.querySelector('.bulkbar').checkVisibility()")
    olga.tab_to("Select all, 213")
    olga.press("Enter")
    olga.until("document.querySelector('.bulkbar [name=rows]').value === 'all'")
    olga.tab_to("Edit")
    olga.press("Enter")
    olga.heading("Edit 213 customers")
    olga.ready()
    olga.accessible(within="#main")

    olga.tab_to("What to do with City")
    page.keyboard.type("Set")
    olga.press("Tab")
    page.keyboard.type("Denver")
    olga.press("Enter")
    olga.heading("Set City to “Denver”")
    page.locator("tbody ins").first.wait_for()
    expect(page.locator(".sums")).to_contain_text("213", use_inner_text=True)
    olga.accessible_everywhere()
    olga.fits()

    olga.tab_to("Reason")
    page.keyboard.type("The importer cut a letter")
    olga.press("Tab", "Enter")
    page.locator("#came-h").wait_for()
    expect(page.locator("#main")).to_contain_text("213 changed", use_inner_text=True)
    olga.accessible(within="#main")

    olga.tab_to("Change ")
    olga.press("Enter")
    page.wait_for_url("**/change-sets/*")
    olga.ready()
    said = page.locator("#main").inner_text()
    assert "The importer cut a letter" in said and "213" in said
    assert page.locator("#nav .who b").first.inner_text() in said
    page.go_back()
    page.locator("#came-h").wait_for()
    olga.ready()

    olga.tab_to("Undo")
    olga.press("Enter")
    page.locator("#main", has_text="undone by").wait_for(timeout=30_000)
    olga.go(f"/crm/customers?view=all&bill_city={wrong_city}")
    expect(page.locator("#main")).to_contain_text("213 customers", use_inner_text=True)
