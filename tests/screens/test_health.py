"""The health board tells at a glance what is well, what is not and what nobody knows, and lets the right people act on it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.core import clock
from app.core.db import db
from app.domains.auth import staff
from app.engine import health, health_readings
from app.engine.access import SYSTEM
from app.engine.apply import change, transaction
from app.engine.health import Measured
from app.web import session_rows

State = dict[str, Measured]


@pytest.fixture
def state(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """A board of our own: `state(Measured(...), crit=50)` declares a check that says so, runs it and gives its key."""
    monkeypatch.setattr(health, "_checks", {})
    health_readings.forget_worst()

    def declare(measured: Measured, run: bool = True, **options: object) -> str:
        key = f"app.screen_{secrets.token_hex(4)}"
        health.check(key, group="app", title=f"Check {key[-8:]}", **options)(lambda _connection: measured)
        if run:
            with app.app_context():
                health.run_checks([key])
        return key

    yield declare
    health_readings.forget_worst()


@pytest.fixture
def person(app: Flask) -> Callable[..., FlaskClient]:
    """`person("health.read", ...)` is the browser of somebody signed in who holds these permissions and no other."""

    def sign_in(*permissions: str) -> FlaskClient:
        mark = secrets.token_hex(4)
        with app.app_context():
            tenant_id = staff.company()
            with change(SYSTEM(tenant_id), action="test", channel="system") as connection:
                connection.execute(
                    text(
                        "INSERT INTO roles (tenant_id, key, name, permissions) VALUES (:tenant, :key, :key, :permissions)"
                    ),
                    {"tenant": tenant_id, "key": f"watch_{mark}", "permissions": list(permissions)},
                )
                email = f"watch-{mark}@ridge.example"
                staff.create(connection, tenant_id, email, f"watch_{mark}", must_change=False)
                user_id = connection.execute(
                    text("SELECT id FROM users WHERE email = :email"), {"email": email}
                ).scalar_one()
            with transaction() as connection:
                visit = connection.execute(
                    text(
                        "INSERT INTO user_sessions (tenant_id, user_id, outcome) VALUES (:t, :u, 'success') RETURNING id"
                    ),
                    {"t": tenant_id, "u": user_id},
                ).scalar_one()
                token = session_rows.begin(
                    connection, user_id=user_id, tenant_id=tenant_id, user_session_id=visit, ip=None, agent="test"
                )
        client = app.test_client()
        client.set_cookie("console", token)
        return client

    return sign_in


@pytest.fixture
def watcher(person: Callable[..., FlaskClient]) -> FlaskClient:
    return person("health.read", "health.run", "health.ack", "errors.read")


def post(client: FlaskClient, page: str, address: str, **fields: str) -> str:
    """Press a button of `page`, as a browser without script does; the page one lands on."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)
    assert token, "the page has no form"
    answer = client.post(address, data={"csrf_token": token[1], **fields}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


def row(page: str, key: str) -> str:
    found = re.search(rf'<tr data-key="{re.escape(key)}">.*?</tr>', page, re.S)
    assert found, f"{key} is not on the board"
    return found[0]


def test_each_state_has_its_own_word_and_shape(state: Callable[..., str], watcher: FlaskClient) -> None:
    keys = {
        "Up": (state(Measured(1), crit=50), "g-done"),
        "Degraded": (state(Measured(30), warn=20, crit=50), "g-warn"),
        "Failing": (state(Measured(99), crit=50), "g-fail"),
        "Unknown": (state(Measured(None, "Could not be checked")), "g-draft"),
        "Quiet": (state(Measured(None, "No requests", idle=True)), "g-dot"),
    }
    page = watcher.get("/health").text
    for word, (key, glyph) in keys.items():
        assert f"{word}</span>" in row(page, key)
        assert f"#{glyph}" in row(page, key)
    assert "1 failing of 5 checks" in page


def test_what_was_up_long_ago_is_not_shown_as_up(state: Callable[..., str], watcher: FlaskClient) -> None:
    key = state(Measured(1), crit=50)
    with clock.at(clock.now() + timedelta(minutes=9)):
        page = watcher.get("/health").text
    line = row(page, key)
    assert "Unknown</span>" in line
    assert "Last checked 9 min ago, then up" in page
    assert "g-done" not in line


def test_the_board_can_show_only_what_fails(state: Callable[..., str], watcher: FlaskClient) -> None:
    good, bad = state(Measured(1), crit=50), state(Measured(99), crit=50)
    page = watcher.get("/health?show=failing").text
    assert bad in page
    assert good not in page
    assert watcher.get("/health?show=sideways").status_code == 400


def test_the_fragment_is_the_board_and_nothing_around_it(state: Callable[..., str], watcher: FlaskClient) -> None:
    key = state(Measured(1), crit=50)
    part = watcher.get("/health/board", headers={"HX-Request": "true", "HX-Request-Type": "partial"}).text
    assert key in part
    assert "<html" not in part


def test_a_check_shows_its_limits_its_past_and_its_turns(
    app: Flask, state: Callable[..., str], watcher: FlaskClient
) -> None:
    values = iter([10, 99, 10])
    key = state(Measured(0), run=False, warn=20, crit=50, unit="ms", every=3600)
    found = health.find(key)
    assert found
    object.__setattr__(found, "measure", lambda _connection: Measured(next(values)))
    with app.app_context():
        for hours in (2, 1, 0):
            with clock.at(clock.now() - timedelta(hours=hours)):
                health.run_checks([key])
    page = watcher.get(f"/health/{key}").text
    assert "20 ms / 50 ms" in page
    assert page.count("Turned</span>") == 2
    assert "from 10 ms to 99 ms, last 10 ms" in page
    assert 'class="ln" d="M' in page or 'class="pt"' in page
    assert "style=" not in page.partition("<main")[2]


def test_old_runs_are_paged_by_key(app: Flask, state: Callable[..., str], watcher: FlaskClient) -> None:
    key = state(Measured(1), run=False, every=60)
    start = clock.now() - timedelta(hours=2)
    with app.app_context():
        for minute in range(60):
            with clock.at(start + timedelta(minutes=minute)):
                health.run_checks([key])
    first = watcher.get(f"/health/{key}").text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    second = watcher.get(older[1].replace("&amp;", "&")).text
    assert "<b>50</b> runs" in first
    assert "<b>10</b> runs" in second
    assert watcher.get(f"/health/{key}?after=yesterday").status_code == 400


def test_running_a_check_by_hand_gives_its_answer_at_once(state: Callable[..., str], watcher: FlaskClient) -> None:
    key = state(Measured(99), run=False, crit=50)
    assert "Not known now." in watcher.get(f"/health/{key}").text
    assert "Failing</span>" in post(watcher, f"/health/{key}", f"/health/{key}/run")


def test_check_now_runs_them_all(state: Callable[..., str], watcher: FlaskClient) -> None:
    keys = [state(Measured(1), run=False) for _ in range(3)]
    page = post(watcher, "/health", "/health/run")
    assert all("Up</span>" in row(page, key) for key in keys)
    assert "3 checks run" in page


def test_check_now_leaves_the_long_ones_to_the_worker(
    app: Flask, state: Callable[..., str], watcher: FlaskClient
) -> None:
    quick, long = state(Measured(1), run=False), state(Measured(1), run=False, every=3600)
    page = post(watcher, "/health", "/health/run")
    assert "1 check run, 1 longer one queued for the worker" in page
    assert "Up</span>" in row(page, quick)
    with app.app_context(), db.engine.connect() as connection:
        queued = text(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'health.run_check' AND args ->> 'key' = :key"
        )
        assert connection.execute(queued, {"key": long}).scalar_one() == 1


def test_a_muted_check_is_kept_apart_and_counts_no_more(state: Callable[..., str], watcher: FlaskClient) -> None:
    key = state(Measured(99), crit=50)
    page = post(watcher, f"/health/{key}", f"/health/{key}/mute", **{"for": "1d"})
    assert "Muted until" in page
    assert key not in watcher.get("/health?show=failing").text
    assert key in watcher.get("/health?show=muted").text
    assert "failing of" not in watcher.get("/health").text
    post(watcher, f"/health/{key}", f"/health/{key}/mute", **{"for": "off"})
    assert key in watcher.get("/health?show=failing").text


def test_a_mute_needs_an_end(state: Callable[..., str], watcher: FlaskClient) -> None:
    key = state(Measured(99), crit=50)
    token = re.search(r'name="csrf_token" value="([^"]+)"', watcher.get(f"/health/{key}").text)
    assert token
    assert watcher.post(f"/health/{key}/mute", data={"csrf_token": token[1], "for": "ever"}).status_code == 422


def test_an_acknowledgement_names_who_looks_into_it(
    state: Callable[..., str], watcher: FlaskClient, app: Flask
) -> None:
    key = state(Measured(99), crit=50)
    page = post(watcher, f"/health/{key}", f"/health/{key}/ack")
    assert "acknowledged" in page
    assert "Seen by Watch" in watcher.get("/health").text
    with app.app_context(), db.engine.connect() as connection:
        who = connection.execute(
            text("SELECT acked_by FROM system_health WHERE check_key = :key"), {"key": key}
        ).scalar_one()
    assert who is not None


def test_only_the_right_people_see_and_act(
    state: Callable[..., str], person: Callable[..., FlaskClient], app: Flask
) -> None:
    key = state(Measured(99), crit=50)
    reader, stranger, nobody = person("health.read"), person("customers.read"), app.test_client()
    page = reader.get(f"/health/{key}").text
    assert "Run check" not in page
    assert "Mute" not in page
    assert "Check now" not in reader.get("/health").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    for address in (f"/health/{key}/run", f"/health/{key}/ack", f"/health/{key}/mute", "/health/run"):
        fields = {"csrf_token": token[1] if token else "", "for": "1d"}
        assert reader.post(address, data=fields).status_code == 404
    for address in ("/health", "/health/board", f"/health/{key}"):
        assert stranger.get(address).status_code == 404
        assert nobody.get(address).status_code == 303
    assert reader.get("/health/app.no_such_check").status_code == 404


def test_what_a_check_says_is_only_text(state: Callable[..., str], watcher: FlaskClient) -> None:
    key = state(Measured(None, "<script>alert(1)</script>"))
    for address in ("/health", f"/health/{key}"):
        assert "<script>alert" not in watcher.get(address).text
