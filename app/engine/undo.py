"""Undo: the inverse plan of a change set. It restores only what still holds the value that was written, and names the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, text

from app.core.clock import now
from app.engine.access import Actor
from app.engine.importing.sources import allowance
from app.engine.ledger import ChangeSet
from app.engine.plan import Change, Plan, same
from app.engine.projection import projection
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.values import load, writable

IN_REQUEST = 500
"""Entries of a set that is undone while a person waits; a larger one is undone in batches by a worker."""
MOST_ENTRIES = 5_000
"""No plan that is worked out row by row holds more."""
SECRET = "[secret]"

Record = tuple[str, str]
"""A table and a record as the ledger names them."""


@dataclass(frozen=True)
class Left:
    """Something the undo leaves alone, and why."""

    table: str
    record_id: str
    field: str | None
    why: str


@dataclass(frozen=True)
class UndoPlan:
    plan: Plan
    left: tuple[Left, ...]


def may_undo(found: ChangeSet, tables: set[str], actor: Actor, connection: Connection | None = None) -> str | None:
    """Why this actor cannot undo the set, or None: whoever may write those tables, and whoever made the change.

    With a connection also tables nobody declared are known. Who merged records moved what hangs on them without seeing
    all of it, and takes that back the same way; and so does whoever may do a guided import with what one brought.
    """
    if _merged(found, actor):
        return None
    guided = _guided(connection, found) if connection is not None and found.channel == "import" else None
    for table in sorted(tables):
        stands_for = allowance(guided, table).may if guided else ""
        if stands_for and actor.may(stands_for):
            continue
        resource = REGISTRY.find(connection, table) if connection is not None else REGISTRY.get(table)
        if resource is None or not projection(resource, actor).reads:
            return "This change touches tables your role does not see."
        if not resource.declared and resource.read_only:
            return resource.read_only
        mine = found.app_user_id is not None and found.app_user_id == actor.app_user_id
        if not projection(resource, actor).may("write") and not mine:
            return f"Your role does not change {resource.plural.lower()}."
    return None


def _merged(found: ChangeSet, actor: Actor) -> bool:
    """Whether the set is a merge of the actor's own, of records it may still merge."""
    if found.app_user_id is None or found.app_user_id != actor.app_user_id or not found.action:
        return False
    one, _dot, verb = found.action.rpartition(".")
    return verb == "merge" and any(
        each.merging is not None and each.one.replace(" ", "_") == one and actor.may(each.permission("merge"))
        for each in REGISTRY
    )


def _guided(connection: Connection, found: ChangeSet) -> str | None:
    """Which kind of import brought this set; None where none did."""
    kind = connection.execute(_KIND, {"set": found.id}).scalar()
    return None if kind is None else str(kind)


_KIND = text("SELECT i.kind FROM import_sets s JOIN imports i ON i.id = s.import_id WHERE s.change_set_id = :set")


def plan_undo(connection: Connection, found: ChangeSet, actor: Actor, only: Sequence[Record] | None = None) -> UndoPlan:
    """Walk the entries backwards over the rows as they stand now; each record becomes one change.

    `only` are the records to take back of the set; without it all of them, for a set of at most `MOST_ENTRIES`.
    """
    rows = connection.execute(
        text(
            "SELECT table_name, record_id, operation, before::text, after::text FROM change_entries"
            " WHERE change_set_id = :set AND (CAST(:tables AS text[]) IS NULL OR (table_name, record_id) IN"
            " (SELECT * FROM unnest(CAST(:tables AS text[]), CAST(:records AS text[]))))"
            " ORDER BY id DESC LIMIT :n"
        ),
        {
            "set": found.id,
            "n": MOST_ENTRIES,
            "tables": None if only is None else [table for table, _record in only],
            "records": None if only is None else [record for _table, record in only],
        },
    ).all()
    work = _Work(connection, found.channel == "import")
    work.look_up((table, record_id) for table, record_id, *_rest in rows)
    for table, record_id, operation, before, after in rows:
        resource = REGISTRY.find(connection, table)
        key = resource.key_from_ledger(record_id) if resource is not None else None
        if resource is None or key is None:
            work.leave(table, record_id, None, "this table is not part of the console any more")
            continue
        work.invert(resource, key, operation, load(before), load(after))
    return UndoPlan(Plan(work.changes(), action="undo"), tuple(work.left))


def _is_given(resource: Resource, name: str) -> bool:
    """Whether a row that is brought back is given this column's value: of a table of others, all it does not compute."""
    column = resource.table.c[name]
    return writable(column) if resource.declared else column.info.get("stored", False)


class _Work:
    """The rows in question as they would be once the entries walked so far are taken back."""

    def __init__(self, connection: Connection, arrived: bool) -> None:
        self.connection = connection
        self.arrived = arrived
        """Whether an import made the change: what it brought goes again instead of into the archive."""
        self.left: list[Left] = []
        self.known: dict[tuple[str, Any], dict[str, Any] | None] = {}
        self.now: dict[tuple[str, Any], dict[str, Any] | None] = {}
        self.wanted: dict[tuple[str, Any], dict[str, Any] | None] = {}
        self.order: list[tuple[Resource, Any]] = []
        self.version: dict[tuple[str, Any], int] = {}
        """How far back each record has been walked: one set may write a record twice, as a line and then its sum."""

    def leave(self, table: str, record_id: Any, field: str | None, why: str) -> None:
        self.left.append(Left(table, str(record_id), field, why))

    def look_up(self, records: Iterable[Record]) -> None:
        """Read the rows of our own tables as they stand now, each table in one statement."""
        asked: dict[str, set[int]] = {}
        for table, record_id in records:
            resource = REGISTRY.get(table)
            key = resource.key_from_ledger(record_id) if resource is not None else None
            if key is not None:
                asked.setdefault(table, set()).add(key)
        for table, keys in asked.items():
            rows = REGISTRY[table].table
            names = rows.c.keys()
            found = self.connection.execute(select(rows).where(rows.c.id.in_(sorted(keys))))
            self.known |= {(table, key): None for key in keys}
            self.known |= {(table, row._mapping["id"]): dict(zip(names, row, strict=True)) for row in found}

    def row(self, resource: Resource, key: Any) -> dict[str, Any] | None:
        place = (resource.ledger_name, key)
        if place not in self.now:
            if place in self.known:
                found = self.known[place]
            else:
                statement = select(resource.table).where(*resource.is_record())
                row = self.connection.execute(statement, resource.key_values(key)).first()
                found = None if row is None else dict(zip(resource.table.c.keys(), row, strict=True))
            self.now[place] = found
            self.wanted[place] = None if found is None else dict(found)
            self.order.append((resource, key))
        return self.wanted[place]

    def invert(
        self, resource: Resource, key: Any, operation: str, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        row, place = self.row(resource, key), (resource.ledger_name, key)
        was, became = (resource.restored(self.connection, side) for side in (before, after))
        if operation == "delete":
            if row is not None:
                self.leave(resource.name, key, None, "it has been made again since")
            else:
                for name in [name for name, value in was.items() if value == SECRET]:
                    del was[name]
                    self.leave(resource.name, key, name, "its former value is not kept")
                self.wanted[place] = was
        elif row is None:
            self.leave(resource.name, key, None, "it has been deleted since")
        elif operation == "insert":
            if self._has_moved(resource, place, row, became):
                self.leave(resource.name, key, None, "it has been changed since it was made")
            elif self.arrived:
                self.wanted[place] = None
            elif resource.taken_back is not None:
                row |= resource.taken_back()
            elif resource.archivable:
                row["archived_at"] = row.get("archived_at") or now()
            else:
                self.wanted[place] = None
        else:
            self._restore(resource, key, row, was, became)
            if "version" in was and self.version.get(place, row.get("version")) == became.get("version"):
                self.version[place] = was["version"]

    def _has_moved(
        self, resource: Resource, place: tuple[str, Any], row: dict[str, Any], became: dict[str, Any]
    ) -> bool:
        """Whether a record is another than it was made: by its version, or where the database keeps none by its values."""
        if resource.row_version == "version":
            return bool(self.version.get(place, row.get("version")) != became.get("version"))
        comparable = (name for name, value in became.items() if value != SECRET and writable(resource.table.c[name]))
        return any(not same(row.get(name), became[name]) for name in comparable)

    def _restore(
        self, resource: Resource, key: Any, row: dict[str, Any], was: dict[str, Any], became: dict[str, Any]
    ) -> None:
        for name in became.keys() | was.keys():
            column = resource.table.c[name]
            if not writable(column) or name in ("updated_by", "tenant_id"):
                continue
            if SECRET in (was.get(name), became.get(name)):
                self.leave(resource.name, key, name, "its former value is not kept")
            elif same(row[name], became.get(name)):
                row[name] = was.get(name)
            elif not same(row[name], was.get(name)):
                self.leave(resource.name, key, name, "it has been changed since")

    def changes(self) -> tuple[Change, ...]:
        made = []
        for resource, key in self.order:
            before, after = (side[(resource.ledger_name, key)] for side in (self.now, self.wanted))
            version = (before or {}).get(resource.row_version)
            if before is None and after is not None:
                values = {name: value for name, value in after.items() if _is_given(resource, name)}
                made.append(Change(resource, "insert", key, {}, values))
            elif before is not None and after is None:
                made.append(Change(resource, "delete", key, before, {}, version))
            elif before is not None and after is not None:
                moved = {name: value for name, value in after.items() if not same(value, before[name])}
                if moved:
                    made.append(Change(resource, "update", key, {n: before[n] for n in moved}, moved, version))
        return tuple(made)
