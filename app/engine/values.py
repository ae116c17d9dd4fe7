"""Values as the ledger keeps them (JSON) and as a column takes them, made comparable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Date, DateTime, Numeric, Table
from sqlalchemy.dialects.postgresql import JSONB

KEPT_BY_DATABASE = frozenset({"version", "updated_at"})
"""Columns a trigger writes; recorded so that replay is exact, never restored or shown as a person's change."""

GIVEN = "given when done"
"""Marks what a plan kept for later leaves open until it is applied: the moment of it, the next number."""


def load(text: str | None) -> dict[str, Any]:
    """An entry's before or after. Numbers stay exact: a float would turn 0.1 into something else."""
    return {} if text is None else json.loads(text, parse_float=Decimal)


def typed(column: Column[Any], value: Any) -> Any:
    """A ledger value as the column's own type."""
    if value is None or isinstance(column.type, JSONB):
        return value
    if isinstance(value, dict) and GIVEN in value:
        return str(value[GIVEN])
    if isinstance(column.type, DateTime):
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(column.type, Date):
        return date.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(column.type, Numeric):
        return Decimal(value) if not isinstance(value, Decimal) else value
    return value


def typed_row(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a row; columns the table no longer has are left out."""
    return {name: typed(table.c[name], value) for name, value in values.items() if name in table.c}


def writable(column: Column[Any]) -> bool:
    """Whether a statement may set the column: not generated, not kept by a trigger, not the key."""
    if "writable" in column.info:
        return bool(column.info["writable"])
    return column.computed is None and column.name not in KEPT_BY_DATABASE and not column.primary_key
