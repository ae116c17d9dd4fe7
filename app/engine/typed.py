"""Column types the console reads and writes as text, for which PostgreSQL itself is the judge.

A driver's Python values would lose what the type can hold: months of an interval, the digits of a float, infinity, a
date before the year 1. Order and comparison stay the database's own; only what leaves it is cast.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, case, cast, func, literal
from sqlalchemy.types import TypeEngine, UserDefinedType

READ_IN_FULL = 65_536
"""Bytes up to which a value is read to take its digest; a longer one shows how it begins."""


class Typed(UserDefinedType[str]):
    """Any type by its name: text on its way out, cast from text on its way in."""

    cache_ok = True
    render_bind_cast = True

    def __init__(self, spec: str) -> None:
        self.spec = spec
        """As `format_type` writes it, quoted where it must be."""

    def get_col_spec(self, **_options: Any) -> str:
        return self.spec.replace("%", "%%")

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(column, Text)


class Summary(Typed):
    """Bytes: how many and by which digest they are known, since nobody reads them and they may be many."""

    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        size = func.octet_length(column)
        digest = case(
            (size <= READ_IN_FULL, literal(" bytes, sha256 ") + func.left(func.encode(func.sha256(column), "hex"), 12)),
            else_=literal(" bytes, begins ") + func.encode(func.substr(column, 1, 6), "hex"),
        )
        return cast(size, Text) + digest


class RowVersion(UserDefinedType[int]):
    """`xmin`, the transaction that last wrote a row: there on every table, and another one after every change."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_options: Any) -> str:
        return "xid"

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return cast(cast(column, Text), BigInteger)

    def bind_processor(self, dialect: Any) -> Any:
        return lambda value: None if value is None else str(value)


def as_words(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column as text to look for words in."""
    return cast(column, Text) if isinstance(column.type, Typed) else column


def words_of(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return Text() if isinstance(kind, Typed) else kind
