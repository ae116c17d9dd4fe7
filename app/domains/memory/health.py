"""Whether memory can be trusted: the stores beside the database are up to date, it does not contradict itself, and it finds."""

from sqlalchemy import Connection, text

from app.engine.health import Measured, check


@check(
    "memory.sync_lag_s", group="ai", title="Memory stores behind", unit="s", warn=900, crit=3600, every=300, per_tenant=True
)  # fmt: skip
def sync_lag(connection: Connection, tenant_id: int) -> Measured:
    """How long the oldest change of a memory has been waiting to reach a store beside the database; the worst of the stores."""
    rows = connection.execute(
        text("""
            SELECT good.target, extract(epoch FROM clock_timestamp() - waiting.since) AS behind
            FROM (
                SELECT target, max(started_at) AS at FROM memory_sync
                WHERE tenant_id = :tenant_id AND status = 'succeeded' AND direction <> 'pull'
                    AND target IN ('vector_index', 'embedding', 'redis_cache')
                GROUP BY target
            ) AS good
            LEFT JOIN LATERAL (
                SELECT updated_at AS since FROM ai_memories
                WHERE tenant_id = :tenant_id AND updated_at > good.at ORDER BY updated_at LIMIT 1
            ) AS waiting ON true
            ORDER BY behind DESC NULLS LAST, good.target
        """),
        {"tenant_id": tenant_id},
    ).all()
    if not rows:
        return Measured(None, "Nothing is synchronised yet", idle=True)
    worst = rows[0]
    if worst.behind is None:
        return Measured(0, f"All {len(rows)} stores have every memory")
    told = worst.target.replace("_", " ")
    return Measured(round(worst.behind), f"The {told} lacks what changed since then", {"target": worst.target})


@check(
    "memory.contradictions", group="ai", title="Contradictions to settle", unit="pairs", warn=10, crit=50, every=300,
    per_tenant=True,
)  # fmt: skip
def contradictions(connection: Connection, tenant_id: int) -> Measured:
    """Pairs of memories that say the opposite, of which nobody has said yet which one holds."""
    count = connection.execute(
        text("""
            SELECT count(*) FROM (
                SELECT 1 FROM ai_memory_relationships
                WHERE tenant_id = :tenant_id AND kind = 'contradicts' AND resolved_at IS NULL LIMIT 10000
            ) AS unsettled
        """),
        {"tenant_id": tenant_id},
    ).scalar_one()
    return Measured(count, "At least; counting stops at 10,000" if count == 10_000 else "")


@check(
    "memory.vector", group="ai", title="Memories not found by meaning", unit="%", warn=50, every=3600, per_tenant=True
)
def by_meaning(connection: Connection, tenant_id: int) -> Measured:
    """The share of memories in use that have no embedding, so that only their words find them; off where pgvector is missing."""
    kind = connection.execute(
        text(
            "SELECT format_type(atttypid, NULL) FROM pg_attribute"
            " WHERE attrelid = to_regclass('ai_memories') AND attname = 'embedding'"
        )
    ).scalar_one()
    if kind == "real[]":
        return Measured(None, "Search by meaning is off: this server has no pgvector. Words are found.", idle=True)
    row = connection.execute(
        text("""
            SELECT count(*) AS all, count(*) FILTER (WHERE embedding IS NULL) AS bare FROM (
                SELECT embedding FROM ai_memories WHERE tenant_id = :tenant_id AND state = 'active' LIMIT 100000
            ) AS used
        """),
        {"tenant_id": tenant_id},
    ).one()
    if not row.all:
        return Measured(None, "No memories yet", idle=True)
    return Measured(round(100 * row.bare / row.all, 1), f"{row.bare:,} of {row.all:,} have no embedding")
