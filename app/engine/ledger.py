"""The ledger, read: who changed what, when, why, before and after, cut to what the reader's role may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, text

from app.core.clock import now
from app.engine.access import Actor
from app.engine.fields import Field, Reference, SubjectLink
from app.engine.listing import row_scope
from app.engine.plan import Change, Plan
from app.engine.projection import projection
from app.engine.references import labels
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.values import KEPT_BY_DATABASE, load, typed

PAGE = 50


@dataclass(frozen=True)
class ChangeSet:
    """All changes applied together."""

    id: int
    at: datetime
    actor_type: str
    app_user_id: int | None
    actor_name: str
    channel: str
    action: str | None
    reason: str | None
    undoes_id: int | None
    undone_by: int | None
    entry_count: int
    db_role: str | None
    sealed: bool
    request_id: str | None = None
    group_id: int | None = None
    """The first of the sets that were applied together in batches; None for it and for a set that stands alone."""


@dataclass(frozen=True)
class Difference:
    """One field of one entry. Labels stand beside values that are references."""

    field: Field
    before: Any
    after: Any
    before_label: str | None = None
    after_label: str | None = None
    tables: tuple[str | None, str | None] = (None, None)
    """Of values that are keys, the tables they are keys of."""


@dataclass(frozen=True)
class Entry:
    """One record's change within a set, with its visible differences."""

    id: int
    set: ChangeSet
    resource: Resource | None
    table: str
    record_id: str
    operation: str
    differences: tuple[Difference, ...]
    hidden: int
    """Changed fields this reader may not see; said, so that nothing looks complete that is not."""
    title: str | None = None

    @property
    def key(self) -> Any:
        """The record as its address names it."""
        return self.resource.key_from_ledger(self.record_id) if self.resource else None


SET = """
    s.id, s.created_at, s.actor_type, s.app_user_id,
    coalesce(u.display_name, 'key ' || k.name, CASE s.actor_type
        WHEN 'outside' THEN coalesce(nullif(s.application_name, ''), s.db_role)
        WHEN 'system' THEN 'BrainOps Console' WHEN 'api_key' THEN 'a key' ELSE s.actor_type END),
    s.channel, s.action, s.reason, s.undoes_id, x.id, s.entry_count, s.db_role, s.seal_no IS NOT NULL, s.request_id,
    s.group_id
    """
_FROM = """
    FROM change_sets s LEFT JOIN app_users u ON u.id = s.app_user_id LEFT JOIN user_api_keys k ON k.id = s.api_key_id
    LEFT JOIN LATERAL (SELECT id FROM change_sets z WHERE z.undoes_id = s.id ORDER BY id DESC LIMIT 1) x ON true
    """
_UNDONE_HERE = """LEFT JOIN LATERAL (
    SELECT z.id FROM change_sets z JOIN change_entries y ON y.change_set_id = z.id
        AND y.table_name = e.table_name AND y.record_id = e.record_id
    WHERE z.undoes_id = s.id AND NOT EXISTS (SELECT FROM change_sets w WHERE w.undoes_id = z.id)
    ORDER BY z.id DESC LIMIT 1) x ON true"""
"""An undo that took this very record back and still stands: one may take back some records of a set, and be undone itself."""
_WIDTH = 15


def history(
    connection: Connection, resource: Resource, key: Any, actor: Actor, before: int | None = None, limit: int = PAGE
) -> list[Entry]:
    """The entries of one record, newest first; `before` is the id of the last entry of the page above."""
    rows = connection.execute(
        text(
            f"SELECT {SET}, e.id, e.table_name, e.record_id, e.operation, e.before::text, e.after::text"
            " FROM change_entries e JOIN change_sets s ON s.id = e.change_set_id LEFT JOIN app_users u ON u.id = s.app_user_id"
            " LEFT JOIN user_api_keys k ON k.id = s.api_key_id"
            f" {_UNDONE_HERE}"
            " WHERE e.table_name = :table AND e.record_id = :key AND (CAST(:before AS bigint) IS NULL OR e.id < :before)"
            " ORDER BY e.id DESC LIMIT :n"
        ),
        {
            "table": resource.ledger_name,
            "key": resource.ledger_key(connection, key),
            "before": before,
            "n": limit,
        },
    )
    return _entries(connection, rows.all(), actor)


def history_of_table(
    connection: Connection, resource: Resource, actor: Actor, before: int | None = None, limit: int = PAGE
) -> list[Entry]:
    """The entries of a whole table, newest first."""
    rows = connection.execute(
        text(
            f"SELECT {SET}, e.id, e.table_name, e.record_id, e.operation, e.before::text, e.after::text"
            " FROM change_entries e JOIN change_sets s ON s.id = e.change_set_id LEFT JOIN app_users u ON u.id = s.app_user_id"
            " LEFT JOIN user_api_keys k ON k.id = s.api_key_id"
            f" {_UNDONE_HERE}"
            " WHERE e.table_name = :table AND (CAST(:before AS bigint) IS NULL OR e.id < :before)"
            " AND (s.tenant_id = :tenant OR :platform)"
            " ORDER BY e.id DESC LIMIT :n"
        ),
        {
            "table": resource.ledger_name,
            "before": before,
            "n": limit,
            "tenant": actor.tenant_id,
            "platform": actor.may("platform.read"),
        },
    )
    return _entries(connection, rows.all(), actor)


def sets_of(connection: Connection, ids: Sequence[int]) -> list[ChangeSet]:
    """These sets, newest first."""
    if not ids:
        return []
    rows = connection.execute(
        text(f"SELECT {SET} {_FROM} WHERE s.id = ANY(CAST(:ids AS bigint[])) ORDER BY s.id DESC"), {"ids": list(ids)}
    )
    return [ChangeSet(*row) for row in rows]


def change_set(connection: Connection, actor: Actor, set_id: int) -> ChangeSet | None:
    """One set of the actor's tenant."""
    row = connection.execute(
        text(
            f"SELECT {SET} {_FROM} WHERE s.id = :id AND (s.tenant_id = :tenant OR (s.tenant_id IS NULL AND :platform))"
        ),
        {"id": set_id, "tenant": actor.tenant_id, "platform": actor.may("platform.read")},
    ).first()
    return ChangeSet(*row) if row else None


def entries(connection: Connection, found: ChangeSet, actor: Actor, after: int = 0, limit: int = PAGE) -> list[Entry]:
    """The entries of a set in the order they were written, of the tables this actor may read."""
    rows = connection.execute(
        text(
            "SELECT e.id, e.table_name, e.record_id, e.operation, e.before::text, e.after::text FROM change_entries e"
            " WHERE e.change_set_id = :set AND e.id > :after ORDER BY e.id LIMIT :n"
        ),
        {"set": found.id, "after": after, "n": limit},
    )
    whole = [(*_tuple(found), *row) for row in rows]
    return _named(connection, _entries(connection, whole, actor), actor)


def entries_of(rows: Sequence[Any], connection: Connection, actor: Actor) -> list[Entry]:
    """Rows of `SET` and an entry's columns, as this actor sees them."""
    return _entries(connection, rows, actor)


def planned(connection: Connection, changes: Sequence[Any], actor: Actor) -> list[Entry]:
    """What changes still unwritten would do, as their entries would be shown to this actor; values as the ledger has them."""
    nobody = ChangeSet(0, now(), "system", None, "", "console", None, None, None, None, len(changes), None, False)
    made = []
    for number, each in enumerate(changes):
        resource, record_id = each.resource, "" if each.key is None else str(each.key)
        if not projection(resource, actor).reads:
            made.append(Entry(number, nobody, None, resource.name, record_id, each.operation, (), 1))
            continue
        moved, hidden = differences(resource, each.before, each.after, actor)
        made.append(Entry(number, nobody, resource, resource.name, record_id, each.operation, moved, hidden))
    return _named(connection, labelled(connection, made, actor), actor)


def _tuple(found: ChangeSet) -> tuple[Any, ...]:
    return tuple(getattr(found, name) for name in ChangeSet.__dataclass_fields__)


def _entries(connection: Connection, rows: Sequence[Any], actor: Actor) -> list[Entry]:
    made = []
    known = {name: REGISTRY.find(connection, name) for name in {row[_WIDTH + 1] for row in rows}}
    hidden_rows = _of_others(connection, [(row[_WIDTH + 1], row[_WIDTH + 2]) for row in rows], actor)
    for row in rows:
        found = ChangeSet(*row[:_WIDTH])
        entry_id, table, record_id, operation, before, after = row[_WIDTH:]
        resource = known[table]
        if resource is None or not projection(resource, actor).reads or (table, record_id) in hidden_rows:
            made.append(Entry(entry_id, found, None, table, record_id, operation, (), 1))
            continue
        was, became = (resource.from_ledger(load(side)) for side in (before, after))
        shown, hidden = differences(resource, was, became, actor)
        made.append(Entry(entry_id, found, resource, table, record_id, operation, shown, hidden))
    return labelled(connection, made, actor)


def of_plan(connection: Connection, found: ChangeSet, plan: Plan, actor: Actor) -> list[Entry]:
    """A plan's changes as the entries they would become, cut to what this actor sees."""
    here = [(each.resource.ledger_name, _ledger_key(connection, each), each) for each in plan.changes]
    hidden_rows = _of_others(connection, [(table, record) for table, record, _each in here], actor)
    made = []
    for table, record, each in here:
        if not projection(each.resource, actor).reads or (table, record) in hidden_rows:
            made.append(Entry(0, found, None, table, record, each.operation, (), 1))
            continue
        shown, hidden = differences(each.resource, each.before, each.after, actor)
        made.append(Entry(0, found, each.resource, table, record, each.operation, shown, hidden))
    return _named(connection, labelled(connection, made, actor), actor)


def bare(connection: Connection, found: ChangeSet, records: Sequence[tuple[str, str]], actor: Actor) -> list[Entry]:
    """Records with their titles and nothing of what is in them; those this actor may not see have no resource."""
    hidden_rows = _of_others(connection, records, actor)
    known = {table: REGISTRY.find(connection, table) for table in {table for table, _record in records}}
    made = []
    for table, record in records:
        resource = known[table]
        seen = resource is not None and projection(resource, actor).reads and (table, record) not in hidden_rows
        made.append(Entry(0, found, resource if seen else None, table, record, "update", (), 0))
    return _named(connection, made, actor)


def _ledger_key(connection: Connection, each: Change) -> str:
    return each.resource.ledger_key(connection, each.key)


def _of_others(connection: Connection, records: Sequence[tuple[str, str]], actor: Actor) -> set[tuple[str, str]]:
    """Records that belong to others, in tables where this actor sees only what is their own."""
    asked: dict[str, set[str]] = {}
    for table, record_id in records:
        resource = REGISTRY.get(table)
        if resource is not None and not projection(resource, actor).reads_all and record_id.isdigit():
            asked.setdefault(table, set()).add(record_id)
    hidden = set()
    for table, keys in asked.items():
        resource = REGISTRY[table]
        mine = select(resource.table.c.id).where(
            resource.table.c.id.in_(sorted(map(int, keys))), *row_scope(projection(resource, actor), actor)
        )
        seen = connection.scalars(mine, {"tenant": actor.tenant_id, "me": actor.app_user_id})
        hidden |= {(table, key) for key in keys - set(map(str, seen))}
    return hidden


def differences(
    resource: Resource, before: Mapping[str, Any], after: Mapping[str, Any], actor: Actor
) -> tuple[tuple[Difference, ...], int]:
    """What differs between two states of a record as this actor sees it, and how many fields they do not see."""
    view = projection(resource, actor)
    names = [
        name for name in dict.fromkeys((*before, *after)) if name not in KEPT_BY_DATABASE and name in resource.table.c
    ]
    shown, hidden = [], 0
    for name in names:
        was, is_ = typed(resource.table.c[name], before.get(name)), typed(resource.table.c[name], after.get(name))
        if was == is_ or (was in (None, "", [], {}) and is_ in (None, "", [], {})):
            continue
        field = view.by_name.get(name)
        if field is None:
            hidden += resource.has(name)
            continue
        if name in view.masked:
            was, is_ = field.mask(was), field.mask(is_)
        shown.append(Difference(field, was, is_, tables=_tables(field, before, after)))
    order = {each.name: index for index, each in enumerate(view.fields)}
    return tuple(sorted(shown, key=lambda each: order[each.field.name])), hidden


def _tables(field: Field, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str | None, str | None]:
    if isinstance(field, SubjectLink):
        return before.get("subject_type"), after.get("subject_type")
    return (field.to, field.to) if isinstance(field, Reference) else (None, None)


def labelled(connection: Connection, made: list[Entry], actor: Actor) -> list[Entry]:
    """Titles for what the differences refer to, one statement per table referred to."""
    wanted: dict[str, set[int]] = {}
    for each in (each for entry in made for each in entry.differences):
        for table, key in zip(each.tables, (each.before, each.after), strict=True):
            if table is not None and isinstance(key, int):
                wanted.setdefault(table, set()).add(key)
    names = {
        table: labels(connection, REGISTRY[table], actor, sorted(keys))
        for table, keys in wanted.items()
        if REGISTRY.get(table)
    }

    def label(field: Field, table: str | None, key: Any) -> str | None:
        if table is None or not isinstance(key, int):
            return None
        about = REGISTRY.get(table) if isinstance(field, SubjectLink) else None
        return names.get(table, {}).get(key) or (f"{about.one} {key}" if about else None)

    def named(each: Difference) -> Difference:
        before, after = each.tables
        return replace(
            each,
            before_label=label(each.field, before, each.before),
            after_label=label(each.field, after, each.after),
        )

    return [replace(each, differences=tuple(map(named, each.differences))) for each in made]


def _named(connection: Connection, made: list[Entry], actor: Actor) -> list[Entry]:
    """Titles of the records themselves, for a page that spans many."""
    wanted: dict[str, list[int]] = {}
    for entry in made:
        if entry.resource is not None and entry.table in REGISTRY and entry.record_id.isdigit():
            wanted.setdefault(entry.table, []).append(int(entry.record_id))
    names = {table: labels(connection, REGISTRY[table], actor, keys) for table, keys in wanted.items()}
    return [
        replace(each, title=names.get(each.table, {}).get(int(each.record_id) if each.record_id.isdigit() else -1))
        for each in made
    ]


def tables(connection: Connection, *set_ids: int) -> list[str]:
    """The tables some sets touched."""
    rows = connection.execute(
        text("SELECT DISTINCT table_name FROM change_entries WHERE change_set_id = ANY(CAST(:sets AS bigint[]))"),
        {"sets": list(set_ids)},
    )
    return [table for (table,) in rows]


def together(connection: Connection, found: ChangeSet) -> list[tuple[int, int]]:
    """The sets that were applied together with this one, itself included: (id, entries), in the order they were written."""
    rows = connection.execute(
        text("SELECT id, entry_count FROM change_sets WHERE id = :first OR group_id = :first ORDER BY id"),
        {"first": found.group_id or found.id},
    )
    return [(number, entries) for number, entries in rows]


def undos(connection: Connection, set_id: int) -> list[tuple[int, int, int | None]]:
    """The sets that took something of this one back: (id, entries, the set by which that was undone again)."""
    rows = connection.execute(
        text(
            "SELECT z.id, z.entry_count, (SELECT max(w.id) FROM change_sets w WHERE w.undoes_id = z.id)"
            " FROM change_sets z WHERE z.undoes_id = :set ORDER BY z.id DESC LIMIT 50"
        ),
        {"set": set_id},
    )
    return [tuple(row) for row in rows]


def records(connection: Connection, found: ChangeSet, before: int | None = None, limit: int = PAGE) -> list[Any]:
    """Records of a set by their last entry, newest first: rows of (id of that entry, table, record)."""
    return list(
        connection.execute(
            text(
                "SELECT e.id, e.table_name, e.record_id FROM change_entries e WHERE e.change_set_id = :set"
                " AND (CAST(:before AS bigint) IS NULL OR e.id < :before) AND NOT EXISTS (SELECT FROM change_entries l"
                " WHERE l.table_name = e.table_name AND l.record_id = e.record_id AND l.id > e.id"
                " AND l.change_set_id = e.change_set_id) ORDER BY e.id DESC LIMIT :n"
            ),
            {"set": found.id, "before": before, "n": limit},
        )
    )
