"""Invoice lines: what is billed. The totals of an invoice must be provable from them, so they freeze with it."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Mapped

from app.domains.crm.posting import invoice_line
from app.engine.fields import CREATE, INLINE, NEVER, Choice, Count, Date, Money, Percent, Quantity, Reference, Text
from app.engine.records import MoneyLine, Record, Standard, day, ref, text_
from app.engine.resource import Resource


class InvoiceLine(Record, Standard, MoneyLine):
    __tablename__ = "invoice_lines"
    invoice_id: Mapped[int] = ref("invoices", "C")
    order_line_id: Mapped[int | None] = ref("order_lines", "N")
    estimate_line_id: Mapped[int | None] = ref("estimate_lines", "N")
    job_visit_id: Mapped[int | None] = ref("job_visits", "N")
    period_start: Mapped[date | None] = day()
    period_end: Mapped[date | None] = day()
    revenue_category: Mapped[str | None] = text_()


invoice_lines = Resource(
    InvoiceLine,
    title="description",
    label="Invoice lines",
    icon="invoice",
    about="What is billed: how much of what, at which price and tax.",
    area="invoices",
    search=("description",),
    sort="-id",
    follow=(invoice_line,),
    of_money=True,
    facts=("invoice_id", "quantity", "unit", "unit_price", "tax_amount", "line_total"),
    sentences={
        "ck_invoice_lines_quantity": ("quantity", "A line needs a quantity other than zero."),
        "ck_invoices_amounts": ("unit_price", "With this line the invoice's total would fall below zero."),
    },
    fields=(
        Reference("invoice_id", to="invoices", as_="code", required=True, edit=CREATE, filter=True),
        Count("position", label="#", least=0, width="xs", help="Place on the invoice, counted from the top."),
        Text("description", required=True, edit=INLINE, longest=2000, width="xl"),
        Quantity("quantity", edit=INLINE),
        Text("unit", edit=INLINE, longest=20, width="xs"),
        Money("unit_price", edit=INLINE),
        Money("discount_amount", label="Discount", edit=INLINE, least=0),
        Percent("tax_rate", edit=INLINE, help="In percent, as of the site."),
        Money("tax_amount", label="Tax", edit=NEVER),
        Money(
            "line_total", label="Amount", edit=NEVER,
            help="Quantity times price, rounded to the cent, less the discount; before tax.",
        ),
        Choice("cost_type", edit=INLINE, list=False, filter=True),
        Reference("product_id", to="products", list=False, filter=True),
        Money("unit_cost", edit=INLINE, least=0, list=False, help="What one unit costs us; never shown to customers."),
        Reference("job_visit_id", label="Visit", to="job_visits", list=False, filter=True),
        Reference("estimate_line_id", label="Offered as", to="estimate_lines", edit=NEVER, list=False),
        Reference("order_line_id", label="Ordered as", to="order_lines", edit=NEVER, list=False, filter=True),
        Text("revenue_category", list=False, filter=True),
        Date("period_start", label="Period from", list=False),
        Date("period_end", label="Period to", list=False),
    ),
)  # fmt: skip
