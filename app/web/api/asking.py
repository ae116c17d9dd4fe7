"""The list grammar as OpenAPI parameters: which filters, orders and columns a caller may name, and what values they take."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text as SqlText

from app.engine.fields import (
    Choice,
    Code,
    Date,
    Email,
    Field,
    Flag,
    Moment,
    Phone,
    Reference,
    SubjectLink,
    Tags,
    Text,
    Url,
)
from app.engine.fields.email import SHAPE
from app.engine.fields.number import Count, Number
from app.engine.filters import MOST_CLAUSES, parameter
from app.engine.json_values import NO_CONTROLS, Schema, schema_of_value
from app.engine.listing import LEAST_LIMIT, MOST_LIMIT
from app.engine.projection import Projection

_DAY = r"(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])"
_WHEN = rf"({_DAY}|today|yesterday|tomorrow|week|month|year|now|[+-]\d{{1,2}}(d|w|month|year|h))"
_KEY = r"[1-9]\d{0,14}"
_ANY = "[^\\x00]"


def parameters(view: Projection) -> list[Schema]:
    """What a list may be asked."""
    resource, names = view.resource, [each.name for each in view.fields]
    sortable = sorted(view.sortable | set(resource.keys))
    found = [
        _query("limit", {"type": "integer", "minimum": LEAST_LIMIT, "maximum": MOST_LIMIT}, "Rows of a page; 50 else."),
        _listed("sort", [*sortable, *(f"-{name}" for name in sortable)], "Columns to sort by, - for descending.", 4),
        _listed("cols", names, "Columns to answer, instead of those the list shows."),
        _query("count", {"type": "string", "enum": ["exact"]}, "Count exactly, if that can be done in three seconds."),
        _query(
            "before",
            {"type": "string", "enum": ["end"]},
            "The last page. Other places in a list are told by `next` and `previous` of an answer.",
        ),
        {
            "name": "filters",
            "in": "query",
            "style": "form",
            "explode": True,
            "description": "Filters as `field=value` or `field.operator=value`; all must hold.",
            "schema": {"$ref": f"#/components/schemas/{resource.name}.filters"},
        },
    ]
    if view.searched:
        text = {"type": "string", "maxLength": 200, "pattern": f"^{_ANY}*$"}
        found.append(_query("q", text, f"Text to search for in {', '.join(view.searched)}."))
    if resource.scopes:
        found.append(_query("scope", {"type": "string", "enum": list(resource.scopes)}, "A ready-made list."))
    if resource.archivable:
        found.append(
            _query(
                "archived", {"type": "string", "enum": ["1"]}, "Archived records as well, and those merged into others."
            )
        )
    return found


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _listed(name: str, words: list[str], description: str, most: int | None = None) -> Schema:
    schema: Schema = {"type": "array", "items": {"type": "string", "enum": words}, "minItems": 1}
    if most is not None:
        schema["maxItems"] = most
    return _query(name, schema, description) | {"style": "form", "explode": False}


def filters(view: Projection) -> Schema:
    """Every filter the list knows, as the properties of one object spread over the address."""
    found: dict[str, Any] = {}
    for each in view.filterable:
        for op in each.operators:
            schema = _asked(view, each, op)
            if schema is not None:
                found[parameter(each.name, op)] = schema
    return {"type": "object", "properties": found, "additionalProperties": False, "maxProperties": MOST_CLAUSES}


def _asked(view: Projection, each: Field, op: str) -> Schema | None:
    if op == "null":
        return {"type": "string", "enum": ["true", "false"]}
    if op in ("contains", "startswith"):
        return {"type": "string", "pattern": f"^{_ANY}+$", "maxLength": 200}
    if op == "eq" and isinstance(each, Count):
        whole = schema_of_value(view.resource, each, needed=True)
        return {name: value for name, value in whole.items() if name != "description"}
    one = _pattern(view, each)
    if one is None:
        return None
    if op == "in":
        return {"type": "string", "pattern": f"^{one}(,{one}){{0,9}}$"}
    return {"type": "string", "pattern": f"^{one},{one}$" if op == "between" else f"^{one}$", "maxLength": 2_000}


def _pattern(view: Projection, each: Field) -> str | None:
    """One value of a field in an address; None where that cannot be said in a pattern."""
    if isinstance(each, Flag):
        return "(true|false)"
    if isinstance(each, Choice):
        return f"({'|'.join(each.values)})" if each.values else None
    if isinstance(each, Reference | SubjectLink):
        return _KEY
    if isinstance(each, Date):
        return rf"({_DAY}|today|yesterday|tomorrow|week|month|year|[+-]\d{{1,2}}(d|w|month|year))"
    if isinstance(each, Moment):
        return _WHEN
    if isinstance(each, Number):
        return _number(each)
    if isinstance(each, Tags):
        return f"{_ANY}{{1,80}}"
    return _words(view, each)


def _number(each: Number) -> str | None:
    least, most = each.least, each.most
    if least is not None and least > 1:
        return None
    digits = 9 if most is None else max(1, len(str(int(most))) - 1)
    sign = "-?" if least is None else ""
    if isinstance(each, Count) or not each.places:
        return f"{sign}[1-9]" + (f"\\d{{0,{digits - 1}}}" if digits > 1 else "")
    whole = "0" if most is not None and most <= 1 else f"{sign}\\d{{1,{digits}}}"
    return f"{whole}(\\.\\d{{1,{each.places}}})?" if least != 1 else f"[1-9]\\d{{0,{digits - 1}}}"


def _words(view: Projection, each: Field) -> str | None:
    column = view.resource.table.c.get(each.name)
    if each.expr is not None or column is None or not isinstance(column.type, SqlText):
        return None
    if isinstance(each, Email):
        return SHAPE.pattern.replace("]+@", "]{1,40}@")
    if isinstance(each, Phone):
        return r"\+1[2-9]\d{9}"
    if isinstance(each, Url):
        return r"https?://[a-z0-9]{1,40}(\.[a-z0-9]{1,20}){1,3}(/[A-Za-z0-9_-]{0,40})?"
    longest = min(each.longest, 200) if isinstance(each, Text | Code) else 200
    return f"[^,\\r\\n{NO_CONTROLS}]{{1,{longest}}}"
