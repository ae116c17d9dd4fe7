"""Who belongs to a segment: the customers its filter finds, asked the way the list of customers is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, case, cast, column, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB

from app.core.clock import now
from app.domains.crm.customers import customers
from app.domains.crm.tables import table
from app.engine import listing
from app.engine.access import SYSTEM, Actor
from app.engine.projection import projection
from app.engine.refusals import BadQuery, Rejected
from app.engine.states import Moving

OVER = {"rfm": "rfm_segment", "tag": "tags"}
"""Segments of these kinds are by one field of a customer."""


def asked_as(filter_: Any) -> list[tuple[str, str]]:
    """A stored filter as the parameters of the list's address: `{"rfm_segment.in": "champion,loyal"}`."""
    if not isinstance(filter_, Mapping):
        raise BadQuery('Write the filter as {"status": "active", "open_balance.gt": 0}.')
    found = []
    for key, value in filter_.items():
        if isinstance(value, bool):
            value = "true" if value else "false"
        if not isinstance(value, str | int | float):
            raise BadQuery(
                f"“{str(key)[:60]}” takes a word or a number; several stand in one text, with commas between."
            )
        found.append((str(key), str(value)))
    return found


def unreadable(filter_: Any, kind: str, actor: Actor) -> str | None:
    """Why the list of customers cannot be asked this; None when it can."""
    try:
        query = _query(filter_, actor)
    except BadQuery as refused:
        return refused.sentence
    of = OVER.get(kind)
    if of is not None and {clause.path for clause in query.clauses} != {of}:
        return f"A segment of this kind is by {of} alone."
    return None


def count(connection: Connection, filter_: Any, tenant_id: int) -> int:
    """Exactly as many as the list shows: both ask by the same conditions. Raises BadQuery for what no list understands."""
    actor = _console(connection, tenant_id)
    query = _query(filter_, actor)
    every = select(func.count()).select_from(customers.table).where(*listing.conditions(query, actor))
    return int(connection.execute(every, listing.values(query, actor)).scalar_one())


def _query(filter_: Any, actor: Actor) -> listing.ListQuery:
    pairs = asked_as(filter_)
    ours = next((key for key, _ in pairs if key in listing.OURS), None)
    if ours is not None:
        raise BadQuery(f"“{ours}” belongs to a list, not to a segment.")
    return listing.read_query(pairs, projection(customers, actor), actor.timezone)


def _console(connection: Connection, tenant_id: int) -> Actor:
    """The console itself by the company's calendar, so that a segment holds the same people whoever asks."""
    tenants = table("tenants").c
    zone = connection.execute(select(tenants.timezone).where(tenants.id == tenant_id)).scalar_one()
    system = SYSTEM(tenant_id)
    return Actor(tenant_id, None, None, system.name, kind="system", permissions=system.permissions, timezone=zone)


def recounted(moving: Moving) -> Mapping[str, Any]:
    record = moving.record
    try:
        found = count(moving.connection, record["filter"], record["tenant_id"])
    except BadQuery as refused:
        raise Rejected({"": refused.sentence}) from None
    return {"member_count": found, "refreshed_at": moving.at}


def settle(connection: Connection, segment: Mapping[str, Any]) -> None:
    """After a segment was made or its filter changed: a filter no list understands is refused, any other counted."""
    if segment.keys().isdisjoint(("filter", "kind")) or "member_count" in segment:
        return
    rows = table("customer_segments")
    stored = connection.execute(select(rows).where(rows.c.id == segment["id"])).mappings().one()
    fault = unreadable(stored["filter"], stored["kind"], _console(connection, stored["tenant_id"]))
    if fault is not None:
        raise Rejected({"filter": fault})
    found = count(connection, stored["filter"], stored["tenant_id"])
    connection.execute(
        update(rows).where(rows.c.id == segment["id"], rows.c.member_count != found).values(member_count=found)
    )
    connection.execute(update(rows).where(rows.c.id == segment["id"]).values(refreshed_at=now()))


def address(filter_: ColumnElement[Any]) -> ColumnElement[str]:
    """The filter as the query of an address. What is more than plain letters and digits is written out in percent."""
    shape = case((func.jsonb_typeof(filter_) == "object", filter_), else_=cast(literal("{}", Text), JSONB))
    key, value = func.jsonb_each_text(shape).table_valued(column("key", Text), column("value", Text)).render_derived().c
    pair = _escaped(key).op("||")("=").op("||")(_escaped(value))
    return select(func.string_agg(pair, "&")).scalar_subquery()


def _escaped(words: ColumnElement[str]) -> ColumnElement[str]:
    octets = func.encode(func.convert_to(words, "UTF8"), "hex")
    return case((words.op("~")("^[A-Za-z0-9_.,~-]*$"), words), else_=func.regexp_replace(octets, "(..)", r"%\1", "g"))
