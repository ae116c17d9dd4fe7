"""The address of a list -> clauses: every unknown name, operator or value is refused with a sentence, never ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Numeric, Text, any_, bindparam, false, not_, or_
from sqlalchemy.types import NullType, TypeEngine

from app.engine.dates import Span, span
from app.engine.fields import Date, Field, Flag, Invalid, Moment, Reference, Tags
from app.engine.projection import Projection, seen_with
from app.engine.refusals import BadQuery
from app.engine.registry import target_of
from app.engine.typed import as_words, words_of

OURS = frozenset(
    {
        "q",
        "sort",
        "after",
        "before",
        "limit",
        "cols",
        "scope",
        "view",
        "count",
        "archived",
        "from",
        "density",
        "match",
        "kept",
    }
)
"""Words of a list's address that are no filters; a field called so is asked for as `scope.eq`."""

WORDS = {
    "eq": "is", "ne": "is not", "gt": "is more than", "gte": "is at least", "lt": "is less than", "lte": "is at most",
    "in": "is any of", "between": "is between", "contains": "contains", "startswith": "starts with", "null": "is",
}  # fmt: skip
DATE_WORDS = WORDS | {"gt": "is after", "gte": "is on or after", "lt": "is before", "lte": "is on or before"}
MOST_VALUES, MOST_CLAUSES = 200, 40
_GROUP = re.compile(r"(any|all)[1-9]")
"""`any1.status=active&any1.balance.gt=0`: one of these; `all2.` with `match=any`: or else all of those."""


def parameter(name: str, op: str, group: str = "") -> str:
    """How an address asks this of a field: `status`, `balance.gt`, `customer.city`, `any1.status`."""
    asked = name if op == "eq" and name not in OURS else f"{name}.{op}"
    return f"{group}.{asked}" if group else asked


def stem(reference: Field) -> str:
    """What stands before the dot when a list is narrowed by a field of the record it points at: `customer` of `customer_id`."""
    return reference.name.removesuffix("_id")


@dataclass(frozen=True)
class Clause:
    """One condition as asked: `balance.gt=0` is Clause("balance", "gt", ("0",))."""

    field: Field
    op: str
    raw: tuple[str, ...]
    values: tuple[Any, ...]
    """Typed; for dates, spans of time."""
    via: Reference | None = None
    """The reference whose record has the field, where the list's own has not."""
    group: str = ""
    """The group it is one of: `any1`, `all1`; "" stands by itself."""

    @property
    def path(self) -> str:
        """The field as addresses call it, from this list."""
        return f"{stem(self.via)}.{self.field.name}" if self.via else self.field.name

    @property
    def title(self) -> str:
        """The field as people call it, from this list."""
        return f"{self.via.title}: {self.field.title}" if self.via else self.field.title

    @property
    def key(self) -> str:
        return parameter(self.path, self.op, self.group)

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
            self.path,
            self.group,
            self.op,
            self.values[0] if self.op == "null" else len(self.values) if self.op == "between" else 0,
        )


def read_clauses(
    pairs: Iterable[tuple[str, str]], projection: Projection, zone: str, ours: frozenset[str]
) -> tuple[Clause, ...]:
    """Read every parameter that is not one of `ours` (sort, after, limit, ...) as a filter."""
    found = tuple(read_clause(key, text, projection, zone) for key, text in pairs if key not in ours)
    if len(found) > MOST_CLAUSES:
        raise BadQuery(f"A list takes at most {MOST_CLAUSES} filters at once.")
    return found


def read_clause(key: str, text: str, projection: Projection, zone: str) -> Clause:
    group, via, field, op = _asked(key, projection)
    if op not in field.operators:
        raise BadQuery(f"“{op[:20]}” does not work on {field.title}; use {', '.join(field.operators)}.")
    if len(text) > 2_000:
        raise BadQuery(f"The value for {field.title} is too long.")
    raw = tuple(text.split(",")) if op in ("in", "between") else (text,)
    if len(raw) > MOST_VALUES:
        raise BadQuery(f"{field.title} takes at most {MOST_VALUES} values at once.")
    if op == "between" and len(raw) != 2:
        raise BadQuery(f"{field.title} is between two values: write them with a comma.")
    return Clause(field, op, raw, tuple(_value(field, op, each, zone) for each in raw), via, group)


def _asked(key: str, projection: Projection) -> tuple[str, Reference | None, Field, str]:
    """(group, reference gone through, field, operator) of a parameter's name. A field of that very name comes first."""
    own = {each.name: each for each in projection.filterable}
    name, _, rest = key.partition(".")
    group = ""
    if name not in own and rest and _GROUP.fullmatch(name):
        group = name
        name, _, rest = rest.partition(".")
    if name in own and (not rest or "." not in rest):
        further = reached(projection).get(name)
        if rest in own[name].operators or further is None or rest not in further[1]:
            return group, None, own[name], rest or "eq"
    through = reached(projection).get(name)
    if through is not None and rest:
        reference, fields = through
        name, _, op = rest.partition(".")
        if name in fields:
            return group, reference, fields[name], op or "eq"
    asked, _, last = key.rpartition(".")
    raise BadQuery(f"There is no filter “{(asked if asked and last in WORDS else key)[:60]}” here.")


@lru_cache(maxsize=2048)
def reached(projection: Projection) -> dict[str, tuple[Reference, dict[str, Field]]]:
    """Stem -> (reference, the fields of the record it points at) for each one the same bundle may read and filter by."""
    return {stem(reference): (reference, fields) for reference, fields in _reaching(projection)}


def _reaching(projection: Projection) -> Iterator[tuple[Reference, dict[str, Field]]]:
    for each in projection.filterable:
        target = target_of(each) if isinstance(each, Reference) else None
        if target is None or not isinstance(each, Reference):
            continue
        view = seen_with(target, projection.permissions)
        if view.reads:
            yield each, {field.name: field for field in view.filterable}


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
