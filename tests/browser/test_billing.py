"""A billing clerk follows money that is late to one invoice, changes it, sees it in the history, and takes it back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.browser.watched import Watched

pytestmark = pytest.mark.browser


def open_overdue(clerk: Watched, nth: int) -> str:
    """From the figure on the first page to one late invoice; its number."""
    page = clerk.page
    clerk.go("/")
    figure = page.get_by_role("link", name="Open overdue")
    wanted = int(figure.get_attribute("data-rows"))
    figure.click()
    clerk.heading("Invoices")
    expect(page.locator(".page-head .meta").first).to_contain_text(f"{wanted} invoices", use_inner_text=True)
    number = page.locator("td[data-field=number] a").nth(nth)
    words = number.inner_text()
    number.click()
    clerk.heading(words)
    expect(page.locator(".rec-head")).to_contain_text("Overdue", use_inner_text=True)
    return str(words)


def test_the_first_page_is_for_everyone_and_every_screen(person: Person) -> None:
    clerk = person("billing")
    clerk.go("/")
    clerk.accessible_everywhere()


def test_a_late_invoice_leads_to_its_customer(person: Person) -> None:
    clerk = person("billing")
    page = clerk.page
    open_overdue(clerk, 0)
    clerk.accessible_everywhere()
    customer = page.locator("#main a[href^='/crm/customers/']").first
    name = customer.inner_text()
    customer.click()
    clerk.heading(name)
    expect(page.locator("dl.facts", has_text="Open balance")).to_have_count(1)
    assert page.locator("#rel-invoices tbody tr").count() > 0
    expect(
        page.get_by_role("link", name="Edit", exact=True), "billing reads customers and edits invoices"
    ).to_have_count(0)
    clerk.accessible_everywhere()
    page.go_back()
    page.locator(".rec-head", has_text="Overdue").wait_for()


def test_a_wrong_date_is_refused_beside_its_field_corrected_and_undone_from_the_history(person: Person) -> None:
    clerk = person("billing")
    page = clerk.page
    number = open_overdue(clerk, 1)
    invoice = clerk.path()
    agreed = page.locator("dl.facts div", has_text="Due").first.inner_text()
    page.get_by_role("link", name="Edit", exact=True).click()
    clerk.heading(f"Edit {number}")
    clerk.accessible_everywhere()

    page.locator("#due_date").fill("2019-01-01")
    page.get_by_label("Internal note").fill("Asked for two more weeks")
    page.get_by_label("Purchase order").fill("PO-7781")
    page.get_by_label("Purchase order").press("Enter")
    page.locator("#due_date[aria-invalid=true]").wait_for()
    expect(page.locator("#due_date-err")).to_have_text(
        "An invoice cannot be due before it is issued.", use_inner_text=True
    )
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved", use_inner_text=True)
    assert page.evaluate("document.activeElement.id") == "due_date"
    assert "due_date-err" in page.locator("#due_date").get_attribute("aria-describedby")
    expect(page.locator("#due_date")).to_have_value("2019-01-01")
    expect(page.get_by_label("Internal note")).to_have_value("Asked for two more weeks")
    expect(page.get_by_label("Purchase order")).to_have_value("PO-7781")
    clerk.accessible("refused")

    page.locator("#due_date").fill("2031-01-15")
    page.get_by_label("Why").fill("Agreed on the phone")
    page.get_by_role("button", name="Save invoice").click()
    clerk.toast(f"3 fields of {number} changed")
    assert clerk.path() == invoice
    expect(page.locator("dl.facts")).to_contain_text("Jan 15, 2031", use_inner_text=True)

    page.get_by_role("link", name="All history").click()
    clerk.heading(f"History of {number}")
    newest = page.locator(".timeline li").first
    told = newest.inner_text()
    for words in (
        "Grace Okafor",
        "changed 3 fields",
        "Jan 15, 2031",
        "empty\nPO-7781",
        "two more weeks",
        "Agreed on the phone",
    ):
        assert words in told, told
    when = newest.locator("time").get_attribute("title")
    assert re.search(r"\w{3} \d+, \d{4}, \d+:\d\d [ap]m", when), when
    clerk.accessible_everywhere()
    newest.get_by_role("button", name=re.compile("Undo change .* by Grace Okafor")).click()
    clerk.toast("Undone")
    expect(page.locator("dl.facts div", has_text="Due").first).to_have_text(agreed, use_inner_text=True)
    assert page.locator(".timeline li").first.inner_text().startswith("GO\nGrace Okafor undid change")
    expect(page.locator(".timeline li").nth(1).get_by_role("link", name="undone")).to_have_count(1)


def test_one_value_is_edited_where_it_stands(person: Person) -> None:
    clerk = person("billing")
    page = clerk.page
    number = open_overdue(clerk, 2)
    invoice = clerk.path()
    pencil = page.get_by_role("button", name=f"Edit Due of {number}")
    value = page.locator("#v-due_date")
    before = value.inner_text()

    pencil.click()
    clerk.until("document.activeElement.id === 'due_date'")
    clerk.accessible("with an editor open")
    page.locator("#v-due_date input[type=date]").fill("2031-02-03")
    clerk.press("Escape")
    page.locator("#v-due_date.can-edit").wait_for()
    expect(value).to_have_text(before, use_inner_text=True)
    clerk.comes_to(f"Edit Due of {number}")  # focus is back where it was

    clerk.press("Enter")
    clerk.until("document.activeElement.id === 'due_date'")
    page.locator("#v-due_date input[type=date]").fill("2019-01-01")
    clerk.press("Enter")
    page.locator("#v-due_date .err").wait_for()
    expect(page.locator("#v-due_date .err")).to_have_text(
        "An invoice cannot be due before it is issued.", use_inner_text=True
    )
    assert page.evaluate("document.activeElement.id") == "due_date"
    clerk.accessible("with a refused value")

    page.locator("#v-due_date input[type=date]").fill("2031-02-03")
    clerk.press("Enter")
    clerk.toast(f"Due of {number} changed")
    expect(value).to_contain_text("Feb 3, 2031", use_inner_text=True)
    clerk.comes_to(f"Edit Due of {number}")
    assert clerk.path() == invoice
    clerk.press("Control+z")
    clerk.toast("Undone")
    expect(page.locator("#v-due_date")).to_have_text(before, use_inner_text=True)
