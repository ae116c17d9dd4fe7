"""An owner asks how things really stand: runs the audit, opens the evidence for a feature, and looks back at a night before."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.browser.watched import PHONE

pytestmark = pytest.mark.browser


def test_from_the_figures_to_the_evidence_and_back_in_time(person: Person) -> None:
    owner = person("owner")
    owner.go("/platform/audit")
    page = owner.page
    page.get_by_role("button", name="Run the audit").click()
    page.get_by_text(re.compile("^Taken now by")).wait_for()
    owner.accessible(within="#api")
    page.get_by_role("group").filter(has_text="Error monitoring").first.locator("summary").click()
    page.get_by_text("Two occurrences of one bug make one group").wait_for()
    page.get_by_role("link", name=re.compile("^Errors caught: ")).click()
    page.get_by_role("heading", name="Error occurrences").wait_for()
    assert "occurred_at.gte=-30d" in page.url
    page.go_back()
    vanished = page.get_by_role("row", name=re.compile("legacy.receivables_2021")).first
    expect(vanished.locator("td").first).to_have_text("Vanished", use_inner_text=True)
    page.get_by_role("region", name="Reports").get_by_role("link").last.click()
    page.get_by_text("An earlier report.").wait_for()
    expect(page.get_by_role("button", name="Run the audit")).to_have_count(0)
    page.get_by_role("link", name="The newest").click()
    page.get_by_role("button", name="Run the audit").wait_for()


def test_it_reads_on_a_phone_without_scrolling_sideways(person: Person) -> None:
    auditor = person("auditor", viewport=PHONE)
    auditor.go("/platform/audit")
    auditor.fits()
    look = auditor.page.get_by_role("region", name=re.compile("^Tables that are broken"))
    wide, seen = look.evaluate("(each) => [each.scrollWidth, each.clientWidth]")
    assert wide <= seen
