"""The atlas shows every table of a database somebody else built, quickly, whatever its name, to those who may explore."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import quote

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.core.db import db
from app.domains.auth import staff
from app.engine.access import SYSTEM
from app.engine.apply import change, transaction
from app.engine.atlas import readings
from app.web import session_rows
from tests import ugly
from tests.conftest import _application
from tests.servers import Database, Server


@pytest.fixture(scope="module")
def foreign(postgres: Server, migrated: str, process_name: str) -> Iterator[Database]:
    """Some three hundred tables of other people's, which the console may read, beside our own."""
    with postgres.clone(migrated, f"adopted_{process_name}") as database:
        ugly.build(database.superuser_url)
        with psycopg.connect(database.superuser_url, autocommit=True) as root:
            for schema in ugly.SCHEMAS:
                root.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO console_app'.encode())
                root.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO console_app'.encode())
        yield database


@pytest.fixture(scope="module")
def adopted(foreign: Database) -> Iterator[Flask]:
    yield from _application(foreign.config())


@pytest.fixture(scope="module")
def person(adopted: Flask) -> Callable[[str], FlaskClient]:
    kept: dict[str, FlaskClient] = {}

    def sign_in(role: str) -> FlaskClient:
        if role in kept:
            return kept[role]
        mark = secrets.token_hex(4)
        with adopted.app_context():
            tenant_id = staff.company()
            with change(SYSTEM(tenant_id), action="test", channel="system") as connection:
                staff.create(connection, tenant_id, f"{role}-{mark}@ridge.example", role, must_change=False)
            with transaction() as connection:
                user_id = connection.execute(
                    text("SELECT id FROM users WHERE email = :email"), {"email": f"{role}-{mark}@ridge.example"}
                ).scalar_one()
                visit = connection.execute(
                    text(
                        "INSERT INTO user_sessions (tenant_id, user_id, outcome) VALUES (:t, :u, 'success') RETURNING id"
                    ),
                    {"t": tenant_id, "u": user_id},
                ).scalar_one()
                token = session_rows.begin(
                    connection, user_id=user_id, tenant_id=tenant_id, user_session_id=visit, ip=None, agent="test"
                )
        kept[role] = adopted.test_client()
        kept[role].set_cookie("console", token)
        return kept[role]

    return sign_in


@pytest.fixture(scope="module")
def owner(person: Callable[[str], FlaskClient]) -> FlaskClient:
    return person("owner")


def page(client: FlaskClient, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, (address, answer.status_code)
    return answer.get_data(as_text=True)


def listed(html: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'data-field="qualified"[^>]*><a href="[^"]*">([^<]*)</a>', html)]


def test_the_atlas_of_a_foreign_database_is_up_at_once_and_says_what_it_rests_on(owner: FlaskClient) -> None:
    html = page(owner, "/explorer")
    assert "No readings yet." in html and len(listed(html)) == 50
    page(owner, "/explorer")
    with owner.application.app_context():
        assert readings.take() > 300
    assert "No readings yet." not in page(owner, "/explorer")


def test_every_table_is_reached_by_paging_and_each_leads_to_its_rows(owner: FlaskClient, foreign: Database) -> None:
    seen, address, html = [], "/explorer?sort=qualified&limit=200", ""
    while address:
        html = page(owner, address)
        seen += listed(html)
        following = re.search(r'<a [^>]*rel="next"[^>]*>', html)
        address = unescape(re.findall(r'href="([^"]+)"', following[0])[0]) if following else ""
    with psycopg.connect(foreign.superuser_url) as root:
        there = {row[0] for row in root.execute(
            "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
        )}  # fmt: skip
    assert len(seen) == len(set(seen)) and set(seen) == there
    assert 'href="/explorer/ugly.people"' in page(owner, "/explorer?q=ugly.people")


def test_it_filters_sorts_searches_and_scopes_like_any_list(owner: FlaskClient) -> None:
    ugly_ones = listed(page(owner, "/explorer?schema_name=ugly&limit=200"))
    assert ugly_ones and set(ugly_ones) <= set(listed(page(owner, "/explorer?q=ugly.&limit=200")))
    assert listed(page(owner, "/explorer?scope=Broken"))[0].startswith("ugly.")
    assert not [name for name in listed(page(owner, "/explorer?scope=Undeclared")) if name.startswith("console.")]
    assert len(listed(page(owner, "/explorer?bytes.gte=1%20MB"))) < len(
        listed(page(owner, "/explorer?bytes.gte=40%20kB"))
    )
    assert listed(page(owner, "/explorer?verdict=empty&kind=table&is_ours=false&limit=10"))
    assert "Nothing matches" in page(owner, "/explorer?q=nothing-is-called-this")
    assert "no column" in page(owner, "/explorer?cols=nothing", 400)
    assert owner.get("/explorer/filters?add=verdict&value=live").headers["Location"] == "/explorer?verdict=live"
    for part in ("filters", "columns"):
        assert "/explorer" in page(owner, f"/explorer/{part}")


def test_it_is_taken_out_as_csv_json_and_workbook(owner: FlaskClient) -> None:
    rows = list(
        csv.DictReader(io.StringIO(page(owner, "/explorer.csv?schema_name=ugly&sort=qualified").lstrip("\ufeff")))
    )
    assert len(rows) > 30 and rows[0]["why"].startswith("/explorer/")
    found = json.loads(page(owner, "/explorer.json?schema_name=ugly"))
    assert {each["qualified"] for each in found} == {each["qualified"] for each in rows}
    assert owner.get("/explorer.xlsx?scope=Empty").data.startswith(b"PK")


def test_every_odd_table_shows_its_evidence(owner: FlaskClient) -> None:
    names = listed(page(owner, "/explorer?schema_name.in=ugly,Odd%20Names&limit=200"))
    assert len(names) > 40
    for name in names:
        html = page(owner, f"/explorer/about/{quote(name, safe='')}")
        assert "Verdict" in html and "{{" not in html, name
    assert "every read of it fails" in page(owner, "/explorer/about/ugly.an_unpopulated_matview")
    page(owner, "/explorer/about/ugly.nothing_of_that_name", 404)


def test_what_was_read_over_time_is_drawn_and_told_by_day(owner: FlaskClient) -> None:
    with owner.application.app_context(), transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO table_readings (schema_name, table_name, taken_at, rows_estimate, inserts, updates)"
                " SELECT 'ugly', 'pair_lines', clock_timestamp() + n * interval '1 day', 40 + n * 7, 40 + n * 7, n"
                " FROM generate_series(1, 5) n"
            )
        )
    html = page(owner, "/explorer/about/ugly.pair_lines")
    assert "6 readings" in html and 'aria-label="Rows, about: from' in html
    assert re.findall(r'<td class="num">(\d+)</td></tr>', html)[:4] == ["8"] * 4


def test_the_statement_for_a_missing_index_is_right_and_ready_to_run(owner: FlaskClient, foreign: Database) -> None:
    with psycopg.connect(foreign.superuser_url, autocommit=True) as root:
        root.execute('CREATE TABLE ugly."Lent out" ("Of whom" bigint REFERENCES console.customers)')
        html = unescape(page(owner, "/explorer/about/ugly.Lent%20out"))
        statement = re.search(r"<code[^>]*>(CREATE INDEX[^<]*)</code>", html)
        assert statement
        root.execute(statement[1].encode())
        assert "Indexes missing" not in page(owner, "/explorer/about/ugly.Lent%20out")
        root.execute('DROP TABLE ugly."Lent out"')
    gone = page(owner, "/explorer?q=Lent")
    assert "Nothing matches" in gone


def test_a_table_that_went_since_the_survey_gives_a_plain_page(owner: FlaskClient, foreign: Database) -> None:
    with psycopg.connect(foreign.superuser_url, autocommit=True) as root:
        root.execute("CREATE TABLE ugly.passing (id int)")
        html = page(owner, "/explorer?q=ugly.passing")
        key = re.search(r'data-key="(\d+)"', html)
        root.execute("DROP TABLE ugly.passing")
    assert key and "This table has gone." in page(owner, f"/explorer/{key[1]}")
    page(owner, "/explorer/999999999", 404)


def test_every_domain_has_a_map_with_links_and_the_same_as_a_table(owner: FlaskClient) -> None:
    with owner.application.app_context(), db.engine.connect() as connection:
        domains = connection.scalars(text("SELECT DISTINCT domain FROM atlas_entries")).all()
    assert {"crm", "ai", "ugly"} <= set(domains)
    for domain in domains:
        html = page(owner, f"/explorer/map/{quote(domain, safe='')}")
        boxes = re.findall(r'<a href="/explorer/about/[^"]+" class="box', html)
        assert boxes and "The same as a table" in html
    crm = page(owner, "/explorer/map/crm")
    assert 'aria-label="console.invoice_lines' in crm and crm.count("marker-end") > 30
    page(owner, "/explorer/map/nothing", 404)


def test_only_who_may_explore_sees_it_and_nobody_writes(
    person: Callable[[str], FlaskClient], owner: FlaskClient
) -> None:
    key = re.search(r'data-key="(\d+)"', page(owner, "/explorer"))
    assert key
    addresses = ("/explorer", f"/explorer/{key[1]}", "/explorer/map/crm", "/explorer/about/ugly.people", "/explorer.csv",
                 "/explorer/filters", "/explorer/columns")  # fmt: skip
    for role, status in (("dispatcher", 404), ("viewer", 404), ("auditor", 200), ("admin", 200)):
        for address in addresses:
            page(person(role), address, status)
    for address in ("/explorer/new", f"/explorer/{key[1]}/edit", f"/explorer/{key[1]}/delete"):
        assert "computed from the database itself" in page(owner, address, 403)
