"""What the console does for itself, unasked: watches its health, seals the ledger, frees stuck work, forgets what has aged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from psycopg.errors import LockNotAvailable
from sqlalchemy import TextClause, text
from sqlalchemy.exc import OperationalError

from app.core.db import db
from app.engine import background, gauges, health, sealing
from app.engine.apply import transaction

logger = logging.getLogger("console.upkeep")

HOUR = 3600
BATCH = 5000  # rows in one transaction: short locks, and a stop in between loses nothing

# The logs, whose shortest times section 14 of the data dictionary sets and the database itself guards (prune_log):
# metrics by minute 7 days, by hour 90, by day 1,100; health results 30, their turns 400; errors 90; sign-ins 400.
# A company may ask for longer in settings.retention.<log>, in days; the longest wish holds.
LOGS = ("metrics", "system_health", "error_logs", "user_sessions")

# What may be deleted outright: (table, what has aged). A session's sign-in stays in user_sessions.
ENDED = {
    "sessions": ("sessions s", "least(s.idle_expires_at, s.absolute_expires_at) < clock_timestamp()"),
    "auth_tokens": ("auth_tokens t", "t.expires_at < clock_timestamp() - interval '30 days'"),
    "answers": ("idempotent_requests i", "i.claimed_at < clock_timestamp() - interval '24 hours'"),
    "queue.succeeded": (
        "procrastinate_jobs j",
        "j.status IN ('succeeded', 'cancelled', 'aborted') AND NOT EXISTS (SELECT 1 FROM procrastinate_events e"
        " WHERE e.job_id = j.id AND e.at >= clock_timestamp() - interval '14 days')",
    ),
    "queue.failed": (
        "procrastinate_jobs j",
        "j.status = 'failed' AND NOT EXISTS (SELECT 1 FROM procrastinate_events e"
        " WHERE e.job_id = j.id AND e.at >= clock_timestamp() - interval '90 days')",
    ),
    # Its picture for people, as long; a row that a run or an error still names stays with it.
    "queue.picture": (
        "scheduled_tasks t",
        "t.created_at < clock_timestamp() - CASE WHEN t.status IN ('succeeded', 'cancelled', 'aborted')"
        " THEN interval '14 days' ELSE interval '90 days' END AND t.status NOT IN ('queued', 'running')"
        " AND NOT EXISTS (SELECT 1 FROM automation_runs r WHERE r.scheduled_task_id = t.id)"
        " AND NOT EXISTS (SELECT 1 FROM error_logs l WHERE l.scheduled_task_id = t.id)",
    ),
    # Plans of bulk fixes: those never applied a week after their day, the others with the values they hold in 90 days.
    "bulk.plans": (
        "bulk_plans p",
        "p.state NOT IN ('rehearsing', 'applying') AND p.expires_at < clock_timestamp()"
        " - CASE WHEN p.applied = 0 THEN interval '7 days' ELSE interval '90 days' END",
    ),
    # Imports likewise; where each record came from is kept apart from them, for good.
    "imports": (
        "imports i",
        "i.state NOT IN ('reading', 'rehearsing', 'applying') AND i.expires_at < clock_timestamp()"
        " - CASE WHEN i.applied = 0 THEN interval '7 days' ELSE interval '90 days' END",
    ),
    "merge.runs": (
        "merge_runs m",
        "m.state NOT IN ('rehearsing', 'applying') AND m.expires_at < clock_timestamp()"
        " - CASE WHEN m.merged = 0 THEN interval '7 days' ELSE interval '90 days' END",
    ),
    "workers": (
        "workers w",
        "w.status = 'stopped' AND w.last_heartbeat_at < clock_timestamp() - interval '30 days'"
        " AND NOT EXISTS (SELECT 1 FROM scheduled_tasks t WHERE t.worker_id = w.id AND t.status = 'running')"
        " AND NOT EXISTS (SELECT 1 FROM ai_tasks t WHERE t.worker_id = w.id)",
    ),
}


@background.every("* * * * *", "health.run")
def run_due_checks() -> int:
    """Run the health checks whose interval has passed."""
    with db.engine.connect() as connection:
        keys = health.due(connection)
    return len(health.run_checks(keys))


@background.task("health.run_check")
def run_check(key: str) -> None:
    """Run one health check now, asked for by a person."""
    health.run_checks([key])


@background.every("* * * * *", "ledger.seal")
def seal_ledger() -> int:
    """Chain the change sets committed since the last time, so that no later edit of them goes unnoticed."""
    total = 0
    while True:
        try:
            with transaction() as connection:
                sealed = sealing.seal(connection)
        except OperationalError as held:
            if not isinstance(held.orig, LockNotAvailable):
                raise
            logger.info("the chain is held by somebody else; it is gone on with in a minute")
            return total
        total += sealed
        if sealed < sealing.BATCH:
            return total


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
    wishes = _wishes()
    pruned = {log: _in_batches(_PRUNE_LOG, {"log": log, "days": wishes.get(log, 0)}) for log in LOGS}
    for name, (table, aged) in ENDED.items():
        alias = table.split()[-1]
        pruned[name] = _in_batches(
            text(f"""
                WITH gone AS (
                    DELETE FROM {table} WHERE {alias}.ctid = ANY (ARRAY(
                        SELECT {alias}.ctid FROM {table} WHERE {aged} LIMIT :batch)) RETURNING 1
                )
                SELECT count(*) FROM gone
            """),
            {},
        )
    pruned["drafts"] = _drafts()
    logger.info("pruned", extra={"rows": {name: rows for name, rows in pruned.items() if rows}})
    return pruned


def _drafts() -> int:
    """Forms begun and never saved, once their time is over; under this name one sees what has expired and nothing else."""
    with transaction() as connection:
        connection.execute(text("SELECT set_config('console.author', 'expired', true)"))
        return int(connection.execute(text("DELETE FROM form_drafts")).rowcount)


_PRUNE_LOG = text("SELECT prune_log(:log, clock_timestamp() - make_interval(days => :days), :batch)")


def _wishes() -> dict[str, int]:
    with db.engine.connect() as connection:
        wishes = connection.execute(text("SELECT settings -> 'retention' FROM tenants WHERE settings ? 'retention'"))
        own = [wish for wish in wishes.scalars() if isinstance(wish, dict)]
    return {log: max((_whole(wish.get(log)) for wish in own), default=0) for log in LOGS}


def _whole(value: Any) -> int:
    return min(value, 36_500) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _in_batches(statement: TextClause, values: dict[str, Any], batches: int = 50) -> int:
    total = 0
    for _ in range(batches):
        with transaction() as connection:
            deleted = connection.execute(statement, values | {"batch": BATCH}).scalar_one()
        total += deleted
        if deleted < BATCH:
            break
    return total
