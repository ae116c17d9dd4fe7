"""An auditor reads everything and changes nothing; nobody's address or telephone number reaches them, by any way out."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import psycopg
import pytest
from playwright.sync_api import expect
from psycopg.rows import class_row

from tests.browser.conftest import Person
from tests.browser.watched import Watched
from tests.conftest import Live

pytestmark = pytest.mark.browser

WRITES = (
    "#main :is(a[href$='/edit'], a[href*='/new'], a[href$='/delete'], a[href*='/actions/'], .edit, form[method=post])"
    ":not(.viewbar *, bulk-bar *)"
)
"""What changes the company's records; one's own views and a copy to take out do not."""


@dataclass
class Someone:
    """A contact who can be reached."""

    id: int
    full_name: str
    email: str
    phone_e164: str
    customer_id: int

    def private(self) -> list[str]:
        digits = self.phone_e164[2:]
        return [self.email, self.phone_e164, digits, f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"]


@pytest.fixture(scope="module")
def someone(server: Live) -> Someone:
    with psycopg.connect(server.database.superuser_url, options="-c search_path=console,public") as connection:
        asked = connection.cursor(row_factory=class_row(Someone)).execute(
            "SELECT id, full_name, email, phone_e164, customer_id FROM contacts WHERE email IS NOT NULL"
            " AND phone_e164 LIKE '+1%' AND customer_id IS NOT NULL AND archived_at IS NULL ORDER BY id LIMIT 1"
        )
        found = asked.fetchone()
    assert found
    return found


def hides(auditor: Watched, someone: Someone, *more: str) -> None:
    source = auditor.page.content()
    shown = [each for each in (*someone.private(), *more) if each in source]
    assert not shown, f"{auditor.path()} gives away {shown}"


def test_lists_records_and_history_are_read_without_seeing_how_to_reach_anybody(
    person: Person, someone: Someone
) -> None:
    seller = person("sales")
    seller.go(f"/crm/contacts/{someone.id}")
    seller.page.get_by_role("button", name=f"Edit Phone of {someone.full_name}").click()
    seller.until("document.activeElement.id === 'phone_e164'")
    seller.page.keyboard.type("720-555-0184")
    seller.press("Enter")
    seller.toast(f"Phone of {someone.full_name} changed")
    expect(seller.page.locator("#v-phone_e164")).to_contain_text("720-555-0184", use_inner_text=True)

    auditor = person("auditor")
    page = auditor.page
    auditor.go(f"/crm/contacts?customer_id={someone.customer_id}")
    cell = page.locator(f"tr[data-key='{someone.id}'] td[data-field=email]")
    expect(cell).to_have_text(f"{someone.email[0]}••••@{someone.email.split('@')[1]}", use_inner_text=True)
    expect(page.locator(f"tr[data-key='{someone.id}'] td[data-field=phone_e164]")).to_have_text(
        "•••• ••84", use_inner_text=True
    )
    hides(auditor, someone, "555-0184", "5550184")
    auditor.accessible_everywhere()

    page.locator(f"tr[data-key='{someone.id}'] a").first.click()
    auditor.heading(someone.full_name)
    hides(auditor, someone, "555-0184", "5550184")
    expect(page.locator(WRITES)).to_have_count(0)
    auditor.accessible_everywhere()

    page.get_by_role("link", name="All history").click()
    auditor.heading("History of")
    change = page.locator(".timeline li").first
    expect(change).to_contain_text("changed phone", use_inner_text=True)
    expect(change).to_contain_text("•••• ••84", use_inner_text=True)
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    hides(auditor, someone, "555-0184", "5550184")
    auditor.accessible("history")

    change.get_by_role("link", name="changed phone").click()
    auditor.heading("Change ")
    hides(auditor, someone, "555-0184", "5550184")
    auditor.accessible_everywhere()


def test_nothing_is_offered_that_an_auditor_may_not_do(person: Person, someone: Someone) -> None:
    auditor = person("auditor")
    lists = ("customers", "contacts", "jobs", "invoices", "payments")
    records = (f"/crm/customers/{someone.customer_id}", f"/crm/contacts/{someone.id}")
    for path in (*(f"/crm/{each}?limit=10" for each in lists), *records, "/ai/ai_agents", "/change-sets"):
        assert auditor.go(path) == 200
        expect(auditor.page.locator(WRITES), path).to_have_count(0)


def test_a_forged_form_changes_nothing(person: Person, someone: Someone) -> None:
    auditor = person("auditor")
    page = auditor.page
    auditor.go(f"/crm/contacts/{someone.id}")
    token = page.evaluate("JSON.parse(document.body.getAttribute('hx-headers:inherited'))['X-CSRFToken']")
    for address, form in (
        (f"/crm/contacts/{someone.id}/edit", {"full_name": "Mallory"}),
        (f"/crm/contacts/{someone.id}/cells/full_name", {"full_name": "Mallory"}),
        (f"/crm/contacts/{someone.id}/delete", {}),
        ("/crm/contacts/new", {"full_name": "Mallory"}),
        (f"/crm/customers/{someone.customer_id}/actions/hold", {"reason": "Mallory"}),
    ):
        answer = page.request.post(address, form={"csrf_token": token, **form}, max_redirects=0)
        assert answer.status in (403, 404), (address, answer.status)
        unsigned = page.request.post(address, form=form, max_redirects=0)
        assert unsigned.status in (400, 403, 404), (address, unsigned.status)
    auditor.go(f"/crm/contacts/{someone.id}")
    auditor.heading(someone.full_name)
    assert auditor.go(f"/crm/contacts/{someone.id}/edit") in (403, 404)
    auditor.accessible_everywhere()


def test_a_file_taken_out_is_masked_like_the_page(person: Person, someone: Someone) -> None:
    auditor = person("auditor")
    page = auditor.page
    auditor.go(f"/crm/contacts?customer_id={someone.customer_id}&limit=10")
    page.get_by_role("link", name="Export").click()
    dialog = page.locator("dialog#export[data-shown]")
    dialog.get_by_role("button", name="Export").wait_for()
    with page.expect_download() as taking:
        dialog.get_by_role("button", name="Export").click()
    assert taking.value.suggested_filename.endswith(".csv")
    text = taking.value.path().read_text(encoding="utf-8-sig")
    rows = {int(row["id"]): row for row in csv.DictReader(io.StringIO(text))}
    assert len(rows) == page.locator("tr[data-key]").count()
    assert rows[someone.id]["full_name"] == someone.full_name
    assert rows[someone.id]["email"] == f"{someone.email[0]}••••@{someone.email.split('@')[1]}"
    assert rows[someone.id]["phone_e164"].startswith("••••")
    assert not [each for each in someone.private() if each in text]


def test_what_is_masked_is_not_found_by_searching_sorting_or_filtering(person: Person, someone: Someone) -> None:
    auditor = person("auditor")
    auditor.go(f"/crm/contacts?q={someone.email}")
    expect(auditor.page.locator("tr[data-key]")).to_have_count(0)
    for ask in (f"email={someone.email}", "sort=email", f"phone_e164.startswith={someone.phone_e164[:5]}"):
        assert auditor.go(f"/crm/contacts?{ask}") == 400, ask
        hides(auditor, someone)
    auditor.accessible_everywhere()
