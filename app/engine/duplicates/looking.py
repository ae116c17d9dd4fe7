"""Looking for duplicates: what is new or changed is read, brought together with what shares a trait, weighed, and kept.

Each step is a short transaction that leaves a mark, so a run may be stopped or killed anywhere and goes on from there, and
memory holds one batch at a time whatever the table's size. A record no trait of which has changed is not weighed again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, select, text, tuple_

from app.engine.apply import transaction
from app.engine.duplicates.likeness import RULES, THRESHOLD, TRAITS, Likeness, Traits, basis, keys, traits, weigh
from app.engine.resource import Resource

READ, WEIGHED = 5_000, 1_000
"""Records in one transaction: while they are read, and while they are weighed against those that share a trait."""
MOST_ALIKE = 40
"""A trait that more records than this share, like a landlord's telephone, says nothing of any two of them."""
SLACK = "10 minutes"
"""A change may become visible so long after its moment; so much is read twice."""
DEAD = "5 minutes"
"""After so long without a sign a run is taken for dead."""


@dataclass(frozen=True)
class Look:
    """What one run did."""

    scope: int
    read: int
    weighed: int
    open: int
    """Pairs known after it, answered ones included."""


class Busy(Exception):
    """Somebody else is at it."""


def scope_of(connection: Connection, tenant_id: int, resource: Resource) -> int | None:
    """The number under which a company's table is kept, None before its first run."""
    return connection.execute(_SCOPE, {"tenant": tenant_id, "table": resource.name}).scalar()


def standing(connection: Connection, tenant_id: int, resource: Resource) -> Any:
    """How far the table has been looked through: state, why, began_at, ended_at, records_read; None before its first run."""
    return connection.execute(_STANDING, {"tenant": tenant_id, "table": resource.name}).first()


def look(tenant_id: int, resource: Resource, *, whole: bool = False) -> Look:
    """Read what changed since the last time (or `whole`, everything) and weigh it. Raises Busy while another run is at it."""
    like = resource.alike
    assert like is not None, f"{resource.name} does not say what makes two of its records alike"
    with transaction() as connection:
        connection.execute(_MADE, {"tenant": tenant_id, "table": resource.name})
        run = connection.execute(_BEGIN, {"tenant": tenant_id, "table": resource.name}).first()
        if run is None:
            raise Busy
    scope = run.id
    try:
        if whole or run.rules != RULES:
            _forget(scope)
        read = _read(scope, tenant_id, resource, like)
        _drop_gone(scope, resource)
        weighed = _weigh(scope)
    except BaseException as fault:
        with transaction() as connection:
            connection.execute(_FAILED, {"scope": scope, "why": type(fault).__name__})
        raise
    with transaction() as connection:
        known = connection.execute(
            _END, {"scope": scope, "read": read, "weighed": weighed, "rules": RULES}
        ).scalar_one()
    return Look(scope, read, weighed, known)


def _forget(scope: int) -> None:
    for table in ("duplicate_pairs", "duplicate_keys", "duplicate_records"):
        with transaction() as connection:
            _take_time(connection)
            connection.execute(text(f"DELETE FROM {table} WHERE scope_id = :scope"), {"scope": scope})
    with transaction() as connection:
        connection.execute(text("UPDATE duplicate_scopes SET read_to = NULL WHERE id = :scope"), {"scope": scope})


def _take_time(connection: Connection) -> None:
    """The short limits are for what people wait for."""
    connection.execute(text("SET LOCAL statement_timeout = '10min'; SET LOCAL transaction_timeout = '15min'"))


# -- reading -----------------------------------------------------------------------------------------------------------


def live(resource: Resource, columns: Any) -> list[Any]:
    """Conditions for records that stand in the lists: neither archived nor merged into another."""
    found = []
    if resource.archivable:
        found.append(columns.archived_at.is_(None))
    if resource.merged_into:
        found.append(columns[resource.merged_into].is_(None))
    return found


def _read(scope: int, tenant_id: int, resource: Resource, like: Likeness) -> int:
    """Keep the traits of records changed since the last run; those whose traits are others are fresh."""
    columns = resource.table.c
    with transaction() as connection:
        since, upto = connection.execute(_SINCE, {"scope": scope}).one()
    order = (columns.updated_at, columns.id) if since is not None else (columns.id,)
    wanted = select(
        columns.id,
        columns.updated_at,
        and_(*live(resource, columns)).label("live"),
        *(columns[name] for name in like.columns),
    )
    wanted = wanted.where(columns.tenant_id == tenant_id).order_by(*order).limit(READ)
    at: Sequence[Any] | None = None
    read = 0
    while True:
        page = wanted
        if at is not None:
            page = page.where(tuple_(*order) > tuple_(*at) if len(order) > 1 else columns.id > at[-1])
        elif since is not None:
            page = page.where(columns.updated_at >= since)
        with transaction() as connection:
            _take_time(connection)
            rows = [dict(row._mapping) for row in connection.execute(page)]
            if rows:
                _keep(connection, scope, like, rows)
                connection.execute(_BEAT, {"scope": scope})
        read += len(rows)
        if len(rows) < READ:
            break
        last = rows[-1]
        at = (last["updated_at"], last["id"]) if since is not None else (last["id"],)
    with transaction() as connection:
        connection.execute(
            text("UPDATE duplicate_scopes SET read_to = :upto WHERE id = :scope"), {"scope": scope, "upto": upto}
        )
    return read


def _keep(connection: Connection, scope: int, like: Likeness, rows: Sequence[Mapping[str, Any]]) -> None:
    asked = {"scope": scope, "ids": [row["id"] for row in rows]}
    known: dict[int, bytes] = {key: bytes(mark) for key, mark in connection.execute(_KNOWN, asked)}
    gone: list[int] = []
    fresh: list[tuple[int, bytes, Traits]] = []
    for row in rows:
        has = traits(like, row) if row["live"] else Traits()
        if has.blank:
            if row["id"] in known:
                gone.append(row["id"])
        elif (mark := basis(has)) != known.get(row["id"]):
            fresh.append((row["id"], mark, has))
    again = [key for key, _mark, _has in fresh if key in known]
    if gone or again:
        _drop(connection, scope, [*gone, *again])
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor:
        names = ", ".join(TRAITS)
        with cursor.copy(f"COPY duplicate_records (scope_id, record_id, basis, {names}) FROM STDIN") as copy:
            for key, mark, has in fresh:
                copy.write_row((scope, key, mark, *(getattr(has, name) for name in TRAITS)))
        with cursor.copy("COPY duplicate_keys (scope_id, key, record_id) FROM STDIN") as copy:
            for key, _mark, has in fresh:
                for each in keys(has):
                    copy.write_row((scope, each, key))


def _drop(connection: Connection, scope: int, ids: Sequence[int]) -> None:
    for statement in _DROPS:
        connection.execute(statement, {"scope": scope, "ids": list(ids)})


def _drop_gone(scope: int, resource: Resource) -> None:
    """Forget what is not there any more at all; what was archived or merged was read as changed."""
    gone = text(
        f"SELECT record_id FROM duplicate_records d WHERE scope_id = :scope"
        f" AND NOT EXISTS (SELECT FROM {resource.regclass} t WHERE t.id = d.record_id) LIMIT 5000"
    )
    while True:
        with transaction() as connection:
            _take_time(connection)
            ids = list(connection.execute(gone, {"scope": scope}).scalars())
            if not ids:
                return
            _drop(connection, scope, ids)
            connection.execute(_BEAT, {"scope": scope})


# -- weighing ----------------------------------------------------------------------------------------------------------


def _weigh(scope: int) -> int:
    """Weigh every fresh record against those it shares a trait with, a batch at a time."""
    weighed = after = 0
    while True:
        with transaction() as connection:
            _take_time(connection)
            ids = list(connection.execute(_FRESH, {"scope": scope, "after": after, "n": WEIGHED}).scalars())
            if not ids:
                return weighed
            weighed += _weigh_some(connection, scope, ids)
            connection.execute(_WEIGHED, {"scope": scope, "ids": ids})
            connection.execute(_BEAT, {"scope": scope})
            after = ids[-1]


def _weigh_some(connection: Connection, scope: int, ids: Sequence[int]) -> int:
    found: list[dict[str, Any]] = []
    asked = {"scope": scope, "ids": list(ids), "most": MOST_ALIKE}
    count = 0
    wide = len(TRAITS)
    for count, row in enumerate(connection.execute(_CANDIDATES, asked).yield_per(2_000), 1):  # noqa: B007
        one, other = Traits(*row[5 : 5 + wide]), Traits(*row[5 + wide :])
        result = weigh(one, other, row[4])
        if result.score >= THRESHOLD:
            found.append(
                {
                    "left": row[0], "right": row[1], "score": result.score, "why": list(result.why), "exact": result.exact,
                    "basis": (row[2] + row[3]).hex(),
                }
            )  # fmt: skip
    if found:
        connection.execute(_FOUND, {"scope": scope, "pairs": json.dumps(found)})
    return count


_SCOPE = text("SELECT id FROM duplicate_scopes WHERE tenant_id = :tenant AND table_name = :table")
_STANDING = text("""
SELECT id, state, why, began_at, ended_at, records_read, pairs_weighed,
    state = 'looking' AND beat_at > clock_timestamp() - interval '5 minutes' AS busy
FROM duplicate_scopes WHERE tenant_id = :tenant AND table_name = :table
""")
_MADE = text("INSERT INTO duplicate_scopes (tenant_id, table_name) VALUES (:tenant, :table) ON CONFLICT DO NOTHING")
_BEGIN = text(f"""
UPDATE duplicate_scopes SET state = 'looking', why = NULL, attempt = attempt + 1, began_at = clock_timestamp(),
    beat_at = clock_timestamp()
WHERE tenant_id = :tenant AND table_name = :table
    AND (state <> 'looking' OR beat_at < clock_timestamp() - interval '{DEAD}')
RETURNING id, rules
""")
_BEAT = text("UPDATE duplicate_scopes SET beat_at = clock_timestamp() WHERE id = :scope")
_FAILED = text(
    "UPDATE duplicate_scopes SET state = 'failed', why = :why, ended_at = clock_timestamp() WHERE id = :scope"
)
_END = text("""
UPDATE duplicate_scopes SET state = 'idle', rules = :rules, ended_at = clock_timestamp(), records_read = :read,
    pairs_weighed = :weighed
WHERE id = :scope RETURNING (SELECT count(*) FROM duplicate_pairs WHERE scope_id = :scope)
""")
_SINCE = text(f"""
SELECT read_to - interval '{SLACK}', clock_timestamp() FROM duplicate_scopes WHERE id = :scope
""")
_KNOWN = text("SELECT record_id, basis FROM duplicate_records WHERE scope_id = :scope AND record_id = ANY(:ids)")
_DROPS = [
    text(f"DELETE FROM {table} WHERE scope_id = :scope AND {column} = ANY(:ids)")
    for table, column in (
        ("duplicate_records", "record_id"),
        ("duplicate_keys", "record_id"),
        ("duplicate_pairs", "left_id"),
        ("duplicate_pairs", "right_id"),
    )
]
# Past those weighed already, whose dead entries would be walked over each time.
_FRESH = text("""
SELECT record_id FROM duplicate_records WHERE scope_id = :scope AND fresh AND record_id > :after
ORDER BY record_id LIMIT :n FOR UPDATE
""")
_WEIGHED = text("UPDATE duplicate_records SET fresh = false WHERE scope_id = :scope AND record_id = ANY(:ids)")
# Of two fresh ones the later is weighed against the earlier, so that each two meet once. Each look-up is fenced by a limit:
# a table filled a moment ago looks empty to the planner, which would then read all of it for every key.
_CANDIDATES = text(f"""
WITH mine AS MATERIALIZED (
    SELECT k.key, k.record_id FROM duplicate_keys k WHERE k.scope_id = :scope AND k.record_id = ANY(:ids)
), telling AS MATERIALIZED (
    SELECT m.key FROM (SELECT DISTINCT key FROM mine) m CROSS JOIN LATERAL (
        SELECT count(*) AS n FROM (
            SELECT FROM duplicate_keys o WHERE o.scope_id = :scope AND o.key = m.key LIMIT :most + 1
        ) AS few
    ) c WHERE c.n BETWEEN 2 AND :most
), met AS MATERIALIZED (
    SELECT DISTINCT least(m.record_id, o.record_id) AS one, greatest(m.record_id, o.record_id) AS other
    FROM telling t CROSS JOIN LATERAL (
        SELECT array_agg(k.record_id) AS ids FROM (
            SELECT record_id FROM duplicate_keys WHERE scope_id = :scope AND key = t.key LIMIT :most
        ) AS k
    ) AS held CROSS JOIN LATERAL unnest(held.ids) AS o (record_id) CROSS JOIN LATERAL unnest(held.ids) AS m (record_id)
    WHERE m.record_id = ANY(:ids) AND o.record_id <> m.record_id
)
SELECT a.record_id, b.record_id, a.basis, b.basis, similarity(a.name, b.name),
    {", ".join(f"a.{name}" for name in TRAITS)}, {", ".join(f"b.{name}" for name in TRAITS)}
FROM met
CROSS JOIN LATERAL (SELECT * FROM duplicate_records WHERE scope_id = :scope AND record_id = met.one LIMIT 1) AS a
CROSS JOIN LATERAL (SELECT * FROM duplicate_records WHERE scope_id = :scope AND record_id = met.other LIMIT 1) AS b
WHERE NOT b.fresh OR b.record_id = ANY(:ids)
""")
_FOUND = text("""
INSERT INTO duplicate_pairs (scope_id, left_id, right_id, score, why, exact, basis)
SELECT :scope, p."left", p."right", p.score, p.why, p.exact, decode(p.basis, 'hex')
FROM jsonb_to_recordset(CAST(:pairs AS jsonb))
    AS p ("left" bigint, "right" bigint, score numeric, why text[], exact boolean, basis text)
ON CONFLICT (scope_id, left_id, right_id) DO UPDATE SET score = excluded.score, why = excluded.why,
    exact = excluded.exact, basis = excluded.basis
""")
