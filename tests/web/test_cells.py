"""Values edited where they stand: one at once, or several collected and saved together, whole or not at all."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.core import clock
from tests.domains.conftest import House
from tests.web.desk import Desk, sit, undo_of

WRITES = ("customers.*", "invoices.read", "home.read", "users.read", "audit.read")
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
CUSTOMERS = "/crm/customers"


@pytest.fixture
def two(app: Flask, house: House) -> tuple[Desk, Desk]:
    return sit(app, house, "Ana Ruiz", *WRITES), sit(app, house, "Ben Okafor", *WRITES)


@pytest.fixture
def ana(two: tuple[Desk, Desk]) -> Desk:
    return two[0]


def customer(house: House, name: str = "Bluestem", **values: Any) -> int:
    return house.given("customers", **{"name": name, "status": "active", "bill_city": "Denver", **values})


def patch(desk: Desk, key: int, field: str, **values: str) -> Any:
    """A value sent from the list, as the script there does."""
    path = f"{CUSTOMERS}/{key}/cells/{field}"
    with desk.client.application.app_context():
        opened = desk.client.get(f"{path}?in=list", headers=PART)
    assert opened.status_code == 200, opened.get_data(as_text=True)[:400]
    form = desk.form(opened.get_data(as_text=True), "version")
    with desk.client.application.app_context():
        return desk.client.patch(path, data={**form.values, **values}, headers=PART)


def staged(answer: Any) -> dict[str, Any]:
    """What the page keeps of a value that was tried."""
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200, page[:600]
    found = re.search(r'data-staged="([^"]*)"', page)
    assert found, page
    return dict(json.loads(found[1].replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&")))


def save(desk: Desk, changes: list[dict[str, Any]], reason: str = "") -> Any:
    """All that was collected, sent together."""
    form = desk.opened("/account", "csrf_token")
    sent = [{name: each[name] for name in ("key", "field", "typed", "version", "was")} for each in changes]
    return desk.send(f"{CUSTOMERS}/cells", form, changes=json.dumps(sent), reason=reason)


def problems(answer: Any) -> dict[tuple[str, str], dict[str, str]]:
    return {(each["key"], each["field"]): each for each in answer.get_json()["problems"]}


def test_a_list_marks_what_is_edited_there_and_a_saved_value_comes_back_as_its_cell(house: House, ana: Desk) -> None:
    key = customer(house, name="Golden & Sons")
    page = ana.get(f"{CUSTOMERS}?cols=name,number,bill_city").get_data(as_text=True)
    row = page.split(f'<tr data-key="{key}"')[1].split("</tr>")[0]
    assert re.search(r'data-field="bill_city" class="[^"]*can-edit', row)
    assert not re.search(r'data-field="number" class="[^"]*can-edit', row), "a number is given by the console"
    answer = patch(ana, key, "bill_city", bill_city="  Golden ")
    page = answer.get_data(as_text=True)
    assert "City of Golden &amp; Sons changed" in page and undo_of(page)
    assert page.strip().startswith("Golden")
    assert house.row("customers", key)["bill_city"] == "Golden"
    named = patch(ana, key, "name", name="Golden <Roofs>").get_data(as_text=True)
    assert f'<a href="{CUSTOMERS}/{key}">Golden &lt;Roofs&gt;</a>' in named


def test_a_refused_value_stays_in_its_editor_with_the_rule_beside_it(house: House, ana: Desk) -> None:
    key = customer(house)
    answer = patch(ana, key, "email", email="nobody at home")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="nobody at home"' in page and 'aria-invalid="true"' in page and "celledit" in page
    tried = patch(ana, key, "email", email="nobody at home", stage="1")
    assert tried.status_code == 422, "what is only tried is held to the same rules"
    assert house.row("customers", key)["version"] == 1


def test_what_a_state_has_closed_is_marked_in_the_list_and_refused_in_words(app: Flask, house: House) -> None:
    desk = sit(app, house, "Bill Meyer", "customers.read", "jobs.*", "home.read")
    job = {"customer_id": customer(house), "title": "Tear off", "status": "approved"}
    over, current = house.given("jobs", **job), house.given("jobs", **job)
    desk.press(f"/crm/jobs/{over}/actions/cancel", cancel_reason="Sold the building")
    page = desk.get("/crm/jobs?cols=number,title,status").get_data(as_text=True)
    assert f'<tr data-key="{over}" data-closed="*">' in page and f'<tr data-key="{current}">' in page
    with app.app_context():
        answer = desk.client.get(f"/crm/jobs/{over}/cells/title?in=list", headers=PART)
    assert answer.status_code == 409
    assert "This job is billed or over; open a new one for further work." in answer.get_data(as_text=True)


def test_many_money_records_collected_are_no_way_around_the_second_person(app: Flask, house: House) -> None:
    desk = sit(app, house, "Grace Hill", "invoices.*", "customers.read", "home.read")
    owner = customer(house)
    keys = [house.given("invoices", customer_id=owner, status="draft") for _ in range(26)]
    changes = [{"key": str(key), "field": "memo", "typed": "Net 30", "version": "1", "was": ""} for key in keys]
    form = desk.opened("/account", "csrf_token")
    answer = desk.send("/crm/invoices/cells", form, changes=json.dumps(changes), reason="Terms")
    assert answer.status_code == 422
    assert "needs a second person" in answer.get_json()["problems"][0]["sentence"]
    assert {house.row("invoices", key)["version"] for key in keys} == {1}
    answer = desk.send("/crm/invoices/cells", form, changes=json.dumps(changes[:25]), reason="Terms")
    assert answer.status_code == 200 and answer.get_json()["saved"] == 25


def test_collected_changes_are_tried_then_saved_as_one_change_set(house: House, ana: Desk) -> None:
    keys = [customer(house, name=f"Mesa {number}") for number in range(3)]
    tried = [staged(patch(ana, key, "bill_city", bill_city=" Golden ", stage="1")) for key in keys]
    tried.append(staged(patch(ana, keys[0], "website", website="https://mesa.example", stage="1")))
    assert {each["version"] for each in tried} == {"1"}
    assert (tried[0]["before"], tried[0]["now"], tried[0]["label"]) == ("Denver", "Golden", "City")
    assert all(house.row("customers", key)["bill_city"] == "Denver" for key in keys), "nothing is written yet"

    answer = save(ana, tried, "Asked for by phone")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    number = answer.get_json()["change_set"]
    rows = [house.row("customers", key) for key in keys]
    assert [(row["bill_city"], row["version"]) for row in rows] == [("Golden", 2)] * 3
    page = ana.page(CUSTOMERS)
    assert "4 changes in 3 customers saved" in page and undo_of(page) == f"/change-sets/{number}/undo"
    assert "Asked for by phone" in ana.page(f"{CUSTOMERS}/{keys[0]}/history")
    ana.send(undo_of(page), ana.opened("/account", "csrf_token"))
    assert {house.row("customers", key)["bill_city"] for key in keys} == {"Denver"}


def test_one_that_cannot_be_saved_keeps_all_of_them_from_it_and_is_named(house: House, ana: Desk) -> None:
    good, bad, gone = (customer(house, name=name) for name in ("Mesa", "Ridge", "Vale"))
    tried = [staged(patch(ana, key, "bill_city", bill_city="Golden", stage="1")) for key in (good, bad, gone)]
    tried[1] |= {"field": "email", "typed": "nobody at home"}
    tried[2] |= {"key": "999999999"}
    answer = save(ana, tried)
    assert answer.status_code == 422
    found = problems(answer)
    assert set(found) == {(str(bad), "email"), ("999999999", "bill_city")} or set(found) == {(str(bad), "email")}
    assert house.row("customers", good)["bill_city"] == "Denver"

    fixed = [tried[0], tried[2]]
    assert set(problems(save(ana, fixed))) == {("999999999", "bill_city")}
    assert save(ana, fixed[:1]).status_code == 200
    assert house.row("customers", good)["bill_city"] == "Golden"


def test_what_the_database_refuses_is_named_beside_its_record(house: House, ana: Desk) -> None:
    good, bad = customer(house, name="Mesa"), customer(house, name="Ridge")
    tried = [staged(patch(ana, key, "credit_limit", credit_limit="500", stage="1")) for key in (good, bad)]
    tried[1]["typed"] = "-1"
    answer = save(ana, tried)
    assert answer.status_code == 422
    assert set(problems(answer)) == {(str(bad), "credit_limit")}
    assert house.row("customers", good)["version"] == 1


def test_a_clash_shows_theirs_yours_and_before_and_choosing_mine_saves(house: House, two: tuple[Desk, Desk]) -> None:
    ana, ben = two
    first, second = customer(house, name="Mesa"), customer(house, name="Ridge")
    tried = [staged(patch(ana, key, "bill_city", bill_city="Golden", stage="1")) for key in (first, second)]
    patch(ben, first, "bill_city", bill_city="Boulder")
    patch(ben, second, "website", website="https://ridge.example")
    answer = save(ana, tried)
    assert answer.status_code == 409
    (place, told), *rest = problems(answer).items()
    assert not rest and place == (str(first), "bill_city")
    assert (told["before"], told["theirs"], told["who"]) == ("Denver", "Boulder", "Ben Okafor")
    assert "Ben Okafor made this “Boulder” just now" in told["sentence"]
    assert house.row("customers", second)["bill_city"] == "Denver", "the others wait"

    tried[0]["version"] = told["version"]
    assert save(ana, tried).status_code == 200
    assert "2 changes in 2 customers saved. Ben Okafor's change to Website was kept." in ana.page(CUSTOMERS)
    assert [house.row("customers", key)["bill_city"] for key in (first, second)] == ["Golden", "Golden"]
    assert house.row("customers", second)["website"] == "https://ridge.example"


def test_values_looked_at_one_after_another_are_each_compared_with_what_was_seen(
    house: House, two: tuple[Desk, Desk]
) -> None:
    ana, ben = two
    key = customer(house)
    early = staged(patch(ana, key, "bill_city", bill_city="Golden", stage="1"))
    patch(ben, key, "website", website="https://ben.example")
    late = staged(patch(ana, key, "website", website="https://ana.example", stage="1"))
    assert (early["version"], late["version"], late["before"]) == ("1", "2", "https://ben.example")
    assert save(ana, [early, late]).status_code == 200
    row = house.row("customers", key)
    assert (row["bill_city"], row["website"], row["version"]) == ("Golden", "https://ana.example", 3)


@pytest.mark.parametrize("sent", ["", "[]", "{}", "[1]", '[{"key": "1"}]', json.dumps([{}] * 201)])
def test_what_is_no_collection_is_refused_in_words(ana: Desk, sent: str) -> None:
    answer = ana.send(f"{CUSTOMERS}/cells", ana.opened("/account", "csrf_token"), changes=sent)
    assert answer.status_code == 400


def test_nobody_saves_together_what_they_could_not_save_alone(app: Flask, house: House) -> None:
    key = customer(house)
    change = {"key": str(key), "field": "bill_city", "typed": "Golden", "version": "1", "was": ""}
    reader = sit(app, house, "Vera Lund", "customers.read", "home.read", "users.read")
    assert save(reader, [change]).status_code in (403, 404)
    writer = sit(app, house, "Ana Ruiz", *WRITES)
    number = {**change, "field": "number", "typed": "C-1"}
    assert problems(save(writer, [change, number]))[(str(key), "number")]["sentence"] == "ID is not edited in place."
    assert house.row("customers", key)["version"] == 1


# -- sent twice, and clocks ------------------------------------------------------------------------------------------


def test_the_same_form_sent_twice_is_answered_with_the_first_receipt(house: House, two: tuple[Desk, Desk]) -> None:
    ana, ben = two
    key = customer(house)
    edit = f"{CUSTOMERS}/{key}/edit"
    form = ana.opened(edit)
    receipts = []
    for _ in range(2):
        assert ana.send(edit, form, bill_city="Golden", website="https://a.example").status_code == 303
        page = ana.page(f"{CUSTOMERS}/{key}")
        assert "2 fields of Bluestem changed" in page and "kept" not in page.split('id="toasts"')[1].split("</div>")[0]
        receipts.append(undo_of(page.split('id="toasts"')[1]))
    assert receipts[0] == receipts[1]
    assert house.row("customers", key)["version"] == 2
    patch(ben, key, "bill_city", bill_city="Boulder")
    assert ana.send(edit, form, bill_city="Golden", website="https://a.example").status_code == 303, (
        "no alarm even then"
    )
    assert house.row("customers", key)["bill_city"] == "Boulder"


def test_the_same_form_sent_twice_at_once_alarms_nobody(app: Flask, house: House, ana: Desk) -> None:
    key = customer(house)
    edit = f"{CUSTOMERS}/{key}/edit"
    form = ana.opened(edit)
    cookie = ana.client.get_cookie("console")
    assert cookie is not None

    def send(_: int) -> int:
        client = app.test_client()
        client.set_cookie("console", cookie.value)
        return client.post(edit, data={**form.values, "bill_city": "Golden"}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(4))) == [303] * 4
    assert house.row("customers", key)["version"] == 2


def test_a_new_record_and_a_move_sent_twice_are_made_once(app: Flask, house: House) -> None:
    desk = sit(app, house, "Olga Petrov", "customers.*", "jobs.*", "home.read")
    form = desk.opened(f"{CUSTOMERS}/new", "once")
    answers = [desk.send(f"{CUSTOMERS}/new", form, name="Twice Roofing") for _ in range(2)]
    assert [each.status_code for each in answers] == [303, 303]
    assert answers[0].location == answers[1].location
    assert desk.page(answers[1].location).count("Customer created") == 2, "both receipts are of the one change"
    form = desk.opened(f"{CUSTOMERS}/new", "once")
    assert desk.send(f"{CUSTOMERS}/new", form, name="").status_code == 422, "what was refused may be sent corrected"
    third = desk.send(f"{CUSTOMERS}/new", form, name="Twice Roofing")
    assert third.status_code == 303 and third.location != answers[0].location

    job = house.given("jobs", title="Reroof hangar 3", customer_id=customer(house), status="approved")
    move = f"/crm/jobs/{job}/actions/cancel"
    form = desk.opened(move, "once")
    reason = {"cancel_reason": "Sold the building", "reason": "Sold the building"}
    assert [desk.send(move, form, **reason).status_code for _ in range(2)] == [303, 303]
    assert house.row("jobs", job)["status"] == "cancelled"


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_is_wrong_changes_nothing(house: House, two: tuple[Desk, Desk], days: int) -> None:
    """It goes by versions: Ben's console believes it is another year when he opens, and when he saves."""
    ana, ben = two
    key = customer(house)
    with clock.at(clock.now() + timedelta(days=days)):
        tried = staged(patch(ben, key, "bill_city", bill_city="Boulder", stage="1"))
    patch(ana, key, "bill_city", bill_city="Golden")
    patch(ana, key, "website", website="https://a.example")
    with clock.at(clock.now() + timedelta(days=days)):
        answer = save(ben, [tried])
        assert answer.status_code == 409
        told = problems(answer)[(str(key), "bill_city")]
        assert (told["before"], told["theirs"], told["who"]) == ("Denver", "Golden", "Ana Ruiz")
        assert save(ben, [{**tried, "version": told["version"]}]).status_code == 200
    row = house.row("customers", key)
    assert (row["bill_city"], row["website"]) == ("Boulder", "https://a.example")
