"""A file of 100,000 customers: how long it takes to read, rehearse, apply and undo it, and how much memory that needs."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from app import create_app
from app.config import Config, load
from app.core import startup
from app.core.connecting import connect_args
from app.core.db import db, psycopg_url
from app.engine import ledger, undo_later
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.importing import applying, files, reading, rehearsal, runs
from app.engine.importing.mapping import ColumnMapping
from app.engine.registry import REGISTRY
from bench.serving import DATA, most_memory_mb

ROWS = int(os.environ.get("BENCH_IMPORT", "100000"))
LIMIT_S = 90
UNDO_TIMES = 1.5
"""The undo of an import may take so many times as long as it took to apply it."""
GROWS_MB = 150
"""Megabytes the process may grow by, however many rows a file has."""
_SOURCE = "bench"


def measure() -> Iterator[tuple[str, float, float]]:
    """(case, figure, limit), in a copy of the demonstration company."""
    settings = load({**os.environ, "DATA_DIR": str(DATA / "small"), "DATABASE_URL": "", "APP_DATABASE_URL": ""})
    config, embedded = startup.open_database(settings)
    try:
        yield from timed(config)
    finally:
        if embedded is not None:
            embedded.stop()


def timed(config: Config) -> Iterator[tuple[str, float, float]]:
    """The same over any migrated database that has a company."""
    owner = create_engine(
        psycopg_url(config.database_url or ""), connect_args=connect_args(config, "owner"), poolclass=NullPool
    )
    with owner.begin() as connection:
        tenant, person = connection.execute(
            text("SELECT tenant_id, min(id) FROM app_users GROUP BY 1 ORDER BY 1 LIMIT 1")
        ).one()
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # What earlier rounds left behind in tables and indexes, which the server clears away between two imports of a day.
        connection.execute(text("VACUUM customers, change_entries, record_sources, import_rows"))
    actor = Actor(tenant, person, None, "Bench", permissions=frozenset({"*.*"}))
    before = most_memory_mb(anew=True)
    try:
        with create_app(config).app_context():
            began = time.perf_counter()
            with transaction() as connection:
                number = files.receive(connection, actor, REGISTRY["customers"], "bench.csv", _file(), _SOURCE)
            with transaction() as connection:
                run = runs.find(connection, number, tenant)
                mapping = ColumnMapping.read(run.sheets[0].mapping)
                how = {"source": _SOURCE, "mode": "both", "key": "source", "blanks": "leave"}
                files.choose(connection, run, actor, mapping, **how)
                files.to_read(connection, run)
            files.read_rows(number, actor)
            yield f"import of {ROWS:,} customers, read in, s", time.perf_counter() - began, LIMIT_S
            began = time.perf_counter()
            run = rehearsal.rehearse(number, actor)
            rehearsed = time.perf_counter() - began
            yield f"import of {run.creates:,} customers, rehearsed, s", rehearsed, LIMIT_S
            began = time.perf_counter()
            with transaction() as connection:
                applying.begin(connection, run, actor, "bench", None, None)
            run = applying.carry_out(number, actor)
            applied = time.perf_counter() - began
            yield f"import of {run.applied:,} customers, applied, s", applied, LIMIT_S
            yield f"import of {run.applied:,} customers, rehearsed and applied, s", rehearsed + applied, LIMIT_S
            yield "import, memory the process grew by, MB", most_memory_mb() - before, GROWS_MB
            before = most_memory_mb(anew=True)
            undone = _undone(run, actor)
            yield f"import of {run.applied:,} customers, undone as one, s", undone, LIMIT_S
            yield f"import of {run.applied:,} customers, undone, times its applying", undone / applied, UNDO_TIMES
            yield "undo of an import, memory the process grew by, MB", most_memory_mb() - before, GROWS_MB
    finally:
        with owner.begin() as connection:
            connection.execute(text("DELETE FROM customers WHERE external_source = 'bench'"))
            connection.execute(text("DELETE FROM record_sources WHERE source = 'bench'"))
            connection.execute(text("DELETE FROM imports WHERE source = 'bench'"))
            connection.execute(text("DELETE FROM import_mappings WHERE source = 'bench'"))
        owner.dispose()


def _undone(run: runs.Run, actor: Actor) -> float:
    """Seconds in which a worker takes all of it back."""
    began = time.perf_counter()
    with transaction() as connection:
        found = ledger.change_set(connection, actor, runs.first_set(connection, run) or 0)
        assert found is not None
        asked = undo_later.ask(connection, ledger.together(connection, found), actor, "bench", None)
    with transaction() as connection:
        taken = undo_later.take_up(connection, asked)
    assert taken is not None
    undo_later.go_on(db.engine, taken, actor)
    with transaction() as connection:
        undo_later.finish(connection, taken, "done")
        now = undo_later.run_of(connection, asked, actor.tenant_id)
        left = connection.execute(text("SELECT count(*) FROM customers WHERE external_source = 'bench'")).scalar_one()
    if now is None or now.records_restored != run.applied or now.records_left or left:
        raise SystemExit(f"The undo took back {now and now.records_restored} of {run.applied} customers; {left} stay.")
    return time.perf_counter() - began


def _file() -> Iterator[bytes]:
    """The file, as a browser sends it: in pieces."""
    with tempfile.TemporaryFile("w+b") as file:
        file.write(b"Cust #,Company,City,ST,Zip,Phone 1,E-mail,Credit limit,Tax Exempt,Terms in days\r\n")
        for n in range(ROWS):
            file.write(
                f"B{n:07},Bench Roofing {n},Denver,CO,{80000 + n % 999:05},(303) 555-{n % 10000:04},"
                f'office{n}@bench.example,"${n % 90:,}.50",{"Y" if n % 9 == 0 else "N"},30\r\n'.encode()
            )
        file.seek(0)
        while piece := file.read(reading.PIECE):
            yield piece
