"""Ada, who keeps the company's data straight, asks a question in SQL, keeps it, draws it, and opens what it found to fix it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person

pytestmark = pytest.mark.browser


def test_from_a_question_to_the_records_it_found(person: Person) -> None:
    ada = person("owner")
    ada.go("/sql")
    page = ada.page
    page.locator("details.room summary").first.click()
    page.get_by_role("link", name="customers", exact=True).click()
    page.locator("#columns-of", has_text="open_balance").wait_for()
    area = page.get_by_label("Statement")
    area.fill("SELECT name, open_balanc FROM customers")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Line 1, column 14.").wait_for()
    expect(area).to_have_value("SELECT name, open_balanc FROM customers")
    ada.accessible(within="#main")
    area.fill(
        "SELECT id, name, open_balance FROM customers WHERE open_balance > :least ORDER BY open_balance DESC LIMIT 5"
    )
    page.keyboard.press("Control+Enter")
    page.get_by_label(":least").fill("0")
    page.keyboard.press("Enter")
    result = page.get_by_role("table", name="Result")
    result.wait_for()
    expect(result.locator("tbody tr")).to_have_count(5)
    page.get_by_label("Kind of chart").select_option("bar")
    page.locator("select[name=across]").select_option(label="name")
    page.locator("select[name=up]").select_option(label="open_balance")
    page.get_by_role("button", name="Draw").click()
    page.locator("ol.bars li").first.wait_for()
    expect(page.locator("ol.bars li")).to_have_count(5)
    ada.accessible(within="#main")
    page.get_by_text("Keep this query").click()
    page.get_by_label("Name", exact=True).fill("Five who owe most")
    page.get_by_role("button", name="Keep query").click()
    page.get_by_role("heading", name="Five who owe most").wait_for()
    page.get_by_role("button", name="Run").click()
    page.get_by_label(":least").fill("1")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Open 5 customers as a selection").click()
    page.get_by_text("a result at the SQL desk").wait_for()
    expect(page.locator("tr[data-key]")).to_have_count(5)
