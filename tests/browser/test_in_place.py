"""Values edited where they stand: by keyboard from cell to cell, whatever their kind; collected, reviewed and saved together."""

from __future__ import annotations

import secrets
from typing import Any

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.browser.watched import PHONE, Watched
from tests.conftest import Live

pytestmark = pytest.mark.browser


def made(server: Live, count: int) -> tuple[str, list[int]]:
    """Customers of a test's own, found by the mark in their names."""
    mark = f"Zq{secrets.token_hex(4)}"
    with psycopg.connect(server.database.superuser_url, options="-c search_path=console,public") as connection:
        rows = connection.execute(
            "INSERT INTO customers (tenant_id, name, number, status, bill_city, website, tags)"
            " SELECT (SELECT min(tenant_id) FROM customers), %(mark)s || ' ' || n, 'Z-' || %(mark)s || n, 'active',"
            " 'Denver', 'https://was.example', '{roof}' FROM generate_series(1, %(n)s) n RETURNING id",
            {"mark": mark, "n": count},
        ).fetchall()
    return mark, [key for (key,) in rows]


def row(server: Live, key: int) -> dict[str, Any]:
    options = "-c search_path=console,public"
    with psycopg.connect(
        server.database.superuser_url, options=options, row_factory=psycopg.rows.dict_row
    ) as connection:
        found = connection.execute("SELECT * FROM customers WHERE id = %s", [key]).fetchone()
    assert found
    return found


def cell(person: Watched, key: int, field: str) -> Any:
    return person.page.locator(f"tr[data-key='{key}'] > td[data-field={field}]")


def opened(field: str) -> str:
    """That the editor of a field has the focus."""
    return f"document.activeElement.closest('td.editing')?.dataset.field === '{field}'"


KINDS = (
    "name,bill_city,kind,tags,credit_limit,payment_terms_days,tax_exempt,tax_exempt_expires_on,account_manager_id,notes"
)


def test_every_kind_of_value_from_cell_to_cell_by_keyboard(person: Person, server: Live) -> None:
    mark, (key, below) = made(server, 2)
    manager = person("operations_manager")
    page = manager.page
    manager.go(f"/crm/customers?q={mark}&sort=name&cols={KINDS}")
    manager.press("j", "ArrowRight", "Enter")
    manager.until(opened("bill_city"))
    manager.accessible("with an open editor", within="#main")
    page.keyboard.type("Golden")
    manager.press("Tab")
    manager.until(opened("kind"))
    page.locator("#c-kind").select_option("government")
    manager.press("Tab")
    manager.until(opened("tags"))
    manager.press("End")
    page.keyboard.type(", priority")
    manager.press("Tab")
    manager.until(opened("credit_limit"))
    page.keyboard.type("much")
    manager.press("Tab")
    manager.until("document.querySelector('td.editing .err') !== null")
    expect(manager.page.locator("#c-credit_limit"), "what was typed is kept beside its error").to_have_value("much")
    manager.press("Control+a")
    page.keyboard.type("12,500.5")
    manager.press("Tab")
    manager.until(opened("payment_terms_days"))
    page.keyboard.type("45")
    manager.press("Tab")
    manager.until(opened("tax_exempt"))
    manager.press("Space", "Tab")
    manager.until(opened("tax_exempt_expires_on"))
    page.locator("#c-tax_exempt_expires_on").fill("2031-05-06")
    manager.press("Tab")
    manager.until(opened("account_manager_id"))
    page.keyboard.type("Owen")
    page.get_by_role("option", name="Owen Prescott").wait_for()
    manager.press("ArrowDown", "Tab")
    manager.until(opened("notes"))
    page.keyboard.type("First line")
    manager.press("Enter")
    page.keyboard.type("second line")
    manager.press("Control+Enter")
    manager.toast(f"Notes of {mark} 1 changed")
    manager.until("document.activeElement.localName === 'td'")  # and one is at the cell one was in

    found = row(server, key)
    assert [found[name] for name in ("bill_city", "kind", "tags", "payment_terms_days", "tax_exempt", "notes")] == [
        "Golden", "government", ["roof", "priority"], 45, True, "First line\nsecond line",
    ]  # fmt: skip
    assert (str(found["credit_limit"]), str(found["tax_exempt_expires_on"])) == ("12500.50", "2031-05-06")
    expect(cell(manager, key, "account_manager_id")).to_contain_text("Owen Prescott", use_inner_text=True)

    # Back by Shift+Tab; Escape gives up what was typed; the next row follows the last cell; the name opens its record.
    manager.press("F2")
    manager.until(opened("notes"))
    manager.press("Tab")
    manager.until(f"document.activeElement.closest('tr')?.dataset.key === '{below}' && {opened('name')}")
    manager.press("Shift+Tab")
    manager.until(opened("notes"))
    page.keyboard.type("never")
    manager.press("Escape")
    manager.until("!document.querySelector('.editing') && document.activeElement.localName === 'td'")
    assert row(server, key)["notes"] == "First line\nsecond line"
    manager.press("?")
    keys = page.get_by_role("dialog", name="Keys of this page").inner_text()
    assert "Save the value and edit the next" in keys
    manager.press("Escape", "Home", "ArrowRight", "Enter")
    manager.heading(f"{mark} 1")


def test_changes_are_collected_reviewed_dropped_and_saved_as_one(person: Person, server: Live) -> None:
    mark, keys = made(server, 3)
    manager, seller = person("operations_manager"), person("sales")
    page = manager.page
    page.on("dialog", lambda dialog: dialog.accept())
    list_of = f"/crm/customers?q={mark}&sort=name&cols=name,bill_city,website"
    manager.go(list_of)
    page.get_by_role("button", name="Collect", exact=True).click()
    for key, field, typed in (
        (keys[0], "bill_city", "Golden"), (keys[1], "bill_city", "Golden"), (keys[1], "website", "https://now.example"),
        (keys[2], "bill_city", "Boulder"),
    ):  # fmt: skip
        cell(manager, key, field).click(position={"x": 4, "y": 8})
        manager.press("F2")
        manager.until(opened(field))
        page.keyboard.type(typed)
        manager.press("Enter")
        cell(manager, key, field).locator(".unsaved").wait_for()
    assert row(server, keys[0])["bill_city"] == "Denver", "nothing is written yet"

    # Another order and a fresh load of the page: all of it is still there.
    page.get_by_role("columnheader", name="Customer").get_by_role("link").click()
    manager.at("sort=-name")
    manager.until("document.querySelectorAll('td.dirty').length === 4")
    page.reload()
    manager.ready()
    manager.until("document.querySelectorAll('td.dirty').length === 4")
    manager.press("v")
    panel = page.get_by_role("complementary", name="Changes not saved yet")
    panel.wait_for()
    assert panel.locator("del").all_inner_texts().count("Denver") == 3
    manager.accessible_everywhere()
    panel.get_by_role("button", name=f"Drop City of {mark} 3").click()
    manager.until("document.querySelectorAll('td.dirty').length === 3")
    assert cell(manager, keys[2], "bill_city").inner_text().strip() == "Denver"
    manager.press("Escape")
    expect(panel).to_have_count(0)

    # Somebody else changes one of the records: the other's value is told of, and one's own stands.
    seller.go(f"/crm/customers/{keys[0]}")
    seller.page.get_by_role("button", name=f"Edit City of {mark} 1").click()
    seller.until("document.activeElement.id === 'bill_city'")
    seller.page.keyboard.type("Arvada")
    seller.press("Enter")
    seller.toast(f"City of {mark} 1 changed")
    cell(manager, keys[0], "bill_city").get_by_text("Changed by Owen Prescott").wait_for()
    expect(cell(manager, keys[0], "bill_city")).to_contain_text("Golden", use_inner_text=True)
    manager.press("Control+s")
    clash = panel.get_by_role("alert")
    clash.wait_for()
    expect(clash).to_contain_text("Owen Prescott made this “Arvada” just now", use_inner_text=True)
    assert clash.get_by_role("definition").all_inner_texts() == ["Denver", "Arvada", "Golden"]
    assert row(server, keys[1])["bill_city"] == "Denver", "whole or not at all"
    with manager.seen(PHONE, "dark"):
        manager.fits()
    panel.get_by_role("button", name=f"Use mine for City of {mark} 1").click()
    panel.get_by_label("Reason").fill("Moved to one depot")
    panel.get_by_role("button", name="Save 3 changes").click()
    saved = manager.toast("3 changes in 2 customers saved")
    assert [row(server, key)["bill_city"] for key in keys] == ["Golden", "Golden", "Denver"]
    expect(page.locator(".stagebar, td.dirty")).to_have_count(0)
    saved.get_by_role("button", name="Undo").click()
    manager.toast("Undone")
    assert [row(server, key)["bill_city"] for key in keys] == ["Arvada", "Denver", "Denver"]

    # On a record the same; leaving what belongs to the list asks.
    manager.go(f"/crm/customers/{keys[2]}")
    page.get_by_role("button", name=f"Edit City of {mark} 3").click()
    manager.until("document.activeElement.id === 'bill_city'")
    page.keyboard.type("Lyons")
    manager.press("Enter")
    manager.field("bill_city").locator(".unsaved").wait_for()
    manager.press("Control+s")
    manager.toast("1 change in 1 customer saved")
    assert row(server, keys[2])["bill_city"] == "Lyons"
    manager.go(list_of)
    page.get_by_role("button", name="Save at once").click()
    cell(manager, keys[2], "bill_city").dblclick(position={"x": 4, "y": 8})
    manager.until(opened("bill_city"))
    page.keyboard.type("Estes Park")
    page.locator(".page-head h1").click()  # whoever goes elsewhere with the mouse has finished with the cell
    manager.toast(f"City of {mark} 3 changed")
