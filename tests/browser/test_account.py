"""One's own account: its looks, and every place one is signed in. Whoever is signed out elsewhere is out at the next click."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person, sign_in
from tests.browser.watched import FIREFOX, Watched
from tests.conftest import Live

pytestmark = pytest.mark.browser


@pytest.fixture
def device(person: Person, server: Live) -> Callable[..., Watched]:
    """An administrator at one more device, with a session of its own."""

    def come(**options: object) -> Watched:
        admin = person(None, **options)
        sign_in(admin.page, server.email("admin"), server.password)
        admin.ready()
        return admin

    return come


def click_a_link(admin: Watched) -> None:
    admin.page.locator("#groups a").nth(1).click()


def open_a_dialog(admin: Watched) -> None:
    admin.page.get_by_role("link", name="Filter", exact=True).click()


def save_a_form(admin: Watched) -> None:
    admin.page.locator("form.record-form").get_by_role("button", name="Save").click()


@pytest.mark.parametrize(
    ("place", "act"),
    [("/", click_a_link), ("/auth/app_users", open_a_dialog), ("/auth/app_users/1/edit", save_a_form)],
    ids=["a link", "a dialog", "a form"],
)
def test_a_device_signed_out_elsewhere_is_out_at_its_next_click(
    device: Callable[..., Watched], place: str, act: Callable[[Watched], None]
) -> None:
    here, lost = device(), device(user_agent=FIREFOX)
    lost.go(place)
    here.go("/account")
    here.accessible("with two places")
    elsewhere = here.page.get_by_role("button", name="Sign out on Firefox")
    elsewhere.click()
    here.toast("Signed out there")
    expect(elsewhere).to_have_count(0)
    act(lost)
    asked = lost.page.get_by_role("dialog", name="Sign in again")
    asked.wait_for()
    lost.accessible("asked to sign in again", within="#again")
    lost.page.goto("/")
    assert "/sign-in" in lost.page.url
    assert here.go("/account") == 200, "the others stay"


def test_leaving_everywhere_takes_this_place_with_it(device: Callable[..., Watched]) -> None:
    here, lost = device(), device(user_agent=FIREFOX)
    here.go("/account")
    here.page.get_by_role("button", name="Sign out everywhere").click()
    here.page.wait_for_url("**/sign-in**")
    for each in (here, lost):
        each.page.goto("/account")
        assert "/sign-in" in each.page.url


def test_the_account_page_is_for_every_screen_and_keeps_what_was_typed(person: Person) -> None:
    viewer = person("viewer")
    page = viewer.page
    viewer.go("/")
    page.get_by_label("Account, theme and density").click()
    page.get_by_role("link", name="Your account").click()
    page.get_by_label("Time zone").wait_for()
    viewer.accessible_everywhere()
    was = page.get_by_label("Time zone").input_value()
    page.get_by_label("Time zone").fill("Mars/Olympus")
    page.get_by_label("Preferred name").fill("Vee")
    page.get_by_role("button", name="Save profile").click()
    page.locator("#f-timezone[aria-invalid=true]").wait_for()
    assert page.evaluate("document.activeElement.id") == "f-timezone"
    expect(page.get_by_label("Preferred name")).to_have_value("Vee")
    viewer.accessible("refused")
    page.get_by_label("Time zone").fill(was)
    page.get_by_label("Preferred name").fill("")
    page.get_by_role("button", name="Save profile").click()
    viewer.toast("Profile saved")
