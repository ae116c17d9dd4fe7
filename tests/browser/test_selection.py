"""Grace chooses rows by keyboard and mouse, takes them out and finds her copy; Carl, who may not, sees none of it."""

from __future__ import annotations

import csv
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.browser.watched import PHONE

LIST = "/crm/customers?view=all&limit=25"


def test_rows_are_chosen_by_keyboard_over_pages_and_taken_out(person: Person) -> None:
    grace = person("billing")
    page = grace.page
    grace.go(LIST)
    bar, boxes = page.locator(".bulkbar"), page.locator("tbody .pick .check")
    expect(bar).not_to_be_visible()
    page.locator('tbody td[tabindex="0"]').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    assert [boxes.nth(n).is_checked() for n in range(5)] == [False, True, True, True, False]
    page.keyboard.press("Shift+ArrowUp")
    expect(bar).to_contain_text("2 selected", use_inner_text=True)
    boxes.nth(1).click()
    boxes.nth(1).click()
    boxes.nth(5).click(modifiers=["Shift"])
    expect(bar).to_contain_text("5 selected", use_inner_text=True)
    grace.accessible(within="#list")
    page.keyboard.press("]")
    grace.at("after=")
    grace.until("document.querySelector('.bulkbar [name=keys]').value.split(' ').length === 5")
    expect(bar).to_contain_text("5 selected", use_inner_text=True)
    page.locator("thead .pick .check").click()
    expect(bar).to_contain_text("30 selected", use_inner_text=True)
    page.keyboard.press("Escape")
    expect(bar).not_to_be_visible()
    page.keyboard.press("[")
    grace.until("!document.querySelector('tbody .pick .check:checked')")


def test_selected_rows_become_a_file_with_a_manifest_and_all_means_all(person: Person) -> None:
    grace = person("billing")
    page = grace.page
    grace.go(f"{LIST}&bill_city=Denver")
    page.locator("tbody .pick .check").nth(0).click()
    page.locator(".bulkbar").get_by_role("button", name="Export").click()
    dialog = page.locator("dialog#export[data-shown]")
    dialog.wait_for()
    assert dialog.get_by_label("Selected, 1").is_checked()
    grace.accessible(within="#export")
    with page.expect_download() as taken:
        dialog.get_by_role("button", name="Export").click()
    lines = list(csv.reader(Path(taken.value.path()).read_text(encoding="utf-8-sig").splitlines()))
    assert len(lines) == 2
    grace.until("!document.querySelector('dialog#export')")
    page.locator("[data-every-one]").click()
    assert page.locator(".bulkbar").inner_text().startswith("All, ")
    page.locator("#take-out").click()
    dialog.wait_for()
    assert dialog.get_by_label("All that match").is_checked()
    page.keyboard.press("Escape")
    page.locator("tbody .pick .check").nth(2).click()
    rows = page.locator("tbody tr").count()
    expect(page.locator(".bulkbar")).to_contain_text(f"{rows - 1} selected", use_inner_text=True)
    grace.go("/platform/data_exports")
    page.locator("tbody td.name a", has_text=taken.value.suggested_filename).first.click()
    grace.heading(taken.value.suggested_filename)
    expect(page.locator("#main")).to_contain_text("bill_city=Denver", use_inner_text=True)
    grace.accessible()


def test_another_filter_is_another_list(person: Person) -> None:
    grace = person("billing")
    grace.go(LIST)
    grace.page.locator("tbody .pick .check").nth(0).click()
    grace.go(f"{LIST}&bill_city=Denver")
    expect(grace.page.locator(".bulkbar")).not_to_be_visible()


def test_on_a_phone_select_shows_the_boxes_and_a_tap_ticks(person: Person) -> None:
    grace = person("billing", viewport=PHONE, has_touch=True)
    page = grace.page
    grace.go(LIST)
    page.get_by_role("button", name="Select", exact=True).tap()
    page.locator("tbody tr").nth(2).locator("td.name").tap()
    assert page.locator("tbody .pick .check").nth(2).is_checked()
    expect(page.locator(".bulkbar")).to_contain_text("1 selected", use_inner_text=True)
    assert "/crm/customers?" in grace.path()
    page.get_by_role("button", name="Done").tap()
    expect(page.locator("tbody .pick .check").nth(2)).not_to_be_visible()


def test_who_may_not_take_out_has_nothing_to_select(person: Person) -> None:
    carl = person("viewer")
    carl.go(LIST)
    expect(carl.page.locator(".pick")).to_have_count(0)
    expect(carl.page.get_by_role("link", name="Export")).to_have_count(0)
    assert carl.page.request.get("/crm/customers/export").status == 403
