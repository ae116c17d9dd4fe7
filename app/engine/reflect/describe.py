"""What the catalogue says of one table and of those it is tied to by foreign keys, in five statements, reading no row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

KINDS = {"r": "table", "p": "partitioned", "v": "view", "m": "matview", "f": "foreign"}


@dataclass(frozen=True)
class Column:
    """One column as PostgreSQL knows it. For a domain, `base` is what it stands on."""

    name: str
    type: str
    """As people write it: `numeric(12,3)`, `text[]`, `ugly.mood`."""
    spec: str
    """The same without its limits, for casts that must not cut a value short."""
    base: str
    base_kind: str
    """b base, e enum, c composite, r range, m multirange, d domain, p pseudo"""
    element: str | None
    """The type of an array's elements."""
    element_kind: str | None
    category: str
    ordered: bool
    nullable: bool
    identity: str
    """a always, d by default"""
    generated: bool
    default: str | None
    longest: int | None
    """Characters a varchar takes."""
    labels: tuple[str, ...]
    """Of an enum, in its order; of a text with a CHECK list, its words."""
    points: bool
    """Part of a foreign key."""
    readable: bool
    updatable: bool
    insertable: bool
    blind: bool
    """Under a collation that takes different texts for the same, which cannot be searched by their parts."""
    comment: str | None

    @property
    def is_array(self) -> bool:
        return self.element is not None


@dataclass(frozen=True)
class ForeignKey:
    """One foreign key between the described table and another."""

    name: str
    source: int
    target: int
    columns: tuple[str, ...]
    to_columns: tuple[str, ...]


@dataclass(frozen=True)
class Described:
    """One table; `out` and `into` are its foreign keys, `neighbours` the tables at their other ends, described alike."""

    oid: int
    schema: str
    name: str
    kind: str
    is_ours: bool
    owner: str
    comment: str | None
    extension: str | None
    parent: str | None
    """`schema.table` it is a partition of."""
    usage: bool
    """Whether the role may enter the schema at all."""
    readable: bool
    insertable: bool
    updatable: bool
    deletable: bool
    guarded: bool
    """Whether row security decides which rows the role sees."""
    governed: bool
    idle_triggers: bool
    """The ledger was taken off, but only the table's owner may drop its triggers."""
    populated: bool
    reads_ours: bool
    """A view over the console's own tables."""
    columns: tuple[Column, ...] = ()
    primary: tuple[str, ...] = ()
    uniques: tuple[tuple[str, ...], ...] = ()
    """Unique indexes that leave out no row and hold no empties, the primary key first."""
    indexed: frozenset[str] = frozenset()
    """Columns some index begins with."""
    out: tuple[ForeignKey, ...] = ()
    into: tuple[ForeignKey, ...] = ()
    neighbours: dict[int, Described] = field(default_factory=dict, compare=False)

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        return next((each for each in self.columns if each.name == name), None)


def describe(connection: Connection, oid: int) -> Described | None:
    """The table of that number, or None where there is none any more."""
    keys = _foreign_keys(connection, oid)
    oids = {oid, *(each.target for each in keys), *(each.source for each in keys)}
    found = _described(connection, oids)
    if oid not in found:
        return None
    out = tuple(each for each in keys if each.source == oid and each.target in found)
    into = tuple(each for each in keys if each.target == oid and each.source in found)
    me = found[oid]
    return Described(**{**vars(me), "out": out, "into": into, "neighbours": found})


def _described(connection: Connection, oids: Iterable[int]) -> dict[int, Described]:
    asked = {"oids": list(oids)}
    columns: dict[int, list[Column]] = defaultdict(list)
    words = _words(connection, asked)
    for row in connection.execute(_COLUMNS, asked).mappings():
        values: dict[str, Any] = dict(row)
        oid = values.pop("oid")
        values["labels"] = tuple(values["labels"] or words.get((oid, values["name"]), ()))
        columns[oid].append(Column(**values))
    uniques: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    indexed: dict[int, set[str]] = defaultdict(set)
    primary: dict[int, tuple[str, ...]] = {}
    for oid, names, is_primary, is_key in connection.execute(_INDEXES, asked):
        indexed[oid].update(names[:1])
        if is_primary:
            primary[oid] = tuple(names)
        if is_key:
            uniques[oid].append(tuple(names))
    return {
        row["oid"]: Described(
            **{**row, "kind": KINDS[row["kind"]]},
            columns=tuple(columns[row["oid"]]),
            primary=primary.get(row["oid"], ()),
            uniques=tuple(uniques[row["oid"]]),
            indexed=frozenset(indexed[row["oid"]]),
        )
        for row in connection.execute(_RELATIONS, asked).mappings()
    }


_CHECK_LIST = re.compile(r"'((?:[^']|'')*)'::(?:text|character varying|bpchar)")


def _words(connection: Connection, asked: dict[str, Any]) -> dict[tuple[int, str], tuple[str, ...]]:
    """The words of columns whose CHECK lists them: `status = ANY (ARRAY['open', 'closed'])`."""
    return {
        (oid, name): tuple(word.replace("''", "'") for word in _CHECK_LIST.findall(definition))
        for oid, name, definition in connection.execute(_CHECKS, asked)
        if "= ANY (" in definition and " OR " not in definition and " AND " not in definition
    }


def _foreign_keys(connection: Connection, oid: int) -> list[ForeignKey]:
    return [
        ForeignKey(name, source, target, tuple(columns), tuple(to_columns))
        for name, source, target, columns, to_columns in connection.execute(_FOREIGN_KEYS, {"oid": oid})
    ]


# -- the statements --------------------------------------------------------------------------------------------------

_FOREIGN_KEYS = text("""
SELECT k.conname, k.conrelid::bigint, k.confrelid::bigint,
  (SELECT array_agg(a.attname::text ORDER BY p.place) FROM unnest(k.conkey) WITH ORDINALITY p(att, place)
   JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.att),
  (SELECT array_agg(a.attname::text ORDER BY p.place) FROM unnest(k.confkey) WITH ORDINALITY p(att, place)
   JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.att)
FROM pg_constraint k
WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.conrelid = :oid OR k.confrelid = :oid)
ORDER BY k.conrelid, k.conname
""")

_RELATIONS = text("""
SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
  n.nspname = current_schema() AS is_ours, pg_get_userbyid(c.relowner) AS owner, obj_description(c.oid, 'pg_class') AS comment,
  (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
   WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' LIMIT 1) AS extension,
  (SELECT pn.nspname || '.' || p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
   JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid AND c.relispartition LIMIT 1) AS parent,
  has_schema_privilege(n.oid, 'USAGE') AS usage,
  has_any_column_privilege(c.oid, 'SELECT') AS readable, has_any_column_privilege(c.oid, 'INSERT') AS insertable,
  has_any_column_privilege(c.oid, 'UPDATE') AS updatable, has_table_privilege(c.oid, 'DELETE') AS deletable,
  row_security_active(c.oid) AS guarded,
  led.attached AND led.kept AS governed, led.attached AND NOT led.kept AS idle_triggers,
  c.relispopulated AS populated,
  c.relkind IN ('v', 'm') AND EXISTS (SELECT FROM pg_rewrite r
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    JOIN pg_class t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid AND t.oid <> c.oid
    WHERE r.ev_class = c.oid AND t.relnamespace = current_schema()::regnamespace) AS reads_ours
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT
  EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'ledger_update' AND t.tgenabled <> 'D') AS attached,
  EXISTS (SELECT FROM governed_tables g WHERE g.schema_name = n.nspname AND g.table_name = c.relname) AS kept) led
WHERE c.oid = ANY (CAST(:oids AS oid[]))
""")

# A domain may stand on a domain; three steps down is further than anybody goes.
_COLUMNS = text("""
SELECT a.attrelid::bigint AS oid, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
  format_type(a.atttypid, -1) AS spec, b.typname::text AS base, b.typtype::text AS base_kind,
  CASE WHEN b.typcategory = 'A' AND b.typelem <> 0 THEN e.typname::text END AS element,
  CASE WHEN b.typcategory = 'A' AND b.typelem <> 0 THEN e.typtype::text END AS element_kind,
  b.typcategory::text AS category,
  EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod WHERE m.amname = 'btree' AND o.opcdefault
          AND o.opcintype = CASE WHEN b.typcategory = 'A' AND b.typelem <> 0 THEN e.oid ELSE b.oid END) AS ordered,
  NOT (a.attnotnull OR t.typnotnull) AS nullable, a.attidentity::text AS identity, a.attgenerated <> '' AS generated,
  CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default,
  CASE WHEN b.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 END AS longest,
  (SELECT array_agg(l.enumlabel::text ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = b.oid) AS labels,
  EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)) AS points,
  has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS readable,
  has_column_privilege(a.attrelid, a.attnum, 'UPDATE') AS updatable,
  has_column_privilege(a.attrelid, a.attnum, 'INSERT') AS insertable,
  coalesce(NOT co.collisdeterministic, false) AS blind, col_description(a.attrelid, a.attnum) AS comment
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type t1 ON t.typtype = 'd' AND t1.oid = t.typbasetype
LEFT JOIN pg_type t2 ON t1.typtype = 'd' AND t2.oid = t1.typbasetype
LEFT JOIN pg_type t3 ON t2.typtype = 'd' AND t3.oid = t2.typbasetype
JOIN pg_type b ON b.oid = coalesce(t3.oid, t2.oid, t1.oid, t.oid)
LEFT JOIN pg_type e ON e.oid = b.typelem
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation
WHERE a.attrelid = ANY (CAST(:oids AS oid[])) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
""")

# A materialised view cannot forbid empties; what it has a unique index on is meant as its key.
_INDEXES = text("""
SELECT x.indrelid::bigint, k.names, x.indisprimary,
  x.indisunique AND x.indpred IS NULL AND x.indexprs IS NULL AND (k.filled OR c.relkind = 'm') AS is_key
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
CROSS JOIN LATERAL (
  SELECT array_agg(a.attname::text ORDER BY p.place) AS names, bool_and(a.attnotnull) AS filled
  FROM unnest(x.indkey::int2[]) WITH ORDINALITY p(att, place) JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = p.att
  WHERE p.place <= x.indnkeyatts) k
WHERE x.indrelid = ANY (CAST(:oids AS oid[])) AND x.indisvalid AND k.names IS NOT NULL
ORDER BY x.indisprimary DESC, x.indnkeyatts, x.indexrelid
""")

_CHECKS = text("""
SELECT k.conrelid::bigint, a.attname::text, pg_get_constraintdef(k.oid) FROM pg_constraint k
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE k.conrelid = ANY (CAST(:oids AS oid[])) AND k.contype = 'c' AND k.convalidated AND cardinality(k.conkey) = 1
""")
