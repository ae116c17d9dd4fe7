"""Whether workflows go on: steps that stand longer than they may."""

from sqlalchemy import Connection, text

from app.engine.health import Measured, check


@check(
    "workflow.sla_breached", group="cron", title="Workflow steps late", unit="steps", warn=1, crit=10, every=300,
    per_tenant=True,
)  # fmt: skip
def sla_breached(connection: Connection, tenant_id: int) -> Measured:
    """Open steps of workflows that are not suspended, past the time they may take."""
    rows = connection.execute(
        text("""
            SELECT d.name, count(*) AS number FROM workflow_states s
            JOIN workflow_instances i ON i.id = s.instance_id JOIN workflow_definitions d ON d.id = i.definition_id
            WHERE s.tenant_id = :tenant_id AND s.exited_at IS NULL AND s.due_at < clock_timestamp()
              AND i.status <> 'suspended'
            GROUP BY d.name ORDER BY 2 DESC, 1
        """),
        {"tenant_id": tenant_id},
    ).all()
    return Measured(sum(row.number for row in rows), ", ".join(f"{row.name}: {row.number}" for row in rows[:3]))
