"""Whether people keep up with what only people can do: decide what waits for a second person, mend what is badly wrong."""

from __future__ import annotations

from sqlalchemy import Connection, text

from app.engine.health import Measured, check
from app.engine.quality.rules import titles


@check(
    "approvals.age", group="ai", title="Oldest approval waiting", unit="h", warn=4, crit=24, every=300, per_tenant=True
)
def approvals(connection: Connection, tenant_id: int) -> Measured:
    """How long the oldest request has waited that can still be decided."""
    row = connection.execute(
        text("""
            SELECT count(*) AS waiting, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) / 3600 AS hours
            FROM approval_requests
            WHERE tenant_id = :tenant_id AND status = 'pending' AND coalesce(expires_at > clock_timestamp(), true)
        """),
        {"tenant_id": tenant_id},
    ).one()
    return Measured(round(row.hours, 1), f"{row.waiting:,} wait" if row.waiting else "None waits")


@check(
    "data.critical_findings", group="data", title="Critical data problems", unit="problems", warn=1, crit=10, every=3600,
    per_tenant=True,
)  # fmt: skip
def critical_findings(connection: Connection, tenant_id: int) -> Measured:
    """Open problems in the records that cost money or trust while they stand."""
    rows = connection.execute(
        text("""
            SELECT rule_key, count(*) AS found FROM data_quality_findings
            WHERE tenant_id = :tenant_id AND status = 'open' AND severity = 'critical' GROUP BY 1 ORDER BY 2 DESC, 1
        """),
        {"tenant_id": tenant_id},
    ).all()
    known = titles()
    words = "; ".join(f"{known.get(row.rule_key, row.rule_key)}: {row.found:,}" for row in rows[:3])
    looked = connection.execute(
        text("SELECT count(*) FROM quality_looks WHERE tenant_id = :tenant_id AND looked_at IS NOT NULL"),
        {"tenant_id": tenant_id},
    ).scalar_one()
    if not rows and not looked:
        return Measured(None, "No rule has been looked at yet")
    return Measured(sum(row.found for row in rows), words or "None found", {row.rule_key: row.found for row in rows})
