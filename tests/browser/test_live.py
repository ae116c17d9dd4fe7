"""Two people at the same records: each sees what the other does, at once, and loses nothing of what they are doing."""

from __future__ import annotations

import re
import time

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Person
from tests.browser.watched import Watched
from tests.conftest import Live

pytestmark = pytest.mark.browser

SOON = 30.0
"""Seconds after which what should have come is missed. How soon it comes is measured by the bench."""
HELD_BACK = """(() => {
  const { text } = Response.prototype, record = location.href;
  Response.prototype.text = async function () {
    const words = await text.call(this);
    if (this.url === record) await new Promise((go) => { window.arrives = go; });
    return words;
  };
})()"""
"""What a page asks about the record it shows comes in full only when the test says so."""
SWAPPED = """new Promise((done) => {
  document.addEventListener('htmx:before:swap', ({detail}) => { if (detail.ctx.live) done(true); });
  setTimeout(() => done(false), 1000);
  arrives();
})"""
WENT_BACK = """new Promise((done) => {
  let back = false;
  const looks = () => { back ||= !document.getElementById('v-email').textContent.includes('front@office.example'); };
  new MutationObserver(looks).observe(document.getElementById('main'), { subtree: true, childList: true, characterData: true });
  setTimeout(() => done(back), 1000);
  arrives();
})"""
GATHERED = """(() => {
  const { setTimeout } = window;
  window.setTimeout = (then) => { window.gathered = then; };
  document.dispatchEvent(new CustomEvent('console:news', { detail: { first: 1, earlier: false, by: ['Owen Prescott'] } }));
  window.setTimeout = setTimeout;
  return window.gathered !== undefined;
})()"""
"""News has come, and what the page does about it after a moment it does only when the test says so; false while it still
gathers what came before."""
SWAPPED_BY_GATHERED = """(async () => {
  let swapped = false;
  document.addEventListener('htmx:before:swap', ({detail}) => { swapped ||= Boolean(detail.ctx.live); });
  await gathered();
  return swapped;
})()"""
TOLD = "document.documentElement.dataset.live === 'stream'"


@pytest.fixture(scope="module")
def customer(server: Live) -> tuple[int, str]:
    """A customer nobody else works on, changed last of all so that it opens the list."""
    options = "-c search_path=console,public"
    with psycopg.connect(server.database.superuser_url, options=options) as connection:
        found = connection.execute(
            "UPDATE customers SET bill_city = 'Ouray' WHERE id = (SELECT id FROM customers WHERE status = 'active'"
            " AND archived_at IS NULL AND account_manager_id IS NOT NULL ORDER BY id OFFSET 90 LIMIT 1) RETURNING id, name"
        ).fetchone()
    assert found
    return found


def told(person: Watched, path: str) -> None:
    """Open an address and wait until the page hears of changes."""
    person.go(path)
    person.until(TOLD)


def put(person: Watched, name: str, city: str) -> float:
    """Change the city on the record page; the moment it was sent."""
    person.page.get_by_role("button", name=f"Edit City of {name}").click()
    person.until("document.activeElement.id === 'bill_city'")
    person.press("Control+A")
    person.page.keyboard.type(city)
    sent = time.monotonic()
    person.press("Enter")
    return sent


def test_an_open_list_follows_without_moving_what_one_is_at(person: Person, customer: tuple[int, str]) -> None:
    key, name = customer
    dispatcher, seller = person("dispatcher"), person("sales")
    told(dispatcher, f"/crm/customers?sort=-updated_at&cols=name,bill_city&q={name.split()[0]}")
    told(seller, f"/crm/customers/{key}")
    dispatcher.press("j")
    at = dispatcher.seen_focus()
    sent = put(seller, name, "Silverton")
    cell = f"document.querySelector('tr[data-key=\"{key}\"] td[data-field=bill_city]').textContent.trim()"
    dispatcher.until(f"{cell} === 'Silverton'")
    assert time.monotonic() - sent < SOON
    dispatcher.comes_to(at)
    dispatcher.until("document.getElementById('announcer').textContent.includes('Silverton') === false")


def test_what_would_move_under_the_mouse_is_offered(person: Person, server: Live) -> None:
    dispatcher = person("dispatcher")
    told(dispatcher, "/crm/customers?sort=-updated_at&cols=name,bill_city,updated_at")
    options = "-c search_path=console,public"
    first, third = (dispatcher.page.locator("tbody tr").nth(row).get_attribute("data-key") for row in (0, 2))
    with psycopg.connect(server.database.superuser_url, options=options) as connection:
        connection.execute("UPDATE customers SET bill_city = 'Durango' WHERE id = %s", [third])
    offer = dispatcher.page.get_by_role("button", name="1 change in this list Show")
    offer.wait_for()
    assert dispatcher.page.locator("tbody tr").nth(2).inner_text().count("Durango") == 1, "it shows what it holds now"
    assert dispatcher.page.locator("tbody tr").first.get_attribute("data-key") == first, "and stands where it stood"
    dispatcher.accessible("with something to show")
    dispatcher.fits()
    offer.click()
    dispatcher.until(f"document.querySelector('tbody tr').dataset.key === '{third}'")
    expect(dispatcher.page.locator(".news-pill")).to_have_count(0)
    dispatcher.until("document.activeElement.localName === 'td'")


def test_a_record_follows_around_what_is_being_typed(person: Person, customer: tuple[int, str]) -> None:
    key, name = customer
    owner, seller = person("owner"), person("sales")
    told(owner, f"/crm/customers/{key}")
    told(seller, f"/crm/customers/{key}")
    here = owner.page.locator("#here")
    here.get_by_text("Owen Prescott is here too").wait_for()
    owner.page.get_by_role("button", name=f"Edit City of {name}").click()
    owner.until("document.activeElement.id === 'bill_city'")
    owner.press("Control+A")
    owner.page.keyboard.type("Half a na")
    seller.page.locator("#here", has_text="Marcus Brandt is editing").wait_for()
    owner.until(TOLD)
    sent = put(seller, name, "Telluride")
    owner.page.get_by_text(re.compile("Changed by (postgres, )?Owen Prescott just now")).wait_for()
    assert time.monotonic() - sent < SOON
    owner.page.keyboard.type("me")
    expect(owner.page.locator("#bill_city"), "typed on as if nothing had happened").to_have_value("Half a name")
    expect(owner.page.locator(".timeline li").first, "what surrounds it is new").to_contain_text(
        "Telluride", use_inner_text=True
    )
    owner.accessible("with somebody else's change beside an open editor")
    owner.press("Enter")
    owner.page.locator("#v-bill_city .err", has_text="Telluride").wait_for()
    seller.go("/")
    owner.until("document.getElementById('here').textContent === ''")


def test_news_of_a_record_one_has_left_does_not_come_in_the_place_of_what_one_went_to(
    person: Person, customer: tuple[int, str]
) -> None:
    key, name = customer
    owner, seller = person("owner"), person("sales")
    told(owner, f"/crm/customers/{key}")
    owner.page.evaluate(HELD_BACK)
    told(seller, f"/crm/customers/{key}")
    put(seller, name, "Crested Butte")
    owner.until("window.arrives !== undefined")
    owner.page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Customers").click()
    owner.heading("Customers")
    assert not owner.page.evaluate(SWAPPED), "what one went to stays"


def test_news_gathered_at_a_record_one_has_left_is_nothing_to_what_one_went_to(
    person: Person, customer: tuple[int, str]
) -> None:
    owner = person("owner")
    told(owner, f"/crm/customers/{customer[0]}")
    owner.until(GATHERED)
    owner.page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Customers").click()
    owner.heading("Customers")
    assert not owner.page.evaluate(SWAPPED_BY_GATHERED), "what one went to stays"


def test_news_asked_for_before_one_saved_does_not_take_back_what_one_saved(
    person: Person, customer: tuple[int, str]
) -> None:
    key, name = customer
    owner, seller = person("owner"), person("sales")
    told(owner, f"/crm/customers/{key}")
    owner.page.evaluate(HELD_BACK)
    told(seller, f"/crm/customers/{key}")
    put(seller, name, "Salida")
    owner.until("window.arrives !== undefined")
    owner.page.get_by_role("button", name=f"Edit E-mail of {name}").click()
    owner.until("document.activeElement.id === 'email'")
    owner.press("Control+A")
    owner.page.keyboard.type("front@office.example")
    owner.press("Enter")
    owner.toast(f"E-mail of {name} changed")
    owner.page.locator("#v-email", has_text="front@office.example").wait_for()
    assert not owner.page.evaluate(WENT_BACK), "what one saved stays"


def test_what_one_saw_when_one_began_to_type_is_no_news_to_the_editor(
    person: Person, customer: tuple[int, str]
) -> None:
    key, name = customer
    owner = person("owner")
    told(owner, f"/crm/customers/{key}")
    owner.page.get_by_role("button", name=f"Edit City of {name}").click()
    owner.until("document.activeElement.id === 'bill_city'")
    owner.until(GATHERED)  # Owen's first change of all, and those after it
    owner.page.evaluate("gathered()")
    expect(owner.page.locator(".theirs")).to_have_count(0)


def test_at_a_form_one_is_told_and_keeps_what_one_typed(person: Person, customer: tuple[int, str]) -> None:
    key, name = customer
    owner, seller = person("owner"), person("sales")
    told(owner, f"/crm/customers/{key}/edit")
    told(seller, f"/crm/customers/{key}")
    owner.page.locator("#work_instructions").fill("Ring twice")
    owner.page.evaluate("document.getElementById('work_instructions').setSelectionRange(2, 5)")
    sent = put(seller, name, "Montrose")
    note = owner.page.locator("#news")
    note.get_by_text(re.compile("Owen Prescott changed City")).wait_for()
    assert time.monotonic() - sent < SOON
    expect(note.locator("ins")).to_have_text("Montrose", use_inner_text=True)
    typed = "(at => [at.id, at.value, at.selectionStart, at.selectionEnd].join())(document.activeElement)"
    assert owner.page.evaluate(typed) == "work_instructions,Ring twice,2,5"
    owner.accessible_everywhere()
    owner.page.get_by_role("button", name="Save customer").click()
    merged = owner.toast(f"Work instructions of {name} changed").inner_text()
    assert "Owen Prescott's change to City was kept." in merged


def test_where_no_stream_comes_through_the_page_asks(person: Person, customer: tuple[int, str]) -> None:
    key, name = customer
    owner, seller = person("owner"), person("sales")
    owner.page.route("**/live?*", lambda route: route.fulfill(status=204))
    owner.page.clock.install()
    owner.go(f"/crm/customers/{key}")
    owner.until("document.documentElement.dataset.live === 'asks'")
    told(seller, f"/crm/customers/{key}")
    put(seller, name, "Gunnison")
    seller.toast(f"City of {name} changed")
    owner.page.clock.run_for(5_000)
    owner.until("document.querySelector('dd[data-field=bill_city]').textContent.includes('Gunnison')")
