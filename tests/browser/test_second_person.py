"""Billing asks to write an invoice off, the owner sees what it would do and decides; and what is masked is shown for a minute."""

from __future__ import annotations

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.conftest import Live

pytestmark = pytest.mark.browser


def one(server: Live, sql: str) -> tuple[int, str]:
    with psycopg.connect(server.database.superuser_url, options="-c search_path=console,public") as connection:
        found = connection.execute(sql).fetchone()
    assert found
    return int(found[0]), str(found[1])


@pytest.fixture
def invoice(server: Live) -> tuple[int, str]:
    """An open invoice nobody asked anything about."""
    return one(
        server,
        "SELECT id, number FROM invoices i WHERE status = 'open' AND kind = 'invoice' AND balance > 0 AND NOT EXISTS (SELECT"
        " FROM approval_requests r WHERE r.subject_type = 'invoices' AND r.subject_id = i.id) ORDER BY id DESC LIMIT 1",
    )


def test_one_asks_and_another_decides(person: Person, invoice: tuple[int, str]) -> None:
    key, number = invoice
    grace, owner = person("billing"), person("owner")
    page = grace.page
    grace.go(f"/crm/invoices/{key}/actions/write_off")
    page.get_by_text("needs a second person").wait_for()
    grace.accessible("asking")
    page.get_by_label("Reason").fill("They closed and left nothing")
    page.get_by_role("button", name="Ask for approval").click()
    grace.toast("Asked for approval")
    grace.heading(number)
    page.get_by_text("You asked for this yourself").wait_for()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    request = grace.path().partition("?")[0]

    page = owner.page
    owner.go(request)
    owner.heading(number)
    page.get_by_text("They closed and left nothing").wait_for()
    owner.accessible_everywhere()
    page.get_by_role("button", name="Reject").click()
    page.locator("#d-note[aria-invalid=true]").wait_for()
    owner.tab_to("Approve and carry out")
    owner.press("Enter")
    owner.toast("Approved and carried out")
    owner.go(f"/crm/invoices/{key}")
    page.locator(".badge-of", has_text="Uncollectible").wait_for()

    grace.page.reload()
    grace.ready()
    grace.page.get_by_role("heading", name="Decision").wait_for()
    grace.go("/notices")
    grace.page.get_by_text("Approved: Write off").first.wait_for()


def test_what_is_masked_is_shown_for_a_minute_and_a_role_is_seen_as_it_is(person: Person, server: Live) -> None:
    key, email = one(
        server, "SELECT id, email FROM customers WHERE email IS NOT NULL AND archived_at IS NULL ORDER BY id LIMIT 1"
    )
    samir = person("ai_operator")
    page = samir.page
    samir.go(f"/crm/customers/{key}")
    assert email not in samir.field("email").inner_text()
    page.get_by_role("link", name="Reveal e-mail").click()
    dialog = page.get_by_role("dialog", name="Reveal personal data?")
    dialog.wait_for()
    samir.accessible("asking to see", within="#modal")
    dialog.get_by_label("Reason").fill("A decision names the wrong address")
    dialog.get_by_role("button", name="Reveal for a minute").click()
    page.get_by_text("Personal data is shown.").wait_for()
    page.locator("dd[data-field=email]", has_text=email).wait_for()
    samir.accessible("while it is shown")
    with psycopg.connect(server.database.superuser_url, options="-c search_path=console,public") as connection:
        connection.execute("UPDATE sessions SET data = data - 'revealed'")  # a minute later
    samir.go(f"/crm/customers/{key}")
    assert email not in samir.field("email").inner_text()

    owner = person("owner")
    page = owner.page
    owner.go("/roles")
    page.get_by_role("link", name="AI operator", exact=True).click()
    owner.heading("AI operator")
    page.get_by_role("button", name="View as this role").click()
    page.get_by_text("You see the console as AI operator.").wait_for()
    owner.go(f"/crm/customers/{key}")
    owner.accessible_everywhere()
    assert email not in owner.field("email").inner_text()
    page.locator("#viewing").get_by_role("button", name="End").click()
    owner.heading("Roles")
    expect(page.locator("#viewing > *")).to_have_count(0)
    owner.go(f"/crm/customers/{key}/explain")
    page.get_by_label("For").select_option(label="AI operator")
    page.get_by_role("button", name="Explain").click()
    owner.heading("to AI operator")
    expect(page.locator("tr[data-field=email]")).to_contain_text(
        "Masked, because it is personal data", use_inner_text=True
    )
    owner.accessible_everywhere()
