"""Where one was is where one is again: after an edit, after what was taken away, on the way back, after signing in anew."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Person
from tests.browser.watched import Watched

pytestmark = pytest.mark.browser

LIST = "/crm/customers?status=active&sort=name"
ROW = "document.activeElement.closest('tr')?.dataset.key"


def scrolled(person: Watched) -> int:
    return int(person.page.evaluate("Math.round(document.querySelector('data-grid').scrollTop)"))


def test_one_comes_back_to_the_row_one_left_and_walks_on_from_there(person: Person) -> None:
    manager = person("operations_manager")
    page = manager.page
    manager.go(LIST)
    manager.press("]")
    manager.at("after=")
    manager.until("document.activeElement.localName === 'td'")
    second_page = manager.path()
    rows = page.locator("tbody tr[data-key]")
    key, name = rows.nth(30).get_attribute("data-key"), rows.nth(30).locator("td.name").inner_text()
    rows.nth(30).locator("td.name a").click()
    manager.heading(name)
    away = page.evaluate("history.length")

    # By Back: asked of the server, at the same row, scrolled as it was.
    page.go_back()
    manager.until(f"{ROW} === '{key}'")
    assert manager.path() == second_page and scrolled(manager) > 0
    was = scrolled(manager)
    assert manager.seen_focus() == name
    manager.accessible("with the row one left")

    # By the crumb, after an edit that was saved.
    manager.press("Enter")
    manager.heading(name)
    manager.press("e")
    manager.heading(f"Edit {name}")
    page.get_by_label("Came from").fill("Walked in")
    manager.press("Control+s")
    manager.toast(f"Came from of {name} changed")
    manager.accessible("with the ways to its neighbours")
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Customers").click()
    manager.until(f"{ROW} === '{key}'")
    assert manager.path() == second_page and scrolled(manager) == was and page.evaluate("history.length") >= away

    # J and K go through the records of the list.
    following = rows.nth(31).locator("td.name").inner_text()
    manager.press("Enter")
    manager.heading(name)
    manager.press("j")
    manager.heading(following)
    manager.press("k")
    manager.heading(name)
    manager.press("j")
    manager.heading(following)

    # What is taken away leaves one at the row in its place.
    page.get_by_label("More actions").click()
    page.get_by_role("link", name="Archive").click()
    page.get_by_role("button", name="Archive customer").click()
    manager.toast(f"{following} archived")
    manager.until(f"{ROW} !== undefined && {ROW} !== '{key}'")
    assert rows.nth(31).get_attribute("data-key") == page.evaluate(ROW)
    manager.press("Control+z")
    manager.toast("Undone")


def test_without_script_the_way_back_is_the_same(person: Person) -> None:
    viewer = person("viewer", scripts=False)
    page = viewer.page
    page.goto("/crm/jobs?limit=25&sort=title")
    link = page.locator("tbody tr[data-key] td.name a").nth(20)
    name = link.inner_text()
    link.click()
    page.get_by_role("link", name="Next job").click()
    page.get_by_role("link", name="Previous job").click()
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Jobs").click()
    row = page.locator("tbody tr[aria-current=true]")
    assert row.locator("td.name").inner_text() == name
    assert "limit=25&sort=title" in page.url
    assert page.locator("tbody tr[aria-current=true] a:focus").count() == 1
