"""Taking a list out, and what is kept of it: the manifest, who may read it, the file a worker makes, who may fetch it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import text

from app.core.db import db
from app.domains.platform import exporting
from app.engine import copies, copies_later
from app.engine.apply import transaction
from tests.domains.conftest import House
from tests.servers import Database
from tests.web.desk import Desk, sit, staff
from tests.web.foreign import Foreign
from tests.web.foreign import keys as addresses
from tests.working import nothing_waits, work_off

__all__ = ["nothing_waits"]

LIST = "/crm/customers"


@pytest.fixture
def grace(app: Flask, house: House) -> Desk:
    """Grace, who bills, and five customers."""
    for name, city in (("Alamo", "Denver"), ("Bluestem", "Denver"), ("Cedar", "Casper"), ("Dry Creek", "Casper"),
                       ("Elk", "Lamar")):  # fmt: skip
        house.given(
            "customers", name=name, bill_city=city, status="active", email=f"{name.split()[0].lower()}@a.example"
        )
    return staff(app, house, "Grace", "billing")


@pytest.fixture
def long_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows are already a long list."""
    monkeypatch.setattr(copies, "DIRECT", 3)
    monkeypatch.setattr(copies_later, "PIECE", 64)


def take(desk: Desk, query: str = "", **asked: Any) -> Any:
    """Send the export dialog as a browser does."""
    form = desk.form(desk.page(f"{LIST}/export{query}"), "csrf_token")
    given = {"format": "csv", "rows": "all", "columns": "shown", **asked}
    with desk.client.application.app_context():
        return desk.client.post(f"{LIST}/export{query}", data={"csrf_token": form.values["csrf_token"], **given})


def last(house: House) -> Any:
    with db.engine.connect() as connection:
        return connection.execute(
            text("SELECT * FROM data_exports WHERE tenant_id = :t ORDER BY id DESC LIMIT 1"), {"t": house.tenant_id}
        ).one()


def keys(house: House, *names: str) -> list[str]:
    found = house.connection.execute(
        text("SELECT id FROM customers WHERE tenant_id = :t AND name = ANY(:n) ORDER BY name"),
        {"t": house.tenant_id, "n": list(names)},
    )
    return [str(key) for key in found.scalars()]


def test_selected_rows_come_out_and_the_manifest_says_so(house: House, grace: Desk) -> None:
    wanted = keys(house, "Alamo", "Cedar")
    answer = take(grace, "?cols=name,bill_city&sort=name", rows="these", keys=" ".join(wanted))
    raw = answer.data
    lines = list(csv.reader(io.StringIO(raw.decode().removeprefix("\ufeff"))))
    assert [line[1] for line in lines] == ["name", "Alamo", "Cedar"]
    manifest = last(house)
    assert (manifest.status, manifest.selected, manifest.row_count, manifest.byte_count) == (
        "done",
        "these",
        2,
        len(raw),
    )
    assert manifest.sha256 == hashlib.sha256(raw).hexdigest()
    assert manifest.columns == ["name", "bill_city"]
    assert answer.headers["Link"].startswith(f"</copies/{manifest.id}/manifest.json>")


def test_without_script_ticked_boxes_lead_to_the_dialog(house: House, grace: Desk) -> None:
    page = grace.page(LIST)
    form = grace.form(page, "keys")
    with grace.client.application.app_context():
        answer = grace.client.post(
            form.action,
            data={"csrf_token": form.values["csrf_token"], "rows": "these", "key": keys(house, "Elk", "Alamo")},
        )
    assert answer.status_code == 200
    assert "Selected, 2" in grace.sentence(answer)


def test_nothing_selected_is_said_before_anything_else_is_asked(grace: Desk) -> None:
    form = grace.form(grace.page(LIST), "keys")
    with grace.client.application.app_context():
        answer = grace.client.post(
            form.action, data={"csrf_token": form.values["csrf_token"], "rows": "these", "keys": ""}
        )
    assert answer.status_code == 400
    assert "Tick the rows" in grace.sentence(answer)


def test_a_page_is_a_page_and_all_columns_are_all_one_may_see(house: House, grace: Desk) -> None:
    for number in range(8):
        house.given("customers", name=f"Many {number}", status="active")
    answer = take(grace, "?limit=10&sort=name", rows="page", columns="all", format="json")
    rows = json.loads(answer.data)
    assert len(rows) == 10
    assert {"name", "email", "open_balance"} <= rows[0].keys()
    assert last(house).selected == "page"


def test_a_workbook_says_about_itself(house: House, grace: Desk) -> None:
    book = openpyxl.load_workbook(io.BytesIO(take(grace, "?bill_city=Denver&cols=name", format="xlsx").data))
    about = {row[0].value: row[1].value for row in book["About this copy"].iter_rows()}
    assert about["Taken by"] == "Grace"
    assert about["Rows"] == "2"
    assert "bill_city=Denver" in about["Address"]


def test_the_plain_address_is_kept_as_well_with_what_was_masked(app: Flask, house: House, grace: Desk) -> None:
    auditor = staff(app, house, "Ingrid", "auditor")
    text_ = auditor.page(f"{LIST}.csv?cols=name,email&bill_city=Denver")
    assert "alamo@a.example" not in text_
    manifest = last(house)
    assert (manifest.masked, manifest.filters, manifest.app_user_id) == (
        ["email"], ["bill_city"], auditor.actor.app_user_id,
    )  # fmt: skip


def test_a_browser_that_goes_away_leaves_a_manifest_of_what_it_got(house: House, grace: Desk, monkeypatch: Any) -> None:
    from app.engine import exports

    monkeypatch.setattr(exports, "BATCH", 2)
    with grace.client.application.app_context():
        answer = grace.client.get(f"{LIST}.csv?cols=name&sort=name", buffered=False)
        next(answer.iter_encoded())
        answer.close()
    manifest = last(house)
    assert manifest.status == "broken_off"
    assert manifest.row_count == 2
    assert manifest.finished_at is not None


def test_who_took_a_copy_is_a_search_from_the_record(app: Flask, house: House, grace: Desk) -> None:
    (alamo, cedar) = keys(house, "Alamo", "Cedar")
    take(grace, "?cols=name", rows="these", keys=alamo)
    owner = staff(app, house, "Olive", "owner")
    place = re.search(r'href="(/copies\?[^"]+)"', owner.page(f"{LIST}/{alamo}"))
    assert place
    assert "Grace" in owner.page(place[1])
    assert "No copy held it" in owner.page(f"/copies?table=customers&key={cedar}")
    take(owner)
    page = owner.page(f"/copies?table=customers&key={cedar}")
    assert "Olive" in page
    assert "Grace" not in page


@pytest.mark.parametrize(
    "asked",
    [
        "table=nowhere&key=1",
        "table=customers&key=x",
        "table=customers&key=-1",
        f"table=customers&key={10**30}",
        "table=customers",
        "table=%00&key=1",
    ],
)
def test_a_search_for_no_record_says_so(app: Flask, house: House, asked: str) -> None:
    staff(app, house, "Olive", "owner").page(f"/copies?{asked}")


def test_manifests_are_read_by_their_person_and_by_those_who_watch(app: Flask, house: House, grace: Desk) -> None:
    take(grace, "?q=Alamo&cols=name")
    place = f"/platform/data_exports/{last(house).id}"
    assert "q=Alamo" in grace.page(place)
    auditor = staff(app, house, "Ingrid", "auditor")
    assert "Grace" in auditor.page(place)
    assert "q=Alamo" not in auditor.page(place), "what was searched for may name a person"
    assert auditor.get(f"/copies/{last(house).id}/manifest.json").json["address"] is None
    sales = staff(app, house, "Owen", "sales")
    sales.page(place, 404)
    sales.page(f"/copies/{last(house).id}/manifest.json", 404)
    assert "customers-" not in sales.page("/platform/data_exports")
    sales.page("/copies", 404)


def test_who_may_not_take_out_has_no_boxes_and_no_export(app: Flask, house: House, grace: Desk) -> None:
    viewer = staff(app, house, "Carl", "viewer")
    page = viewer.page(LIST)
    assert "Export" not in page
    assert 'class="pick"' not in page
    for address in (f"{LIST}/export", f"{LIST}.csv", f"{LIST}.xlsx", f"{LIST}.json"):
        viewer.page(address, 403)


def test_the_manifest_of_a_complete_file_cannot_be_rewritten(house: House, grace: Desk) -> None:
    take(grace)
    number = last(house).id
    for statement in (
        "UPDATE data_exports SET row_count = 0 WHERE id = :id",
        "DELETE FROM data_exports WHERE id = :id",
        "DELETE FROM data_export_keys WHERE data_export_id = :id",
        "UPDATE data_exports SET app_user_id = NULL WHERE id = :id",
    ):
        with pytest.raises(Exception, match=r"denied|not changed"), transaction() as connection:
            connection.execute(text(statement), {"id": number})


# -- long lists --------------------------------------------------------------------------------------------------------


def ordered(desk: Desk, **asked: Any) -> str:
    answer = take(desk, "?cols=name,email&sort=name", **asked)
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def test_a_long_list_is_made_by_the_worker_and_its_person_is_told(
    app: Flask, house: House, database: Database, grace: Desk, long_lists: None
) -> None:
    place = ordered(grace)
    assert "Waiting for a worker" in grace.page(place)
    work_off(app, database)
    manifest = last(house)
    assert (manifest.status, manifest.row_count, manifest.in_background) == ("done", 5, True)
    assert f"/copies/{manifest.id}/file" in grace.page(place)
    raw = grace.get(f"/copies/{manifest.id}/file").data
    assert hashlib.sha256(raw).hexdigest() == manifest.sha256
    assert raw.count(b"\n") == 6
    told = house.connection.execute(
        text("SELECT title, link FROM user_notifications WHERE app_user_id = :me"), {"me": grace.actor.app_user_id}
    ).one()
    assert tuple(told) == ("Your export of Customers is ready", place)
    owner = staff(app, house, "Olive", "owner")
    assert f"/copies/{manifest.id}/file" not in owner.page(place)
    owner.page(f"/copies/{manifest.id}/file", 404)


def test_a_file_is_not_for_whoever_lost_the_right_to_what_is_in_it(
    app: Flask, house: House, database: Database, long_lists: None, grace: Desk
) -> None:
    person = sit(app, house, "Mia", "customers.read", "customers.reveal", "export.read", "exports.own")
    ordered(person)
    work_off(app, database)
    place = f"/copies/{last(house).id}/file"
    assert person.get(place).status_code == 200
    house.connection.commit()
    with transaction() as connection:
        connection.execute(
            text("UPDATE roles SET permissions = '{customers.read,export.read,exports.own}' WHERE name = 'Mia' OR key IN"
                 " (SELECT r.key FROM roles r JOIN app_user_roles g ON g.role_id = r.id WHERE g.app_user_id = :me)"),
            {"me": person.actor.app_user_id},
        )  # fmt: skip
    person.page(place, 404)


def test_the_worker_asks_again_what_the_person_may(
    app: Flask, house: House, database: Database, grace: Desk, long_lists: None
) -> None:
    place = ordered(grace)
    with transaction() as connection:
        connection.execute(text("DELETE FROM app_user_roles WHERE app_user_id = :me"), {"me": grace.actor.app_user_id})
    work_off(app, database)
    assert last(house).status == "failed"
    assert last(house).row_count == 0
    assert place.endswith(str(last(house).id))


def test_cancel_before_and_while_it_is_made_leaves_nothing(
    app: Flask, house: House, database: Database, grace: Desk, long_lists: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ordered(grace)
    page = grace.page(place)
    form = next(each for each in [grace.form(page, "csrf_token")] if each)
    assert grace.send(f"/copies/{last(house).id}/cancel", form).status_code == 303
    work_off(app, database)
    assert (last(house).status, last(house).row_count) == ("cancelled", 0)
    ordered(grace)
    number = last(house).id

    def cancelled_meanwhile(growing: Any, piece: bytes) -> None:
        with transaction() as connection:
            copies_later.cancel(connection, number)
        keep(growing, piece)

    keep = copies_later.Growing._keep
    monkeypatch.setattr(copies_later.Growing, "_keep", cancelled_meanwhile)
    with app.app_context():
        exporting.make(number)
    pieces = house.connection.execute(
        text("SELECT count(*) FROM data_export_pieces WHERE data_export_id = :id"), {"id": number}
    )
    assert (last(house).status, pieces.scalar_one()) == ("cancelled", 0)


def test_an_attempt_that_was_overtaken_writes_nothing_more(
    app: Flask, house: House, grace: Desk, long_lists: None
) -> None:
    ordered(grace)
    number = last(house).id
    with app.app_context():
        with transaction() as connection:
            frozen = copies_later.take_up(connection, number)
        exporting.make(number)
        done = last(house)
        assert frozen is not None
        with pytest.raises(copies_later.Stopped):
            copies_later.Growing(db.engine, frozen)._keep(b"late")
        exporting.make(number)
    assert (done.status, last(house).sha256, last(house).attempt) == ("done", done.sha256, 2)


def test_a_file_expires_and_its_manifest_stays(app: Flask, house: House, grace: Desk, long_lists: None) -> None:
    ordered(grace)
    number = last(house).id
    lasts = copies_later.LASTS
    try:
        copies_later.LASTS = "-1 second"
        with app.app_context():
            exporting.make(number)
            exporting.sweep()
    finally:
        copies_later.LASTS = lasts
    grace.page(f"/copies/{number}/file", 404)
    assert "its day is over" in grace.page(f"/platform/data_exports/{number}")
    left = house.connection.execute(
        text("SELECT count(*) FROM data_export_pieces WHERE data_export_id = :id"), {"id": number}
    )
    assert left.scalar_one() == 0
    assert last(house).row_count == 5


def test_nobody_fills_the_queue_alone(grace: Desk, long_lists: None) -> None:
    for _ in range(copies.AT_ONCE):
        ordered(grace)
    assert take(grace).status_code == 403


@pytest.mark.parametrize("table", ["key_text", "key_uuid", "key_date", "key_pair", "key_moment", "key_bytes"])
def test_rows_of_an_undeclared_table_are_selected_and_asked_for_by_any_kind_of_key(
    foreign: Foreign, table: str
) -> None:
    desk, place = foreign.desk(), f"/explorer/ugly.{table}"
    shown = addresses(desk.get(f"{place}?limit=10").get_data(as_text=True))
    form = desk.form(desk.page(f"{place}/export"), "csrf_token")
    sent = {"csrf_token": form.values["csrf_token"], "rows": "these", "format": "json", "columns": "shown"}
    with foreign.app.app_context():
        answer = desk.client.post(f"{place}/export", data={**sent, "keys": f"{shown[0]} {shown[2]}"})
    assert len(json.loads(answer.data)) == 2
    name = re.search(rf"ugly_{table}|{table}-[0-9-]+[.]json", answer.headers["Content-Disposition"])
    assert name
    held = [key for key in shown[:3] if "No copy held it" not in desk.page(f"/copies?table=ugly.{table}&key={key}")]
    assert held == [shown[0], shown[2]]
