"""Records side by side with what merging them would come to: what the page of a merge shows, cut to who looks at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from app.core import formats
from app.engine import reading as records
from app.engine.access import Actor
from app.engine.fields import Money
from app.engine.merging import doing, fields
from app.engine.merging.declared import Row
from app.engine.merging.doing import AT_ONCE, Merged, Moved
from app.engine.merging.fields import ALL, FieldLine
from app.engine.projection import projection
from app.engine.reading import Shown
from app.engine.refusals import NotAllowed, Rejected
from app.engine.resource import Resource
from app.web.record_page import Value, value_of


@dataclass(frozen=True)
class Head:
    """One record at the head of its column."""

    shown: Shown
    kept: bool
    since: Any

    @property
    def key(self) -> str:
        return str(self.shown.key)

    @property
    def name(self) -> str:
        return self.shown.code or f"{self.shown.resource.one} {self.shown.key}"


@dataclass(frozen=True)
class Line:
    """One field across the columns, and what the kept record will have there."""

    line: FieldLine
    cells: tuple[Value, ...]
    keys: tuple[str, ...]
    result: Value

    @property
    def name(self) -> str:
        return self.line.field.name


@dataclass(frozen=True)
class Comparison:
    """Everything the page of a merge needs. `refused` says why these cannot be merged; `large` that a worker has to."""

    resource: Resource
    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    moves: tuple[str, ...]
    stays: tuple[str, ...]
    gives: tuple[str, ...]
    totals: tuple[str, ...]
    digest: str
    refused: str
    large: bool

    @property
    def kept(self) -> Head:
        return self.heads[0]

    @property
    def others(self) -> tuple[Head, ...]:
        return self.heads[1:]

    @property
    def names(self) -> str:
        """The others by their numbers: "C-00988 and C-00402"."""
        every = [each.name for each in self.others]
        return " and ".join([", ".join(every[:-1]), every[-1]] if len(every) > 1 else every)

    @property
    def differing(self) -> list[Line]:
        return [each for each in self.lines if each.line.differs]

    @property
    def alike(self) -> list[Line]:
        """Fields in which they say the same, those in which none says anything left out."""
        return [each for each in self.lines if not each.line.differs and not each.result.blank]


def compare(
    connection: Connection,
    resource: Resource,
    keys: Sequence[int],
    actor: Actor,
    *,
    keep: int | None = None,
    choices: Mapping[str, str] | None = None,
) -> Comparison:
    """Put records side by side and rehearse their merge. Raises NotFound and NotAllowed for what cannot be put there at all."""
    view = projection(resource, actor)
    shown = {key: records.read(connection, view, key, actor) for key in dict.fromkeys(keys)}
    if len(shown) < 2:
        raise NotAllowed(f"Choose two or more {resource.plural.lower()} to merge.")
    refused = ""
    rows: list[Row] = []
    chosen = dict(choices or {})
    try:
        first, rest = doing.members(connection, resource, next(iter(shown)), list(shown)[1:], actor)
        rows = [first, *rest]
    except NotAllowed as why:
        refused = why.sentence
        rows = [{**each.values, "id": key} for key, each in shown.items()]
    kept = next((row for row in rows if row["id"] == keep), None) or doing.oldest(rows)
    others = [row for row in rows if row is not kept]
    order = [kept, *others]
    heads = tuple(Head(shown[row["id"]], row is kept, row.get("created_at")) for row in order)
    merged, large = None, False
    lines: tuple[Line, ...] = ()
    if not refused:
        lines = tuple(
            _line(each, [shown[row["id"]] for row in order], actor) for each in fields.lines(view, kept, others, chosen)
        )
        keys_of_others = [row["id"] for row in others]
        large = doing.size(connection, resource, keys_of_others, actor) > AT_ONCE
        if not large:
            try:
                merged = doing.rehearse(resource, kept["id"], keys_of_others, chosen, actor)
            except (NotAllowed, Rejected) as why:
                refused = why.sentence
    return Comparison(
        resource,
        heads,
        lines,
        _moves(merged, actor),
        _stays(merged, actor),
        _gives(merged, actor),
        _totals(merged, actor),
        merged.digest if merged else "",
        refused,
        large,
    )


def _line(each: FieldLine, shown: Sequence[Shown], actor: Actor) -> Line:
    cells = tuple(value_of(each.field, record, actor) for record in shown)
    keys = tuple(str(record.key) for record in shown)
    if each.chosen == ALL:
        said = [cell.value for cell in cells if not cell.blank]
        together: Any
        if any(isinstance(value, list) for value in said):
            together = list(dict.fromkeys(one for value in said for one in value))
        else:
            together = "\n\n".join(dict.fromkeys(map(str, said)))
        result = replace(cells[0], value=together)
    else:
        result = cells[keys.index(each.chosen)]
    return Line(each, cells, keys, result)


def _counted(number: int, resource: Resource) -> str:
    many = resource.plural
    running = many if many[1:2].isupper() else many[:1].lower() + many[1:]
    return f"{number:,} {resource.one if number == 1 else running}"


def _seen(each: Moved, actor: Actor) -> Resource | None:
    """The table of what moved, where its reader may see all of it; else it is neither named nor counted."""
    return each.resource if each.resource is not None and projection(each.resource, actor).reads_all else None


HIDDEN = "records your role does not show"


def _moves(merged: Merged | None, actor: Actor) -> tuple[str, ...]:
    if merged is None:
        return ()
    counted: dict[str, tuple[Resource, int]] = {}
    hidden = False
    for each in merged.moved:
        if not each.moved:
            continue
        resource = _seen(each, actor)
        if resource is None:
            hidden = True
            continue
        counted[resource.name] = (resource, counted.get(resource.name, (resource, 0))[1] + each.moved)
    said = []
    for resource, number in sorted(counted.values(), key=lambda one: (not one[0].of_money, -one[1])):
        amount = _theirs(merged, resource, actor)
        said.append(_counted(number, resource) + (f" ({amount})" if amount else ""))
    return (*said, *([HIDDEN] if hidden else []))


def _theirs(merged: Merged, resource: Resource, actor: Actor) -> str:
    """What comes over in money, by the first amount of that table."""
    first = next((each for each in merged.amounts if each.resource is resource), None)
    if first is None or not _shows(first.resource, first.field, actor):
        return ""
    same = [each for each in merged.amounts if each.resource is resource and each.field == first.field and each.theirs]
    return ", ".join(formats.money(each.theirs, each.currency or "USD") for each in same)


def _shows(resource: Resource, field: str, actor: Actor) -> bool:
    view = projection(resource, actor)
    each = view.by_name.get(field)
    return view.reads_all and isinstance(each, Money) and field not in view.masked


def _totals(merged: Merged | None, actor: Actor) -> tuple[str, ...]:
    """Of each table whose amounts are held even: how many there are then, and the amount, the same before and after."""
    if merged is None:
        return ()
    said = []
    for resource in dict.fromkeys(each.resource for each in merged.amounts):
        of_it = [each for each in merged.amounts if each.resource is resource]
        if not projection(resource, actor).reads_all or not any(each.records for each in of_it):
            continue
        first = of_it[0].field
        records = sum(each.records for each in of_it if each.field == first)
        if _shows(resource, first, actor):
            sums = [formats.money(each.after, each.currency or "USD") for each in of_it if each.field == first]
            said.append(f"{_counted(records, resource)}, {' and '.join(sums)}")
        else:
            said.append(_counted(records, resource))
    return tuple(said)


def _stays(merged: Merged | None, actor: Actor) -> tuple[str, ...]:
    said = []
    for each in merged.moved if merged else ():
        resource = _seen(each, actor)
        if each.stayed and resource is not None:
            number = f"{each.stayed:,}" if each.stayed <= 1_000 else "1,000+"
            counted = _counted(each.stayed, resource).partition(" ")[2]
            said.append(f"{number} {counted}: {each.why}")
    return tuple(said)


def _gives(merged: Merged | None, actor: Actor) -> tuple[str, ...]:
    """What gives way, since only one may have it."""
    said = []
    for each in merged.moved if merged else ():
        resource = _seen(each, actor)
        if not each.gave_way or resource is None:
            continue
        view = projection(resource, actor)
        titles = [view.by_name[name].title.lower() for name in each.gives if name in view.by_name]
        what = " and ".join(titles) or "its place"
        verb = "is" if each.gave_way == 1 else "are"
        said.append(f"{_counted(each.gave_way, resource)} {verb} no longer {what}, of which there is one only")
    return tuple(said)
