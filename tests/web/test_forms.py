"""Forms as people without script meet them: nothing typed is lost, and what the form never offered is never written."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from app.engine.registry import discover
from tests.domains.conftest import House
from tests.web.desk import Desk, sit

CUSTOMERS = "/crm/customers"


@pytest.fixture
def olga(app: Flask, house: House) -> Desk:
    return sit(app, house, "Olga Brandt", "customers.*", "jobs.*", "properties.*", "users.read", "home.read")


def test_a_form_with_errors_keeps_everything_typed_and_leads_to_the_first(house: House, olga: Desk) -> None:
    form = olga.opened(f"{CUSTOMERS}/new")
    typed = {
        "name": "",
        "email": "nobody at home",
        "phone_e164": "12",
        "notes": "Ask for\n<Ruth> & co",
        "bill_city": "Pueblo",
    }
    answer = olga.send(f"{CUSTOMERS}/new", form, **typed)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    again = olga.form(page, "version")
    assert {name: again.values[name].replace("\r\n", "\n") for name in typed} == typed
    assert again.focus == "name"
    assert "Nothing was saved." in page
    for name, sentence in (
        ("name", "cannot stay empty"),
        ("email", "Enter an address like name@example.com."),
        ("phone_e164", "10 digits"),
    ):
        beside = re.search(rf'id="{name}-err">(.*?)</span>', page, re.S)
        assert beside, name
        assert sentence in beside[1]
        assert re.search(rf'id="{name}"[^>]*aria-describedby="[^"]*{name}-err"[^>]*aria-invalid="true"', page), name
    assert house.connection.scalar(discover()["customers"].table.select().where(
        discover()["customers"].table.c.bill_city == "Pueblo")) is None  # fmt: skip


def test_what_is_put_right_is_saved_with_the_rest(house: House, olga: Desk) -> None:
    answer = olga.send(
        f"{CUSTOMERS}/new", olga.opened(f"{CUSTOMERS}/new"), name="", bill_city="Pueblo", tax_exempt="true"
    )
    saved = olga.send(
        f"{CUSTOMERS}/new", olga.form(answer.get_data(as_text=True), "version"), name="Bluestem", reason="New account"
    )
    assert saved.status_code == 303
    made = house.row("customers", int(saved.headers["Location"].rsplit("/", 1)[1]))
    assert (made["name"], made["bill_city"], made["tax_exempt"], made["created_by"]) == (
        "Bluestem",
        "Pueblo",
        True,
        olga.actor.app_user_id,
    )
    assert made["number"]
    page = olga.page(saved.headers["Location"])
    assert "Customer created" in page
    assert "Bluestem" in page


def test_a_value_only_the_database_refuses_comes_back_beside_its_field(house: House, olga: Desk) -> None:
    first = house.given("customers", name="First", status="active", number="C-1")
    second = house.given("customers", name="Second", status="active", number="C-2")
    answer = olga.edit(f"{CUSTOMERS}/{second}/edit", credit_limit="-5")
    assert answer.status_code == 422
    assert "Nothing was saved." in answer.get_data(as_text=True)
    assert olga.form(answer.get_data(as_text=True), "version").values["credit_limit"] == "-5"
    assert first


@pytest.mark.parametrize(
    ("name", "value"),
    [("status", "churned"), ("balance", "1"), ("number", "C-0"), ("tenant_id", "1"), ("id", "1"), ("version", "99"),
     ("created_by", "1"), ("archived_at", "2026-01-01"), ("lifetime_revenue", "1"), ("merged_into_id", "1"), ("nonsense", "1")],
)  # fmt: skip
def test_a_field_the_form_never_offered_is_not_written(house: House, olga: Desk, name: str, value: str) -> None:
    key = house.given("customers", name="Bluestem", status="active")
    before = house.row("customers", key)
    form = olga.opened(f"{CUSTOMERS}/{key}/edit")
    assert name == "version" or name not in form.values
    olga.send(f"{CUSTOMERS}/{key}/edit", form, **{name: value})
    assert house.row("customers", key) == before


def test_a_new_record_cannot_be_put_into_another_company_nor_further_along(house: House, olga: Desk) -> None:
    form = olga.opened(f"{CUSTOMERS}/new")
    answer = olga.send(
        f"{CUSTOMERS}/new",
        form,
        name="Bluestem",
        tenant_id="1",
        id="7",
        lifetime_revenue="5",
        number="C-9",
        version="7",
    )
    made = house.row("customers", int(answer.headers["Location"].rsplit("/", 1)[1]))
    assert made["tenant_id"] == house.tenant_id
    assert made["id"] != 7
    assert (made["lifetime_revenue"], made["version"]) == (0, 1)
    assert made["number"] != "C-9"


def test_a_masked_value_is_not_in_the_form_and_not_written_back(app: Flask, house: House) -> None:
    key = house.given("user_tasks", title="Call", assignee_id=None)
    own = sit(app, house, "Dee", "tasks.own", "customers.read")
    customer = house.given("customers", name="Bluestem", status="active", email="ruth@bluestem.example")
    assert own.get(f"{CUSTOMERS}/{customer}/edit").status_code == 404
    assert "ruth@" not in own.page(f"{CUSTOMERS}/{customer}")
    assert key


def test_a_form_sent_without_a_field_leaves_that_field_alone(house: House, olga: Desk) -> None:
    """A form opened before a field was added, or a script that sends one field, must not empty the others."""
    key = house.given("customers", name="Bluestem", status="active", website="https://a.example", notes="Keep me")
    form = olga.opened(f"{CUSTOMERS}/{key}/edit")
    del form.values["notes"]
    assert olga.send(f"{CUSTOMERS}/{key}/edit", form, website="https://b.example").status_code == 303
    assert (house.row("customers", key)["website"], house.row("customers", key)["notes"]) == (
        "https://b.example",
        "Keep me",
    )


def test_a_form_without_its_secret_or_with_another_s_is_refused(app: Flask, house: House, olga: Desk) -> None:
    key = house.given("customers", name="Bluestem", status="active")
    place = f"{CUSTOMERS}/{key}/edit"
    stranger = sit(app, house, "Ben", "customers.*").opened(place).values["csrf_token"]
    for token in ("", "nonsense", stranger):
        form = olga.opened(place)
        answer = olga.send(place, form, csrf_token=token, name="Forged")
        assert answer.status_code == 400
        assert "out of date" in olga.sentence(answer)
    assert house.row("customers", key)["name"] == "Bluestem"


def test_a_form_from_another_site_is_refused(house: House, olga: Desk) -> None:
    key = house.given("customers", name="Bluestem", status="active")
    form = olga.opened(f"{CUSTOMERS}/{key}/edit")
    with olga.client.application.app_context():
        answer = olga.client.post(
            f"{CUSTOMERS}/{key}/edit", data={**form.values, "name": "Forged"}, headers={"Sec-Fetch-Site": "cross-site"}
        )
    assert answer.status_code == 403
    assert house.row("customers", key)["name"] == "Bluestem"


def test_saving_what_is_already_so_changes_nothing(house: House, olga: Desk) -> None:
    key = house.given("customers", name="Bluestem", status="active")
    answer = olga.edit(f"{CUSTOMERS}/{key}/edit")
    assert answer.status_code == 303
    assert house.row("customers", key)["version"] == 1
    assert "already so" in olga.page(f"{CUSTOMERS}/{key}")


def test_no_address_with_a_get_changes_anything(house: House, olga: Desk) -> None:
    key = house.given("customers", name="Bluestem", status="active")
    before = house.row("customers", key)
    for address in (
        "edit?name=Forged",
        "delete?confirm=1",
        "actions/credit_hold?reason=x",
        "edit?_method=POST&name=Forged",
    ):
        olga.get(f"{CUSTOMERS}/{key}/{address}")
    assert house.row("customers", key) == before
