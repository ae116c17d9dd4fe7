"""What the health board shows: the last word of every check, how old it is, what it was before, and the worst of all."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from app.core import clock
from app.engine.health import ORDER, STALE_AFTER, Check, checks

# The turns come from their own small index: looking for the last one check by check would walk a month of minutes.
_LATEST = text("""
    WITH flips AS (
        SELECT check_key, max(checked_at) AS flipped_at FROM system_health
        WHERE changed AND (tenant_id IS NULL OR tenant_id = :tenant_id) GROUP BY check_key
    )
    SELECT wanted.check_key, last.*, flips.flipped_at
    FROM unnest(CAST(:keys AS text[])) AS wanted (check_key)
    CROSS JOIN LATERAL (
        SELECT h.id, h.status, h.value, h.warn_at, h.crit_at, h.message, h.details, h.latency_ms, h.checked_at,
               h.muted_until, h.acked_at, p.display_name AS acked_by
        FROM system_health h LEFT JOIN app_users p ON p.id = h.acked_by
        WHERE h.check_key = wanted.check_key AND (h.tenant_id IS NULL OR h.tenant_id = :tenant_id)
        ORDER BY h.checked_at DESC LIMIT 1
    ) AS last
    LEFT JOIN flips ON flips.check_key = wanted.check_key
""")

# One point per bucket, so that a day of minutes draws in a hundred points; the worst state of a bucket is its state.
_SERIES = text("""
    SELECT check_key, width_bucket(extract(epoch FROM checked_at), :since, :until, :points) AS slot,
           avg(value) AS value,
           CASE max(CASE status WHEN 'crit' THEN 3 WHEN 'warn' THEN 2 WHEN 'unknown' THEN 1 ELSE 0 END)
               WHEN 3 THEN 'crit' WHEN 2 THEN 'warn' WHEN 1 THEN 'unknown' ELSE 'ok' END AS status
    FROM system_health
    WHERE check_key = ANY (CAST(:keys AS text[])) AND (tenant_id IS NULL OR tenant_id = :tenant_id)
      AND checked_at >= to_timestamp(:since) AND checked_at < to_timestamp(:until)
    GROUP BY 1, 2 ORDER BY 1, 2
""")

_HISTORY = """
    SELECT id, status, value, message, latency_ms, checked_at, changed
    FROM system_health
    WHERE check_key = :key AND (tenant_id IS NULL OR tenant_id = :tenant_id) {flips} {after}
    ORDER BY checked_at DESC, id DESC LIMIT :limit
"""


@dataclass(frozen=True)
class Reading:
    """The last word of one check. `status` is what may be shown: a word too old to trust reads `unknown`."""

    check: Check
    status: str
    recorded: str | None
    value: Decimal | None
    message: str
    checked_at: datetime | None
    flipped_at: datetime | None
    warn: Decimal | None
    crit: Decimal | None
    details: dict[str, Any]
    latency_ms: int | None
    stale: bool
    idle: bool
    muted_until: datetime | None
    acked_at: datetime | None
    acked_by: str | None
    row_id: int | None

    @property
    def failing(self) -> bool:
        """Whether somebody ought to look: not ok, not merely quiet, and not muted."""
        return self.status != "ok" and not self.idle and self.muted_until is None


def readings(connection: Connection, tenant_id: int, keys: Iterable[str] | None = None) -> list[Reading]:
    """The state of every check (or of those named), also of the ones that never ran."""
    wanted = [one for one in checks() if keys is None or one.key in set(keys)]
    rows = connection.execute(_LATEST, {"keys": [one.key for one in wanted], "tenant_id": tenant_id})
    last = {row.check_key: row for row in rows}
    now = clock.now()
    return [_reading(one, last.get(one.key), now) for one in wanted]


def _reading(one: Check, row: Any, now: datetime) -> Reading:
    if row is None:
        never = "Not checked yet: the worker runs the checks"
        return Reading(one, "unknown", None, None, never, None, None, _decimal(one.warn), _decimal(one.crit), {}, None,
                       True, False, None, None, None, None)  # fmt: skip
    stale = now - row.checked_at > timedelta(seconds=one.every * STALE_AFTER)
    muted = row.muted_until if row.muted_until and row.muted_until > now else None
    return Reading(
        check=one,
        status="unknown" if stale else row.status,
        recorded=row.status,
        value=row.value,
        message=row.message or "",
        checked_at=row.checked_at,
        flipped_at=row.flipped_at,
        warn=row.warn_at,
        crit=row.crit_at,
        details=row.details,
        latency_ms=row.latency_ms,
        stale=stale,
        idle=bool(row.details.get("idle")) and not stale,
        muted_until=muted,
        acked_at=row.acked_at,
        acked_by=row.acked_by,
        row_id=row.id,
    )


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def series(
    connection: Connection, tenant_id: int, keys: Iterable[str], span: timedelta, points: int = 96
) -> dict[str, list[tuple[int, float | None, str]]]:
    """For each check its history over `span` as (slot, mean value, worst state): slots without a row are absent, not zero."""
    until = clock.now().timestamp()
    rows = connection.execute(
        _SERIES,
        {
            "keys": list(keys),
            "tenant_id": tenant_id,
            "since": until - span.total_seconds(),
            "until": until,
            "points": points,
        },
    )
    found: dict[str, list[tuple[int, float | None, str]]] = {}
    for row in rows:
        value = None if row.value is None else float(row.value)
        found.setdefault(row.check_key, []).append((row.slot, value, row.status))
    return found


def history(
    connection: Connection,
    tenant_id: int,
    key: str,
    *,
    flips: bool = False,
    after: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[Any]:
    """Rows of one check, newest first; only the turns with `flips`; those older than the (time, id) of `after`."""
    statement = _HISTORY.format(
        flips="AND changed" if flips else "",
        after="AND (checked_at, id) < (:after_at, :after_id)" if after else "",
    )
    values: dict[str, Any] = {"key": key, "tenant_id": tenant_id, "limit": limit}
    if after:
        values |= {"after_at": after[0], "after_id": after[1]}
    return list(connection.execute(text(statement), values))


_worst: dict[int, tuple[float, tuple[str, str]]] = {}


def worst_now(connection: Connection, tenant_id: int, keep_s: float = 10) -> tuple[str, str]:
    """The worst state of all checks and the words for it, for the light in the top bar; kept for ten seconds per process."""
    kept = _worst.get(tenant_id)
    if kept and time.monotonic() - kept[0] < keep_s:
        return kept[1]
    answer = summary(readings(connection, tenant_id))
    _worst[tenant_id] = (time.monotonic(), answer)
    return answer


def forget_worst() -> None:
    """Let the next page ask anew: after a check was run, muted or acknowledged by hand."""
    _worst.clear()


def summary(board: Iterable[Reading]) -> tuple[str, str]:
    """(state, words): how many fail, are degraded or are not known; what is muted or merely quiet does not count."""
    counts = dict.fromkeys(ORDER, 0)
    for reading in board:
        if reading.failing or reading.status == "ok":
            counts[reading.status] += 1
    words = {"crit": "failing", "warn": "degraded", "unknown": "unknown"}
    for status in sorted(words, key=ORDER.__getitem__):
        if counts[status]:
            return status, f"{counts[status]} {words[status]}"
    return ("ok", "All well") if counts["ok"] else ("unknown", "Nothing checked")
