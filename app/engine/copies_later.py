"""Files too long to wait for: made by a worker in pieces, counted while they grow, stopped when told, gone when they expire."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from app.engine import exports
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.copies import Asked, Tally, pieces
from app.engine.long_work import Stopped
from app.engine.refusals import NotAllowed

LASTS = "24 hours"
PIECE = 1_048_576
MOST_BYTES = 2 * 1024**3
BEAT_S = 1.0
"""Seconds between two signs of life; Cancel is heard as often."""


class Growing:
    """One file while it is made. Whatever it writes counts only as long as this attempt is the one in charge."""

    def __init__(self, engine: Engine, manifest: Row[Any]) -> None:
        self._engine, self._manifest = engine, manifest
        self._beat, self._number = time.monotonic(), 0
        self.attempt: int = manifest.attempt

    def make(self, asked: Asked, actor: Actor) -> Tally:
        """Write the whole file. Raises Stopped, NotAllowed for one that gets too long, and what the database says."""
        tally = Tally(asked.query.resource, exports.layout_of(asked.query, actor))
        saw = tally.saw

        def told(batch: list[tuple[Any, ...]]) -> None:
            saw(batch)
            self._tell(tally)

        tally.saw = told  # type: ignore[method-assign]
        held = bytearray()
        for piece in pieces(self._engine, asked, actor, tally):
            held += piece
            if len(held) >= PIECE:
                self._keep(bytes(held))
                held.clear()
            if tally.size > MOST_BYTES:
                raise NotAllowed("The file grew beyond 2 GB. Narrow the list with a filter, or take fewer columns.")
        self._keep(bytes(held))
        return tally

    def _tell(self, tally: Tally) -> None:
        if time.monotonic() - self._beat < BEAT_S:
            return
        self._beat = time.monotonic()
        values = {"id": self._manifest.id, "attempt": self.attempt, "rows": tally.rows, "bytes": tally.size}
        with transaction(self._engine) as connection:
            if connection.execute(_BEAT, values).rowcount != 1:
                raise Stopped("The export was cancelled.")

    def _keep(self, piece: bytes) -> None:
        values = {"id": self._manifest.id, "attempt": self.attempt, "number": self._number}
        self._number += 1
        with transaction(self._engine) as connection:
            if connection.execute(_KEEP, values | {"piece": zlib.compress(piece, 1)}).rowcount != 1:
                raise Stopped("The export was cancelled.")


def take_up(connection: Connection, number: int) -> Row[Any] | None:
    """Begin, or begin anew after a worker that died: None when it is done with or was cancelled meanwhile."""
    found = connection.execute(_TAKE_UP, {"id": number}).first()
    if found is not None:
        connection.execute(_DROP, {"id": number})
    return found


def manifest(connection: Connection, number: int, tenant_id: int) -> Row[Any] | None:
    """A manifest with what the database thinks of its file now."""
    return connection.execute(_MANIFEST, {"id": number, "tenant": tenant_id}).first()


def cancel(connection: Connection, number: int) -> bool:
    """Stop a file that is under way; what was made of it goes at once."""
    done = connection.execute(_CANCEL, {"id": number}).rowcount == 1
    if done:
        connection.execute(_DROP, {"id": number})
    return done


def read(engine: Engine, number: int) -> Iterator[bytes]:
    """The file again, a piece at a time; no connection is held while the browser takes one."""
    at = 0
    while True:
        with engine.connect() as connection:
            piece = connection.execute(_PIECE, {"id": number, "number": at}).scalar()
        if piece is None:
            return
        yield zlib.decompress(piece)
        at += 1


def sweep(connection: Connection) -> dict[str, int]:
    """Files whose time is up go; manifests that were left open by a process that died are closed."""
    return {
        "expired": connection.execute(_EXPIRED).rowcount,
        "closed": connection.execute(_LEFT).rowcount,
    }


_TAKE_UP = text("""
UPDATE data_exports SET status = 'running', attempt = attempt + 1, row_count = 0, byte_count = 0, beat_at = clock_timestamp()
WHERE id = :id AND in_background AND status IN ('waiting', 'running')
RETURNING *
""")
_BEAT = text("""
UPDATE data_exports SET row_count = :rows, byte_count = :bytes, beat_at = clock_timestamp()
WHERE id = :id AND attempt = :attempt AND status = 'running'
""")
_KEEP = text("""
INSERT INTO data_export_pieces (data_export_id, number, piece)
SELECT id, :number, :piece FROM data_exports WHERE id = :id AND attempt = :attempt AND status = 'running'
""")
_DROP = text("DELETE FROM data_export_pieces WHERE data_export_id = :id")
_CANCEL = text("""
UPDATE data_exports SET status = 'cancelled', finished_at = clock_timestamp()
WHERE id = :id AND in_background AND status IN ('waiting', 'running')
""")
_MANIFEST = text("""
SELECT e.*, e.status = 'done' AND e.expires_at > clock_timestamp() AS is_there, a.display_name AS taken_by
FROM data_exports e LEFT JOIN app_users a ON a.id = e.app_user_id
WHERE e.id = :id AND e.tenant_id = :tenant
""")
_PIECE = text("SELECT piece FROM data_export_pieces WHERE data_export_id = :id AND number = :number")
_EXPIRED = text("""
DELETE FROM data_export_pieces p USING data_exports e WHERE e.id = p.data_export_id
AND e.status <> 'running' AND (e.status <> 'done' OR e.expires_at < clock_timestamp())
""")
_LEFT = text("""
UPDATE data_exports e SET status = CASE WHEN in_background THEN 'failed' ELSE 'broken_off' END,
       why = 'The process that made it ended before the file did.', finished_at = clock_timestamp()
WHERE status IN ('waiting', 'running') AND beat_at < clock_timestamp() - interval '6 hours'
AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j WHERE j.task_name = 'export.make' AND j.status IN ('todo', 'doing')
                AND j.args ->> 'export_id' = e.id::text)
""")
