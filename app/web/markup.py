"""The one reviewed place that builds markup in Python: cells that stand in a list hundreds of times.

Everything that came from data passes `text`; the rest is written here or comes from declarations. A list of 50 rows and
10 columns has 500 cells, and a template engine spends more on them than the database on the rows: so what a column's
cells look like is decided once, as a function from value to markup, and the rows run through those functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as filled
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from jinja2 import Template
from markupsafe import Markup, escape

from app.core import formats
from app.engine.fields import Choice, Field

_SPECIAL = re.compile("[&<>\"']").search
LONGEST = 160
"""Characters of a text a cell shows; its column cuts it off long before."""


@dataclass(frozen=True)
class Column:
    """What a cell may ask of its column."""

    field: Field
    looks: dict[Any, Any] = filled(default_factory=dict)
    base: str | None = None
    """Where a referred record is opened, when this role may open it."""
    person: bool = False
    subjects: dict[str, tuple[str, str]] = filled(default_factory=dict)


@dataclass(frozen=True)
class Moment:
    """When and for whom a list is shown."""

    now: datetime
    zone: str
    today: date


Writer = Callable[[Any, Any, Moment], str]
"""(value, label or none, moment) -> the content of the cell; a value is never None here."""


def text(value: str) -> str:
    """Text as markup. Most text holds nothing to escape, and looking is cheaper than escaping."""
    return value if _SPECIAL(value) is None else str(escape(value))


def whole(markup: str) -> Markup:
    """Markup put together from the functions of this module."""
    return Markup(markup)


def trusted(template: Template, **context: Any) -> Markup:
    """What a template of ours rendered, in which every value was escaped on its way in."""
    return Markup(template.render(**context))


def looks(field: Choice, icons: str) -> dict[Any, Markup]:
    """Each value of a choice as it stands in a cell: glyph and word, or the word alone where no tone is declared."""
    made: dict[Any, Markup] = {}
    for value in field.values:
        word = escape(field.words(value))
        if not field.tones:
            made[value] = word
            continue
        tone, glyph = field.tone(value)
        made[value] = Markup(
            f'<span class="status {escape(tone)}"><svg class="g" viewBox="0 0 12 12" aria-hidden="true">'
            f'<use href="{escape(icons)}#g-{escape(glyph)}"/></svg>{word}</span>'
        )
    return made


def words(column: Column, value: Any, label: str | None, at: Moment) -> str:
    """What a cell says, as plain text; "" for nothing."""
    field = column.field
    if value is None or value == "" or value == []:
        return ""
    if field.type in ("reference", "pointer"):
        return label or f"#{value}"
    if field.type == "tags":
        return ", ".join(map(str, value))
    if field.type == "moment":
        return formats.absolute(value, at.zone)
    return str(Markup(writer(column)[1](value, label, at)).striptags())


def moment(value: datetime | None, now: datetime, zone: str, planned: bool = False) -> Markup | str:
    """A point in time as people say it, with the exact one on hover."""
    return "" if value is None else Markup(_moment(value, now, zone, planned))


def _moment(value: datetime, now: datetime, zone: str, planned: bool) -> str:
    words = formats.planned(value, now, zone) if planned else formats.relative(value, now, zone)
    return f"<time {_exactly(value, zone)}>{words}</time>"


@lru_cache(maxsize=16_384)
def _exactly(value: datetime, zone: str) -> str:
    """The exact point in time as attributes. Remembered: a list is looked at again and again, and says it in each row."""
    return f'datetime="{value.isoformat()}" title="{formats.absolute(value, zone)}"'


def person(name: str | None) -> Markup | str:
    """A colleague: round initials and the name."""
    return Markup(_person(name)) if name else ""


_people: dict[str, str] = {}


def _person(name: str) -> str:
    made = _people.get(name)
    if made is None:
        if len(_people) > 5_000:
            _people.clear()
        made = _people[name] = (
            f'<span class="owner"><span class="avatar" aria-hidden="true">{text(formats.initials(name))}</span>'
            f"<span>{text(name)}</span></span>"
        )
    return made


# -- one writer a field type; a type without one shows its value as text ----------------------------------------------


def writer(column: Column) -> tuple[str, Writer]:
    """(classes of the <td>, function that writes its content) for one column."""
    css, make = _WRITERS.get(column.field.type, ("", _plain))
    return css, make(column)


def _plain(column: Column) -> Writer:
    def write(value: Any, _label: Any, _at: Moment) -> str:
        words = value if type(value) is str else str(value)
        return text(words if len(words) <= LONGEST else words[:LONGEST] + "…")

    return write


def _url(column: Column) -> Writer:
    return lambda value, _l, _at: (
        f'<a class="rowlink" href="{text(value)}" rel="noreferrer noopener" target="_blank">{text(value)}</a>'
        if value.startswith(("https://", "http://"))
        else text(value)
    )


def _phone(column: Column) -> Writer:
    return lambda value, _l, _at: text(formats.phone(value) if value[:1] == "+" else value)


def _choice(column: Column) -> Writer:
    known = {value: str(look) for value, look in column.looks.items()}
    return lambda value, _l, _at: known.get(value) or text(str(value))


def _flag(column: Column) -> Writer:
    yes, no = text(column.field.yes), f'<span class="sub">{text(column.field.no)}</span>'  # type: ignore[attr-defined]
    return lambda value, _l, _at: yes if value else no


def _money(column: Column) -> Writer:
    money = formats.money
    return lambda value, _l, _at: money(value) if value else '<span class="sub">$0.00</span>'


def _formatted(how: Callable[[Any], str]) -> Callable[[Column], Writer]:
    return lambda column: lambda value, _l, _at: how(value)


def _percent(column: Column) -> Writer:
    share = column.field.share  # type: ignore[attr-defined]
    return lambda value, _l, _at: formats.percent(value if share else value / 100)


def _quantity(column: Column) -> Writer:
    unit = column.field.unit  # type: ignore[attr-defined]
    none = f'<span class="sub">{text(formats.quantity(0, unit))}</span>'
    return lambda value, _l, _at: text(formats.quantity(value, unit)) if value else none


def _date(column: Column) -> Writer:
    return lambda value, _l, at: f'<time datetime="{value}">{formats.date(value, at.today)}</time>'


def _when(column: Column) -> Writer:
    planned = column.field.planned  # type: ignore[attr-defined]
    return lambda value, _l, at: _moment(value, at.now, at.zone, planned)


def _reference(column: Column) -> Writer:
    base = column.base

    def write(value: Any, label: Any, _at: Moment) -> str:
        if label is None:
            return f'<span class="sub">#{value}</span>'
        if column.person:
            return _person(label)
        return f'<a class="rowlink" href="{base}/{value}">{text(label)}</a>' if base else text(label)

    return write


def _subject(column: Column) -> Writer:
    def write(value: Any, kind: Any, _at: Moment) -> str:
        place = column.subjects.get(kind)
        if place is None:
            return text(f"{kind} {value}" if kind else f"#{value}")
        return f'<a class="rowlink" href="{place[0]}/{value}">{text(place[1])} {value}</a>'

    return write


def _tags(column: Column) -> Writer:
    return lambda value, _l, _at: "".join(f'<span class="tag">{text(str(word))}</span>' for word in value)


def _json(column: Column) -> Writer:
    def write(value: Any, _label: Any, _at: Moment) -> str:
        words = str(value)
        return text(words if len(words) <= 60 else words[:60] + "…")

    return write


def _link(column: Column) -> Writer:
    base, words = text(column.field.base), text(column.field.words)  # type: ignore[attr-defined]
    return lambda value, _l, _at: f'<a class="rowlink" href="{base}{text(str(value))}">{words}</a>'


def _day(column: Column) -> Writer:
    def write(value: Any, _label: Any, at: Moment) -> str:
        try:
            day = date.fromisoformat(value)
        except ValueError:  # infinity, a year no calendar of Python's has, or a time of day as well
            return text(value)
        return f'<time datetime="{value}">{formats.date(day, at.today)}</time>'

    return write


def _instant(column: Column) -> Writer:
    def write(value: Any, _label: Any, at: Moment) -> str:
        try:
            return _moment(datetime.fromisoformat(value), at.now, at.zone, False)
        except (ValueError, OverflowError):
            return text(value)

    return write


def _pointer(column: Column) -> Writer:
    href = column.field.href if column.base else lambda value: None  # type: ignore[attr-defined]

    def write(value: Any, label: Any, _at: Moment) -> str:
        words = text(str(value if label is None else label)[:LONGEST])
        place = href(value)
        return f'<a class="rowlink" href="{text(place)}">{words}</a>' if place else words

    return write


def _secret(column: Column) -> Writer:
    return lambda value, _l, _at: "set" if value else "not set"


_WRITERS: dict[str, tuple[str, Callable[[Column], Writer]]] = {
    "code": ("id sub mono", _plain),
    "url": ("", _url),
    "phone": ("ph", _phone),
    "choice": ("st", _choice),
    "flag": ("", _flag),
    "money": ("num", _money),
    "cost": ("num", _formatted(formats.cost)),
    "count": ("num", _formatted("{:,}".format)),
    "number": ("num", _plain),
    "percent": ("num", _percent),
    "quantity": ("num", _quantity),
    "duration": ("num", _formatted(formats.duration_ms)),
    "date": ("mut", _date),
    "moment": ("mut", _when),
    "reference": ("", _reference),
    "tags": ("", _tags),
    "json": ("mono", _json),
    "size": ("num", _formatted(formats.size)),
    "link": ("", _link),
    "secret": ("sub", _secret),
    "subject": ("", _subject),
    "plain": ("mono", _plain),
    "exact": ("num", _plain),
    "whole": ("num", _plain),
    "maybe": ("", _flag),
    "day": ("mut", _day),
    "instant": ("mut", _instant),
    "pointer": ("", _pointer),
}
