"""Selections the server keeps: records somebody picked elsewhere, opened as a list that no browser has to carry the keys of."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, ColumnElement, Connection, any_, bindparam, func, select, table, text
from sqlalchemy import column as column_of

from app.engine.access import Actor
from app.engine.resource import Resource

MOST = 100_000
"""Records one selection may hold."""

_ROWS = table("kept_selections", *map(column_of, ("id", "tenant_id", "app_user_id", "table_name", "keys")))


def keep(connection: Connection, resource: Resource, keys: Iterable[int], actor: Actor) -> int:
    """Keep these records for this person alone, for a month; the number goes into a list's address as `kept=`.

    What is kept is only which records: the list still shows no row its reader may not see. Older ones are forgotten.
    """
    connection.execute(_FORGET, {"me": actor.app_user_id})
    made = {
        "tenant": actor.tenant_id,
        "me": actor.app_user_id,
        "table": resource.name,
        "keys": sorted(set(keys))[:MOST],
    }
    return int(connection.execute(_KEEP, made).scalar_one())


def among(resource: Resource) -> ColumnElement[bool]:
    """The SQL of "one of the records of selection :kept", which must be this person's and of this very table."""
    keys = (
        select(func.unnest(_ROWS.c["keys"], type_=BigInteger))
        .where(
            _ROWS.c["id"] == bindparam("kept", type_=BigInteger),
            _ROWS.c["tenant_id"] == bindparam("tenant"),
            _ROWS.c["app_user_id"] == bindparam("me"),
            _ROWS.c["table_name"] == resource.name,
        )
        .scalar_subquery()
    )
    return resource.table.c[resource.keys[0]] == any_(keys)


_KEEP = text(
    "INSERT INTO kept_selections (tenant_id, app_user_id, table_name, keys)"
    " VALUES (:tenant, :me, :table, CAST(:keys AS bigint[])) RETURNING id"
)
_FORGET = text(
    "DELETE FROM kept_selections WHERE app_user_id = :me AND created_at < clock_timestamp() - interval '30 days'"
)
