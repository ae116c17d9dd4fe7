"""A CenterPoint export by the guided run: rehearsed, brought in, compared with a newer one, decided, and taken back."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from flask import Flask
from sqlalchemy import text

from app.core.db import db
from app.domains.crm.centerpoint.export import weigh
from app.domains.platform import importing, undoing
from tests.domains.conftest import House, house
from tests.small_export import small_export
from tests.web.desk import Desk, staff, words

__all__ = ["house"]


def send(desk: Desk, files: Mapping[str, bytes]) -> Any:
    form = desk.opened("/imports/centerpoint", "csrf_token")
    data = {**form.values, "files": [(io.BytesIO(content), name) for name, content in files.items()]}
    with desk.client.application.app_context():
        return desk.client.post("/imports/centerpoint", data=data, content_type="multipart/form-data")


def rehearsed(desk: Desk, files: Mapping[str, bytes]) -> str:
    response = send(desk, files)
    assert response.status_code == 303, words(response)[-3000:]
    address = str(response.headers["Location"])
    importing.read(import_id=int(address.rpartition("/")[2]))
    return address


def brought_in(desk: Desk, files: Mapping[str, bytes], reason: str = "the move") -> str:
    address = rehearsed(desk, files)
    response = desk.send(f"{address}/apply", desk.opened(address, "reason"), reason=reason)
    assert response.status_code == 303, words(response)[:3000]
    importing.apply(import_id=int(address.rpartition("/")[2]))
    return address


def report(page: str) -> dict[str, dict[str, int]]:
    """Table -> rows, in, refused and noted, as the report says."""
    found = {}
    for table, row in re.findall(r'<tr data-file="[^"]*" data-table="(\w+)">(.*?)</tr>', page, re.DOTALL):
        found[table] = {
            name: int(number.replace(",", "")) for name, number in re.findall(r'data-n="(\w+)">([\d,]+)<', row)
        }
    return found


def rows(house: House, table: str, what: str = "*", where: str = "true", **values: Any) -> list[Any]:
    with db.engine.connect() as connection:
        statement = text(f"SELECT {what} FROM {table} WHERE tenant_id = :tenant AND {where} ORDER BY id")
        return list(connection.execute(statement, {"tenant": house.tenant_id, **values}).all())


def test_an_empty_company_brings_an_export_in_and_takes_it_back(app: Flask, house: House, tmp_path: Any) -> None:
    files = small_export()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    weighed = weigh(tmp_path)
    priya = staff(app, house, "Priya", "operations_manager")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as bundle:
        for place, (_name, content) in enumerate(reversed(list(files.items()))):
            bundle.writestr(f"any name {place}", content)
    address = rehearsed(priya, {"export.zip": packed.getvalue(), "notes.txt": b"Friday"})
    page = priya.page(address)
    assert not rows(house, "customers"), "nothing is written before Apply"
    told = report(page)
    for table, records in weighed.tables.items():
        assert told[table]["in"] == len(records), table
    assert told["jobs"]["rows"] == weighed.read["jobs.csv"]
    assert told["jobs"]["refused"] == weighed.turned_away["jobs.csv"]
    assert sum(each["noted"] for each in told.values()) == sum(each.kind == "value" for each in weighed.refusals)
    assert "notes.txt was left aside" in page

    response = priya.send(f"{address}/apply", priya.opened(address, "reason"), reason="the move")
    assert response.status_code == 303
    importing.apply(import_id=int(address.rpartition("/")[2]))
    assert ">Report<" in priya.page(address)
    for table, records in weighed.tables.items():
        assert len(rows(house, table)) == len(records), table
    ours = {row.external_id: row for row in rows(house, "customers")}
    for each in weighed.tables["customers"]:
        row = ours[each["external_id"]]
        for name in ("number", "name", "status", "open_balance", "lifetime_revenue", "last_job_at", "notes", "version"):
            assert getattr(row, name) == (1 if name == "version" else each[name]), (name, each["external_id"])
    states = {row.external_id: (row.status, row.amount_paid) for row in rows(house, "invoices")}
    assert states == {each["external_id"]: (each["status"], each["amount_paid"]) for each in weighed.tables["invoices"]}
    refused = rows(house, "import_refusals", "raw ->> 'kind' AS kind, reason")
    assert len(refused) == len(weighed.refusals)
    new = priya.edit("/crm/customers/new", name="Made here")
    assert new.status_code == 303
    assert rows(house, "customers", "number", "name = 'Made here'")[0].number == "C-00331"

    again = rehearsed(priya, files)
    assert "There is nothing to apply" in priya.page(again), "an unchanged export writes nothing"

    # A file sent alone finds what it hangs on here.
    alone = priya.page(rehearsed(priya, {"invoices.csv": files["invoices.csv"]}))
    assert "There is nothing to apply" in alone
    assert report(alone)["invoices"] == {**told["invoices"], "noted": report(alone)["invoices"]["noted"]}
    assert f"{len(weighed.tables['customers'])} that came in earlier stay as they are" in alone
    owed = next(each for each in weighed.tables["invoices"] if each["status"] == "open")
    whose = next(each for each in weighed.tables["customers"] if each["id"] == owed["customer_id"])
    line = f"P99,{whose['external_id']},{owed['external_id']},11/20/26,$1.00,Check,77"
    paid = f"Pmt #,Cust #,Inv #,Received,Amount,Method,Ref\n{line}\n".encode()
    told = report(priya.page(rehearsed(priya, {"payments.csv": paid})))
    assert (told["payments"]["in"], told["payment_allocations"]["in"]) == (1, 1)

    undo = priya.opened(address, "together")
    response = priya.send(str(undo.action), undo)
    assert response.status_code == 303
    undoing.go_on(run_id=int(response.headers["Location"].rpartition("/")[2]))
    page = priya.page(response.headers["Location"])
    assert "Everything is as it was." in page, re.sub(r"<[^>]+>|\\s+", " ", page.partition("<main")[2])[:3000]
    assert [row.name for row in rows(house, "customers")] == ["Made here"]
    for table in weighed.tables:
        assert len(rows(house, table)) == (table == "customers"), table


def newer(file: str, row: dict[str, str]) -> dict[str, str]:
    """The export a week later: CenterPoint gave three customers other streets, and one another town."""
    if file == "customers.csv" and row["Cust #"] in ("00301", "00302", "00303"):
        row["Bill To Addr 1"] = f"{row['Cust #']} New Street"
    return row


def test_a_newer_export_takes_what_only_it_changed_and_asks_about_the_rest(app: Flask, house: House) -> None:
    priya = staff(app, house, "Priya", "operations_manager")
    files = {name: content for name, content in small_export().items() if name in ("customers.csv", "contacts.csv")}
    page = priya.page(brought_in(priya, files))
    assert "jobs.csv is missing" in page
    assert "No jobs come in, and so no invoices" in page
    one, two, three = (row.id for row in rows(house, "customers", "id", "external_id IN ('00301', '00302', '00303')"))
    street = {row.id: row.bill_line1 for row in rows(house, "customers")}
    path = f"/crm/customers/{two}"
    assert "stand as CenterPoint said" in priya.page(path)
    for key, line in ((two, "2 Our Street"), (three, "3 Our Street")):
        assert priya.edit(f"/crm/customers/{key}/edit", bill_line1=line, bill_city="Ourtown").status_code == 303
    page = priya.page(path)
    assert "CenterPoint said, we say" in page
    assert street[two] in page
    assert ">2 Our Street<" in page

    later = {name: content for name, content in small_export(newer).items() if name in files}
    brought_in(priya, later, "the newer export")
    ours = {row.id: (row.bill_line1, row.bill_city) for row in rows(house, "customers")}
    assert ours[one][0] == "00301 New Street", "only CenterPoint changed it"
    assert ours[two] == ("2 Our Street", "Ourtown"), "both changed the street, only we the town"
    queue = "/imports/conflicts"
    page = priya.page(queue)
    assert page.count("data-conflict=") == 2
    assert "00302 New Street" in page
    assert "Priya" in page
    assert "Both changed" in priya.page(path)

    form = priya.opened(queue, "reason")
    marks = dict(zip((two, three), re.findall(r'name="conflict" value="([\d.]+)"', page), strict=True))
    refused = priya.send(queue, form, do=f"theirs:{marks[two]}", reason=" ")
    assert refused.status_code == 422
    assert "Say why" in words(refused)
    assert priya.send(queue, form, do=f"theirs:{marks[two]}", reason="CenterPoint is right").status_code == 303
    assert priya.send(queue, form, do=f"ours:{marks[three]}", reason="we asked them").status_code == 303
    ours = {row.id: (row.bill_line1, row.bill_city) for row in rows(house, "customers")}
    assert (ours[two][0], ours[three][0]) == ("00302 New Street", "3 Our Street")
    assert "Nothing to decide" in priya.page(queue)
    twice = priya.send(queue, form, do=f"ours:{marks[three]}", reason="again")
    assert twice.status_code == 409
    assert "decided one of these already" in words(twice)

    taken = rows(house, "change_sets", "id", "action = 'conflict.theirs'")[0].id
    address = f"/change-sets/{taken}/undo"
    assert priya.press(address).status_code == 303
    assert {row.id: row.bill_line1 for row in rows(house, "customers")}[two] == "2 Our Street"
    assert priya.page(queue).count("data-conflict=") == 1, "the question is asked again"
    assert "There is nothing to apply" in priya.page(rehearsed(priya, later)), "a newer export brought in twice"

    grace = staff(app, house, "Grace", "billing")
    page = grace.page(queue)
    assert "Your role does not change it." in page
    form = grace.opened(queue, "csrf_token")
    mark = re.findall(r'data-conflict="(\d+)"', page)[0]
    version = rows(house, "customers", "version", "id = :id", id=two)[0].version
    assert grace.send(queue, form, do=f"theirs:{mark}.{version}", reason="mine").status_code == 403


def test_an_administrator_takes_back_what_one_brought_in(app: Flask, house: House) -> None:
    """Though the role sees no customer: whoever may bring an export in may take it back."""
    priya = staff(app, house, "Priya", "admin")
    row = b"00001,Acme Roofs,1 Main St,Denver,CO,80202,3035550142,,net 30,N,N,11/20/25,,\n"
    address = brought_in(priya, {"customers.csv": small_export()["customers.csv"].splitlines(keepends=True)[0] + row})
    assert [each.name for each in rows(house, "customers", "name", "external_id = '00001'")] == ["Acme Roofs"]
    page = priya.page(address)
    assert "Acme Roofs" not in page
    assert "Your role does not show customers" in page
    grace = staff(app, house, "Grace", "billing")
    undo = priya.opened(address, "together")
    assert "Your role does not change customers." in grace.page(str(undo.action))
    assert "Acme Roofs" not in priya.page(str(undo.action))
    response = priya.send(str(undo.action), undo)
    assert response.status_code == 303
    undoing.go_on(run_id=int(response.headers["Location"].rpartition("/")[2]))
    assert not rows(house, "customers", "name", "external_id = '00001'")


def test_files_that_are_none_of_an_export_are_told_and_nothing_is_kept(app: Flask, house: House) -> None:
    priya = staff(app, house, "Priya", "admin")
    for files, sentence in (
        ({"wages.csv": b"Name,Wage\nAnn,5\n"}, "The customers are not among these files."),
        ({"export.zip": b"PK\x03\x04 broken"}, "broken ZIP"),
        ({}, "Choose the files of the export"),
    ):
        response = send(priya, files)
        assert response.status_code == 422
        assert sentence in words(response)
    assert not rows(house, "imports")
    luis = staff(app, house, "Luis", "dispatcher")
    assert luis.get("/imports/centerpoint").status_code in (403, 404)
    assert luis.get("/imports/conflicts").status_code in (403, 404)
