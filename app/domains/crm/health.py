"""Whether the business records agree with themselves: the rules of the fix queue that can be counted now, as counts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from app.engine.health import Measured, check

HOUR = 3600
# A cent that does not add up is an alarm at once; work left lying is one when it piles up.
MONEY: dict[str, Any] = {"warn": 1, "crit": 10}
BACKLOG: dict[str, Any] = {"warn": 10, "crit": 100}
SHARED: dict[str, Any] = {"group": "data", "every": HOUR, "per_tenant": True, "timeout_ms": 20_000}


def _found(connection: Connection, tenant_id: int, table: str, rule: str, matching: str) -> Measured:
    """Count what `matching` selects as (id, label) and name the first few, so that the message leads somewhere."""
    rows = connection.execute(
        text(f"""
            WITH found AS MATERIALIZED ({matching})
            SELECT id, label, (SELECT count(*) FROM found) AS total FROM found ORDER BY id LIMIT 5
        """),
        {"tenant_id": tenant_id},
    ).all()
    total = rows[0].total if rows else 0
    named = ", ".join(str(row.label) for row in rows[:3])
    words = f"{named}{' and others' if total > 3 else ''}" if rows else "None found"
    examples = [{"table": table, "id": row.id, "label": str(row.label)} for row in rows]
    return Measured(total, words, {"rule": rule, "examples": examples})


@check("data.invoice_lines", title="Invoices unlike their lines", unit="invoices", **MONEY, **SHARED)
def invoice_lines(connection: Connection, tenant_id: int) -> Measured:
    """Rule 01: subtotal is not the sum of the lines, or tax_total not the sum of their tax."""
    return _found(
        connection,
        tenant_id,
        "invoices",
        "01",
        """
        SELECT i.id, coalesce(i.number, 'draft ' || i.id) AS label
        FROM invoices i
        LEFT JOIN (SELECT invoice_id, sum(line_total) AS lines, sum(tax_amount) AS tax FROM invoice_lines
                   WHERE tenant_id = :tenant_id GROUP BY 1) AS l ON l.invoice_id = i.id
        WHERE i.tenant_id = :tenant_id AND i.archived_at IS NULL
          AND (i.subtotal <> coalesce(l.lines, 0) OR i.tax_total <> coalesce(l.tax, 0))
        """,
    )


@check("data.paid_caches", title="Invoices unlike their payments", unit="invoices", **MONEY, **SHARED)
def paid_caches(connection: Connection, tenant_id: int) -> Measured:
    """Rule 02: amount_paid, amount_credited or amount_written_off is not the sum of the allocations that still stand."""
    return _found(
        connection,
        tenant_id,
        "invoices",
        "02",
        """
        SELECT i.id, coalesce(i.number, 'draft ' || i.id) AS label
        FROM invoices i
        LEFT JOIN (
            SELECT invoice_id,
                   sum(amount) FILTER (WHERE kind = 'payment') AS paid,
                   sum(amount) FILTER (WHERE kind IN ('credit', 'discount')) AS credited,
                   sum(amount) FILTER (WHERE kind = 'write_off') AS written_off
            FROM payment_allocations WHERE tenant_id = :tenant_id AND reversed_at IS NULL GROUP BY 1
        ) AS a ON a.invoice_id = i.id
        WHERE i.tenant_id = :tenant_id AND i.archived_at IS NULL AND i.kind = 'invoice'
          AND (i.amount_paid <> coalesce(a.paid, 0) OR i.amount_credited <> coalesce(a.credited, 0)
               OR i.amount_written_off <> coalesce(a.written_off, 0))
        """,
    )


@check("data.completed_uninvoiced", title="Completed, not invoiced", unit="jobs", **BACKLOG, **SHARED)
def completed_uninvoiced(connection: Connection, tenant_id: int) -> Measured:
    """Rule 03: a billable job completed or authorized more than 3 days ago that has no invoice other than void ones."""
    return _found(
        connection,
        tenant_id,
        "jobs",
        "03",
        """
        SELECT j.id, j.number AS label FROM jobs j
        WHERE j.tenant_id = :tenant_id AND j.is_billable AND j.archived_at IS NULL
          AND j.status IN ('completed', 'authorized') AND j.completed_at < clock_timestamp() - interval '3 days'
          AND NOT EXISTS (SELECT 1 FROM invoices i WHERE i.job_id = j.id AND i.status <> 'void')
        """,
    )


@check("data.unallocated", title="Payments not allocated", unit="payments", **BACKLOG, **SHARED)
def unallocated(connection: Connection, tenant_id: int) -> Measured:
    """Rule 10: money received that settles nothing, while the same customer owes in the same currency."""
    return _found(
        connection,
        tenant_id,
        "payments",
        "10",
        """
        SELECT p.id, p.number AS label FROM payments p
        WHERE p.tenant_id = :tenant_id AND p.status = 'succeeded' AND p.direction = 'in' AND p.unallocated > 0
          AND EXISTS (SELECT 1 FROM invoices i WHERE i.customer_id = p.customer_id AND i.currency = p.currency
                      AND i.kind = 'invoice' AND i.status = 'open' AND i.balance > 0)
        """,
    )


@check("data.duplicate_payments", title="Possible duplicate payments", unit="payments", **MONEY, **SHARED)
def duplicate_payments(connection: Connection, tenant_id: int) -> Measured:
    """Rule 11: same customer, amount and reference as another payment of the 3 days before."""
    return _found(
        connection,
        tenant_id,
        "payments",
        "11",
        """
        SELECT id, label FROM (
            SELECT p.id, p.number AS label, p.received_on,
                   lag(p.received_on) OVER (PARTITION BY p.customer_id, p.amount, p.reference
                                            ORDER BY p.received_on, p.id) AS before
            FROM payments p
            WHERE p.tenant_id = :tenant_id AND p.direction = 'in' AND p.status IN ('pending', 'succeeded')
              AND p.reference IS NOT NULL
        ) AS paired WHERE received_on - before <= 3
        """,
    )


@check("data.stuck_estimates", title="Estimates past validity", unit="estimates", **BACKLOG, **SHARED)
def stuck_estimates(connection: Connection, tenant_id: int) -> Measured:
    """Rule 13: an estimate sent or viewed whose valid_until has passed in the company's time zone."""
    return _found(
        connection,
        tenant_id,
        "estimates",
        "13",
        """
        SELECT e.id, e.number || '.' || e.revision_no AS label FROM estimates e JOIN tenants t ON t.id = e.tenant_id
        WHERE e.tenant_id = :tenant_id AND e.archived_at IS NULL AND e.status IN ('sent', 'viewed')
          AND e.valid_until < (clock_timestamp() AT TIME ZONE t.timezone)::date
        """,
    )


@check("data.order_lines", title="Orders unlike their lines", unit="orders", **MONEY, **SHARED)
def order_lines(connection: Connection, tenant_id: int) -> Measured:
    """Rule 01 for orders: subtotal is not the sum of the lines, or tax_total not the sum of their tax."""
    return _found(
        connection,
        tenant_id,
        "orders",
        "01",
        """
        SELECT o.id, o.number AS label
        FROM orders o
        LEFT JOIN (SELECT order_id, sum(line_total) AS lines, sum(tax_amount) AS tax FROM order_lines
                   WHERE tenant_id = :tenant_id GROUP BY 1) AS l ON l.order_id = o.id
        WHERE o.tenant_id = :tenant_id AND o.archived_at IS NULL
          AND (o.subtotal <> coalesce(l.lines, 0) OR o.tax_total <> coalesce(l.tax, 0))
        """,
    )


@check("data.accepted_not_begun", title="Accepted, not begun", unit="estimates", **BACKLOG, **SHARED)
def accepted_not_begun(connection: Connection, tenant_id: int) -> Measured:
    """Rule 12: an accepted estimate of which neither a job nor an order has come."""
    return _found(
        connection,
        tenant_id,
        "estimates",
        "12",
        """
        SELECT e.id, e.number || '.' || e.revision_no AS label FROM estimates e
        WHERE e.tenant_id = :tenant_id AND e.archived_at IS NULL AND e.status = 'accepted'
          AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.estimate_id = e.id)
          AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.estimate_id = e.id AND o.status <> 'cancelled')
        """,
    )


@check("data.agreement_unbilled", title="Agreements nobody bills", unit="agreements", **MONEY, **SHARED)
def agreement_unbilled(connection: Connection, tenant_id: int) -> Measured:
    """Rule 19: in force and not ending with its period, and the next invoice has no day or was due before yesterday."""
    return _found(
        connection,
        tenant_id,
        "subscriptions",
        "19",
        """
        SELECT s.id, s.number AS label FROM subscriptions s JOIN tenants t ON t.id = s.tenant_id
        WHERE s.tenant_id = :tenant_id AND s.archived_at IS NULL AND s.status IN ('active', 'past_due')
          AND NOT s.cancel_at_period_end
          AND (s.next_invoice_on IS NULL OR s.next_invoice_on < (clock_timestamp() AT TIME ZONE t.timezone)::date - 1)
        """,
    )


@check("data.visit_overdue", title="Maintenance visits overdue", unit="agreements", **BACKLOG, **SHARED)
def visit_overdue(connection: Connection, tenant_id: int) -> Measured:
    """Rule 20: a service agreement in force whose next visit is more than 14 days past."""
    return _found(
        connection,
        tenant_id,
        "subscriptions",
        "20",
        """
        SELECT s.id, s.number AS label FROM subscriptions s JOIN tenants t ON t.id = s.tenant_id
        WHERE s.tenant_id = :tenant_id AND s.archived_at IS NULL AND s.status IN ('active', 'past_due')
          AND s.kind = 'service_agreement'
          AND s.next_visit_on < (clock_timestamp() AT TIME ZONE t.timezone)::date - 14
        """,
    )


@check("data.segment_counts", title="Segments not counted for a week", unit="segments", **BACKLOG, **SHARED)
def segment_counts(connection: Connection, tenant_id: int) -> Measured:
    """A segment's number says how many it had when it was last counted; after a week nobody should rely on it."""
    return _found(
        connection,
        tenant_id,
        "customer_segments",
        "segment",
        """
        SELECT s.id, s.name AS label FROM customer_segments s
        WHERE s.tenant_id = :tenant_id AND s.archived_at IS NULL
          AND coalesce(s.refreshed_at, s.created_at) < clock_timestamp() - interval '7 days'
        """,
    )
