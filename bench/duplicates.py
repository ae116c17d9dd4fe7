"""Duplicates among a million customers: the first look, the next after a thousand changed, and in what memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from app import create_app
from app.config import Config, load
from app.core import startup
from app.core.connecting import connect_args
from app.core.db import psycopg_url
from app.engine.duplicates import looking
from app.engine.registry import REGISTRY
from bench.serving import DATA, most_memory_mb

ROWS = int(os.environ.get("BENCH_DUPLICATES", "1000000"))
CHANGED = 1_000
FIRST_LIMIT_S, AGAIN_LIMIT_S = 1_200, 60
SHARE = 50
"""One in so many is a copy of another, with a slip in its name."""


def measure() -> Iterator[tuple[str, float, float]]:
    """(case, seconds, limit), in a database of its own, which is kept: its million rows are made once."""
    settings = load({**os.environ, "DATA_DIR": str(DATA / "duplicates"), "DATABASE_URL": "", "APP_DATABASE_URL": ""})
    config, embedded = startup.open_database(settings)
    try:
        startup.migrate(config)
        yield from timed(startup.settle_role(config)[0])
    finally:
        if embedded is not None:
            embedded.stop()


def timed(config: Config) -> Iterator[tuple[str, float, float]]:
    """The same over any migrated database."""
    owner = create_engine(
        psycopg_url(config.database_url or ""), connect_args=connect_args(config, "owner"), poolclass=NullPool
    )
    tenant = _found(owner)
    try:
        with create_app(config).app_context():
            customers = REGISTRY["customers"]
            before = most_memory_mb(anew=True)
            began = time.perf_counter()
            first = looking.look(tenant, customers)
            took = time.perf_counter() - began
            yield f"duplicates among {first.read:,} customers, first look, s", took, FIRST_LIMIT_S
            with owner.connect() as connection:
                planted, found = connection.execute(_FOUND, {"scope": first.scope}).one()
            print(
                f"  {first.weighed:,} pairs weighed, {first.open:,} open; {found:,} of {planted:,} planted copies found;"
                f" memory grew by {most_memory_mb() - before:.0f} MB"
            )
            with owner.begin() as connection:
                connection.execute(_CHANGE, {"tenant": tenant, "n": CHANGED})
            began = time.perf_counter()
            again = looking.look(tenant, customers)
            took = time.perf_counter() - began
            yield f"duplicates after {CHANGED:,} changed ({again.weighed:,} pairs weighed), s", took, AGAIN_LIMIT_S
            with owner.connect() as connection:
                if connection.execute(_FOUND, {"scope": first.scope}).one()[1] < planted * 0.9:
                    raise SystemExit("Fewer than nine in ten of the planted copies were found.")
    finally:
        owner.dispose()


def _found(owner: Engine) -> int:
    """The company with so many customers, none of which has been looked at."""
    with owner.begin() as connection:
        _quiet(connection)
        tenant = connection.execute(_COMPANY).scalar_one()
        connection.execute(text("DELETE FROM duplicate_scopes WHERE tenant_id = :tenant"), {"tenant": tenant})
        made = connection.execute(text("SELECT count(*) FROM customers WHERE tenant_id = :tenant"), {"tenant": tenant})
        for low in range(made.scalar_one(), ROWS, 100_000):
            high = min(low + 100_000, ROWS)
            connection.execute(_MADE, {"tenant": tenant, "low": low + 1, "high": high, "share": SHARE})
        connection.execute(text("ALTER TABLE customers ENABLE TRIGGER USER"))
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE customers"))
    return int(tenant)


def _quiet(connection: Connection) -> None:
    connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0"))
    connection.execute(text("ALTER TABLE customers DISABLE TRIGGER USER"))


# Every customer has a name of three words and a number of digits, a telephone number shared by about four, a street and a
# place. Each fiftieth is the one before it once more: same telephone and street, a letter missing from the name.
_MADE = text("""
INSERT INTO customers (tenant_id, number, name, status, phone_e164, email, bill_line1, bill_city, bill_postal, updated_at)
SELECT :tenant, 'B-' || n, CASE WHEN copy THEN overlay(name placing '' from 3 for 1) || ' LLC' ELSE name END, 'active',
    '+1' || (3000000000 + CAST(hashint8(m) AS bigint) % 1000000 * 250)::text, 'office' || m || '@'
        || substr(md5(m::text), 1, 9) || '.example',
    (1 + m % 9800)::text || ' ' || initcap(substr(md5((m / 7)::text), 1, 6)) || CASE WHEN copy THEN ' St' ELSE ' Street' END,
    (ARRAY['Denver','Aurora','Casper','Omaha','Lincoln','Wichita','Laramie'])[1 + m % 7], (80000 + m % 977)::text,
    now() - interval '30 days'
FROM (
    SELECT n, copy, m, initcap(translate(substr(md5(m::text), 1, 7), '0123456789', 'aeioulnrst')) || ' '
        || initcap(translate(substr(md5((m / 3)::text), 9, 8), '0123456789', 'aeioulnrst')) || ' '
        || (ARRAY['Storage','Lofts','Church','Foods','Motors','Retail','Hotel','Dairy'])[1 + m % 8] AS name
    FROM (
        SELECT n, n % :share = 0 AS copy, CASE WHEN n % :share = 0 THEN n - 1 ELSE n END AS m
        FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) AS n
    ) AS numbered
) AS named
""")
_COMPANY = text("""
INSERT INTO tenants (slug, name) VALUES ('bench-duplicates', 'Bench') ON CONFLICT (slug) DO UPDATE SET name = excluded.name
RETURNING id
""")
_CHANGE = text("""
UPDATE customers SET name = name || ' West' WHERE id IN (SELECT id FROM customers WHERE tenant_id = :tenant ORDER BY id LIMIT :n)
""")
_FOUND = text("""
WITH planted AS (
    SELECT o.id AS one, c.id AS other FROM customers c
        JOIN customers o ON o.tenant_id = c.tenant_id AND o.number = 'B-' || (substr(c.number, 3)::bigint - 1)
    WHERE c.tenant_id = (SELECT tenant_id FROM duplicate_scopes WHERE id = :scope) AND substr(c.number, 3)::bigint % 50 = 0
)
SELECT count(*), count(p.id) FROM planted LEFT JOIN duplicate_pairs p ON p.scope_id = :scope
    AND p.left_id = least(planted.one, planted.other) AND p.right_id = greatest(planted.one, planted.other)
""")
