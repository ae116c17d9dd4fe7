"""A selection: these records, or all that match a list; what an export or a fix of many records is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, and_, any_, false, literal, or_

from app.engine.listing import ListQuery
from app.engine.refusals import BadQuery, NotFound
from app.engine.resource import Resource

MOST = 2_000
"""Records that may be named one by one. More of them are said by a filter, so that no million keys pass through a browser."""


@dataclass(frozen=True)
class Selection:
    """`keys` are the records as addresses name them; None means all that match the list, whatever matches by then."""

    listed: ListQuery
    keys: tuple[str, ...] | None = None

    @property
    def resource(self) -> Resource:
        return self.listed.resource

    @property
    def is_all(self) -> bool:
        return self.keys is None

    @property
    def query(self) -> ListQuery:
        """The list of just the selected records, in the order asked for; rows this actor may not see are never in it.

        Records named one by one need not match the filter any more: somebody chose them while they did.
        """
        whole = replace(self.listed, after=None, before=None, exact=False)
        if self.keys is None:
            return whole
        return replace(
            whole, clauses=(), q="", scope=None, archived=True, kept=None, among=among(self.resource, self.keys)
        )


def these(listed: ListQuery, keys: Iterable[str]) -> Selection:
    """The records of these keys. Raises BadQuery for none, for too many, and for what is no key of this table."""
    named = tuple(dict.fromkeys(key for key in keys if key))
    if not named:
        raise BadQuery("Nothing is selected. Tick the rows you want, or choose all that match.")
    if len(named) > MOST:
        raise BadQuery(f"Select at most {MOST:,} rows one by one; for more, narrow the list and choose all that match.")
    if not listed.resource.opens_records:
        raise BadQuery(f"Rows of {listed.resource.plural} cannot be told apart, so none can be selected.")
    among(listed.resource, named)
    return Selection(listed, named)


def page(listed: ListQuery, rows: Iterable[tuple[Any, ...]], places: tuple[int, ...]) -> Selection:
    """The records of one page, by the rows it showed."""
    written = listed.resource.address_of_row(places)
    return these(listed, [str(row[places[0]]) if written is None else written(row) for row in rows])


def among(resource: Resource, keys: tuple[str, ...]) -> ColumnElement[bool]:
    """The SQL of "one of these records"."""
    try:
        values = [tuple(resource.key_values(_typed(resource, key)).values()) for key in keys]
    except (NotFound, ValueError):
        raise BadQuery(f"One of the selected rows is none of {resource.plural}. Select them again.") from None
    columns = [resource.table.c[name] for name in resource.keys]
    if len(columns) == 1:
        only = columns[0]
        return only == any_(literal([value for (value,) in values], ARRAY(only.type)))
    every = [
        and_(*(column == literal(value, column.type) for column, value in zip(columns, one, strict=True)))
        for one in values
    ]
    return or_(false(), *every)


def _typed(resource: Resource, key: str) -> Any:
    """Keys of declared tables are numbers; the others read their own writing."""
    if not resource.declared:
        return key
    if not (key.isascii() and key.isdigit() and len(key) < 19):
        raise ValueError(key)
    return int(key)
