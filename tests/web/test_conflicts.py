"""Two people at one record: what does not overlap merges and says so; what does is shown to the second, who chooses."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from tests.domains.conftest import House
from tests.web.desk import Desk, sit

WRITES = ("customers.*", "home.read", "users.read")


@pytest.fixture
def place(house: House) -> str:
    house.key = house.given("customers", name="Bluestem", status="active", website="https://a.example")  # type: ignore[attr-defined]
    return f"/crm/customers/{house.key}/edit"  # type: ignore[attr-defined]


@pytest.fixture
def two(app: Flask, house: House) -> tuple[Desk, Desk]:
    return sit(app, house, "Ana Ruiz", *WRITES), sit(app, house, "Ben Okafor", *WRITES)


def row(house: House) -> dict[str, Any]:
    return house.row("customers", house.key)  # type: ignore[attr-defined]


def test_edits_of_different_fields_merge_and_it_is_said(house: House, two: tuple[Desk, Desk], place: str) -> None:
    ana, ben = two
    hers, his = ana.opened(place), ben.opened(place)
    assert ana.send(place, hers, name="Bluestem Cold Storage").status_code == 303
    assert ben.send(place, his, website="https://b.example").status_code == 303
    assert (row(house)["name"], row(house)["website"]) == ("Bluestem Cold Storage", "https://b.example")
    assert "Website of Bluestem Cold Storage changed. Ana Ruiz's change to Customer was kept." in ben.page(
        place.removesuffix("/edit")
    )


def test_the_second_to_change_a_field_sees_was_theirs_and_yours(
    house: House, two: tuple[Desk, Desk], place: str
) -> None:
    ana, ben = two
    hers, his = ana.opened(place), ben.opened(place)
    ana.send(place, hers, name="Bluestem North")
    answer = ben.send(place, his, name="Bluestem South", website="https://b.example")
    assert answer.status_code == 409
    page = answer.get_data(as_text=True)
    assert "Ana Ruiz" in page
    assert "Nothing of yours was saved yet" in page
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page, re.S)
    assert [next(word for word in ("Bluestem North", "Bluestem South", "Bluestem") if word in cell) for cell in cells] == [
        "Bluestem", "Bluestem North", "Bluestem South",
    ]  # fmt: skip
    assert (row(house)["name"], row(house)["website"]) == ("Bluestem North", "https://a.example")


@pytest.mark.parametrize(
    ("choice", "kept"), [("Bluestem South", "Bluestem South"), ("Bluestem North", "Bluestem North")]
)
def test_choosing_saves_the_choice_and_everything_else_that_was_typed(
    house: House, two: tuple[Desk, Desk], place: str, choice: str, kept: str
) -> None:  # fmt: skip
    ana, ben = two
    hers, his = ana.opened(place), ben.opened(place)
    ana.send(place, hers, name="Bluestem North")
    answer = ben.send(place, his, name="Bluestem South", website="https://b.example", reason="asked by phone")
    choosing = ben.form(answer.get_data(as_text=True), "version")
    assert ben.send(place, choosing, name=choice).status_code == 303
    assert (row(house)["name"], row(house)["website"]) == (kept, "https://b.example")
    assert "asked by phone" in ben.page(f"{place.removesuffix('/edit')}/history")


def test_a_third_change_while_choosing_asks_again(house: House, two: tuple[Desk, Desk], place: str) -> None:
    ana, ben = two
    hers, his = ana.opened(place), ben.opened(place)
    ana.send(place, hers, name="Bluestem North")
    choosing = ben.form(ben.send(place, his, name="Bluestem South").get_data(as_text=True), "version")
    ana.edit(place, name="Bluestem West")
    answer = ben.send(place, choosing, name="Bluestem South")
    assert answer.status_code == 409
    assert "Bluestem West" in answer.get_data(as_text=True)
    assert row(house)["name"] == "Bluestem West"


def test_the_same_change_by_both_is_no_conflict(house: House, two: tuple[Desk, Desk], place: str) -> None:
    ana, ben = two
    hers, his = ana.opened(place), ben.opened(place)
    assert ana.send(place, hers, name="Bluestem North").status_code == 303
    assert ben.send(place, his, name="Bluestem North").status_code == 303
    assert row(house)["version"] == 2


def test_a_change_by_another_program_counts_as_well(house: House, two: tuple[Desk, Desk], place: str) -> None:
    his = two[1].opened(place)
    house.change("customers", house.key, name="By psql")  # type: ignore[attr-defined]
    answer = two[1].send(place, his, name="Bluestem South")
    assert answer.status_code == 409
    assert "By psql" in answer.get_data(as_text=True)


def test_a_record_archived_meanwhile_keeps_what_was_typed(house: House, two: tuple[Desk, Desk], place: str) -> None:
    ana, ben = two
    his = ben.opened(place)
    ana.press(place.replace("/edit", "/delete"))
    assert ben.send(place, his, website="https://b.example").status_code == 303
    assert row(house)["website"] == "https://b.example"
    assert row(house)["archived_at"] is not None


def test_a_form_without_a_version_is_compared_with_the_row_as_it_stands(
    house: House, two: tuple[Desk, Desk], place: str
) -> None:
    form = two[0].opened(place)
    for version in ("", "0", "nonsense", "9" * 40, "-1"):
        assert two[0].send(place, form, version=version, name="Bluestem").status_code in (303, 409), version
    assert row(house)["name"] == "Bluestem"
