"""The keyboard alone: from the first page to a saved record and back, seeing on every step where one is."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.browser.watched import Watched

pytestmark = pytest.mark.browser


def stays_inside(person: Watched, dialog: str, presses: int) -> None:
    """Tab goes round in the dialog (and through the browser's own bar), never into the page below."""
    for _ in range(presses):
        person.press("Tab")
        assert person.page.evaluate(
            f"document.activeElement === document.body || !!document.activeElement.closest('{dialog}')"
        ), "the focus left the dialog"


def test_from_the_first_page_to_a_saved_customer_and_back(person: Person) -> None:
    manager = person("operations_manager")
    page = manager.page
    manager.go("/")
    manager.press("Tab")
    manager.comes_to("Skip to content")
    manager.press("Enter")
    manager.until("document.activeElement.id === 'main'")
    manager.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('#main')"), "the way past the navigation"

    manager.press("g", "c")
    manager.heading("Customers")
    manager.until("document.activeElement.localName === 'h1'")
    manager.press("Tab")
    assert manager.seen_focus(), "reading goes on below the heading"

    manager.press("/")
    manager.comes_to("Find in this view")
    page.keyboard.type("medical")
    manager.press("Enter")
    manager.at("q=medical")
    manager.until("document.activeElement.id === 'find'")
    manager.press("Shift+Tab", "Tab")
    manager.tab_to("Medical")  # past the filters into the table, whose cells are one stop
    name = manager.seen_focus()
    assert page.evaluate("document.activeElement.localName") == "td"
    manager.press("Enter")
    manager.heading(name)
    record = manager.path()

    manager.press("e")
    manager.heading(f"Edit {name}")
    manager.tab_to("Came from")
    manager.press("Control+a")
    page.keyboard.type("Walked in")
    manager.press("Control+s")
    manager.toast(f"Came from of {name} changed")
    assert manager.path() == record
    manager.press("Control+z")
    manager.toast("Undone")

    manager.press("e")
    manager.heading(f"Edit {name}")
    manager.tab_to("Came from")
    page.keyboard.type("Called us")
    manager.press("Enter")
    manager.toast(f"Came from of {name} changed")
    manager.press("g", "d")
    manager.page.wait_for_url(lambda url: url.endswith("/"))


def test_cells_rows_and_pages_of_a_list(person: Person) -> None:
    manager = person("operations_manager")
    page = manager.page
    manager.go("/crm/customers?sort=name")
    names = page.locator("td[data-field=name]").all_inner_texts()
    manager.press("j")
    manager.comes_to(names[0])
    manager.press("j", "j", "k")
    manager.comes_to(names[1])
    for key, place in (
        ("ArrowRight", (1, 2)), ("ArrowDown", (2, 2)), ("Home", (2, 0)), ("Control+End", (49, 8)), ("ArrowUp", (48, 8)),
        ("Control+Home", (0, 0)),
    ):  # fmt: skip
        manager.press(key)
        manager.seen_focus()
        at = page.evaluate(
            "(({parentElement: row, cellIndex}) => [row.sectionRowIndex, cellIndex])(document.activeElement.closest('td'))"
        )
        assert tuple(at) == place, key
    expect(page.locator("tbody [tabindex='0']"), "a table is one stop").to_have_count(1)

    manager.press("ArrowUp", "ArrowRight")
    manager.comes_to("Customer")  # the head of a column
    manager.press("Enter")
    manager.at("sort=-name")
    manager.until("document.activeElement.textContent.trim() === 'Customer'")
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Customer", use_inner_text=True)

    # The row one was at is gone with its page; one is at the first row of the next.
    manager.press("j", "]")
    manager.at("after=")
    manager.until("document.activeElement.localName === 'td'")
    manager.comes_to(page.locator("td[data-field=name]").first.inner_text())
    second = page.locator("td[data-field=name]").all_inner_texts()
    manager.press("[")
    manager.at("before=")
    manager.until(f"document.querySelector('td[data-field=name]').innerText !== {second[0]!r}")
    assert not set(page.locator("td[data-field=name]").all_inner_texts()) & set(second)


def test_dialogs_hold_focus_and_give_it_back(person: Person) -> None:
    manager = person("operations_manager")
    page = manager.page
    manager.go("/crm/customers?status=active&limit=10")
    manager.press("j")
    row = manager.seen_focus()

    manager.press("f")
    page.get_by_role("dialog", name="Filter customers").wait_for()
    manager.seen_focus()
    stays_inside(manager, "#filters", 30)
    manager.press("Escape")
    manager.comes_to(row)

    manager.press("?")
    page.get_by_role("dialog", name="Keys of this page").wait_for()
    manager.comes_to("Close")
    manager.accessible("with the keys")
    stays_inside(manager, "#keys", 3)
    manager.press("Escape")
    manager.comes_to(row)

    manager.tab_to("Columns")
    manager.press("Enter")
    page.get_by_role("dialog", name="Columns").wait_for()
    manager.accessible("with the columns")
    manager.press("Escape")
    manager.comes_to("Columns")

    # On a record: the menu of actions, and the question before a move.
    manager.press("j", "Enter")
    page.locator(".rec-head").wait_for()
    manager.tab_to("More actions")
    manager.press("Enter")
    manager.until("document.querySelector('.rec-head details.drop').open")
    manager.accessible("with the menu")
    manager.press("ArrowDown")
    manager.comes_to("History")
    manager.press("End")
    manager.comes_to("Archive")
    manager.press("Escape")
    manager.comes_to("More actions")
    manager.press("Enter", "End", "Enter")
    question = page.get_by_role("dialog")
    question.wait_for()
    manager.comes_to("Keep it")  # the safe answer first
    manager.accessible("with the question")
    stays_inside(manager, "#act", 4)
    manager.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_single_letters_are_letters_inside_fields_and_can_be_switched_off(person: Person) -> None:
    manager = person("operations_manager")
    page = manager.page
    manager.go("/crm/customers?limit=10")
    manager.press("/")
    page.keyboard.type("gc?/fj")
    expect(page.locator("#find")).to_have_value("gc?/fj")
    expect(page.get_by_role("dialog")).to_have_count(0)
    switch(manager, "Off")
    manager.press("?", "f", "g", "c")
    assert page.get_by_role("dialog").count() == 0 and manager.path() == "/crm/customers?limit=10"
    # It is one's own, not this browser's; and what needs Ctrl goes on.
    page.reload()
    manager.ready()
    manager.press("j")
    assert page.evaluate("document.activeElement === document.body")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    sheet = page.get_by_role("dialog", name="Keys of this page")
    assert "switched off" in sheet.inner_text() and "Ctrl K" in rows_of(sheet).values()
    assert not {"F", "G C", "J", "?"} & set(rows_of(sheet).values())
    manager.press("Escape")
    switch(manager, "On")
    manager.press("?")
    sheet.wait_for()


def switch(person: Watched, word: str) -> None:
    page = person.page
    page.get_by_label("Account, theme and density").click()
    with page.expect_response("**/account/theme"):
        page.get_by_role("group", name="Single keys").get_by_role("button", name=word).click()
    person.press("Escape")


def rows_of(sheet: Any) -> dict[str, str]:
    """What the sheet says: keys by what they do."""
    script = """rows => Object.fromEntries(rows.map((row) => [row.querySelector('dt').textContent,
        [...row.querySelectorAll('kbd')].map((key) => key.textContent).join(' ')]))"""
    return dict(sheet.locator(".keys > div").evaluate_all(script))


def test_the_sheet_tells_the_keys_of_this_page_and_this_person(person: Person) -> None:
    """Read from the page as it stands: a viewer begins nothing, a record has its own keys, a form saves."""
    seller, viewer = person("sales"), person("viewer")
    lists = "/crm/customers?limit=10"
    reads = {"Customers": "G C", "Next row": "J", "Add a filter": "F", "Next": "]"}
    begins = {"Customer": "C C", "Estimate": "C E", "Job": "C J", "Tasks": "G T"}
    for who, path, there, absent in (
        (viewer, lists, reads, {"Customer", "Edit", "Health"}),
        (seller, lists, begins, {"Invoice", "Edit"}),
        (seller, "/crm/customers/new", {"Create customer": "Ctrl S"}, {"Next row", "Add a filter"}),
    ):
        who.go(path)
        who.press("?")
        sheet = who.page.get_by_role("dialog", name="Keys of this page")
        sheet.wait_for()
        told = rows_of(sheet)
        assert there.items() <= told.items(), told
        assert not absent & told.keys(), told
        who.press("Escape")

    # On a record opened from a list: its neighbours, its form, its actions.
    seller.go("/crm/customers?limit=10")
    seller.press("j", "Enter")
    seller.page.locator(".rec-head").wait_for()
    seller.press("?")
    told = rows_of(seller.page.get_by_role("dialog", name="Keys of this page"))
    assert {"Next customer": "J", "Edit": "E", "More actions": "."}.items() <= told.items(), told
    seller.accessible("with the keys of a record")
    seller.press("Escape", ".")
    seller.until("document.activeElement.closest('.rec-head details.drop .pop') !== null")
    seller.press("Escape")

    # Two keys in a row, and what a role does not begin.
    seller.press("c", "e")
    seller.heading("New estimate")
    seller.press("Escape")
    seller.go("/crm/jobs?limit=10")
    seller.press("c", "i")
    seller.until("document.getElementById('announcer').textContent.includes('does not begin')")
    assert seller.path() == "/crm/jobs?limit=10"
    seller.press("g", "d")
    seller.page.wait_for_url(lambda url: url.endswith("/"))


def test_a_decision_is_judged_by_single_keys(person: Person) -> None:
    operator = person("ai_operator")
    page = operator.page
    operator.go("/ai/ai_decision_logs?reviewed_at.null=true&limit=10")
    operator.press("j", "Enter")
    page.locator("section.verdict").wait_for()
    operator.press("?")
    told = rows_of(page.get_by_role("dialog", name="Keys of this page"))
    assert {told["Accept"], told["Edit, then accept"], told["Reject"]} == {"A", "E", "R"}, told
    operator.press("Escape", "e")
    operator.until("document.querySelector('details.otherwise').open")
    first = operator.path().partition("?")[0]
    operator.press("j")
    page.wait_for_url(lambda url: first not in url)
    operator.press("k")
    operator.at(first)


def test_rows_and_theme_are_one_s_own_at_once_and_stay_so(person: Person) -> None:
    manager = person("viewer")
    page = manager.page
    manager.go("/crm/jobs?limit=10")
    page.get_by_label("Account, theme and density").click()
    manager.accessible("with the account menu")
    with page.expect_response("**/account/theme"):
        page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    with page.expect_response("**/account/theme"):
        page.get_by_role("button", name="Compact").click()
    page.reload()
    manager.ready()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("data-density", "compact")
    manager.accessible("dark and compact")
    page.get_by_label("Account, theme and density").click()
    with page.expect_response("**/account/theme"):
        page.get_by_role("button", name="System").click()
