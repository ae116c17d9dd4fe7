"""Sam brings two customers in from a file, by keyboard but for the file itself, and takes them back."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person

pytestmark = pytest.mark.browser


def test_a_file_is_brought_in_and_taken_back(person: Person) -> None:
    town = f"Nowhere {secrets.token_hex(3)}"
    sam = person("sales")
    page = sam.page
    sam.go("/crm/customers?view=all")
    page.get_by_role("link", name="Import", exact=True).click()
    sam.heading("Import customers")
    sam.accessible(within="#main")
    content = f"Company;City;Phone 1;Manager\nAcme {town};{town};(303) 555-0142 x7;\nBirch {town};{town};12;\n"
    page.locator("#f-file").set_input_files(
        files=[{"name": "two.csv", "mimeType": "text/csv", "buffer": content.encode()}]
    )
    page.locator("#f-source").press("Enter")
    sam.heading("Import two.csv")
    sam.ready()
    sam.accessible(within="#main")
    expect(page.locator("#to-0")).to_have_value("name")
    expect(page.locator("#also-2")).to_have_value("notes")

    page.locator("#to-3").select_option("account_manager_id")
    page.locator("#by-3").wait_for()  # what hangs on the field is asked at once
    page.locator("#f-nothing").press("Enter")
    page.get_by_role("heading", name="What was found").wait_for()
    sam.accessible(within="#main")
    assert "Phone 1: Enter 10 digits" in page.inner_text("#main")

    page.locator("#reason").fill("two by hand")
    page.get_by_role("button", name="Bring in 1 row").press("Enter")
    page.get_by_role("heading", name="What came of it").wait_for()
    expect(page.get_by_role("link", name=f"Acme {town}")).to_be_visible()

    page.get_by_role("main").get_by_role("button", name="Undo", exact=True).press("Enter")
    page.get_by_text(re.compile("undone by")).wait_for()
