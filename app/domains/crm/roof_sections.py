"""Roof sections: the parts a roof is made of, each with its own system, age, condition and warranty.

Commercial roofs are inspected, budgeted and replaced section by section, so estimates and photos point at one.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, cast, func
from sqlalchemy.orm import Mapped

from app.core.clock import today
from app.engine.access import Actor
from app.engine.fields import (
    BULK,
    INLINE,
    NEVER,
    Choice,
    Count,
    Date,
    Json,
    Moment,
    Money,
    Quantity,
    Reference,
    Text,
    Whole,
)
from app.engine.records import Archivable, Record, Standard, choice, day, integer, json_, money, number, ref, text_
from app.engine.resource import Related, Resource

POOR = 40
"""Up to here, of 100, a section is planned for replacement rather than repaired again."""


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


def age() -> ColumnElement[Any]:
    """Years since the roof was laid; empty where nobody knows when that was."""
    return cast(func.extract("year", func.now()), Integer) - RoofSection.installed_year


def this_year() -> ColumnElement[Any]:
    return cast(func.extract("year", func.now()), Integer)


def warranty_ending(actor: Actor) -> ColumnElement[bool]:
    """Ends within the next six months: the last chance to have the manufacturer look at what is theirs."""
    day = today(actor.timezone)
    return and_(RoofSection.warranty_ends_on >= day, RoofSection.warranty_ends_on < day + timedelta(days=183))


def not_inspected(actor: Actor) -> ColumnElement[bool]:
    return func.coalesce(RoofSection.inspected_on, date(1900, 1, 1)) < today(actor.timezone) - timedelta(days=365)


roof_sections = Resource(
    RoofSection,
    title="name",
    label="Roof sections",
    singular="roof section",
    icon="roof",
    nav=("Customers", 32),
    about="The parts each roof is made of: system, age, condition, warranty and what replacing them will cost.",
    area="properties",
    search=("name", "warranty_manufacturer"),
    sort="replace_year",
    scopes={
        "Replace this year": RoofSection.replace_year <= this_year(),
        "Poor": RoofSection.condition_score <= POOR,
        "Warranty ending": warranty_ending,
        "Not inspected for a year": not_inspected,
    },
    badge="system",
    facts=(
        "property_id", "area_sqft", "condition_score", "age", "inspected_on", "replace_year", "replace_budget",
        "warranty_ends_on",
    ),
    related=(
        Related("media_assets", "roof_section_id", label="Photos", fields=("name", "phase", "taken_at", "job_id")),
        Related(
            "estimate_lines", "roof_section_id", label="Offered",
            fields=("description", "estimate_id", "quantity", "line_total"),
        ),
    ),
    sentences={
        "uq_roof_sections_property_id_name": ("name", "This property already has a section of that name."),
        "ck_roof_sections_area_sqft": ("area_sqft", "A section's area is more than zero."),
        "ck_roof_sections_condition_score": ("condition_score", "Condition goes from 0, failed, to 100, new."),
        "ck_roof_sections_replace_year": ("replace_year", "A roof cannot be due for replacement before it was laid."),
    },
    fields=(
        Text("name", label="Section", required=True, edit=INLINE, longest=120, width="m"),
        Reference("property_id", label="Site", to="properties", required=True, filter=True, width="l"),
        Choice(
            "system", edit=INLINE | BULK, filter=True,
            labels={
                "tpo": "TPO", "epdm": "EPDM", "pvc": "PVC", "modified_bitumen": "Modified bitumen",
                "built_up": "Built-up",
                "spray_foam": "Spray foam",
            },
        ),
        Quantity("area_sqft", label="Area", unit="sq ft", places=2, edit=INLINE, filter=True),
        Count(
            "condition_score", label="Condition", least=0, most=100, edit=INLINE, filter=True, width="s",
            help="From 0, failed, to 100, new.",
        ),
        Count("age", label="Years old", edit=NEVER, sort=False, filter=True, expr=age, width="s"),
        Whole(
            "replace_year", label="Replace in", bits=32, edit=INLINE | BULK, filter=True, width="s",
            help="The year its replacement is planned for.",
        ),
        Money(
            "replace_budget", label="Budget", least=0, edit=INLINE, filter=True,
            help="What replacing it is expected to cost.",
        ),
        Date("warranty_ends_on", label="Warranty until", edit=INLINE, filter=True, group="Warranty"),
        Date("inspected_on", label="Last inspected", edit=INLINE | BULK, list=False, filter=True),
        Whole("installed_year", label="Laid in", bits=32, edit=INLINE, list=False, filter=True),
        Text(
            "warranty_manufacturer", label="Warranty by", longest=120, edit=INLINE, list=False, filter=True,
            group="Warranty",
        ),
        Text("recommendation", long=True, list=False, group="Advice", help="What we advise the owner to do, and when."),
        Quantity(
            "pitch_rise", label="Rise", unit="in per ft", places=2, least=0, most=100, list=False, filter=True,
            group="Build-up",
            help="Inches of rise in a foot of run; 0.25 is the least that drains.",
        ),
        Text(
            "deck", longest=120, list=False, filter=True, group="Build-up",
            help="What carries it: steel, concrete, wood.",
        ),
        Text("insulation", longest=200, list=False, filter=True, group="Build-up"),
        Json("outline", label="Outline on the map", group="Build-up", help="GeoJSON of its edge."),
        Moment("created_at", label="Added", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
