"""The address of a list -> clauses: every unknown name, operator or value is refused with a sentence, never ignored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Numeric, Text, any_, bindparam, false, not_, or_
from sqlalchemy.types import NullType, TypeEngine

from app.engine.dates import Span, span
from app.engine.fields import Date, Field, Flag, Invalid, Moment, Reference, Tags
from app.engine.projection import Projection
from app.engine.refusals import BadQuery
from app.engine.typed import as_words, words_of

OURS = frozenset(
    {"q", "sort", "after", "before", "limit", "cols", "scope", "view", "count", "archived", "from", "density"}
)
"""Words of a list's address that are no filters; a field called so is asked for as `scope.eq`."""

WORDS = {
    "eq": "is", "ne": "is not", "gt": "is more than", "gte": "is at least", "lt": "is less than", "lte": "is at most",
    "in": "is any of", "between": "is between", "contains": "contains", "startswith": "starts with", "null": "is",
}  # fmt: skip
DATE_WORDS = WORDS | {"gt": "is after", "gte": "is on or after", "lt": "is before", "lte": "is on or before"}
MOST_VALUES = 200


def parameter(name: str, op: str) -> str:
    """How an address asks this of a field: `status`, `balance.gt`."""
    return name if op == "eq" and name not in OURS else f"{name}.{op}"


@dataclass(frozen=True)
class Clause:
    """One condition as asked: `balance.gt=0` is Clause("balance", "gt", ("0",))."""

    field: Field
    op: str
    raw: tuple[str, ...]
    values: tuple[Any, ...]
    """Typed; for dates, spans of time."""

    @property
    def key(self) -> str:
        return parameter(self.field.name, self.op)

    @property
    def words(self) -> str:
        return (DATE_WORDS if isinstance(self.field, Date | Moment) else WORDS)[self.op]

    @property
    def text(self) -> str:
        return ",".join(self.raw)

    @property
    def shape(self) -> tuple[Any, ...]:
        """What decides the SQL apart from the values, so that compiled statements can be kept."""
        return (
            self.field.name,
            self.op,
            self.values[0] if self.op == "null" else len(self.values) if self.op == "between" else 0,
        )


def read_clauses(
    pairs: Iterable[tuple[str, str]], projection: Projection, zone: str, ours: frozenset[str]
) -> tuple[Clause, ...]:
    """Read every parameter that is not one of `ours` (sort, after, limit, ...) as a filter."""
    allowed = {each.name: each for each in projection.filterable}
    return tuple(read_clause(key, text, allowed, zone) for key, text in pairs if key not in ours)


def read_clause(key: str, text: str, allowed: dict[str, Field], zone: str) -> Clause:
    name, _, op = key.partition(".")
    field = allowed.get(name)
    if field is None:
        raise BadQuery(f"There is no filter “{name[:60]}” here.")
    op = op or "eq"
    if op not in field.operators:
        raise BadQuery(f"“{op[:20]}” does not work on {field.title}; use {', '.join(field.operators)}.")
    if len(text) > 2_000:
        raise BadQuery(f"The value for {field.title} is too long.")
    raw = tuple(text.split(",")) if op in ("in", "between") else (text,)
    if len(raw) > MOST_VALUES:
        raise BadQuery(f"{field.title} takes at most {MOST_VALUES} values at once.")
    if op == "between" and len(raw) != 2:
        raise BadQuery(f"{field.title} is between two values: write them with a comma.")
    return Clause(field, op, raw, tuple(_value(field, op, each, zone) for each in raw))


def _value(field: Field, op: str, text: str, zone: str) -> Any:
    try:
        if op == "null":
            return bool(Flag("null").parse(text))
        if isinstance(field, Date | Moment):
            return span(text, zone, calendar_day=isinstance(field, Date))
        if isinstance(field, Tags) or op in ("contains", "startswith"):
            if "\x00" in text:
                raise BadQuery(f"{field.title}: that text cannot be searched for.")
            return text
        return field.parse(text)
    except Invalid as fault:
        raise BadQuery(f"{field.title}: {fault}") from None


def condition(clause: Clause, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The SQL of a clause with named parameters `<name>`, `<name>b`; `parameters` gives their values."""
    op, kind = clause.op, column.type
    if isinstance(kind, NullType):  # a derived field whose function says nothing of its type
        kind = Numeric() if clause.field.numeric else Text()
    if op == "null":
        return column.is_(None) if clause.values[0] else column.is_not(None)
    if isinstance(clause.field, Tags):
        return column.bool_op("@>")(bindparam(name, type_=kind))
    if isinstance(clause.field, Date | Moment):
        return _dated(clause, column, name)
    value: Any = bindparam(name, type_=kind)
    if op == "eq":
        return column == value
    if op == "ne":
        return or_(column != value, column.is_(None)) if getattr(column, "nullable", True) else column != value
    if op == "in":
        return column == any_(bindparam(name, type_=_array(kind)))
    if op == "between":
        return column.between(value, bindparam(f"{name}b", type_=kind))
    if op in ("contains", "startswith"):
        return as_words(column).ilike(bindparam(name, type_=words_of(kind)), escape="\\")
    return {"gt": column > value, "gte": column >= value, "lt": column < value, "lte": column <= value}[op]


def _array(kind: TypeEngine[Any]) -> ARRAY[Any]:
    return ARRAY(kind)


def _dated(clause: Clause, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    start: Any = bindparam(name, type_=column.type)
    end: Any = bindparam(f"{name}b", type_=column.type)
    inside = (column >= start) & (column < end)
    if clause.op in ("eq", "between"):
        return inside
    if clause.op == "ne":
        return or_(not_(inside), column.is_(None))
    return {"gt": column >= end, "gte": column >= start, "lt": column < start, "lte": column < end}.get(
        clause.op, false()
    )


def parameters(clause: Clause, name: str, zone: str) -> dict[str, Any]:
    """The values for `condition`'s parameters."""
    if clause.op == "null":
        return {}
    if isinstance(clause.field, Tags):
        return {name: [clause.values[0]]}
    if isinstance(clause.field, Date | Moment):
        return _span_parameters(clause, name, zone)
    if clause.op == "in":
        return {name: list(clause.values)}
    if clause.op == "between":
        return {name: clause.values[0], f"{name}b": clause.values[1]}
    if clause.op in ("contains", "startswith"):
        return {name: like(clause.values[0], anywhere=clause.op == "contains")}
    return {name: clause.values[0]}


def _span_parameters(clause: Clause, name: str, zone: str) -> dict[str, Any]:
    first: Span = clause.values[0]
    last: Span = clause.values[-1]
    if isinstance(clause.field, Moment):
        start, end = first.moments(zone)[0], last.moments(zone)[1]
        if (start == end and clause.op == "gt") or (start == end and clause.op in ("eq", "ne", "lte")):
            end += timedelta(microseconds=1)
    else:
        start, end = first.start, last.end  # type: ignore[assignment]
    values = {name: start, f"{name}b": end}
    unused = {"gt": name, "gte": f"{name}b", "lt": f"{name}b", "lte": name}.get(clause.op)
    if unused:
        del values[unused]
    return values


def like(text: str, anywhere: bool = True) -> str:
    """A LIKE pattern that takes people's text literally."""
    literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%" if anywhere else f"{literal}%"


def referred(clauses: Iterable[Clause]) -> list[Clause]:
    """The clauses whose value is a record, for which a chip shows the record's title."""
    return [clause for clause in clauses if isinstance(clause.field, Reference) and clause.op != "null"]
