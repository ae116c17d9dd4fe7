"""What the ledger costs a bulk change, and its undo: 50,000 customers, in turn with the same without triggers."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable

from sqlalchemy import Connection, Engine, text

from app.core.db import db
from app.engine import undo_later
from app.engine.access import SYSTEM, Actor
from app.engine.apply import change, transaction

ROWS = 50_000


def ledger_ms(engine: Engine, rows: int = ROWS, rounds: int = 3) -> tuple[float, float]:
    """Medians of one UPDATE of so many rows with the ledger's triggers and without, as the owner of the tables.

    Each is rolled back, so that every one meets the same rows; the space they leave is given back in between. One that does
    not count goes first: whoever comes first reads the rows from the disk.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for recorded, kept in ((False, []), *((True, times[0]), (False, times[1])) * rounds):
        with engine.connect() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0"))
            if not recorded:
                connection.execute(text("ALTER TABLE customers DISABLE TRIGGER USER"))
            kept.append(_timed(lambda: _update(connection, rows)))
            connection.rollback()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM customers, change_entries"))
    return statistics.median(times[0]), statistics.median(times[1])


def undo_ms(engine: Engine, actor: Actor, rows: int = ROWS, rounds: int = 3) -> tuple[float, float]:
    """Medians of taking such a change back, in batches as the worker does, and of the change itself, both committed."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM customers, change_entries"))
        began = time.perf_counter()
        with change(actor, reason="bench") as connection:
            # The limits are for what people wait for; a worker keeps within them batch by batch.
            connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0"))
            _update(connection, rows)
            number = connection.info["change_set"]
        times[1].append((time.perf_counter() - began) * 1000)
        with transaction() as connection:
            run = undo_later.take_up(connection, undo_later.ask(connection, [(number, rows)], actor, "bench", None))
        assert run is not None
        times[0].append(_timed(lambda: undo_later.go_on(db.engine, run, actor)))  # noqa: B023
        with transaction() as connection:
            undo_later.finish(connection, run, "done")
            now = undo_later.run_of(connection, run.id, actor.tenant_id)
        if now is None or now.records_restored != rows or now.records_left:
            raise SystemExit(f"The undo restored {now and now.records_restored} of {rows} rows.")
    return statistics.median(times[0]), statistics.median(times[1])


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _update(connection: Connection, rows: int) -> None:
    done = connection.execute(
        text("UPDATE customers SET bill_city = :city WHERE id IN (SELECT id FROM customers ORDER BY id LIMIT :n)"),
        {"city": f"Town {secrets.token_hex(4)}", "n": rows},
    )
    if done.rowcount != rows:
        raise SystemExit(f"The bench needs {rows} customers and found {done.rowcount}.")


def somebody(connection: Connection) -> Actor:
    """A person with every right, to act as."""
    row = connection.execute(
        text("SELECT id, tenant_id FROM app_users WHERE status = 'active' ORDER BY id LIMIT 1")
    ).one()
    return Actor(row.tenant_id, row.id, None, "The bench", permissions=SYSTEM().permissions)
