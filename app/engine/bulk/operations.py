"""What can be done to one field of many records: set, clear, replace, reckon, shift, copy; declared by the field types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import Connection

from app.core.clock import zone_of
from app.engine.access import Actor
from app.engine.fields import Choice, Date, Edit, Field, Flag, Invalid, Moment, Reference, Tags, Text
from app.engine.fields.number import Number
from app.engine.forms import is_required
from app.engine.projection import Projection
from app.engine.references import pickable
from app.engine.refusals import Rejected
from app.engine.registry import target_of
from app.engine.resource import Resource

FURTHEST_DAYS = 36_500


@dataclass(frozen=True)
class Operation:
    """One way to change a field: how the choice reads, and which inputs it asks for."""

    key: str
    words: str
    asks: tuple[str, ...] = ()


OPERATIONS = {
    each.key: each
    for each in (
        Operation("set", "Set to", ("value",)),
        Operation("clear", "Clear"),
        Operation("replace", "Replace text", ("find", "with", "case")),
        Operation("add", "Add", ("amount",)),
        Operation("subtract", "Subtract", ("amount",)),
        Operation("raise", "Raise by percent", ("percent",)),
        Operation("lower", "Lower by percent", ("percent",)),
        Operation("shift", "Shift by days", ("days",)),
        Operation("copy", "Copy from", ("from",)),
        Operation("include", "Add words", ("value",)),
        Operation("exclude", "Remove words", ("value",)),
    )
}

Edits = Sequence[Mapping[str, Any]]
"""[{"field": "bill_city", "do": "set", "value": "Denver"}, ...]: as typed, read anew each time they are used."""


def fields(view: Projection) -> tuple[Field, ...]:
    """The fields this role may write in many records at once."""
    return tuple(
        each
        for each in view.writable(Edit.BULK)
        if each.changes and each.name in view.resource.table.c and each.name not in view.resource.fixed_fields
    )


def operations(view: Projection, field: Field) -> tuple[Operation, ...]:
    """What can be done to this field here: a required one is not cleared, and a copy needs a field alike."""
    found = []
    for key in field.changes:
        if key == "clear" and not _may_be_empty(view.resource, field):
            continue
        if key == "copy" and not sources(view, field):
            continue
        found.append(OPERATIONS[key])
    return tuple(found)


def sources(view: Projection, field: Field) -> tuple[Field, ...]:
    """The fields whose value can stand in this one as it is."""
    return tuple(
        each
        for each in view.fields
        if each.name != field.name
        and each.name not in view.masked
        and each.expr is None
        and each.name in view.resource.table.c
        and _alike(each, field)
    )


def _alike(one: Field, other: Field) -> bool:
    if isinstance(other, Reference):
        return isinstance(one, Reference) and one.to == other.to and one.by == other.by
    if isinstance(other, Choice):
        return isinstance(one, Choice) and set(one.values) == set(other.values)
    for kind in (Text, Number, Date, Moment):
        if isinstance(other, kind):
            return isinstance(one, kind)
    return False


def _may_be_empty(resource: Resource, field: Field) -> bool:
    if isinstance(field, Tags):
        return True
    return resource.table.c[field.name].nullable is True and not is_required(resource.table, field)


@dataclass(frozen=True)
class Step:
    """One field's change, read and checked: `made` gives the new value of a row, or raises Invalid with a sentence."""

    field: Field
    words: str
    """"Set City to “Denver”"."""
    made: Callable[[Mapping[str, Any]], Any]
    needs: tuple[str, ...]
    """Columns it looks at."""


def read(connection: Connection, view: Projection, edits: Edits, actor: Actor) -> tuple[Step, ...]:
    """Edits as typed, checked against what this role may write. Raises Rejected with a sentence for each field."""
    allowed = {each.name: each for each in fields(view)}
    errors: dict[str, str] = {}
    steps: list[Step] = []
    for edit in edits:
        name, key = str(edit.get("field", "")), str(edit.get("do", ""))
        field = allowed.get(name)
        if field is None:
            errors[name] = "Your role does not change this field in many records at once."
            continue
        if key not in {each.key for each in operations(view, field)}:
            errors[name] = f"{field.title} cannot be changed this way."
            continue
        if any(name == each.field.name for each in steps):
            errors[name] = f"{field.title} can be changed in one way at a time."
            continue
        try:
            steps.append(_READERS[key](_Reading(connection, view, field, edit, actor)))
        except Invalid as fault:
            errors[name] = str(fault)
    if errors:
        raise Rejected(errors)
    if not steps:
        raise Rejected({"": "Choose at least one field and what to do with it."})
    return tuple(steps)


@dataclass(frozen=True)
class _Reading:
    """One edit while it is read."""

    connection: Connection
    view: Projection
    field: Field
    edit: Mapping[str, Any]
    actor: Actor

    def typed(self, name: str) -> str:
        return str(self.edit.get(name) or "")

    def number(self, name: str, what: str, places: int) -> Decimal:
        return Decimal(Number(what, places=places, least=0).parse(self.typed(name)))

    def step(self, words: str, made: Callable[[Any], Any], *more: str) -> Step:
        """A step over the field's own value; nothing is done to an empty one."""
        field, name = self.field, self.field.name

        def ruled(row: Mapping[str, Any]) -> Any:
            return None if row[name] is None else settled(self.view.resource, field, made(row[name]))

        return Step(field, words, ruled, (name, *more))


def settled(resource: Resource, field: Field, value: Any) -> Any:
    """A value that was worked out, held against the rules a typed one meets. Raises Invalid."""
    if value is None or value == "":
        if not _may_be_empty(resource, field):
            raise Invalid(f"{field.title} cannot stay empty.")
        return None
    if isinstance(field, Number):
        return field.parse(f"{value:f}" if isinstance(value, Decimal) else str(value))
    return field.parse(value) if isinstance(field, Text) else value


def _set(asked: _Reading) -> Step:
    field, typed = asked.field, asked.typed("value")
    if not typed.strip() and not isinstance(field, Flag):
        raise Invalid(f"Say what {field.title.lower()} is to be; to empty it, choose Clear.")
    value = field.parse(typed)
    shown = typed
    if isinstance(value, datetime) and isinstance(field, Moment):
        value = value if "+" in typed[10:] else value.replace(tzinfo=zone_of(asked.actor.timezone))
    if isinstance(field, Reference):
        value, shown = _picked(asked, value)
    elif isinstance(field, Choice):
        shown = field.words(value)
    elif isinstance(field, Flag):
        shown = field.yes if value else field.no
    elif isinstance(field, Tags) and not value:
        raise Invalid("Name at least one word; to empty it, choose Clear.")
    return Step(field, f"Set {field.title} to {_quoted(shown)}", lambda row: value, (field.name,))


def _picked(asked: _Reading, key: Any) -> tuple[Any, str]:
    """The record a reference is to point at, among those this role may pick."""
    field = asked.field
    assert isinstance(field, Reference)
    target = target_of(field)
    label = pickable(asked.connection, target, asked.actor, key, field.by) if target is not None else None
    if label is None:
        raise Invalid(f"Pick {field.title.lower()} from the list.")
    return key, label


def _clear(asked: _Reading) -> Step:
    empty: Any = [] if isinstance(asked.field, Tags) else None
    return Step(asked.field, f"Clear {asked.field.title}", lambda row: empty, (asked.field.name,))


def _replace(asked: _Reading) -> Step:
    """Plain text, never a pattern: nothing a person types can take long to look for."""
    find, with_ = asked.typed("find"), asked.typed("with")
    if not find:
        raise Invalid("Say which text to replace.")
    if len(find) > 1000 or len(with_) > 1000:
        raise Invalid("Use at most 1,000 characters.")
    exact = bool(asked.edit.get("case"))
    pattern = re.compile(re.escape(find), 0 if exact else re.IGNORECASE)
    note = ", in this case only" if exact else ""
    return asked.step(
        f"Replace {_quoted(find)} with {_quoted(with_)} in {asked.field.title}{note}",
        lambda value: pattern.sub(lambda _found: with_, value),
    )


def _reckoned(sign: int) -> Callable[[_Reading], Step]:
    def read_(asked: _Reading) -> Step:
        field = asked.field
        assert isinstance(field, Number)
        amount = asked.number("amount", "amount", field.places)
        if not amount:
            raise Invalid("Enter an amount other than 0.")
        words = f"Add {amount:f} to {field.title}" if sign > 0 else f"Subtract {amount:f} from {field.title}"
        return asked.step(words, lambda value: Decimal(value) + sign * amount)

    return read_


def _scaled(sign: int) -> Callable[[_Reading], Step]:
    def read_(asked: _Reading) -> Step:
        field = asked.field
        assert isinstance(field, Number)
        percent = asked.number("percent", "percent", 4)
        if not percent:
            raise Invalid("Enter a percentage other than 0.")
        if percent > (100 if sign < 0 else 10_000):
            raise Invalid("Lower by at most 100 percent." if sign < 0 else "Raise by at most 10,000 percent.")
        unit = Decimal(1).scaleb(-field.places)
        factor = (100 + sign * percent) / 100
        return asked.step(
            f"{'Raise' if sign > 0 else 'Lower'} {field.title} by {percent:f} %",
            lambda value: (Decimal(value) * factor).quantize(unit, rounding=ROUND_HALF_UP),
        )

    return read_


def _shift(asked: _Reading) -> Step:
    typed = asked.typed("days").replace("−", "-").strip()
    digits = typed.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or not 0 < int(digits[:9]) <= FURTHEST_DAYS:
        raise Invalid(f"Enter a number of days up to {FURTHEST_DAYS:,}, like 7 or -7.")
    days = int(typed)

    def moved(value: date) -> date:
        try:
            return value + timedelta(days=days)
        except OverflowError:
            raise Invalid("That day is beyond the calendar.") from None

    direction = "later" if days > 0 else "earlier"
    many = "day" if abs(days) == 1 else "days"
    return asked.step(f"Move {asked.field.title} {abs(days):,} {many} {direction}", moved)


def _copy(asked: _Reading) -> Step:
    field, name = asked.field, asked.typed("from")
    source = next((each for each in sources(asked.view, field) if each.name == name), None)
    if source is None:
        raise Invalid("Choose the field to copy from.")
    resource = asked.view.resource

    def copied(row: Mapping[str, Any]) -> Any:
        return settled(resource, field, row[source.name])

    return Step(field, f"Copy {source.title} to {field.title}", copied, (field.name, source.name))


def _include(asked: _Reading) -> Step:
    words = _tagged(asked)
    return Step(
        asked.field,
        f"Add {_quoted(', '.join(words))} to {asked.field.title}",
        lambda row: list(dict.fromkeys((*(row[asked.field.name] or ()), *words))),
        (asked.field.name,),
    )


def _exclude(asked: _Reading) -> Step:
    words = _tagged(asked)
    return Step(
        asked.field,
        f"Remove {_quoted(', '.join(words))} from {asked.field.title}",
        lambda row: [each for each in row[asked.field.name] or () if each not in words],
        (asked.field.name,),
    )


def _tagged(asked: _Reading) -> list[str]:
    words: list[str] = asked.field.parse(asked.typed("value"))
    if not words:
        raise Invalid("Name at least one word.")
    return words


def _quoted(text: str) -> str:
    return f"“{text if len(text) <= 60 else text[:60] + '…'}”"


_READERS: dict[str, Callable[[_Reading], Step]] = {
    "set": _set,
    "clear": _clear,
    "replace": _replace,
    "add": _reckoned(1),
    "subtract": _reckoned(-1),
    "raise": _scaled(1),
    "lower": _scaled(-1),
    "shift": _shift,
    "copy": _copy,
    "include": _include,
    "exclude": _exclude,
}

__all__ = ["OPERATIONS", "Edits", "Operation", "Step", "fields", "operations", "read", "settled", "sources"]
