"""Values as cells show them, wherever a page tells of records without listing them: plans, imports, what sources say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from markupsafe import Markup
from sqlalchemy import Connection

from app.core.clock import now, today
from app.engine.access import Actor
from app.engine.fields import Field, Reference
from app.engine.projection import Projection
from app.engine.references import labels
from app.engine.registry import target_of
from app.engine.resource import Resource
from app.web import markup, rows


class Written:
    """Values of fields as cells show them, with the titles of what references point at: one statement for each table."""

    def __init__(self, connection: Connection, actor: Actor, values: Iterable[tuple[Field, Any]]) -> None:
        self._at = markup.Moment(now(), actor.timezone, today(actor.timezone))
        self._permissions = actor.permissions
        # By the declared field itself, which holds what cannot be hashed.
        self._writers: dict[int, Callable[..., Any]] = {}
        asked: dict[tuple[str, str], set[Any]] = {}
        targets: dict[str, Resource] = {}
        for field, value in values:
            target = target_of(field) if isinstance(field, Reference) else None
            if isinstance(field, Reference) and target is not None and value is not None:
                targets[target.name] = target
                asked.setdefault((target.name, field.by), set()).add(value)
        self._names = {
            way: labels(connection, targets[way[0]], actor, sorted(keys), way[1]) for way, keys in asked.items()
        }

    def cell(self, field: Field, value: Any) -> Markup | str:
        if value is None or value == "" or value == []:
            return ""
        if id(field) not in self._writers:
            self._writers[id(field)] = markup.writer(rows.column(field, self._permissions))[1]
        label = None
        if isinstance(field, Reference) and (target := target_of(field)) is not None:
            label = self._names.get((target.name, field.by), {}).get(value)
        return markup.whole(self._writers[id(field)](value, label, self._at))


def of_changes(
    connection: Connection, view: Projection, actor: Actor, pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> tuple[dict[str, Field], Written]:
    """The fields that pairs of before and after tell of and this person may see unmasked, and how their values are written."""
    pairs = list(pairs)
    named = dict.fromkeys(name for _, after in pairs for name in after)
    fields = {name: view.by_name[name] for name in named if name in view.by_name and name not in view.masked}
    values = [(fields[name], side.get(name)) for pair in pairs for side in pair for name in fields]
    return fields, Written(connection, actor, values)
