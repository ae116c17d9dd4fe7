"""Open shapes as lines of words, computed by the database: a person reads "Days late: 41", not braces and quotes.

A value of another shape than expected gives no words rather than an error; the raw value is shown beside it anyway.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, case, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by

_KEY = re.compile(r"\{(\w+)\}")


def pairs(shape: ColumnElement[Any]) -> ColumnElement[str]:
    """`{"days_late": 41}` as "Days late: 41", one pair a line."""
    each = func.jsonb_each_text(_or_empty(shape, "object", "{}")).table_valued(
        column("key", Text), column("value", Text)
    )
    key, value = each.render_derived().c
    name = func.upper(func.left(key, 1)).op("||")(func.substr(func.replace(key, "_", " "), 2))
    return select(func.string_agg(name.op("||")(": ").op("||")(func.coalesce(value, "–")), "\n")).scalar_subquery()


def items(shape: ColumnElement[Any], *keys: str, between: str = ": ") -> ColumnElement[str]:
    """`[{"name": "A", "weight": 50}]` by the keys asked for, one item a line; an item of plain text as it stands."""
    value, place = _elements(shape)
    asked = func.nullif(func.concat_ws(between, *(value.op("->>")(key) for key in keys)), "")
    return _lines(asked, value, place)


def phrases(shape: ColumnElement[Any], template: str) -> ColumnElement[str]:
    """`[{"what": "A", "before": 1, "after": 2}]` by "{what}: {before} → {after}", one item a line.

    A key an item lacks is left out with the words before it; an item of plain text stands as it is.
    """
    value, place = _elements(shape)
    *leads, tail = _KEY.split(template)
    parts = [
        literal(lead, Text).op("||")(value.op("->>")(key)) for lead, key in zip(leads[::2], leads[1::2], strict=True)
    ]
    parts[-1] = parts[-1].op("||")(literal(tail, Text))
    return _lines(func.nullif(func.concat(*parts), ""), value, place)


def chain(keys: ColumnElement[Any], target: Any, label: str, between: str = " → ") -> ColumnElement[str]:
    """The records of `target` whose keys stand in an array, by their label and in its order."""
    each = func.unnest(keys).table_valued(column("key", BigInteger), with_ordinality="place")
    key, place = each.render_derived().c
    words = func.string_agg(target.c[label], aggregate_order_by(literal(between, Text), place))
    return select(words).where(target.c.id == key).scalar_subquery()


def _elements(shape: ColumnElement[Any]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    each = func.jsonb_array_elements(_or_empty(shape, "array", "[]")).table_valued(
        column("value", JSONB), with_ordinality="place"
    )
    value, place = each.render_derived().c
    return value, place


def _lines(words: ColumnElement[Any], value: ColumnElement[Any], place: ColumnElement[Any]) -> ColumnElement[str]:
    plain = value.op("#>>")(cast(literal("{}", Text), ARRAY(Text)))
    line = func.coalesce(words, plain)
    return select(func.string_agg(line, aggregate_order_by(literal("\n", Text), place))).scalar_subquery()


def _or_empty(shape: ColumnElement[Any], kind: str, empty: str) -> ColumnElement[Any]:
    return case((func.jsonb_typeof(shape) == kind, shape), else_=cast(literal(empty, Text), JSONB))
