"""The business figures whose past is kept day by day: what is owed to us, and how much work is open."""

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import Connection, text

from app.engine.gauges import gauge


@gauge("ar.open_total", unit="money")
def open_receivables(connection: Connection, tenant_id: int) -> Iterable[tuple[dict[str, str], Decimal]]:
    """Open AR now, by currency: balances of invoices that are neither draft, void nor written off."""
    rows = connection.execute(
        text("""
            SELECT currency, sum(balance) AS owed FROM invoices
            WHERE tenant_id = :tenant_id AND kind = 'invoice' AND status = 'open' GROUP BY 1
        """),
        {"tenant_id": tenant_id},
    )
    return [({"currency": row.currency}, row.owed) for row in rows]


@gauge("jobs.open", unit="jobs")
def open_jobs(connection: Connection, tenant_id: int) -> Iterable[tuple[dict[str, str], int]]:
    """Jobs that still need somebody's work: neither invoiced, closed nor cancelled."""
    count = connection.execute(
        text("""
            SELECT count(*) FROM jobs WHERE tenant_id = :tenant_id AND archived_at IS NULL
              AND status NOT IN ('invoiced', 'closed', 'cancelled')
        """),
        {"tenant_id": tenant_id},
    ).scalar_one()
    return [({}, count)]
