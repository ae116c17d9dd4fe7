"""People and roles as administrators change them: nobody raises themselves, nobody locks the company out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.engine.apply import transaction
from tests.domains.conftest import House, house
from tests.web.desk import Desk, sit, staff, words

__all__ = ["house"]


def role_id(house: House, name: str, *permissions: str) -> int:
    return house.given("roles", key=name.lower(), name=name, permissions=list(permissions))


def grant_of(house: House, person: int) -> int:
    return int(
        house.connection.execute(
            text("SELECT id FROM app_user_roles WHERE app_user_id = :id"), {"id": person}
        ).scalar_one()
    )


def with_password(desk: Desk) -> Desk:
    with transaction() as connection:
        connection.execute(text("UPDATE users SET password_hash = 'kept' WHERE id = :id"), {"id": desk.actor.user_id})
    return desk


@pytest.fixture
def ruth(app: Flask, house: House) -> Desk:
    return with_password(staff(app, house, "Ruth Calloway", "owner"))


@pytest.fixture
def marco(app: Flask, house: House) -> Desk:
    return staff(app, house, "Marco Villareal", "dispatcher")


def key_of(desk: Desk) -> int:
    assert desk.actor.app_user_id is not None
    return desk.actor.app_user_id


def post(desk: Desk, path: str, page: str, **values: str) -> Any:
    """Send a button of `page`."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', desk.get(page).get_data(as_text=True))
    assert token
    with desk.client.application.app_context():
        return desk.client.post(path, data={"csrf_token": token[1], **values})


def test_the_owner_sees_who_may_what_and_where_they_are(ruth: Desk, marco: Desk) -> None:
    page = ruth.page("/people")
    assert "Marco Villareal" in page
    page = ruth.page(f"/people/{key_of(marco)}")
    assert "Take away" in page
    assert "Suspend Marco Villareal" in page
    assert "Signed in now" in page


def test_a_dispatcher_sees_colleagues_without_a_button(ruth: Desk, marco: Desk) -> None:
    page = marco.page(f"/people/{key_of(ruth)}")
    assert "Take away" not in page
    assert "Suspend" not in page
    assert marco.get("/roles").status_code == 404
    assert marco.get("/sessions").status_code == 404
    assert post(marco, f"/people/{key_of(ruth)}/suspend", "/people", reason="Because").status_code == 404


def test_who_is_suspended_is_out_at_the_next_click_and_back_with_the_same_roles(
    house: House, ruth: Desk, marco: Desk
) -> None:
    assert marco.get("/people").status_code == 200
    person = f"/people/{key_of(marco)}"
    refused = post(ruth, f"{person}/suspend", person)
    assert refused.status_code == 422
    assert "Say why" in words(refused)
    assert post(ruth, f"{person}/suspend", person, reason="Lost laptop").status_code == 303
    gone = marco.get("/people")
    assert gone.status_code == 303
    assert gone.location.startswith("/sign-in")
    told = house.connection.execute(
        text("SELECT reason FROM change_sets WHERE action = 'user.suspend' AND tenant_id = :id"),
        {"id": house.tenant_id},
    ).scalar_one()
    assert told == "Lost laptop"
    assert post(ruth, f"{person}/reactivate", person).status_code == 303
    assert grant_of(house, key_of(marco))


def test_the_last_owner_can_be_neither_suspended_nor_stripped(app: Flask, house: House, ruth: Desk) -> None:
    nina = staff(app, house, "Nina Okafor", "owner")  # signs in by no password yet, so she could not save the company
    person = f"/people/{key_of(ruth)}"
    answer = post(nina, f"{person}/suspend", person, reason="Coup")
    assert answer.status_code == 422
    assert "last owner" in words(answer)
    answer = post(nina, f"{person}/roles/{grant_of(house, key_of(ruth))}/revoke", person)
    assert answer.status_code == 422
    with_password(nina)
    assert post(nina, f"{person}/suspend", person, reason="She left").status_code == 303


def test_nobody_suspends_themselves(app: Flask, house: House, ruth: Desk) -> None:
    tom = staff(app, house, "Tomasz Lindqvist", "admin")
    answer = post(tom, f"/people/{key_of(tom)}/suspend", f"/people/{key_of(tom)}", reason="Holiday")
    assert "cannot suspend yourself" in words(answer)


def test_an_administrator_gives_only_what_they_hold(app: Flask, house: House, ruth: Desk, marco: Desk) -> None:
    tom = staff(app, house, "Tomasz Lindqvist", "admin")
    bills, helps = role_id(house, "Bills", "invoices.*"), role_id(house, "Helps", "health.read")
    person = f"/people/{key_of(marco)}"
    answer = post(tom, f"{person}/roles", person, role=str(bills))
    assert answer.status_code == 422
    assert "which you do not hold yourself" in words(answer)
    assert marco.get("/health").status_code == 404
    assert post(tom, f"{person}/roles", person, role=str(helps)).status_code == 303
    assert marco.get("/health").status_code == 200  # felt at the very next request
    assert post(ruth, f"{person}/roles", person, role=str(bills)).status_code == 303


def test_an_administrator_has_no_hold_over_an_owner(app: Flask, house: House, ruth: Desk) -> None:
    tom = staff(app, house, "Tomasz Lindqvist", "admin")
    for button in ("password", "link"):
        answer = post(tom, f"/people/{key_of(ruth)}/{button}", f"/people/{key_of(ruth)}")
        assert answer.status_code == 422
        assert "Only an owner" in words(answer)


def test_an_administrator_cannot_take_their_own_last_right(app: Flask, house: House, ruth: Desk) -> None:
    tom = staff(app, house, "Tomasz Lindqvist", "admin")
    person = f"/people/{key_of(tom)}"
    answer = post(tom, f"{person}/roles/{grant_of(house, key_of(tom))}/revoke", person)
    assert answer.status_code == 422
    assert "your own right" in words(answer)
    assert tom.get("/roles").status_code == 200


def test_a_role_for_a_time_ends_by_itself(house: House, ruth: Desk, marco: Desk) -> None:
    helps, person = role_id(house, "Helps", "health.read"), f"/people/{key_of(marco)}"
    assert post(ruth, f"{person}/roles", person, role=str(helps), until="2001-01-01").status_code == 422
    assert post(ruth, f"{person}/roles", person, role=str(helps), until="2999-01-01").status_code == 303
    assert marco.get("/health").status_code == 200
    with transaction() as connection:
        connection.execute(text("UPDATE app_user_roles SET expires_at = now() WHERE role_id = :id"), {"id": helps})
    assert marco.get("/health").status_code == 404


def test_an_invited_person_chooses_a_password_by_a_link_that_works_once(app: Flask, house: House, ruth: Desk) -> None:
    answer = post(ruth, "/people/invite", "/people/invite", name="Priya Raman", email="priya@ridge.example", role="0")
    assert answer.status_code == 200
    token = re.search(r"/invite/([\w-]{43})", words(answer))
    assert token
    assert post(ruth, "/people/invite", "/people/invite", name="P", email="PRIYA@ridge.example").status_code == 422
    priya, door = Desk(app.test_client(), ruth.actor), f"/invite/{token[1]}"
    weak = post(priya, door, door, password="priya raman 2026", again="priya raman 2026")
    assert weak.status_code == 422
    good = "violet kettle runs north"
    assert post(priya, door, door, password=good, again=good).status_code == 303
    assert priya.get(door).status_code == 404
    entered = post(priya, "/sign-in", "/sign-in", email="priya@ridge.example", password=good)
    assert entered.status_code == 303
    assert priya.get("/account").status_code == 200


def test_a_handed_out_password_is_shown_once_and_opens_only_the_page_that_replaces_it(
    app: Flask, house: House, ruth: Desk, marco: Desk
) -> None:
    person = f"/people/{key_of(marco)}"
    answer = words(post(ruth, f"{person}/password", person))
    handed = re.search(r'value="(\w{5}(?:-\w{5}){3})"', answer)
    assert handed
    assert handed[1] not in ruth.page(person)
    assert marco.get("/people").status_code == 303  # signed out
    email = str(marco.actor.email)
    entered = post(marco, "/sign-in", "/sign-in", email=email, password=handed[1])
    assert entered.status_code == 303
    assert marco.get("/people").location == "/account/password"
    values = {"current": handed[1], "password": "violet kettle runs north", "again": "violet kettle runs north"}
    assert post(marco, "/account/password", "/account/password", **values).status_code == 303
    assert marco.get("/people").status_code == 200


def test_the_matrix_is_read_changed_and_felt_at_once(house: House, ruth: Desk, marco: Desk) -> None:
    role = int(
        house.connection.execute(
            text("SELECT role_id FROM app_user_roles WHERE app_user_id = :id"), {"id": key_of(marco)}
        ).scalar_one()
    )
    page, place = ruth.page(f"/roles/{role}"), f"/roles/{role}"
    assert 'value="visits.*" checked' in page
    assert "by visits.*" in page  # a tick somebody else's tick brings
    form = ruth.form(page, "version")
    kept = re.findall(r'name="permission" value="([^"]+)"(?: checked|>)', page)
    values = {"csrf_token": form.values["csrf_token"], "version": form.values["version"], "name": "Dispatch"}
    with ruth.client.application.app_context():
        saved = ruth.client.post(place, data={**values, "permission": [*kept, "health.read"]})
        assert saved.status_code == 303
        again = ruth.client.post(place, data={**values, "permission": ["home.read"]})
    assert marco.get("/health").status_code == 200
    assert again.status_code == 409
    assert "not saved" in words(again)
    assert "health.read" in words(again)


def test_a_role_takes_no_permission_its_editor_lacks_nor_one_that_is_none(app: Flask, house: House, ruth: Desk) -> None:
    tom = staff(app, house, "Tomasz Lindqvist", "admin")
    role = role_id(house, "Helps", "health.read")
    for wanted, said in (("invoices.void", "do not hold"), ("*.*", "do not hold"), ("nonsense.read", "no permission")):
        answer = post(tom, f"/roles/{role}", f"/roles/{role}", version="1", name="Helps", permission=wanted)
        assert answer.status_code == 422
        assert said in words(answer)


def test_the_owner_role_always_holds_everything(house: House, ruth: Desk) -> None:
    role = role_id(house, "Partner", "*.*")
    answer = post(ruth, f"/roles/{role}", f"/roles/{role}", version="1", name="Partner", permission="home.read")
    assert answer.status_code == 422
    assert "always holds everything" in words(answer)


def test_a_new_role_begins_like_another_and_goes_when_nobody_holds_it(house: House, ruth: Desk) -> None:
    like = role_id(house, "Helps", "health.read")
    made = post(ruth, "/roles/new", "/roles/new", name="Helps too", like=str(like))
    assert made.status_code == 303
    place = made.location
    assert 'value="health.read" checked' in ruth.page(place)
    assert "Side by side" in ruth.page("/roles")
    assert "Helps too" in ruth.page("/roles/matrix")
    assert post(ruth, f"{place}/delete", place).location == "/roles"


def test_sessions_are_listed_and_ended(app: Flask, house: House, ruth: Desk, marco: Desk) -> None:
    page = ruth.page("/sessions")
    assert "Marco Villareal" in page
    here = int(
        house.connection.execute(
            text("SELECT id FROM sessions WHERE user_id = :id"), {"id": marco.actor.user_id}
        ).scalar_one()
    )
    assert post(ruth, f"/sessions/{here}/end", "/sessions").status_code == 303
    assert marco.get("/people").status_code == 303
    history = ruth.page(f"/sessions/history?person={key_of(marco)}")
    assert "ended by a colleague" in history
    for wrong in ("outcome=maybe", "after=yesterday", "person=marco"):
        assert ruth.get(f"/sessions/history?{wrong}").status_code == 400


def test_people_of_another_company_do_not_exist(app: Flask, house: House, ruth: Desk) -> None:
    with transaction() as connection:
        other = connection.execute(
            text("INSERT INTO tenants (slug, name) VALUES (:slug, 'Elsewhere') RETURNING id"),
            {"slug": f"e{house.tenant_id}"},
        ).scalar_one()
    stranger = sit(app, House(other, house.connection), "Stan", "*.*")
    assert ruth.get(f"/people/{key_of(stranger)}").status_code == 404
    assert "Stan" not in ruth.page("/people")
    assert post(ruth, f"/people/{key_of(stranger)}/suspend", "/people", reason="x").status_code == 404


def test_an_administrator_asks_before_somebody_may_do_more(app: Flask, house: House, ruth: Desk, marco: Desk) -> None:
    tom = staff(app, house, "Tomasz Lindqvist", "admin")
    mends = role_id(house, "Mends", "errors.*")
    person = f"/people/{key_of(marco)}"
    page = words(post(tom, f"{person}/roles", person, role=str(mends)))
    assert "Giving somebody Mends needs a second person." in page
    assert "Ruth Calloway may decide it" in page
    blank = post(tom, f"{person}/roles", person, role=str(mends), asked="1", reason=" ")
    assert (blank.status_code, "Say why" in words(blank)) == (422, True)
    asked = post(tom, f"{person}/roles", person, role=str(mends), asked="1", reason="He looks after the nights")
    assert asked.status_code == 303
    assert marco.get("/analytics/error_groups").status_code == 404
    assert post(ruth, f"{asked.location}/decide", asked.location, verdict="approve").status_code == 303
    assert "Approved and carried out" in ruth.page(asked.location)
    assert marco.get("/analytics/error_groups").status_code == 200
    matrix = f"/roles/{mends}"
    version = re.search(r'name="version" value="(\d+)"', tom.page(matrix))
    assert version
    wider = {"name": "Mends", "version": version[1], "permission": ["errors.*", "health.run"]}
    asked = post(tom, matrix, matrix, **wider, reason="And runs checks")
    assert asked.status_code == 303
    assert "approval_requests" in asked.location
    assert "health.run" in ruth.page(asked.location)
    post(ruth, f"{asked.location}/decide", asked.location, verdict="approve")
    held = house.connection.execute(text("SELECT permissions FROM roles WHERE id = :id"), {"id": mends}).scalar_one()
    assert held == ["errors.*", "health.run"]
