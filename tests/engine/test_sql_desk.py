"""The SQL desk: what may be asked there, and what nobody gets out of it, whatever they write."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import text

from app.config import Config
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.desk import log, running, views
from app.engine.desk.log import Asking
from app.engine.desk.running import Needed, Result, Shut, Stopped, open_desk
from app.engine.desk.statement import Objection, parameters, place_of, read
from app.first_start import furnish_desk
from tests.domains.conftest import House, house
from tests.servers import Database

__all__ = ["house"]
ENGINEER = ("customers.read", "jobs.read", "leads.read", "sql.run")
LONG = "SELECT count(*) FROM generate_series(1, 90000) AS a, generate_series(1, 90000) AS b"
"""Minutes of work with next to nothing on disk: a fast machine fills what the desk may use of that within a second."""
"""Reads customers and may not change them, so personal fields are dots to her."""


@dataclass
class Desk:
    """Nadia, an engineer, before the desk of one company."""

    config: Config
    nadia: Actor
    house: House

    def asks(self, statement: str, who: Actor | None = None, seconds: int = 10, **values: str) -> Result:
        actor = who or self.nadia
        understood = read(statement, views.shown_with(actor.permissions))
        kind = "explain" if understood.explains else "run"
        found = running.run(self.config, Asking(actor, statement, values, kind=kind, seconds=seconds), understood)
        assert isinstance(found, Result), found
        return found

    def column(self, statement: str, who: Actor | None = None, **values: str) -> list[str | None]:
        return [row[0] for row in self.asks(statement, who, **values).rows]

    def runs(self) -> list[tuple[str, str | None]]:
        """(what came of it, why) of what was sent here, oldest first."""
        found = self.house.connection.execute(
            text("SELECT outcome, why FROM sql_runs WHERE tenant_id = :tenant ORDER BY id"),
            {"tenant": self.house.tenant_id},
        )
        return [(row.outcome, row.why) for row in found]


@pytest.fixture
def desk(house: House, database: Database) -> Iterator[Desk]:
    config = database.config()
    furnish_desk(config)
    nadia = house.person("Nadia", *ENGINEER)
    for name, street in (("Alamo Storage", "1 Secret Way"), ("Bluestem Dairy", "2 Quiet Lane"), ("Cobalt Labs", None)):
        house.given("customers", name=name, bill_line1=street, bill_city="Denver")
    return Desk(config, nadia, house)


ALLOWED = (
    "SELECT name, bill_city FROM customers ORDER BY name LIMIT 2",
    "SELECT * FROM customers",
    "TABLE customers;",
    "VALUES (1, 'a'), (2, 'b')",
    "WITH c AS (SELECT * FROM customers) SELECT name, bill_line1 FROM c -- as dots",
    "SELECT c.bill_city, count(*), sum(c.open_balance) FROM customers c LEFT JOIN jobs j ON j.customer_id = c.id GROUP BY 1",
    "SELECT name FROM customers WHERE EXISTS (SELECT * FROM jobs WHERE jobs.customer_id = customers.id) OR name ILIKE 'a%'",
    "SELECT name, rank() OVER (PARTITION BY bill_city ORDER BY open_balance DESC) FROM customers",
    "SELECT extract(year FROM now()), current_date, date '2026-01-01' + interval '1 day', (ARRAY[1, 2])[1], 1::numeric(10, 2)",
    "SELECT n, (n || ' days')::interval FROM generate_series(1, 3) AS n",
    "SELECT j.number FROM jobs j, LATERAL (SELECT j.customer_id) AS x UNION SELECT number FROM customers",
    "EXPLAIN SELECT name FROM customers",
)


def test_ordinary_questions_are_answered(desk: Desk) -> None:
    for statement in ALLOWED:
        assert desk.asks(statement).ms >= 0, statement
    assert {outcome for outcome, _ in desk.runs()} == {"done"}


CHANGES = (
    "DELETE FROM customers",
    "UPDATE customers SET name = 'x'",
    "INSERT INTO customers (name) VALUES ('x')",
    "DROP TABLE customers",
    "WITH gone AS (DELETE FROM customers RETURNING *) SELECT * FROM gone",
    "SELECT * INTO copied FROM customers",
    "SELECT name FROM customers FOR UPDATE",
    "COPY customers TO STDOUT",
    "SET statement_timeout = 0",
    "SHOW all",
    "BEGIN",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE customers",
    "CREATE TABLE x AS SELECT 1",
    "DO $$BEGIN END$$",
    "LOCK customers",
    "CALL anything()",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN DELETE FROM customers",
    "LISTEN ledger",
    "VACUUM",
    "",
    "-- nothing",
)
REACHES = (
    "SELECT * FROM pg_stat_activity",
    "SELECT * FROM pg_stats",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM information_schema.columns",
    "SELECT * FROM console.customers",
    "SELECT * FROM public.customers",
    "SELECT * FROM users",
    "SELECT * FROM sessions",
    "SELECT * FROM sql_runs",
    "SELECT * FROM alembic_version",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_sleep(60)",
    "SELECT pg_catalog.pg_sleep(60)",
    "SELECT set_config('console.permit', 'x', false)",
    "SELECT current_setting('console.permit')",
    "SELECT pg_cancel_backend(1)",
    "SELECT pg_terminate_backend(1)",
    "SELECT pg_advisory_lock(7314880001)",
    "SELECT pg_notify('ledger', 'x')",
    "SELECT query_to_xml('SELECT 1', true, true, '')",
    "SELECT dblink('', 'SELECT 1')",
    "SELECT table_to_xml('customers', true, true, '')",
    "SELECT has_table_privilege('customers', 'SELECT')",
    "SELECT 'customers'::regclass",
    "SELECT 'pg_sleep'::regproc",
    "SELECT nextval('customers_id_seq')",
    "SELECT repeat('x', 1000000000)",
    "SELECT lpad('x', 1000000000)",
    "SELECT * FROM pg_ls_dir('.') AS f",
    "SELECT console_desk.company_for('customers')",
    "SELECT 1 OPERATOR(public.=) 1",
    "SELECT xmlelement(name a)",
    "SELECT * FROM customers TABLESAMPLE SYSTEM (100)",
    "SELECT * FROM ROWS FROM (pg_ls_dir('.'))",
    "SELECT version()",
    "SELECT pg_typeof(c) FROM customers c",
)
GUESSES = (
    "SELECT count(*) FILTER (WHERE bill_line1 LIKE '1%') FROM customers",
    "SELECT name FROM customers ORDER BY bill_line1",
    "SELECT name FROM customers WHERE bill_line1 = '1 Secret Way'",
    "SELECT upper(bill_line1) FROM customers",
    "SELECT bill_line1 || '' FROM customers",
    "SELECT bill_line1::text FROM customers",
    "SELECT min(bill_line1) FROM customers",
    "SELECT row_to_json(c) FROM customers c",
    "SELECT c::text FROM customers c",
    "SELECT c FROM customers c",
    "SELECT customers FROM customers",
    "SELECT (c).bill_line1 FROM customers c",
    "SELECT to_jsonb(c.*) FROM customers c",
    "SELECT count(c.*) FROM customers c",
    "SELECT ROW(c.*) FROM customers c",
    "SELECT jsonb_agg(c) FROM customers c",
    "SELECT bill_line1 AS b FROM customers ORDER BY b",
    "SELECT bill_line1 FROM customers ORDER BY 1",
    "SELECT * FROM customers ORDER BY 9",
    "SELECT bill_line1, count(*) FROM customers GROUP BY 1",
    "SELECT bill_line1 FROM customers GROUP BY bill_line1",
    "SELECT DISTINCT bill_line1 FROM customers",
    "SELECT DISTINCT * FROM customers",
    "SELECT bill_line1 FROM customers UNION SELECT 'x'",
    "TABLE customers INTERSECT TABLE customers",
    "SELECT name FROM customers UNION ALL SELECT bill_line1 FROM customers",
    "WITH x AS (SELECT bill_line1 AS b FROM customers) SELECT b FROM x",
    "SELECT b FROM (SELECT bill_line1 AS b FROM customers) x",
    "SELECT a.name FROM customers a JOIN customers b USING (bill_line1)",
    "SELECT 1 FROM customers NATURAL JOIN leads",
    "SELECT a.name FROM customers a JOIN customers b ON a.bill_line1 = b.bill_line1",
    "SELECT c.name, x.* FROM customers c, LATERAL (SELECT c.bill_line1) x",
    "SELECT (SELECT max(bill_line1) FROM customers)",
    "SELECT name FROM customers WHERE 'x' IN (SELECT bill_line1 FROM customers)",
    "SELECT x.e FROM customers AS x (a, b, c, d, e)",
    "SELECT name, rank() OVER (ORDER BY bill_line1) FROM customers",
    "SELECT name FROM customers LIMIT (SELECT length(bill_line1))",
    "SELECT CASE WHEN bill_line1 IS NULL THEN 1 END FROM customers",
    "SELECT coalesce(bill_line1, 'none') FROM customers",
    "SELECT name FROM customers WHERE bill_line1 IS NOT NULL",
    "EXPLAIN SELECT name FROM customers WHERE bill_line1 = 'x'",
    "SELECT sum(1) OVER w FROM customers WINDOW w AS (PARTITION BY bill_line1)",
    "SELECT name FROM customers WHERE bill_line1 = :x",
)


@pytest.mark.parametrize("statement", [*CHANGES, *REACHES, *GUESSES])
def test_what_is_not_a_question_for_the_desk_is_refused(statement: str, app: Flask) -> None:
    with pytest.raises(Objection) as refused:
        read(statement, views.shown_with(frozenset(ENGINEER)))
    assert refused.value.sentence.endswith(".")
    if statement in GUESSES:
        assert "mask" in refused.value.sentence


def test_the_place_of_what_is_wrong_is_named(desk: Desk) -> None:
    statement = "SELECT name\n  FROM customers\n WHERE é = 1 FROM"
    with pytest.raises(Objection) as refused:
        read(statement, views.shown_with(desk.nadia.permissions))
    assert place_of(statement, refused.value.at or 0) == (3, 14)
    statement = "-- wrong\nSELECT name, colour FROM customers WHERE name = :called"
    with pytest.raises(Objection) as refused:
        desk.asks(statement)
    assert place_of(statement, refused.value.at or 0) == (2, 14)


def test_a_masked_column_is_dots_and_cannot_be_told_by_a_statement_that_slipped_through(desk: Desk) -> None:
    found = desk.asks("SELECT name, bill_line1, id FROM customers ORDER BY name")
    assert [row[1] for row in found.rows] == ["••••"] * 3
    assert found.columns[1].masked
    assert not found.columns[0].masked
    rick = desk.house.person("Rick", *ENGINEER, "customers.reveal")
    assert desk.column("SELECT bill_line1 FROM customers ORDER BY 1", rick) == ["1 Secret Way", "2 Quiet Lane", None]
    # Were the reading of the text to fail, the views would still hold nothing.
    honest = read("SELECT name FROM customers", views.shown_with(desk.nadia.permissions))
    for guess in GUESSES[:13]:
        slipped = replace(honest, sql=guess)
        try:
            found_anyway = running.run(desk.config, Asking(desk.nadia, guess, {}), slipped)
        except Objection:
            continue
        assert "Secret" not in str(found_anyway), guess
        assert "Quiet" not in str(found_anyway), guess
    assert "Secret" not in str(
        running.run(desk.config, Asking(desk.nadia, "", {}), replace(honest, sql="SELECT c FROM customers c"))
    )


def test_another_company_is_not_there(desk: Desk, app: Flask) -> None:
    with transaction() as connection:
        other = connection.execute(
            text("INSERT INTO tenants (slug, name) VALUES (:slug, 'Neighbour') RETURNING id"),
            {"slug": secrets.token_hex(6)},
        ).scalar_one()
        connection.execute(
            text("INSERT INTO customers (tenant_id, number, name) VALUES (:tenant, 'N-1', 'Nextdoor Ltd')"),
            {"tenant": other},
        )
    names = desk.column("SELECT name FROM customers ORDER BY name")
    assert names == ["Alamo Storage", "Bluestem Dairy", "Cobalt Labs"]
    assert desk.column("SELECT count(*) FROM customers WHERE name ILIKE '%nextdoor%'") == ["0"]
    # An error that would tell is worked out on no row of theirs.
    assert desk.column("SELECT 1 / (CASE WHEN name = 'Nextdoor Ltd' THEN 0 ELSE 1 END) FROM customers") == ["1"] * 3
    # Where companies share a table, the planner's numbers would tell how large the others are.
    plan = desk.asks("EXPLAIN SELECT name FROM customers").plan or ""
    assert "customers" in plan
    assert "rows=" not in plan


def test_without_a_line_in_the_log_the_login_reads_nothing_and_changes_nothing(desk: Desk, database: Database) -> None:
    with psycopg.connect(database.desk_url, autocommit=True) as plain:
        plain.execute("SET search_path = console_desk")
        assert plain.execute("SELECT count(*) FROM customers").fetchone() == (0,)
        plain.execute("SET default_transaction_read_only = off")
        for statement in (
            "SELECT * FROM console.customers", "SELECT * FROM console.users", "SELECT * FROM console.sql_runs",
            "UPDATE customers SET name = 'x'", "DELETE FROM customers", "CREATE TABLE x (a int)", "CREATE TEMP TABLE x (a int)",
            "SELECT pg_read_file('/etc/passwd')", "COPY (SELECT 1) TO PROGRAM 'true'", "SET ROLE console_app",
            "SET temp_file_limit = -1",
        ):  # fmt: skip
            with pytest.raises(psycopg.Error) as refused:
                plain.execute(statement)
            assert refused.value.sqlstate in ("42501", "42601", "0LP01", "55000"), (statement, refused.value)
        # Another's leave cannot be guessed, and what it read was written into it beforehand.
        leave = log.begin(
            Asking(desk.nadia, "x", {}), read("SELECT name FROM jobs", views.shown_with(desk.nadia.permissions))
        )
        plain.execute("SELECT set_config('console.permit', %s, false)", [leave.permit])
        assert plain.execute("SELECT count(*) FROM customers").fetchone() == (0,)
        log.end(leave, "done", None, 0, 0)


def test_values_are_asked_for_by_their_type_and_never_become_part_of_the_statement(desk: Desk) -> None:
    statement = (
        "SELECT name FROM customers WHERE name = :called AND created_at > :since AND open_balance >= :least::numeric"
    )
    assert parameters(statement) == ("called", "since", "least")
    understood = read(statement, views.shown_with(desk.nadia.permissions))
    needed = running.run(desk.config, Asking(desk.nadia, statement, {}), understood)
    assert isinstance(needed, Needed)
    assert [(name, kind) for name, kind, _ in needed.parameters] == [
        ("called", "text"),
        ("since", "moment"),
        ("least", "decimal"),
    ]
    given = {"since": "2020-01-01", "least": "0"}
    assert desk.column(statement, **given | {"called": "Alamo Storage"}) == ["Alamo Storage"]
    assert desk.column(statement, **given | {"called": "x' OR true --"}) == []
    with pytest.raises(Objection, match="numeric"):
        desk.asks(statement, **given | {"called": "x", "least": "much"})


def test_limits_of_time_rows_and_size(desk: Desk) -> None:
    with pytest.raises(Stopped) as late:
        desk.asks(LONG, seconds=1)
    assert late.value.outcome == "timed_out"
    many = desk.asks("SELECT n FROM generate_series(1, 5000) AS n")
    assert (len(many.rows), many.cut) == (1000, "The first 1,000 rows; there are more.")
    wide = desk.asks("SELECT string_agg(n::text, ',') FROM generate_series(1, 5000) AS n")
    assert len(wide.rows[0][0] or "") == running.LONGEST_CELL
    assert (0, 0) in wide.shortened
    assert [outcome for outcome, _ in desk.runs()] == ["timed_out", "cut", "done"]


def _in_background(app: Flask, desk: Desk, **asked: object) -> tuple[threading.Thread, list[Stopped]]:
    stopped: list[Stopped] = []

    def send() -> None:
        with app.app_context():
            understood = read(LONG, views.shown_with(desk.nadia.permissions))
            try:
                running.run(desk.config, Asking(desk.nadia, LONG, {}, seconds=60, **asked), understood)  # type: ignore[arg-type]
            except Stopped as why:
                stopped.append(why)

    thread = threading.Thread(target=send)
    thread.start()
    return thread, stopped


def _await(desk: Desk, running_now: int) -> None:
    until = time.monotonic() + 30
    while [outcome for outcome, _ in desk.runs()].count("running") != running_now:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_who_waits_may_cancel_and_nobody_has_more_than_two_under_way(app: Flask, desk: Desk) -> None:
    tickets = [secrets.token_hex(8) for _ in range(2)]
    threads = [_in_background(app, desk, ticket=ticket) for ticket in tickets]
    _await(desk, 2)
    with pytest.raises(Objection, match="2 statements under way"):
        desk.asks("SELECT 1")
    stranger = desk.house.person("Sam", *ENGINEER)
    assert not log.ask_to_stop(tickets[0], stranger)
    for ticket, (thread, stopped) in zip(tickets, threads, strict=True):
        assert log.ask_to_stop(ticket, desk.nadia)
        thread.join(30)
        assert [each.outcome for each in stopped] == ["cancelled"]
    assert desk.column("SELECT 1") == ["1"]


def test_the_watchdog_stops_what_nobody_waits_for(app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "SILENT", 1)
    thread, stopped = _in_background(app, desk, ticket=secrets.token_hex(8), beats=True)
    thread.join(30)
    assert [each.outcome for each in stopped] == ["cancelled"]


def test_without_a_login_of_its_own_or_with_too_strong_a_one_the_desk_stays_shut(
    desk: Desk, database: Database
) -> None:
    with pytest.raises(Shut) as shut:
        open_desk(replace(desk.config, desk_database_url=None))
    assert "CREATE ROLE console_desk" in shut.value.cure
    for too_strong in (database.app_url, database.superuser_url, database.owner_url):
        with pytest.raises(Shut, match="more than read its views"):
            open_desk(replace(desk.config, desk_database_url=too_strong))
    open_desk(desk.config)


def test_every_table_the_console_shows_can_be_asked_and_none_has_a_secret(desk: Desk, database: Database) -> None:
    shown = views.shown_with(frozenset({"*.*"}))
    assert len(shown) > 80
    assert "password_hash" not in shown["users"].columns
    with psycopg.connect(database.desk_url, autocommit=True) as plain:
        plain.execute("SET search_path = console_desk")
        for name, table in shown.items():
            found = plain.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name)))
            assert tuple(column.name for column in found.description or ()) == table.columns
            assert found.fetchall() == [], name
