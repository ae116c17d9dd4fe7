"""Rows of a list as HTML: what each column's cells look like is decided once, then all rows run through in one loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from app.core.clock import now, today
from app.engine.access import Actor, holds
from app.engine.bulk import work
from app.engine.fields import Choice, Field, Reference, SubjectLink
from app.engine.listing import ListQuery, Page
from app.engine.projection import Projection
from app.engine.reading import Shown
from app.engine.references import shows_label
from app.engine.registry import REGISTRY, target_of
from app.engine.resource import Resource
from app.engine.tablename import named_address
from app.web import markup
from app.web.formats import asset
from app.web.markup import Column, Moment, Writer


def column(each: Field, permissions: frozenset[str]) -> Column:
    """The static side of one column for one bundle of permissions."""
    looks = markup.looks(each, asset("icons.svg")) if isinstance(each, Choice) else {}
    base, person, subjects = None, False, {}
    if isinstance(each, Reference):
        person = each.as_ == "person"
        base = _address(target_of(each), permissions)
    if isinstance(each, SubjectLink):
        subjects = {one.name: (one.path, one.one) for one in REGISTRY if shows_label(one.name, permissions)}
    return Column(each, looks, base, person, subjects)


def _address(target: Resource | None, permissions: frozenset[str]) -> str | None:
    return target.path if target is not None and holds(permissions, target.permission("read")) else None


Cell = tuple[int, int, str, Writer | None]
"""(place of the value, place of its label or -1, opening tag, writer); the title has no writer, it is the row's link."""


_PICK = '<td class="pick"><input type="checkbox" class="check" form="picked" name="key" value="'


def selectable(query: ListQuery, actor: Actor) -> bool:
    """Whether rows carry a box to tick: where they can be told apart and there is something to do with those chosen."""
    return query.resource.opens_records and (actor.may("export.read") or work.offered(query.projection))


def render(page: Page, actor: Actor, panel: bool = False, came: str = "", left: str | None = None) -> Markup:
    """The <tr>s of a page. `panel` is a related list on a record, whose rows are plainer.

    `came` is what the link of every row carries of this list; the row of the record `left` is marked.
    """
    query, layout = page.query, page.layout
    labels = tuple(_label(each, layout.labels, layout.index) for each in query.columns)
    names = tuple(each.name for each in query.columns)
    places = tuple(layout.index[name] for name in names)
    cells = _cells(query.projection, names, places, labels, asset("icons.svg"), panel)
    key, title, base = layout.key, layout.title, query.resource.path
    at = Moment(now(), actor.timezone, today(actor.timezone))
    parts: list[str] = []
    add = parts.append
    titled = query.resource.title in names
    by_name = query.resource.named_by == query.resource.title
    address = query.resource.address_of_row(layout.keys)
    leads = query.resource.opens_records
    picks = not panel and selectable(query, actor)
    closed = None if panel or not leads else _closed(page, actor)
    for row in page.rows:
        number = row[key] if address is None else address(row)
        named_at = named_address(str(row[title])) if by_name else number
        focus = ""
        if leads and left is not None and str(number) == left:
            add(f'<tr data-key="{number}" aria-current="true"{closed(row) if closed else ""}>')
            focus = " autofocus"
        else:
            add(f'<tr data-key="{number}"{closed(row) if closed else ""}>' if leads else "<tr>")
        if picks:
            add(f'{_PICK}{number}" aria-label="Select {_title(row[title], number)}"></td>')
        if not titled:
            if leads:
                words = _title(row[title], number)
                add(f'<td class="name"><a class="rowlink" href="{base}/{named_at}{came}"{focus}>{words}</a></td>')
            else:
                add(f'<td class="name">{_title(row[title], number)}</td>')
        for place, label_place, opening, write in cells:
            value = row[place]
            add(opening)
            if write is None:
                named = row[label_place] if label_place >= 0 else value
                words = _title(named, number)
                add(f'<a href="{base}/{named_at}{came}"{focus}>{words}</a>' if leads else words)
            elif value is not None:
                add(write(value, row[label_place] if label_place >= 0 else None, at))
            add("</td>")
        add("</tr>\n")
    return markup.whole("".join(parts))


def _closed(page: Page, actor: Actor) -> Callable[[tuple[Any, ...]], str] | None:
    """A function from a row to the attribute that names its values closed to change, `*` for all; None where none ever is."""
    layout, resource = page.layout, page.query.resource
    state, owner, archived = layout.state, layout.owner, layout.archived
    if max(state, owner, archived) < 0:
        return None
    frozen = resource.lifecycle.frozen if resource.lifecycle else {}
    words = {status: "*" if "*" in names else " ".join(names) for status, names in frozen.items()}

    def closed(row: tuple[Any, ...]) -> str:
        if (owner >= 0 and row[owner] != actor.app_user_id) or (archived >= 0 and row[archived] is not None):
            return ' data-closed="*"'
        names = words.get(row[state], "") if state >= 0 else ""
        return f' data-closed="{names}"' if names else ""

    return closed


def cell(record: Shown, each: Field, actor: Actor, came: str = "") -> Markup:
    """The inside of one cell as `render` writes it, for a value that has just been changed there."""
    resource, value = record.resource, record.values.get(each.name)
    if each.name == resource.title:
        words = _title(value, record.key)
        named = named_address(str(value)) if resource.named_by == resource.title else record.key
        return markup.whole(f'<a href="{resource.path}/{named}{came}">{words}</a>' if resource.opens_records else words)
    if value is None:
        return markup.whole("")
    _css, write = markup.writer(column(each, actor.permissions))
    at = Moment(now(), actor.timezone, today(actor.timezone))
    return markup.whole(write(value, record.labels.get(each.name), at))


def keys(page: Page) -> set[str]:
    """The keys of a page's rows as addresses carry them."""
    address = page.query.resource.address_of_row(page.layout.keys)
    return {str(row[page.layout.key] if address is None else address(row)) for row in page.rows}


def leads_to(page: Page, came: str = "") -> tuple[str, str]:
    """The address and the title of the first row of a page, as its link has them."""
    layout, resource, row = page.layout, page.query.resource, page.rows[0]
    address = resource.address_of_row(layout.keys)
    number = row[layout.key] if address is None else address(row)
    title = str(row[layout.title]) if row[layout.title] not in (None, "") else f"#{number}"
    named = named_address(title) if resource.named_by == resource.title else number
    return f"{resource.path}/{named}{came}", title[: markup.LONGEST]


def _title(value: Any, number: Any) -> str:
    if value in (None, ""):
        return f"#{number}" if number != "" else ""
    return markup.text(str(value)[: markup.LONGEST])


def _label(each: Field, labels: Any, index: Any) -> int:
    place = index["subject_type"] if isinstance(each, SubjectLink) else labels.get(each.name, -1)
    return int(place)


@lru_cache(maxsize=2048)
def _cells(
    view: Projection, names: tuple[str, ...], places: tuple[int, ...], labels: tuple[int, ...], icons: str, panel: bool
) -> tuple[Cell, ...]:
    """The columns of one kind of list. `icons` is the sprite's address, which names the present state of the files."""
    made: list[Cell] = []
    roles = {} if panel else _on_a_phone(view.resource, [view.by_name[name] for name in names])
    for place, label_place, name in zip(places, labels, names, strict=True):
        each = view.by_name[name]
        css, write = markup.writer(column(each, view.permissions))
        is_title = name == view.resource.title
        stick = "stick" if is_title and not panel else ""
        editable = "can-edit" if not panel and each in view.in_place and view.resource.opens_records else ""
        classes = " ".join(
            part for part in (stick, "name" if is_title else "", css, each.width, roles.get(name), editable) if part
        )
        opening = f'<td data-field="{name}" class="{classes}">' if classes else f'<td data-field="{name}">'
        made.append((place, label_place, opening, None if is_title else write))
    return tuple(made)


def _on_a_phone(resource: Resource, fields: list[Field]) -> dict[str, str]:
    """The columns that stay when a row is two lines: its name and figure, then where it is and how it stands."""
    rest = [each for each in fields if each.name != resource.title]

    def first(*types: str) -> str | None:
        return next((each.name for each in rest if each.type in types), None)

    moving = resource.badge or (resource.lifecycle.field if resource.lifecycle else None)
    status = moving if any(each.name == moving for each in rest) else first("choice")
    owed = next((each.name for each in rest if each.type == "money" and "balance" in each.name), first("money"))
    when = first("moment", "date")
    figure, age = (owed, status or when) if owed else (status, when)
    if figure is None:
        figure = first("count", "percent", "quantity", "cost", "duration", "number")
    rest = [each for each in rest if each.name not in (figure, age)]
    thing = next((each.name for each in rest if isinstance(each, Reference) and each.as_ != "person"), first("subject"))
    place = thing or first("text") or first("reference", "code") or next((each.name for each in rest), None)
    found = ((figure, "p-figure"), (place, "p-place"), (age, "p-age"))
    return {name: role for name, role in found if name is not None}
