"""Roof sections: roof areas with system, age, condition, warranty."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Count, Date, Json, Moment, Money, Quantity, Reference, Text
from app.engine.records import Archivable, Record, Standard, choice, day, integer, json_, money, number, ref, text_
from app.engine.resource import Resource


class RoofSection(Record, Standard, Archivable):
    __tablename__ = "roof_sections"
    property_id: Mapped[int] = ref("properties", "C")
    name: Mapped[str] = text_()
    area_sqft: Mapped[Decimal] = number(12, 2)
    system: Mapped[str] = choice(
        "tpo", "epdm", "pvc", "modified_bitumen", "built_up", "metal", "spray_foam", "coating", "shingle", "other"
    )
    pitch_rise: Mapped[Decimal | None] = number(5, 2)
    deck: Mapped[str | None] = text_()
    insulation: Mapped[str | None] = text_()
    installed_year: Mapped[int | None] = integer()
    replace_year: Mapped[int | None] = integer()
    condition_score: Mapped[int | None] = integer()
    inspected_on: Mapped[date | None] = day()
    warranty_manufacturer: Mapped[str | None] = text_()
    warranty_ends_on: Mapped[date | None] = day()
    replace_budget: Mapped[Decimal | None] = money()
    recommendation: Mapped[str | None] = text_()
    outline: Mapped[Any] = json_(nullable=True)


roof_sections = Resource(
    RoofSection,
    title="name",
    label="Roof sections",
    icon="building",
    nav=("Customers", 35),
    about="Roof areas with system, age, condition, warranty.",
    area="properties",
    search=("name",),
    sort="-created_at",
    fields=(
        Reference("property_id", to="properties", filter=True),
        Text("name", filter=True),
        Quantity("area_sqft", places=2, filter=True),
        Choice("system", filter=True),
        Quantity("pitch_rise", places=2, filter=True),
        Text("deck", filter=True),
        Text("insulation", filter=True),
        Count("installed_year", filter=True),
        Count("replace_year", filter=True),
        Count("condition_score", filter=True),
        Date("inspected_on", filter=True),
        Text("warranty_manufacturer", filter=True),
        Date("warranty_ends_on", filter=True),
        Money("replace_budget", filter=True),
        Text("recommendation", long=True, list=False),
        Json("outline"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
