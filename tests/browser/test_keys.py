"""Who may make keys for programs makes one, uses it and ends it; who may not finds how to go on without."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.conftest import Live


def call(server: Live, secret: str, path: str) -> int:
    """A program's request; the answer's status."""
    asked = urllib.request.Request(f"{server.url}/api/v1{path}", headers={"Authorization": f"Bearer {secret}"})
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            json.load(answer)
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_key_is_made_used_and_ended(person: Person, server: Live) -> None:
    bea = person("billing")
    page = bea.page
    page.goto("/account")
    page.get_by_role("link", name="API keys").click()
    page.get_by_role("link", name="New key").first.click()
    if page.url.split("?")[0].endswith("/account/confirm"):
        page.get_by_label("Password", exact=True).fill(server.password)
        page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Which program uses it").fill("Month end")
    page.get_by_label("Only what is ticked in the table").check()
    page.get_by_label("Invoices: read", exact=True).check()
    bea.accessible()
    page.get_by_role("button", name="Make key").click()
    secret = page.get_by_label("The key, shown this once").input_value()
    bea.accessible()
    assert call(server, secret, "/crm/invoices?limit=10") == 200
    assert call(server, secret, "/crm/customers") == 404
    page.goto("/account/keys")
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke the key of Month end").click()
    page.get_by_text("Key Month end revoked").wait_for()
    assert call(server, secret, "/crm/invoices") == 401


def test_the_viewer_makes_none_and_is_told_how_to_go_on(person: Person) -> None:
    viewer = person("viewer")
    page = viewer.page
    page.goto("/account")
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)
    page.get_by_role("link", name="The API").click()
    page.get_by_text("Your role makes no keys of its own").wait_for()
    viewer.accessible()
