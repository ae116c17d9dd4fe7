"""What the sources of a record say of it against what stands in it, and who changed it here."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup
from sqlalchemy import Connection

from app.engine.access import Actor
from app.engine.fields import Field
from app.engine.importing import conflicts
from app.engine.importing.conflicts import Told
from app.engine.reading import Shown
from app.web.written import Written

NAMES = {"centerpoint": "CenterPoint"}
"""Sources by the names people know them by; others are called as whoever imported them called them."""


def name_of(source: str) -> str:
    return NAMES.get(source, source)


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
