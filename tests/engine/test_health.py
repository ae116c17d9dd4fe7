"""A check says ok, warn or crit only when it knows; everything else is unknown, and stays so until it is known again."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.core import clock
from app.core.db import db
from app.engine import health, health_readings, registry
from app.engine.apply import transaction
from app.engine.health import Check, Measured
from tests.conftest import _application
from tests.servers import Database


@pytest.fixture
def tenant(app: Flask) -> int:
    """A company to measure for; made once and kept, for companies are never deleted."""
    with app.app_context(), transaction() as connection:
        found = connection.execute(text("SELECT min(id) FROM tenants WHERE status = 'active'")).scalar()
        made = text("INSERT INTO tenants (slug, name) VALUES ('health', 'Health Roofing') RETURNING id")
        return int(found or connection.execute(made).scalar_one())


@pytest.fixture
def declare(app: Flask, tenant: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Declare a check of one's own and get its key; only such checks exist during the test."""
    monkeypatch.setattr(health, "_checks", {})

    def make(measure: Callable[..., Measured], **options: Any) -> str:
        key = f"app.test_{secrets.token_hex(4)}"
        health.check(key, group="app", title="Test", **options)(measure)
        return key

    with app.app_context():
        yield make


def read(key: str, tenant_id: int) -> health_readings.Reading:
    with db.engine.connect() as connection:
        return health_readings.readings(connection, tenant_id, [key])[0]


def rows(key: str) -> list[Any]:
    with db.engine.connect() as connection:
        return list(
            connection.execute(text("SELECT * FROM system_health WHERE check_key = :key ORDER BY id"), {"key": key})
        )


@pytest.mark.parametrize(
    ("direction", "value", "expected"),
    [
        ("above", 49.9, "ok"),
        ("above", 50, "warn"),
        ("above", 500, "crit"),
        ("below", 51, "ok"),
        ("below", 50, "warn"),
        ("below", 5, "crit"),
        ("above", None, "unknown"),
    ],
)
def test_thresholds_give_the_verdict(direction: str, value: float | None, expected: str) -> None:
    crit = 500 if direction == "above" else 5
    check = Check("x", "app", "x", lambda _c: Measured(value), warn=50, crit=crit, direction=direction)
    assert check.verdict(Measured(value)) == expected


def test_a_check_that_raises_is_unknown_with_the_reason(declare: Callable[..., str], tenant: int) -> None:
    def broken(_connection: Connection) -> Measured:
        raise OSError("no such device")

    key = declare(broken)
    health.run_checks([key])
    found = read(key, tenant)
    assert (found.status, found.message) == ("unknown", "Could not be checked: OSError: no such device")


def test_a_check_that_takes_too_long_is_unknown_and_does_not_hold_up_the_others(
    declare: Callable[..., str], tenant: int
) -> None:
    def slow(connection: Connection) -> Measured:
        connection.execute(text("SELECT pg_sleep(30)"))
        return Measured(0)

    sleepy, quick = declare(slow, timeout_ms=200), declare(lambda _c: Measured(1))
    health.run_checks()
    assert (read(sleepy, tenant).status, read(sleepy, tenant).message) == ("unknown", "No answer within 0.2 s")
    assert read(quick, tenant).status == "ok"


def test_a_check_cannot_change_anything(declare: Callable[..., str], tenant: int) -> None:
    def greedy(connection: Connection) -> Measured:
        connection.execute(text("UPDATE tenants SET name = 'Mine'"))
        return Measured(0)

    key = declare(greedy)
    health.run_checks([key])
    assert read(key, tenant).status == "unknown"
    assert "read-only" in read(key, tenant).message


def test_only_a_turn_is_marked_as_changed(declare: Callable[..., str]) -> None:
    values = iter([1, 1, 99, 99, 1])
    key = declare(lambda _c: Measured(next(values)), crit=50)
    for _ in range(5):
        health.run_checks([key])
    assert [(row.status, row.changed) for row in rows(key)] == [
        ("ok", False),
        ("ok", False),
        ("crit", True),
        ("crit", False),
        ("ok", True),
    ]


def test_a_word_older_than_three_intervals_is_not_green(declare: Callable[..., str], tenant: int) -> None:
    key = declare(lambda _c: Measured(1), every=60)
    health.run_checks([key])
    assert read(key, tenant).status == "ok"
    with clock.at(clock.now() + timedelta(seconds=181)):
        late = read(key, tenant)
    assert (late.status, late.recorded, late.stale) == ("unknown", "ok", True)


def test_a_check_that_never_ran_is_unknown(declare: Callable[..., str], tenant: int) -> None:
    key = declare(lambda _c: Measured(1))
    found = read(key, tenant)
    assert (found.status, found.checked_at) == ("unknown", None)
    assert health_readings.summary([found]) == ("unknown", "1 unknown")


def test_a_quiet_system_is_neither_green_nor_counted_against_it(declare: Callable[..., str], tenant: int) -> None:
    key = declare(lambda _c: Measured(None, "No requests", idle=True))
    health.run_checks([key])
    found = read(key, tenant)
    assert (found.status, found.idle, found.failing) == ("unknown", True, False)


def test_a_company_may_set_its_own_limits_and_nonsense_is_ignored(declare: Callable[..., str], tenant: int) -> None:
    own, odd = declare(lambda _c: Measured(30), warn=50), declare(lambda _c: Measured(30), warn=50)
    wish = f'{{"health": {{"{own}": {{"warn": 20}}, "{odd}": {{"warn": "soon"}}}}}}'
    try:
        with transaction() as connection:
            connection.execute(text("UPDATE tenants SET settings = CAST(:wish AS jsonb)"), {"wish": wish})
        health.run_checks()
    finally:
        with transaction() as connection:
            connection.execute(text("UPDATE tenants SET settings = '{}'"))
    assert (read(own, tenant).status, read(own, tenant).warn) == ("warn", 20)
    assert (read(odd, tenant).status, read(odd, tenant).warn) == ("ok", 50)


def test_a_mute_outlives_the_row_and_ends_by_itself(declare: Callable[..., str], tenant: int) -> None:
    key = declare(lambda _c: Measured(99), crit=50)
    health.run_checks([key])
    with transaction() as connection:
        connection.execute(
            text("UPDATE system_health SET muted_until = :until WHERE check_key = :key"),
            {"until": clock.now() + timedelta(hours=1), "key": key},
        )
    health.run_checks([key])
    muted = read(key, tenant)
    assert muted.muted_until
    assert not muted.failing
    with clock.at(clock.now() + timedelta(minutes=61)):
        health.run_checks([key])
        assert read(key, tenant).failing


def test_an_acknowledgement_holds_until_the_state_turns(declare: Callable[..., str], tenant: int) -> None:
    values = iter([99, 99, 1])
    key = declare(lambda _c: Measured(next(values)), crit=50)
    health.run_checks([key])
    with transaction() as connection:
        connection.execute(text("UPDATE system_health SET acked_at = now() WHERE check_key = :key"), {"key": key})
    health.run_checks([key])
    assert read(key, tenant).acked_at
    health.run_checks([key])
    assert read(key, tenant).acked_at is None


def test_a_check_is_due_once_its_interval_has_passed(declare: Callable[..., str]) -> None:
    key = declare(lambda _c: Measured(1), every=3600)
    with db.engine.connect() as connection:
        assert health.due(connection) == [key]
        health.run_checks([key])
        assert health.due(connection) == []
        with clock.at(clock.now() + timedelta(minutes=59)):
            assert health.due(connection) == [key]


def test_a_check_per_company_writes_a_row_for_each(declare: Callable[..., str], tenant: int) -> None:
    key = declare(lambda _c, tenant_id: Measured(tenant_id), per_tenant=True)
    health.run_checks([key])
    assert all(row.tenant_id == row.value for row in rows(key))
    assert tenant in [row.tenant_id for row in rows(key)]


def test_history_pages_by_key_without_loss_or_repeat(declare: Callable[..., str], tenant: int) -> None:
    key = declare(lambda _c: Measured(1))
    for _ in range(7):
        health.run_checks([key])
    seen: list[int] = []
    after = None
    with db.engine.connect() as connection:
        while page := health_readings.history(connection, tenant, key, after=after, limit=3):
            seen += [row.id for row in page]
            after = (page[-1].checked_at, page[-1].id)
    assert seen == [row.id for row in reversed(rows(key))]


def test_a_gap_in_the_past_is_a_gap(declare: Callable[..., str], tenant: int) -> None:
    key = declare(lambda _c: Measured(5))
    start = clock.now() - timedelta(hours=10)
    for hours in (0, 1, 9):
        with clock.at(start + timedelta(hours=hours)):
            health.run_checks([key])
    with db.engine.connect() as connection:
        past = health_readings.series(connection, tenant, [key], timedelta(hours=24), points=24)[key]
    slots = [slot for slot, _, _ in past]
    assert len(slots) == 3
    assert slots[1] - slots[0] == 1
    assert slots[2] - slots[1] == 8


@pytest.fixture
def small_app(fresh_database: Database) -> Iterator[Flask]:
    """The console of one company: to ask everything of each of the hundreds that other tests founded proves no more."""
    yield from _application(fresh_database.config())


def test_every_declared_check_can_be_run(small_app: Flask) -> None:
    """None of them is broken: what they cannot tell on an empty company they say in their own words."""
    registry.discover()
    with small_app.app_context():
        with transaction() as connection:
            connection.execute(text("INSERT INTO tenants (slug, name) VALUES ('health', 'Health Roofing')"))
        verdicts = health.run_checks()
        broken = {
            one.check.key: one.measured.message for one in verdicts if "Could not be checked" in one.measured.message
        }
    assert not broken
    assert {one.check.key for one in verdicts} >= {
        "app.request_errors", "app.p95_ms", "app.slo_burn", "db.ping_ms", "db.connections", "db.longest_query_s", "db.blocked",
        "db.cache_hit", "db.xid_age", "db.migrations", "db.unused_indexes", "queue.wait_s", "queue.stalled", "queue.failed_1h",
        "workers.alive", "ai.error_rate", "ai.p95_ms", "ai.spend", "ai.review_backlog", "security.failed_logins",
        "storage.free", "storage.write", "audit.chain", "audit.replay", "audit.unsealed",
        "data.invoice_lines", "data.paid_caches", "data.completed_uninvoiced",
        "data.unallocated", "data.duplicate_payments", "data.stuck_estimates", "data.order_lines", "data.accepted_not_begun",
        "data.agreement_unbilled", "data.visit_overdue", "data.segment_counts", "data.stuck_files", "files.unscanned",
        "files.infected",
    }  # fmt: skip


def test_the_light_turns_when_the_last_worker_stops(app: Flask, tenant: int) -> None:
    registry.discover()
    with app.app_context():
        with transaction() as connection:
            connection.execute(text("DELETE FROM procrastinate_workers"))
            connection.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
        health.run_checks(["workers.alive"])
        assert read("workers.alive", tenant).status == "ok"
        with transaction() as connection:
            connection.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '61 seconds'"))
        health.run_checks(["workers.alive"])
        assert read("workers.alive", tenant).status == "crit"
        health_readings.forget_worst()
        with db.engine.connect() as connection:
            assert health_readings.worst_now(connection, tenant)[0] == "crit"


def test_failing_requests_burn_the_budget(app: Flask, tenant: int) -> None:
    """One request in ten fails for the last hour: twenty times the rate that 99.5 % allows."""
    registry.discover()
    add = text("""
        INSERT INTO metrics (name, bucket, bucket_start, kind, value)
        SELECT name, 'minute', date_trunc('minute', clock_timestamp()) - make_interval(mins => m), 'counter', value
        FROM generate_series(0, 59) AS m, (VALUES ('http.requests', 100), ('http.errors', 10)) AS v (name, value)
        ON CONFLICT (tenant_id, name, bucket, bucket_start, dims_key) DO UPDATE SET value = excluded.value
    """)
    with app.app_context():
        with transaction() as connection:
            connection.execute(add)
        health.run_checks(["app.slo_burn", "app.request_errors"])
        burn, share = read("app.slo_burn", tenant), read("app.request_errors", tenant)
    assert (burn.status, share.status) == ("crit", "crit")
    assert burn.value == pytest.approx(20, rel=0.05)
    assert share.value == pytest.approx(10, rel=0.1)
