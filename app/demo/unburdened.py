"""Filling a table without paying for every index and foreign key row by row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from app.demo.world import World


@contextmanager
def unburdened(world: World, table: str, *, quietly: bool = False) -> Iterator[None]:
    """Put the table's foreign keys and plain indexes aside while it is filled, and back afterwards; a third of the time.

    Only the table's owner may. The keys are checked when they return, so nothing unproven stays. `quietly` also keeps the
    rows out of the ledger, which takes a reason in the change set.
    """
    run = world.connection.execute
    name = sql.Identifier(table)
    run("SELECT set_config('maintenance_work_mem', '256MB', true), set_config('synchronous_commit', 'off', true)")
    keys = run(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'"
        " ORDER BY conname",
        (table,),
    ).fetchall()
    indexes = run(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = %s::regclass AND NOT i.indisunique ORDER BY c.relname",
        (table,),
    ).fetchall()
    if quietly:
        run(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
    for key, _definition in keys:
        run(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(name, sql.Identifier(key)))
    for index, _definition in indexes:
        run(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
    yield
    for _index, definition in indexes:
        run(sql.SQL(definition))
    for key, definition in keys:
        proven = sql.SQL(definition)  # PostgreSQL's own words for the key
        run(sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(name, sql.Identifier(key), proven))
    if quietly:
        run(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))
