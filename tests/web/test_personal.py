"""Personal data somebody may not see by role: shown for a minute with a reason, and why everything looks as it does."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.engine.apply import transaction
from tests.domains.conftest import House, house
from tests.web.desk import Desk, Forms, sit, staff

__all__ = ["house"]

CONTACTS = "/crm/contacts"
EMAIL = "renee.albright@bluestem.example"


@pytest.fixture
def contact(house: House) -> int:
    customer = house.given("customers", name="Bluestem Cold Storage", status="active")
    return house.given("contacts", customer_id=customer, full_name="Renee Albright", email=EMAIL)


@pytest.fixture
def vera(app: Flask, house: House) -> Desk:
    """Reads customers and may ask for what is masked."""
    return sit(app, house, "Vera Lind", "customers.read", "personal.reveal", "export.read", "activity.read")


def reveal(desk: Desk, contact: int, **values: str) -> Any:
    place = f"{CONTACTS}/{contact}/reveal"
    return desk.send(place, desk.opened(place, "reason"), **values)


def forget_the_minute(house: House, desk: Desk) -> None:
    """A minute later."""
    with transaction() as connection:
        connection.execute(
            text("""UPDATE sessions SET data = jsonb_set(data, '{revealed}', (SELECT jsonb_object_agg(key,
                    jsonb_build_array((value ->> 0)::float - 61, value -> 1)) FROM jsonb_each(data -> 'revealed')))
                    WHERE user_id = :id"""),
            {"id": desk.actor.user_id},
        )


def test_what_is_masked_is_shown_for_a_minute_and_noted(app: Flask, house: House, vera: Desk, contact: int) -> None:
    place = f"{CONTACTS}/{contact}"
    assert EMAIL not in vera.page(place)
    assert "Reveal" in vera.page(place)
    blank = reveal(vera, contact, reason=" ", field="email")
    assert (blank.status_code, "Say what you need it for" in vera.sentence(blank)) == (422, True)
    assert EMAIL not in vera.page(place)
    assert reveal(vera, contact, reason="She asked to be called back", field="email").status_code == 303
    assert EMAIL in vera.page(place)
    for elsewhere in (CONTACTS, f"{CONTACTS}.csv?cols=full_name,email", f"{place}/history", f"{CONTACTS}?cols=email"):
        assert EMAIL not in vera.page(elsewhere), elsewhere
    assert vera.get(f"{CONTACTS}?sort=email").status_code == 400
    other = staff(app, house, "Nia Osei", "auditor")
    assert EMAIL not in other.page(place)
    assert other.get(f"{place}/reveal").status_code == 403
    seen = other.page(f"{place}/history")
    assert "Personal data seen by" in seen
    assert "She asked to be called back" in seen
    listed = other.page("/auth/user_activities?scope=Personal data seen")
    assert f"of contact {contact} shown" in listed
    forget_the_minute(house, vera)
    assert EMAIL not in vera.page(place)


def test_a_page_says_what_decides(app: Flask, house: House, vera: Desk, contact: int) -> None:
    page = vera.page(f"{CONTACTS}/{contact}/explain")
    assert "Masked, because it is personal data and neither customers.write nor customers.reveal is held" in page
    assert "Read-only: customers.write is missing." in page
    assert "customers.delete is missing." in page
    assert vera.get(f"{CONTACTS}/{contact}/explain?role=1").status_code == 404
    ruth = staff(app, house, "Ruth Calloway", "owner")
    role = house.given("roles", key="desk", name="Front desk", permissions=["jobs.read"])
    page = ruth.page(f"{CONTACTS}/{contact}/explain?role={role}")
    assert "Hidden: customers.read is missing." in page
    reader = house.given("roles", key="reader", name="Reads colleagues", permissions=["users.read"])
    hidden = house.given("app_users", display_name="Dale Iverson", status="active", labor_cost_hour=40)
    dan = staff(app, house, "Dan Rowe", "dispatcher")
    theirs = dan.page(f"/auth/app_users/{hidden}/explain")
    assert "Loaded cost" not in theirs
    assert "not shown to your role" in theirs
    assert "users.costs is missing" in ruth.page(f"/auth/app_users/{hidden}/explain?role={reader}")


def test_whoever_manages_roles_sees_the_console_as_one_and_changes_nothing(
    app: Flask, house: House, contact: int
) -> None:
    ruth = staff(app, house, "Ruth Calloway", "owner")
    role = house.given("roles", key="reads", name="Reads customers", permissions=["customers.read", "home.read"])
    page = ruth.page(f"/roles/{role}")
    form = next(each for each in _forms(page) if each.action == f"/roles/{role}/view-as")
    assert ruth.send(f"/roles/{role}/view-as", form).status_code == 303
    page = ruth.page(f"{CONTACTS}/{contact}")
    assert "You see the console as Reads customers." in page
    assert EMAIL not in page
    assert ruth.get("/crm/invoices").status_code == 404
    assert ruth.get(f"{CONTACTS}.csv").status_code == 403
    end = next(each for each in _forms(page) if each.action == "/roles/view-as/end")
    refused = ruth.send(f"{CONTACTS}/{contact}/delete", end)
    assert refused.status_code == 403
    assert "nothing is changed" in ruth.sentence(refused)
    assert ruth.send("/roles/view-as/end", end).status_code == 303
    assert EMAIL in ruth.page(f"{CONTACTS}/{contact}")
    noted = text("SELECT summary FROM user_activities WHERE app_user_id = :id AND kind = 'impersonate' ORDER BY id")
    assert list(house.connection.scalars(noted, {"id": ruth.actor.app_user_id})) == [
        "Began to see the console as Reads customers",
        "Stopped seeing the console as Reads customers",
    ]


def test_nobody_gains_by_seeing_as_another(app: Flask, house: House, contact: int) -> None:
    tom = staff(app, house, "Tomasz Lindqvist", "admin")
    role = house.given("roles", key="all", name="All customers", permissions=["customers.*", "users.read"])
    form = next(each for each in _forms(tom.page(f"/roles/{role}")) if each.action == f"/roles/{role}/view-as")
    tom.send(f"/roles/{role}/view-as", form)
    assert tom.get(CONTACTS).status_code == 404
    assert tom.get("/people").status_code == 200
    assert staff(app, house, "Dan Rowe", "dispatcher").get(f"/roles/{role}/view-as").status_code in (404, 405)


def _forms(page: str) -> list[Any]:
    return Forms(page).forms
