"""A morning at the queues without a mouse: through the problems, one put right, one left alone, one skipped, one opened."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def place(page: Page, number: int) -> None:
    """Wait until the problem of that place in its queue stands there."""
    expect(page.locator(".dq-head p")).to_contain_text(re.compile(rf"^{number:,} of "))


def waiting(page: Page) -> int:
    return int(page.locator(".dq-side [aria-current] b").inner_text().replace(",", ""))


def test_the_queue_is_worked_by_keyboard_alone(signed_in: Any) -> None:
    page: Page = signed_in("operations_manager")
    page.goto("/quality/DQ-05")
    place(page, 1)
    before = waiting(page)
    first = page.locator("#iss-h a").inner_text()
    page.keyboard.press("j")
    place(page, 2)
    page.keyboard.press("k")
    place(page, 1)
    expect(page.locator("#iss-h a")).to_have_text(first)
    page.keyboard.press("w")
    expect(page.locator("#waive-reason")).to_be_focused()
    page.keyboard.type("Their office moves in spring")
    for _ in range(6):  # over the choice and the parts of the day, to the button
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == "Leave alone":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Left alone until")
    place(page, 1)
    expect(page.locator("#iss-h a")).not_to_have_text(first)
    expect(page.locator(".dq-side [aria-current] b")).to_have_text(f"{before - 1:,}")
    page.keyboard.press("s")
    place(page, 2)
    # The gravest have no address at all and become a task; further down a contact is made, and the problem is gone.
    last = page.locator(".nextup a.rowlink").last
    last.focus()
    page.keyboard.press("Enter")
    place(page, 8)
    while "own address is made" not in page.locator(".dq-fix").inner_text():
        href = page.locator(".nextup a.rowlink").last
        at = int(page.locator(".dq-head p").inner_text().split(" of ")[0].replace(",", ""))
        href.focus()
        page.keyboard.press("Enter")
        place(page, at + 6)
    worked = page.locator("#iss-h a").inner_text()
    page.keyboard.press("f")
    expect(page.locator("#toasts")).to_contain_text("A contact with the customer's own address is made")
    expect(page.locator("#iss-h a")).not_to_have_text(worked)
    expect(page.locator(".dq-side [aria-current] b")).to_have_text(f"{before - 2:,}")
    page.keyboard.press("o")
    page.wait_for_url(re.compile(r"/crm/customers/\d+$"))


def test_a_phone_shows_the_problem_first_and_its_answers_at_hand(signed_in: Any) -> None:
    page: Page = signed_in("operations_manager", viewport={"width": 390, "height": 844})
    page.goto("/quality/DQ-05")
    expect(page.locator("#iss-h")).to_be_in_viewport()
    expect(page.locator(".dq-foot > form .primary").first).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
