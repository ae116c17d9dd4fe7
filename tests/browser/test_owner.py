"""The owner lets somebody in, gives and takes what they may do, and shuts them out; each of it holds at their next click."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person, sign_in
from tests.browser.watched import FIREFOX, SHARED, Watched
from tests.conftest import Live

pytestmark = pytest.mark.browser

PASSWORD = "gravel lantern obvious tide"


@pytest.fixture
def owner(person: Person, server: Live) -> Watched:
    """Just signed in, so that nothing asks for the password again."""
    owner = person(None)
    sign_in(owner.page, server.email("owner"), server.password)
    owner.ready()
    return owner


def places(someone: Watched) -> list[str]:
    return list(someone.page.locator("#groups a").all_inner_texts())


def test_somebody_is_invited_given_more_and_shut_out(owner: Watched, person: Person) -> None:
    page = owner.page
    owner.follow("People and access", "People")
    owner.heading("People")
    owner.accessible_everywhere()
    page.get_by_role("link", name="Invite a person").click()
    owner.heading("Invite a person")
    page.get_by_label("Full name").fill("Noor Haddad")
    page.get_by_label("Work email").fill("noor at roofers")
    page.get_by_label("Role").select_option(label="Dispatcher")
    page.get_by_role("button", name="Invite").click()
    page.locator("#f-email[aria-invalid=true]").wait_for()
    assert page.evaluate("document.activeElement.id") == "f-email"
    expect(page.get_by_label("Full name")).to_have_value("Noor Haddad")
    owner.accessible_everywhere()
    page.get_by_label("Work email").fill("noor@roofers.example")
    page.get_by_role("button", name="Invite").click()
    link = page.get_by_role("textbox", name="One-time link")
    link.wait_for()
    address = link.input_value()
    owner.accessible_everywhere()
    noor_page = re.search(r"/people/\d+", page.locator("form[action*='/people/']").first.get_attribute("action"))
    assert noor_page

    noor = person(None)
    noor.page.goto(address)
    noor.accessible_everywhere()
    for field in noor.page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    noor.page.locator("input[type=password]").last.press("Enter")
    noor.page.wait_for_url(lambda url: "/invite/" not in url)
    if "/sign-in" in noor.page.url:
        sign_in(noor.page, "noor@roofers.example", PASSWORD)
    noor.ready()
    assert "Jobs" in places(noor)
    assert "Payments" not in places(noor)

    owner.go(noor_page[0])
    owner.heading("Noor Haddad")
    owner.accessible_everywhere()
    page.get_by_label("Give a role").select_option(label="Billing")
    page.get_by_role("button", name="Give role").click()
    owner.toast("Role given to Noor Haddad")
    noor.follow("Field", "Jobs")
    noor.heading("Jobs")
    assert "Payments" in places(noor), "more at the next click"
    noor.go("/crm/payments")
    noor.heading("Payments")

    page.get_by_role("button", name="Take away Billing").click()
    owner.toast("Role taken from Noor Haddad")
    assert noor.go("/crm/payments") == 404, "and less at the one after"

    page.get_by_role("button", name="Suspend Noor Haddad").click()
    page.locator("#f-reason[aria-invalid=true]").wait_for()
    page.get_by_label("Reason").fill("Left the company")
    page.get_by_role("button", name="Suspend Noor Haddad").click()
    owner.toast("Noor Haddad suspended")
    noor.page.goto("/")
    assert "/sign-in" in noor.page.url
    noor.page.get_by_label("Work email").fill("noor@roofers.example")
    noor.page.get_by_label("Password", exact=True).fill(PASSWORD)
    noor.page.get_by_label("Password", exact=True).press("Enter")
    noor.page.locator(".err").first.wait_for()
    assert "/sign-in" in noor.page.url, "nor does the password open the door"


def test_a_role_is_made_like_another_and_changed_in_its_matrix(owner: Watched) -> None:
    page = owner.page
    owner.go("/roles")
    owner.accessible_everywhere()
    page.get_by_role("link", name="Side by side").click()
    owner.heading("All roles side by side")
    owner.accessible("a table of a thousand ticks", without=SHARED)
    owner.fits()
    owner.go("/roles/new")
    page.get_by_label("Name").fill("Night dispatch")
    page.get_by_label("Begin with what another role holds").select_option(label="Dispatcher")
    owner.accessible("a new role")
    page.get_by_role("button", name="Make role").click()
    owner.toast("Role Night dispatch made")
    box = page.get_by_role("checkbox", name="Invoices: read", exact=True)
    assert not box.is_checked()
    assert page.get_by_role("checkbox", name="Jobs: read", exact=True).is_checked()
    owner.accessible_everywhere()
    box.check()
    page.get_by_label("Reason for this change").fill("They answer questions about bills at night")
    owner.press("Control+s")
    owner.toast("Role Night dispatch saved")
    assert page.get_by_role("checkbox", name="Invoices: read", exact=True).is_checked()
    page.get_by_role("button", name="Delete role").click()
    owner.toast("Role Night dispatch deleted")


def test_a_session_ended_by_the_owner_is_out_at_its_next_click(owner: Watched, person: Person, server: Live) -> None:
    viewer = person(None, user_agent=FIREFOX)
    sign_in(viewer.page, server.email("viewer"), server.password)
    viewer.ready()
    page = owner.page
    owner.go("/sessions")
    owner.accessible_everywhere()
    there = page.locator("tr[data-key]", has_text="Firefox")
    there.get_by_role("button", name="End this session of").click()
    owner.toast("Session ended")
    viewer.page.locator("#groups a").nth(1).click()
    viewer.page.get_by_role("dialog", name="Sign in again").wait_for()
    owner.go("/sessions/history")
    owner.accessible_everywhere()
