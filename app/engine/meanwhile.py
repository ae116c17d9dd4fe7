"""What became of a record while somebody had it open: the values they looked at, and who changed which of them since.

It goes by the versions the database counts, never by a clock: whose watch is wrong loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from app.engine.access import Actor
from app.engine.resource import Resource
from app.engine.values import load, typed

_SELECT = """
    SELECT e.before::text, e.after::text, s.id, s.created_at, s.app_user_id, s.actor_type,
           coalesce(u.display_name, 'key ' || k.name, CASE s.actor_type
               WHEN 'outside' THEN coalesce(nullif(s.application_name, ''), s.db_role)
               WHEN 'system' THEN 'BrainOps Console' WHEN 'api_key' THEN 'a key' ELSE s.actor_type END)
    FROM change_entries e JOIN change_sets s ON s.id = e.change_set_id LEFT JOIN app_users u ON u.id = s.app_user_id
    LEFT JOIN user_api_keys k ON k.id = s.api_key_id
    WHERE e.table_name = :table AND e.record_id = :key AND e.operation = 'update'
    """
_SINCE = text(f"{_SELECT} AND (e.after->>'version')::int > :seen ORDER BY e.id DESC")
_LATEST = text(f"{_SELECT} ORDER BY e.id DESC LIMIT 20")


@dataclass(frozen=True)
class Touch:
    """The latest change of one field."""

    who: str
    at: datetime
    mine: bool
    """Whether it was the very person who asks, as from another tab."""


@dataclass(frozen=True)
class Twin:
    """One's own change that wrote just these values since the form was opened: the same form, sent twice."""

    change_set: int
    fields: tuple[str, ...]


@dataclass
class Meanwhile:
    """What happened to one record since a version."""

    base: dict[str, Any] = field(default_factory=dict)
    """The values then of the fields that were changed since."""
    by: dict[str, Touch] = field(default_factory=dict)
    mine: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """One's own changes since, newest first: the change set and the values it wrote."""

    def twin(self, wanted: Mapping[str, Any], same: Any) -> Twin | None:
        """One's own change since that wrote all of these values."""
        for change_set, after in self.mine:
            if wanted and all(name in after and same(after[name], value) for name, value in wanted.items()):
                return Twin(change_set, tuple(wanted))
        return None


def since(connection: Connection, resource: Resource, key: Any, seen: int, actor: Actor) -> Meanwhile:
    """What others, and this person elsewhere, changed of a record since version `seen`, rebuilt from the ledger."""
    found = Meanwhile()
    table = resource.table
    rows = connection.execute(_SINCE, {"table": resource.ledger_name, "key": str(key), "seen": seen})
    for before, after, change_set, at, person, kind, who in rows:
        was, became = (
            {name: typed(table.c[name], value) for name, value in load(side).items() if name in table.c}
            for side in (before, after)
        )
        mine = kind == "user" and person is not None and person == actor.app_user_id
        found.base |= was  # newest first, so that the oldest `before` has the last word
        for name in became:
            found.by.setdefault(name, Touch(who, at, mine))
        if mine:
            found.mine.append((change_set, became))
    return found


def latest(connection: Connection, resource: Resource, key: Any, actor: Actor) -> dict[str, Touch]:
    """Who changed which field last, of a table whose versions the ledger does not know; empty where nobody recorded it."""
    found: dict[str, Touch] = {}
    asked = {"table": resource.ledger_name, "key": resource.ledger_key(connection, key)}
    for _before, after, _set, at, person, kind, who in connection.execute(_LATEST, asked):
        mine = kind == "user" and person is not None and person == actor.app_user_id
        for name in resource.from_ledger(load(after)):
            found.setdefault(name, Touch(who, at, mine))
    return found
