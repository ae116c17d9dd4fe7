"""Fields a source and we both changed: put before a person, decided one or many at a time through the one write path.

Taking theirs changes the record; keeping ours only closes the question. Either is a change set with a reason, and undoing
it asks the question again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ARRAY, BigInteger, Connection, any_, bindparam, select, text

from app.core.clock import now
from app.engine.access import Actor
from app.engine.apply import Receipt, apply
from app.engine.approval_rules import needed
from app.engine.fields import Field
from app.engine.listing import row_scope
from app.engine.plan import Change, Plan, same
from app.engine.projection import projection
from app.engine.refusals import NotAllowed, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.values import typed

PAGE = 50
AT_ONCE = 500
"""Fields decided in one go, while a person waits."""
TABLE = "source_conflicts"

Decision = Literal["theirs", "ours"]


@dataclass(frozen=True)
class Conflict:
    """One field in question; values are what a person of full sight sees, and `now` is the record as it stands."""

    id: int
    version: int
    resource: Resource
    record_id: int
    field: Field
    source: str
    said_before: Any
    theirs: Any
    ours: Any
    found_at: datetime
    now: Mapping[str, Any]

    @property
    def moved(self) -> bool:
        """Whether we changed it again since the question was asked."""
        return not same(self.ours, self.now.get(self.field.name))


def open_conflicts(
    connection: Connection,
    actor: Actor,
    *,
    table: str | None = None,
    record: int | None = None,
    after: int = 0,
    ids: Sequence[int] | None = None,
    limit: int = PAGE,
) -> tuple[list[Conflict], int | None]:
    """Open questions about records and fields this actor sees, oldest first, and where the next page begins."""
    names = [table] if table else _readable(actor)
    asked = {
        "tenant": actor.tenant_id, "tables": [name for name in names if name in _readable(actor)], "after": after,
        "record": record, "ids": None if ids is None else list(ids), "n": limit,
    }  # fmt: skip
    rows = connection.execute(_OPEN, asked).all()
    return _seen(connection, actor, rows), rows[-1].id if len(rows) == limit else None


_OPEN = text("""
SELECT id, version, table_name, record_id, "column", source, said_before, theirs, ours, created_at FROM source_conflicts
WHERE tenant_id = :tenant AND state = 'open' AND id > :after AND table_name = ANY(CAST(:tables AS text[]))
    AND (CAST(:record AS bigint) IS NULL OR record_id = :record)
    AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(CAST(:ids AS bigint[])))
ORDER BY id LIMIT :n
""")


def counted(connection: Connection, actor: Actor) -> list[tuple[Resource, int]]:
    """How many questions are open, by table; only of tables of which this actor sees every record."""
    whole = [name for name in _readable(actor) if projection(REGISTRY[name], actor).reads_all]
    rows = connection.execute(_COUNTED, {"tenant": actor.tenant_id, "tables": whole})
    return [(REGISTRY[name], number) for name, number in rows]


_COUNTED = text("""
SELECT table_name, count(*) FROM source_conflicts
WHERE tenant_id = :tenant AND state = 'open' AND table_name = ANY(CAST(:tables AS text[])) GROUP BY 1 ORDER BY 2 DESC, 1
""")


def _readable(actor: Actor) -> list[str]:
    return [each.name for each in REGISTRY if each.declared and projection(each, actor).reads]


def _seen(connection: Connection, actor: Actor, rows: Sequence[Any]) -> list[Conflict]:
    """The questions whose record and field this actor sees, with the records as they stand; one statement a table."""
    records: dict[tuple[str, int], Mapping[str, Any]] = {}
    for name in {row.table_name for row in rows}:
        resource = REGISTRY[name]
        columns = resource.table.c
        keys = bindparam("keys", sorted({row.record_id for row in rows if row.table_name == name}), ARRAY(BigInteger))
        statement = select(*columns).where(columns.id == any_(keys), *row_scope(projection(resource, actor), actor))
        found = connection.execute(statement, {"tenant": actor.tenant_id, "me": actor.app_user_id})
        for record in found:
            values = dict(zip(columns.keys(), record, strict=True))
            records[name, values["id"]] = values
    made = []
    for row in rows:
        resource, stands = REGISTRY[row.table_name], records.get((row.table_name, row.record_id))
        field = projection(resource, actor).by_name.get(row.column)
        if stands is None or field is None:
            continue
        column = resource.table.c[row.column]
        before, theirs, ours = (typed(column, value) for value in (row.said_before, row.theirs, row.ours))
        made.append(
            Conflict(
                row.id, row.version, resource, row.record_id, field, row.source, before, theirs, ours, row.created_at,
                stands,
            )
        )  # fmt: skip
    return made


def decide(
    connection: Connection,
    actor: Actor,
    found: Sequence[Conflict],
    decision: Decision,
    reason: str,
    *,
    request_id: str | None = None,
    ip: str | None = None,
) -> Receipt:
    """Decide these questions alike, whole or not at all.

    Raises Rejected without a reason or for none, Stale where somebody decided or changed one meanwhile, NotAllowed where
    the role does not change such records.
    """
    if not reason.strip():
        raise Rejected({"reason": "Say why; the history of every record keeps it."})
    if not found:
        raise Rejected({"": "Tick the fields to decide first."})
    stale = [each for each in found if each.moved]
    if stale:
        raise Stale(
            f"{stale[0].field.title} was changed here again since it was found to differ. Look at both values once more."
        )
    changes: list[Change] = []
    for each in found:
        view = projection(each.resource, actor)
        if not view.writes or not view.edits(each.now, actor.app_user_id) or each.field.name in view.masked:
            raise NotAllowed(each.resource.read_only or f"Your role does not change {each.resource.plural.lower()}.")
    if decision == "theirs":
        changes += _taken(found)
    queue, at = REGISTRY[TABLE], now()
    for each in found:
        before = {"state": "open", "decided_by": None, "decided_at": None}
        after = {"state": decision, "decided_by": actor.app_user_id, "decided_at": at}
        changes.append(Change(queue, "update", each.id, before, after, each.version))
    needs = None
    for resource in {each.resource.name: each.resource for each in found}.values():
        size = sum(each.resource is resource for each in changes)
        why = f"Taking {size:,} {resource.many.lower()} at once needs a second person. Decide fewer at a time."
        needs = needs or needed(connection, actor, "bulk_fix", size=size, resource=resource, why=why)
    plan = Plan(tuple(changes), action=f"conflict.{decision}", resource=found[0].resource, needs=needs)
    return apply(plan, actor, reason.strip()[:1000], request_id=request_id, ip=ip)


def _taken(found: Sequence[Conflict]) -> list[Change]:
    """What the source says, one change a record."""
    records: dict[tuple[str, int], list[Conflict]] = {}
    for each in found:
        records.setdefault((each.resource.name, each.record_id), []).append(each)
    made = []
    for (_table, key), fields in records.items():
        resource, stands = fields[0].resource, fields[0].now
        after = {each.field.name: each.theirs for each in fields}
        before = {name: stands[name] for name in after}
        made.append(Change(resource, "update", key, before, after, stands.get(resource.row_version)))
    return made


# -- one record against its sources ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Last:
    """Who changed a field last, and by which change set."""

    who: str
    at: datetime
    change_set: int


@dataclass(frozen=True)
class Told:
    """What one source says of a record, against what stands in it."""

    source: str
    source_key: str
    seen_at: datetime
    raw: Mapping[str, Any]
    differing: tuple[tuple[Field, Any, Last | None, bool], ...]
    """(field, what the source says, who changed it here last, whether a person is to decide)"""
    same: int
    """Fields in which both say the same."""


def told(connection: Connection, resource: Resource, key: int, values: Mapping[str, Any], actor: Actor) -> list[Told]:
    """What each source says of this record, of the fields this actor sees; the latest first."""
    rows = connection.execute(_TOLD, {"tenant": actor.tenant_id, "table": resource.name, "record": key}).all()
    if not rows:
        return []
    view, columns = projection(resource, actor), resource.table.c
    open_ = set(connection.scalars(_ASKED, {"tenant": actor.tenant_id, "table": resource.name, "record": key}))
    found: list[tuple[Any, list[tuple[Field, Any]], int]] = []
    for row in rows:
        differing: list[tuple[Field, Any]] = []
        alike = 0
        for field in view.fields:
            name = field.name
            if name not in row.said or name not in columns or name in view.masked:
                continue
            theirs = typed(columns[name], row.said[name])
            if same(theirs, values.get(name)) or (theirs in (None, "", []) and values.get(name) in (None, "", [])):
                alike += 1
            else:
                differing.append((field, theirs))
        found.append((row, differing, alike))
    names = sorted({field.name for _row, differing, _alike in found for field, _theirs in differing})
    by = last_touches(connection, [(resource, key, name) for name in names]) if resource.recorded else {}
    return [
        Told(
            row.source,
            row.source_key,
            row.seen_at,
            row.raw if not view.masked else {},
            tuple(
                (field, theirs, by.get((resource.name, key, field.name)), field.name in open_)
                for field, theirs in differing
            ),
            alike,
        )
        for row, differing, alike in found
    ]


_TOLD = text("""
SELECT source, source_key, seen_at, raw, said FROM record_sources
WHERE tenant_id = :tenant AND table_name = :table AND record_id = :record ORDER BY seen_at DESC, id DESC LIMIT 5
""")
_ASKED = text("""
SELECT "column" FROM source_conflicts
WHERE tenant_id = :tenant AND table_name = :table AND record_id = :record AND state = 'open'
""")


def last_touches(
    connection: Connection, asked: Sequence[tuple[Resource, int, str]]
) -> dict[tuple[str, int, str], Last]:
    """Who changed each of these (resource, record, field) last, from the ledger, in one statement.

    A field that nobody changed since the record was made is not among them.
    """
    if not asked:
        return {}
    by_ledger = {(each.ledger_name, str(key), name): (each.name, key, name) for each, key, name in asked}
    tables, records, names = zip(*by_ledger, strict=True)
    found = connection.execute(_LAST, {"tables": list(tables), "records": list(records), "names": list(names)})
    return {by_ledger[row.tab, row.rec, row.col]: Last(row.who, row.created_at, row.id) for row in found}


_LAST = text("""
SELECT n.tab, n.rec, n.col, s.id, s.created_at, coalesce(u.display_name, 'key ' || k.name, CASE s.actor_type
    WHEN 'outside' THEN coalesce(nullif(s.application_name, ''), s.db_role)
    WHEN 'system' THEN 'BrainOps Console' WHEN 'api_key' THEN 'a key' ELSE s.actor_type END) AS who
FROM unnest(CAST(:tables AS text[]), CAST(:records AS text[]), CAST(:names AS text[])) AS n (tab, rec, col)
CROSS JOIN LATERAL (
    SELECT e.change_set_id FROM change_entries e WHERE e.table_name = n.tab AND e.record_id = n.rec
        AND e.operation = 'update' AND jsonb_exists(e.after, n.col) ORDER BY e.id DESC LIMIT 1
) e
JOIN change_sets s ON s.id = e.change_set_id LEFT JOIN app_users u ON u.id = s.app_user_id
LEFT JOIN user_api_keys k ON k.id = s.api_key_id
""")

__all__ = [
    "AT_ONCE", "Conflict", "Last", "Told", "counted", "decide", "last_touches", "open_conflicts", "told",
]  # fmt: skip
