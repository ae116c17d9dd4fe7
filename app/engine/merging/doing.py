"""A merge, written inside one unit of work: what refers to the others moves to the kept record, which takes their values;
they become a sign that points to it. Rehearsed it is the same, and taken back.

Nothing may be lost on the way: what was counted before is counted again, and every amount declared must come to the same.
The digest tells whether what is done is what was shown; it holds keys, versions and sums, and no value anybody may not see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, any_, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT

from app.core.clock import now
from app.engine.access import Actor
from app.engine.apply import REFUSALS, change, rehearsal, sentence, write
from app.engine.listing import row_scope
from app.engine.merging import fields, references
from app.engine.merging.declared import Row, Sum
from app.engine.merging.fields import Choices
from app.engine.merging.references import MOST_FOREIGN, Place, Unique
from app.engine.plan import Change
from app.engine.projection import projection
from app.engine.refusals import NotAllowed, NotFound, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

MOST_RECORDS = 8
"""Records one merge makes one."""
AT_ONCE = 3_000
"""Records that move while a person waits; more are moved by the worker."""
MOST = 250_000
"""Records one merge moves at all."""


@dataclass(frozen=True)
class Moved:
    """What became of the rows of one place."""

    place: Place
    resource: Resource | None
    found: int
    moved: int
    stayed: int = 0
    why: str = ""
    """Why those that stayed did."""
    gave_way: int = 0
    """Of those that moved, how many gave up a place only one may have."""
    gives: tuple[str, ...] = ()
    """The fields they gave it up by."""


@dataclass(frozen=True)
class Amount:
    """An amount that must be after what it was before."""

    resource: Resource
    field: str
    currency: str
    records: int
    theirs: Decimal
    """What of it comes over from the others."""
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class Merged:
    """A merge as it was written, or would be."""

    resource: Resource
    kept: Row
    others: tuple[Row, ...]
    taken: Mapping[str, Any]
    moved: tuple[Moved, ...]
    amounts: tuple[Amount, ...]
    digest: str
    change_set: int | None = None

    @property
    def moves(self) -> int:
        return sum(each.moved for each in self.moved)


def action_of(resource: Resource) -> str:
    """What a merge is called in the ledger: `customer.merge`."""
    return f"{resource.one.replace(' ', '_')}.merge"


def may(resource: Resource, actor: Actor) -> bool:
    """Whether this actor merges such records."""
    return (
        resource.merging is not None and projection(resource, actor).reads and actor.may(resource.permission("merge"))
    )


def members(
    connection: Connection, resource: Resource, kept: int, others: Sequence[int], actor: Actor, *, lock: bool = False
) -> tuple[Row, list[Row]]:
    """The rows as they stand, the kept one first. Raises NotAllowed and NotFound where these cannot be merged at all."""
    merging = resource.merging
    if merging is None or not may(resource, actor):
        raise NotAllowed(f"Your role does not merge {resource.plural.lower()}.")
    wanted = list(dict.fromkeys(key for key in others if key != kept))
    if not wanted:
        raise NotAllowed(f"Choose two or more {resource.plural.lower()} to merge.")
    if len(wanted) >= MOST_RECORDS:
        raise NotAllowed(f"At most {MOST_RECORDS} {resource.plural.lower()} are merged at once.")
    table = resource.table
    statement = (
        select(table)
        .where(
            table.c.id == any_(bindparam("those", type_=ARRAY(BIGINT))), *row_scope(projection(resource, actor), actor)
        )
        .order_by(table.c.id)
    )
    if lock:
        statement = statement.with_for_update()
    asked = {"those": [kept, *wanted], "tenant": actor.tenant_id, "me": actor.app_user_id}
    rows: dict[int, Row] = {row.id: dict(row._mapping) for row in connection.execute(statement, asked)}
    if len(rows) != len(wanted) + 1:
        raise NotFound(f"One of these {resource.plural.lower()} is gone, or your role does not show it.")
    one, rest = rows[kept], [rows[key] for key in wanted]
    for row in (one, *rest):
        if row[merging.into] is not None:
            raise NotAllowed(f"{_called(resource, row)} was merged into another {resource.one} already.")
    if resource.archivable and one["archived_at"] is not None:
        raise NotAllowed(f"{_called(resource, one)} is archived. Restore it first, or keep another one.")
    if merging.move:
        lifecycle = resource.lifecycle
        move = lifecycle.find(merging.move) if lifecycle else None
        assert lifecycle is not None and move is not None, f"{resource.name} has no move {merging.move}"
        for row in rest:
            if row[lifecycle.field] not in move.source:
                raise NotAllowed(f"{_called(resource, row)} is {row[lifecycle.field]}; such are not merged.")
    for guard in merging.guards:
        why_not = guard(one, rest)
        if why_not:
            raise NotAllowed(why_not)
    return one, rest


def _called(resource: Resource, row: Row) -> str:
    return str(row.get(resource.code or "") or f"{resource.one.capitalize()} {row['id']}")


def oldest(rows: Sequence[Row]) -> Row:
    """The record that is kept unless somebody says otherwise: the one that was there first."""
    return min(rows, key=lambda row: (row.get("created_at") is None, row.get("created_at"), row["id"]))


def rows_of(connection: Connection, resource: Resource, keys: Sequence[int], actor: Actor) -> list[Row]:
    """The rows of these records this actor sees, for the engine's own use."""
    table = resource.table
    statement = select(table).where(table.c.id.in_(list(keys)), *row_scope(projection(resource, actor), actor))
    asked = {"tenant": actor.tenant_id, "me": actor.app_user_id}
    return [dict(row._mapping) for row in connection.execute(statement.order_by(table.c.id), asked)]


def codes(connection: Connection, resource: Resource, keys: Sequence[int], actor: Actor) -> dict[int, str]:
    """The numbers by which people know these records; of a table without such, its own."""
    view = projection(resource, actor)
    if not resource.code or resource.code not in view.by_name or resource.code in view.masked:
        return {key: f"#{key}" for key in keys}
    rows = resource.table.c
    found = select(rows.id, rows[resource.code]).where(rows.id.in_(list(keys)), *row_scope(view, actor))
    asked = {"tenant": actor.tenant_id, "me": actor.app_user_id}
    return {key: f"#{key}" for key in keys} | {key: str(code) for key, code in connection.execute(found, asked)}


UNDONE = text("SELECT max(id) FROM change_sets WHERE undoes_id = :set")


def size(connection: Connection, resource: Resource, others: Sequence[int], actor: Actor) -> int:
    """How many records would move, counted up to just beyond AT_ONCE."""
    total = 0
    for place in references.find(connection, resource):
        if place.stays or not place.ours:
            continue
        asked = {"others": list(others), "kinds": list(place.kinds), "tenant": actor.tenant_id, "most": AT_ONCE + 1}
        sql = f"SELECT count(*) FROM (SELECT FROM {place.regclass} WHERE {place.where()} LIMIT :most) AS q"
        total += connection.execute(text(sql), asked).scalar_one()
        if total > AT_ONCE:
            break
    return total


def rehearse(
    resource: Resource, kept: int, others: Sequence[int], choices: Choices, actor: Actor, *, patient: bool = False
) -> Merged:
    """What the merge would do, found by doing it and taking it back. Raises Rejected where it cannot be done."""
    with _said(resource), rehearsal(actor, action_of(resource)) as connection:
        _take_time(connection, patient)
        return merge(connection, resource, kept, others, choices, actor)
    raise AssertionError("a rehearsal returns what it saw")


def apply_merge(
    resource: Resource,
    kept: int,
    others: Sequence[int],
    choices: Choices,
    actor: Actor,
    shown: str,
    reason: str | None = None,
    *,
    within: Callable[[Connection, int | None], None] | None = None,
    patient: bool = False,
    **stamp: Any,
) -> Merged:
    """Merge as it was shown, whole or not at all. Raises Stale when something has changed since, Rejected for what cannot be.

    `within` is called with the connection and the change set, to commit something of its own with the merge.
    """
    with _said(resource), change(actor, reason=reason, action=action_of(resource), **stamp) as connection:
        _take_time(connection, patient)
        done = merge(connection, resource, kept, others, choices, actor)
        if done.digest != shown:
            raise Stale(
                f"Something about these {resource.plural.lower()} has changed since they were shown to you."
                " Nothing was merged; look again."
            )
        if within is not None:
            within(connection, done.change_set)
    return done


def _take_time(connection: Connection, patient: bool) -> None:
    if patient:
        connection.execute(text("SET LOCAL statement_timeout = '5min'; SET LOCAL transaction_timeout = '10min'"))


@contextmanager
def _said(resource: Resource) -> Iterator[None]:
    try:
        yield
    except REFUSALS as fault:
        raise sentence(fault, [resource, *(each for each in REGISTRY if each is not resource)]) from fault


def merge(
    connection: Connection, resource: Resource, kept: int, others: Sequence[int], choices: Choices, actor: Actor
) -> Merged:
    """Merge inside somebody else's unit of work."""
    merging = resource.merging
    assert merging is not None
    view = projection(resource, actor)
    one, rest = members(connection, resource, kept, others, actor, lock=True)
    keys = [row["id"] for row in rest]
    whole = hashlib.sha256(b"merge 1\n")
    for row in (one, *rest):
        whole.update(f"{resource.name} {row['id']} {row.get('version')}\n".encode())
    before = _amounts(connection, resource, [kept, *keys])
    theirs = _amounts(connection, resource, keys)
    moved = []
    for place in references.find(connection, resource):
        moved.append(_move(connection, resource, place, one, keys, actor, whole))
    taken = fields.after(resource, view, one, rest, choices)
    own = _own_references(resource, one, keys)
    _close(connection, resource, one, rest, actor)
    if merging.settle is not None:
        merging.settle(connection, one, rest)
    if taken or own:  # last, so that an undo begins with it: what only one may have is free again before it goes back
        _write(connection, resource, kept, {**taken, **own}, actor)
    after = _amounts(connection, resource, [kept])
    amounts = tuple(_compared(merging.sums, before, after, theirs))
    for each in amounts:
        whole.update(f"{each.resource.name} {each.field} {each.currency} {each.records} {each.before}\n".encode())
    uneven = next((each for each in amounts if each.before != each.after), None)
    if uneven is not None:
        field = uneven.resource.field(uneven.field).title.lower()
        raise Rejected(
            {
                "": f"The {field} of {uneven.resource.plural.lower()} would come to {uneven.after:,} instead of"
                f" {uneven.before:,} {uneven.currency}: some of it would be left behind. Nothing was merged."
            }
        )
    return Merged(
        resource,
        one,
        tuple(rest),
        taken,
        tuple(each for each in moved if each.found),
        amounts,
        whole.hexdigest(),
        connection.info.get("change_set"),
    )


# -- what refers to the others -----------------------------------------------------------------------------------------


def _move(
    connection: Connection, resource: Resource, place: Place, kept: Row, keys: list[int], actor: Actor, whole: Any
) -> Moved:
    known = references.known(connection, place)
    if not place.ours:
        return _move_theirs(connection, place, known, kept["id"], keys, actor, whole)
    here = place.table == resource.table.name
    asked: dict[str, Any] = {
        "others": keys,
        "kept": kept["id"],
        "kinds": list(place.kinds),
        "tenant": actor.tenant_id,
        "group": [kept["id"], *keys] if here else [],
    }
    where = place.where() + (" AND id <> ALL(:group)" if here else "")
    if place.stays:
        sql = f"SELECT count(*) FROM (SELECT FROM {place.regclass} WHERE {where} LIMIT 1001) AS q"
        found = connection.execute(text(sql), asked).scalar_one()
        return Moved(place, known, found, 0, found, place.stays)
    stays: dict[int, str] = {}
    gave_way: set[int] = set()
    gives: tuple[str, ...] = ()
    for unique in place.uniques:
        clashing = _clashing(connection, place, unique, asked, here) - stays.keys()
        if not clashing:
            continue
        given = known.yields.get(unique.name) if known is not None else None
        if given is None or known is None:
            stays |= dict.fromkeys(clashing, "the kept one has the same already")
            continue
        rows = known.table
        connection.execute(update(rows).where(rows.c.id.in_(sorted(clashing))).values(**given))
        gave_way |= clashing
        gives = tuple(given)
    asked["stays"] = list(stays)
    moved = [
        key
        for (key,) in connection.execute(
            text(f"UPDATE {place.regclass} SET {_moving(place)} WHERE {where} AND id <> ALL(:stays) RETURNING id"),
            asked,
        )
    ]
    if len(moved) > MOST:
        raise Rejected({"": f"More than {MOST:,} records of one kind hang on these; that is a migration, not a merge."})
    found = len(moved) + len(stays)
    if found:
        told = ",".join(map(str, sorted(moved)))
        whole.update(f"{place.key} {told} {sorted(stays)} {sorted(gave_way)}\n".encode())
    why = next(iter(stays.values()), "")
    return Moved(place, known, found, len(moved), len(stays), why, len(gave_way), gives)


def _moving(place: Place) -> str:
    """The assignment that moves a reference; an array keeps its order and names the kept record once."""
    column = references.quote(place.column)
    if place.kind != "many":
        return f"{column} = :kept"
    return (
        f"{column} = (SELECT coalesce(array_agg(k ORDER BY n), '{{}}') FROM (SELECT k, min(n) AS n FROM"
        f" (SELECT CASE WHEN e = ANY(:others) THEN :kept ELSE e END AS k, n FROM unnest({column}) WITH ORDINALITY AS u (e, n))"
        " AS each GROUP BY k) AS once)"
    )


def _clashing(connection: Connection, place: Place, unique: Unique, asked: Mapping[str, Any], here: bool) -> set[int]:
    """Rows that cannot move as they are: the kept record has one like it, or another that moves is as well."""
    if place.kind == "many":
        return set()
    column = references.quote(place.column)
    conditions = [place.where("everyone")]
    if unique.predicate:
        conditions.append(f"({unique.predicate})")
    if unique.nulls_distinct:
        conditions += [f"({each}) IS NOT NULL" for each in unique.others]
    if here:
        conditions.append("id <> ALL(:group)")
    alike = ", ".join(f"({each})" for each in unique.others)
    sql = (
        f"SELECT id FROM (SELECT id, {column} AS refers, row_number() OVER"
        f" ({f'PARTITION BY {alike} ' if alike else ''}ORDER BY {column} <> :kept, id) AS place"
        f" FROM {place.regclass} WHERE {' AND '.join(conditions)}) AS q WHERE place > 1 AND refers <> :kept"
    )
    return set(connection.execute(text(sql), {**asked, "everyone": [asked["kept"], *asked["others"]]}).scalars())


def _move_theirs(
    connection: Connection, place: Place, known: Resource | None, kept: int, keys: list[int], actor: Actor, whole: Any
) -> Moved:
    """Rows of a table nobody declared: each written by itself and recorded, where it is open for editing; else named and left."""
    asked = {"others": keys, "kinds": list(place.kinds), "tenant": actor.tenant_id, "most": MOST_FOREIGN + 1}
    if known is None:
        return Moved(place, None, 0, 0)
    name = known.field_of(place.column)
    sql = f"SELECT count(*) FROM (SELECT FROM {place.regclass} WHERE {place.where()} LIMIT :most) AS q"
    found = connection.execute(text(sql), asked).scalar_one()
    if not found:
        return Moved(place, known, 0, 0)
    why = known.read_only or ""
    if not why and (not name or not known.has(name) or not known.opens_records):
        why = "its rows cannot be told apart"
    if not why and place.kind == "many":
        why = "lists of keys in tables of others are left as they are"
    if not why and found > MOST_FOREIGN:
        why = f"more than {MOST_FOREIGN:,} rows; they are moved by whoever keeps that table"
    if why:
        return Moved(place, known, found, 0, found, why[:1].lower() + why[1:].rstrip("."))
    columns = known.table.c
    where = [columns[name].in_(keys)]
    if place.kind_column:
        where.append(columns[known.field_of(place.kind_column)].in_(place.kinds))
    rows = connection.execute(select(*(columns[each] for each in known.keys), columns[name]).where(*where)).all()
    for row in rows:
        key = known.key_of(dict(zip(known.keys, row, strict=False)))
        write(connection, Change(known, "update", key, {name: row[-1]}, {name: kept}), actor)
    told = ",".join(sorted(str(row[:-1]) for row in rows))
    whole.update(f"{place.key} {told}\n".encode())
    return Moved(place, known, len(rows), len(rows))


# -- the records themselves --------------------------------------------------------------------------------------------


def _own_references(resource: Resource, kept: Row, keys: Sequence[int]) -> dict[str, Any]:
    """References of the kept record to one of the others would now be to itself, which is none."""
    found: dict[str, Any] = {}
    for column in resource.table.c:
        if any(key.column.table is resource.table for key in column.foreign_keys) and kept[column.name] in keys:
            found[column.name] = None
    return found


def _close(connection: Connection, resource: Resource, kept: Row, others: Sequence[Row], actor: Actor) -> None:
    """The others become signs that point to the kept one."""
    merging = resource.merging
    assert merging is not None
    for row in others:
        values: dict[str, Any] = {merging.into: kept["id"], **fields.given_up(resource, kept, row)}
        if merging.move:
            lifecycle = resource.lifecycle
            move = lifecycle.find(merging.move) if lifecycle else None
            assert lifecycle is not None and move is not None
            values[lifecycle.field] = move.to
        elif resource.archivable and row["archived_at"] is None:
            values["archived_at"] = now()
        _write(connection, resource, row["id"], values, actor)


def _write(connection: Connection, resource: Resource, key: int, values: Mapping[str, Any], actor: Actor) -> None:
    if resource.authored:
        values = {**values, "updated_by": actor.app_user_id}
    rows = resource.table
    connection.execute(update(rows).where(rows.c.id == key).values(**values))


# -- what must come out even -------------------------------------------------------------------------------------------

_Sums = dict[tuple[str, str, str], tuple[int, Decimal]]


def _amounts(connection: Connection, resource: Resource, keys: Sequence[int]) -> _Sums:
    """(table, field, currency) -> (records, sum) of what points at these records."""
    merging = resource.merging
    assert merging is not None
    found: _Sums = {}
    for each in merging.sums:
        rows = REGISTRY[each.table].table.c
        currency = rows.get("currency")
        wanted = [func.count(), func.coalesce(func.sum(rows[each.field]), 0)]
        statement = select(*([currency] if currency is not None else []), *wanted).where(rows[each.via].in_(keys))
        if currency is not None:
            statement = statement.group_by(currency)
        for row in connection.execute(statement):
            named = row[0] if currency is not None else ""
            found[each.table, each.field, str(named)] = (row[-2], Decimal(row[-1]))
    return found


def _compared(declared: Sequence[Sum], before: _Sums, after: _Sums, theirs: _Sums) -> Iterator[Amount]:
    """In the order they are declared, so that the first of a table is what it is known by."""
    nothing = (0, Decimal(0))
    order = {(each.table, each.field): place for place, each in enumerate(declared)}
    for key in sorted({*before, *after}, key=lambda each: (order[each[0], each[1]], each[2])):
        table, field, currency = key
        was, is_ = before.get(key, nothing), after.get(key, nothing)
        yield Amount(REGISTRY[table], field, currency, was[0], theirs.get(key, nothing)[1], was[1], is_[1])


def where_to(connection: Connection, resource: Resource, key: int) -> int | None:
    """The record another was merged into, None for one that stands by itself."""
    if not resource.merged_into:
        return None
    rows = resource.table.c
    seen = {key}
    at: int | None = None
    step = connection.execute(select(rows[resource.merged_into]).where(rows.id == key)).scalar()
    while step is not None and step not in seen:
        seen.add(step)
        at = step
        step = connection.execute(select(rows[resource.merged_into]).where(rows.id == step)).scalar()
    return at


__all__ = ["AT_ONCE", "Amount", "Merged", "Moved", "apply_merge", "members", "merge", "rehearse", "where_to"]
