"""A letter as the customer gets it, and notices: told to one person, opened by one press, never anybody else's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.engine.apply import transaction
from tests.domains.conftest import House, house
from tests.web.desk import Desk, sit, staff

__all__ = ["house"]


@pytest.fixture
def invoice(house: House) -> int:
    customer = house.given("customers", name="Bluestem Cold Storage", status="active", bill_line1="7200 Quebec Dock Rd.",
                           bill_city="Commerce City", bill_region="CO", bill_postal="80022", tax_exempt=True)  # fmt: skip
    key = house.given("invoices", customer_id=customer, number="INV-7", subtotal="50.00", total="50.00",
                      billing_kind="progress", application_no=2, memo="Thank you.")  # fmt: skip
    for place, words in enumerate(("Tear-off", "Membrane", "Crane")):
        house.given(
            "invoice_lines", invoice_id=key, position=3 - place, description=words, quantity=1, unit_price="10.00"
        )
    with transaction() as connection:
        connection.execute(
            text("""UPDATE tenants SET settings = '{"letterhead": {"address": ["4100 Steele Yard Way"], "email": "ar@a.example",
                    "pay": "Check, reference {number}.", "note": "Lien rights are reserved."}}' WHERE id = :t"""),
            {"t": house.tenant_id},
        )
    return key


def test_an_invoice_is_a_letter_with_all_it_needs(app: Flask, house: House, invoice: int) -> None:
    grace = staff(app, house, "Grace", "billing")
    page = grace.page(f"/crm/invoices/{invoice}/print")
    for words in ("Invoice INV-7", "Progress bill 2. Draft, not sent", "4100 Steele Yard Way", "7200 Quebec Dock Rd.",
                  "Commerce City, CO 80022", "Tax, exempt", "Balance due", "Check, reference INV-7.", "ar@a.example",
                  "Lien rights are reserved.", "Thank you."):  # fmt: skip
        assert words in page, words
    assert re.findall(r"Tear-off|Membrane|Crane", page) == ["Crane", "Membrane", "Tear-off"], "in their places"
    assert f'href="/crm/invoices/{invoice}/print"' in grace.page(f"/crm/invoices/{invoice}")


def test_a_letter_leaves_out_what_its_reader_sees_masked(app: Flask, house: House, invoice: int) -> None:
    auditor = staff(app, house, "Ingrid", "auditor")
    page = auditor.page(f"/crm/invoices/{invoice}/print")
    assert "Bluestem Cold Storage" in page
    assert "Quebec" not in page
    assert "••••" not in page.partition('class="sheet"')[2]


def test_an_estimate_has_a_place_to_sign_and_shows_no_cost(app: Flask, house: House) -> None:
    customer = house.given("customers", name="Cedar", status="active")
    key = house.given("estimates", customer_id=customer, number="E-9", title="New roof", scope_text="All of it")
    house.given("estimate_lines", estimate_id=key, description="Membrane", unit_price="10.00", unit_cost="7.77")
    house.given("estimate_lines", estimate_id=key, description="Skylight", is_optional=True, is_selected=False)
    page = staff(app, house, "Owen", "sales").page(f"/crm/estimates/{key}/print")
    assert "Estimate E-9" in page
    assert "Accepted by" in page
    assert "Membrane" in page
    assert "7.77" not in page
    assert "Skylight" not in page


def test_who_may_not_read_it_and_what_is_no_letter_is_not_there(app: Flask, house: House, invoice: int) -> None:
    sit(app, house, "Nobody", "home.read").page(f"/crm/invoices/{invoice}/print", 404)
    staff(app, house, "Olive", "owner").page("/crm/customers/1/print", 404)
    staff(app, house, "Olive", "owner").page("/crm/invoices/999999999/print", 404)


# -- notices -----------------------------------------------------------------------------------------------------------


def told(house: House, desk: Desk, **values: Any) -> int:
    return house.given(
        "user_notifications", **{"app_user_id": desk.actor.app_user_id, "kind": "x", "title": "Ready", **values}
    )


def test_the_bell_counts_what_is_unread_and_a_notice_leads_there(app: Flask, house: House) -> None:
    grace = staff(app, house, "Grace", "billing")
    assert 'aria-label="Notices"' in grace.page("/crm/customers")
    key = told(house, grace, link="/crm/invoices")
    told(house, grace, title="Later", snoozed_until="2999-01-01T00:00:00Z")
    assert 'aria-label="Notices, 1 unread"' in grace.page("/crm/customers")
    page = grace.page("/notices")
    assert "Ready" in page
    assert "Later" not in page
    answer = grace.send(f"/notices/{key}/open", grace.form(page, "csrf_token"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/crm/invoices")
    assert 'aria-label="Notices"' in grace.page("/crm/customers")


def test_all_are_read_at_once_and_that_can_be_undone(app: Flask, house: House) -> None:
    grace = staff(app, house, "Grace", "billing")
    for number in range(3):
        told(house, grace, title=f"Notice {number}")
    grace.send("/notices/read", grace.form(grace.page("/notices"), "csrf_token"))
    assert "3 notices marked as read" in grace.page("/notices")


def test_nobody_opens_another_s_notice_or_is_sent_elsewhere(app: Flask, house: House) -> None:
    grace, owen = staff(app, house, "Grace", "billing"), staff(app, house, "Owen", "sales")
    key = told(house, grace, link="https://evil.example/")
    told(house, owen, title="Mine")
    form = owen.form(owen.page("/notices"), "csrf_token")
    assert owen.send(f"/notices/{key}/open", form).status_code == 404
    answer = grace.send(f"/notices/{key}/open", grace.form(grace.page("/notices"), "csrf_token"))
    assert answer.headers["Location"] == "/notices"
    viewer = staff(app, house, "Carl", "viewer")
    viewer.page("/notices", 404)
    assert 'id="bell"' not in viewer.page("/crm/customers")
