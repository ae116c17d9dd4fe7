"""The SQL desk over HTTP, without script: who may come in, what is kept, what is logged, and how a result becomes a list."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from app.first_start import furnish_desk
from tests.domains.conftest import House
from tests.servers import Database
from tests.web.desk import Desk, sit

ENGINEER = ("customers.read", "sql.run", "sql.share", "home.read")


@pytest.fixture
def nadia(app: Flask, house: House, database: Database) -> Desk:
    furnish_desk(database.config())
    for name in ("Alamo Storage", "Bluestem Dairy", "Cobalt Labs"):
        house.given("customers", name=name, bill_city="Denver", bill_line1="1 Secret Way")
    return sit(app, house, "Nadia", *ENGINEER)


def run(desk: Desk, statement: str, **more: str) -> str:
    form = desk.opened("/sql", "statement")
    return desk.sentence(desk.send("/sql", form, statement=statement, do="run", **more))


def test_only_who_may_ask_finds_the_desk(app: Flask, house: House, nadia: Desk) -> None:
    clerk = sit(app, house, "Carl", "customers.read", "customers.write")
    assert 'href="/sql"' not in clerk.page("/crm/customers")
    clerk.page("/sql", 404)
    assert clerk.send("/sql", nadia.opened("/sql", "statement"), statement="SELECT 1").status_code in (400, 404)
    assert 'href="/sql"' in nadia.page("/crm/customers")


def test_an_answer_a_refusal_and_a_value_keep_what_was_typed(nadia: Desk) -> None:
    page = run(nadia, "SELECT name, bill_line1 FROM customers ORDER BY name")
    assert "Alamo Storage" in page
    assert "Secret Way" not in page
    assert "••••" in page
    page = run(nadia, "SELECT name FROM customers\nWHERE bill_line1 LIKE '1%'")
    assert "customers.bill_line1 is masked for your role" in page
    assert "Line 2, column 7." in page
    assert "WHERE bill_line1 LIKE '1%'" in page
    page = run(nadia, "SELECT name FROM customers WHERE name = :who")
    assert "It asks for values." in page
    assert "Cobalt Labs" in run(nadia, "SELECT name FROM customers WHERE name = :who", **{"v-who": "Cobalt Labs"})


def test_a_query_is_kept_shared_and_changed_by_its_owner_alone(app: Flask, house: House, nadia: Desk) -> None:
    form = nadia.opened("/sql", "statement")
    refused = nadia.send("/sql/queries", form, statement="SELECT name FROM customers", name="")
    assert refused.status_code == 422
    assert "Give it a name" in nadia.sentence(refused)
    kept = nadia.send("/sql/queries", form, statement="SELECT :x", name="All names", shared="1", do="keep-new")
    assert kept.status_code == 303
    where = kept.headers["Location"]
    again = nadia.send("/sql/queries", form, statement="SELECT 2", name="All names", do="keep-new")
    assert "You have a query of this name already." in nadia.sentence(again)
    ravi = sit(app, house, "Ravi", *ENGINEER)
    assert "All names" in ravi.page(where)
    opened = ravi.opened(where, "statement")
    assert opened.values["statement"] == "SELECT :x"
    number = where.rpartition("=")[2]
    assert ravi.send(f"/sql/queries/{number}/forget", opened).status_code == 404
    opened = nadia.opened(where, "statement")
    assert nadia.send("/sql/queries", opened, statement="SELECT 3", do="keep").status_code == 303
    stale = nadia.send("/sql/queries", opened, statement="SELECT 4", do="keep")
    assert stale.status_code == 409
    assert "SELECT 4" in nadia.sentence(stale)
    assert nadia.send(f"/sql/queries/{number}/forget", opened).status_code == 303
    nadia.page(where, 404)


def test_a_result_with_a_key_opens_as_a_list_of_just_those(app: Flask, house: House, nadia: Desk) -> None:
    page = run(nadia, "SELECT id, name FROM customers WHERE name < 'C' ORDER BY name")
    assert "Open 2 customers as a selection" in page
    form = nadia.form(
        nadia.send("/sql", nadia.opened("/sql", "statement"), statement="SELECT id FROM customers WHERE name < 'C'", do="run")
        .get_data(as_text=True),
        "keys",
    )  # fmt: skip
    where = nadia.send("/sql/records", form).headers["Location"]
    listed = nadia.page(where)
    assert "Bluestem Dairy" in listed
    assert "Cobalt Labs" not in listed
    assert "a result at the SQL desk" in listed
    # It is hers: for anybody else there is nothing in it.
    ravi = sit(app, house, "Ravi", *ENGINEER)
    assert "Bluestem Dairy" not in ravi.page(where)


def test_records_found_in_sql_are_put_right_by_a_rehearsed_fix(app: Flask, house: House, nadia: Desk) -> None:
    wrong = [house.given("customers", name=f"Cut {n}", bill_city="Denvr", status="active") for n in range(3)]
    ella = sit(app, house, "Ella", *ENGINEER, "customers.write")
    page = run(ella, "SELECT id, name FROM customers WHERE bill_city = 'Denvr'")
    selected = ella.page(ella.send("/sql/records", ella.form(page, "keys")).headers["Location"])
    at = str(ella.send("/plans", ella.form(selected, "rows"), rows="all").headers["Location"])
    assert "Edit 3 customers" in ella.page(at)
    chosen = ella.form(ella.page(at), "do.bill_city")
    assert ella.send(f"{at}/rehearse", chosen, do__bill_city="set", bill_city="Denver").status_code == 303
    form = ella.form(ella.page(at), "reason")
    assert ella.send(f"{at}/apply", form, reason="found at the desk").status_code == 303
    assert "3 customers changed" in ella.page(at)
    assert [house.row("customers", key)["bill_city"] for key in wrong] == ["Denver"] * 3


def test_everything_sent_is_in_the_log_which_shows_an_auditor_no_values(app: Flask, house: House, nadia: Desk) -> None:
    run(nadia, "SELECT name FROM customers WHERE name = 'Alamo Storage'")
    run(nadia, "DELETE FROM customers")
    auditor = sit(app, house, "Ulla", "*.read")
    page = auditor.page("/platform/sql_runs")
    assert "SELECT name FROM customers WHERE name = ?" in page
    assert "Only SELECT, WITH … SELECT, VALUES and EXPLAIN of these run here, not DELETE." in page
    assert "'Alamo Storage'" not in page


def test_where_there_is_no_login_for_it_the_desk_says_what_to_do(app: Flask, nadia: Desk) -> None:
    config = app.extensions["console.config"]
    app.extensions["console.config"] = replace(config, desk_database_url=None)
    try:
        page = nadia.page("/sql")
        assert "The desk is shut." in page
        assert "CREATE ROLE console_desk" in page
        sent = nadia.send("/sql", nadia.opened("/sql", "statement"), statement="SELECT 1", do="run")
        assert sent.status_code == 503
        assert "SELECT 1" in nadia.sentence(sent)
    finally:
        app.extensions["console.config"] = config
