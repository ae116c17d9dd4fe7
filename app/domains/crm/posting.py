"""What a posted document changes elsewhere: header totals after a line, the customer's balance, what of a job or order is billed.

These run inside the change that caused them, so the ledger holds cause and consequence together and either both are
written or neither is. Each writes only where the figure really differs, so that an undo finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    any_,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from app.domains.crm.tables import table
from app.domains.crm.totals import cost_of, header_of
from app.engine.refusals import Rejected

_MOVES_MONEY = frozenset(
    (
        "status",
        "total",
        "retainage_withheld",
        "amount_paid",
        "amount_credited",
        "amount_written_off",
        "customer_id",
        "job_id",
    )
)
_SENT_OUT = ("open", "paid", "uncollectible")
"""An invoice in one of these was finalized and still stands, whether or not the money came."""


def post(connection: Connection, invoice: Mapping[str, Any]) -> None:
    """After an invoice: what its customer owes in all, what of its job or order is billed, whether its agreement is in order."""
    if not _MOVES_MONEY & invoice.keys():
        return
    invoices = table("invoices")
    row = connection.execute(
        select(
            invoices.c.customer_id,
            invoices.c.job_id,
            invoices.c.order_id,
            invoices.c.subscription_id,
            invoices.c.status,
        ).where(invoices.c.id == invoice["id"])
    ).first()
    customers = {row.customer_id if row else None, invoice.get("customer_id")} - {None}
    jobs = {row.job_id if row else None, invoice.get("job_id")} - {None}
    for key in customers:
        owe(connection, key)
    for key in jobs:
        bill(connection, key)
    for key in {row.order_id if row else None, invoice.get("order_id")} - {None}:
        bill_order(connection, key)
    if row and row.subscription_id and row.status == "paid":
        settle(connection, row.subscription_id)


def write_off(connection: Connection, invoice: Mapping[str, Any]) -> None:
    """What is given up is an allocation like any other settlement, by whom and approved with which request."""
    if invoice.get("status") != "uncollectible" or "uncollectible_at" not in invoice:
        return
    invoices, allocations = table("invoices").c, table("payment_allocations")
    row = connection.execute(
        select(invoices.tenant_id, invoices.amount_written_off, invoices.updated_by).where(invoices.id == invoice["id"])
    ).one()
    standing = select(func.coalesce(func.sum(allocations.c.amount), 0)).where(
        allocations.c.invoice_id == invoice["id"],
        allocations.c.kind == "write_off",
        allocations.c.reversed_at.is_(None),
    )
    left = row.amount_written_off - connection.execute(standing).scalar_one()
    if left > 0:
        connection.execute(
            insert(allocations).values(
                tenant_id=row.tenant_id,
                invoice_id=invoice["id"],
                kind="write_off",
                amount=left,
                allocated_on=func.current_date(),
                allocated_by=row.updated_by,
                approval_request_id=connection.info.get("approved_by"),
            )
        )


def owe(connection: Connection, *customer_ids: Any) -> None:
    """Open balance: open invoices in the customer's own currency; credit notes still to be applied are not netted."""
    customers, invoices = table("customers"), table("invoices").c
    owed = (
        select(func.coalesce(func.sum(invoices.balance), 0))
        .where(
            invoices.customer_id == customers.c.id,
            invoices.status == "open",
            invoices.kind == "invoice",
            invoices.currency == customers.c.currency,
        )
        .correlate(customers)
        .scalar_subquery()
    )
    _keep(connection, customers, customer_ids, {"open_balance": owed})


def bill(connection: Connection, *job_ids: Any) -> None:
    """Billed: open and paid invoices before tax, less their credit notes."""
    jobs, invoices = table("jobs"), table("invoices").c
    signed = (invoices.total - invoices.tax_total) * _sign(invoices.kind)
    billed = (
        select(func.coalesce(func.sum(signed), 0))
        .where(invoices.job_id == jobs.c.id, invoices.status.in_(("open", "paid")))
        .correlate(jobs)
        .scalar_subquery()
    )
    _keep(connection, jobs, job_ids, {"billed_total": billed})


def bill_order(connection: Connection, order_id: Any) -> None:
    """Invoiced: what was finalized over an order, tax included, less credit notes; and of each line, how much of it."""
    orders, invoices = table("orders"), table("invoices").c
    lines, billed = table("order_lines"), table("invoice_lines").c
    standing = invoices.status.in_(_SENT_OUT)
    sums = (
        select(func.coalesce(func.sum(invoices.total * _sign(invoices.kind)), 0))
        .where(invoices.order_id == orders.c.id, standing)
        .correlate(orders)
        .scalar_subquery()
    )
    _keep(connection, orders, (order_id,), {"invoiced_total": sums})
    quantity = (
        select(func.coalesce(func.sum(billed.quantity * _sign(invoices.kind)), 0))
        .where(billed.order_line_id == lines.c.id, invoices.id == billed.invoice_id, standing)
        .correlate(lines)
        .scalar_subquery()
    )
    connection.execute(
        update(lines)
        .where(lines.c.order_id == order_id, lines.c.invoiced_qty != quantity)
        .values(invoiced_qty=quantity)
    )


def settle(connection: Connection, subscription_id: Any) -> None:
    """An agreement that was behind is in order again with its last overdue invoice."""
    subscriptions, invoices = table("subscriptions"), table("invoices").c
    behind = select(invoices.id).where(
        invoices.subscription_id == subscription_id,
        invoices.status == "open",
        invoices.kind == "invoice",
        invoices.due_date < func.current_date(),
    )
    connection.execute(
        update(subscriptions)
        .where(
            subscriptions.c.id == subscription_id,
            subscriptions.c.status.in_(("past_due", "unpaid")),
            ~behind.exists(),
        )
        .values(status="active", dunning_step=0, payment_failed_at=None)
    )


def invoice_line(connection: Connection, line: Mapping[str, Any]) -> None:
    _line(connection, "invoice_lines", "invoices", "invoice_id", line)


def estimate_line(connection: Connection, line: Mapping[str, Any]) -> None:
    _line(connection, "estimate_lines", "estimates", "estimate_id", line)


_DELIVERED = frozenset(("id", "fulfilled_qty", "invoiced_qty"))


def order_line(connection: Connection, line: Mapping[str, Any]) -> None:
    """A draft's lines make its totals. Later only what was delivered is noted, and the first delivery begins the order's."""
    orders, rows = table("orders"), table("order_lines").c
    key = line.get("order_id") or connection.execute(select(rows.order_id).where(rows.id == line["id"])).scalar_one()
    status = connection.execute(select(orders.c.status).where(orders.c.id == key)).scalar_one()
    if not line.keys() <= _DELIVERED or (status == "draft" and not line.get("fulfilled_qty")):
        _line(connection, "order_lines", "orders", "order_id", line)
    elif status not in ("confirmed", "in_fulfilment"):
        raise Rejected({"fulfilled_qty": "Deliveries are noted while an order is confirmed or being delivered."})
    elif status == "confirmed" and line.get("fulfilled_qty"):
        connection.execute(update(orders).where(orders.c.id == key).values(status="in_fulfilment"))


def _line(connection: Connection, lines: str, documents: str, parent: str, line: Mapping[str, Any]) -> None:
    rows, heads = table(lines), table(documents)
    total = func.round(rows.c.quantity * rows.c.unit_price, 2) - rows.c.discount_amount
    tax = func.round(total * rows.c.tax_rate / 100, 2)
    _keep(connection, rows, (line["id"],), {"line_total": total, "tax_amount": tax})
    key = line.get(parent) or connection.execute(select(rows.c[parent]).where(rows.c.id == line["id"])).scalar_one()
    record = dict(connection.execute(select(heads).where(heads.c.id == key)).mappings().one())
    if record["status"] != "draft":
        raise Rejected({"": "What went out stays as it went out: lines change only while the document is a draft."})
    wanted = header_of(connection, lines, parent, record)
    if "cost_total" in heads.c:
        wanted["cost_total"] = cost_of(connection, lines, parent, key)
    changed = {name: amount for name, amount in wanted.items() if record[name] != amount}
    if changed:
        connection.execute(update(heads).where(heads.c.id == key).values(**changed))


def _sign(kind: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((kind == "credit_note", -1), else_=1)


def _keep(connection: Connection, rows: Any, keys: Sequence[Any], values: Mapping[str, Any]) -> None:
    """Write the figures of these records where they do not stand there already."""
    changed = or_(*(rows.c[name].is_distinct_from(value) for name, value in values.items()))
    here = rows.c.id == keys[0] if len(keys) == 1 else rows.c.id == any_(literal(list(keys), ARRAY(BigInteger)))
    connection.execute(update(rows).where(here, changed).values(**values))
