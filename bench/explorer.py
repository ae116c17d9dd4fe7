"""The explorer over a table nobody declared: as many customers as there are, copied into a schema of other people's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from app.config import load
from app.core import startup
from bench.serving import DATA

COLUMNS = "name,number,status,bill_city,account_manager_id,phone_e164,open_balance,rfm_segment,last_job_at,updated_at"
LIST = f"/explorer/bench_explorer.accounts?sort=-updated_at&cols={COLUMNS}"

_MAKE = f"""
DROP SCHEMA IF EXISTS bench_explorer CASCADE;
CREATE SCHEMA bench_explorer;
CREATE TABLE bench_explorer.accounts AS SELECT id, {COLUMNS} FROM customers WHERE archived_at IS NULL;
ALTER TABLE bench_explorer.accounts ADD PRIMARY KEY (id);
CREATE INDEX ON bench_explorer.accounts (updated_at, id);
ANALYZE bench_explorer.accounts;
GRANT USAGE ON SCHEMA bench_explorer TO console_app;
GRANT SELECT ON bench_explorer.accounts TO console_app;
"""


@contextmanager
def undeclared() -> Iterator[str]:
    """The address of its list, with the columns of the customers' own; the table is gone at the end."""
    settings = load({**os.environ, "DATA_DIR": str(DATA / "big"), "DATABASE_URL": "", "APP_DATABASE_URL": ""})
    config, embedded = startup.open_database(settings)
    try:
        with startup.connect(config) as owner:
            owner.execute(_MAKE.encode())
            try:
                yield LIST
            finally:
                owner.execute("DROP SCHEMA bench_explorer CASCADE")
    finally:
        if embedded is not None:
            embedded.stop()
