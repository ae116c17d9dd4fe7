"""One record: everything this actor may see of it, with the titles of what it refers to, in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from app.engine.access import Actor
from app.engine.fields import Edit, Field, Reference, SubjectLink
from app.engine.listing import compiled, row_scope, run, shown
from app.engine.projection import Projection
from app.engine.references import label_join
from app.engine.refusals import BadQuery, NotFound
from app.engine.resource import Resource


@dataclass(frozen=True)
class Shown:
    """A record as one actor sees it: values masked where they must be, labels of its references beside them."""

    projection: Projection
    key: Any
    """As addresses carry it: a number, or for a table nobody declared its key in their writing."""
    version: int
    values: Mapping[str, Any]
    labels: Mapping[str, str]
    archived: bool

    @property
    def resource(self) -> Resource:
        return self.projection.resource

    @property
    def title(self) -> str:
        value = self.values.get(self.resource.title)
        return str(value) if value not in (None, "") else f"{self.resource.one} {self.key}"

    @property
    def code(self) -> str | None:
        code = self.values.get(self.resource.code) if self.resource.code else None
        return None if code is None or self.resource.code == self.resource.title else str(code)


def editable(record: Shown, where: Edit = Edit.FORM) -> tuple[Field, ...]:
    """The fields its form, or its cells, may change as it stands: those the role writes, less those its state froze."""
    return _thawed(record, record.projection.writable(where))


def in_place(record: Shown) -> tuple[Field, ...]:
    """The same of those that are changed where they stand."""
    return _thawed(record, record.projection.in_place)


def _thawed(record: Shown, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    lifecycle = record.resource.lifecycle
    if lifecycle is None:
        return fields
    return tuple(each for each in fields if not lifecycle.is_frozen(record.values[lifecycle.field], each.name))


_kept: dict[Any, tuple[str, dict[str, Any], list[str], dict[str, int]]] = {}


def read(connection: Connection, view: Projection, key: Any, actor: Actor) -> Shown:
    """Raises NotFound for a record that does not exist and for one this actor may not see, alike."""
    resource = view.resource
    shape = (resource.identity, view.permissions)
    kept = _kept.get(shape)
    if kept is None:
        if len(_kept) > 2_000:
            _kept.clear()
        kept = _kept[shape] = _statement(view, actor)
    sql, constants, names, labels = kept
    asked = resource.key_values(key) | {"tenant": actor.tenant_id, "me": actor.app_user_id}
    try:
        rows = run(connection, sql, constants | asked)
    except BadQuery:
        if resource.declared:
            raise
        rows = []  # what no key of this table can be is the key of no record
    if not rows:
        raise NotFound(f"There is no such {resource.one}, or your role does not show it.")
    row = rows[0]
    values = dict(zip(names, row, strict=False))
    for name in view.masked:
        values[name] = view.by_name[name].mask(values[name])
    named = {name: row[index] for name, index in labels.items() if row[index] is not None}
    archived = resource.archivable and values.get("archived_at") is not None
    return Shown(view, key, values.get(resource.row_version) or 0, values, named, archived)


def _statement(view: Projection, actor: Actor) -> tuple[str, dict[str, Any], list[str], dict[str, int]]:
    resource = view.resource
    names = [each.name for each in view.fields]
    columns = [shown(resource, each).label(f"c{index}") for index, each in enumerate(view.fields)]
    extras = [*resource.keys, "archived_at", "created_at", "updated_at", "created_by", "updated_by"]
    if resource.row_version:
        extras.append(resource.row_version)
    if any(isinstance(each, SubjectLink) for each in view.fields):
        extras.append("subject_type")
    if resource.lifecycle:
        extras.append(resource.lifecycle.field)
    for name in extras:
        if name in resource.table.c and name not in names:
            names.append(name)
            columns.append(resource.table.c[name].label(f"c{len(columns)}"))
    row = select(*columns).where(*resource.is_record(), *row_scope(view, actor)).subquery("row")
    wanted: list[Any] = list(row.c)
    sources: Any = row
    labels: dict[str, int] = {}
    for index, each in enumerate(view.fields):
        joined = label_join(each, row.c[f"c{index}"], view.permissions) if isinstance(each, Reference) else None
        if joined is not None:
            target, on, label = joined
            sources = sources.outerjoin(target, on)
            labels[each.name] = len(wanted)
            wanted.append(label)
    sql, constants = compiled(select(*wanted).select_from(sources))
    return sql, constants, names, labels
