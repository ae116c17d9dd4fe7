"""Where one was is where one is again: after an edit, after what was taken away, on the way back, after signing in anew."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import create_engine, text

from app.core.db import psycopg_url
from tests.browser.conftest import Person, sign_in
from tests.browser.watched import Watched
from tests.conftest import Live

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
    manager.comes_to(name)
    manager.accessible("with the row one left")

    # By the crumb, after an edit that was saved.
    manager.press("Enter")
    manager.heading(name)
    manager.press("e")
    manager.heading(f"Edit {name}")
    page.locator("#source").fill("Walked in")
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
    expect(row.locator("td.name")).to_have_text(name, use_inner_text=True)
    assert "limit=25&sort=title" in page.url
    expect(page.locator("tbody tr[aria-current=true] a:focus")).to_have_count(1)


def end_session(server: Live, role: str) -> None:
    """Somebody ends the newest session of that person, or its time runs out."""
    schema = server.database.config().console_schema
    engine = create_engine(
        psycopg_url(server.database.owner_url), connect_args={"options": f"-c search_path={schema},public"}
    )
    newest = "(SELECT max(l.id) FROM sessions l JOIN users u ON u.id = l.user_id WHERE u.email = :email)"
    with engine.begin() as connection:
        connection.execute(text(f"DELETE FROM sessions WHERE id = {newest}"), {"email": server.email(role)})
    engine.dispose()


def sign_in_again(person: Watched, password: str, email: str | None = None) -> None:
    dialog = person.page.get_by_role("dialog", name="Sign in again")
    dialog.wait_for()
    if email:
        dialog.get_by_label("Work email").fill(email)
    dialog.locator("input[type=password]").fill(password)
    dialog.get_by_role("button", name="Sign in and go on").click()


def test_a_session_that_ends_while_one_types_costs_nothing(person: Person, server: Live) -> None:
    seller = person(None)
    page = seller.page
    sign_in(page, server.email("sales"), server.password)
    seller.go(LIST)
    seller.press("j", "j", "Enter")
    page.locator(".rec-head").wait_for()
    name = page.locator("#main h1").inner_text()
    seller.press("e")
    seller.heading(f"Edit {name}")
    page.locator("#source").fill("Typed before the break")

    end_session(server, "sales")
    seller.press("Control+s")
    page.get_by_role("dialog", name="Sign in again").wait_for()
    seller.accessible("signing in over the page")
    sign_in_again(seller, "not the password at all")
    page.locator("#again [aria-invalid=true]").wait_for()
    expect(page.locator("#again .err")).to_contain_text("wrong", use_inner_text=True)
    sign_in_again(seller, server.password)
    seller.toast(f"Came from of {name} changed")
    expect(page.get_by_role("dialog")).to_have_count(0)

    # A list goes on as well, and a value in its place.
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Customers").click()
    page.locator("tr[aria-current=true]").wait_for()
    end_session(server, "sales")
    seller.press("]")
    sign_in_again(seller, server.password)
    seller.at("after=")

    # Given up, everything stays; another person gets the page anew, and nothing typed goes along.
    page.locator("tbody tr[data-key] td.name a").first.click()
    page.locator(".rec-head").wait_for()
    record = seller.path().partition("?")[0]
    page.get_by_role("link", name="Edit", exact=True).click()
    page.locator("#source").fill("Never to be saved")
    end_session(server, "sales")
    seller.press("Control+s")
    page.get_by_role("dialog", name="Sign in again").get_by_role("button", name="Not now").click()
    expect(page.locator("#source")).to_have_value("Never to be saved")
    seller.press("Control+s")
    with page.expect_navigation():
        sign_in_again(seller, server.password, server.email("operations_manager"))
    seller.ready()
    expect(page.locator("#again")).to_have_count(0)
    expect(page.locator("#source")).not_to_have_value("Never to be saved")
    seller.go(record)
    assert "Never to be saved" not in page.locator("#main").inner_text()


def test_what_is_typed_outlives_the_tab_and_leaving_it_asks_once(person: Person) -> None:
    seller = person("sales")
    page = seller.page
    asked: list[str] = []

    def answer(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.dismiss() if len(asked) == 1 else dialog.accept()

    page.on("dialog", answer)
    seller.go(LIST)
    page.get_by_role("link", name="New customer").click()
    seller.heading("New customer")
    page.get_by_label("Customer", exact=True).fill("Juniper Row Bakery")
    page.locator("#draft", has_text="Draft saved just now").wait_for()
    seller.accessible("with a draft kept")

    page.evaluate("history.back()")
    seller.until("document.getElementById('name')?.value === 'Juniper Row Bakery'")
    page.wait_for_timeout(100)
    assert len(asked) == 1 and seller.path().startswith("/crm/customers/new"), "stayed"
    page.evaluate("history.back()")
    page.locator("data-grid").wait_for()
    assert len(asked) == 2, "asked once, and gone"

    # In another tab, a day later.
    tab = Watched(page.context.new_page())
    tab.go("/crm/customers/new")
    offer = tab.page.locator(".banner.draft")
    expect(offer).to_contain_text("You began this", use_inner_text=True)
    tab.accessible("with a draft offered")
    # What one types over an offer takes its place only once it was answered to.
    tab.page.get_by_label("Legal name").fill("Juniper Row LLC")
    tab.page.locator("#draft", has_text="Restore or discard your earlier draft first").wait_for()
    tab.page.get_by_label("Legal name").fill("")
    offer.get_by_role("link", name="Restore").click()
    tab.page.locator("#name[value='Juniper Row Bakery']").wait_for()
    expect(offer).to_contain_text("This is your draft", use_inner_text=True)
    tab.accessible("restored")
    offer.get_by_role("button", name="Discard").click()
    tab.until("document.getElementById('name')?.value === ''")
    assert offer.count() == 0 and not tab.said
