"""Stored conditions in words: `{"estimated_value.gte": 25000}` reads "Estimated value at least 25000"."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, column, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB

WORDS = {
    "gt": " more than ", "gte": " at least ", "lt": " less than ", "lte": " at most ", "ne": " is not ", "in": " is ",
    "between": " between ", "contains": " contains ", "startswith": " begins with ",
}  # fmt: skip


def in_words(shape: ColumnElement[Any]) -> ColumnElement[str]:
    """All that must hold, shortest name first as the database keeps them; nothing for a value of another shape."""
    object_ = case((func.jsonb_typeof(shape) == "object", shape), else_=cast(literal("{}", Text), JSONB))
    key, value = (
        func.jsonb_each_text(object_).table_valued(column("key", Text), column("value", Text)).render_derived().c
    )
    field, how = func.split_part(key, ".", 1), func.split_part(key, ".", 2)
    name = func.replace(func.regexp_replace(field, "_id$|_sqft$", ""), "_", " ")
    listed = func.regexp_replace(value, r'[\[\]"]', "", "g")
    said = func.replace(func.regexp_replace(listed, ", *", " or ", "g"), "_", " ")
    word = case(WORDS, value=how, else_=": ")
    known = case((value == "true", " is empty"), else_=" is known")
    words = name.op("||")(case((how == "null", known), else_=word.op("||")(said)))
    every = func.string_agg(words, " and ")
    first = func.upper(func.left(every, 1)).op("||")(func.substr(every, 2))
    return select(func.regexp_replace(first, "rfm ", "RFM ", "gi")).scalar_subquery()
