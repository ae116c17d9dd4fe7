"""Order lines: lines of an order."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Moment, Money, Percent, Quantity, Reference, Text
from app.engine.records import MoneyLine, Record, Standard, ref
from app.engine.records import quantity as quantity_
from app.engine.resource import Resource


class OrderLine(Record, Standard, MoneyLine):
    __tablename__ = "order_lines"
    order_id: Mapped[int] = ref("orders", "C")
    estimate_line_id: Mapped[int | None] = ref("estimate_lines", "N")
    fulfilled_qty: Mapped[Decimal] = quantity_("0")
    invoiced_qty: Mapped[Decimal] = quantity_("0")


order_lines = Resource(
    OrderLine,
    title="order_id",
    label="Order lines",
    icon="building",
    about="Lines of an order.",
    area="orders",
    sort="-created_at",
    fields=(
        Reference("order_id", to="orders", filter=True),
        Count("position", filter=True),
        Reference("product_id", to="products", filter=True),
        Text("description", long=True, list=False),
        Quantity("quantity", places=4, filter=True),
        Code("unit", filter=True),
        Money("unit_price", filter=True),
        Money("unit_cost", filter=True),
        Money("discount_amount", filter=True),
        Percent("tax_rate", filter=True),
        Money("tax_amount", filter=True),
        Money("line_total", filter=True),
        Choice("cost_type", filter=True),
        Reference("estimate_line_id", to="estimate_lines", filter=True),
        Quantity("fulfilled_qty", places=4, filter=True),
        Quantity("invoiced_qty", places=4, filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
