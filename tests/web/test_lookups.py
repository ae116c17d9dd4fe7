"""A referred record is picked by typing its name: with script from a listbox, without it by sending the form."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.domains.conftest import House
from tests.web.desk import Desk, sit

PROPERTIES = "/crm/properties"


@pytest.fixture
def olga(app: Flask, house: House) -> Desk:
    house.north = house.given("customers", name="Bluestem North", status="active")  # type: ignore[attr-defined]
    house.south = house.given("customers", name="Bluestem South", status="active")  # type: ignore[attr-defined]
    house.lowline = house.given("customers", name="Lowline", status="active")  # type: ignore[attr-defined]
    house.place = house.given(
        "properties",
        customer_id=house.lowline,
        name="Depot",
        line1="1 Main",
        city="Pueblo",
        region="CO",
        postal="81001",
    )  # type: ignore[attr-defined]
    return sit(app, house, "Olga Brandt", "customers.*", "properties.*", "users.read", "home.read")


def test_an_exact_name_is_taken_as_the_record(house: House, olga: Desk) -> None:
    answer = olga.send(f"{PROPERTIES}/new", olga.opened(f"{PROPERTIES}/new"), **_site(customer_id__q="Bluestem South"))
    assert answer.status_code == 303
    assert _made(house, answer)["customer_id"] == house.south  # type: ignore[attr-defined]


def test_part_of_a_name_brings_the_form_back_with_the_matches_to_choose_from(house: House, olga: Desk) -> None:
    answer = olga.send(f"{PROPERTIES}/new", olga.opened(f"{PROPERTIES}/new"), **_site(customer_id__q="bluestem"))
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert "Choose one of these." in page
    assert "Bluestem North" in page
    assert "Lowline" not in page
    again = olga.form(page, "version")
    assert (again.values["name"], again.values["customer_id.q"]) == ("Yard", "bluestem")
    chosen = olga.send(f"{PROPERTIES}/new", again, customer_id__pick=str(house.north))  # type: ignore[attr-defined]
    assert chosen.status_code == 303
    assert _made(house, chosen)["customer_id"] == house.north  # type: ignore[attr-defined]


def test_a_name_nobody_has_is_said_beside_the_field(olga: Desk) -> None:
    answer = olga.send(f"{PROPERTIES}/new", olga.opened(f"{PROPERTIES}/new"), **_site(customer_id__q="Zebra"))
    assert answer.status_code == 422
    assert "Nothing called “Zebra” was found." in answer.get_data(as_text=True)


def test_another_name_typed_over_the_present_one_is_not_ignored(house: House, olga: Desk) -> None:
    """Without script the hidden key stays as it was; the typed name is what the person wants."""
    place = f"{PROPERTIES}/{house.place}/edit"  # type: ignore[attr-defined]
    form = olga.opened(place)
    assert form.values["customer_id.q"] == "Lowline"
    assert olga.send(place, form, customer_id__q="Bluestem North").status_code == 303
    assert house.row("properties", house.place)["customer_id"] == house.north  # type: ignore[attr-defined]


def test_a_form_left_as_it_is_keeps_the_reference(house: House, olga: Desk) -> None:
    place = f"{PROPERTIES}/{house.place}/edit"  # type: ignore[attr-defined]
    assert olga.edit(place, name="Main depot").status_code == 303
    assert house.row("properties", house.place)["customer_id"] == house.lowline  # type: ignore[attr-defined]


def test_the_listbox_offers_a_few_by_search_and_escapes_them(house: House, olga: Desk) -> None:
    house.given("customers", name="<b>Bold & Co</b>", status="active")
    for number in range(20):
        house.given("customers", name=f"Many {number:02}", status="active")
    page = olga.get("/lookups/customers?q=Bold").get_data(as_text=True)
    assert "&lt;b&gt;Bold &amp; Co&lt;/b&gt;" in page
    assert olga.get("/lookups/customers").get_data(as_text=True).count('role="option"') == 12
    assert [each["label"] for each in olga.get("/lookups/customers?q=low", Accept="application/json").json] == [
        "Lowline"
    ]


@pytest.mark.parametrize("words", ["%", "_", "\\", "'", "%25%25", "²", "9" * 19, "\u202e"])
def test_odd_words_are_searched_for_literally(olga: Desk, words: str) -> None:
    answer = olga.get(f"/lookups/customers?q={words}", Accept="application/json")
    assert answer.status_code == 200
    assert answer.json == []


def test_archived_records_and_other_companies_are_not_offered(app: Flask, house: House, olga: Desk) -> None:
    house.change("customers", house.lowline, archived_at="2026-01-01T00:00Z")  # type: ignore[attr-defined]
    assert olga.get("/lookups/customers?q=Lowline", Accept="application/json").json == []


@pytest.mark.parametrize("name", ["invoices", "sessions", "nonsense", "change_sets", "alembic_version"])
def test_what_the_role_does_not_read_cannot_be_looked_up(olga: Desk, name: str) -> None:
    assert olga.get(f"/lookups/{name}").status_code == 404


def _site(**values: str) -> dict[str, str]:
    return {"name": "Yard", "line1": "2 Main", "city": "Pueblo", "region": "CO", "postal": "81001", **values}


def _made(house: House, answer: object) -> dict[str, object]:
    return house.row("properties", int(answer.headers["Location"].rsplit("/", 1)[1]))  # type: ignore[attr-defined]
