"""Grace keeps the list she works from: by keyboard, with its columns and widths, in her order; Olga shares one without script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person, follow
from tests.browser.watched import PHONE, Watched

pytestmark = pytest.mark.browser

LIST = "/crm/invoices"


def open_tab(person: Watched, name: str) -> None:
    person.page.locator(".viewbar a[aria-current=page]", has_text=name).wait_for()


def heads(person: Watched) -> list[str]:
    return list(person.page.locator("th[data-col]").evaluate_all("all => all.map((each) => each.dataset.col)"))


def save(person: Watched) -> None:
    """Press the button of a changed view, and see it unchanged."""
    person.page.locator(".viewbar").get_by_role("button", name="Save view").click()
    person.page.wait_for_url(lambda url: "~" not in url)
    person.page.locator(".viewbar").get_by_role("button", name="Save view").wait_for(state="detached")


def width(person: Watched, name: str) -> int:
    return round(person.page.locator(f"th[data-col={name}]").bounding_box()["width"])


def test_a_list_is_kept_changed_measured_and_put_in_order(person: Person) -> None:
    grace = person("billing")
    page = grace.page
    grace.go(LIST)
    open_tab(grace, "Ageing")
    grace.accessible_everywhere()
    page.locator(".viewbar").get_by_role("link", name="All", exact=True).click()
    grace.at("view=all")
    open_tab(grace, "All")

    # Kept by the keyboard alone.
    page.locator(".viewbar").get_by_role("link", name="Unsent").click()
    grace.at("scope=Unsent")
    page.locator("#save-view").focus()
    grace.press("Enter")
    dialog = page.get_by_role("dialog", name="Save view of invoices")
    dialog.wait_for()
    grace.accessible("with the dialog to save a view")
    grace.comes_to("Name")
    page.keyboard.type("To send today")
    grace.press("Enter")
    grace.toast("View “To send today” saved")
    open_tab(grace, "To send today")

    # An order of rows makes it another one; the bar says so while only the rows were asked for.
    page.locator("thead").get_by_role("link", name="Balance").click()
    page.locator("th[aria-sort=descending]", has_text="Balance").wait_for()
    save(grace)
    expect(page.locator(".viewbar").get_by_role("button", name="Save view")).to_have_count(0)

    # Columns, into the view.
    page.locator("#choose-columns").click()
    chooser = page.get_by_role("dialog", name="Columns")
    chooser.get_by_role("searchbox", name="Find a column").fill("memo")
    grace.accessible("with the column chooser", within="#columns")
    chooser.get_by_role("checkbox", name="Memo").check()
    chooser.get_by_role("searchbox", name="Find a column").fill("")
    chooser.get_by_role("button", name="Move Memo", exact=True).focus()
    before = chooser.locator("[data-shown] [name=cols]").evaluate_all("all => all.map((each) => each.value)")
    for _ in range(len(before) - 2):
        grace.press("Alt+ArrowUp")
    grace.comes_to("Move Memo")
    chooser.get_by_role("button", name="Move Customer down").click()
    chooser.get_by_label("Save to this view").check()
    chooser.get_by_role("button", name="Done").click()
    grace.toast("Columns of “To send today” saved")
    assert heads(grace)[:4] == ["number", "memo", "job_id", "customer_id"]

    # Widths: by keyboard, then with the mouse.
    page.locator("th[data-col=memo]").locator("a, span").first.focus()
    was = width(grace, "memo")
    grace.press("Shift+ArrowRight", "Shift+ArrowRight")
    assert width(grace, "memo") == was + 32
    grace.at("cols=")
    page.locator(".viewbar").get_by_role("button", name="Save view").wait_for()
    edge = page.locator("th[data-col=memo] > .edge").bounding_box()
    page.mouse.move(edge["x"] + 4, edge["y"] + 10)
    page.mouse.down()
    page.mouse.move(edge["x"] + 84, edge["y"] + 10, steps=4)
    page.mouse.up()
    assert abs(width(grace, "memo") - was - 112) < 3
    grace.until(f"new URL(location.href).searchParams.get('cols').includes('memo:{width(grace, 'memo')}')")
    grace.until(f"document.querySelector('.viewbar [name=list]').value.includes('memo:{width(grace, 'memo')}')")
    save(grace)
    grace.go(re.sub(r".*(\?view=\d+).*", LIST + r"\1", page.url))
    assert abs(width(grace, "memo") - was - 112) < 3
    grace.accessible_everywhere()

    # Before the other of hers, and what invoices open with from now on.
    page.locator("#views-more > summary").click()
    page.get_by_role("link", name="Arrange views").click()
    arrange = page.get_by_role("dialog", name="Views of invoices")
    arrange.get_by_role("button", name="Move To send today", exact=True).focus()
    grace.accessible("while arranging", within="#view")
    grace.press("Alt+ArrowUp")
    arrange.get_by_role("radio", name="Open first: To send today").check()
    arrange.get_by_role("button", name="Save order").click()
    grace.toast("Views arranged")
    grace.go(LIST)
    open_tab(grace, "To send today")

    # Away, and back again.
    page.locator("#views-more > summary").click()
    page.get_by_role("link", name="Settings of “To send today”").click()
    page.get_by_role("button", name="Delete view").click()
    toast = grace.toast("View “To send today” deleted")
    toast.get_by_role("button", name="Undo").click()
    grace.toast("Undone")
    grace.go(LIST)
    open_tab(grace, "To send today")


def test_without_script_a_view_is_shared_with_a_role_that_opens_it_first(person: Person) -> None:
    olga, luis = person("operations_manager", scripts=False), person("dispatcher")
    page = olga.page
    page.goto("/crm/properties?scope=No roof area")
    follow(page, page.locator("#save-view"))
    page.get_by_label("Name").fill("To measure")
    page.get_by_label("Everyone who reads properties").check()
    follow(page, page.get_by_role("button", name="Save view"))
    page.locator("#views-more > summary").click()
    follow(page, page.get_by_role("link", name="Settings of “To measure”"))
    page.get_by_label("Name").fill("Roofs to measure")
    page.get_by_label("Dispatcher").check()
    follow(page, page.get_by_role("button", name="Save settings"))
    expect(page.get_by_role("status")).to_contain_text("View “Roofs to measure” changed", use_inner_text=True)
    follow(page, page.get_by_role("link", name="Columns"))
    follow(page, page.get_by_role("button", name="Move City up"))
    page.get_by_label("Save to this view").check()
    follow(page, page.get_by_role("button", name="Done"))
    expect(page.get_by_role("status")).to_contain_text("Columns of “Roofs to measure” saved", use_inner_text=True)

    luis.go("/crm/properties")
    open_tab(luis, "Roofs to measure")
    luis.page.locator("#views-more > summary").click()
    expect(luis.page.get_by_role("link", name="Settings of")).to_have_count(0)
    luis.accessible("with a shared view")

    page.goto("/crm/properties")
    follow(page, page.locator(".viewbar").get_by_role("link", name="Roofs to measure"))
    page.locator("#views-more > summary").click()
    follow(page, page.get_by_role("link", name="Settings of “Roofs to measure”"))
    follow(page, page.get_by_role("button", name="Delete view"))
    luis.go("/crm/properties")
    open_tab(luis, "All")


def test_on_a_phone_the_last_of_a_sheet_is_not_under_the_bar_at_the_foot(person: Person) -> None:
    manager = person("operations_manager", viewport=PHONE)
    manager.go("/crm/customers?status=active")
    manager.page.locator("#views-more summary").click()
    manager.page.get_by_role("link", name="Make it a quality rule").click(timeout=5_000)
    manager.heading("New rule")
    expect(manager.page.get_by_label("Conditions")).to_have_value("status=active")
    manager.fits()
