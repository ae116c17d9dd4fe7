"""Draft invoices made out of what was agreed: an order's lines, a recurring agreement's period.

A bill stands in a plan in place of a value and is made only when the plan is written, in the same change set, so that the
history holds both and an undo takes both back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app.domains.crm import totals
from app.domains.crm.tables import table
from app.engine.access import Actor


@dataclass(frozen=True)
class OrderBill:
    """What of an order has not been invoiced yet, as a draft. What was invoiced stays as it was: a draft is no invoice."""

    order: Mapping[str, Any]

    def __call__(self, connection: Connection, actor: Actor) -> Decimal:
        order, rows = self.order, table("order_lines")
        lines = []
        for row in connection.execute(
            select(rows).where(rows.c.order_id == order["id"]).order_by(rows.c.position, rows.c.id)
        ).mappings():
            rest = row["quantity"] - row["invoiced_qty"]
            if rest <= 0:
                continue
            share = totals.cents(row["discount_amount"] * rest / row["quantity"])
            kept = {name: row[name] for name in _KEPT}
            lines.append({**kept, "quantity": rest, "discount_amount": share, "order_line_id": row["id"]})
        first = order["invoiced_total"] == 0
        _draft(
            connection, actor, lines,
            {
                "order_id": order["id"], "estimate_id": order["estimate_id"], "property_id": order["property_id"],
                "contact_id": order["contact_id"], "po_number": order["po_number"],
            },
            order, order["discount_total"] if first else Decimal(0),
        )  # fmt: skip
        return Decimal(order["invoiced_total"])

    def __str__(self) -> str:
        return "as before; a draft invoice is made"


@dataclass(frozen=True)
class PeriodBill:
    """One period of a recurring agreement as a draft invoice; the value it leaves is the day of the next one."""

    agreement: Mapping[str, Any]
    starts: date
    ends: date
    """The day after its last: the next period's first."""

    def __call__(self, connection: Connection, actor: Actor) -> date:
        agreed = self.agreement
        gross = totals.cents(agreed["quantity"] * agreed["unit_amount"])
        line = {
            "position": 1, "product_id": agreed["product_id"], "description": agreed["name"], "quantity": agreed["quantity"],
            "unit": agreed["interval_unit"], "unit_price": agreed["unit_amount"],
            "discount_amount": totals.cents(gross * agreed["discount_pct"] / 100), "tax_rate": Decimal(0), "cost_type": "other",
            "period_start": self.starts, "period_end": self.ends,
        }  # fmt: skip
        about = {
            "billing_kind": "subscription", "subscription_id": agreed["id"], "property_id": agreed["property_id"],
            "period_start": self.starts, "period_end": self.ends,
        }  # fmt: skip
        invoices = table("invoices")
        # A draft for it that was put away gives the period up: there is one invoice a period, whatever became of others.
        connection.execute(
            update(invoices)
            .where(
                invoices.c.subscription_id == agreed["id"],
                invoices.c.period_start == self.starts,
                invoices.c.status == "draft",
                invoices.c.archived_at.is_not(None),
            )
            .values(period_start=None, period_end=None)
        )
        _draft(connection, actor, [line], about, agreed, Decimal(0))
        return self.ends

    def __str__(self) -> str:
        return f"{self.ends:%Y-%m-%d}, with a draft invoice"


_KEPT = (
    "position",
    "product_id",
    "description",
    "unit",
    "unit_price",
    "unit_cost",
    "tax_rate",
    "cost_type",
    "estimate_line_id",
)


def _draft(
    connection: Connection,
    actor: Actor,
    lines: list[dict[str, Any]],
    about: Mapping[str, Any],
    agreed: Mapping[str, Any],
    discount: Decimal,
) -> None:
    customers, invoices, rows = table("customers").c, table("invoices"), table("invoice_lines")
    terms = connection.execute(
        select(customers.payment_terms_days).where(customers.id == agreed["customer_id"])
    ).scalar_one()
    lines = [{**line, **totals.line(line)} for line in lines]
    net = sum((line["line_total"] for line in lines), Decimal(0))
    tax = sum((line["tax_amount"] for line in lines), Decimal(0))
    mine = {"tenant_id": actor.tenant_id}
    made = connection.execute(
        insert(invoices)
        .values(
            **mine,
            **about,
            customer_id=agreed["customer_id"],
            currency=agreed["currency"],
            terms_days=terms,
            created_by=actor.app_user_id,
            updated_by=actor.app_user_id,
        )
        .returning(invoices.c.id)
    ).scalar_one()
    connection.execute(insert(rows), [{**mine, **line, "invoice_id": made} for line in lines])
    # Last, as when lines are entered by hand, so that an undo takes it all back in the order in which it came.
    header = totals.header(net, tax, min(discount, net))
    connection.execute(update(invoices).where(invoices.c.id == made).values(**header))
