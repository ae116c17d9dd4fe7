"""A company in which every text is an attack: pages show it as text, files hold it as text, and nothing breaks."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from app import demo, first_start
from app.core.db import db
from app.engine.registry import discover
from app.engine.resource import Resource
from app.first_start import email_for
from tests.conftest import _application
from tests.every.conftest import Company, _lone_rows, _signed_in
from tests.servers import Database, Server, fingerprint_of
from tests.small_export import write_export

every_resource = pytest.mark.parametrize("resource", list(discover()), ids=lambda each: each.name)


def _spoil(database: Database) -> None:
    export = database.data_dir / database.name / "export"
    write_export(export, "00201", "00260", 40)
    demo.load(database.owner_url, decisions=60, profile="hostile", export=export)
    first_start.make_accounts(database.config(demo=True))


@pytest.fixture(scope="module")
def spoiled(postgres: Server, migrated: str, process_name: str) -> Iterator[Company]:
    state = fingerprint_of("migrations", "app/roles.py", "app/demo", "app/domains", "app/first_start.py", "data")
    template = postgres.template("hostile", state, _spoil, migrated)
    with postgres.clone(template, f"hostile_{process_name}") as database:
        for app in _application(database.config()):
            with app.app_context():
                tokens = {"owner": _signed_in(email_for("owner"))}
                _lone_rows()
                with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as reading:
                    yield Company(app, reading, tokens, {})


class Markup(HTMLParser):
    """What a browser would make of a page, and what of it came from data."""

    ALLOWED = frozenset({"script", "style"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and not (given.get("src") or "").startswith("/static/"):
            self.faults.append(f"<script> {attrs}")
        if tag == "img" and given.get("src") == "x":
            self.faults.append("an image of the data")
        self.faults += [f"{tag} {name}={value}" for name, value in attrs if name.startswith("on") or name == "style"]
        address = (given.get("href") or given.get("action") or "").strip().lower()
        if address.startswith(("javascript:", "data:", "vbscript:")):
            self.faults.append(f"{tag} leads to {address[:60]}")

    def handle_data(self, data: str) -> None:
        if self.get_starttag_text() == "<h1>" and data == "Out of the table":
            self.faults.append("a heading of the data")


def faults(page: str) -> list[str]:
    parser = Markup()
    parser.feed(page)
    return parser.faults


@every_resource
def test_lists_records_forms_and_histories_show_it_as_text(spoiled: Company, resource: Resource) -> None:
    every = ",".join(each.name for each in resource.fields)
    page = spoiled.fetch(resource, limit="50")
    keys = [row[page.layout.key] for row in page.rows]
    addresses = [
        f"{resource.path}?cols={every}&limit=25",
        f"/lookups/{resource.name}",
        f"{resource.path}/{keys[0]}/history",
    ]
    addresses += [f"{resource.path}/{key}" for key in {keys[0], keys[-1]}]
    forms = [f"{resource.path}/{keys[-1]}/edit"] if spoiled.view(resource).writes else []
    for address in addresses + forms:
        response = spoiled.get(address)
        assert response.status_code == 200 or (address in forms and response.status_code == 403), address
        assert faults(response.get_data(as_text=True)) == [], address


@every_resource
def test_no_cell_of_a_file_is_a_formula(spoiled: Company, resource: Resource) -> None:
    texts = [each.name for each in resource.fields if each.textual]
    answer = spoiled.get(f"{resource.path}.csv?cols={','.join(texts)}" if texts else f"{resource.path}.csv")
    assert answer.status_code == 200
    lines = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"), newline="")))
    width = len(lines[0])
    for line in lines:
        assert len(line) == width
        started = [cell for cell in line if re.match(r"[=@\t\r]|[+-](?!\d+(\.\d+)?$)", cell)]
        assert started == []


def test_the_shell_of_every_page_survives_the_company_s_own_name(spoiled: Company) -> None:
    for address in ("/", "/health", "/change-sets", "/people", "/roles", "/sessions", "/account", "/no/such/page"):
        response = spoiled.get(address)
        assert response.status_code < 500, address
        assert faults(response.get_data(as_text=True)) == [], address


def test_hostile_words_in_an_address_are_text_as_well(spoiled: Company) -> None:
    for words in ("<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>", "{{7*7}}", "%25s", "\u202e"):
        for address in (f"/crm/customers?q={words}", f"/crm/customers?name={words}", f"/crm/customers?{words}=1",
                        f"/crm/customers?sort={words}", f"/crm/customers/new?name={words}", f"/sign-in?next={words}"
        ):  # fmt: skip
            response = spoiled.get(address)
            assert response.status_code in (200, 303, 400), address
            page = response.get_data(as_text=True)
            assert faults(page) == [], address


def test_there_really_is_something_hostile(spoiled: Company) -> None:
    customers = next(each for each in discover() if each.name == "customers").table
    found = spoiled.connection.scalars(customers.select().with_only_columns(customers.c.name)).all()
    assert any("<script>" in name for name in found)


def test_an_address_that_would_run_a_script_is_no_link(spoiled: Company) -> None:
    customers = next(each for each in discover() if each.name == "customers")
    rows = customers.table
    key = spoiled.connection.scalar(
        rows.select().with_only_columns(rows.c.id).where(rows.c.website.startswith("javascript:"))
    )
    assert key
    for address in (f"{customers.path}/{key}", f"{customers.path}?cols=website&website.contains=javascript:alert"):
        page = spoiled.get(address).get_data(as_text=True)
        assert "javascript:alert" in page
        assert faults(page) == []
