"""What was invoiced and collected, and what is owed by age."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate

from sqlalchemy import text

from app.core import formats
from app.screens.home.frame import Count, Frame
from app.screens.home.periods import Period

# Billed revenue (KPIS.md): total less tax of invoices minus credit notes, by issue date; drafts and voided ones are not.
_BILLED = text("""
    SELECT issue_date AS day, sum(CASE kind WHEN 'credit_note' THEN tax_total - total ELSE total - tax_total END) AS amount,
           count(*) AS rows
    FROM invoices
    WHERE tenant_id = :tenant AND status IN ('open', 'paid', 'uncollectible') AND currency = :currency
      AND archived_at IS NULL AND issue_date BETWEEN :since AND :until
    GROUP BY 1
""")
# Collected (KPIS.md): succeeded payments in less refunds, by the day received.
_COLLECTED = text("""
    SELECT received_on AS day, sum(CASE direction WHEN 'refund' THEN -amount ELSE amount END) AS amount, count(*) AS rows
    FROM payments
    WHERE tenant_id = :tenant AND status = 'succeeded' AND currency = :currency AND received_on BETWEEN :since AND :until
    GROUP BY 1
""")
# Open AR and its ageing (KPIS.md), as of now: the row without a bucket is the whole.
_OWED = text("""
    SELECT bucket, count(*) AS rows, coalesce(sum(balance), 0) AS owed,
           count(DISTINCT customer_id) FILTER (WHERE bucket > 0) AS customers
    FROM (
        SELECT balance, customer_id, CASE WHEN due_date >= :today THEN 0
               ELSE least((:today - due_date - 1) / 30 + 1, 5) END AS bucket
        FROM invoices
        WHERE tenant_id = :tenant AND kind = 'invoice' AND status = 'open' AND balance > 0 AND issue_date <= :today
          AND currency = :currency AND archived_at IS NULL
    ) AS open
    GROUP BY GROUPING SETS ((bucket), ())
""")
# Money received but not placed, which KPIS.md wants beside the buckets and never netted into one.
_UNPLACED = text("""
    SELECT 'payments' AS what, count(*) AS rows, coalesce(sum(unallocated), 0) AS amount FROM payments
    WHERE tenant_id = :tenant AND status = 'succeeded' AND direction = 'in' AND unallocated > 0 AND currency = :currency
    UNION ALL
    SELECT 'credits', count(*), coalesce(sum(balance), 0) FROM invoices
    WHERE tenant_id = :tenant AND kind = 'credit_note' AND status = 'open' AND balance > 0 AND currency = :currency
      AND archived_at IS NULL
""")

BUCKETS = ("Current", "1 to 30", "31 to 60", "61 to 90", "91 to 120", "Over 120")


@dataclass(frozen=True)
class Flow:
    """Money over a period, beside the one before; `delta` is none where there is nothing to compare with."""

    label: str
    amount: Decimal
    count: Count
    delta: str | None
    tone: str
    trend: list[float]


@dataclass(frozen=True)
class Bucket:
    label: str
    amount: Decimal
    share: float | None
    count: Count
    hue: str
    late: bool


@dataclass(frozen=True)
class Unplaced:
    """Payments or credit notes still to be set against invoices."""

    words: str
    amount: Decimal
    count: Count


@dataclass(frozen=True)
class Receivables:
    total: Decimal
    count: Count
    late_share: float | None
    overdue: Count
    overdue_amount: Decimal
    customers: int
    """Customers with at least one invoice past due."""
    buckets: list[Bucket]
    unplaced: list[Unplaced]

    @property
    def parts(self) -> list[tuple[float, str]]:
        """The bar: amounts beside their hues."""
        return [(float(each.amount), each.hue) for each in self.buckets]

    @property
    def sentence(self) -> str:
        """The bar in words, for who cannot see it."""
        return ", ".join(f"{each.label} {formats.percent(each.share) or 'none'}" for each in self.buckets)


def billed(here: Frame, span: Period) -> Flow | None:
    if not here.sees("invoices", "total", "tax_total", "issue_date"):
        return None
    rows = here.rows(_BILLED, since=span.before_since, until=span.until)
    asked = {"status.in": "open,paid,uncollectible", "issue_date.between": f"{span.since},{span.until}"}
    return _flow("Invoiced", rows, span, here.list("invoices", asked | {"currency": here.currency}))


def collected(here: Frame, span: Period) -> Flow | None:
    if not here.sees("payments", "amount", "received_on"):
        return None
    rows = here.rows(_COLLECTED, since=span.before_since, until=span.until)
    asked = {"status": "succeeded", "received_on.between": f"{span.since},{span.until}", "currency": here.currency}
    return _flow("Collected", rows, span, here.list("payments", asked))


def _flow(label: str, rows: Iterable[object], span: Period, href: str) -> Flow:
    by_day: dict[date, tuple[Decimal, int]] = {row.day: (row.amount, row.rows) for row in rows}  # type: ignore[attr-defined]
    days = [span.since + timedelta(days=offset) for offset in range(span.days)]
    each = [by_day.get(day, (Decimal(0), 0)) for day in days]
    amount = sum((money for money, _ in each), Decimal(0))
    before = sum(
        (money for day, (money, _) in by_day.items() if span.before_since <= day <= span.before_until), Decimal(0)
    )
    change = (amount - before) / before if before > 0 else None
    return Flow(
        label=label,
        amount=amount,
        count=Count(sum(rows for _, rows in each), href),
        delta=None if change is None else f"{formats.MINUS if change < 0 else ''}{formats.percent(abs(change))}",
        tone="flat" if not change else "good" if change > 0 else "bad",
        trend=[float(value) for value in accumulate(money for money, _ in each)],
    )


def receivables(here: Frame) -> Receivables | None:
    if not here.sees("invoices", "balance", "due_date"):
        return None
    found = {row.bucket: row for row in here.rows(_OWED, today=here.today)}
    whole = found[None]
    asked = {
        "kind": "invoice",
        "status": "open",
        "balance.gt": "0",
        "issue_date.lte": here.today,
        "currency": here.currency,
    }
    late = asked | {"due_date.lt": here.today}
    buckets = []
    for index, label in enumerate(BUCKETS):
        row = found.get(index)
        amount = row.owed if row else Decimal(0)
        href = here.list("invoices", asked | _due(index, here.today))
        share = float(amount / whole.owed) if whole.owed else None
        count = Count(row.rows if row else 0, href)
        buckets.append(Bucket(label, amount, share, count, f"c-age-{min(index, 4)}", index >= 4))
    overdue = sum((each.amount for each in buckets[1:]), Decimal(0))
    return Receivables(
        total=whole.owed,
        count=Count(whole.rows, here.list("invoices", asked)),
        late_share=float(overdue / whole.owed) if whole.owed else None,
        overdue=Count(sum(each.count.number for each in buckets[1:]), here.list("invoices", late)),
        overdue_amount=overdue,
        customers=whole.customers,
        buckets=buckets,
        unplaced=_unplaced(here),
    )


def _due(index: int, today: date) -> dict[str, str]:
    """The due dates of a bucket as a filter; days late = today - due date."""
    if index == 0:
        return {"due_date.gte": today.isoformat()}
    newest = today - timedelta(days=30 * (index - 1) + 1)
    if index == 5:
        return {"due_date.lte": newest.isoformat()}
    return {"due_date.between": f"{newest - timedelta(days=29)},{newest}"}


def _unplaced(here: Frame) -> list[Unplaced]:
    if not here.sees("payments", "unallocated"):
        return []
    found = {row.what: row for row in here.rows(_UNPLACED)}
    payments, credits_ = found["payments"], found["credits"]
    currency = {"currency": here.currency}
    asked = {"status": "succeeded", "direction": "in", "unallocated.gt": "0"} | currency
    noted = {"kind": "credit_note", "status": "open", "balance.gt": "0"} | currency
    both = [
        Unplaced("in payments not yet allocated", payments.amount, Count(payments.rows, here.list("payments", asked))),
        Unplaced("in credit notes to apply", credits_.amount, Count(credits_.rows, here.list("invoices", noted))),
    ]
    return [each for each in both if each.count.number]
