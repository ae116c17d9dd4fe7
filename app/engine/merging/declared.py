"""How records of a kind are merged: what the kept one takes from the others, and what must come out even."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

Row = Mapping[str, Any]
Settle = Callable[[Connection, Row, Sequence[Row]], None]
"""Given the rows as they were, of the kept record and of the others: bring what is computed from their children in line."""
Guard = Callable[[Row, Sequence[Row]], str | None]
"""The sentence that forbids merging these, or None."""


@dataclass(frozen=True)
class Sum:
    """An amount of a table whose records point at these; all of it must be there afterwards as it was before."""

    table: str
    field: str
    via: str
    """The column by which they point here."""


@dataclass(frozen=True)
class Merging:
    """Declared on a resource whose records may be merged."""

    into: str = "merged_into_id"
    """The reference of a merged record to the one that was kept."""
    move: str = ""
    """The transition of its life cycle a merged record makes; without one it is archived."""
    latest: tuple[str, ...] = ()
    """Fields in which what was changed last is likelier right than what was there first: how people are reached."""
    ranks: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Of a choice, which of several values the kept record takes: the first of these that any of them has."""
    carries: tuple[str, ...] = ()
    """Columns nobody edits that go over where the kept record has nothing there, and then are no longer the other's."""
    keeps: tuple[str, ...] = ()
    """Fields that stay as the kept record has them, whatever the others say."""
    sums: tuple[Sum, ...] = ()
    settle: Settle | None = None
    guards: tuple[Guard, ...] = ()
