"""How often somebody may guess: counted per account, per address and per pair, in the database, so that all processes agree.

A try is counted before the password is looked at and forgiven when it was right. Counting afterwards would let twenty
guesses sent at once all pass the same check.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class Limit:
    """`free` tries, then a wait that doubles from one second up to `longest` seconds."""

    free: int
    longest: int


# The pair stops a person at a keyboard. The account stops one guessed at from many addresses, but never for long: otherwise
# anyone could keep a colleague out by guessing wrong on purpose. The address stops one machine going through all accounts;
# an office shares one, so it may try more often.
LIMITS = {"pair": Limit(5, 900), "account": Limit(20, 60), "address": Limit(60, 900)}
FORGOTTEN = "1 hour"
"""Without a further failure for this long, counting starts again."""

_ROWS = text("""
INSERT INTO login_throttle (kind, key) SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[]))
ON CONFLICT (kind, key) DO NOTHING
""")
# Locked in one order, so that two tries for the same account never wait for each other in a circle.
_BLOCKED = text("""
SELECT kind, failures, ceil(extract(epoch FROM blocked_until - clock_timestamp()))::int AS wait,
       last_failed_at < clock_timestamp() - CAST(:forgotten AS interval) AS is_old
FROM login_throttle WHERE (kind, key) IN (SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[])))
ORDER BY kind, key FOR UPDATE
""")
_COUNT = text("""
UPDATE login_throttle SET failures = :failures, last_failed_at = clock_timestamp(),
       blocked_until = CASE WHEN :wait > 0 THEN clock_timestamp() + make_interval(secs => :wait) END
WHERE kind = :kind AND key = :key
""")
_FORGIVE = text(
    "DELETE FROM login_throttle WHERE (kind = 'pair' AND key = :pair) OR (kind = 'account' AND key = :account)"
)
_GIVE_BACK = text("""
UPDATE login_throttle SET failures = greatest(failures - 1, 0), blocked_until = NULL WHERE kind = 'address' AND key = :address
""")
_SWEEP = text("DELETE FROM login_throttle WHERE last_failed_at < now() - interval '1 day'")


@dataclass(frozen=True)
class Turn:
    """Whether a try may go on: `wait` seconds until the next one (0: now) and how many free ones are `left` after it."""

    wait: int
    left: int


def keys(email: str, address: str | None) -> dict[str, str]:
    """What a try is counted under. Digests, so that the table names nobody."""
    account, place = email.strip().casefold(), address or "unknown"
    named = {"account": account, "address": place, "pair": f"{account}\n{place}"}
    return {kind: hashlib.sha256(value.encode()).hexdigest() for kind, value in named.items()}


def take_turn(connection: Connection, email: str, address: str | None) -> Turn:
    """Count a try against all three, or say how long to wait. Same answer for an account that does not exist."""
    found = keys(email, address)
    kinds = sorted(found)
    listed = {"kinds": kinds, "keys": [found[kind] for kind in kinds]}
    connection.execute(_ROWS, listed)
    rows = {row.kind: row for row in connection.execute(_BLOCKED, listed | {"forgotten": FORGOTTEN})}
    wait = max((row.wait or 0) for row in rows.values())
    if wait > 0:
        return Turn(wait, 0)
    for kind, row in rows.items():
        failures = 1 if row.is_old else row.failures + 1
        values = {"kind": kind, "key": found[kind], "failures": failures, "wait": wait_after(failures, LIMITS[kind])}
        connection.execute(_COUNT, values)
    pair = rows["pair"]
    return Turn(0, max(0, LIMITS["pair"].free - (1 if pair.is_old else pair.failures + 1)))


def forgive(connection: Connection, email: str, address: str | None) -> None:
    """The password was right: forget the tries of this person from here, and take back the one of the address."""
    found = keys(email, address)
    connection.execute(_FORGIVE, {"pair": found["pair"], "account": found["account"]})
    connection.execute(_GIVE_BACK, {"address": found["address"]})


def wait_after(failures: int, limit: Limit) -> int:
    """Seconds to wait after so many failures in a row: 0 while they are free, then 1, 2, 4, 8 ... up to the longest."""
    over = failures - limit.free
    return 0 if over < 0 else int(min(2 ** min(over, 20), limit.longest))


def sweep(connection: Connection) -> int:
    """Remove what has not been counted on for a day; returns how many."""
    return connection.execute(_SWEEP).rowcount
