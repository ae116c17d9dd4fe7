"""What has just been committed, read from the ledger: by the sets one was told of, or all since a mark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

CHANNEL = "console_live"
"""Where the database tells of changes, of people coming and going, and of our own probes; see migration 0025."""
MOST = 500
"""Changes of one moment that are told one by one; beyond, only that there was much."""
REACH_S = 3600
"""How far back one can resume. It is also the longest a transaction may take and still be found by who resumes."""


@dataclass(frozen=True)
class Mark:
    """A place in the stream of commits: every transaction before `xmin` was over and visible when it was taken.

    An entry's number would not do: numbers are given out while a transaction runs, and a lower one may be committed later.
    """

    xmin: int
    taken: int
    """Seconds of the database's clock."""

    def __str__(self) -> str:
        return f"{self.xmin}.{self.taken}"

    @classmethod
    def read(cls, text: str | None) -> Mark | None:
        """The mark a browser brought back, or None."""
        found = re.fullmatch(r"([0-9]{1,18})\.([0-9]{1,12})", text or "", re.ASCII)
        return cls(int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True)
class Entry:
    """One record's change, without its values."""

    id: int
    set_id: int
    by_id: int | None
    by: str
    tenant_id: int | None
    table: str
    record_id: str
    operation: str
    row: Mapping[str, Any]
    """The whole row where it came or went; nothing where it was changed."""


@dataclass(frozen=True)
class Batch:
    """Changes in the order they were made. `more`: there were too many, or they lie too far back, to be told one by one."""

    entries: tuple[Entry, ...] = ()
    more: bool = False


_READ = """
SELECT e.id, s.id, s.app_user_id,
       coalesce(u.display_name, CASE s.actor_type WHEN 'outside' THEN coalesce(nullif(s.application_name, ''), s.db_role)
           WHEN 'system' THEN 'BrainOps Console' ELSE s.actor_type END),
       e.tenant_id, e.table_name, e.record_id, e.operation,
       CASE WHEN e.operation <> 'update' THEN coalesce(e.after, e.before)::text END
FROM ({sets}) s
CROSS JOIN LATERAL (SELECT * FROM change_entries WHERE change_set_id = s.id ORDER BY id LIMIT :most) e
LEFT JOIN app_users u ON u.id = s.app_user_id
LIMIT :most
"""
# The sets first, and of each no more than is told: a LIMIT over entries in their order has the planner walk the ledger from
# its first day. `OFFSET 0` keeps it from joining otherwise.
_TOLD = text(_READ.format(sets="SELECT * FROM change_sets WHERE id = ANY(:sets) ORDER BY id OFFSET 0"))
_SINCE = text(
    _READ.format(
        sets="SELECT * FROM change_sets WHERE xid >= CAST(CAST(:xmin AS text) AS xid8)"
        " AND created_at > clock_timestamp() - make_interval(secs => :reach) ORDER BY xid OFFSET 0"
    )
)
_RECENT = text(
    _READ.format(
        sets="SELECT * FROM change_sets WHERE created_at > clock_timestamp() - make_interval(secs => :reach) OFFSET 0"
    )
)
_NOW = text(
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text, extract(epoch FROM clock_timestamp())::bigint,"
    " pg_snapshot_xmax(pg_current_snapshot())::text"
)


def now(connection: Connection) -> Mark:
    """The mark of this moment."""
    xmin, taken, _xmax = connection.execute(_NOW).one()
    return Mark(int(xmin), int(taken))


def told(connection: Connection, sets: Iterable[int]) -> Batch:
    """The entries of these change sets."""
    return _batch(connection.execute(_TOLD, {"sets": list(sets), "most": MOST + 1}).all())


def since(connection: Connection, mark: Mark) -> Batch:
    """Everything committed since a mark, and at times a little that was before it; who resumes takes that twice."""
    _xmin, seconds, xmax = connection.execute(_NOW).one()
    if not 0 <= seconds - mark.taken < REACH_S * 0.9 or mark.xmin > int(xmax):
        return Batch(more=True)
    return _batch(connection.execute(_SINCE, {"xmin": str(mark.xmin), "reach": REACH_S, "most": MOST + 1}).all())


def recent(connection: Connection, seconds: float) -> Batch:
    """Everything written within the last seconds, for who has no mark yet."""
    return _batch(connection.execute(_RECENT, {"reach": seconds, "most": MOST + 1}).all())


def _batch(rows: Any) -> Batch:
    entries = (Entry(*(*row[:8], json.loads(row[8]) if row[8] else {})) for row in rows[:MOST])
    return Batch(tuple(sorted(entries, key=lambda each: each.id)), len(rows) > MOST)
