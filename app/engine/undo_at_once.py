"""The undo of many records in a few statements: the ledger's JSON, typed by the catalogue, written where it still fits.

It decides as `undo.py` does record by record: a field goes back when it still holds what the change wrote; whatever has
changed since stays, and is named. Each statement looks at the row it writes, so what comes in between is never lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import psycopg as _psycopg

from app.core.clock import now
from app.engine.access import Actor
from app.engine.apply import tried
from app.engine.plan import Change, Plan
from app.engine.refusals import Rejected
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.undo import Left
from app.engine.values import writable

_DIALECT = _psycopg.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Slice:
    """The records of one table whose last entry in a set lies between two."""

    set_id: int
    resource: Resource
    low: int
    high: int
    plain: bool
    """Whether the set wrote each record once."""
    arrived: int | None = None
    """The first set of the import it belongs to: what an import brought goes again, it is not kept in an archive."""

    @property
    def asked(self) -> dict[str, Any]:
        asked = {"set": self.set_id, "table": self.resource.ledger_name, "low": self.low, "high": self.high}
        return asked if self.arrived is None else asked | {"arrived": self.arrived}

    @property
    def untouched(self) -> str:
        """Whether nobody changed a record `t` since the set made it. What else its own import did to it is no change."""
        return "t.version = (s.after ->> 'version')::int" if self.arrived is None else _ONLY_ARRIVED

    @property
    def source(self) -> str:
        return _PLAIN if self.plain else _NETTED


@dataclass(frozen=True)
class Done:
    """What came of a slice."""

    restored: int = 0
    left: tuple[Left, ...] = ()

    def __add__(self, other: Done) -> Done:
        return Done(self.restored + other.restored, (*self.left, *other.left))


@dataclass(frozen=True)
class Tally:
    """What an undo would do, counted by records."""

    whole: int = 0
    partly: int = 0
    left: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.whole + other.whole, self.partly + other.partly, self.left + other.left)

    @property
    def records(self) -> int:
        return self.whole + self.partly + self.left


def can(connection: Connection, table: str, arrived: bool = False) -> Resource | None:
    """The table's resource where its rows may be written many at a time: nothing follows from them, and no value is kept back.

    What followed from rows an import brought stands in the import's own entries and is taken back with these.
    """
    resource = REGISTRY.get(table)
    if resource is None or resource.writes is not None or "id" not in resource.table.c:
        return None
    if not arrived and (resource.follow or not resource.versioned):
        return None
    secrets = connection.execute(_SECRETS, {"table": table}).scalar()
    return resource if secrets == [] else None


def is_plain(connection: Connection, set_id: int) -> bool:
    """Whether a set wrote each of its records once, as bulk changes do; the others have to be netted first."""
    return not connection.execute(_TWICE, {"set": set_id}).scalar()


def undo(connection: Connection, here: Slice, actor: Actor) -> Done:
    """Take back a slice inside an open change set. What the database refuses is halved until the culprits stand alone."""
    done = Done()
    connection.execute(_UTC)  # as the ledger writes moments, so that they compare as text
    for kind, low, high, _count in _kinds(connection, here):
        done += _undo(connection, replace(here, low=low, high=high), kind, actor)
    return done


def tally(connection: Connection, here: Slice) -> Tally:
    """What undoing it now would do, counted; nothing is written."""
    found = Tally()
    connection.execute(_UTC)
    for kind, low, high, count in _kinds(connection, here):
        part = replace(here, low=low, high=high)
        if kind == "update":
            fields = _fields(connection, part)
            row = connection.execute(text(_tally_of_updates(part, fields)), part.asked).one()
            found += Tally(row.whole or 0, row.partly or 0, row.untouched or 0)
        else:
            left = len(_gone_or_moved(connection, part, kind))
            found += Tally(count - left, 0, left)
    return found


def left_alone(connection: Connection, here: Slice, before: int, limit: int) -> list[tuple[int, str]]:
    """Records of which undoing now would leave something, by their last entry, newest first."""
    connection.execute(_UTC)
    fields = _fields(connection, here)
    sql = f"""
        WITH source AS ({here.source})
        SELECT s.last_id, s.record_id FROM source s LEFT JOIN {_live(here)} t ON t.id = s.record_id::bigint
        WHERE s.last_id < :before AND CASE s.kind
            WHEN 'update' THEN t.id IS NULL OR {_unfit(fields)}
            WHEN 'insert' THEN t.id IS NULL OR ({here.untouched}) IS NOT TRUE
            WHEN 'delete' THEN t.id IS NOT NULL END
        ORDER BY s.last_id DESC LIMIT :most
    """
    return [tuple(row) for row in connection.execute(text(sql), here.asked | {"before": before, "most": limit})]


def _undo(connection: Connection, here: Slice, kind: str, actor: Actor) -> Done:
    try:
        with tried(connection, Plan((Change(here.resource, _INVERSE[kind], 0, {}, {}),))):
            return _WAYS[kind](connection, here, actor)
    except Rejected as refused:
        halves = list(_halves(connection, here, kind))
        if len(halves) < 2:
            record = connection.execute(text(f"SELECT s.record_id FROM ({here.source}) s LIMIT 1"), here.asked).scalar()
            return Done(
                0, (Left(here.resource.name, str(record), None, refused.sentence[:1].lower() + refused.sentence[1:]),)
            )
    done = Done()
    for half in halves:
        done += _undo(connection, half, kind, actor)
    return done


def _halves(connection: Connection, here: Slice, kind: str) -> Iterator[Slice]:
    sql = f"""
        SELECT min(last_id), max(last_id) FROM (
            SELECT s.last_id, ntile(2) OVER (ORDER BY s.last_id DESC) AS half FROM ({here.source}) s WHERE s.kind = :kind
        ) h GROUP BY half ORDER BY half
    """
    for low, high in connection.execute(text(sql), here.asked | {"kind": kind}).all():
        yield replace(here, low=low, high=high)


def _update(connection: Connection, here: Slice, actor: Actor) -> Done:
    """Fields that still hold what was written go back, each by itself."""
    fields = _fields(connection, here)
    if not fields:
        return Done()
    quoted = [_quote(name) for name in fields]
    back = ", ".join(
        f"{column} = CASE WHEN {_fits(name)} THEN v.{column} ELSE t.{column} END"
        for name, column in zip(fields, quoted, strict=True)
    )
    author = ", updated_by = :me" if here.resource.authored else ""
    sql = f"""
        WITH source AS MATERIALIZED ({here.source})
        UPDATE {_live(here)} AS t SET {back}{author}
        FROM source s CROSS JOIN LATERAL jsonb_to_record(s.before) AS v ({_shape(here, fields)})
        WHERE s.kind = 'update' AND t.id = s.record_id::bigint AND ({" OR ".join(map(_fits, fields))})
    """
    restored = connection.execute(text(sql), here.asked | {"me": actor.app_user_id}).rowcount
    named = ", ".join(f"CASE WHEN {_moved(name)} THEN '{name}' END" for name in fields)
    sql = f"""
        WITH source AS MATERIALIZED ({here.source})
        SELECT s.record_id, t.id IS NULL AS gone, array_remove(ARRAY[{named}]::text[], NULL) AS fields
        FROM source s LEFT JOIN {_live(here)} t ON t.id = s.record_id::bigint
        WHERE s.kind = 'update' AND (t.id IS NULL OR {" OR ".join(map(_moved, fields))})
        ORDER BY s.last_id DESC
    """
    left: list[Left] = []
    for record, gone, names in connection.execute(text(sql), here.asked):
        if gone:
            left.append(Left(here.resource.name, record, None, "it has been deleted since"))
        left += [Left(here.resource.name, record, name, "it has been changed since") for name in names if not gone]
    return Done(restored, tuple(left))


def _bring_back(connection: Connection, here: Slice, actor: Actor) -> Done:
    """Rows that were deleted return under their keys."""
    left = _gone_or_moved(connection, here, "delete")
    keys = connection.execute(text(_KEPT.format(source=here.source)), here.asked).scalars().all()
    names = [
        each.name
        for each in here.resource.table.c
        if each.name in keys and (writable(each) or each.primary_key or each.name == "created_at")
    ]
    columns = ", ".join(map(_quote, names))
    sql = f"""
        WITH source AS MATERIALIZED ({here.source})
        INSERT INTO {_live(here)} ({columns}) OVERRIDING SYSTEM VALUE
        SELECT {", ".join(f"v.{_quote(name)}" for name in names)}
        FROM source s CROSS JOIN LATERAL jsonb_populate_record(NULL::{_live(here)}, s.before) v
        WHERE s.kind = 'delete' AND NOT EXISTS (SELECT FROM {_live(here)} t WHERE t.id = s.record_id::bigint)
        ORDER BY s.last_id DESC
    """
    return Done(connection.execute(text(sql), here.asked).rowcount, left)


def _take_away(connection: Connection, here: Slice, actor: Actor) -> Done:
    """Rows that were made and nobody touched since go, or into the archive where there is one."""
    left = _gone_or_moved(connection, here, "insert")
    untouched = f"s.kind = 'insert' AND t.id = s.record_id::bigint AND {here.untouched}"
    source, live = f"WITH source AS MATERIALIZED ({here.source})", _live(here)
    if here.resource.archivable and here.arrived is None:
        author = ", updated_by = :me" if here.resource.authored else ""
        archived = f"archived_at = coalesce(t.archived_at, :now){author}"
        sql = f"{source} UPDATE {live} AS t SET {archived} FROM source s WHERE {untouched}"
    elif here.resource.versioned:
        sql = f"{source} DELETE FROM {live} AS t USING source s WHERE {untouched}"
    else:  # a log, of which the application itself deletes nothing
        gone = f"SELECT take_away_arrived(:table, array_agg(t.id)) FROM {live} t, source s WHERE {untouched} HAVING count(*) > 0"
        return Done(connection.execute(text(f"{source} {gone}"), here.asked).scalar() or 0, left)
    done = connection.execute(text(sql), here.asked | {"me": actor.app_user_id, "now": now()})
    return Done(done.rowcount, left)


_WAYS = {"update": _update, "delete": _bring_back, "insert": _take_away}
_INVERSE = {"update": "update", "delete": "insert", "insert": "delete"}


def _gone_or_moved(connection: Connection, here: Slice, kind: str) -> tuple[Left, ...]:
    """Deleted rows that are there again; rows made and since changed or deleted."""
    condition = "t.id IS NOT NULL" if kind == "delete" else f"(t.id IS NULL OR ({here.untouched}) IS NOT TRUE)"
    sql = f"""
        WITH source AS MATERIALIZED ({here.source})
        SELECT s.record_id, t.id IS NULL FROM source s LEFT JOIN {_live(here)} t ON t.id = s.record_id::bigint
        WHERE s.kind = :kind AND {condition} ORDER BY s.last_id DESC
    """
    rows = connection.execute(text(sql), here.asked | {"kind": kind})
    whys = {True: "it has been deleted since", False: "it has been changed since it was made"}
    return tuple(
        Left(here.resource.name, record, None, "it has been made again since" if kind == "delete" else whys[gone])
        for record, gone in rows
    )


def _kinds(connection: Connection, here: Slice) -> Sequence[Any]:
    """What happened to the records of a slice in the end, in the order in which it is taken back: (kind, low, high, count)."""
    sql = f"""
        SELECT s.kind, min(s.last_id), max(s.last_id), count(*) FROM ({here.source}) s
        WHERE s.kind <> 'none' GROUP BY s.kind ORDER BY max(s.last_id) DESC
    """
    return connection.execute(text(sql), here.asked).all()


def _fields(connection: Connection, here: Slice) -> list[str]:
    """The columns that were changed and may be set."""
    sql = f"SELECT DISTINCT k FROM ({here.source}) s CROSS JOIN LATERAL jsonb_object_keys(s.after) k WHERE s.kind = 'update'"
    changed = set(connection.execute(text(sql), here.asked).scalars())
    return [
        each.name
        for each in here.resource.table.c
        if each.name in changed and writable(each) and each.name not in ("updated_by", "tenant_id")
    ]


def _tally_of_updates(here: Slice, fields: list[str]) -> str:
    fits = " OR ".join(map(_fits, fields)) or "false"
    return f"""
        WITH source AS MATERIALIZED ({here.source}),
        judged AS (
            SELECT coalesce({fits}, false) AS fits, t.id IS NULL OR coalesce({_unfit(fields)}, false) AS moved
            FROM source s LEFT JOIN {_live(here)} t ON t.id = s.record_id::bigint WHERE s.kind = 'update'
        )
        SELECT count(*) FILTER (WHERE fits AND NOT moved) AS whole, count(*) FILTER (WHERE fits AND moved) AS partly,
            count(*) FILTER (WHERE moved AND NOT fits) AS untouched FROM judged
    """


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _live(here: Slice) -> str:
    return _quote(here.resource.table.name)


def _shape(here: Slice, fields: Sequence[str]) -> str:
    """Just these columns with their types: to make the whole record of every row out of JSON costs more than to write it."""
    columns = here.resource.table.c
    return ", ".join(f"{_quote(name)} {columns[name].type.compile(_DIALECT)}" for name in fields)


def _plainly(value: str) -> str:
    """Empty text is no text, as a person sees it."""
    return f"nullif(nullif({value}, 'null'), '\"\"')"


def _fits(name: str) -> str:
    """Whether the row still holds what the change wrote there, and that is not what it was before anyway."""
    became, was = _plainly(f"s.after -> '{name}'"), _plainly(f"s.before -> '{name}'")
    here = _plainly(f"to_jsonb(t.{_quote(name)})")
    return f"(s.after ? '{name}' AND {here} IS NOT DISTINCT FROM {became} AND {here} IS DISTINCT FROM {was})"


def _moved(name: str) -> str:
    """Whether the row, once taken back, holds there something else than before the change."""
    was, here = _plainly(f"s.before -> '{name}'"), _plainly(f"to_jsonb(t.{_quote(name)})")
    return f"(s.after ? '{name}' AND {here} IS DISTINCT FROM {was})"


def _unfit(fields: list[str]) -> str:
    """Whether some field holds neither what the change wrote nor what was there before."""
    return " OR ".join(f"({_moved(name)} AND NOT {_fits(name)})" for name in fields) or "false"


_ONLY_ARRIVED = """NOT EXISTS (
        SELECT FROM change_entries x JOIN change_sets z ON z.id = x.change_set_id LEFT JOIN change_sets u ON u.id = z.undoes_id
        WHERE x.table_name = :table AND x.record_id = s.record_id AND x.id > s.last_id
            AND coalesce(z.group_id, z.id) <> :arrived AND coalesce(u.group_id, u.id, 0) <> :arrived
    )"""
_UTC = text("SELECT set_config('timezone', 'UTC', true)")
_SECRETS = text("SELECT secrets FROM governed_tables WHERE ledger_name = :table")
_TWICE = text("""
SELECT EXISTS (SELECT FROM change_entries WHERE change_set_id = :set GROUP BY table_name, record_id HAVING count(*) > 1)
""")
_KEPT = """
SELECT k FROM ({source}) s CROSS JOIN LATERAL jsonb_object_keys(s.before) k
WHERE s.kind = 'delete' GROUP BY k HAVING count(*) = (SELECT count(*) FROM ({source}) n WHERE n.kind = 'delete')
"""
_PLAIN = """
    SELECT e.id AS last_id, e.record_id, e.operation AS kind, e.before, e.after FROM change_entries e
    WHERE e.change_set_id = :set AND e.table_name = :table AND e.id BETWEEN :low AND :high
"""
# What a set did to a record in the end: the first state before it and the last after it.
_NETTED = """
    SELECT e.id AS last_id, e.record_id, n.kind, n.before, n.after
    FROM change_entries e CROSS JOIN LATERAL (
        SELECT CASE WHEN done[1] = 'insert' AND done[cardinality(done)] = 'delete' THEN 'none'
                WHEN done[1] = 'insert' THEN 'insert' WHEN done[cardinality(done)] = 'delete' THEN 'delete'
                ELSE 'update' END AS kind,
            before, after
        FROM (
            SELECT array_agg(x.operation ORDER BY x.id) AS done, merged(x.before ORDER BY x.id DESC) AS before,
                merged(x.after ORDER BY x.id) AS after
            FROM change_entries x
            WHERE x.table_name = e.table_name AND x.record_id = e.record_id AND x.change_set_id = e.change_set_id
        ) AS q
    ) AS n
    WHERE e.change_set_id = :set AND e.table_name = :table AND e.id BETWEEN :low AND :high
        AND NOT EXISTS (SELECT FROM change_entries l WHERE l.table_name = e.table_name AND l.record_id = e.record_id
            AND l.id > e.id AND l.change_set_id = e.change_set_id)
"""
