"""Which schema revision the code expects and which the database has: a console on the wrong one must not call itself ready."""

from __future__ import annotations

from sqlalchemy import Connection, text

from app.core.revision import code_heads

__all__ = ["code_heads", "database_heads"]


def database_heads(connection: Connection) -> frozenset[str]:
    """The revisions the database says it is at; none when it was never migrated."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return frozenset()
    return frozenset(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
