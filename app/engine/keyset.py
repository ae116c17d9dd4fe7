"""Cursors: a page begins right after a record, not after a count, so the last page costs what the first does.

Empties come last in either direction, as in a spreadsheet. A list ordered by a column that may be empty is read as
two stretches, filled rows then empty ones, because PostgreSQL's index order puts NULLs first when walked backwards
and a single condition over both could not use the index.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, or_, tuple_

from app.engine.refusals import BadQuery

END = "end"
"""As `before=end`: the last page."""


@dataclass(frozen=True)
class SortKey:
    """One column of an order. The key of the table closes every order, so that no two rows tie."""

    name: str
    column: ColumnElement[Any]
    descending: bool
    nullable: bool


def encode(order: str, values: Sequence[Any]) -> str:
    """An opaque place in one order: a cursor of another order is refused when it comes back."""
    packed = json.dumps([order, [_plain(value) for value in values]], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def decode(order: str, cursor: str, width: int) -> list[str | None]:
    """The values of a cursor as text, which PostgreSQL reads as each column's type or refuses; BadQuery where the
    cursor was cut, edited or belongs to another order."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded.encode(), altchars=b"-_", validate=True))
        of, values = found
        fits = of == order and isinstance(values, list) and len(values) == width
        fits = fits and all(value is None or isinstance(value, str | int | bool) for value in values)
        "".join(value for value in values if isinstance(value, str)).encode()  # half a character cannot be sent on
    except (ValueError, TypeError, RecursionError, binascii.Error):
        fits = False
    if not fits or values[-1] is None or any("\x00" in value for value in values if isinstance(value, str)):
        raise BadQuery("This page's address is incomplete or belongs to another order. Start from the first page.")
    return [
        None if value is None else str(value).lower() if isinstance(value, bool) else str(value) for value in values
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int) else str(value)


def beyond(keys: Sequence[SortKey], nulls: Sequence[bool], reverse: bool, filled_first: bool) -> ColumnElement[bool]:
    """Rows after the cursor in this order (before it, when `reverse`), with parameters k0, k1, ...

    `nulls` says which values of the cursor are empty, which is part of the statement's shape. `filled_first` says
    that the first column is known to hold a value in this stretch.
    """
    plain = [key.nullable and not (index == 0 and filled_first) for index, key in enumerate(keys)]
    if not any(plain) and len({key.descending for key in keys}) == 1:
        left = tuple_(*(key.column for key in keys))
        right = tuple_(*(_parameter(index, key) for index, key in enumerate(keys)))
        return left < right if keys[0].descending != reverse else left > right
    steps = []
    for index, key in enumerate(keys):
        ties = [same(i, keys[i], nulls[i]) for i in range(index)]
        steps.append(and_(*ties, further(index, key, nulls[index], reverse, plain[index])))
    return or_(*steps)


def _parameter(index: int, key: SortKey) -> Any:
    return bindparam(f"k{index}", type_=key.column.type)


def same(index: int, key: SortKey, null: bool) -> ColumnElement[bool]:
    """Rows that tie with the cursor in this one column."""
    return key.column.is_(None) if null else key.column == _parameter(index, key)


def further(index: int, key: SortKey, null: bool, reverse: bool, nullable: bool) -> ColumnElement[bool]:
    """Rows past the cursor's value in this one column; nothing lies past an empty one."""
    if null:
        return key.column.is_not(None) if reverse else false()
    value = _parameter(index, key)
    past = key.column < value if key.descending != reverse else key.column > value
    return or_(past, key.column.is_(None)) if nullable and not reverse else past


def ordering(keys: Sequence[SortKey], columns: Sequence[ColumnElement[Any]], reverse: bool, split: bool) -> list[Any]:
    """ORDER BY over `columns`, which stand for the keys; the first needs no NULLS clause when the stretches are split."""
    clauses = []
    for index, (key, column) in enumerate(zip(keys, columns, strict=True)):
        clause: Any = column.desc() if key.descending != reverse else column.asc()
        if key.nullable and not (index == 0 and split):
            clause = clause.nulls_first() if reverse else clause.nulls_last()
        clauses.append(clause)
    return clauses
