"""Estimate lines: what is offered, how much of it, at which price. They change only while the estimate is a draft."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from app.domains.crm.posting import estimate_line
from app.engine.fields import CREATE, INLINE, NEVER, Choice, Count, Flag, Money, Percent, Quantity, Reference, Text
from app.engine.records import MoneyLine, Record, Standard, flag, ref, text_
from app.engine.resource import Resource


class EstimateLine(Record, Standard, MoneyLine):
    __tablename__ = "estimate_lines"
    estimate_id: Mapped[int] = ref("estimates", "C")
    section: Mapped[str | None] = text_()
    roof_section_id: Mapped[int | None] = ref("roof_sections", "N")
    is_optional: Mapped[bool] = flag()
    is_selected: Mapped[bool] = flag("true")
    ai_rationale: Mapped[str | None] = text_()


estimate_lines = Resource(
    EstimateLine,
    title="description",
    label="Estimate lines",
    icon="ruler",
    about="What is offered, how much of it, at which price.",
    area="estimates",
    search=("description",),
    sort="-id",
    follow=(estimate_line,),
    of_money=True,
    scopes={"Options": EstimateLine.is_optional.is_(True), "Explained by AI": EstimateLine.ai_rationale.is_not(None)},
    facts=("estimate_id", "quantity", "unit", "unit_price", "line_total", "cost_type"),
    sentences={"ck_estimate_lines_quantity": ("quantity", "A line needs a quantity other than zero.")},
    fields=(
        Reference("estimate_id", to="estimates", required=True, edit=CREATE, filter=True, width="l"),
        Count("position", label="#", least=0, width="xs", help="Place on the document, counted from the top."),
        Text("description", required=True, edit=INLINE, longest=2000, width="xl"),
        Text("section", edit=INLINE, filter=True),
        Quantity("quantity", edit=INLINE),
        Text("unit", edit=INLINE, longest=20, width="xs"),
        Money("unit_price", edit=INLINE),
        Money("discount_amount", label="Discount", edit=INLINE, least=0),
        Money(
            "line_total", label="Amount", edit=NEVER,
            help="Quantity times price, rounded to the cent, less the discount.",
        ),
        Choice("cost_type", edit=INLINE, filter=True),
        Reference("product_id", to="products", list=False, filter=True),
        Reference("roof_section_id", label="Roof section", to="roof_sections", list=False, filter=True),
        Money("unit_cost", edit=INLINE, least=0, list=False, help="What one unit costs us; never shown to customers."),
        Percent("tax_rate", list=False),
        Money("tax_amount", label="Tax", edit=NEVER, list=False),
        Flag("is_optional", label="Option", list=False, filter=True, help="The customer may take it or leave it."),
        Flag(
            "is_selected", label="Counted", list=False, filter=True,
            help="An option that was not taken is not in the total.",
        ),
        Text("ai_rationale", label="Why, by AI", long=True, edit=NEVER, list=False),
    ),
)  # fmt: skip
