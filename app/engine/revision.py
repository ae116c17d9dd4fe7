"""Which schema revision the code expects and which the database has: a console on the wrong one must not call itself ready."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


@lru_cache(maxsize=1)
def code_heads() -> frozenset[str]:
    """The newest revisions among the migrations that ship with this code."""
    return frozenset(ScriptDirectory(str(MIGRATIONS)).get_heads())


def database_heads(connection: Connection) -> frozenset[str]:
    """The revisions the database says it is at; none when it was never migrated."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return frozenset()
    return frozenset(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
