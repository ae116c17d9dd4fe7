"""The import wizard without script: a file is sent, its columns are named, it is rehearsed, applied and undone."""

from __future__ import annotations

import csv
import io
import re
import secrets
import zipfile
from typing import Any

from flask import Flask
from sqlalchemy import text

from app.core.db import db
from app.engine import exports, listing
from app.engine.access import Actor
from app.engine.fields import Secret
from app.engine.importing import runs
from app.engine.projection import projection
from app.engine.registry import REGISTRY
from tests.domains.conftest import House, house
from tests.web.desk import Desk, staff, words

__all__ = ["house"]


def send(desk: Desk, table: str, content: bytes | str, name: str = "file.csv", source: str = "") -> Any:
    form = desk.opened(f"/imports/new?table={table}", "source")
    sent = content.encode() if isinstance(content, str) else content
    data = {**form.values, "table": table, "source": source, "file": (io.BytesIO(sent), name)}
    with desk.client.application.app_context():
        return desk.client.post("/imports", data=data, content_type="multipart/form-data")


def begun(desk: Desk, table: str, content: bytes | str, name: str = "file.csv", source: str = "") -> str:
    response = send(desk, table, content, name, source)
    assert response.status_code == 303, re.findall(r"(?s)class=\"err\".*?</span>", words(response))
    return str(response.headers["Location"])


def rehearsed(desk: Desk, address: str, **choices: str) -> str:
    response = desk.send(f"{address}/rehearse", desk.opened(address, "mode"), **choices)
    assert response.status_code == 303, re.sub(r"\s+", " ", words(response))[:6000]
    return desk.page(address)


def customers(house: House, town: str) -> list[dict[str, Any]]:
    with db.engine.connect() as connection:
        found = connection.execute(
            text("SELECT * FROM customers WHERE tenant_id = :tenant AND bill_city = :town ORDER BY name"),
            {"tenant": house.tenant_id, "town": town},
        )
        return [dict(each._mapping) for each in found]


def test_a_file_of_another_program_is_read_named_rehearsed_brought_in_and_taken_back(app: Flask, house: House) -> None:
    town, mark = "Züri" + secrets.token_hex(3), secrets.token_hex(3)
    lines = [
        "Export of all accounts;;;;;;;",
        "Cust #;Company;City;Phone 1;E-mail;Credit limit;Tax Exempt;Notes",
        f"{mark}1;Ärger & Co;{town};(303) 555-0142 x12;a@b.example;$1.234,50;Y;N/A",
        f"{mark}2;'=Birch;{town};303.555.0143;n/a;(250,00);no;",
        f"{mark}3;Cedar;{town};555;c@d.example;10,00;yes;",
        f"{mark}4;Dune;{town};;not an address;10,00;maybe;",
        "Total;;;;;1.004,50;;;;extra",
    ]
    maria = staff(app, house, "Maria", "owner")
    address = begun(maria, "customers", "\r\n".join(lines).encode("cp1252"), "kunden.csv", f"src{mark}")
    page = maria.page(address)
    form = maria.opened(address, "mode").values
    chosen = [form[f"to.{n}"] for n in range(8)]
    assert chosen == [
        "@source", "name", "bill_city", "phone_e164", "email", "credit_limit", "tax_exempt", "notes",
    ]  # fmt: skip
    assert (form["also.3"], form["also_do.3"], form["key"], form["mode"]) == ("notes", "extension", "source", "both")
    how = maria.opened(address, "encoding").values
    assert (how["encoding"], how["delimiter"], how["header_row"], how["decimal"]) == ("cp1252", ";", "2", "comma")
    assert "Ärger & Co" in page

    page = rehearsed(maria, address)
    assert not customers(house, town), "nothing is written before Apply"
    assert "Credit limit: Enter 0 or more." in page
    assert "Phone 1: Enter 10 digits" in page
    assert "E-mail: Enter an address like name@example.com." in page
    assert "The row has 10 fields where the heading has 8." in page
    refused = maria.get(f"{address}/refused/1.csv").get_data(as_text=True).lstrip("\ufeff")
    sent_back = list(csv.reader(io.StringIO(refused)))
    assert sent_back[0][:8] == lines[1].split(";")
    assert [row[0] for row in sent_back[1:]] == [f"{mark}2", f"{mark}3", f"{mark}4", "Total"]
    assert sent_back[1][1] == "'=Birch", "what a spreadsheet would run goes out as text again"

    done = maria.send(f"{address}/apply", maria.opened(address, "reason"), reason="")
    assert done.status_code == 422
    maria.send(f"{address}/apply", maria.opened(address, "reason"), reason="the move")
    (only,) = customers(house, town)
    assert (only["name"], only["phone_e164"], only["notes"], str(only["credit_limit"]), only["tax_exempt"]) == (
        "Ärger & Co", "+13035550142", "ext. 12", "1234.50", True,
    )  # fmt: skip
    assert (only["external_source"], only["external_id"]) == (f"src{mark}", f"{mark}1")

    page = maria.page(address)
    undo = re.search(r'action="(/change-sets/\d+/undo)"', page)
    assert undo
    maria.send(undo[1], maria.opened(address, "together"))
    assert not customers(house, town), "what an import brought goes again, and its keys with it"

    again = begun(maria, "customers", "\r\n".join(lines).encode("cp1252"), "kunden.csv", f"src{mark}")
    assert [maria.opened(again, "mode").values[f"to.{n}"] for n in range(8)] == chosen, "remembered"
    rehearsed(maria, again)
    maria.send(f"{again}/apply", maria.opened(again, "reason"), reason="after all")
    (only,) = customers(house, town)
    assert only["archived_at"] is None, "what was taken back comes in anew, and not twice"


def test_a_role_brings_in_what_its_forms_let_it_write_and_sees_only_its_own_imports(app: Flask, house: House) -> None:
    mark = secrets.token_hex(3)
    sales, dispatcher = staff(app, house, "Sal", "sales"), staff(app, house, "Dee", "dispatcher")
    assert "/imports/new?table=customers" in sales.page("/crm/customers")
    assert "/imports/new?table=customers" not in dispatcher.page("/crm/customers")
    response = send(sales, "invoices", "number\n1\n")
    assert response.status_code == 422
    assert "Choose what the rows of the file are." in words(response)

    address = begun(sales, "customers", f"Name,Status,Open balance\nAcme {mark},active,99999.00\n")
    form = sales.opened(address, "mode")
    assert (form.values["to.0"], form.values["to.1"], form.values["to.2"]) == ("name", "", "")
    forged = sales.send(f"{address}/rehearse", form, to__2="open_balance")
    assert forged.status_code == 422
    assert "a field your role does not write" in words(forged)
    assert dispatcher.get(address).status_code == 404
    assert sales.get(address).status_code == 200


def test_many_money_rows_need_a_second_person(app: Flask, house: House) -> None:
    mark = secrets.token_hex(3)
    customer = house.given("customers", name=f"Acme {mark}", number=f"C-{mark}")
    bill = staff(app, house, "Bill", "billing")
    rows = "".join(f"C-{mark},2026-03-{1 + n % 28:02},{n + 1}.00,check\n" for n in range(26))
    address = begun(bill, "payments", "Customer,Received on,Amount,Method\n" + rows)
    page = rehearsed(bill, address, by__0="number")
    assert "Ask for approval to bring in 26 rows" in page, re.sub(r"\s+", " ", page)[-6000:]
    bill.send(f"{address}/apply", bill.opened(address, "reason"), reason="March by hand")
    with db.engine.connect() as connection:
        asked = text("SELECT count(*) FROM payments WHERE customer_id = :customer")
        assert connection.execute(asked, {"customer": customer}).scalar() == 0, "asked for, not done"


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/workbook.xml", b"<x/>")
        file.writestr("xl/worksheets/sheet1.xml", b"0" * 80_000_000)
    return packed.getvalue()


def test_what_is_no_table_is_told_in_a_sentence_and_leaves_nothing(app: Flask, house: House) -> None:
    maria = staff(app, house, "Maria", "owner")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("customers.csv", "name\nAcme\n")
    for content, sentence in (
        (b"", "This file is empty."),
        (b"%PDF-1.7 ...", "This is a PDF file."),
        (bomb(), "unpacks to far more than it seems to hold"),
        (packed.getvalue(), "This ZIP file holds no workbook."),
        (b"name\n" + b"x" * 3_000_000, "is longer than 2,000,000 characters"),
        (b",".join(b"c%d" % n for n in range(100_000)) + b"\n1\n", "100,000 columns; at most 500"),
        (b'name\n"' + b"x\n" * 200_000, "Perhaps a quotation mark is not closed."),
        (b"PK\x03\x04 and nothing more", "This file is damaged"),
    ):
        response = send(maria, "customers", content, "customers.xlsx")
        assert (response.status_code, sentence in words(response)) == (422, True), (sentence, words(response)[-3000:])
    assert "No imports yet" in maria.page("/imports")
    named = begun(maria, "customers", "Name\nAcme\n", "customers.xlsx")
    assert "It is called a workbook, but it is a text file" in maria.page(named)


def test_a_file_swapped_after_the_rehearsal_is_not_applied(app: Flask, house: House) -> None:
    town = secrets.token_hex(4)
    maria = staff(app, house, "Maria", "owner")
    address = begun(maria, "customers", f"Name,City\nAcme,{town}\n")
    rehearsed(maria, address)
    number = int(address.rpartition("/")[2])
    with db.engine.begin() as connection:
        sheet = runs.find(connection, number, house.tenant_id).sheets[0].id
        connection.execute(text("UPDATE import_parts SET bytes = 'Name' WHERE sheet_id = :sheet"), {"sheet": sheet})
    response = maria.send(f"{address}/apply", maria.opened(address, "reason"), reason="now")
    assert (response.status_code, "is not what was rehearsed any more" in words(response)) == (409, True)
    assert not customers(house, town)


def taken_out(actor: Actor, table: str, kind: str, *only: tuple[str, str]) -> bytes:
    """The list of a table with every column there is, as its export gives it."""
    view = projection(REGISTRY[table], actor)
    columns = ",".join(each.name for each in view.fields if not isinstance(each, Secret) and each.expr is None)
    query = listing.read_query([("cols", columns), *only], view, actor.timezone)
    if kind == "csv":
        return "".join(exports.csv_lines(db.engine, query, actor)).encode()
    return b"".join(exports.xlsx_chunks(db.engine, query, actor))


def test_what_was_taken_out_and_brought_in_again_unchanged_writes_nothing(app: Flask, house: House) -> None:
    maria = staff(app, house, "Maria", "owner")
    town = secrets.token_hex(4)
    customer = house.given(
        "customers", name="=SUM(A1)", bill_city=town, notes=" N/A \r\n'=second", tags=["a, b", "c"], phone_e164="+13035550142",
        credit_limit="1234.50", email="Not An Address", website="'=x", tax_exempt_expires_on="2026-02-28", legal_name=" ",
    )  # fmt: skip
    house.given(
        "properties", name="-1 Elm", line1="1 Elm", city=town, region="CO", postal="01234", customer_id=customer
    )
    for table, kind, only in (
        ("customers", "csv", ("bill_city", town)),
        ("customers", "xlsx", ("bill_city", town)),
        ("properties", "csv", ("city", town)),
    ):
        address = begun(maria, table, taken_out(maria.actor, table, kind, only), f"x.{kind}")
        assert maria.opened(address, "mode").values["key"] == "id"
        page = rehearsed(maria, address, blanks="clear")
        assert "There is nothing to apply: all of it is here already, or refused." in page, (table, kind)
        assert "Nothing stands in the way" in page, re.sub(r"\s+", " ", page)[-5000:]
