"""The atlas over a database of other people's: four hundred tables more, beside our own."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.config import load
from app.core import startup
from bench.serving import DATA, Served

TABLES = 400
LIMIT_MS = 300
FIRST_LIMIT_MS = 10_000

_MAKE = """
DROP SCHEMA IF EXISTS bench_atlas CASCADE;
CREATE SCHEMA bench_atlas;
DO $$
BEGIN
    FOR n IN 1 .. {tables} LOOP
        EXECUTE format('CREATE TABLE bench_atlas.%1$I (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id bigint,
            number_%2$s text, name text, amount_%2$s numeric(12,2), due_%2$s date, status text, notes text,
            created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now())', 'thing_' || n, n % 40);
        EXECUTE format('CREATE INDEX ON bench_atlas.%I (created_at)', 'thing_' || n);
        EXECUTE format('INSERT INTO bench_atlas.%I (name) SELECT ''row '' || x FROM generate_series(1, 20) x', 'thing_' || n);
        IF n > 1 THEN
            EXECUTE format('ALTER TABLE bench_atlas.%I ADD FOREIGN KEY (parent_id) REFERENCES bench_atlas.%I',
                'thing_' || n, 'thing_' || (n / 2));
        END IF;
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA bench_atlas TO console_app;
GRANT SELECT ON ALL TABLES IN SCHEMA bench_atlas TO console_app;
"""


def measure(served: Served, rounds: int) -> Iterator[tuple[str, float, float]]:
    """(case, milliseconds, limit): the first page after somebody else's tables appeared, and the same page again."""
    with others(TABLES):
        yield f"atlas of {TABLES} tables, the first time, ms", _timed(served, "/explorer"), FIRST_LIMIT_MS
        warm = statistics.median(_timed(served, "/explorer") for _ in range(max(rounds // 4, 10)))
        yield f"atlas of {TABLES} tables, warm, ms", warm, LIMIT_MS


def _timed(served: Served, path: str) -> float:
    began = time.perf_counter()
    served.request(path)
    return (time.perf_counter() - began) * 1000


@contextmanager
def others(tables: int) -> Iterator[None]:
    """So many tables of a foreign schema in the small database, gone at the end."""
    settings = load({**os.environ, "DATA_DIR": str(DATA / "small"), "DATABASE_URL": "", "APP_DATABASE_URL": ""})
    config, embedded = startup.open_database(settings)
    try:
        with startup.connect(config) as owner:
            owner.execute(_MAKE.replace("{tables}", str(tables)).encode())
            try:
                yield
            finally:
                owner.execute("DROP SCHEMA bench_atlas CASCADE")
    finally:
        if embedded is not None:
            embedded.stop()
