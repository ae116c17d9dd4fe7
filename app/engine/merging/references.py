"""Everything that refers to a record, found in the database itself: declared foreign keys, pairs of a kind and a key, and
columns that are called like one and were never declared, in our tables and in those of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.engine.registry import REGISTRY
from app.engine.resource import Resource

MOST_FOREIGN = 2_000
"""Rows of a table nobody declared that one merge writes, each by itself."""


@dataclass(frozen=True)
class Unique:
    """A unique index over a column that refers."""

    name: str
    others: tuple[str, ...]
    """Its other columns and expressions, as SQL."""
    predicate: str
    """The rows it is about; "" for all."""
    nulls_distinct: bool


@dataclass(frozen=True)
class Place:
    """One column that refers to records of a resource."""

    schema: str
    table: str
    column: str
    kind: str
    """key: a declared foreign key. pair: what a row is about. named: only called so. many: an array of keys."""
    kind_column: str
    """Of a pair, the column that says which table is meant."""
    kinds: tuple[str, ...]
    """What stands there for this resource."""
    ours: bool
    tenanted: bool
    with_id: bool
    writable: bool
    governed: bool
    uniques: tuple[Unique, ...] = ()

    @property
    def name(self) -> str:
        """As the registry knows the table."""
        return self.table if self.ours else f"{self.schema}.{self.table}"

    @property
    def regclass(self) -> str:
        return f"{quote(self.schema)}.{quote(self.table)}"

    @property
    def key(self) -> str:
        return f"{self.name}.{self.column}"

    @property
    def stays(self) -> str:
        """Why rows here stay as they are, though the merge reaches them; "" where they move."""
        if not self.ours:
            return ""  # what is done with those of others depends on what their owner and our people allow
        if not self.governed:
            return "a log of what happened stays as it was written"
        if not self.writable:
            return "what was said stays as it was written"
        if not self.with_id:
            return "its rows cannot be told apart"
        return ""

    def where(self, param: str = "others") -> str:
        """Condition for the rows that refer to one of `param`."""
        column = quote(self.column)
        found = f"{column} && CAST(:{param} AS bigint[])" if self.kind == "many" else f"{column} = ANY(:{param})"
        if self.kind_column:
            found = f"{quote(self.kind_column)} = ANY(:kinds) AND {found}"
        # The indexes over such pairs begin with the company; foreign keys have one of their own.
        if self.ours and self.tenanted and self.kind == "pair":
            found = f"tenant_id = :tenant AND {found}"
        return found


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def find(connection: Connection, resource: Resource) -> list[Place]:
    """Every place that may refer to a record of this resource, whether or not any does."""
    one = resource.one.replace(" ", "_")
    asked = {
        "table": resource.regclass,
        "name": resource.name,
        "key": f"{one}_id",
        "keys": f"{one}_ids",
    }
    rows = connection.execute(_PLACES, asked).all()
    uniques = _uniques(connection, sorted({row.oid for row in rows}))
    kinds = (resource.name, one, one.capitalize(), one.capitalize() + "s")
    places = []
    for row in rows:
        places.append(
            Place(
                row.schema,
                row.name,
                row.column,
                row.kind,
                row.kind_column or "",
                (resource.name,) if row.ours else kinds,
                row.ours,
                row.tenanted,
                row.with_id,
                row.writable,
                row.governed,
                tuple(uniques.get((row.oid, row.column), ())),
            )
        )
    return places


def _uniques(connection: Connection, tables: Sequence[int]) -> dict[tuple[int, str], list[Unique]]:
    found: dict[tuple[int, str], list[Unique]] = {}
    for row in connection.execute(_UNIQUES, {"tables": tables}):
        for column in row.columns:
            if column is not None:
                others = tuple(
                    spelled for spelled, name in zip(row.spelled, row.columns, strict=True) if name != column
                )
                found.setdefault((row.oid, column), []).append(
                    Unique(row.name, others, row.predicate or "", row.nulls_distinct)
                )
    return found


def known(connection: Connection, place: Place) -> Resource | None:
    """The table of a place as the console knows it, declared or not."""
    return REGISTRY.find(connection, place.name)


# Columns called alike count only where no foreign key says what they mean, and not beside a table of that very name: that
# one is theirs.
_PLACES = text(r"""
WITH tables AS (
    SELECT c.oid, n.nspname AS schema, c.relname AS name, n.nspname = current_schema() AS ours,
        EXISTS (SELECT FROM pg_attribute i WHERE i.attrelid = c.oid AND i.attname = 'id' AND NOT i.attisdropped) AS with_id,
        EXISTS (SELECT FROM pg_attribute i WHERE i.attrelid = c.oid AND i.attname = 'tenant_id' AND NOT i.attisdropped)
            AS tenanted,
        EXISTS (SELECT FROM governed_tables g WHERE g.schema_name = n.nspname::text AND g.table_name = c.relname::text)
            AS governed
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
), keyed AS (
    SELECT f.conrelid AS oid, k.mine AS att
    FROM pg_constraint f CROSS JOIN LATERAL unnest(f.conkey, f.confkey) AS k (mine, theirs)
        JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = k.theirs AND b.attname = 'id'
    WHERE f.contype = 'f' AND f.confrelid = CAST(:table AS regclass) AND f.conparentid = 0
), found AS (
    SELECT DISTINCT oid, att, 'key' AS kind, NULL::name AS kind_column FROM keyed
    UNION ALL
    SELECT i.attrelid, i.attnum, 'pair', t.attname FROM pg_attribute i
        JOIN pg_attribute t ON t.attrelid = i.attrelid AND t.attname = left(i.attname, -3) || '_type'
    WHERE i.attname LIKE '%\_id' AND i.atttypid IN (20, 21, 23) AND t.atttypid IN (25, 1043) AND NOT i.attisdropped
        AND NOT t.attisdropped
    UNION ALL
    SELECT i.attrelid, i.attnum, CASE WHEN i.attname = :keys THEN 'many' ELSE 'named' END, NULL FROM pg_attribute i
        JOIN pg_class c ON c.oid = i.attrelid
    WHERE (i.attname = :key AND i.atttypid IN (20, 23) OR i.attname = :keys AND i.atttypid IN (1016, 1007))
        AND NOT i.attisdropped AND i.attrelid <> CAST(:table AS regclass)
        AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.conrelid = i.attrelid AND f.contype = 'f'
            AND i.attnum = ANY (f.conkey))
        AND (c.relnamespace = CAST(current_schema() AS regnamespace)
            OR NOT EXISTS (SELECT FROM pg_class o WHERE o.relnamespace = c.relnamespace AND o.relname = :name))
)
SELECT t.oid::bigint AS oid, t.schema, t.name, a.attname AS column, f.kind, f.kind_column, t.ours, t.tenanted, t.with_id,
    has_column_privilege(t.oid, a.attnum, 'UPDATE') AS writable, t.governed
FROM found f JOIN tables t ON t.oid = f.oid JOIN pg_attribute a ON a.attrelid = f.oid AND a.attnum = f.att
ORDER BY NOT t.ours, t.schema, t.name, f.kind, a.attname
""")
_UNIQUES = text("""
SELECT i.indrelid::bigint AS oid, c.relname AS name, pg_get_expr(i.indpred, i.indrelid) AS predicate,
    NOT i.indnullsnotdistinct AS nulls_distinct,
    (SELECT array_agg(a.attname::text ORDER BY k.n) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (att, n)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att AND k.att <> 0
        WHERE k.n <= i.indnkeyatts) AS columns,
    (SELECT array_agg(pg_get_indexdef(i.indexrelid, k::int, true) ORDER BY k)
        FROM generate_series(1, i.indnkeyatts) AS k) AS spelled
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indisunique AND i.indislive AND i.indrelid::bigint = ANY(:tables)
""")
