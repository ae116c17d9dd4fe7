"""What a record page shows: its fields in groups, what may be done now and why not, related lists, latest changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any

from sqlalchemy import Connection

from app.engine import ledger, listing, reading, revealing
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.fields import Choice, Field
from app.engine.filters import parameter
from app.engine.plan import refusal
from app.engine.projection import Projection, projection
from app.engine.reading import Shown
from app.engine.references import labels
from app.engine.refusals import NotFound
from app.engine.registry import REGISTRY
from app.engine.resource import Related, Resource
from app.engine.states import Transition
from app.web import rows
from app.web.addresses import link
from app.web.list_page import ListPage
from app.web.origin import AT, FROM, carried
from app.web.rows import Column
from app.web.told import ToldPanel, panels

PANEL_ROWS = 10
_DETAILS = "Details"


@dataclass(frozen=True)
class Value:
    """One field of the record, ready for its template."""

    field: Field
    column: Column
    value: Any
    label: str | None
    named: str | None = None
    """The title of the record a subject link leads to."""

    @property
    def blank(self) -> bool:
        return self.value is None or self.value == "" or self.value == [] or self.value == {}

    @property
    def template(self) -> str:
        return f"fields/{self.field.type}/show.html"


@dataclass(frozen=True)
class Panel:
    """Fields under one heading. Those without a value fold away, so that a glance meets only what is known."""

    name: str
    values: list[Value]

    @property
    def filled(self) -> list[Value]:
        return [each for each in self.values if not each.blank]

    @property
    def blank(self) -> list[Value]:
        return [each for each in self.values if each.blank]

    @property
    def wide(self) -> bool:
        """Whether it holds text of some length, which a narrow column would tear to ribbons."""
        return any(getattr(each.field, "long", False) for each in self.filled)


@dataclass(frozen=True)
class Move:
    """A button: pressed, or shown with the reason why not."""

    move: Transition | Action
    href: str
    why_not: str | None


@dataclass(frozen=True)
class RelatedList:
    """A list of records that point here, on its own page."""

    related: Related
    resource: Resource
    list: ListPage
    all_href: str
    new_href: str | None

    @property
    def name(self) -> str:
        return self.related.name

    @property
    def label(self) -> str:
        return self.related.label or self.resource.plural


@dataclass(frozen=True)
class RecordPage:
    """Everything resource/record.html needs."""

    record: Shown
    facts: list[Value]
    beside: list[Panel]
    """Panels in the narrow column."""
    below: list[Panel]
    """Panels under the related lists, two abreast."""
    moves: list[Move]
    related: list[RelatedList]
    entries: list[ledger.Entry]
    status: Value | None
    steps: list[tuple[str, str, str]]
    inline: frozenset[str]
    """Fields edited where they stand."""
    changeable: bool
    """Whether its form has anything to change, for this person and in this state."""
    masked: frozenset[str] = frozenset()
    """Fields whose values are masked and may be asked for."""
    seen: frozenset[str] = frozenset()
    """Fields that are masked for this role and shown for the moment."""
    seen_for: int = 0
    """Seconds for which they still are."""
    sources: list[ToldPanel] = dataclass_field(default_factory=list)

    @property
    def clashes(self) -> tuple[str, list[str]] | None:
        """The first source with fields it and we both changed, and what those are called."""
        found = [(one.name, [each.field.title for each in one.fields if each.asked]) for one in self.sources]
        return next(((name, titles) for name, titles in found if titles), None)

    """What those it came from say of it."""

    @classmethod
    def load(
        cls, connection: Connection, view: Projection, key: Any, actor: Actor, args: Mapping[str, str]
    ) -> RecordPage:
        """Read the record, one statement for each related list, and its latest changes."""
        from app.web.revealing import revealed

        record = reading.read(connection, view, key, actor)
        offered = frozenset(revealing.revealable(record, actor))
        opened, seen_for = revealed(record, actor) if offered else ({}, 0)
        record = replace(record, values={**record.values, **opened}) if opened else record
        resource = record.resource
        shown = {each.name: value_of(each, record, actor) for each in view.fields}
        status = shown.get(_badge(resource))
        edits = view.edits(record.values, actor.app_user_id)
        inline = frozenset() if record.archived or not edits else _names(reading.in_place(record))
        lists = [
            related_page(connection, record, actor, each.name, args)
            for each in _related(connection, resource, actor)
            if _readable(_target(each), actor) and each.reaches(record.values)
        ]
        for name, each in shown.items():
            if each.field.type == "subject":
                shown[name] = replace(each, named=_named(connection, each, actor))
        beside, below = _placed(_panels(record, shown, inline), len(lists))
        return cls(
            record,
            [shown[name] for name in resource.facts if name in shown and name != _badge(resource)],
            beside,
            below,
            moves(record, actor, connection),
            lists,
            ledger.history(connection, resource, key, actor, limit=8) if resource.recorded else [],
            status,
            _steps(resource, record),
            inline,
            edits and bool(reading.editable(record)),
            offered - opened.keys(),
            frozenset(opened),
            seen_for,
            panels(connection, record, actor),
        )


def _names(fields: Iterable[Field]) -> frozenset[str]:
    return frozenset(each.name for each in fields)


def _badge(resource: Resource) -> str:
    return resource.badge or (resource.lifecycle.field if resource.lifecycle else "status")


def _named(connection: Connection, each: Value, actor: Actor) -> str | None:
    """One look at one record; a list of such links would pay for it on every row and says kind and number instead."""
    target = REGISTRY.get(str(each.label))
    if target is None or each.value is None:
        return None
    return labels(connection, target, actor, [each.value]).get(each.value)


def value_of(each: Field, record: Shown, actor: Actor) -> Value:
    label = record.labels.get(each.name)
    if each.type == "subject":
        label = record.values.get("subject_type")
    return Value(each, rows.column(each, actor.permissions), record.values.get(each.name), label)


def _related(connection: Connection, resource: Resource, actor: Actor) -> tuple[Related, ...]:
    """The declared lists, and for whoever explores the database those of tables nobody declared."""
    if not resource.declared or not actor.may("explorer.read"):
        return resource.related
    return (*resource.related, *REGISTRY.pointing_here(connection, resource))


def _target(related: Related) -> Resource | None:
    return related.target if related.target is not None else REGISTRY.get(related.to)


def _readable(target: Resource | None, actor: Actor) -> bool:
    return target is not None and projection(target, actor).reads


def _panels(record: Shown, shown: Mapping[str, Value], inline: frozenset[str]) -> list[Panel]:
    """Fields by heading. Under no heading of their own, those the head shows already need not be said twice."""
    resource = record.resource
    said = {*resource.facts, _badge(resource), *([resource.code] if record.code else ())} - inline
    groups: dict[str, list[Value]] = {_DETAILS: []}
    for name, each in shown.items():
        if (name != resource.title or name in inline) and (each.field.group or name not in said):
            groups.setdefault(each.field.group or _DETAILS, []).append(each)
    return [Panel(name, values) for name, values in groups.items() if values]


def _placed(panels: list[Panel], lists: int) -> tuple[list[Panel], list[Panel]]:
    """Beside the related lists as long as these are likely to reach, the rest below them.

    It goes by what is declared, not by what is filled, so that a panel stands where it stood on the record before.
    """
    room = 8 * lists
    beside: list[Panel] = []
    for each in panels:
        room -= len(each.values) + 2
        if (beside and room < 0) or not lists:
            break
        beside.append(each)
    return beside, panels[len(beside) :]


def _steps(resource: Resource, record: Shown) -> list[tuple[str, str, str]]:
    lifecycle = resource.lifecycle
    if lifecycle is None or not lifecycle.stages:
        return []
    now = record.values.get(lifecycle.field)
    if now not in lifecycle.stages:
        return []
    place = lifecycle.stages.index(now)
    each = resource.field(lifecycle.field) if resource.has(lifecycle.field) else None
    names = [each.words(stage) if isinstance(each, Choice) else stage.replace("_", " ") for stage in lifecycle.stages]
    return [
        (name, "", "done" if index < place else "current" if index == place else "") for index, name in enumerate(names)
    ]


def moves(record: Shown, actor: Actor, connection: Connection) -> list[Move]:
    """The moves out of the present state; those this role never makes are absent, those refused now say why."""
    resource = record.resource
    found: list[Move] = []
    status = record.values.get(resource.lifecycle.field) if resource.lifecycle else None
    offered: list[Transition | Action] = [
        *(resource.lifecycle.from_(str(status)) if resource.lifecycle else ()),
        *resource.actions,
    ]
    for move in offered:
        allowed = any(actor.may(each) for each in (move.may, *getattr(move, "also", ())))
        owns = (
            resource.own
            and record.values.get(resource.own) == actor.app_user_id
            and actor.may(resource.permission("own"))
        )
        if not allowed and not owns:
            continue
        href = f"{resource.path}/{record.key}/actions/{move.key}"
        found.append(Move(move, href, refusal(resource, record.values, move, actor)))
    return sorted(found, key=lambda each: each.move.danger)


def related_page(
    connection: Connection, record: Shown, actor: Actor, name: str, args: Mapping[str, str]
) -> RelatedList:
    """One related list at the page its own cursor names (`rel=jobs&after=...`), narrowed to this record."""
    related = next((each for each in _related(connection, record.resource, actor) if each.name == name), None)
    target = _target(related) if related is not None else None
    if related is None or target is None or not _readable(target, actor):
        raise NotFound("There is no such list here.")
    view = projection(target, actor)
    fixed = related.fixed(record.values, record.key)
    pairs = [("limit", str(PANEL_ROWS))]
    if args.get("rel") == name:
        pairs += [(key, args[key]) for key in ("after", "before", "sort") if args.get(key)]
    columns = related.fields or tuple(each.name for each in view.listed if each.name not in fixed)[:7]
    query = listing.read_query(pairs, view, actor.timezone, fixed, columns, related.sort)
    page = _without_blanks(listing.fetch(connection, query, actor, count=True))
    path = f"{record.resource.path}/{record.key}"
    asked = [(field, str(value)) for field, value in fixed.items()]
    here = [("rel", name), *((word, args[word]) for word in (FROM, AT) if args.get(word))]
    body = rows.render(page, actor, panel=True, came=_as_list(page.query, asked))
    shown = ListPage(page.query, page, here, actor, body, {}, path)
    to_all = link(target.path, asked) if fixed.keys() <= view.by_name.keys() else target.path
    closed = record.archived or (related.closed is not None and related.closed(record.values))
    can_add = view.creates and not closed and fixed.keys() <= view.by_name.keys() and not related.about
    return RelatedList(related, target, shown, to_all, link(f"{target.path}/new", asked) if can_add else None)


def _as_list(query: listing.ListQuery, asked: list[tuple[str, str]]) -> str:
    """What rows of a panel carry: the list of the same records in the same order, where it can be asked for by address."""
    if not query.fixed.keys() <= {each.name for each in query.projection.filterable}:
        return ""
    return carried([*((parameter(name, "eq"), value) for name, value in asked), ("sort", query.sort_text)])


def _without_blanks(page: listing.Page) -> listing.Page:
    """A panel has no width to spare for columns in which none of its few rows has anything to say."""
    query, index = page.query, page.layout.index
    kept = tuple(
        each
        for each in query.columns
        if each.name == query.resource.title or any(row[index[each.name]] not in (None, "", []) for row in page.rows)
    )
    return replace(page, query=replace(query, columns=kept or query.columns))
