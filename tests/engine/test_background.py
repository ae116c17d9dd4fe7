"""A queued job exists if and only if the change that asked for it does, and a worker that dies leaves it to another."""

from __future__ import annotations

import asyncio
import secrets
import signal
import subprocess
import sys
import time
from typing import Any

import psycopg
import pytest
from flask import Flask, current_app
from sqlalchemy import Connection, text

from app.core import startup
from app.core.db import db
from app.engine import background, errors_log, registry
from app.engine.apply import transaction
from tests.apart import apart
from tests.servers import Database
from tests.working import nothing_waits, work_off

__all__ = ["nothing_waits"]

done: list[tuple[str, int]] = []


@background.task("test.note")
def note(mark: str, record_id: int) -> None:
    """Leaves a trace of where and with what it ran."""
    done.append((current_app.name and mark, record_id))


@background.task("test.fail", retry=False)
def fail(mark: str) -> None:
    """Fails, as tasks do."""
    raise ValueError("the task failed")


@pytest.fixture
def mark() -> str:
    return secrets.token_hex(6)


def jobs(app: Flask, mark: str) -> list[Any]:
    with app.app_context(), db.engine.connect() as connection:
        query = text(
            "SELECT id, status::text, attempts FROM procrastinate_jobs WHERE args ->> 'mark' = :mark ORDER BY id"
        )
        return list(connection.execute(query, {"mark": mark}))


def test_the_job_commits_with_the_change(app: Flask, database: Database, mark: str) -> None:
    with app.app_context(), transaction() as connection:
        assert background.defer_within(connection, note, mark=mark, record_id=7)
        assert jobs(app, mark) == []  # not yet, for anybody else
    work_off(app, database)
    assert (mark, 7) in done
    assert [job.status for job in jobs(app, mark)] == ["succeeded"]


def test_the_job_vanishes_with_the_change(app: Flask, mark: str) -> None:
    def change_that_fails() -> None:
        with transaction() as connection:
            background.defer_within(connection, note, mark=mark, record_id=7)
            raise ZeroDivisionError

    with app.app_context(), pytest.raises(ZeroDivisionError):
        change_that_fails()
    assert jobs(app, mark) == []


def test_one_waiting_copy_is_enough_and_the_change_goes_on(app: Flask, mark: str) -> None:
    with app.app_context(), transaction() as connection:
        first = background.defer_within(connection, note, once=mark, mark=mark, record_id=1)
        again = background.defer_within(connection, note, once=mark, mark=mark, record_id=1)
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    assert first
    assert again is None
    assert len(jobs(app, mark)) == 1


@pytest.mark.parametrize("value", ["dana@ridge.example", "Dana Whitfield", {"name": "Dana"}, 1.5, b"x"])
def test_personal_data_does_not_enter_the_queue(app: Flask, mark: str, value: object) -> None:
    with app.app_context(), pytest.raises(ValueError, match="not an id"), transaction() as connection:
        background.defer_within(connection, note, mark=mark, record_id=value)


def test_a_failing_task_is_written_down_with_its_job(app: Flask, database: Database, mark: str) -> None:
    errors_log._written.clear()
    with app.app_context(), transaction() as connection:
        job = background.defer_within(connection, fail, mark=mark)
    work_off(app, database)
    assert [row.status for row in jobs(app, mark)] == ["failed"]
    with app.app_context(), db.engine.connect() as connection:
        query = text("SELECT g.source, g.title, l.path FROM error_logs l JOIN error_groups g ON g.id = l.group_id"
                     " WHERE l.request_id = :id")  # fmt: skip
        row = connection.execute(query, {"id": f"job-{job}"}).one()
    assert tuple(row) == ("worker", "ValueError: the task failed", "test.fail")


def test_the_job_of_a_dead_worker_goes_to_another_and_after_three_attempts_to_nobody(
    app: Flask, database: Database, mark: str
) -> None:
    die = text("""
        WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '10 minutes') RETURNING id)
        UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead) WHERE args ->> 'mark' = :mark
    """)

    async def sweep() -> None:
        async with background.queue.open_async():
            await background.sweep()

    with app.app_context(), transaction() as connection:
        background.defer_within(connection, note, mark=mark, record_id=3)
    seen = []
    for _ in range(3):
        with app.app_context(), transaction() as connection:
            connection.execute(die, {"mark": mark})
        with background.queue.replace_connector(background._connector(database.config())):
            apart(lambda: asyncio.run(sweep()))
        seen.append(jobs(app, mark)[0].status)
    assert seen == ["todo", "todo", "failed"]


def test_a_stalled_job_with_a_waiting_copy_is_given_up(app: Flask, database: Database, mark: str) -> None:
    stall = text("UPDATE procrastinate_jobs SET status = 'doing' WHERE args ->> 'mark' = :mark")

    async def sweep() -> None:
        async with background.queue.open_async():
            await background.sweep()

    with app.app_context():
        with transaction() as connection:
            background.defer_within(connection, note, once=mark, mark=mark, record_id=3)
            connection.execute(stall, {"mark": mark})
        with transaction() as connection:
            background.defer_within(connection, note, once=mark, mark=mark, record_id=3)
    with background.queue.replace_connector(background._connector(database.config())):
        apart(lambda: asyncio.run(sweep()))
    assert [job.status for job in jobs(app, mark)] == ["failed", "todo"]


def test_a_worker_shows_it_lives_does_its_rounds_and_leaves_when_told(fresh_database: Database, tmp_path: Any) -> None:
    config = fresh_database.config()
    program = "from app.config import load; from app.engine.background import run_worker; run_worker(load())"
    log = (tmp_path / "worker.log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=startup.as_environment(config), cwd=startup.ROOT, stdout=log, stderr=log
    )

    try:
        with psycopg.connect(fresh_database.superuser_url, autocommit=True) as connection:
            connection.execute("SET search_path = console, public")
            rounds = (
                "SELECT count(DISTINCT task_name) FROM procrastinate_jobs"
                " WHERE status = 'succeeded' AND task_name IN ('health.run', 'ledger.seal', 'queue.sweep')"
            )
            _until(lambda: connection.execute(rounds).fetchone()[0] >= 3, process, log)  # type: ignore[index]
            failed = connection.execute("SELECT task_name FROM procrastinate_jobs WHERE status = 'failed'").fetchall()
            assert failed == []
            checked = connection.execute("SELECT count(DISTINCT check_key) FROM system_health").fetchone()
            assert checked
            assert checked[0] >= 15
            assert connection.execute("SELECT count(*) FROM procrastinate_workers").fetchone() == (1,)
            shown = "SELECT status, jobs_done >= 3, memory_mb > 10 FROM workers"
            assert connection.execute(shown).fetchone() in [("idle", True, True), ("busy", True, True)]
            rounds = (
                "SELECT count(*), count(*) FILTER (WHERE status = 'up' AND last_status = 'succeeded' AND next_run_at > now())"
                " FROM cron_jobs WHERE tenant_id IS NULL AND key IN ('health.run', 'ledger.seal', 'queue.sweep')"
            )
            # At the turn of a minute the next round has begun and has yet to say when the one after it is.
            _until(lambda: connection.execute(rounds).fetchone() == (3, 3), process, log)
            unlike = (
                "SELECT j.task_name, j.status, t.status FROM procrastinate_jobs j LEFT JOIN scheduled_tasks t"
                " ON t.queue_job_id = j.id WHERE j.status IN ('succeeded', 'failed') AND j.status::text IS DISTINCT FROM t.status"
            )
            _until(lambda: not connection.execute(unlike).fetchall(), process, log)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            assert connection.execute("SELECT count(*) FROM procrastinate_workers").fetchone() == (0,)
            assert connection.execute("SELECT status FROM workers").fetchone() == ("stopped",)
            outside = (
                "SELECT count(*) FROM change_entries WHERE table_name IN ('workers', 'cron_jobs', 'scheduled_tasks')"
            )
            assert connection.execute(outside).fetchone() == (0,)
    finally:
        process.kill()
        log.close()


def _until(true: Any, process: subprocess.Popen[bytes], log: Any, seconds: float = 45) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        log.seek(0)
        running = process.poll() is None and time.monotonic() < deadline
        assert running, log.read()
        time.sleep(0.2)


def test_the_sealer_lets_whoever_holds_the_chain_finish(app: Flask, owner_connection: Connection) -> None:
    from app.domains.platform import upkeep

    owner_connection.execute(text("SELECT FROM ledger_head FOR UPDATE"))
    with app.app_context():
        assert upkeep.seal_ledger() == 0
    owner_connection.rollback()


def test_what_has_aged_is_forgotten_and_the_rest_is_kept(app: Flask) -> None:
    registry.discover()
    from app.domains.platform import upkeep

    add = text("""
        INSERT INTO metrics (name, bucket, bucket_start, value)
        SELECT 'test.age', bucket, now() - make_interval(days => days), 1
        FROM (VALUES ('minute', 8), ('minute', 6), ('hour', 91), ('hour', 89), ('day', 1101), ('day', 1000)) AS v (bucket, days)
    """)
    kept = text(
        "SELECT bucket, round(extract(epoch FROM now() - bucket_start) / 86400) FROM metrics WHERE name = 'test.age'"
    )
    with app.app_context():
        with transaction() as connection:
            connection.execute(add)
        upkeep.prune()
        with db.engine.connect() as connection:
            left = sorted((bucket, int(days)) for bucket, days in connection.execute(kept))
    assert left == [("day", 1000), ("hour", 89), ("minute", 6)]


def test_finished_jobs_leave_the_queue_after_two_weeks_and_failed_ones_later(app: Flask, mark: str) -> None:
    registry.discover()
    from app.domains.platform import upkeep

    age = text("""
        UPDATE procrastinate_events SET at = now() - make_interval(days => 20)
        WHERE job_id IN (SELECT id FROM procrastinate_jobs WHERE args ->> 'mark' = :mark)
    """)
    with app.app_context(), transaction() as connection:
        for record_id, status in ((1, "succeeded"), (2, "failed"), (3, "todo")):
            job = background.defer_within(connection, note, mark=mark, record_id=record_id)
            end = text(
                "UPDATE procrastinate_jobs SET status = CAST(:status AS procrastinate_job_status) WHERE id = :id"
            )
            connection.execute(end, {"status": status, "id": job})
        connection.execute(age, {"mark": mark})
    with app.app_context():
        upkeep.prune()
    assert [job.status for job in jobs(app, mark)] == ["failed", "todo"]
