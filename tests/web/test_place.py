"""Place is kept: whoever leaves a list for a record, edits it, walks on or takes it away is back at the same list and row."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from flask import Flask

from tests.domains.conftest import House
from tests.web.desk import Desk, sit, staff, words

LIST = "/crm/customers?status=active&sort=-credit_limit&limit=10"
FROM = "?from=" + quote("status=active&sort=-credit_limit&limit=10", safe=",.:-_~")
NAMES = [f"Roof owner {number:02}" for number in range(14)]


@pytest.fixture
def street(house: House) -> dict[str, int]:
    """Fourteen customers, each trusted with less than the one before, the last three with nothing."""
    made = {name: house.given("customers", name=name, status="active") for name in NAMES}
    for number, name in enumerate(NAMES):
        house.change("customers", made[name], credit_limit=max(1100 - number * 100, 0))
    return made


def link_of(page: str, name: str) -> str:
    found = re.search(rf'<a href="([^"]+)"[^>]*>{name}</a>', page)
    assert found, name
    return found[1]


def step(page: str, which: str) -> str | None:
    found = re.search(rf'href="([^"]+)" aria-label="{which} customer"', page)
    return found[1] if found else None


def title(page: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page)
    assert found
    return found[1]


def crumb(page: str) -> str:
    """Where the crumb before the last leads."""
    return re.findall(r'<li><a href="([^"]+)">', page.partition('id="crumbs"')[2].partition("</nav>")[0])[-1]


def test_the_way_back_is_the_list_as_it_was_with_the_row_marked(
    app: Flask, house: House, street: dict[str, int]
) -> None:
    for who, role in (("Sam", "sales"), ("Bea", "billing")):
        desk = staff(app, house, who, role)
        page = desk.page(LIST)
        address = link_of(page, NAMES[3])
        assert address == f"/crm/customers/{street[NAMES[3]]}{FROM}"
        assert "aria-current" not in page.partition("<tbody>")[2].partition("</tbody>")[0]
        back = crumb(desk.page(address))
        assert back == f"{LIST}&from={street[NAMES[3]]}"
        again = desk.page(back)
        assert re.findall(r'<tr data-key="(\d+)" aria-current="true">', again) == [str(street[NAMES[3]])]
        assert again.count(" autofocus>") == 1
        assert "from=" not in link_of(again, "Customer").partition("?")[2], "no link of the list carries the row along"


def test_one_walks_the_list_by_its_filters_and_order_beyond_its_page(
    app: Flask, house: House, street: dict[str, int]
) -> None:
    house.given("customers", name="Gone quiet", status="inactive")
    desk = staff(app, house, "Sam", "sales")
    address, seen = link_of(desk.page(LIST), NAMES[0]), []
    while address:
        page = desk.page(address)
        seen.append(title(page))
        here, address = address, step(page, "Next") or ""
    assert seen[:11] == NAMES[:11] and sorted(seen) == NAMES, (
        "three that are trusted alike stand in the order of the list"
    )
    assert "Next customer: none" in page
    # Four rows past the page one came from: the list opens at the page that has it.
    landed = desk.get(crumb(page).replace("&amp;", "&"))
    assert landed.status_code == 303
    assert f'<tr data-key="{street[seen[-1]]}" aria-current="true">' in desk.page(landed.location)
    back = []
    while here:
        page = desk.page(here)
        back.append(title(page))
        here = step(page, "Previous") or ""
    assert back == seen[::-1]


def test_an_edit_that_moves_the_record_does_not_move_the_person(
    app: Flask, house: House, street: dict[str, int]
) -> None:
    olga = staff(app, house, "Olga", "operations_manager")
    newest_first = "/crm/customers?sort=-updated_at"
    order = re.findall(r"(Roof owner \d\d)</a>", olga.page(newest_first))
    page = olga.page(link_of(olga.page(newest_first), order[5]))
    edit = re.search(r'href="([^"]+/edit[^"]+)"', page)
    assert edit
    saved = olga.edit(edit[1], source="Walked in")
    assert saved.status_code == 303
    after = olga.page(saved.location)
    assert title(after) == order[5], "now the first of the list"
    assert order[6] in olga.page(step(after, "Next") or ""), "yet next comes who came next before"
    assert title(olga.page(step(after, "Previous") or "")) == order[4]


def test_what_is_archived_leaves_one_at_the_row_that_took_its_place(
    app: Flask, house: House, street: dict[str, int]
) -> None:
    olga = staff(app, house, "Olga", "operations_manager")
    record = link_of(olga.page(LIST), NAMES[4])
    away = re.search(r'href="([^"]+/delete[^"]+)" hx-get', olga.page(record))
    assert away
    gone = olga.press(away[1], reason="Moved to Utah")
    assert gone.location == f"{LIST}&from={street[NAMES[5]]}"
    assert f"{NAMES[4]} archived" in olga.page(gone.location)
    # Opened from nowhere in particular, one stays with the record.
    assert olga.press(f"/crm/customers/{street[NAMES[6]]}/delete").location == f"/crm/customers/{street[NAMES[6]]}"
    # What is no longer in the list still has its place there.
    assert title(olga.page(step(olga.page(record), "Next") or "")) == NAMES[5]


def test_a_new_record_and_who_gives_it_up_come_from_the_list(app: Flask, house: House, street: dict[str, int]) -> None:
    sam = staff(app, house, "Sam", "sales")
    new = re.search(r'class="btn primary" href="(/crm/customers/new[^"]+)"', sam.page(LIST))
    assert new
    assert f'<a class="btn" href="{LIST}">Cancel</a>' in sam.page(new[1])
    made = sam.edit(new[1], name="Corner bakery", status="active")
    assert made.location.endswith(FROM)
    assert crumb(sam.page(made.location)).startswith(LIST)


def test_rows_on_a_record_are_walked_as_that_list(app: Flask, house: House, street: dict[str, int]) -> None:
    for number in range(3):
        house.given("jobs", title=f"Roof {number}", customer_id=street[NAMES[0]], status="new")
    house.given("jobs", title="Another's", customer_id=street[NAMES[1]], status="new")
    dee = staff(app, house, "Dee", "dispatcher")
    page = dee.page(link_of(dee.page(f"/crm/customers/{street[NAMES[0]]}"), "Roof 2"))
    walked = {title(page)}
    for which in ("Next", "Previous"):
        at = page
        while following := re.search(rf'href="([^"]+)" aria-label="{which} job"', at):
            at = dee.page(following[1])
            walked.add(title(at))
    assert len(walked) == 3
    assert f"customer_id={street[NAMES[0]]}" in crumb(page)


@pytest.mark.parametrize(
    "crooked",
    ["//evil.example", "https://evil.example/", "nonsense=1", "sort=nonsense", "%00=1", "a" * 700, "limit=9", "&&=&="],
)
def test_a_crooked_origin_leads_to_the_plain_list_and_nowhere_else(
    app: Flask, house: House, street: dict[str, int], crooked: str
) -> None:
    sam = staff(app, house, "Sam", "sales")
    page = sam.page(f"/crm/customers/{street[NAMES[0]]}?from={quote(crooked)}&at={quote(crooked)}")
    assert crumb(page) == "/crm/customers"
    assert 'aria-label="In the list"' not in page
    assert not re.search(r'href="(https?:)?//', page)


def test_neighbours_are_none_but_those_the_person_may_see(app: Flask, house: House) -> None:
    olga = staff(app, house, "Olga", "operations_manager")
    dee = sit(app, house, "Dee", "tasks.own", "home.read")
    given = [
        house.given("user_tasks", title=f"Task {number}", assignee_id=who.actor.app_user_id)
        for number, who in enumerate((dee, olga, dee))
    ]
    for who, count in ((dee, 2), (olga, 3)):
        seen = walk(who, f"/tasks/user_tasks/{given[0]}?from=sort%3Dtitle")
        assert len(seen) == count
    assert dee.get(f"/tasks/user_tasks/{given[1]}?from=list").status_code == 404


def walk(desk: Desk, address: str) -> list[str]:
    seen = []
    while address:
        page = words(desk.get(address))
        seen.append(title(page))
        following = re.search(r'href="([^"]+)" aria-label="Next task"', page)
        address = following[1] if following else ""
    return seen
