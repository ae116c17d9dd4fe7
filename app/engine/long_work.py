"""The life of long work: rehearsed, then applied in batches of which each is whole, stopped between two and taken up again.

A fix of many records, an import and a series of merges live alike, each kind in a table of its own that has the columns
`state`, `stop_asked`, `attempt`, `beat_at`, `sha256`, `why`, `reason`, `request_id`, `ip`, `expires_at` and `finished_at`.
An attempt is one process's turn at it: whoever holds an older number was taken for dead and does nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, text

from app.engine.refusals import Refusal, Stale


class Stopped(Refusal):
    """Somebody asked to stop, or another worker took it over."""


class Work(Protocol):
    """One piece of it, as its kind reads it."""

    @property
    def id(self) -> int: ...


@dataclass(frozen=True)
class LongWork:
    """One kind of long work, by the table it is kept in and what people call it."""

    table: str
    one: str
    preparing: tuple[str, ...] = ("rehearsing",)
    """The states in which it is read or rehearsed."""
    unprepared: str = "draft"
    """What it is when it was stopped in one of them."""

    def _do(self, statement: str, connection: Connection, number: int, **values: Any) -> Any:
        asked = text(statement.format(table=self.table))
        return connection.execute(asked, {"id": number, "preparing": list(self.preparing), **values})

    def prepare(self, connection: Connection, number: int, state: str = "rehearsing") -> int | None:
        """Take a turn at reading or rehearsing it, from its beginning; None where it was stopped or is through."""
        attempt: int | None = self._do(_PREPARE, connection, number, state=state).scalar()
        return attempt

    def seen(self, connection: Connection, number: int, attempt: int, rows: int) -> None:
        """So many more are rehearsed. Raises Stopped when told to."""
        if self._do(_SEEN, connection, number, attempt=attempt, rows=rows).rowcount != 1:
            raise Stopped("The rehearsal was stopped.")

    def begin(
        self,
        connection: Connection,
        work: Work,
        sha256: str | None,
        reason: str,
        request_id: str | None,
        ip: str | None,
    ) -> None:
        """Let it be applied, once, as it was rehearsed. Raises Stale where that cannot be any more."""
        values = {"sha256": sha256, "reason": reason.strip()[:1000], "request": request_id, "ip": ip}
        if self._do(_BEGIN, connection, work.id, **values).rowcount != 1:
            raise Stale(f"This {self.one} is being applied or was applied already. Nothing was done twice.")

    def take_up(self, connection: Connection, number: int) -> int | None:
        """Take a turn at applying it; None where there is nothing to apply."""
        attempt: int | None = self._do(_TAKE_UP, connection, number).scalar()
        return attempt

    def hold(self, connection: Connection, number: int, attempt: int) -> None:
        """Keep it to oneself while a batch is written, so that no two workers are at it. Raises Stopped when told to."""
        if self._do(_HOLD, connection, number, attempt=attempt).rowcount != 1:
            raise Stopped(f"Somebody stopped this {self.one}.")

    def rest(self, connection: Connection, number: int, attempt: int) -> None:
        """Between two batches: stopped, where somebody asked for it."""
        self._do(_REST, connection, number, attempt=attempt)

    def done(self, connection: Connection, number: int, attempt: int) -> None:
        """All of it is applied."""
        self._do(_DONE, connection, number, attempt=attempt)

    def stop(self, connection: Connection, work: Work) -> None:
        """Ask whoever is at it to stop after the batch in hand; where nobody is any more, it is stopped at once."""
        self._do(_STOP, connection, work.id, unprepared=self.unprepared)

    def go_on(self, connection: Connection, work: Work) -> None:
        """Take it up where it stands. Raises Stale for what is not stopped."""
        if self._do(_GO_ON, connection, work.id).rowcount != 1:
            raise Stale(f"This {self.one} is not stopped.")

    def discard(self, connection: Connection, work: Work) -> None:
        """Give it up before anything of it was applied. Raises Stale for any other."""
        if self._do(_DISCARD, connection, work.id).rowcount != 1:
            raise Stale(f"This {self.one} is under way or was applied already; it cannot be thrown away.")

    def fail(self, connection: Connection, number: int, why: str) -> None:
        """End what cannot go on, with why. What was applied of it stays applied and can be undone."""
        self._do(_FAIL, connection, number, why=why[:500])


_PREPARE = """
UPDATE {table} SET attempt = attempt + 1, seen = 0, beat_at = clock_timestamp()
WHERE id = :id AND state = :state AND NOT stop_asked RETURNING attempt
"""
_SEEN = """
UPDATE {table} SET seen = seen + :rows, beat_at = clock_timestamp()
WHERE id = :id AND attempt = :attempt AND state = 'rehearsing' AND NOT stop_asked
"""
_BEGIN = """
UPDATE {table} SET state = 'applying', reason = :reason, request_id = :request, ip = CAST(:ip AS inet), stop_asked = false,
    beat_at = clock_timestamp()
WHERE id = :id AND state = 'ready' AND sha256 = :sha256 AND expires_at > clock_timestamp()
"""
_TAKE_UP = """
UPDATE {table} SET attempt = attempt + 1, beat_at = clock_timestamp() WHERE id = :id AND state = 'applying' RETURNING attempt
"""
_HOLD = """
UPDATE {table} SET beat_at = clock_timestamp()
WHERE id = :id AND attempt = :attempt AND state = 'applying' AND NOT stop_asked
"""
_REST = """
UPDATE {table} SET state = 'stopped', stop_asked = false
WHERE id = :id AND attempt = :attempt AND state = 'applying' AND stop_asked
"""
_DONE = """
UPDATE {table} SET state = 'done', finished_at = clock_timestamp()
WHERE id = :id AND attempt = :attempt AND state = 'applying'
"""
_STOP = """
UPDATE {table} SET stop_asked = true, state = CASE WHEN state = ANY(:preparing) THEN :unprepared
    WHEN beat_at < clock_timestamp() - interval '3 minutes' THEN 'stopped' ELSE state END
WHERE id = :id AND (state = ANY(:preparing) OR state = 'applying')
"""
_GO_ON = """
UPDATE {table} SET state = 'applying', why = NULL, stop_asked = false, beat_at = clock_timestamp()
WHERE id = :id AND state = 'stopped'
"""
_DISCARD = """
UPDATE {table} SET state = 'cancelled', finished_at = clock_timestamp()
WHERE id = :id AND state IN ('draft', 'ready', 'failed')
"""
_FAIL = """
UPDATE {table} SET why = :why, stop_asked = false, state = CASE WHEN state = 'applying' THEN 'stopped' ELSE 'failed' END
WHERE id = :id AND (state = ANY(:preparing) OR state = 'applying')
"""
