"""A fix of 100,000 records: how long it takes to rehearse it, and to apply what was shown, ledger included."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from app import create_app
from app.config import Config, load
from app.core import startup
from app.core.connecting import connect_args
from app.core.db import psycopg_url
from app.engine import listing, selection
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.bulk import applying, plans, rehearsal, work
from app.engine.projection import projection
from app.engine.registry import REGISTRY
from bench.serving import DATA

ROWS = int(os.environ.get("BENCH_FIX", "100000"))
LIMIT_S = 60
_CITY = "Denvr (bench)"


def measure() -> Iterator[tuple[str, float, float]]:
    """(case, seconds, limit), in a copy of the demonstration company with so many more customers."""
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
        connection.execute(_MADE, {"tenant": tenant, "rows": ROWS, "city": _CITY})
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE customers"))
    actor = Actor(tenant, person, None, "Bench", permissions=frozenset({"*.*"}))
    edits = {"kind": "fields", "steps": [{"field": "bill_city", "do": "set", "value": "Denver"}]}
    try:
        with create_app(config).app_context():
            view = projection(REGISTRY["customers"], actor)
            query = listing.read_query([("bill_city", _CITY)], view, "UTC")
            began = time.perf_counter()
            with transaction() as connection:
                number = plans.seal(connection, selection.Selection(query), "/crm/customers", actor)
                plan = plans.find(connection, number, tenant)
                plans.choose(connection, plan, work.of(connection, view.resource, edits, actor), edits)
            plan = rehearsal.rehearse(number, actor)
            yield f"fix of {plan.changing:,} customers, rehearsed, s", time.perf_counter() - began, LIMIT_S
            began = time.perf_counter()
            with transaction() as connection:
                applying.begin(connection, plan, actor, "bench", None, None)
            plan = applying.carry_out(number, actor)
            yield f"fix of {plan.applied:,} customers, applied, s", time.perf_counter() - began, LIMIT_S
    finally:
        with owner.begin() as connection:
            connection.execute(text("DELETE FROM customers WHERE external_source = 'bench'"))
            connection.execute(text("DELETE FROM bulk_plans WHERE reason = 'bench'"))
        owner.dispose()


_MADE = text("""
INSERT INTO customers (tenant_id, number, name, bill_city, status, external_source, external_id)
SELECT :tenant, 'B-' || n, 'Bench ' || n, :city, 'active', 'bench', n::text FROM generate_series(1, :rows) n
""")
