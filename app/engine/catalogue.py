"""What the database itself says of every table in it, ours and other people's: a handful of catalogue statements, no table read.

Nothing here counts rows or waits for a lock, so it answers for a database of hundreds of tables as it does for ten.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, text

KINDS = {"r": "table", "p": "partitioned", "v": "view", "m": "matview", "f": "foreign"}
"""PostgreSQL's letters in our words; a table that is part of another is a "partition"."""


@dataclass(frozen=True)
class ColumnFacts:
    """One column, in the order the table keeps it."""

    name: str
    type: str
    """As PostgreSQL writes it: `numeric(14,2)`, `text[]`, `status_kind`."""
    nullable: bool


@dataclass(frozen=True)
class Ref:
    """One foreign key, the same value on both tables it joins."""

    name: str
    schema: str
    table: str
    columns: tuple[str, ...]
    to_schema: str
    to_table: str
    to_columns: tuple[str, ...]
    validated: bool
    """False where it was added NOT VALID and rows from before may break it."""

    @property
    def source(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def target(self) -> str:
        return f"{self.to_schema}.{self.to_table}"


@dataclass(frozen=True)
class IndexFacts:
    """One index and how often it was used since the server's counters were last reset."""

    name: str
    columns: tuple[str, ...]
    """Key columns in order; an expression stands as an empty name."""
    unique: bool
    primary: bool
    valid: bool
    """False after a CREATE INDEX CONCURRENTLY that failed: it is kept up by every write and used by no read."""
    partial: bool
    constraint: bool
    """Whether a primary key, unique or exclusion constraint stands on it, so that it cannot simply be dropped."""
    scans: int
    bytes: int


@dataclass(frozen=True)
class SequenceFacts:
    """The number a column counts by: how far it is and how far it can go."""

    column: str
    name: str
    last: int | None
    """None before its first use, or where we may not look."""
    limit: int
    cycles: bool

    @property
    def used(self) -> float:
        """Share of the numbers that are gone, 0 to 1."""
        return (self.last or 0) / self.limit if self.limit > 0 and not self.cycles else 0.0


@dataclass(frozen=True)
class TableFacts:
    """A table or view as the catalogue knows it. Counters are since `stats_since`; estimates are the planner's."""

    schema: str
    name: str
    oid: int
    kind: str
    """table, partitioned, partition, view, matview or foreign"""
    owner: str = ""
    comment: str | None = None
    is_ours: bool = False
    """Whether it stands in the console's own schema."""
    readable: bool = False
    """Whether the role asking may read it at all."""
    governed: bool = False
    """Whether the ledger's triggers are attached."""
    extension: str | None = None
    """The extension it belongs to, so that nobody asks who made spatial_ref_sys."""
    parent: str | None = None
    """`schema.table` it is a partition of."""
    no_pages: bool = False
    """Whether not one page is on disk for its rows: proof that it is empty."""
    rows_estimate: int | None = None
    """None for a view, and for a table nobody has analysed yet."""
    bytes: int | None = None
    """With its indexes and TOAST; None for a view."""
    columns: tuple[ColumnFacts, ...] = ()
    key: tuple[str, ...] = ()
    """The primary key's columns; none where there is none."""
    uniques: tuple[tuple[str, ...], ...] = ()
    """Columns of unique, valid, whole indexes, the primary key's among them."""
    refs_out: tuple[Ref, ...] = ()
    refs_in: tuple[Ref, ...] = ()
    unvalidated: tuple[str, ...] = ()
    """Names of check and foreign key constraints that were never validated."""
    indexes: tuple[IndexFacts, ...] = ()
    sequences: tuple[SequenceFacts, ...] = ()
    reads_from: tuple[str, ...] = ()
    """For a view: the tables and views its definition names, as `schema.table`."""
    read_by: tuple[str, ...] = ()
    """The views whose definition names this one."""
    populated: bool = True
    """False for a materialised view that holds nothing until refreshed."""
    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    seq_scans: int = 0
    idx_scans: int = 0
    last_read: datetime | None = None
    """From PostgreSQL 16 on; None before, and where nothing was read."""
    analysed_at: datetime | None = None
    stats_since: datetime | None = None
    """When the database's counters were last set to zero; None where they never were."""

    @property
    def qualified(self) -> str:
        """`schema.table`, as addresses and lists name it (not quoted for SQL)."""
        return f"{self.schema}.{self.name}"

    @property
    def writes(self) -> int:
        return self.inserts + self.updates + self.deletes

    @property
    def reads(self) -> int:
        return self.seq_scans + self.idx_scans

    @property
    def stored(self) -> bool:
        """Whether it holds rows of its own (a view and a foreign table do not)."""
        return self.kind in ("table", "partition", "partitioned", "matview")

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.columns)

    @cached_property
    def fingerprint(self) -> str:
        """The same for two tables with the same columns of the same types, in whatever order."""
        shape = "\n".join(sorted(f"{each.name} {each.type}" for each in self.columns))
        return hashlib.sha256(shape.encode()).hexdigest()[:16]

    @cached_property
    def unused_indexes(self) -> tuple[IndexFacts, ...]:
        """Indexes nothing was found by, and that keep no promise either, being neither unique nor of a constraint."""
        return tuple(
            each for each in self.indexes if each.scans == 0 and not each.unique and not each.constraint and each.valid
        )

    @cached_property
    def unindexed_refs(self) -> tuple[Ref, ...]:
        """Foreign keys no index begins with: each delete of what they point at reads this whole table."""
        starts = [each.columns for each in self.indexes if each.valid and not each.partial]
        return tuple(
            ref for ref in self.refs_out if not any(set(one[: len(ref.columns)]) == set(ref.columns) for one in starts)
        )


def tables(connection: Connection, only: Sequence[tuple[str, str]] | None = None) -> list[TableFacts]:
    """Every table and view of every schema that is not PostgreSQL's own, by schema and name; or `only` these.

    A partitioned table asked for alone comes without what its parts add up to.
    """
    oids = None
    if only is not None:
        schemas, names = [one for one, _ in only], [one for _, one in only]
        oids = [row.oid for row in connection.execute(_OIDS, {"schemas": schemas, "names": names})]
    these = {"only": oids}
    relations = [dict(row) for row in connection.execute(_RELATIONS, these).mappings()]
    if not relations:
        return []
    columns, (refs, unvalidated) = _columns(connection, these), _constraints(connection, these)
    indexes, sequences = _indexes(connection, these), _sequences(connection, these)
    out, into, reads_from, read_by = defaultdict(list), defaultdict(list), defaultdict(list), defaultdict(list)
    for source, target, ref in refs:
        out[source].append(ref)
        into[target].append(ref)
    for view, view_name, read, read_name in connection.execute(_DEPENDENCIES, these):
        reads_from[view].append(read_name)
        read_by[read].append(view_name)
    found = []
    for row in relations:
        oid, kind, is_part = row["oid"], row.pop("relkind"), row.pop("relispartition")
        kept = indexes.get(oid, ())
        found.append(
            TableFacts(
                **row,
                kind="partition" if is_part else KINDS[kind],
                columns=columns.get(oid, ()),
                key=next((each.columns for each in kept if each.primary), ()),
                uniques=tuple(
                    each.columns
                    for each in kept
                    if each.unique and each.valid and not each.partial and all(each.columns)
                ),
                refs_out=tuple(out[oid]),
                refs_in=tuple(into[oid]),
                unvalidated=unvalidated.get(oid, ()),
                indexes=kept,
                sequences=sequences.get(oid, ()),
                reads_from=tuple(sorted(reads_from[oid])),
                read_by=tuple(sorted(read_by[oid])),
            )
        )
    return _with_partitions(found)


def table(connection: Connection, schema: str, name: str) -> TableFacts | None:
    """The facts of one table; None where there is none of that name any more."""
    return next(iter(tables(connection, [(schema, name)])), None)


def signature(connection: Connection) -> str:
    """The same as long as nobody has changed the schema: tables, columns, keys, indexes, triggers, views, enums, rights.

    Cheap enough to ask for on a page (a few milliseconds for 400 tables), and exact: it sums up which transaction
    last wrote each catalogue row, so a change made by psql is seen by the next request.
    """
    parts = connection.execute(_SIGNATURE).one()
    return hashlib.sha256(repr(tuple(parts)).encode()).hexdigest()[:24]


def _with_partitions(found: list[TableFacts]) -> list[TableFacts]:
    """A partitioned table holds nothing itself: its rows, size and counters are those of its parts."""
    parts: dict[str, list[TableFacts]] = defaultdict(list)
    for each in found:
        if each.parent:
            parts[each.parent].append(each)

    def leaves(name: str) -> list[TableFacts]:
        here = parts.get(name, [])
        return [leaf for each in here for leaf in (leaves(each.qualified) or [each])]

    summed = []
    for each in found:
        below = leaves(each.qualified) if each.qualified in parts else []
        if below:
            known = [leaf.rows_estimate for leaf in below if leaf.rows_estimate is not None]
            each = replace(
                each,
                rows_estimate=sum(known) if known else None,
                bytes=sum(leaf.bytes or 0 for leaf in below),
                no_pages=all(leaf.no_pages for leaf in below),
                **{
                    name: sum(getattr(leaf, name) for leaf in below)
                    for name in ("inserts", "updates", "deletes", "seq_scans", "idx_scans")
                },
            )
        summed.append(each)
    return summed


# -- the statements --------------------------------------------------------------------------------------------------

# The views the SQL desk reads are made anew from the declarations with every version; they say nothing of their own.
_SCHEMAS = (
    "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND n.nspname <> current_schema() || '_desk'"
)
_THESE = "(CAST(:only AS bigint[]) IS NULL OR {} = ANY (CAST(:only AS bigint[])::oid[]))"
_OURS = f"{_SCHEMAS} AND {_THESE.format('c.oid')}"
_ON_EITHER_END = f"{_SCHEMAS} AND ({_THESE.format('c.oid')} OR {_THESE.format('t.oid')})"

_OIDS = text("""
SELECT c.oid::bigint AS oid FROM unnest(CAST(:schemas AS text[]), CAST(:names AS text[])) AS asked (schema, name)
JOIN pg_namespace n ON n.nspname = asked.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = asked.name
""")

# The size on disk takes a share lock; whatever is being rebuilt just then says how big it was instead of making us wait.
_RELATIONS = text(f"""
WITH locked AS MATERIALIZED (SELECT relation FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation IS NOT NULL)
SELECT n.nspname AS schema, c.relname AS name, c.oid::bigint AS oid, c.relkind::text AS relkind, c.relispartition,
       pg_get_userbyid(c.relowner) AS owner, obj_description(c.oid, 'pg_class') AS comment,
       n.nspname = current_schema() AS is_ours,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
       EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'ledger_update'
               AND t.tgenabled <> 'D') AS governed,
       (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' LIMIT 1) AS extension,
       (SELECT pn.nspname || '.' || p.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
        JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE i.inhrelid = c.oid AND c.relispartition LIMIT 1) AS parent,
       pages.none AS no_pages,
       CASE WHEN c.relkind = 'v' THEN NULL
            WHEN pages.none THEN 0
            WHEN c.reltuples >= 0 THEN GREATEST(c.reltuples::bigint, coalesce(s.n_live_tup, 0))
            WHEN s.n_live_tup > 0 THEN s.n_live_tup END AS rows_estimate,
       CASE WHEN c.relkind = 'p' THEN 0
            WHEN c.relkind IN ('r', 'm') AND NOT lock.held THEN pg_total_relation_size(c.oid)
            WHEN c.relkind IN ('r', 'm') THEN c.relpages::bigint * current_setting('block_size')::int END AS bytes,
       c.relispopulated AS populated,
       coalesce(s.n_tup_ins, 0) AS inserts, coalesce(s.n_tup_upd, 0) AS updates, coalesce(s.n_tup_del, 0) AS deletes,
       coalesce(s.seq_scan, 0) AS seq_scans, coalesce(s.idx_scan, 0) AS idx_scans,
       GREATEST((to_jsonb(s) ->> 'last_seq_scan')::timestamptz, (to_jsonb(s) ->> 'last_idx_scan')::timestamptz) AS last_read,
       GREATEST(s.last_analyze, s.last_autoanalyze) AS analysed_at,
       (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()) AS stats_since
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
CROSS JOIN LATERAL (SELECT c.oid IN (SELECT relation FROM locked) AS held) lock
CROSS JOIN LATERAL (SELECT CASE WHEN c.relkind IN ('r', 'm') AND NOT lock.held THEN pg_relation_size(c.oid) = 0 ELSE false END
                    AS none) pages
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_OURS}
ORDER BY n.nspname, c.relname
""")


_COLUMNS = text(f"""
SELECT a.attrelid::bigint, array_agg(a.attname::text ORDER BY a.attnum),
       array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum), array_agg(NOT a.attnotnull ORDER BY a.attnum)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_OURS}
GROUP BY a.attrelid
""")


def _columns(connection: Connection, these: Mapping[str, Any]) -> dict[int, tuple[ColumnFacts, ...]]:
    return {
        oid: tuple(map(ColumnFacts, names, types, nullable))
        for oid, names, types, nullable in connection.execute(_COLUMNS, these)
    }


_CONSTRAINTS = text(f"""
SELECT k.contype::text, k.conname, k.conrelid::bigint, n.nspname, c.relname, k.convalidated,
       k.confrelid::bigint, tn.nspname, t.relname,
       (SELECT array_agg(a.attname::text ORDER BY p.place) FROM unnest(k.conkey) WITH ORDINALITY p(att, place)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.att),
       (SELECT array_agg(a.attname::text ORDER BY p.place) FROM unnest(k.confkey) WITH ORDINALITY p(att, place)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.att)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class t ON t.oid = k.confrelid LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE (k.contype = 'f' AND k.conparentid = 0 OR k.contype = 'c' AND NOT k.convalidated) AND {_ON_EITHER_END}
ORDER BY n.nspname, c.relname, k.conname
""")


def _constraints(
    connection: Connection, these: Mapping[str, Any]
) -> tuple[list[tuple[int, int, Ref]], dict[int, tuple[str, ...]]]:
    refs, doubtful = [], defaultdict(list)
    for (
        kind,
        name,
        oid,
        schema,
        table,
        validated,
        to_oid,
        to_schema,
        to_table,
        columns,
        to_columns,
    ) in connection.execute(_CONSTRAINTS, these):
        if not validated:
            doubtful[oid].append(name)
        if kind == "f":
            refs.append(
                (
                    oid,
                    to_oid,
                    Ref(name, schema, table, tuple(columns), to_schema, to_table, tuple(to_columns), validated),
                )
            )
    return refs, {oid: tuple(names) for oid, names in doubtful.items()}


_INDEXES = text(f"""
SELECT x.indrelid::bigint, i.relname, x.indisunique, x.indisprimary, x.indisvalid AND x.indisready, x.indpred IS NOT NULL,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x')),
       coalesce(pg_stat_get_numscans(x.indexrelid), 0), i.relpages::bigint * current_setting('block_size')::int,
       (SELECT array_agg(coalesce(a.attname::text, '') ORDER BY p.place)
        FROM unnest(x.indkey::int[]) WITH ORDINALITY p(att, place)
        LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = p.att AND p.att <> 0
        WHERE p.place <= x.indnkeyatts)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_OURS}
ORDER BY i.relname
""")


def _indexes(connection: Connection, these: Mapping[str, Any]) -> dict[int, tuple[IndexFacts, ...]]:
    found = defaultdict(list)
    for oid, name, unique, primary, valid, partial, constraint, scans, size, columns in connection.execute(
        _INDEXES, these
    ):
        found[oid].append(
            IndexFacts(name, tuple(columns or ()), unique, primary, valid, partial, constraint, scans, size)
        )
    return {oid: tuple(kept) for oid, kept in found.items()}


_SEQUENCES = text(f"""
SELECT d.refobjid::bigint, a.attname::text, s.relname,
       CASE WHEN has_sequence_privilege(s.oid, 'SELECT, USAGE') THEN pg_sequence_last_value(s.oid) END,
       LEAST(q.seqmax, CASE a.atttypid WHEN 'smallint'::regtype THEN 32767 WHEN 'integer'::regtype THEN 2147483647
                       ELSE q.seqmax END), q.seqcycle
FROM pg_sequence q JOIN pg_class s ON s.oid = q.seqrelid
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
     AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE q.seqincrement > 0 AND {_OURS}
""")


def _sequences(connection: Connection, these: Mapping[str, Any]) -> dict[int, tuple[SequenceFacts, ...]]:
    found = defaultdict(list)
    for oid, column, name, last, limit, cycles in connection.execute(_SEQUENCES, these):
        found[oid].append(SequenceFacts(column, name, last, limit, cycles))
    return {oid: tuple(kept) for oid, kept in found.items()}


_DEPENDENCIES = text(f"""
SELECT DISTINCT r.ev_class::bigint, n.nspname || '.' || c.relname, d.refobjid::bigint, tn.nspname || '.' || t.relname
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE r.rulename = '_RETURN' AND d.refobjid <> r.ev_class AND t.relkind <> 'S' AND {_ON_EITHER_END}
""")


# From 16384 on stand objects that people made; of columns, indexes and rules only those count.
_SIGNATURE = text(f"""
SELECT current_user::text, current_schema()::text,
  (SELECT (count(*), sum(c.xmin::text::bigint))::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind <> 'S' AND {_SCHEMAS}),
  (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_namespace WHERE oid >= 16384),
  (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0),
  (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_attrdef),
  (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_constraint WHERE oid >= 16384),
  (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_index WHERE indexrelid >= 16384),
  (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_trigger),
  (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_rewrite WHERE oid >= 16384),
  (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_enum),
  (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_description WHERE objoid >= 16384)
""")


__all__ = [
    "ColumnFacts",
    "IndexFacts",
    "Ref",
    "SequenceFacts",
    "TableFacts",
    "signature",
    "table",
    "tables",
]
