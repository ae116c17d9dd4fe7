"""After the last row of a run: sums brought in line, numbers that go on after the imported ones, what was not taken on record."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from app.domains.crm.centerpoint.arrival import number_on
from app.domains.crm.centerpoint.customers import SOURCE
from app.domains.crm.posting import bill, owe
from app.engine.importing.runs import Run
from app.engine.importing.sources import settled


@settled(SOURCE)
def settle(connection: Connection, run: Run) -> None:
    """Only what the run brought or changed is summed anew, and only what differs is written; repeating it changes nothing."""
    asked = {"import": run.id}
    payments, invoices = (list(connection.scalars(text(sql), asked)) for sql in (_PAYMENTS, _INVOICES))
    connection.execute(_ALLOCATED, {"ids": payments})
    connection.execute(_PAID, {"ids": invoices})
    jobs = list(connection.scalars(_JOBS, {"ids": invoices, **asked}))
    if jobs:
        bill(connection, *jobs)
    customers = list(connection.scalars(_CUSTOMERS, {"invoices": invoices, **asked}))
    if customers:
        owe(connection, *customers)
        connection.execute(_BILLED_TO_DATE, {"ids": customers})
        connection.execute(_LAST_JOB, {"ids": customers})
    number_on(_plain(connection), run.tenant_id)
    connection.execute(_ON_RECORD, {"tenant": run.tenant_id, "source": SOURCE, **asked})


def _plain(connection: Connection) -> Any:
    return connection.connection.driver_connection


_BROUGHT = """
SELECT r.record_id FROM import_rows r JOIN import_sheets s ON s.id = r.sheet_id
WHERE s.import_id = :import AND s.table_name = '{table}' AND r.outcome = 'applied'
"""
_OF_ALLOCATIONS = "SELECT a.{column} FROM payment_allocations a WHERE a.id IN ({brought}) AND a.{column} IS NOT NULL"
_PAYMENTS = " UNION ".join(
    (
        _BROUGHT.format(table="payments"),
        _OF_ALLOCATIONS.format(column="payment_id", brought=_BROUGHT.format(table="payment_allocations")),
    )
)
_INVOICES = " UNION ".join(
    (
        _BROUGHT.format(table="invoices"),
        _OF_ALLOCATIONS.format(column="invoice_id", brought=_BROUGHT.format(table="payment_allocations")),
    )
)
_JOBS = text(
    f"{_BROUGHT.format(table='jobs')} UNION SELECT job_id FROM invoices WHERE id = ANY(:ids) AND job_id IS NOT NULL"
)
_CUSTOMERS = text(f"""
{_BROUGHT.format(table="customers")} UNION SELECT customer_id FROM invoices WHERE id = ANY(:invoices)
UNION SELECT customer_id FROM jobs WHERE id IN ({_BROUGHT.format(table="jobs")})
""")
_ALLOCATED = text("""
UPDATE payments p SET amount_allocated = s.sum FROM (
    SELECT p.id, coalesce(sum(a.amount), 0) AS sum FROM payments p
    LEFT JOIN payment_allocations a ON a.payment_id = p.id AND a.reversed_at IS NULL
    WHERE p.id = ANY(:ids) GROUP BY p.id
) s WHERE p.id = s.id AND p.amount_allocated <> s.sum
""")
# Open and paid follow from what was received; a document in any other state is left as it is.
_PAID = text("""
UPDATE invoices i SET amount_paid = s.sum,
    status = CASE WHEN i.status IN ('open', 'paid') THEN CASE WHEN i.total - i.retainage_withheld - s.sum
        - i.amount_credited - i.amount_written_off = 0 THEN 'paid' ELSE 'open' END ELSE i.status END,
    paid_at = CASE WHEN i.status IN ('open', 'paid') AND i.total - i.retainage_withheld - s.sum - i.amount_credited
        - i.amount_written_off = 0 THEN coalesce(i.paid_at, s.last, i.finalized_at) END
FROM (
    SELECT i.id, coalesce(sum(a.amount), 0) AS sum, max(a.created_at) AS last FROM invoices i
    LEFT JOIN payment_allocations a ON a.invoice_id = i.id AND a.kind = 'payment' AND a.reversed_at IS NULL
    WHERE i.id = ANY(:ids) GROUP BY i.id
) s WHERE i.id = s.id AND i.amount_paid <> s.sum
""")
_BILLED_TO_DATE = text("""
UPDATE customers c SET lifetime_revenue = s.sum FROM (
    SELECT c.id, coalesce(sum((i.total - i.tax_total) * CASE i.kind WHEN 'credit_note' THEN -1 ELSE 1 END), 0) AS sum
    FROM customers c LEFT JOIN invoices i ON i.customer_id = c.id AND i.status IN ('open', 'paid', 'uncollectible')
    WHERE c.id = ANY(:ids) GROUP BY c.id
) s WHERE c.id = s.id AND c.lifetime_revenue <> s.sum
""")
_LAST_JOB = text("""
UPDATE customers c SET last_job_at = s.last FROM (
    SELECT j.customer_id AS id, max(coalesce(j.completed_at, j.requested_at)) AS last FROM jobs j
    WHERE j.customer_id = ANY(:ids) GROUP BY 1
) s WHERE c.id = s.id AND s.last IS NOT NULL AND c.last_job_at IS DISTINCT FROM s.last
""")
# What was not taken stays on record when the run's own rows are forgotten; what an earlier run said already is not repeated.
_ON_RECORD = text("""
INSERT INTO import_refusals (tenant_id, source, file, row_no, record_key, reason, raw, import_id)
SELECT :tenant, :source, f.file, f.row_no, f.key, f.reason, f.raw, :import FROM (
    SELECT s.file_name AS file, r.row_no, r.source_key AS key, r.why AS reason,
        jsonb_build_object('kind', 'row', 'row', r.raw) AS raw
    FROM import_rows r JOIN import_sheets s ON s.id = r.sheet_id
    WHERE s.import_id = :import AND r.outcome IN ('refused', 'left_out') AND r.why IS NOT NULL
    UNION ALL
    SELECT s.file_name, r.row_no, r.source_key, n.note ->> 1,
        jsonb_build_object('kind', 'value', 'column', n.note ->> 0, 'value', r.raw -> (n.note ->> 0))
    FROM import_rows r JOIN import_sheets s ON s.id = r.sheet_id CROSS JOIN LATERAL jsonb_array_elements(r.notes) n (note)
    WHERE s.import_id = :import AND r.notes IS NOT NULL
) f
WHERE NOT EXISTS (
    SELECT FROM import_refusals o WHERE o.tenant_id = :tenant AND o.source = :source AND o.file = f.file
        AND o.record_key IS NOT DISTINCT FROM f.key AND o.reason = f.reason
)
""")
