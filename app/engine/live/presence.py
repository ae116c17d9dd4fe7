"""Who has a record open, on whatever machine: kept while the stream is open, forgotten when its process falls silent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.engine.access import Actor
from app.engine.live.ledger import CHANNEL

BEAT_S = 5
SILENT_S = 20
"""A process silent for so long has fallen; nobody is here through it any more."""

Record = tuple[str, str]
"""A record as the ledger names it: table and key."""


@dataclass(frozen=True)
class Present:
    """Somebody who has a record open."""

    record: Record
    app_user_id: int
    name: str
    edits: bool


_ARRIVE = text(
    "INSERT INTO live_listeners (name, listens) VALUES (:name, :listens) RETURNING id",
)
_BEAT = text(
    "UPDATE live_listeners SET beat_at = clock_timestamp(), streams = :streams, listens = :listens, lag_ms = :lag"
    " WHERE id = :id"
)
_LEAVE = text("DELETE FROM live_listeners WHERE id = :id OR beat_at < clock_timestamp() - interval '5 minutes'")
_ENTER = text("""
INSERT INTO live_presences (listener_id, tenant_id, app_user_id, table_name, record_id, edits)
VALUES (:listener, :tenant, :user, :table, :record, :edits) RETURNING id
""")
_GO = text("DELETE FROM live_presences WHERE id = ANY(:ids)")
_HERE = text("""
SELECT p.table_name, p.record_id, p.app_user_id, u.display_name, bool_or(p.edits)
FROM unnest(CAST(:tables AS text[]), CAST(:records AS text[])) AS asked (table_name, record_id)
JOIN live_presences p USING (table_name, record_id)
JOIN live_listeners l ON l.id = p.listener_id AND l.beat_at > clock_timestamp() - make_interval(secs => :silent)
JOIN app_users u ON u.id = p.app_user_id
WHERE p.tenant_id = :tenant GROUP BY 1, 2, 3, 4 ORDER BY min(p.id)
""")
_TELL = text("SELECT pg_notify(:channel, current_schema() || :word)")


def arrive(connection: Connection, name: str, listens: bool) -> int:
    """A process that serves streams."""
    return int(connection.execute(_ARRIVE, {"name": name, "listens": listens}).scalar_one())


def beat(connection: Connection, listener: int, streams: int, listens: bool, lag_ms: int | None) -> bool:
    """Its sign of life; False when it has been taken for dead meanwhile."""
    values = {"id": listener, "streams": streams, "listens": listens, "lag": lag_ms}
    return connection.execute(_BEAT, values).rowcount == 1


def leave(connection: Connection, listener: int) -> None:
    """It goes, and everybody who was here through it; so do processes that fell silent."""
    connection.execute(_LEAVE, {"id": listener})
    tell(connection, "/here")


def enter(connection: Connection, listener: int, record: Record, actor: Actor, edits: bool) -> int:
    """Somebody opened a record."""
    values = {"listener": listener, "tenant": actor.tenant_id, "user": actor.app_user_id, "edits": edits}
    number = int(connection.execute(_ENTER, values | {"table": record[0], "record": record[1]}).scalar_one())
    tell(connection, "/here")
    return number


def go(connection: Connection, ids: Iterable[int]) -> None:
    """They closed it."""
    connection.execute(_GO, {"ids": list(ids)})
    tell(connection, "/here")


def here(connection: Connection, tenant_id: int, records: Sequence[Record]) -> dict[Record, list[Present]]:
    """Who has these records open, first come first."""
    tables, keys = [each[0] for each in records], [each[1] for each in records]
    asked = {"tables": tables, "records": keys, "tenant": tenant_id, "silent": SILENT_S}
    found: dict[Record, list[Present]] = {}
    for table, record, user, name, edits in connection.execute(_HERE, asked):
        found.setdefault((table, record), []).append(Present((table, record), user, name, edits))
    return found


def tell(connection: Connection, word: str) -> None:
    """Wake every process that listens."""
    connection.execute(_TELL, {"channel": CHANNEL, "word": word})
