"""The record page: its facts, what points at it on pages of their own, and what may be done now."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.domains.conftest import House
from tests.web.desk import Desk, sit, staff


@pytest.fixture
def bluestem(app: Flask, house: House) -> Desk:
    """A customer with 23 jobs, seen by the operations manager."""
    house.key = house.given(
        "customers", name="Bluestem", status="active", email="ruth@bluestem.example", phone_e164="+13035550142"
    )  # type: ignore[attr-defined]
    house.place = f"/crm/customers/{house.key}"  # type: ignore[attr-defined]
    for number in range(23):
        house.given("jobs", title=f"Roof {number:02}", customer_id=house.key, status="new")  # type: ignore[attr-defined]
    return staff(app, house, "Olga", "operations_manager")


def test_what_points_here_is_listed_ten_at_a_time_and_paged_on_its_own(house: House, bluestem: Desk) -> None:
    seen, address = [], house.place  # type: ignore[attr-defined]
    for _ in range(3):
        page = bluestem.page(address)
        assert "<h1>Bluestem" in page
        seen += re.findall(r">(Roof \d\d)<", page)
        following = re.search(r'href="([^"]*rel=jobs[^"]*after=[^"]*)"', page)
        address = following[1] if following else ""
    assert address == ""
    assert sorted(seen) == [f"Roof {number:02}" for number in range(23)]


def test_a_fragment_brings_only_the_related_list(house: House, bluestem: Desk) -> None:
    page = bluestem.get(f"{house.place}?rel=jobs", **{"HX-Request-Type": "partial"}).get_data(as_text=True)  # type: ignore[attr-defined]
    assert "<html" not in page
    assert "Roof" in page
    assert bluestem.get(f"{house.place}?rel=nonsense", **{"HX-Request-Type": "partial"}).status_code == 404  # type: ignore[attr-defined]


def test_a_related_list_the_role_does_not_read_is_not_there(app: Flask, house: House, bluestem: Desk) -> None:
    reader = sit(app, house, "Rae", "customers.read")
    assert "Roof 00" not in reader.page(house.place)  # type: ignore[attr-defined]
    assert reader.get(f"{house.place}?rel=jobs", **{"HX-Request-Type": "partial"}).status_code == 404  # type: ignore[attr-defined]


def test_a_reader_sees_personal_values_masked_and_who_is_trusted_sees_them(
    app: Flask, house: House, bluestem: Desk
) -> None:
    masked = sit(app, house, "Rae", "customers.read").page(house.place)  # type: ignore[attr-defined]
    assert "ruth@bluestem.example" not in masked
    assert "r••••@bluestem.example" in masked
    assert "555-0142" not in masked
    trusted = sit(app, house, "Tia", "customers.read", "customers.reveal").page(house.place)  # type: ignore[attr-defined]
    assert "ruth@bluestem.example" in trusted


def test_buttons_are_there_for_who_may_press_them(app: Flask, house: House, bluestem: Desk) -> None:
    edit = f'href="{house.place}/edit"'  # type: ignore[attr-defined]
    assert edit in bluestem.page(house.place)  # type: ignore[attr-defined]
    reader = sit(app, house, "Rae", "customers.read").page(house.place)  # type: ignore[attr-defined]
    assert edit not in reader
    assert f"{house.place}/delete" not in reader  # type: ignore[attr-defined]
    assert ">Undo<" not in reader


@pytest.mark.parametrize("key", ["0", "999999999", "99999999999999999999", "-1", "1.5", "x", "1%20", "%00"])
def test_a_record_that_is_not_there_is_said_to_be_so(bluestem: Desk, key: str) -> None:
    answer = bluestem.get(f"/crm/customers/{key}")
    assert answer.status_code == (404 if len(key) < 20 else 400)  # no key has so many digits
    assert "psycopg" not in answer.get_data(as_text=True)


def test_an_archived_record_leaves_the_list_and_comes_back(house: House, bluestem: Desk) -> None:
    assert bluestem.press(f"{house.place}/delete", reason="Sold").status_code == 303  # type: ignore[attr-defined]
    assert "Archived" in bluestem.page(house.place)  # type: ignore[attr-defined]
    assert f'data-key="{house.key}"' not in bluestem.page("/crm/customers")  # type: ignore[attr-defined]
    assert f'data-key="{house.key}"' in bluestem.page("/crm/customers?archived=1")  # type: ignore[attr-defined]
    assert bluestem.press(f"{house.place}/delete").status_code == 303  # type: ignore[attr-defined]
    assert f'data-key="{house.key}"' in bluestem.page("/crm/customers")  # type: ignore[attr-defined]


def test_a_page_is_told_from_a_fragment_by_caches_too(house: House, bluestem: Desk) -> None:
    answer = bluestem.get(house.place)  # type: ignore[attr-defined]
    assert {"HX-Request", "HX-Request-Type"} <= {each.strip() for each in answer.headers["Vary"].split(",")}
    assert "no-store" in answer.headers["Cache-Control"]
