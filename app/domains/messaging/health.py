"""Whether messages get out, webhooks are answered and what services tell us is worked off."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from app.engine.health import Measured, check

ENOUGH = 20  # messages in an hour; fewer can neither prove nor accuse
STREAK = 5
SHARED: dict[str, Any] = {"group": "integration", "per_tenant": True}


@check("outbox.oldest_s", title="Oldest message waiting", unit="s", warn=300, crit=1_800, **SHARED)
def oldest(connection: Connection, tenant_id: int) -> Measured:
    """How long the message has waited that should have left first; what is planned for later does not wait yet."""
    row = connection.execute(
        text("""
            SELECT count(*) AS waiting, coalesce(extract(epoch FROM clock_timestamp() - min(due)), 0) AS seconds
            FROM (SELECT coalesce(next_attempt_at, send_after, created_at) AS due FROM message_outbox
                  WHERE tenant_id = :tenant_id AND status = 'queued') AS queued
            WHERE due <= clock_timestamp()
        """),
        {"tenant_id": tenant_id},
    ).one()
    return Measured(round(row.seconds), f"{row.waiting:,} should have left" if row.waiting else "None waits")


@check("outbox.failures_1h", title="Messages that failed", unit="%", warn=5, crit=15, **SHARED)
def failures(connection: Connection, tenant_id: int) -> Measured:
    """Refused or failed for good, as a share of what came to an end within the last hour."""
    row = connection.execute(
        text("""
            SELECT count(*) AS ended, count(*) FILTER (WHERE status IN ('permanent_failure', 'technical_failure')) AS failed
            FROM message_outbox
            WHERE tenant_id = :tenant_id AND updated_at > clock_timestamp() - interval '1 hour'
              AND created_at > clock_timestamp() - interval '1 day'
              AND status IN ('sent', 'delivered', 'permanent_failure', 'technical_failure')
        """),
        {"tenant_id": tenant_id},
    ).one()
    if not row.ended:
        return Measured(None, "No messages in the last hour", idle=True)
    share = round(100 * row.failed / row.ended, 1)
    if row.ended < ENOUGH:
        few = f"{row.failed} of {row.ended} messages failed; fewer than {ENOUGH} are too few to judge"
        return Measured(share, few, verdict="unknown" if row.failed else "ok")
    return Measured(share, f"{row.failed} of {row.ended:,} messages failed")


@check("webhooks.failing", title="Webhooks that fail", unit="webhooks", warn=1, crit=3, **SHARED)
def failing(connection: Connection, tenant_id: int) -> Measured:
    """Addresses still called that failed five times or more in a row."""
    rows = connection.execute(
        text("""
            SELECT id, url, failure_streak FROM webhook_endpoints
            WHERE tenant_id = :tenant_id AND archived_at IS NULL AND status = 'enabled' AND failure_streak >= :streak
            ORDER BY failure_streak DESC, id
        """),
        {"tenant_id": tenant_id, "streak": STREAK},
    ).all()
    words = f"{rows[0].url}: {rows[0].failure_streak} in a row" if rows else "All of them answer"
    examples = [{"table": "webhook_endpoints", "id": row.id, "label": row.url} for row in rows[:5]]
    return Measured(len(rows), words, {"examples": examples})


@check("inbound.unprocessed_s", title="Oldest event not processed", unit="s", warn=300, crit=1_800, **SHARED)
def unprocessed(connection: Connection, tenant_id: int) -> Measured:
    """How long the oldest event has lain that a service sent and nobody has worked on."""
    row = connection.execute(
        text("""
            SELECT count(*) AS waiting, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) AS seconds
            FROM inbound_events WHERE tenant_id = :tenant_id AND status = 'received'
        """),
        {"tenant_id": tenant_id},
    ).one()
    return Measured(round(row.seconds), f"{row.waiting:,} wait" if row.waiting else "None waits")
