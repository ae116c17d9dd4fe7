"""A field's value as JSON carries it, and the schema that says so: one place, so that what is promised is what is done.

Amounts and other decimals are strings, because JSON's numbers are floats to most who read them. A reference is its key
with its label. What cannot be read raises Invalid with the sentence a form would show.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, Numeric

from app.engine.fields import (
    Choice,
    Count,
    Date,
    Email,
    Field,
    Flag,
    Invalid,
    Json,
    Link,
    Moment,
    Reference,
    Secret,
    SubjectLink,
    Tags,
    Text,
    Whole,
)
from app.engine.fields.email import SHAPE
from app.engine.fields.number import Number
from app.engine.forms import is_required
from app.engine.resource import Resource

Schema = dict[str, Any]

NO_CONTROLS = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f"
MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$"
WORD, LONGEST_WORD = f"^[^,\\r\\n{NO_CONTROLS}]*[^,\\s{NO_CONTROLS}][^,\\r\\n{NO_CONTROLS}]*$", 80
MOST_KEY = 2**53 - 1


# -- out -------------------------------------------------------------------------------------------------------------


def to_json(each: Field, value: Any, label: str | None = None, about: str | None = None) -> Any:
    """What stands for a value in an answer. `label` is the title of what a reference points at, `about` the table a
    subject's key belongs to."""
    if isinstance(each, Secret):
        return bool(value)
    if value is None:
        return None
    if isinstance(each, Link):
        return each.out(value)
    if isinstance(each, Reference):
        return {"key": value, "label": label}
    if isinstance(each, SubjectLink):
        return {"type": about, "key": value}
    if isinstance(each, Json):
        return value
    if isinstance(each, Tags):
        return [str(word) for word in value]
    if isinstance(each, Count | Whole):
        return int(value)
    if isinstance(each, Flag):
        return bool(value)
    if isinstance(each, Number):
        return f"{value if isinstance(value, Decimal) else Decimal(str(value)):f}"
    return plain(value)


def plain(value: Any) -> Any:
    """A value without a field: moments in UTC, everything else as its text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | bool | int) or value is None else str(value)


def schema_of_answer(each: Field, masked: bool) -> Schema:
    """What a caller may expect of a field in an answer."""
    if isinstance(each, Secret):
        return {"type": "boolean", "description": "Whether there is one; what it is nobody is told."}
    if masked:
        return {"type": ["string", "null"], "description": "Masked: your role does not see it."}
    return _optional(_answered(each))


def _answered(each: Field) -> Schema:
    if isinstance(each, Reference):
        return {"$ref": "#/components/schemas/Reference"}
    if isinstance(each, SubjectLink):
        return {"$ref": "#/components/schemas/Subject"}
    if isinstance(each, Json):
        return {}
    if isinstance(each, Tags):
        return {"type": "array", "items": {"type": "string"}}
    if isinstance(each, Count | Whole):
        return {"type": "integer"}
    if isinstance(each, Flag):
        return {"type": "boolean"}
    if isinstance(each, Number):
        return {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
    if isinstance(each, Moment):
        return {"type": "string", "format": "date-time"}
    if isinstance(each, Date):
        return {"type": "string", "format": "date"}
    if isinstance(each, Choice) and each.values:
        return {"type": "string", "enum": list(each.values)}
    return {"type": "string"}


def _optional(schema: Schema) -> Schema:
    if not schema:
        return schema
    if "$ref" in schema or "oneOf" in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    found = schema | {"type": [schema["type"], "null"]}
    return found | {"enum": [*schema["enum"], None]} if "enum" in schema else found


# -- in --------------------------------------------------------------------------------------------------------------


def may_be_empty(resource: Resource, each: Field) -> bool:
    """Whether null is a value of this field."""
    column = resource.table.c.get(each.name)
    return not is_required(resource.table, each) and (column is None or bool(column.nullable))


def schema_of_value(resource: Resource, each: Field, needed: bool = False) -> Schema:
    """What a field takes in a request; `needed` says it may not be empty here whatever the table says."""
    schema = _taken(resource, each, filled=needed or is_required(resource.table, each))
    if not needed and may_be_empty(resource, each) and schema:
        schema = _optional(schema)
    if each.help:
        schema = schema | {"description": each.help}
    return schema


def _taken(resource: Resource, each: Field, filled: bool) -> Schema:
    if isinstance(each, Reference):
        return {
            "oneOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_KEY},
                {"$ref": "#/components/schemas/Reference"},
            ]
        }
    if isinstance(each, Json):
        return {}
    if isinstance(each, Tags):
        return {
            "type": "array",
            "items": {"type": "string", "pattern": WORD, "maxLength": LONGEST_WORD},
            **_some(filled),
        }
    if isinstance(each, Flag):
        return {"type": "boolean"}
    if isinstance(each, Count | Whole):
        least, most = _whole_range(resource, each)
        return {"type": "integer", "minimum": least, "maximum": most}
    if isinstance(each, Number):
        return {"type": "string", "pattern": _decimal(resource, each)}
    if isinstance(each, Moment):
        return {"type": "string", "format": "date-time", "pattern": MOMENT}
    if isinstance(each, Date):
        return {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
    if isinstance(each, Choice):
        return {"type": "string", "enum": list(each.values)}
    return _words(each, filled)


def _some(filled: bool) -> Schema:
    return {"minItems": 1} if filled else {}


def _words(each: Field, filled: bool) -> Schema:
    longest = each.longest if isinstance(each, Text) else 20_000
    if isinstance(each, Email):
        return {"type": "string", "pattern": f"^{SHAPE.pattern}$", "maxLength": longest}
    breaks = "" if isinstance(each, Text) and each.long else "\\r\\n"
    allowed = f"[^{breaks}{NO_CONTROLS}]"
    pattern = f"^{allowed}*[^\\s{NO_CONTROLS}]{allowed}*$" if filled else f"^{allowed}*$"
    return {"type": "string", "pattern": pattern, "maxLength": longest}


def _whole_range(resource: Resource, each: Field) -> tuple[int, int]:
    column = resource.table.c.get(each.name)
    narrow = column is not None and type(column.type) is Integer
    least, most = (-(2**31), 2**31 - 1) if narrow else (-MOST_KEY, MOST_KEY)
    own = (each.least, each.most) if isinstance(each, Number) else (None, None)
    return max(least, int(own[0]) if own[0] is not None else least), min(
        most, int(own[1]) if own[1] is not None else most
    )


def _decimal(resource: Resource, each: Number) -> str:
    kind = getattr(resource.table.c.get(each.name), "type", None)
    precision, scale = (kind.precision or 15, kind.scale or 0) if isinstance(kind, Numeric) else (15, each.places)
    places = min(each.places, scale)
    sign = "" if each.least is not None and each.least >= 0 else "-?"
    return f"^{sign}\\d{{1,{max(1, min(15, precision - scale))}}}" + (f"(\\.\\d{{1,{places}}})?$" if places else "$")


def from_json(resource: Resource, each: Field, value: Any, needed: bool = False) -> Any:
    """The typed value of what a request gives, by the same rules as a form. Raises Invalid with a sentence."""
    if value is None:
        if needed or not may_be_empty(resource, each):
            raise Invalid(f"{each.title} cannot be empty.")
        return None
    filled = needed or is_required(resource.table, each)
    try:
        found = _read(each, value, _taken(resource, each, filled))
    except Invalid:
        raise
    except (ValueError, OverflowError):
        raise Invalid(f"{each.title} cannot be read.") from None
    if filled and found in (None, "", []):
        raise Invalid(f"{each.title} cannot stay empty.")
    return found


def _read(each: Field, value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(each, Json):
        return value
    if isinstance(each, Reference):
        return _key(each, value)
    if isinstance(each, Tags):
        if not isinstance(value, list):
            raise Invalid("Give a list of words.")
        return list(dict.fromkeys(part for word in value for part in each.parse(_text(word, schema["items"]))))
    if isinstance(each, Flag):
        if not isinstance(value, bool):
            raise Invalid("Give true or false.")
        return value
    if isinstance(each, Count | Whole):
        number = _whole(value)
        if not schema["minimum"] <= number <= schema["maximum"]:
            raise Invalid(f"Give a whole number from {schema['minimum']} to {schema['maximum']}.")
        return each.parse(str(number))
    if isinstance(each, Moment) and isinstance(value, str) and not re.fullmatch(MOMENT.strip("^$"), value):
        raise Invalid("Give a moment with its offset, like 2026-11-20T14:30:00Z.")
    text = _text(value, schema)
    return each.parse(text) if text.strip() else None


def _text(value: Any, schema: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        raise Invalid("Give this as text in quotes.")
    if "enum" in schema and value not in schema["enum"]:
        raise Invalid(f"Choose one of: {', '.join(schema['enum'])}.")
    if len(value) > schema.get("maxLength", len(value)):
        raise Invalid(f"Use at most {schema['maxLength']:,} characters; this has {len(value):,}.")
    if "pattern" in schema and not re.fullmatch(schema["pattern"].removeprefix("^").removesuffix("$"), value):
        raise Invalid("This does not have the form it needs; the API's description shows it.")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise Invalid("Give a whole number.")
    return int(value)


def _key(each: Reference, value: Any) -> Any:
    """The key alone, or the pair as an answer gives it, so that what was read can be sent back."""
    if isinstance(value, dict):
        if not value.keys() <= {"key", "label"} or not isinstance(value.get("label", ""), str | None):
            raise Invalid("Give the key of a record, or its key and label.")
        value = value.get("key")
    number = _whole(value)
    if not 1 <= number <= MOST_KEY:
        raise Invalid("Give the key of a record.")
    return each.parse(str(number))
