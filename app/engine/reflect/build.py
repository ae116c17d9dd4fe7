"""From what the catalogue says to a resource: which columns are seen, what names a record, what may be done and why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Column as SqlColumn
from sqlalchemy import MetaData, Table, text
from sqlalchemy.types import NullType

from app.engine.fields import Field, Pointer, Reference, Secret
from app.engine.reflect import columns as placing
from app.engine.reflect import guesses
from app.engine.reflect.columns import Place
from app.engine.reflect.describe import Column, Described, ForeignKey
from app.engine.reflect.reflected import Link, Opened, Reflected, quoted
from app.engine.registry import REGISTRY
from app.engine.resource import Related, Resource
from app.engine.typed import RowVersion, Typed

LISTED = 12
"""Columns a list shows before anybody chose."""
_serials = count(1)
_MADE = "model"


@dataclass(frozen=True)
class Decided:
    """What people decided about one table: how its columns are classed, whether it is open for editing."""

    classes: Mapping[str, str] = field(default_factory=dict)
    opened: Opened | None = None


Decisions = Mapping[tuple[str, str], Decided]


def resource_of(described: Described, decisions: Decisions, role: str) -> Reflected:
    """The resource of a described table with its links to others; `role` is whom a missing right would be granted to."""
    near = _Near(described, decisions, role)
    alone = _alone(described, decisions, role)
    fields = tuple(_pointing(each, alone, described, near) for each in alone.fields)
    return replace(
        alone,
        fields=fields,
        related=tuple(_incoming(described, alone, near)),
        links=tuple(_links(described, alone, near)),
        notices=tuple(_notices(described, alone, role)),
    )


class _Near(dict[int, Reflected]):
    """The neighbours of a table, each made when it is first asked for: a hub has hundreds, most of them declared."""

    def __init__(self, described: Described, decisions: Decisions, role: str) -> None:
        super().__init__()
        self.described, self.decisions, self.role = described, decisions, role

    def __missing__(self, oid: int) -> Reflected:
        made = self[oid] = _alone(self.described.neighbours[oid], self.decisions, self.role)
        return made


def _alone(described: Described, decisions: Decisions, role: str) -> Reflected:
    """The table by itself."""
    decided = decisions.get((described.schema, described.name), Decided())
    seen = [each for each in described.columns if each.readable]
    guessed = {each.name: found for each in seen if (found := guesses.supposed(described.name, each))}
    classed = {each.name: decided.classes.get(each.name) or guessed.get(each.name, guesses.OPEN) for each in seen}
    hidden = frozenset(name for name, kind in classed.items() if kind != guesses.OPEN)
    key, no_key = _key(described, hidden)
    called = placing.names(seen)
    places = {
        called[each.name]: placing.place(each, called[each.name], _hidden_as(classed[each.name]), each.name in key)
        for each in seen
    }
    physical = () if key or no_key is None else _physical(described)
    table = _table(described, places, physical, bool(key))
    keys = tuple(called[name] for name in key) or physical
    # A pointer to something else names that, not the row itself.
    pointing = {each.name for each in seen if each.points}
    title = guesses.title(seen, hidden | pointing - set(key), key)
    named = called[title] if title else keys[0] if keys else next(iter(places), "")
    suspected = frozenset(
        called[name] for name in hidden if classed[name] == "personal" and name not in decided.classes
    )
    personal = frozenset(called[name] for name, kind in classed.items() if kind == "personal") - suspected
    return Reflected(
        model=SimpleNamespace(__table__=table, __name__=_MADE),  # type: ignore[arg-type]
        title=named,
        fields=_ordered(places, named, key, suspected),
        label=described.name if described.name.strip() else f"“{described.name}”",
        singular="row",
        about=_about(described),
        icon="table",
        area="explorer",
        search=_searched(places, suspected),
        sort=_sort(places, keys),
        read_only=_read_only(described, no_key, decided.opened, role),
        create=not _unfillable(places),
        domain="explorer",
        described=described,
        places=places,
        key=keys,
        lasting=bool(key),
        no_key=no_key,
        suspected=suspected,
        personal=personal,
        classes=decided.classes,
        guesses=guessed,
        opened=decided.opened,
        tenanted=_is_tenanted(described),
        role=role,
        serial=next(_serials),
    )


def _hidden_as(kind: str) -> str | None:
    return "secret" if kind == guesses.SECRET else None


# -- keys ------------------------------------------------------------------------------------------------------------


def _key(described: Described, hidden: frozenset[str]) -> tuple[tuple[str, ...], str | None]:
    """The columns by which rows have pages of their own, or none and the reason."""
    if described.kind == "view":
        return (), "A view has no key by which a row could be found again."
    if described.kind == "foreign":
        return (), "A foreign table tells of no key by which a row could be found again."
    readable = {each.name for each in described.columns if each.readable}
    keys = [
        each
        for each in ((described.primary,) if described.primary else ()) + described.uniques
        if set(each) <= readable
    ]
    for each in keys:
        if not hidden & set(each):
            return each, None
    if keys:
        return (
            (),
            "Its key looks personal or secret. Once that column is classified as open, rows have pages of their own.",
        )
    return (), "It has no primary key and no unique column without empties, so one row cannot be told from another."


def _physical(described: Described) -> tuple[str, ...]:
    """Where a row lies on disk: good for walking from page to page, not for finding it again."""
    if described.kind in ("view", "foreign"):
        return ()
    return ("tableoid", "ctid") if described.kind == "partitioned" else ("ctid",)


def _table(described: Described, places: Mapping[str, Place], physical: tuple[str, ...], lasting: bool) -> Table:
    made = [
        SqlColumn(
            place.column.name,
            place.kind,
            key=name,
            nullable=place.column.nullable,
            server_default=_default(place.column),
            info=_info(place),
        )
        for name, place in places.items()
    ]
    made += [
        SqlColumn(
            name, Typed("oid" if name == "tableoid" else "tid"), key=name, nullable=False, info={"writable": False}
        )
        for name in physical
    ]
    if lasting and described.kind in ("table", "partitioned"):
        made.append(SqlColumn("xmin", RowVersion(), key="xmin", nullable=False, info={"writable": False}))
    return Table(described.name, MetaData(), *made, schema=described.schema, quote=True, quote_schema=True)


def _info(place: Place) -> dict[str, Any]:
    return {"writable": place.why_fixed is None, "stored": not place.column.generated}


_LITERAL = re.compile(r"'((?:[^']|'')*)'(?:::.+)?|(-?[\d.]+|true|false)")


def _default(column: Column) -> Any:
    """What the database fills in by itself; a plain value as it is, so that a form can open with it."""
    if column.identity:
        return text("identity")
    if column.default is None:
        return None
    found = _LITERAL.fullmatch(column.default)
    plain = (found[1].replace("''", "'") if found[1] is not None else found[2]) if found else "computed"
    return text(plain.replace(":", "\\:"))


def _sort(places: Mapping[str, Place], keys: tuple[str, ...]) -> str:
    """By the key, newest first where it counts up."""
    counts_up = len(keys) == 1 and keys[0] in places and places[keys[0]].field.type == "whole"
    return f"-{keys[0]}" if counts_up else ",".join(keys)


# -- what is seen ----------------------------------------------------------------------------------------------------


def _ordered(
    places: Mapping[str, Place], title: str, key: tuple[str, ...], suspected: frozenset[str]
) -> tuple[Field, ...]:
    """What names a row first, then its key, then the table's own order; a dozen of them in the list."""
    names = sorted(places, key=lambda name: (name != title, places[name].column.name not in key))
    found, shown = [], 0
    for name in names:
        each = places[name].field
        listed = each.list and shown < LISTED and name not in suspected and not isinstance(each, Secret)
        shown += listed
        found.append(replace(each, list=listed))
    return tuple(found)


def _searched(places: Mapping[str, Place], suspected: frozenset[str]) -> tuple[str, ...]:
    return tuple(
        name
        for name, place in places.items()
        if place.column.category == "S"
        and not place.column.blind
        and not isinstance(place.field, Secret)
        and name not in suspected
    )


def _about(described: Described) -> str:
    if described.comment and described.comment.strip():
        return described.comment.strip()
    kinds = {
        "table": "A table", "partitioned": "A table in partitions", "view": "A view", "matview": "A materialised view",
        "foreign": "A table of another database",
    }  # fmt: skip
    return f"{kinds[described.kind]} nobody has declared yet."


def _is_tenanted(described: Described) -> bool:
    """Whether its rows belong to companies of the console, so that others' stay out of sight."""
    column = described.column("tenant_id")
    if column is None or column.base not in ("int2", "int4", "int8") or not column.readable:
        return False
    if described.is_ours or described.reads_ours:
        return True
    return any(
        key.columns == ("tenant_id",)
        and key.target in described.neighbours
        and described.neighbours[key.target].is_ours
        for key in described.out
    )


# -- links -----------------------------------------------------------------------------------------------------------


def declared_as(described: Described) -> Resource | None:
    """The declaration of a table of ours."""
    return REGISTRY.get(described.name) if described.is_ours else None


def _pointing(each: Field, alone: Reflected, described: Described, near: _Near) -> Field:
    """A field that is a foreign key by itself becomes a reference."""
    place = alone.places[each.name]
    if isinstance(each, Secret):
        return each
    key = next((one for one in described.out if one.columns == (place.column.name,)), None)
    if key is None:
        return each
    said: dict[str, Any] = {
        "label": each.label, "edit": each.edit, "list": each.list, "sort": each.sort, "help": each.help, "filter": True,
    }  # fmt: skip
    known = declared_as(described.neighbours[key.target])
    if known is not None and key.to_columns == ("id",):
        return Reference(each.name, **said, to=known.name)
    target = near[key.target]
    by = target.field_of(key.to_columns[0])
    if not by:
        return each
    to = f"{target.path.removeprefix('/')}/{by}"
    return Pointer(each.name, **said, target=target, by=by, number=each.type == "whole", to=to)


def _incoming(described: Described, alone: Reflected, near: _Near) -> list[Related]:
    """Rows elsewhere that point here, a list for each foreign key."""
    if not alone.lasting:
        return []
    found = []
    for key in described.into:
        known = declared_as(described.neighbours[key.source])
        source = near[key.source] if known is None else None
        theirs = key.columns if source is None else tuple(source.field_of(name) for name in key.columns)
        ours = tuple(alone.field_of(name) for name in key.to_columns)
        if not all(ours) or not all(theirs) or (set(ours) & (alone.suspected | alone.personal)):
            continue
        if known is not None and not set(theirs) <= set(known.table.c.keys()):
            continue
        found.append(
            Related(
                known.name if known is not None else described.neighbours[key.source].qualified,
                via=theirs[0],
                label=_related_label(key, described, known),
                target=source,
                on=tuple(zip(theirs, ours, strict=True)),
                id=f"{key.source}-{'-'.join(theirs)}",
            )
        )
    return found


def _related_label(key: ForeignKey, described: Described, known: Resource | None) -> str:
    label = known.plural if known is not None else described.neighbours[key.source].name
    same = [one for one in described.into if one.source == key.source]
    return f"{label}, by {', '.join(key.columns)}" if len(same) > 1 else label


def _links(described: Described, alone: Reflected, near: _Near) -> list[Link]:
    found = []
    for key in described.out:
        if len(key.columns) < 2:
            continue
        target = near[key.target]
        known: Resource = declared_as(target.described) or target
        pairs = tuple(
            (alone.field_of(mine), target.field_of(theirs))
            for mine, theirs in zip(key.columns, key.to_columns, strict=True)
        )
        if all(mine and theirs for mine, theirs in pairs):
            found.append(Link(key, target.plural, known, pairs))
    return found


# -- what may be done, and why not -----------------------------------------------------------------------------------


def _unfillable(places: Mapping[str, Place]) -> list[Column]:
    """Columns that must be filled and cannot be filled here, because of which no row can be added."""
    return [
        place.column
        for place in places.values()
        if place.why_fixed
        and not (place.column.nullable or place.column.default or place.column.generated or place.column.identity)
    ]


def _read_only(described: Described, no_key: str | None, opened: Opened | None, role: str) -> str | None:
    if described.is_ours:
        return "The console keeps this table by itself; what stands in it is changed by what one does elsewhere."
    if described.kind == "view":
        return "This is a view; change the rows of the tables it reads."
    if described.kind == "matview":
        return "This is a materialised view, filled anew from other tables by REFRESH."
    if described.kind == "foreign":
        return "These rows live in another database and are changed there."
    if described.extension:
        return f"This table belongs to the extension {described.extension}."
    if no_key:
        return f"{no_key} So nothing is changed here."
    if opened is None:
        return "Nobody has opened this table for editing yet."
    if not described.updatable:
        cure = grant(described, "INSERT, UPDATE, DELETE", role)
        return f"The database does not let the console change it. An administrator can: {cure}"
    return None


def grant(described: Described, rights: str, role: str) -> str:
    """The statement that would give the console the rights it lacks."""
    return f"GRANT {rights} ON {quoted(described.schema)}.{quoted(described.name)} TO {quoted(role)};"


def _notices(described: Described, alone: Reflected, role: str) -> list[str]:
    found = []
    unread = [each.name for each in described.columns if not each.readable]
    if unread:
        shown = ", ".join(unread[:6]) + (" and others" if len(unread) > 6 else "")
        found.append(
            f"The database does not let the console read {shown}. An administrator can: {grant(described, 'SELECT', role)}"
        )
    if described.guarded:
        found.append(
            "Row security of the database decides which rows the console sees, so there may be more than these."
        )
    if alone.no_key and not alone.key:
        found.append(f"{alone.no_key} The first rows are shown, in no order of theirs; narrow them with filters.")
    elif alone.no_key:
        found.append(f"{alone.no_key} Rows are listed as they lie on disk.")
    known = REGISTRY.get(described.name)
    if known is not None and not described.is_ours:
        found.append(_differences(described, known))
    if described.parent:
        found.append(f"This is one partition of {described.parent}.")
    return found


def _differences(described: Described, known: Resource) -> str:
    """How a table that bears a declared name is another one."""
    here = {each.name: each.type for each in described.columns}
    there = {each.name: _type(each.type) for each in known.table.c}
    missing, more = sorted(there.keys() - here.keys()), sorted(here.keys() - there.keys())
    other = sorted(
        f"{name} is {here[name]}, not {there[name]}" for name in here.keys() & there.keys() if here[name] != there[name]
    )
    said = [f"It bears the name of {known.plural}, which the console declares, but is another table."]
    for words, names in (("It lacks", missing), ("It has besides", more)):
        if names:
            said.append(f"{words} {', '.join(names[:12])}{f' and {len(names) - 12} more' if len(names) > 12 else ''}.")
    if other:
        said.append(
            f"Of another type: {'; '.join(other[:8])}{f' and {len(other) - 8} more' if len(other) > 8 else ''}."
        )
    return " ".join(said)


def _type(kind: Any) -> str:
    from sqlalchemy.dialects import postgresql

    if isinstance(kind, NullType):
        return "unknown"
    said = str(kind.compile(dialect=postgresql.dialect())).lower().replace(", ", ",")  # type: ignore[no-untyped-call]
    for short, long in (("varchar", "character varying"), ("char(", "character(")):
        said = long + said.removeprefix(short) if said.startswith(short) else said
    return said
