"""Lists as one person sees them: only the rows that are hers, wherever rows can be counted, named or taken out."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from app.core.db import db
from tests.domains.conftest import House
from tests.web.desk import Desk, sit, staff

TASKS = "/tasks/user_tasks"


@pytest.fixture
def crew(app: Flask, house: House) -> Desk:
    """Dee, whose role was narrowed to her own tasks, and two tasks: hers and Olga's."""
    olga, dee = (
        staff(app, house, "Olga", "operations_manager"),
        sit(app, house, "Dee", "tasks.own", "home.read", "export.read", "audit.read"),
    )
    house.olga = olga  # type: ignore[attr-defined]
    house.mine = house.given("user_tasks", title="Call the inspector", assignee_id=dee.actor.app_user_id)  # type: ignore[attr-defined]
    house.hers = house.given("user_tasks", title="Order membrane", assignee_id=olga.actor.app_user_id)  # type: ignore[attr-defined]
    return dee


def test_a_role_narrowed_to_its_own_sees_its_own_in_the_list_and_the_count(house: House, crew: Desk) -> None:
    page = crew.page(TASKS)
    assert "Call the inspector" in page
    assert "Order membrane" not in page
    assert "1 task" in page
    assert "Order membrane" in house.olga.page(TASKS)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "question", ["q=membrane", "title.contains=membrane", "sort=title", "scope=&archived=1", "count=exact"]
)
def test_no_search_filter_or_order_brings_another_s_row(crew: Desk, question: str) -> None:
    assert "Order membrane" not in crew.page(f"{TASKS}?{question}")


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_no_file_holds_another_s_row(crew: Desk, kind: str) -> None:
    text = crew.page(f"{TASKS}.{kind}?cols=title")
    assert "Call the inspector" in text
    assert "Order membrane" not in text


def test_another_s_record_does_not_exist_at_any_of_its_addresses(house: House, crew: Desk) -> None:
    place = f"{TASKS}/{house.hers}"  # type: ignore[attr-defined]
    for address in (place, f"{place}/history", f"{place}/edit", f"{place}/actions/complete"):
        crew.page(address, 404)
    form = crew.opened(f"{TASKS}/{house.mine}/edit")  # type: ignore[attr-defined]
    assert crew.send(f"{place}/edit", form, title="Mine now").status_code == 404
    assert crew.send(f"{place}/actions/complete", form).status_code == 404
    assert house.row("user_tasks", house.hers)["title"] == "Order membrane"  # type: ignore[attr-defined]


def test_one_s_own_record_opens_and_can_be_changed(house: House, crew: Desk) -> None:
    place = f"{TASKS}/{house.mine}"  # type: ignore[attr-defined]
    assert crew.edit(f"{place}/edit", title="Call the city inspector").status_code == 303
    assert "Call the city inspector" in crew.page(place)


def test_no_picker_names_another_s_row(house: House, crew: Desk) -> None:
    offered = crew.get("/lookups/user_tasks?q=", Accept="application/json").json
    assert [each["label"] for each in offered] == ["Call the inspector"]
    # Whatever else her number is part of, such as the code of a task of one's own.
    found = crew.get(f"/lookups/user_tasks?q={house.hers}", Accept="application/json").json  # type: ignore[attr-defined]
    assert house.hers not in [each["key"] for each in found]  # type: ignore[attr-defined]
    assert not {"Order membrane", "Order green membrane"} & {each["label"] for each in found}


def test_no_change_set_tells_of_another_s_row(house: House, crew: Desk) -> None:
    olga: Desk = house.olga  # type: ignore[attr-defined]
    olga.edit(f"{TASKS}/{house.hers}/edit", title="Order green membrane")  # type: ignore[attr-defined]
    history = olga.page(f"{TASKS}/{house.hers}/history")  # type: ignore[attr-defined]
    number = re.search(r'href="(/change-sets/\d+)"', history)
    assert number
    answer = crew.get(number[1])
    assert "membrane" not in crew.sentence(answer)
    without_audit = sit(crew.client.application, house, "Eve", "tasks.own")
    assert without_audit.get(number[1]).status_code == 404


def test_reading_everyone_s_rows_gives_no_right_to_change_them(app: Flask, house: House, crew: Desk) -> None:
    """The dispatcher reads all tasks and works her own: what lets her edit hers must not let her edit Olga's."""
    dana = staff(app, house, "Dana", "dispatcher")
    own = house.given("user_tasks", title="Book the crane", assignee_id=dana.actor.app_user_id)
    place = f"{TASKS}/{house.hers}"  # type: ignore[attr-defined]
    assert "Order membrane" in dana.page(place)
    assert f'href="{place}/edit"' not in dana.page(place)
    form = dana.opened(f"{TASKS}/{own}/edit")
    assert dana.get(f"{place}/edit").status_code == 403
    assert dana.send(f"{place}/edit", form, title="Dana was here").status_code == 403
    assert house.row("user_tasks", house.hers)["title"] == "Order membrane"  # type: ignore[attr-defined]
    assert dana.edit(f"{TASKS}/{own}/edit", title="Book the big crane").status_code == 303


def test_a_place_in_a_list_that_is_no_more_is_a_bad_address_and_says_where_to_begin(app: Flask, house: House) -> None:
    olga = staff(app, house, "Olga", "operations_manager")
    for number in range(12):
        house.given("customers", name=f"Customer {number:02}", status="active")
    page = olga.page("/crm/customers?limit=10&sort=name")
    following = re.search(r'href="([^"]+after=[^"]+)"', page)
    assert following
    assert "Customer 11" in olga.page(following[1])
    other = following[1].replace("sort=name", "sort=-name")
    assert "Start from the first page" in olga.page(other, 400)
    assert "Start from the first page" in olga.page(following[1][:-4], 400)


def test_the_database_goes_away_and_comes_back(app: Flask, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 in a sentence, and the next request works as soon as the server does."""
    import psycopg

    olga = staff(app, house, "Olga", "operations_manager")
    assert olga.get("/crm/customers").status_code == 200

    def away(*_args: object, **_named: object) -> None:
        raise psycopg.OperationalError("connection to server failed: Connection refused")

    with monkeypatch.context() as gone:
        gone.setattr(psycopg.Cursor, "execute", away)
        gone.setattr(psycopg.Connection, "connect", away)
        answer = olga.get("/crm/customers")
        assert answer.status_code == 503
        assert "cannot be reached" in answer.get_data(as_text=True)
        assert int(answer.headers["Retry-After"]) > 0
        assert "psycopg" not in answer.get_data(as_text=True)
    assert olga.get("/crm/customers").status_code == 200


def test_connections_cut_by_a_restart_are_replaced_unseen(app: Flask, house: House, database: object) -> None:
    import psycopg

    olga = staff(app, house, "Olga", "operations_manager")
    assert olga.get("/crm/customers").status_code == 200
    with psycopg.connect(database.superuser_url, autocommit=True) as root:  # type: ignore[attr-defined]
        root.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'console%'"
        )
    with app.app_context():
        db.engine.dispose()
    assert olga.get("/crm/customers").status_code == 200
    assert olga.edit(f"/crm/customers/{house_customer(house)}/edit", name="After the restart").status_code == 303


def house_customer(house: House) -> int:
    return house.given("customers", name="Before", status="active")


def test_what_stands_over_the_rows_comes_along_only_where_it_changes(house: House, crew: Desk) -> None:
    olga: Desk = house.olga  # type: ignore[attr-defined]

    def rows(asked: str, shown: str) -> str:
        part = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Current-URL": f"http://localhost{shown}"}
        answer = olga.get(asked, **part)
        assert 'id="list"' in answer.text
        return str(answer.text)

    narrowed = f"{TASKS}?title.contains=membrane&limit=25"
    assert 'id="list-bar"' in rows(narrowed, TASKS)
    assert 'id="list-bar"' in rows(f"{TASKS}?limit=25", narrowed)
    assert 'id="list-bar"' in rows(f"{TASKS}?limit=25", "/crm/jobs?limit=25")
    assert 'id="list-bar"' not in rows(f"{narrowed}&before=end", narrowed)
    assert 'id="list-bar"' not in rows(narrowed, f"{narrowed}&before=end")
