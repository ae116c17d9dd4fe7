"""Every place of the navigation, and one record behind each list with its form: nothing to complain about."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from app.engine.registry import discover
from app.engine.resource import Resource
from tests.browser.conftest import Person
from tests.browser.watched import PHONE, SEED, SHARED, Watched

pytestmark = pytest.mark.browser

RESOURCES = sorted(discover(), key=lambda each: each.name)
DOMAINS = sorted({each.domain for each in RESOURCES})
FIRST_KEY = "document.querySelector('tbody tr[data-key]')?.dataset.key"


@pytest.fixture(scope="module")
def visitors(arrive: Person) -> Iterator[dict[str, Watched]]:
    """The owner at a desk and on the phone, who keep what their browsers fetched from page to page."""
    night = {"viewport": PHONE, "color_scheme": "dark", "has_touch": True, "is_mobile": True}
    found = {"desk": arrive("owner"), "phone": arrive("owner", **night)}
    yield found
    for each in found.values():
        each.page.context.close()


@pytest.fixture(params=["desk"])
def owner(visitors: dict[str, Watched], request: pytest.FixtureRequest) -> Iterator[Watched]:
    """One of the visitors; what the browser complains about fails the test it happened in."""
    found = visitors[request.param]
    yield found
    said, found.said = found.said, []
    assert not said, "\n".join(said)


def look(owner: Watched, path: str, status: int = 200, within: str | None = "#main") -> None:
    """The page is there, is accessible, fits its window, and its title names it.

    The shell around it and what style sheets decide are the same on every page and looked at on one of each kind, below.
    """
    assert owner.go(path) == status, path
    owner.accessible(within=within, without=SHARED if within else ())
    owner.fits()
    heading = owner.page.locator("#main h1")
    expect(heading, path).to_have_count(1)
    assert heading.inner_text().strip()
    assert owner.page.title().endswith(" · BrainOps Console")


@pytest.mark.parametrize("domain", DOMAINS)
def test_lists_with_their_records_and_forms(owner: Watched, domain: str) -> None:
    """A twelfth of a domain's tables each time, since one template makes them all; without a browser every one is opened."""
    print(f"TEST_SEED={SEED}")
    tables = [each for each in RESOURCES if each.domain == domain]
    for resource in random.Random(f"{SEED}/{domain}").sample(tables, -(-len(tables) // 12)):
        a_list_its_record_and_its_form(owner, resource)


def a_list_its_record_and_its_form(owner: Watched, resource: Resource) -> None:
    look(owner, f"{resource.path}?limit=10")
    key = owner.page.evaluate(FIRST_KEY)
    if key is None:
        expect(owner.page.locator("#list"), "an empty list says what belongs here").to_contain_text(
            resource.about, use_inner_text=True
        )
        return
    look(owner, f"{resource.path}/{key}")
    form = f"{resource.path}/{key}/edit"
    # A refusal, as a history, looks alike everywhere and is seen below.
    if owner.page.locator(f"#main a[href^='{form}']").count():
        look(owner, form)


def test_every_place_of_the_navigation_opens(owner: Watched) -> None:
    owner.go("/")
    tables = {each.path for each in RESOURCES}
    places = owner.page.locator("#groups a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
    assert len(places) > 25
    for path in places:
        if path.split("?")[0] not in tables:
            look(owner, path)
    look(owner, "/account")


def test_what_is_refused_is_a_page_as_well(owner: Watched) -> None:
    for path, status in (
        ("/nowhere/at/all", 404),
        ("/crm/customers/999999999", 404),
        ("/crm/customers?nonsense=1", 400),
        ("/ai/ai_calls/new", 403),
    ):
        look(owner, path, status)


@pytest.mark.parametrize("owner", ["phone"], indirect=True)
@pytest.mark.parametrize(
    "path",
    [
        "/crm/jobs?limit=10", "/crm/jobs/1", "/crm/customers/1/edit", "/crm/jobs/1/history", "/crm/jobs/1/delete",
        "/crm/jobs/new", "/crm/jobs/filters", "/crm/jobs/columns", "/change-sets", "/change-sets/1", "/account",
        "/platform/import_refusals?limit=10",
    ],
)  # fmt: skip
def test_one_page_of_each_kind_at_night_on_the_phone(owner: Watched, path: str) -> None:
    look(owner, path, within=None)
