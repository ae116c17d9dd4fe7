"""With JavaScript off everything is slower and nothing is missing: lists, filters, forms, references, clashes, the way back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import Person, follow, sign_in
from tests.browser.watched import PHONE
from tests.conftest import Live

pytestmark = pytest.mark.browser


def test_a_list_is_sorted_paged_searched_and_filtered(person: Person, server: Live) -> None:
    page = person(None, scripts=False).page
    sign_in(page, server.email("sales"), server.password)
    follow(
        page, page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Customers", exact=True)
    )
    assert page.locator("caption", has_text="Customers").count() == 1

    follow(page, page.locator("thead").get_by_role("link", name="Open balance"))
    page.locator("th[aria-sort=descending]").wait_for()
    owed = [money(words) for words in page.locator("td[data-field=open_balance]").all_inner_texts()]
    assert owed == sorted(owed, reverse=True) and owed[0] > 0
    assert page.locator("th[aria-sort=descending]").inner_text() == "Open balance"

    first_page = keys(page)
    follow(page, page.get_by_role("link", name="Next", exact=True))
    assert not set(keys(page)) & set(first_page)
    assert re.match(r"50 shown of \d{3} customers", page.locator(".pager").inner_text()), "others make some meanwhile"
    follow(page, page.get_by_role("link", name="Previous", exact=True))
    assert keys(page) == first_page
    follow(page, page.get_by_role("link", name="Last page"))
    assert page.get_by_role("link", name="Next", exact=True).get_attribute("aria-disabled") == "true"

    follow(page, page.get_by_role("link", name="Filter", exact=True))
    follow(page, page.get_by_role("dialog").get_by_role("link", name="Status", exact=True))
    follow(page, page.get_by_role("button", name="Apply"))
    assert "Say what it should be" in page.get_by_role("alert").inner_text(), "half a question is no filter"
    page.get_by_role("checkbox", name=re.compile("^Active ")).check()
    follow(page, page.get_by_role("button", name="Apply"))
    assert "sort=-open_balance" in page.url, "the order stays"
    assert page.locator(".chip", has_text="Status").count() == 1
    assert set(page.locator("td[data-field=status]").all_inner_texts()) == {"Active"}

    page.get_by_role("searchbox", name="Find in this view").fill("hospital")
    follow(page, page.get_by_role("searchbox", name="Find in this view"), "Enter")
    assert "status=active" in page.url, "and so does the filter"
    names = page.locator("td[data-field=name]").all_inner_texts()
    assert names and all("hospital" in name.lower() for name in names)
    follow(page, page.get_by_role("link", name="Remove filter Status is Active"))
    assert "status" not in page.url

    follow(page, page.get_by_role("link", name="Columns"))
    page.get_by_label("Terms in days", exact=True).check()
    follow(page, page.get_by_role("button", name="Done"))
    assert page.locator("td[data-field=payment_terms_days]").count() > 0


def test_a_record_is_edited_its_reference_picked_its_clash_chosen_and_all_of_it_undone(person: Person) -> None:
    page = person("sales", scripts=False).page
    page.goto("/crm/customers?status=active&q=hospital&sort=-name")
    follow(page, page.locator("tr[data-key] a").first)
    record, name = page.url, page.locator("#main h1").inner_text()
    follow(page, page.get_by_role("link", name="Edit", exact=True))

    # Enter saves; a name typed over the old one is looked for, and the choice comes back with the form as it was.
    page.locator("#account_manager_id").fill("Bia")
    page.locator("#source").fill("Without a script")
    follow(page, page.locator("#source"), "Enter")
    assert page.locator("#account_manager_id-err").inner_text() == "Choose one of these."
    assert page.locator("#source").input_value() == "Without a script"
    page.get_by_role("group", name="Choose account manager").get_by_label("Bianca Reyes").check()
    page.locator("#payment_terms_days").fill("400")
    follow(page, page.get_by_role("button", name="Save customer"))
    assert "180" in page.locator("#payment_terms_days-err").inner_text()
    assert page.locator("#account_manager_id").input_value() == "Bianca Reyes", "the choice made is kept"
    page.locator("#payment_terms_days").fill("44")
    follow(page, page.get_by_role("button", name="Save customer"))
    assert page.url == record
    assert f"3 fields of {name} changed" in page.get_by_role("status").inner_text()
    assert "Bianca Reyes" in page.locator("dl.facts").inner_text()

    # Find asks without saving.
    follow(page, page.get_by_role("link", name="Edit", exact=True))
    page.locator("#parent_id").fill("medical")
    follow(page, page.locator("button[name=find][value=parent_id]"))
    assert page.get_by_role("group", name="Choose branch of").get_by_role("radio").count() > 1

    # Meanwhile somebody else saves the same field.
    page.goto(f"{record.partition('?')[0]}/edit")
    other = person("operations_manager", scripts=False).page
    other.goto(f"{record.partition('?')[0]}/edit")
    other.locator("#payment_terms_days").fill("10")
    follow(other, other.get_by_role("button", name="Save customer"))
    page.locator("#payment_terms_days").fill("60")
    follow(page, page.get_by_role("button", name="Save customer"))
    assert page.locator("#main h1").inner_text() == f"{name} was changed while you were editing"
    row = page.get_by_role("row", name="Terms in days")
    assert row.get_by_role("cell").all_inner_texts() == ["44", "10", "60"]
    row.get_by_role("radio").nth(1).check()
    follow(page, page.get_by_role("button", name="Save these choices"))
    assert f"Terms in days of {name} changed" in page.get_by_role("status").inner_text()

    follow(page, page.get_by_role("status").get_by_role("button", name="Undo"))
    assert "Undone" in page.get_by_role("status").inner_text()
    follow(page, page.get_by_role("link", name="All history"))
    assert "undid change" in page.locator(".timeline li").first.inner_text()
    follow(page, page.get_by_role("button", name="Undo change").last)
    page.get_by_role("status").wait_for()


def test_a_move_and_a_single_value_have_pages_of_their_own(person: Person) -> None:
    page = person("billing", scripts=False).page
    page.goto("/crm/customers?status=active&sort=name&limit=10")
    follow(page, page.locator("tr[data-key] a").nth(3))
    name = page.locator("#main h1").inner_text()
    follow(page, page.get_by_role("link", name="Place on credit hold"))
    follow(page, page.get_by_role("button", name="Place on credit hold"))
    assert page.locator("#act-reason-err").inner_text() == "Say why; the history keeps it."
    page.get_by_label("Reason").fill("Two invoices past 90 days")
    follow(page, page.get_by_role("button", name="Place on credit hold"))
    assert f"{name} placed on credit hold" in page.get_by_role("status").inner_text()
    assert "Credit hold" in page.locator(".rec-head").inner_text()
    follow(page, page.get_by_role("status").get_by_role("button", name="Undo"))
    assert "Active" in page.locator(".rec-head").inner_text()

    page.goto("/crm/invoices?status=open&sort=due_date&limit=10")
    follow(page, page.locator("td[data-field=number] a").nth(4))
    number = page.locator("#main h1").inner_text()
    follow(page, page.get_by_role("button", name=f"Edit Due of {number}"))
    page.locator("input[type=date]").fill("2032-05-06")
    follow(page, page.get_by_role("button", name="Save"))
    assert f"Due of {number} changed" in page.get_by_role("status").inner_text()


@pytest.mark.parametrize(
    "path",
    ["/", "/crm/customers?limit=10", "/crm/customers/filters", "/crm/customers/columns", "/crm/customers/2/edit"],
)
def test_a_page_whose_scripts_never_came_is_as_accessible(person: Person, path: str) -> None:
    """Checked by a script, which is why the browser runs them here and only ours are missing."""
    seller = person("sales", viewport=PHONE)
    seller.page.route("**/*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    seller.page.goto(path)
    seller.accessible("without our scripts")
    seller.fits()


def keys(page: Any) -> list[str]:
    return list(page.locator("tr[data-key]").evaluate_all("rows => rows.map((row) => row.dataset.key)"))


def money(words: str) -> float:
    return float(words.replace("$", "").replace(",", "").replace("−", "-"))
