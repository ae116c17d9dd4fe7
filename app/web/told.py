"""What the sources of a record say of it against what stands in it, and who changed it here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from sqlalchemy import Connection

from app.core.clock import now, today
from app.engine.access import Actor
from app.engine.fields import Field, Reference
from app.engine.importing import conflicts
from app.engine.importing.conflicts import Told
from app.engine.reading import Shown
from app.engine.references import labels
from app.engine.registry import target_of
from app.engine.resource import Resource
from app.web import markup, rows

NAMES = {"centerpoint": "CenterPoint"}
"""Sources by the names people know them by; others are called as whoever imported them called them."""


def name_of(source: str) -> str:
    return NAMES.get(source, source)


class Written:
    """Values of fields as cells show them, with the titles of what references point at: one statement for each table."""

    def __init__(self, connection: Connection, actor: Actor, values: Iterable[tuple[Field, Any]]) -> None:
        self._at = markup.Moment(now(), actor.timezone, today(actor.timezone))
        self._permissions = actor.permissions
        self._writers: dict[
            int, Callable[..., Any]
        ] = {}  # by the declared field itself, which holds what cannot be hashed
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


@dataclass(frozen=True)
class ToldField:
    field: Field
    theirs: Markup | str
    ours: Markup | str
    last: conflicts.Last | None
    asked: bool


@dataclass(frozen=True)
class ToldPanel:
    """What one source says of the record the page is about."""

    told: Told
    name: str
    fields: list[ToldField]
    raw: list[tuple[str, str]]
    """The row as the source has it, for whoever sees all of the record and works with imports."""


def panels(connection: Connection, record: Shown, actor: Actor) -> list[ToldPanel]:
    """One panel for each source that spoke of this record."""
    resource = record.resource
    if not resource.declared or not isinstance(record.key, int):
        return []
    found = conflicts.told(connection, resource, record.key, record.values, actor)
    sides = [
        (field, value)
        for told in found
        for field, theirs, _last, _open in told.differing
        for value in (theirs, record.values.get(field.name))
    ]
    written = Written(connection, actor, sides)
    made = []
    for told in found:
        fields = [
            ToldField(
                field, written.cell(field, theirs), written.cell(field, record.values.get(field.name)), last, open_
            )
            for field, theirs, last, open_ in told.differing
        ]
        raw = [(str(name), str(value)) for name, value in told.raw.items()] if actor.may("imports.read") else []
        made.append(ToldPanel(told, name_of(told.source), fields, raw))
    return made
