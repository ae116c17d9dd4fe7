"""What the console does for itself, unasked: watches its health, seals the ledger, frees stuck work, forgets what has aged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from app.core.db import db
from app.engine import background, gauges, health
from app.engine.apply import transaction

log = logging.getLogger("console.upkeep")

BATCH = 5000  # rows in one transaction: short locks, and a stop in between loses nothing

# Days kept, by section 14 of the data dictionary. A company may ask for more in settings.retention.<name>; the longest holds.
KEPT = {
    "metrics_minute": 7,
    "metrics_hour": 90,
    "metrics_day": 1100,
    "system_health": 30,
    "system_health_changes": 400,
    "error_logs": 90,
    "user_sessions": 400,
    "auth_tokens": 30,
    "queue_succeeded": 14,
    "queue_failed": 90,
    "sessions": 0,
}

_AGED = {
    "metrics_minute": ("metrics", "bucket = 'minute' AND bucket_start < :before"),
    "metrics_hour": ("metrics", "bucket = 'hour' AND bucket_start < :before"),
    "metrics_day": ("metrics", "bucket = 'day' AND bucket_start < :before"),
    "system_health": ("system_health", "NOT changed AND checked_at < :before"),
    "system_health_changes": ("system_health", "changed AND checked_at < :before"),
    "error_logs": ("error_logs", "occurred_at < :before"),
    # The end of a session is the end of its row; the sign-in itself stays in user_sessions.
    "sessions": ("sessions", "least(idle_expires_at, absolute_expires_at) < :before"),
    "user_sessions": (
        "user_sessions u",
        "u.started_at < :before AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_session_id = u.id)",
    ),
    "auth_tokens": ("auth_tokens", "expires_at < :before"),
    "queue_succeeded": (
        "procrastinate_jobs j",
        "j.status IN ('succeeded', 'cancelled', 'aborted') AND NOT EXISTS"
        " (SELECT 1 FROM procrastinate_events e WHERE e.job_id = j.id AND e.at >= :before)",
    ),
    "queue_failed": (
        "procrastinate_jobs j",
        "j.status = 'failed' AND NOT EXISTS (SELECT 1 FROM procrastinate_events e WHERE e.job_id = j.id AND e.at >= :before)",
    ),
}


@background.every("* * * * *", "health.run")
def run_due_checks() -> int:
    """Run the health checks whose interval has passed."""
    with db.engine.connect() as connection:
        keys = health.due(connection)
    return len(health.run_checks(keys))


@background.every("* * * * *", "ledger.seal")
def seal_ledger() -> int:
    """Chain the change sets committed since the last time, so that no later edit of them goes unnoticed."""
    from app.engine import sealing

    return sealing.seal()


@background.every("*/2 * * * *", "queue.sweep")
async def sweep_queue() -> Mapping[str, int]:
    """Hand the queued jobs of dead workers to the living."""
    return await background.sweep()


@background.every("7 * * * *", "gauges.keep")
def keep_gauges() -> int:
    """Write today's business figures, for their lines over time."""
    return gauges.keep_gauges()


@background.every("23 * * * *", "retention.prune")
def prune() -> dict[str, int]:
    """Delete what has aged out, in batches; what it did not get to it does in the next hour."""
    days = _days()
    pruned = {name: _prune(name, days[name]) for name in _AGED}
    log.info("pruned", extra={"rows": {name: count for name, count in pruned.items() if count}})
    return pruned


def _days() -> dict[str, int]:
    with db.engine.connect() as connection:
        wishes = connection.execute(
            text("SELECT settings -> 'retention' FROM tenants WHERE settings ? 'retention'")
        ).scalars()
        own = [wish for wish in wishes if isinstance(wish, dict)]
    return {name: max([kept, *(_whole(wish.get(name)) for wish in own)]) for name, kept in KEPT.items()}


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _prune(name: str, days: int, batches: int = 50) -> int:
    table, aged = _AGED[name]
    alias = table.split()[-1]
    statement = text(f"""
        DELETE FROM {table} WHERE {alias}.ctid = ANY (ARRAY(
            SELECT {alias}.ctid FROM {table} WHERE {aged} LIMIT :batch))
    """)
    total = 0
    for _ in range(batches):
        with transaction() as connection:
            before = connection.execute(
                text("SELECT clock_timestamp() - make_interval(days => :days)"), {"days": days}
            ).scalar_one()
            deleted = connection.execute(statement, {"before": before, "batch": BATCH}).rowcount
        total += deleted
        if deleted < BATCH:
            break
    return total
