"""A request sent twice has one effect: the first claims its key, and its answer is kept in the transaction of its effect.

A claim without an answer is a request under way, or one that died; since the answer would have been committed with the
effect, one that died had none, and after a while the key may be claimed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from app.engine.apply import transaction
from app.engine.refusals import Refusal

LONGEST_KEY = 200
DEAD_AFTER_S = 90
"""Longer than any request may take (the database ends a unit of work after a minute)."""

_CLAIM = text(f"""
INSERT INTO idempotent_requests AS r (who, key, claim, fingerprint) VALUES (:who, :key, :claim, :fingerprint)
ON CONFLICT (who, key) DO UPDATE SET claim = excluded.claim, fingerprint = excluded.fingerprint,
    claimed_at = clock_timestamp(), status = NULL, location = NULL, answer = NULL
WHERE r.claimed_at < clock_timestamp() - interval '24 hours'
    OR (r.status IS NULL AND r.claimed_at < clock_timestamp() - interval '{DEAD_AFTER_S} seconds')
RETURNING claim
""")
_KEPT = text("SELECT fingerprint, status, location, answer FROM idempotent_requests WHERE who = :who AND key = :key")
_FINISH = text("""
UPDATE idempotent_requests SET status = :status, location = :location, answer = :answer
WHERE who = :who AND key = :key AND claim = :claim AND status IS NULL
""")
_RELEASE = text("DELETE FROM idempotent_requests WHERE who = :who AND key = :key AND claim = :claim AND status IS NULL")


class UnderWay(Refusal):
    """The same request is being answered at this moment: 409."""


class Reused(Refusal):
    """The key belongs to another request: 422."""


@dataclass(frozen=True)
class Kept:
    """The answer of the first time, as it was sealed."""

    status: int
    location: str | None
    answer: bytes


@dataclass(frozen=True)
class Claim:
    """The right to carry out one request."""

    who: str
    key: str
    claim: UUID

    def finish(self, connection: Connection, status: int, location: str | None, answer: bytes) -> None:
        """Keep the answer, on the connection that made the change. Raises UnderWay where another took the claim over,
        so that the change is rolled back."""
        values = {**vars(self), "status": status, "location": location, "answer": answer}
        if connection.execute(_FINISH, values).rowcount != 1:
            raise UnderWay("This request took so long that another of the same key took its place.")


def claim(who: str, key: str, fingerprint: bytes) -> Claim | Kept:
    """Claim a key, or get the answer it has already. Raises UnderWay or Reused."""
    mine = Claim(who, key, uuid4())
    with transaction() as connection:
        if connection.execute(_CLAIM, {**vars(mine), "fingerprint": fingerprint}).first() is not None:
            return mine
        kept = connection.execute(_KEPT, {"who": who, "key": key}).first()
    if kept is None:  # released between the two
        raise UnderWay("The same request is being answered at this moment. Try again shortly.")
    if bytes(kept.fingerprint) != fingerprint:
        raise Reused("This Idempotency-Key was used for another request. Take a new key for a new request.")
    if kept.status is None:
        raise UnderWay("The same request is being answered at this moment. Try again shortly.")
    return Kept(kept.status, kept.location, bytes(kept.answer))


@contextmanager
def released_on_failure(mine: Claim | None) -> Iterator[None]:
    """A request that is refused had no effect, so its key is free for the corrected one."""
    try:
        yield
    except BaseException:
        if mine is not None:
            with transaction() as connection:
                connection.execute(_RELEASE, vars(mine))
        raise
