"""Reflected tables as last described, told from one another by the catalogue's own transaction numbers.

A change of the table itself is noticed by the very next request; one of its surroundings (a new foreign key that points
here, an enum's new word) within a few seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from app.engine import catalogue
from app.engine.reflect.build import Decided, Decisions, resource_of
from app.engine.reflect.describe import Described, describe
from app.engine.reflect.reflected import Opened, Reflected
from app.engine.registry import REGISTRY
from app.engine.resource import Related, Resource

LOOK_ROUND_EVERY = 3.0
"""Seconds between looks at the whole catalogue."""
LOOK_ROUND_SELDOM = 30.0
"""The same where only pages of our own ask, which are opened far more often than others' tables change."""
_MOST = 500


@dataclass
class _Kept:
    token: Any
    resource: Reflected


_kept: dict[tuple[str, str], _Kept] = {}
_round: list[Any] = [0.0, None]
_pointing: dict[str, Any] = {}


def find(connection: Connection, schema: str, table: str) -> Reflected | None:
    """The resource of a table as it is now; None where there is none of that name."""
    row = connection.execute(_TOKEN, {"schema": schema, "table": table}).first()
    if row is None:
        _kept.pop((schema, table), None)
        return None
    token = (*row, _surroundings(connection))
    kept = _kept.get((schema, table))
    if kept is not None and kept.token == token:
        return kept.resource
    described = describe(connection, row.oid)
    if described is None:
        return None
    if len(_kept) >= _MOST:
        _kept.clear()
    resource = resource_of(described, decisions(connection, described), row.role)
    _kept[(schema, table)] = _Kept(token, resource)
    return resource


def find_qualified(connection: Connection, name: str) -> Reflected | None:
    """The table an entry of the ledger names: `schema.table`, or the plain name of one of the console's own."""
    row = connection.execute(_QUALIFIED, {"name": name}).first()
    return find(connection, row[0], row[1]) if row is not None else None


def pointing_here(connection: Connection, resource: Resource) -> tuple[Related, ...]:
    """Lists of rows elsewhere that refer to a declared resource, for its record page."""
    signature = _surroundings(connection, LOOK_ROUND_SELDOM)
    if _pointing.get("at") != signature:
        found: dict[str, list[Any]] = {}
        for row in connection.execute(_POINTING):
            if not (row.is_ours and REGISTRY.get(row.name)):
                found.setdefault(row.target, []).append(row)
        _pointing.clear()
        _pointing.update(at=signature, found=found)
    lists = []
    for row in _pointing["found"].get(resource.name, ()):
        source = find(connection, row.schema, row.name)
        theirs = tuple(source.field_of(name) for name in row.columns) if source is not None else ()
        if source is None or not all(theirs) or not set(row.to_columns) <= set(resource.table.c.keys()):
            continue
        lists.append(
            Related(
                source.ledger_name,
                via=theirs[0],
                label=f"{source.plural}, by {', '.join(row.columns)}",
                target=source,
                on=tuple(zip(theirs, row.to_columns, strict=True)),
                id=f"{source.described.oid}-{'-'.join(theirs)}",
            )
        )
    return tuple(lists)


def forget() -> None:
    """Describe everything anew at its next use."""
    _kept.clear()
    _pointing.clear()
    _round[:] = [0.0, None]


def decisions(connection: Connection, described: Described) -> Decisions:
    """What people decided about a table and its neighbours."""
    names = {(each.schema, each.name) for each in (described, *described.neighbours.values())}
    asked = {"schemas": [schema for schema, _ in names], "tables": [name for _, name in names]}
    classes: dict[tuple[str, str], dict[str, str]] = {}
    opened: dict[tuple[str, str], Opened] = {}
    for schema, table, column, kind, reason, by, at in connection.execute(_DECIDED, asked):
        if column is None:
            opened[(schema, table)] = Opened(reason, by, at)
        else:
            classes.setdefault((schema, table), {})[column] = kind
    return {each: Decided(classes.get(each, {}), opened.get(each)) for each in classes.keys() | opened.keys()}


def _surroundings(connection: Connection, every: float = LOOK_ROUND_EVERY) -> Any:
    at, signature = _round
    if time.monotonic() - at > every:
        signature = catalogue.signature(connection)
        _round[:] = [time.monotonic(), signature]
    return signature


# The rows of the catalogue that make up one table, each with the transaction that wrote it last; all found by index.
_TOKEN = text("""
SELECT c.oid::bigint AS oid, current_user::text AS role, c.xmin::text, n.xmin::text,
  (SELECT (count(*), sum(a.xmin::text::bigint))::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0),
  (SELECT (count(*), sum(k.xmin::text::bigint))::text FROM pg_constraint k WHERE k.conrelid = c.oid),
  (SELECT (count(*), sum(x.xmin::text::bigint))::text FROM pg_index x WHERE x.indrelid = c.oid),
  (SELECT (count(*), sum(t.xmin::text::bigint))::text FROM pg_trigger t WHERE t.tgrelid = c.oid),
  (SELECT g.secrets::text FROM governed_tables g WHERE g.schema_name = n.nspname AND g.table_name = c.relname),
  (SELECT e.version FROM explorer_tables e WHERE e.schema_name = n.nspname AND e.table_name = c.relname),
  (SELECT (count(*), sum(e.version))::text FROM explorer_columns e WHERE e.schema_name = n.nspname AND e.table_name = c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relname = :table AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname <> current_schema() || '_desk'
""")

_QUALIFIED = text("""
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (n.nspname || '.' || c.relname = :name OR (n.nspname = current_schema() AND c.relname = :name))
ORDER BY n.nspname || '.' || c.relname = :name DESC LIMIT 1
""")

_DECIDED = text("""
WITH asked AS (SELECT * FROM unnest(CAST(:schemas AS text[]), CAST(:tables AS text[])) AS t(s, n))
SELECT e.schema_name, e.table_name, e.column_name, e.class, NULL, NULL, NULL::timestamptz
FROM explorer_columns e JOIN asked ON e.schema_name = asked.s AND e.table_name = asked.n
UNION ALL
SELECT e.schema_name, e.table_name, NULL, NULL, e.editing_reason, u.display_name, e.editing_at
FROM explorer_tables e JOIN asked ON e.schema_name = asked.s AND e.table_name = asked.n
LEFT JOIN app_users u ON u.id = e.editing_by
WHERE e.editing_at IS NOT NULL
""")

_POINTING = text("""
SELECT n.nspname AS schema, c.relname AS name, t.relname AS target, n.nspname = current_schema() AS is_ours,
  (SELECT array_agg(a.attname::text ORDER BY p.place) FROM unnest(k.conkey) WITH ORDINALITY p(att, place)
   JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.att) AS columns,
  (SELECT array_agg(a.attname::text ORDER BY p.place) FROM unnest(k.confkey) WITH ORDINALITY p(att, place)
   JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.att) AS to_columns
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = k.confrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND t.relnamespace = current_schema()::regnamespace AND n.nspname <> current_schema()
ORDER BY 1, 2, k.conname
""")

REGISTRY.undeclared = find_qualified
REGISTRY.pointing_here = pointing_here
