"""The keyboard alone: from the first page to a saved record and back, seeing on every step where one is."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Person
from tests.browser.watched import Watched

pytestmark = pytest.mark.browser


def stays_inside(person: Watched, dialog: str, presses: int) -> None:
    """Tab goes round in the dialog (and through the browser's own bar), never into the page below."""
    for _ in range(presses):
        person.press("Tab")
        assert person.page.evaluate(
            f"document.activeElement === document.body || !!document.activeElement.closest('{dialog}')"
        ), person.focus()


def test_from_the_first_page_to_a_saved_customer_and_back(person: Person) -> None:
    manager = person("operations_manager")
    page = manager.page
    manager.go("/")
    manager.press("Tab")
    assert manager.seen_focus() == "Skip to content"
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
    assert manager.seen_focus() == "Find in this view"
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
    assert manager.seen_focus() == names[0]
    manager.press("j", "j", "k")
    assert manager.seen_focus() == names[1]
    for key, place in (
        ("ArrowRight", (1, 1)), ("ArrowDown", (2, 1)), ("Home", (2, 0)), ("Control+End", (49, 7)), ("ArrowUp", (48, 7)),
        ("Control+Home", (0, 0)),
    ):  # fmt: skip
        manager.press(key)
        manager.seen_focus()
        at = page.evaluate(
            "(({parentElement: row, cellIndex}) => [row.sectionRowIndex, cellIndex])(document.activeElement)"
        )
        assert tuple(at) == place, key
    assert page.locator("tbody [tabindex='0']").count() == 1, "a table is one stop"

    manager.press("ArrowUp")
    assert manager.seen_focus() == "Customer", "the head of a column"
    manager.press("Enter")
    manager.at("sort=-name")
    manager.until("document.activeElement.textContent.trim() === 'Customer'")
    assert page.locator("th[aria-sort=descending]").inner_text() == "Customer"

    # The row one was at is gone with its page; one is at the first row of the next.
    manager.press("j", "]")
    manager.at("after=")
    manager.until("document.activeElement.localName === 'td'")
    assert manager.seen_focus() == page.locator("td[data-field=name]").first.inner_text()
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
    assert manager.seen_focus() == row

    manager.press("?")
    page.get_by_role("dialog", name="Keys of this page").wait_for()
    assert manager.seen_focus() == "Close"
    manager.accessible("with the keys")
    stays_inside(manager, "#keys", 3)
    manager.press("Escape")
    assert manager.seen_focus() == row

    manager.tab_to("Columns")
    manager.press("Enter")
    page.get_by_role("dialog", name="Columns").wait_for()
    manager.accessible("with the columns")
    manager.press("Escape")
    assert manager.seen_focus().startswith("Columns")

    # On a record: the menu of actions, and the question before a move.
    manager.press("j", "Enter")
    page.locator(".rec-head").wait_for()
    manager.tab_to("More actions")
    manager.press("Enter")
    manager.until("document.querySelector('.rec-head details.drop').open")
    manager.accessible("with the menu")
    manager.press("ArrowDown")
    assert manager.seen_focus() == "History"
    manager.press("End")
    assert manager.seen_focus() == "Archive"
    manager.press("Escape")
    assert manager.seen_focus() == "More actions"
    manager.press("Enter", "End", "Enter")
    question = page.get_by_role("dialog")
    question.wait_for()
    assert manager.seen_focus() == "Keep it", "the safe answer first"
    manager.accessible("with the question")
    stays_inside(manager, "#act", 4)
    manager.press("Escape")
    assert page.get_by_role("dialog").count() == 0


def test_single_letters_are_letters_inside_fields_and_can_be_switched_off(person: Person) -> None:
    manager = person("operations_manager")
    page = manager.page
    manager.go("/crm/customers?limit=10")
    manager.press("/")
    page.keyboard.type("gc?/fj")
    assert page.locator("#find").input_value() == "gc?/fj"
    assert page.get_by_role("dialog").count() == 0
    page.get_by_label("Account, theme and density").click()
    page.get_by_role("switch", name="Single-key shortcuts").uncheck()
    manager.press("Escape")
    manager.press("?", "f")
    page.wait_for_timeout(200)
    assert page.get_by_role("dialog").count() == 0


def test_rows_and_theme_are_one_s_own_at_once_and_stay_so(person: Person) -> None:
    manager = person("viewer")
    page = manager.page
    manager.go("/crm/jobs?limit=10")
    page.get_by_label("Account, theme and density").click()
    manager.accessible("with the account menu")
    with page.expect_response("**/account/theme"):
        page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    with page.expect_response("**/account/theme"):
        page.get_by_role("button", name="Compact").click()
    page.reload()
    manager.ready()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.locator("html").get_attribute("data-density") == "compact"
    manager.accessible("dark and compact")
    page.get_by_label("Account, theme and density").click()
    with page.expect_response("**/account/theme"):
        page.get_by_role("button", name="System").click()
