"""Order lines: what was ordered, at which price, how much of it was delivered and how much invoiced."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.domains.crm.posting import order_line
from app.engine.fields import CREATE, INLINE, NEVER, Choice, Count, Moment, Money, Percent, Quantity, Reference, Text
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
    title="description",
    label="Order lines",
    singular="order line",
    icon="box",
    about="What was ordered, how much of it was delivered and how much invoiced.",
    area="orders",
    search=("description",),
    sort="-id",
    follow=(order_line,),
    facts=("order_id", "quantity", "unit", "unit_price", "line_total", "fulfilled_qty", "invoiced_qty"),
    sentences={
        "ck_order_lines_quantity": ("quantity", "A line needs a quantity other than zero."),
        "ck_order_lines_fulfilled_qty": ("fulfilled_qty", "No more can be delivered than was ordered, and no less than nothing."),
    },
    fields=(
        Reference("order_id", to="orders", as_="code", required=True, edit=CREATE, filter=True),
        Count("position", label="#", least=0, width="xs", help="Place on the order, counted from the top."),
        Text("description", required=True, edit=INLINE, longest=2000, width="xl"),
        Quantity("quantity", edit=INLINE),
        Text("unit", edit=INLINE, longest=20, width="xs"),
        Money("unit_price", edit=INLINE),
        Money(
            "line_total", label="Amount", edit=NEVER,
            help="Quantity times price, rounded to the cent, less the discount; before tax.",
        ),
        Quantity(
            "fulfilled_qty", label="Delivered", edit=INLINE, least=0, filter=True,
            help="Noted once the order is confirmed.",
        ),
        Quantity("invoiced_qty", label="Invoiced", edit=NEVER, filter=True),
        Money("discount_amount", label="Discount", edit=INLINE, least=0, list=False),
        Percent("tax_rate", edit=INLINE, list=False, help="In percent, as of the site."),
        Money("tax_amount", label="Tax", edit=NEVER, list=False),
        Choice("cost_type", edit=INLINE, list=False, filter=True),
        Reference("product_id", to="products", list=False, filter=True),
        Money("unit_cost", edit=INLINE, least=0, list=False, help="What one unit costs us; never shown to customers."),
        Reference("estimate_line_id", label="Offered as", to="estimate_lines", edit=NEVER, list=False, filter=True),
        Moment("created_at", label="Added", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
