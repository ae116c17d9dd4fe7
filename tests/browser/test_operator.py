"""The AI operator looks at the health board, at one check, and at what an agent costs."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person

pytestmark = pytest.mark.browser


def test_the_board_leads_to_a_check_with_its_history(person: Person) -> None:
    operator = person("ai_operator")
    page = operator.page
    operator.go("/")
    operator.follow("Monitoring", "Health")
    operator.heading("Health")
    operator.accessible_everywhere()
    expect(page.get_by_role("button", name="Check now"), "an operator reads the board").to_have_count(0)
    check = page.locator("#main a[href^='/health/']").first
    key = check.get_attribute("href").split("/")[-1].split("?")[0]
    check.click()
    page.wait_for_url(lambda url: url.split("?")[0].endswith(key))
    page.locator("#main h1").wait_for()
    expect(page.locator("#main")).to_contain_text(key, use_inner_text=True)
    operator.accessible_everywhere()
    page.go_back()
    operator.heading("Health")


def test_an_agent_s_page_shows_what_it_may_spend_and_what_it_decided(person: Person) -> None:
    operator = person("ai_operator")
    page = operator.page
    operator.go("/ai/ai_agents")
    page.locator("tr[data-key] a").first.click()
    page.locator(".rec-head").wait_for()
    operator.accessible_everywhere()
    decision = page.locator("#main a[href^='/ai/ai_decision_logs/']").first
    decision.click()
    page.wait_for_url("**/ai/ai_decision_logs/*")
    page.locator("#main h1").wait_for()
    operator.ready()
    operator.accessible_everywhere()
