"""Machines are told whether the console lives, is ready, and how it has been; strangers are told no more than that."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.core.db import db
from app.engine.apply import transaction
from app.web import probes


@pytest.fixture
def worker(app: Flask) -> None:
    """A worker that gave a sign of life just now."""
    with app.app_context(), transaction() as connection:
        connection.execute(text("DELETE FROM procrastinate_workers"))
        connection.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))


class Away:
    """A database nobody reaches."""

    def connect(self) -> None:
        raise OperationalError("connect", None, ConnectionRefusedError())


def test_alive_without_a_database(app: Flask, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "db", type("Db", (), {"engine": Away()}))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert "Set-Cookie" not in answer.headers


def test_ready_with_database_schema_and_worker(client: Any, worker: None) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"ready": True, "database": "ok", "migrations": "ok", "worker": "ok"}


def test_not_ready_without_a_worker(app: Flask, client: Any, worker: None) -> None:
    with app.app_context(), transaction() as connection:
        connection.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '2 minutes'"))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["worker"]) == (503, "silent")


def test_not_ready_on_another_schema(client: Any, worker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "code_heads", lambda: frozenset({"9999"}))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["migrations"], answer.json["worker"]) == (503, "behind", "unknown")


def test_not_ready_without_a_database(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "db", type("Db", (), {"engine": Away()}))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"ready": False, "database": "away", "migrations": "unknown", "worker": "unknown"}


def test_figures_on_loopback_in_the_form_prometheus_reads(client: Any, worker: None) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(line.rpartition(" ")[2].replace(".", "", 1).lstrip("-").isdigit() for line in samples)
    assert "console_workers_alive 1" in samples
    assert any(line.startswith('console_health_status{check="db.ping_ms"}') for line in samples)
    buckets = [int(line.rpartition(" ")[2]) for line in samples if "_bucket{" in line]
    assert buckets == sorted(buckets)


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "203.0.113.9"}, {"Authorization": "Bearer wrong"}])
def test_figures_are_not_for_everybody(client: Any, headers: dict[str, str]) -> None:
    assert client.get("/metrics", headers=headers).status_code == 404


def test_figures_from_elsewhere_only_with_the_key(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    assert app.test_client().get("/metrics", environ_base=elsewhere).status_code == 404
    monkeypatch.setenv("METRICS_TOKEN", "a-key-long-enough-to-be-one")
    given = {"Authorization": "Bearer a-key-long-enough-to-be-one"}
    assert app.test_client().get("/metrics", environ_base=elsewhere, headers=given).status_code == 200
    assert app.test_client().get("/metrics", environ_base=elsewhere).status_code == 404


def test_an_index_of_unused_names_is_not_in_the_figures(app: Flask, client: Any) -> None:
    """Figures carry no text that people wrote."""
    with app.app_context(), db.engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM tenants")).scalars().all()
    assert not any(name in client.get("/metrics").text for name in names)
