"""Whether the agents are well: their calls answer, in time, within budget, and people keep up with reviewing them."""

from sqlalchemy import Connection, text

from app.engine.health import Measured, check

ENOUGH = 10  # calls in 15 minutes; fewer can neither prove nor accuse

_RECENT = text("""
    SELECT count(*) AS ended, count(*) FILTER (WHERE status IN ('error', 'timeout', 'rate_limited', 'blocked')) AS failed,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) AS p95
    FROM ai_calls
    WHERE tenant_id = :tenant_id AND status <> 'running' AND started_at > clock_timestamp() - interval '15 minutes'
""")


@check("ai.error_rate", group="ai", title="Failed model calls", unit="%", warn=5, crit=20, per_tenant=True)
def error_rate(connection: Connection, tenant_id: int) -> Measured:
    """Calls that ended in error, time-out, rate limit or block, as a share of all that ended in the last 15 minutes."""
    row = connection.execute(_RECENT, {"tenant_id": tenant_id}).one()
    if not row.ended:
        return Measured(None, "No calls in the last 15 min", idle=True)
    share = round(100 * row.failed / row.ended, 1)
    if row.ended < ENOUGH:
        few = f"{row.failed} of {row.ended} calls failed; fewer than {ENOUGH} are too few to judge"
        return Measured(share, few, verdict="unknown" if row.failed else "ok")
    return Measured(share, f"{row.failed} of {row.ended:,} calls failed")


@check("ai.p95_ms", group="ai", title="Slow model calls (p95)", unit="ms", warn=10_000, crit=30_000, per_tenant=True)
def p95(connection: Connection, tenant_id: int) -> Measured:
    """The time within which 95 of 100 calls of the last 15 minutes ended."""
    row = connection.execute(_RECENT, {"tenant_id": tenant_id}).one()
    if row.p95 is None:
        return Measured(None, "No calls in the last 15 min", idle=True)
    if row.ended < ENOUGH:
        few = f"{row.ended} calls; fewer than {ENOUGH} are too few to judge"
        return Measured(round(row.p95), few, verdict="ok" if row.p95 < 10_000 else "unknown")
    return Measured(round(row.p95), f"Over {row.ended:,} calls")


@check("ai.spend", group="ai", title="Budget used today", unit="%", warn=80, crit=100, every=300, per_tenant=True)
def spend(connection: Connection, tenant_id: int) -> Measured:
    """What each agent has cost since midnight in the company's time zone, against its daily budget; the one nearest its limit."""
    rows = connection.execute(
        text("""
            WITH midnight AS (
                SELECT date_trunc('day', clock_timestamp() AT TIME ZONE timezone) AT TIME ZONE timezone AS at
                FROM tenants WHERE id = :tenant_id
            )
            SELECT a.name, a.daily_budget, coalesce(sum(c.total_cost), 0) AS cost
            FROM ai_agents a
            LEFT JOIN ai_calls c ON c.agent_id = a.id AND c.started_at >= (SELECT at FROM midnight)
            WHERE a.tenant_id = :tenant_id AND a.status = 'active' AND a.daily_budget > 0
            GROUP BY a.id ORDER BY coalesce(sum(c.total_cost), 0) / a.daily_budget DESC
        """),
        {"tenant_id": tenant_id},
    ).all()
    if not rows:
        return Measured(None, "No active agent has a daily budget", idle=True)
    nearest = rows[0]
    share = round(100 * nearest.cost / nearest.daily_budget, 1)
    words = f"{nearest.name}: ${nearest.cost:,.2f} of ${nearest.daily_budget:,.2f}"
    return Measured(share, words, {"agents": {row.name: float(row.cost) for row in rows}})


@check(
    "ai.review_backlog",
    group="ai",
    title="Decisions to review",
    unit="decisions",
    warn=20,
    crit=100,
    every=300,
    per_tenant=True,
)
def review_backlog(connection: Connection, tenant_id: int) -> Measured:
    """Decisions of more than low risk that nobody has looked at."""
    count = connection.execute(
        text("""
            SELECT count(*) FROM (
                SELECT 1 FROM ai_decision_logs
                WHERE tenant_id = :tenant_id AND reviewed_at IS NULL AND risk <> 'low' LIMIT 10000
            ) AS waiting
        """),
        {"tenant_id": tenant_id},
    ).scalar_one()
    return Measured(count, "At least; counting stops at 10,000" if count == 10_000 else "")
