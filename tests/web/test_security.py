"""The door of every page, and what every answer tells the browser."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from flask import Flask

from app.core.db import db
from app.web import headers, security
from tests.domains.conftest import House
from tests.sent import statements
from tests.web.desk import Desk, sit, words
from tests.web.program import Program


@pytest.fixture
def dana(app: Flask, house: House) -> Desk:
    return sit(app, house, "Dana Whitfield", "home.read", "users.read")


def test_every_address_names_its_permission_or_does_not_exist(app: Flask) -> None:
    assert security.undeclared(app) == []


def test_who_is_not_signed_in_reaches_nothing_that_is_not_open(app: Flask) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or security.permission_of(app, rule.endpoint) == security.OPEN:
            continue
        path = "/" + "/".join(
            "1" if "<int" in part else "x" if "<" in part else part for part in rule.rule.split("/")[1:]
        )
        with app.app_context():
            answer = client.get(path)
        # A program is told so; a person is led to the door.
        assert answer.status_code in ((401,) if path.startswith("/api/") else (303, 404)), path


def test_a_view_that_says_nothing_answers_404_and_is_logged(
    app: Flask, dana: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(app.view_functions["people.index"], "permission")
    with caplog.at_level(logging.WARNING, "console.refusals"):
        assert dana.get("/people").status_code == 404
    assert caplog.records[-1].why == "undeclared"  # type: ignore[attr-defined]


def test_a_refusal_is_logged_with_who_what_and_why(dana: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "console.refusals"):
        answer = dana.get("/roles")
    assert answer.status_code == 404
    line: Any = caplog.records[-1]
    assert (line.why, line.permission, line.route) == ("missing", "roles.read", "/roles")
    assert line.actor == dana.actor.app_user_id
    assert line.request_id == answer.headers["X-Request-ID"]


def test_headers_of_every_kind_of_answer(app: Flask, dana: Desk) -> None:
    for path in ("/account", "/sign-in/help", "/nowhere", "/roles", "/healthz", "/static/css/base.css"):
        answer = dana.get(path)
        assert answer.headers.getlist("Content-Security-Policy") == [headers.CONTENT_SECURITY_POLICY], path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert answer.headers["Reporting-Endpoints"] == 'csp="/csp-reports"'
        assert "Strict-Transport-Security" not in answer.headers
        assert ("no-store" in answer.headers.get("Cache-Control", "")) is not path.startswith("/static/")
    assert "unsafe" not in headers.CONTENT_SECURITY_POLICY
    with app.app_context():
        answer = dana.client.get("/sign-in/help", base_url="https://localhost")
    assert answer.headers["Strict-Transport-Security"] == headers.ONE_YEAR


def test_an_unknown_host_is_refused(app: Flask) -> None:
    with app.app_context():
        assert app.test_client().get("/sign-in", base_url="http://evil.example").status_code == 400


def test_a_form_without_its_secret_changes_nothing(app: Flask, dana: Desk) -> None:
    with app.app_context():
        answer = dana.client.post("/account/theme", data={"theme": "dark"})
    assert answer.status_code == 400
    assert "out of date" in words(answer)
    assert 'data-theme="dark"' not in dana.page("/account")


def test_the_secret_of_one_session_does_not_fit_another(app: Flask, house: House, dana: Desk) -> None:
    eve = sit(app, house, "Eve Larkin", "home.read")
    token = eve.form(eve.get("/account").get_data(as_text=True), "theme").values["csrf_token"]
    with app.app_context():
        assert dana.client.post("/account/theme", data={"theme": "dark", "csrf_token": token}).status_code == 400


def test_what_another_site_sends_is_refused_even_with_the_secret(app: Flask, dana: Desk) -> None:
    token = dana.form(dana.get("/account").get_data(as_text=True), "theme").values["csrf_token"]
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)):
        with app.app_context():
            answer = dana.client.post(
                "/account/theme", data={"theme": "dark", "csrf_token": token}, headers={"Sec-Fetch-Site": site}
            )
        assert answer.status_code == status, site


def test_too_much_is_too_much(app: Flask, dana: Desk) -> None:
    with app.app_context():
        assert dana.client.post("/account/theme", data=b"x" * 2_000_000).status_code == 413


def test_a_fragment_of_who_is_no_longer_there_sends_the_whole_page(app: Flask) -> None:
    with app.app_context():
        answer = app.test_client().get("/people", headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    assert answer.headers["HX-Redirect"].startswith("/sign-in")


def test_errors_come_in_the_form_that_was_asked_for(app: Flask, dana: Desk) -> None:
    page = dana.get("/nowhere")
    assert "Nothing at this address" in words(page)
    assert page.headers["X-Request-ID"] in words(page)
    piece = dana.get("/nowhere", **{"HX-Request": "true", "HX-Request-Type": "partial"})
    assert "<html" not in words(piece)
    assert 'role="alert"' in words(piece)
    assert set(dana.get("/nowhere.json").get_json()) == {"error", "request_id"}


def test_a_fault_of_ours_shows_a_number_and_nothing_of_the_inside(
    app: Flask, dana: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> str:
        raise RuntimeError("secret inside")

    broken.permission = security.SIGNED_IN  # type: ignore[attr-defined]
    monkeypatch.setitem(app.view_functions, "people.index", broken)
    answer = dana.get("/people")
    assert answer.status_code == 500
    assert "secret inside" not in words(answer)
    assert answer.headers["X-Request-ID"] in words(answer)


def test_a_complaint_of_the_browser_is_written_down(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    report = [
        {"type": "csp-violation", "body": {"documentURL": "http://localhost/", "effectiveDirective": "script-src"}}
    ]
    with app.app_context(), caplog.at_level(logging.WARNING, "console.csp"):
        client = app.test_client()
        sent = client.post("/csp-reports", data=json.dumps(report), content_type="application/reports+json")
        assert sent.status_code == 204
        assert client.post("/csp-reports", data=b"{", content_type="application/reports+json").status_code == 400
        assert client.post("/csp-reports", data=b" " * 70_000).status_code == 413
    assert caplog.records[-1].report["effectiveDirective"] == "script-src"  # type: ignore[attr-defined]


def test_a_style_sheet_and_a_sign_of_life_cost_no_statement_and_a_page_asks_once_who_it_is(
    dana: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    dana.page("/account")
    with statements(monkeypatch) as asked:
        dana.get("/static/css/base.css")
        dana.get("/healthz")
        assert asked == []
        dana.page("/account")
    assert sum("FROM sessions s" in statement and "session_hash" in statement for statement in asked) == 1


@pytest.mark.parametrize("whose", ["a person's page", "a program's token"])
def test_a_connection_that_died_meanwhile_is_replaced_before_anybody_notices(
    app: Flask, house: House, dana: Desk, whose: str
) -> None:
    from sqlalchemy import text

    dana.page("/account")
    with app.app_context():
        engine = db.engines["reading"]
    resting = [engine.connect() for _ in range(max(engine.pool.checkedin(), 2))]  # type: ignore[attr-defined]
    pids = [each.execute(text("SELECT pg_backend_pid()")).scalar_one() for each in resting]
    for each in resting:
        each.close()
    ended = text("SELECT bool_and(pg_terminate_backend(pid, 5000)) FROM unnest(CAST(:pids AS integer[])) AS pid")
    with app.app_context(), db.engine.begin() as connection:
        assert connection.execute(ended, {"pids": pids}).scalar()
    if whose == "a person's page":
        assert dana.get("/account").status_code == 200
    else:
        assert (
            Program(app.test_client(), "").post("/tokens", {"email": "x@y.example", "password": "z"}).status_code == 401
        )
