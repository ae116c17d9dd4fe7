"""The history, searched: by person, channel, table, field, time and words, newest first and never further than it has to look."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from app.engine import ledger
from app.engine.access import Actor
from app.engine.fields import Secret
from app.engine.filters import like
from app.engine.ledger import SET, ChangeSet, Entry
from app.engine.projection import projection
from app.engine.registry import REGISTRY

SLACK = 1_000
"""Sets that were open at once may have their numbers in another order than their times; so many are looked at twice."""
LOOKED_AT = 20_000
"""Entries read for words in one go."""
WORDS_WITHIN_S = 2.0


@dataclass(frozen=True)
class Asked:
    """What is asked of the history; None asks nothing."""

    channel: str | None = None
    person: int | None = None
    table: str | None = None
    field: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: str = ""


@dataclass(frozen=True)
class Found:
    """A page of sets; `older` goes on from here, `reached` is how far back it looked where time ran out before."""

    sets: list[ChangeSet]
    older: int | None
    reached: datetime | None = None


@dataclass(frozen=True)
class Deleted:
    """One deleted record, and the set that brought it back where one did."""

    entry: Entry
    at: datetime
    back: int | None

    @property
    def title(self) -> str:
        resource = self.entry.resource
        if resource is None:
            return self.entry.record_id
        named = next((each.before for each in self.entry.differences if each.field.name == resource.title), None)
        return str(named) if named not in (None, "") else f"{resource.one} {self.entry.record_id}"


def find(
    connection: Connection, actor: Actor, asked: Asked, before: int | None = None, limit: int = ledger.PAGE
) -> Found:
    """The sets of the tenant that answer to all that is asked, newest first."""
    values = _values(connection, actor, asked) | {"before": before}
    if not asked.words:
        ids = _ids(connection, asked, values | {"most": limit + 1})
        return Found(ledger.sets_of(connection, ids[:limit]), ids[limit - 1] if len(ids) > limit else None)
    found: list[int] = []
    ends, last = time.monotonic() + WORDS_WITHIN_S, before
    while True:
        chunk = _ids(connection, asked, values | {"before": last, "most": 500})
        chunk = _as_many(connection, chunk)
        if not chunk:
            return Found(ledger.sets_of(connection, found[:limit]), None)
        found += connection.scalars(_WORDS, {"ids": chunk, "limit": limit + 1, **_words(asked.words, actor)})
        last = chunk[-1]
        if len(found) > limit:
            return Found(ledger.sets_of(connection, found[:limit]), found[limit - 1])
        if time.monotonic() > ends:
            sets = ledger.sets_of(connection, found)
            reached = connection.execute(_WHEN, {"id": last}).scalar()
            return Found(sets, last, reached)


def deleted(
    connection: Connection, actor: Actor, asked: Asked, before: int | None = None, limit: int = ledger.PAGE
) -> list[Deleted]:
    """Deleted records of the tables this actor reads, newest first, with whether they are back."""
    rows = connection.execute(
        _DELETED,
        {
            "tables": [asked.table] if asked.table else readable(actor),
            "before": before,
            "tenant": actor.tenant_id,
            "platform": actor.may("platform.read"),
            "person": asked.person,
            "since": asked.since,
            "until": asked.until,
            "n": limit,
        },
    ).all()
    backs = [(row[-2], row[-1]) for row in rows]
    entries = ledger.entries_of([row[:-2] for row in rows], connection, actor)
    return [
        Deleted(entry, at, back) for entry, (at, back) in zip(entries, backs, strict=True) if entry.resource is not None
    ]


def deletion(connection: Connection, entry_id: int) -> Any:
    """One deletion: (change_set_id, table_name, record_id, set's entries), None where there is none of that number."""
    return connection.execute(_DELETION, {"id": entry_id}).first()


def went_along(
    connection: Connection, set_id: int, table: str, record_id: str, most: int = 200
) -> list[tuple[str, str]]:
    """The record itself and those that were deleted with it because they pointed at it, and so on from them."""
    rows = connection.execute(_OF_SET, {"set": set_id, "most": 5_000}).all()
    found, reached = [(table, record_id)], {(table, record_id)}
    for at, key in found:
        for other, record, before in rows:
            resource = REGISTRY.get(other)
            if resource is None or (other, record) in reached or len(found) >= most:
                continue
            for column in resource.table.c:
                points = any(each.column.table.name == at for each in column.foreign_keys)
                if points and str(before.get(column.name)) == key:
                    found.append((other, record))
                    reached.add((other, record))
                    break
    return found


def readable(actor: Actor) -> list[str]:
    """The tables of which this actor reads every record."""
    return [each.ledger_name for each in REGISTRY if each.recorded and projection(each, actor).reads_all]


def _values(connection: Connection, actor: Actor, asked: Asked) -> dict[str, Any]:
    keys = connection.scalars(_KEYS, {"person": asked.person}).all() if asked.person else []
    bounds = {"tenant": actor.tenant_id, "since": asked.since, "until": asked.until}
    low, high = connection.execute(_BOUNDS, bounds).one() if asked.since or asked.until else (None, None)
    return {
        "tenant": actor.tenant_id,
        "platform": actor.may("platform.read"),
        "channel": asked.channel,
        "person": asked.person,
        "keys": list(keys),
        "table": asked.table,
        "field": asked.field,
        "since": asked.since,
        "until": asked.until,
        "low": None if low is None else low - SLACK,
        "high": None if high is None else high + SLACK,
    }


def _ids(connection: Connection, asked: Asked, values: dict[str, Any]) -> list[int]:
    conditions = ["s.id < coalesce(CAST(:before AS bigint), 9223372036854775807)"]
    if values["low"] is not None:
        conditions.append("s.id > :low")
    if values["high"] is not None:
        conditions.append("s.id < :high")
    conditions += ["s.created_at >= :since"] * bool(asked.since) + ["s.created_at < :until"] * bool(asked.until)
    conditions += ["s.channel = :channel"] * bool(asked.channel)
    if asked.table:
        source = _OF_TABLE
        conditions += ["(s.app_user_id = :person OR s.api_key_id = ANY(CAST(:keys AS bigint[])))"] * bool(asked.person)
        conditions.append("(s.tenant_id = :tenant OR (s.tenant_id IS NULL AND :platform))")
        if asked.field:
            conditions.append(
                "EXISTS (SELECT FROM change_entries e WHERE e.change_set_id = s.id AND e.table_name = :table"
                " AND e.operation = 'update' AND e.after ? :field)"
            )
    elif asked.person:
        source = _OF_PERSON
        conditions.append("(s.tenant_id = :tenant OR (s.tenant_id IS NULL AND :platform))")
    else:
        source = _OF_TENANT if values["platform"] else _OWN
    sql = f"{source} WHERE {' AND '.join(conditions)}{'' if asked.table else ' ORDER BY s.id DESC'} LIMIT :most"
    return sorted(connection.scalars(text(sql), values), reverse=True)


def _as_many(connection: Connection, ids: list[int]) -> list[int]:
    """The newest of these sets that have not more entries together than are read in one go; at least one."""
    return sorted(connection.scalars(_MANY, {"ids": ids, "most": LOOKED_AT}), reverse=True)


def _words(words: str, actor: Actor) -> dict[str, Any]:
    """What is looked for, and the fields in which this actor may find it: a masked value is not found by its words."""
    seen = {}
    for each in REGISTRY:
        view = projection(each, actor)
        if each.recorded and view.reads_all:
            seen[each.ledger_name] = [
                field.name
                for field in view.fields
                if field.name not in view.masked and not isinstance(field, Secret) and field.name in each.table.c
            ]
    plain = '"' not in words and "\\" not in words
    return {
        "pattern": like(words),
        "rough": like(words) if plain else "%",
        "word": words,
        "seen": json.dumps(seen),
    }


_KEYS = text("SELECT id FROM user_api_keys WHERE app_user_id = :person")
_BOUNDS = text("""
SELECT (SELECT id FROM change_sets WHERE tenant_id = :tenant AND created_at < CAST(:since AS timestamptz)
        ORDER BY created_at DESC, id DESC LIMIT 1),
    (SELECT id FROM change_sets WHERE tenant_id = :tenant AND created_at >= CAST(:until AS timestamptz)
        ORDER BY created_at, id LIMIT 1)
""")
_OWN = "SELECT s.id FROM (SELECT * FROM change_sets WHERE tenant_id = :tenant) s"
_OF_TENANT = """SELECT s.id FROM (SELECT * FROM change_sets WHERE tenant_id = :tenant
    UNION ALL SELECT * FROM change_sets WHERE tenant_id IS NULL) s"""
_OF_PERSON = """SELECT s.id FROM (SELECT * FROM change_sets WHERE app_user_id = :person
    UNION ALL SELECT * FROM change_sets WHERE api_key_id = ANY(CAST(:keys AS bigint[]))) s"""
# From one set that touched the table to the one before it, by the index: each step costs the same however large the sets.
_OF_TABLE = """WITH RECURSIVE walk(id) AS (
    SELECT coalesce(least(CAST(:before AS bigint), CAST(:high AS bigint)), 9223372036854775807)
    UNION ALL
    SELECT (SELECT e.change_set_id FROM change_entries e WHERE e.table_name = :table AND e.change_set_id < w.id
        ORDER BY e.change_set_id DESC LIMIT 1)
    FROM walk w WHERE w.id IS NOT NULL AND w.id > coalesce(CAST(:low AS bigint), 0)
) SELECT s.id FROM walk CROSS JOIN LATERAL (SELECT * FROM change_sets c WHERE c.id = walk.id OFFSET 0) s"""
_MANY = text("""
SELECT id FROM (
    SELECT id, sum(entry_count) OVER (ORDER BY id DESC) AS entries, row_number() OVER (ORDER BY id DESC) AS place
    FROM change_sets WHERE id = ANY(CAST(:ids AS bigint[]))
) s WHERE entries <= :most OR place = 1
""")
_WHEN = text("SELECT created_at FROM change_sets WHERE id = :id")
_WORDS = text("""
SELECT s.id FROM change_sets s WHERE s.id = ANY(CAST(:ids AS bigint[])) AND (
    s.reason ILIKE :pattern OR s.action ILIKE :pattern OR translate(s.action, '._', '  ') ILIKE :pattern
    OR EXISTS (
        SELECT FROM change_entries e WHERE e.change_set_id = s.id AND CAST(:seen AS jsonb) ? e.table_name AND (
            e.record_id = :word
            OR (e.before::text ILIKE :rough OR e.after::text ILIKE :rough) AND EXISTS (
                SELECT FROM (
                    SELECT * FROM jsonb_each_text(coalesce(e.before, '{}'))
                    UNION ALL SELECT * FROM jsonb_each_text(coalesce(e.after, '{}'))
                ) AS v(key, value)
                WHERE v.value ILIKE :pattern AND CAST(:seen AS jsonb) -> e.table_name ? v.key
            )
        )
    )
) ORDER BY s.id DESC LIMIT :limit
""")
_DELETED = text(f"""
SELECT {SET}, e.id, e.table_name, e.record_id, e.operation, e.before::text, e.after::text, e.created_at,
    (SELECT i.change_set_id FROM change_entries i WHERE i.table_name = e.table_name AND i.record_id = e.record_id
        AND i.operation = 'insert' AND i.id > e.id ORDER BY i.id DESC LIMIT 1)
FROM change_entries e JOIN change_sets s ON s.id = e.change_set_id LEFT JOIN app_users u ON u.id = s.app_user_id
LEFT JOIN user_api_keys k ON k.id = s.api_key_id
LEFT JOIN LATERAL (SELECT NULL::bigint AS id) x ON true
WHERE e.operation = 'delete' AND e.table_name = ANY(CAST(:tables AS text[]))
    AND (CAST(:before AS bigint) IS NULL OR e.id < :before)
    AND (s.tenant_id = :tenant OR (s.tenant_id IS NULL AND :platform))
    AND (CAST(:person AS bigint) IS NULL OR s.app_user_id = :person OR k.app_user_id = :person)
    AND (CAST(:since AS timestamptz) IS NULL OR e.created_at >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR e.created_at < :until)
ORDER BY e.id DESC LIMIT :n
""")
_DELETION = text("""
SELECT e.change_set_id, e.table_name, e.record_id, s.entry_count FROM change_entries e
JOIN change_sets s ON s.id = e.change_set_id WHERE e.id = :id AND e.operation = 'delete'
""")
_OF_SET = text("""
SELECT table_name, record_id, before FROM change_entries
WHERE change_set_id = :set AND operation = 'delete' ORDER BY id LIMIT :most
""")
