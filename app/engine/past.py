"""A record as it was: today's row with every change since taken off again, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Text, cast, func, literal_column, select, text

from app.engine import ledger
from app.engine.access import Actor
from app.engine.ledger import ChangeSet, Entry
from app.engine.resource import Resource
from app.engine.values import load

MOST = 5_000
"""Changes of one record that are taken off; more lie between no two moments anybody compares."""
NOBODY = ChangeSet(
    0, datetime.min.replace(tzinfo=UTC), "system", None, "", "system", None, None, None, None, 0, None, False
)


@dataclass(frozen=True)
class State:
    """A record at one moment; `values` as the ledger keeps them, None where it did not exist then."""

    at: datetime | None
    """None is today."""
    values: Mapping[str, Any] | None
    since: datetime | None = None
    """From when on the ledger knows this table, where the moment lies before that."""


def today(connection: Connection, resource: Resource, key: Any) -> State:
    """As it stands, None where it is gone."""
    return State(None, _row(connection, resource, key))


def at(connection: Connection, resource: Resource, key: Any, moment: datetime) -> State:
    """As it stood at a moment."""
    return _back(connection, resource, key, moment=moment)


def after(connection: Connection, resource: Resource, key: Any, entry_id: int) -> State | None:
    """As one of its changes left it; None where that is no change of this record."""
    asked = {"id": entry_id, "table": resource.ledger_name, "key": resource.ledger_key(connection, key)}
    moment = connection.execute(_ENTRY, asked).scalar()
    return None if moment is None else _back(connection, resource, key, moment=moment, entry=entry_id)


def shown(connection: Connection, resource: Resource, key: Any, state: State, actor: Actor) -> Entry:
    """Its fields as this actor sees them, masked as today's are: an entry in which every value is new."""
    return compared(connection, resource, key, State(None, None), state, actor)


def compared(connection: Connection, resource: Resource, key: Any, old: State, new: State, actor: Actor) -> Entry:
    """What differs between two states, as one entry."""
    was, became = (resource.from_ledger(each.values or {}) for each in (old, new))
    differences, hidden = ledger.differences(resource, was, became, actor)
    kind = "insert" if old.values is None else "delete" if new.values is None else "update"
    entry = Entry(0, NOBODY, resource, resource.ledger_name, str(key), kind, differences, hidden)
    return ledger.labelled(connection, [entry], actor)[0]


def _back(connection: Connection, resource: Resource, key: Any, moment: datetime, entry: int | None = None) -> State:
    values = _row(connection, resource, key)
    asked = {
        "table": resource.ledger_name,
        "key": resource.ledger_key(connection, key),
        "moment": moment,
        "entry": entry,
        "n": MOST,
    }
    for operation, before in connection.execute(_SINCE, asked):
        if operation == "insert":
            values = None
        elif operation == "delete":
            values = load(before)
        elif values is not None:
            values = {**values, **load(before)}
    began = connection.execute(_GOVERNED, {"table": resource.ledger_name}).scalar()
    return State(moment, values, began if began is not None and moment < began else None)


def _row(connection: Connection, resource: Resource, key: Any) -> dict[str, Any] | None:
    whole = resource.table.alias("whole_row")
    statement = select(cast(func.to_jsonb(literal_column("whole_row")), Text)).select_from(whole)
    found = connection.execute(statement.where(*resource.is_record(whole.c)), resource.key_values(key)).scalar()
    return None if found is None else load(found)


_ENTRY = text("SELECT created_at FROM change_entries WHERE id = :id AND table_name = :table AND record_id = :key")
_SINCE = text("""
SELECT operation, before::text FROM change_entries
WHERE table_name = :table AND record_id = :key
    AND CASE WHEN CAST(:entry AS bigint) IS NULL THEN created_at > :moment ELSE id > :entry END
ORDER BY id DESC LIMIT :n
""")
_GOVERNED = text("SELECT created_at FROM governed_tables WHERE ledger_name = :table")
