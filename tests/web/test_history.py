"""Who changed what, when and why, on the record itself; and the way back, whole or as far as it still goes."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.domains.conftest import House
from tests.web.desk import Desk, sit, undo_of

CUSTOMERS = "/crm/customers"


@pytest.fixture
def ana(app: Flask, house: House) -> Desk:
    house.key = house.given("customers", name="Bluestem", status="active", website="https://a.example")  # type: ignore[attr-defined]
    house.place = f"{CUSTOMERS}/{house.key}"  # type: ignore[attr-defined]
    return sit(app, house, "Ana Ruiz", "customers.*", "home.read", "users.read")


def row(house: House) -> tuple[str, str]:
    found = house.row("customers", house.key)  # type: ignore[attr-defined]
    return found["name"], found["website"]


def test_the_history_says_who_when_why_before_and_after(house: House, ana: Desk) -> None:
    ana.edit(f"{house.place}/edit", name="Bluestem North", reason="They split in two")  # type: ignore[attr-defined]
    page = ana.page(f"{house.place}/history")  # type: ignore[attr-defined]
    for words in ("Ana Ruiz", "They split in two", "<del>Bluestem</del>", "<ins>Bluestem North</ins>"):
        assert words in page, words
    assert re.search(r'<time datetime="\d{4}-\d\d-\d\dT', page)
    assert "outside" in page, "the row itself came from another program"


def test_a_change_names_what_a_task_is_about_to_whoever_may_know_it(app: Flask, house: House, ana: Desk) -> None:
    task = house.given("user_tasks", title="Ring back", subject_type="customers", subject_id=house.key)  # type: ignore[attr-defined]
    told = {}
    for name, more in (("Ben Okafor", ("customers.read",)), ("Cleo Marsh", ())):
        desk = sit(app, house, name, "tasks.*", *more)
        change = re.search(r"/change-sets/\d+", desk.page(f"/tasks/user_tasks/{task}/history"))
        assert change
        told[name] = re.findall(r"About</span><ins>([^<]*)<", desk.page(change[0]))
    assert told == {"Ben Okafor": ["Bluestem"], "Cleo Marsh": [f"customer {house.key}"]}  # type: ignore[attr-defined]


def test_the_toast_takes_the_change_back_and_that_can_be_taken_back_too(house: House, ana: Desk) -> None:
    answer = ana.edit(f"{house.place}/edit", name="Bluestem North")  # type: ignore[attr-defined]
    page = ana.page(answer.headers["Location"])
    assert "Customer of Bluestem changed" in page
    undone = ana.send(undo_of(page), ana.form(page, "csrf_token"))
    assert undone.status_code == 303
    assert row(house)[0] == "Bluestem"
    page = ana.page(house.place)  # type: ignore[attr-defined]
    assert "Undone" in page
    assert "undid change" in page
    ana.send(undo_of(page), ana.form(page, "csrf_token"))
    assert row(house)[0] == "Bluestem North"


def test_an_undo_restores_what_still_holds_and_names_what_does_not(app: Flask, house: House, ana: Desk) -> None:
    ana.edit(f"{house.place}/edit", name="Bluestem North", website="https://b.example")  # type: ignore[attr-defined]
    undo = undo_of(ana.page(house.place))  # type: ignore[attr-defined]
    ben = sit(app, house, "Ben Okafor", "customers.*")
    ben.edit(f"{house.place}/edit", website="https://c.example")  # type: ignore[attr-defined]
    preview = ana.page(undo)
    assert "1 left alone" in preview
    assert "website: it has been changed since" in preview
    assert ana.press(undo, reason="Wrong customer").status_code == 303
    assert row(house) == ("Bluestem", "https://c.example")
    assert "1 left as they are, changed since" in ana.page(house.place)  # type: ignore[attr-defined]
    assert "Wrong customer" in ana.page(f"{house.place}/history")  # type: ignore[attr-defined]


def test_an_undo_with_nothing_left_says_so_and_changes_nothing(app: Flask, house: House, ana: Desk) -> None:
    ana.edit(f"{house.place}/edit", name="Bluestem North")  # type: ignore[attr-defined]
    page = ana.page(house.place)  # type: ignore[attr-defined]
    undo, form = undo_of(page), ana.form(page, "csrf_token")
    ana.edit(f"{house.place}/edit", name="Bluestem West")  # type: ignore[attr-defined]
    answer = ana.send(undo, form)
    assert answer.status_code == 409
    assert "Nothing is left to undo" in answer.get_data(as_text=True)
    assert row(house)[0] == "Bluestem West"


def test_pressing_undo_twice_has_one_effect(house: House, ana: Desk) -> None:
    ana.edit(f"{house.place}/edit", name="Bluestem North")  # type: ignore[attr-defined]
    page = ana.page(house.place)  # type: ignore[attr-defined]
    undo, form = undo_of(page), ana.form(page, "csrf_token")
    assert ana.send(undo, form).status_code == 303
    assert ana.send(undo, form).status_code == 409
    assert row(house)[0] == "Bluestem"
    assert house.row("customers", house.key)["version"] == 3  # type: ignore[attr-defined]


def test_a_created_record_is_archived_and_a_deleted_one_comes_back_under_its_number(house: House, ana: Desk) -> None:
    made = ana.send(f"{CUSTOMERS}/new", ana.opened(f"{CUSTOMERS}/new"), name="Short-lived")
    key = int(made.headers["Location"].rsplit("/", 1)[1])
    page = ana.page(made.headers["Location"])
    ana.send(undo_of(page), ana.form(page, "csrf_token"))
    assert house.row("customers", key)["archived_at"] is not None
    line = house.given(
        "crm_activities", customer_id=house.key, kind="note", subject="Called", occurred_at="2026-01-01T00:00Z"
    )  # type: ignore[attr-defined]
    before = house.row("crm_activities", line)
    gone = ana.press(f"/crm/crm_activities/{line}/delete")
    assert gone.status_code == 303
    page = ana.page(gone.headers["Location"])
    if before.keys() & {"archived_at"}:
        return
    ana.send(undo_of(page), ana.form(page, "csrf_token"))
    after = house.row("crm_activities", line)
    assert {name: after[name] for name in before if name not in ("version", "updated_at")} == {
        name: before[name] for name in before if name not in ("version", "updated_at")
    }


def test_who_may_not_write_the_table_may_not_undo_there(app: Flask, house: House, ana: Desk) -> None:
    ana.edit(f"{house.place}/edit", name="Bluestem North")  # type: ignore[attr-defined]
    undo = undo_of(ana.page(house.place))  # type: ignore[attr-defined]
    reader = sit(app, house, "Rae", "customers.read", "home.read")
    assert "Your role does not change customers" in reader.page(undo)
    token = re.search(r'"X-CSRFToken":"([^"]+)"', reader.page(undo))
    assert token
    with app.app_context():
        refused = reader.client.post(undo, data={"csrf_token": token[1]})
    assert refused.status_code == 403
    assert row(house)[0] == "Bluestem North"
    stranger = sit(app, house, "Sam", "jobs.read")
    assert stranger.get(undo).status_code == 404


def test_the_change_history_finds_sets_by_channel_and_refuses_nonsense(app: Flask, house: House, ana: Desk) -> None:
    ana.edit(f"{house.place}/edit", name="Bluestem North", reason="They split in two")  # type: ignore[attr-defined]
    auditor = sit(app, house, "Aud", "*.read")
    assert "They split in two" in auditor.page("/change-sets?channel=console&table=customers")
    assert "They split in two" not in auditor.page("/change-sets?channel=api")
    for question in ("channel=post", "person=me", "before=x", "colour=red", "before=99999999999999999999"):
        assert auditor.get(f"/change-sets?{question}").status_code == 400, question
    assert ana.get("/change-sets").status_code == 404
