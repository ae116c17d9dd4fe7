"""Olga answers two questions of the queue by keyboard: the first pair is one customer, the second is not; and takes it back."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import create_engine, text

from app.core.db import connect_args, psycopg_url
from app.engine.duplicates import looking
from app.engine.registry import REGISTRY
from tests.browser.conftest import Person
from tests.servers import Database

pytestmark = pytest.mark.browser


@pytest.fixture
def twice(demo_database: Database, demo_app: Flask) -> Iterator[tuple[str, list[int]]]:
    """Two customers of the demonstration company, each twice; the numbers of their pairs in the queue."""
    mark = secrets.token_hex(3)
    config = demo_database.config()
    owner = create_engine(psycopg_url(demo_database.owner_url), connect_args=connect_args(config, "owner", "psql"))
    with owner.begin() as connection:
        tenant = connection.execute(text("SELECT id FROM tenants ORDER BY id LIMIT 1")).scalar_one()
        for place, name in enumerate(("Prairie", "Quarry")):
            for number, suffix in enumerate(("", " LLC")):
                connection.execute(
                    text(
                        "INSERT INTO customers (tenant_id, number, name, status, phone_e164, bill_line1, bill_city, bill_postal,"
                        " notes) VALUES (:tenant, :number, :name, 'active', :phone, :street, 'Aurora', '80011', :notes)"
                    ),
                    {
                        "tenant": tenant, "number": f"{mark}-{place}{number}", "name": f"{name} {mark}{suffix}",
                        "phone": f"+1999{int(mark, 16) % 10**6:06}{place}", "street": f"{place}8200 {mark} Road",
                        "notes": f"Gate {number}",
                    },
                )  # fmt: skip
    with demo_app.app_context():
        looking.look(tenant, REGISTRY["customers"])
    with owner.connect() as connection:
        pairs = connection.execute(
            text(
                "SELECT p.id FROM duplicate_pairs p JOIN customers c ON c.id = p.left_id WHERE c.number LIKE :mark || '-%'"
                " ORDER BY c.number"
            ),
            {"mark": mark},
        )
        yield mark, list(pairs.scalars())
    with owner.begin() as connection:
        connection.execute(
            text("DELETE FROM not_duplicates WHERE left_id IN (SELECT id FROM customers WHERE number LIKE :m || '-%')"),
            {"m": mark},
        )
        connection.execute(text("DELETE FROM customers WHERE number LIKE :m || '-%1'"), {"m": mark})
        connection.execute(text("DELETE FROM customers WHERE number LIKE :m || '-%'"), {"m": mark})
    owner.dispose()


def test_one_question_after_the_other_by_keyboard_and_back(person: Person, twice: tuple[str, list[int]]) -> None:
    mark, (first, second) = twice
    olga = person("operations_manager")
    page = olga.page
    olga.go(f"/duplicates/customers?pair={first}")
    olga.heading("Are these the same customer?")
    olga.accessible_everywhere()
    olga.fits()

    # The last column follows the choice at once.
    name = page.locator("tr[data-field=name]")
    name.locator("input").nth(1).focus()
    olga.press("Space")
    olga.until(
        f"document.querySelector('tr[data-field=name] [data-result]').textContent.includes('Prairie {mark} LLC')"
    )
    expect(page.locator("tr[data-field=notes] .res")).to_contain_text("Gate 0", use_inner_text=True)
    name.locator("a").first.focus() if name.locator("a").count() else page.locator("#main h1").click()
    olga.press("m")
    olga.toast(f"{mark}-01 merged into {mark}-00")

    olga.go(f"/crm/customers?q={mark}-01&view=all&archived=1")
    page.locator("tbody a", has_text=f"Prairie {mark} LLC").first.wait_for()
    olga.go(f"/search?q={mark}-01")
    olga.go(f"/duplicates/customers?pair={second}")
    olga.heading("Are these the same customer?")
    olga.press("n")
    olga.toast("you will not be asked again")
    olga.go("/duplicates/customers/answered")
    row = page.locator("tbody tr", has_text=f"Quarry {mark} LLC")
    row.get_by_role("button", name="Ask again").focus()
    olga.press("Enter")
    olga.toast("asked about again")
    olga.go(f"/duplicates/customers?pair={second}")
    olga.heading("Are these the same customer?")

    # The old address leads to the kept one, whose history takes the merge back.
    found = page.request.get(f"/search?q={mark}-01").text()
    assert f"Prairie {mark} LLC" in found
    olga.go(f"/crm/customers?q=Prairie+{mark}&view=all")
    olga.until("[...document.querySelectorAll('tbody tr')].length === 1")
    olga.go(f"/crm/customers?q=Prairie+{mark}&view=all&archived=1")
    merged = page.locator("tbody tr", has_text="Merged").locator("a").first
    merged.focus()
    olga.press("Enter")
    page.locator("#main .banner", has_text="was merged into this customer").wait_for()
    olga.ready()
    undo = page.locator("form[action$='/undo'] button, a[href$='/undo']").first
    address = undo.evaluate("e => e.closest('form')?.getAttribute('action') ?? e.getAttribute('href')")
    olga.go(address)
    page.get_by_role("button", name="Undo this change").focus()
    olga.press("Enter")
    olga.toast("Undone")
    olga.go(f"/crm/customers?q=Prairie+{mark}&view=all")
    olga.until("[...document.querySelectorAll('tbody tr')].length === 2")
    expect(page.locator("tbody tr", has_text="Merged")).to_have_count(0)
