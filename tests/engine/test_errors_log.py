"""An unhandled error is written down once per problem, with nobody's data in it, and never makes things worse."""

from __future__ import annotations

import secrets
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import text

from app.core.db import db
from app.engine import errors_log
from app.engine.access import SYSTEM
from app.engine.apply import change
from app.engine.health import Check, Measured
from tests.apart import apart


def fails(words: str) -> BaseException:
    """An error out of the console's own code, with `words` of the moment in it."""

    def measure() -> Measured:
        raise ValueError(words)

    try:
        # Through one function of ours, so that the problem has a place in our code.
        Check("x", "app", "x", measure, crit=1).verdict(Measured(object()))  # type: ignore[arg-type]
    except TypeError as error:
        error.args = (words,)
        return error
    raise AssertionError("comparing an object with a limit should fail")


@pytest.fixture
def problem(app: Flask, monkeypatch: pytest.MonkeyPatch) -> str:
    """A problem no other test has; its words vary, its place does not."""
    errors_log._written.clear()
    mark = secrets.token_hex(4)
    monkeypatch.setattr(
        errors_log, "_frames", lambda _e: [{"file": f"app/{mark}.py", "line": 1, "function": "f", "own": True}]
    )
    return mark


def group(app: Flask, mark: str) -> dict[str, object]:
    with app.app_context(), db.engine.connect() as connection:
        row = connection.execute(
            text("SELECT * FROM error_groups WHERE culprit = :c"), {"c": f"app/{mark}.py in f"}
        ).one()
        return dict(row._mapping)


def test_two_occurrences_of_one_bug_make_one_group(app: Flask, problem: str) -> None:
    with app.app_context():
        first = errors_log.capture(
            ValueError("row 1 is odd"), request_id="a1", path="/crm/jobs?q=secret", method="GET", status=500
        )
        second = errors_log.capture(ValueError("row 2 is odd"), request_id="a2")
    assert first
    assert second
    assert first != second
    found = group(app, problem)
    assert (found["event_count"], found["status"], found["substatus"]) == (2, "unresolved", "new")
    with app.app_context(), db.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM error_logs WHERE id = :id"), {"id": first}).one()
    assert (row.path, row.request_id, row.status_code, row.method) == ("/crm/jobs", "a1", 500, "GET")


def test_a_resolved_problem_that_recurs_has_regressed(app: Flask, problem: str) -> None:
    with app.app_context():
        errors_log.capture(ValueError("once"))
        with change(SYSTEM(), action="test", channel="system") as connection:
            connection.execute(
                text("UPDATE error_groups SET status = 'resolved', resolved_at = now() WHERE culprit = :c"),
                {"c": f"app/{problem}.py in f"},
            )
        errors_log.capture(ValueError("again"))
    found = group(app, problem)
    assert (found["status"], found["substatus"], found["resolved_at"]) == ("unresolved", "regressed", None)


def test_an_ignored_problem_stays_ignored_until_its_time_is_up(app: Flask, problem: str) -> None:
    ignore = text(
        "UPDATE error_groups SET status = 'ignored', ignore_until = now() + make_interval(hours => :hours) WHERE culprit = :c"
    )
    with app.app_context():
        errors_log.capture(ValueError("once"))
        for hours, expected in ((1, "ignored"), (-1, "unresolved")):
            with change(SYSTEM(), action="test", channel="system") as connection:
                connection.execute(ignore, {"hours": hours, "c": f"app/{problem}.py in f"})
            errors_log.capture(ValueError("again"))
            assert group(app, problem)["status"] == expected


def test_a_storm_is_counted_without_filling_the_table(
    app: Flask, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    minute = [1000.0]
    monkeypatch.setattr(errors_log, "time", SimpleNamespace(monotonic=lambda: minute[0]))
    with app.app_context():
        for _ in range(200):
            errors_log.capture(ValueError("storm"))
        minute[0] += 61
        errors_log.capture(ValueError("the last gust"))
        with db.engine.connect() as connection:
            kept = connection.execute(
                text("SELECT count(*) FROM error_logs l JOIN error_groups g ON g.id = l.group_id WHERE g.culprit = :c"),
                {"c": f"app/{problem}.py in f"},
            ).scalar_one()
    assert kept == errors_log.WRITES_A_MINUTE + 1
    assert group(app, problem)["event_count"] == 201


@pytest.mark.parametrize(
    "words",
    [
        "password=hunter2hunter2",
        "could not connect to postgresql://owner:hunter2hunter2@db/console",
        "Authorization: Bearer hunter2hunter2",
        "Key (email)=(hunter2hunter2@example.com) already exists",
        "duplicate key\nDETAIL:  Key (name)=(hunter2hunter2) already exists.",
        "[parameters: {'name': 'hunter2hunter2'}]",
        "session hunter2hunter2hunter2hunter2hunter2",
    ],
)
def test_secrets_do_not_reach_the_log(words: str) -> None:
    assert "hunter2hunter2" not in errors_log.scrub(words)


def test_a_person_is_not_in_the_message() -> None:
    kept = errors_log.scrub("no reply from dana@ridge.example or +1 303-555-0142")
    assert "dana" not in kept
    assert "555" not in kept


def test_the_place_of_an_error_is_its_identity_and_its_words_are_not() -> None:
    one, other = errors_log.reduce(fails("row 17")), errors_log.reduce(fails("row 18"))
    assert one.fingerprint == other.fingerprint
    assert one.culprit
    assert one.culprit.startswith("app/engine/health.py")
    assert not any(frame["file"].startswith("/") for frame in one.frames)


def test_capturing_never_raises(app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    assert apart(lambda: errors_log.capture(ValueError("no application here"))) is None

    def away(*_: object, **__: object) -> None:
        raise ConnectionError("database away")

    monkeypatch.setattr(errors_log, "change", away)
    errors_log._written.clear()
    with app.app_context():
        assert errors_log.capture(ValueError("twice unlucky")) is None
    assert any(
        record.levelname == "ERROR" and "twice unlucky" in record.__dict__.get("title", "") for record in caplog.records
    )
