"""The system audit of the demonstration company: it finds what was planted, asks a real API, and keeps its reports."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.core import clock
from app.core.db import db
from app.demo.legacy import PLANTED
from app.domains.auth import staff
from app.domains.platform import audit_upkeep
from app.domains.platform.audit import keeping, pages
from app.domains.platform.audit.keeping import Kept
from app.domains.platform.audit.report import FOUND
from app.engine import listing
from app.engine.access import SYSTEM
from app.engine.apply import change, transaction
from app.engine.atlas import readings, survey
from app.engine.projection import projection
from app.engine.registry import REGISTRY
from app.first_start import email_for
from app.roles import seed_roles
from app.web import session_rows
from tests.conftest import _application
from tests.servers import Database, Server

Person = Callable[[str], FlaskClient]


@pytest.fixture(scope="module")
def company(postgres: Server, demo_template: str, process_name: str) -> Iterator[Database]:
    with postgres.clone(demo_template, f"audit_{process_name}") as database:
        yield database


@pytest.fixture(scope="module")
def audited(company: Database) -> Iterator[Flask]:
    yield from _application(company.config(outbound_private=True))


@pytest.fixture(scope="module")
def person(audited: Flask) -> Person:
    kept: dict[str, FlaskClient] = {}

    def sign_in(role: str) -> FlaskClient:
        if role not in kept:
            with audited.app_context(), transaction() as connection:
                user, tenant = connection.execute(
                    text(
                        "SELECT u.id, a.tenant_id FROM users u JOIN app_users a ON a.user_id = u.id WHERE u.email = :email"
                    ),
                    {"email": email_for(role)},
                ).one()
                visit = connection.execute(
                    text(
                        "INSERT INTO user_sessions (tenant_id, user_id, outcome) VALUES (:t, :u, 'success') RETURNING id"
                    ),
                    {"t": tenant, "u": user},
                ).scalar_one()
                token = session_rows.begin(
                    connection, user_id=user, tenant_id=tenant, user_session_id=visit, ip=None, agent="test"
                )
            kept[role] = audited.test_client()
            kept[role].set_cookie("console", token)
        return kept[role]

    return sign_in


def page(client: FlaskClient, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, (address, answer.status_code)
    return answer.get_data(as_text=True)


def post(client: FlaskClient, action: str, /, **fields: Any) -> str:
    """Press a button as a browser without script does; the page one lands on."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', page(client, "/account"))
    assert token
    answer = client.post(action, data={"csrf_token": token[1], **fields}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


def newest(app: Flask) -> Kept:
    with app.app_context(), db.engine.connect() as connection:
        found = keeping.newest(connection, staff.company())
    assert found is not None and found.report is not None
    return found


# -- the report of the demonstration company -------------------------------------------------------------------------


def test_it_names_exactly_what_was_planted(audited: Flask, person: Person) -> None:
    owner = person("owner")
    with audited.app_context(), db.engine.connect() as connection:  # as the worker does, once somebody is at work
        survey.ensure(connection)
        readings.take()
    html = post(owner, "/platform/audit/run")
    kept = newest(audited)
    assert kept.report and kept.trigger == "manual" and kept.by
    found = {each.name: each.verdict for each in kept.report.with_verdict(*FOUND)}
    assert found == {name: verdict for name, verdict in PLANTED.items() if verdict in FOUND}
    for name in ("legacy.crew_members_v2", "legacy.overdue_by_customer", "legacy.geocode_cache"):
        assert name in html
    assert "receivables_2021" in html and "Audit taken" in html


def test_features_are_told_with_what_is_missing_and_links_to_the_rows(audited: Flask, person: Person) -> None:
    owner, report = person("owner"), newest(audited).report
    assert report
    known = {each.key: each for each in report.features}
    assert len(known) == 30 and len(report.categories) == 10
    assert known["error_monitoring"].built == "all" and known["error_monitoring"].reachable
    assert known["authentication"].used and known["authentication"].missing
    assert known["real_time"].built == "all"
    lines = [
        line
        for each in (*report.features, *report.categories)
        for line in (*each.built_by, *each.reached_by, *each.used_by)
    ]
    lists = {resource.path: resource for resource in REGISTRY}
    for address in {line.href for line in lines} - {"", "/roles/matrix", "/change-sets"}:
        path, _, asked = address.partition("?")
        listing.read_query(
            parse_qsl(asked), projection(lists[path], SYSTEM(1)), "UTC"
        )  # 400 where a list knows no such filter
    page(owner, "/crm/leads?created_at.gte=-30d")


def test_what_changed_since_last_week_is_told(person: Person) -> None:
    html = page(person("owner"), "/platform/audit")
    week = html[html.index('id="changes"') : html.index('id="domains"')]
    assert "Vanished" in week and "legacy.receivables_2021" in week
    assert "Broke" in week and "legacy.overdue_by_customer" in week


def test_old_reports_open_by_date_and_lead_back_to_the_newest(audited: Flask, person: Person) -> None:
    owner = person("owner")
    with audited.app_context(), db.engine.connect() as connection:
        last, *_between, first = keeping.others(connection, staff.company())
    day = first.taken_at.astimezone(clock.zone_of("America/Denver")).date()
    for address in (f"/platform/audit/{day}", f"/platform/system_audits/{first.id}"):
        html = page(owner, address)
        assert "An earlier report." in html and "/platform/audit/run" not in html
    assert "An earlier report." not in page(owner, f"/platform/system_audits/{last.id}")
    assert f"/platform/system_audits/{first.id}" in page(owner, "/platform/system_audits")
    for address in ("/platform/audit/2019-01-01", "/platform/audit/yesterday", "/platform/system_audits/99999999"):
        page(owner, address, 404)


def test_it_is_taken_out_as_markdown_and_json(audited: Flask, person: Person) -> None:
    key = newest(audited).key
    for kind, mime in (("md", "text/markdown"), ("json", "application/json")):
        answer = person("auditor").get(f"/platform/system_audits/{key}.{kind}")
        assert answer.status_code == 200 and answer.mimetype == mime
        assert re.fullmatch(
            rf'attachment; filename="system-audit-\d{{4}}-\d\d-\d\d\.{kind}"', answer.headers["Content-Disposition"]
        )
    assert {each["name"] for each in json.loads(answer.text)["tables"]} >= set(PLANTED)
    said = page(person("auditor"), f"/platform/system_audits/{key}.md")
    assert "## Tables somebody should look at" in said and "| legacy.weather\\_holds" not in said
    assert "### Authentication" in said and "Missing: a second factor" in said


def test_owner_and_administrator_run_it_some_read_it_and_for_others_it_is_not_there(
    audited: Flask, person: Person
) -> None:
    key = newest(audited).key
    addresses = ("/platform/audit", "/platform/system_audits", f"/platform/system_audits/{key}")
    for role in ("operations_manager", "auditor", "admin"):
        for address in addresses:
            offered = 'action="/platform/audit/run"' in page(person(role), address)
            assert offered is (role == "admin" and address != addresses[1])
    for role in ("dispatcher", "sales", "billing", "viewer", "ai_operator"):
        for address in addresses:
            page(person(role), address, 404)
    for role in ("operations_manager", "auditor"):
        token = re.search(r'name="csrf_token" value="([^"]+)"', page(person(role), "/account"))
        assert token
        for address in ("/platform/audit/run", "/platform/audit/api"):
            assert person(role).post(address, data={"csrf_token": token[1]}).status_code == 404
    assert 'href="/platform/audit"' in page(person("auditor"), "/")


def test_links_lead_only_where_the_reader_may_go(person: Person) -> None:
    assert "/roles/matrix" in page(person("owner"), "/platform/audit")
    assert "/roles/matrix" not in page(person("operations_manager"), "/platform/audit")


# -- the operator API ------------------------------------------------------------------------------------------------

OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "Operator API", "version": "2.4"},
    "paths": {
        "/leads": {"get": {"tags": ["customer_pipeline"]}, "post": {"tags": ["customer_pipeline"]}},
        "/leads/{id}": {"get": {"tags": ["customer_pipeline"]}},
        "/revenue": {"get": {"tags": ["revenue_dashboard"]}},
        "/products": {"get": {"tags": ["products_public"]}},
        "/governance": {"get": {"tags": ["governance"]}},
        "/asks": {"get": {"tags": ["governance"], "parameters": [{"name": "q", "in": "query", "required": True}]}},
    },
}
ANSWERS = {"/v2/leads": 200, "/v2/revenue": 404, "/v2/products": 503, "/v2/governance": 401}


class Operator(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        known = self.path == "/v2/openapi.json"
        self.send_response(200 if known else ANSWERS.get(self.path, 418))
        self.end_headers()
        if known:
            self.wfile.write(json.dumps(OPENAPI).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def operator() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Operator)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v2"
    server.shutdown()
    server.server_close()


def test_an_api_is_asked_by_the_worker_and_reported_module_by_module(
    audited: Flask, person: Person, operator: str
) -> None:
    owner = person("owner")
    assert "The address is kept" in post(owner, "/platform/audit/api", address=operator)
    assert Operator.asked == [], "nothing is called before somebody runs the audit"
    html = post(owner, "/platform/audit/run")
    assert "An audit is queued." in html
    with audited.app_context():
        (job,) = _queued()
        audit_upkeep.take_one(**job)
    found = newest(audited).report
    assert found and (found.api.title, found.api.fault) == ("Operator API", "")
    assert {each.name: (len(each.operations), each.probed, each.answering) for each in found.api.modules} == {
        "customer_pipeline": (3, 1, 1),
        "governance": (2, 1, 1),
        "products_public": (1, 1, 0),
        "revenue_dashboard": (1, 1, 0),
    }
    assert sorted(Operator.asked) == ["/v2/governance", "/v2/leads", "/v2/openapi.json", "/v2/products", "/v2/revenue"]
    html = page(owner, "/platform/audit")
    assert "404: declared, yet not there" in html and "401: it wants to know who asks" in html


def _queued() -> list[dict[str, Any]]:
    with transaction() as connection:
        return list(
            connection.scalars(text("DELETE FROM procrastinate_jobs WHERE task_name = 'audit.take' RETURNING args"))
        )


def test_a_file_is_declared_and_not_probed_and_is_in_the_history_of_settings(audited: Flask, person: Person) -> None:
    owner, asked = person("owner"), len(Operator.asked)
    paths = {f"/module{n}/{m}": {"get": {"description": "x" * 900}} for n in range(60) for m in range(20)}
    whole = json.dumps({"openapi": "3.0.0", "info": {"title": "Big"}, "paths": paths}).encode()
    assert len(whole) > 1024 * 1024, "longer than any other form may be"
    html = post(owner, "/platform/audit/api", file=(io.BytesIO(whole), "operator.json"))
    assert "1,200 operations read" in html and "Undo" in html
    post(owner, "/platform/audit/run")
    found = newest(audited).report
    assert found and (found.api.source, found.api.declared, found.api.probed) == ("file", 1200, 0)
    assert len(found.api.modules) == 60 and len(Operator.asked) == asked
    assert "Declared only, not probed" in page(owner, "/platform/audit")
    assert "Where the system audit finds the operator API" in page(owner, "/change-sets")
    post(owner, "/platform/audit/api", forget="1")
    assert "Nobody said" in post(owner, "/platform/audit/run")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "Give an address, choose a file, or paste one."),
        ({"address": "file:///etc/passwd"}, "begins with https"),
        ({"address": "http://169.254.169.254/latest"}, "never calls"),
        ({"text": "openapi: 3.0"}, "This is no JSON"),
    ],
)
def test_what_cannot_be_an_api_is_refused_and_nothing_is_kept(
    person: Person, fields: dict[str, str], says: str
) -> None:
    html = post(person("owner"), "/platform/audit/api", **fields)
    assert says in html and "Kept:" not in html


def test_an_api_that_is_away_is_said_to_be_and_the_rest_is_reported(audited: Flask, person: Person) -> None:
    post(person("owner"), "/platform/audit/api", address="http://127.0.0.1:9/v1")
    with audited.app_context():
        audit_upkeep.take_one(staff.company())
    found = newest(audited).report
    assert found and found.api.fault == "It could not be reached." and len(found.features) == 30
    assert "It could not be reached." in page(person("owner"), "/platform/audit")
    post(person("owner"), "/platform/audit/api", forget="1")


# -- by night --------------------------------------------------------------------------------------------------------


def test_the_night_takes_one_report_for_each_company_and_no_second(audited: Flask) -> None:
    at = clock.now().astimezone(clock.zone_of("America/Denver")).replace(hour=3, minute=41) + timedelta(days=1)
    with audited.app_context(), clock.at(at.astimezone(clock.zone_of("UTC"))):
        assert audit_upkeep.take_due() == 1
        assert audit_upkeep.take_due() == 0
    assert (newest(audited).trigger, newest(audited).taken_at.minute) == ("nightly", 41)


def test_a_worker_opens_the_house_to_see_its_pages(audited: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.commands.running import _tell_pages

    monkeypatch.setattr(pages, "_source", None)
    assert pages.every() is None
    _tell_pages(audited.extensions["console.config"])
    addresses = {each.address for each in pages.every() or ()}
    assert {"/crm/invoices", "/health", "/people/<key>", "/explorer"} <= addresses


# -- before the first report -----------------------------------------------------------------------------------------


def test_before_the_first_report_it_offers_to_run_one(app: Flask) -> None:
    mark, client = f"audit-{id(app)}@ridge.example", app.test_client()
    with app.app_context():
        tenant = staff.company()
        with change(SYSTEM(tenant), action="test", channel="system") as connection:
            seed_roles(connection, tenant)
            staff.create(connection, tenant, mark, "owner", must_change=False)
        with transaction() as connection:
            user = connection.scalar(text("SELECT id FROM users WHERE email = :email"), {"email": mark})
            visit = connection.scalar(
                text("INSERT INTO user_sessions (tenant_id, user_id, outcome) VALUES (:t, :u, 'success') RETURNING id"),
                {"t": tenant, "u": user},
            )
            token = session_rows.begin(
                connection, user_id=user, tenant_id=tenant, user_session_id=visit, ip=None, agent="-"
            )
    client.set_cookie("console", token)
    html = page(client, "/platform/audit")
    assert "No report yet" in html and "Run the audit" in html
