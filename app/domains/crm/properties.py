"""Properties: the sites we work on. A roof may change hands, so it is not the bill-to account."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.duplicates.likeness import Likeness
from app.engine.fields import BULK, INLINE, NEVER, Choice, Code, Count, Moment, Percent, Quantity, Reference, Text
from app.engine.merging.declared import Merging
from app.engine.records import (
    Archivable,
    Authored,
    External,
    Record,
    Standard,
    choice,
    code,
    integer,
    number,
    percent,
    ref,
    text_,
)
from app.engine.resource import Related, Resource


class Property(Record, Standard, Authored, Archivable, External):
    __tablename__ = "properties"
    customer_id: Mapped[int] = ref("customers", "R")
    name: Mapped[str] = text_()
    status: Mapped[str] = choice("active", "sold", "demolished", "inactive", default="active")
    line1: Mapped[str] = text_()
    line2: Mapped[str | None] = text_()
    city: Mapped[str] = text_()
    region: Mapped[str] = text_()
    postal: Mapped[str] = text_()
    country: Mapped[str] = code(2, "US")
    lat: Mapped[Decimal | None] = number(9, 6)
    lng: Mapped[Decimal | None] = number(9, 6)
    building_type: Mapped[str | None] = text_()
    stories: Mapped[int | None] = integer()
    roof_area_sqft: Mapped[Decimal | None] = number(12, 2)
    roof_access: Mapped[str | None] = choice("ladder", "hatch", "stairs", "lift")
    access_notes: Mapped[str | None] = text_()
    safety_notes: Mapped[str | None] = text_()
    tax_rate: Mapped[Decimal | None] = percent()
    merged_into_id: Mapped[int | None] = ref("properties", "N")


properties = Resource(
    Property,
    title="name",
    label="Properties",
    singular="property",
    icon="roof",
    nav=("Customers", 30),
    about="The sites we work on: where they are, how to get on the roof, and what tax applies there.",
    search=("name", "line1", "city"),
    sort="name",
    alike=Likeness(name=("name",), street="line1", postal="postal", city="city", beside="customer_id"),
    merging=Merging(keeps=("status",)),
    scopes={
        "Active": Property.status == "active",
        "Sold or gone": Property.status.in_(("sold", "demolished")),
        "No roof area": Property.roof_area_sqft.is_(None),
        "No access notes": Property.access_notes.is_(None),
    },
    facts=("customer_id", "status", "city", "roof_area_sqft", "stories", "roof_access", "tax_rate"),
    related=(
        Related(
            "roof_sections", "property_id", sort="name",
            fields=("name", "system", "area_sqft", "condition_score", "replace_year", "warranty_ends_on"),
        ),
        Related("jobs", "property_id", fields=("title", "number", "work_type", "status", "due_by", "contract_value")),
        Related("estimates", "property_id", fields=("title", "number", "status", "total", "valid_until")),
        Related("contacts", "property_id", fields=("full_name", "role", "email", "phone_e164")),
        Related("invoices", "property_id", fields=("number", "state", "due_date", "total", "balance")),
        Related("subscriptions", "property_id", label="Agreements", fields=("name", "status", "mrr", "next_visit_on")),
        Related(
            "ai_memories", "subject_id", about="properties", label="Memories", sort="-created_at",
            fields=("content", "kind", "state", "confidence", "recall_count", "last_recalled_at"),
        ),
        Related("media_assets", "property_id", label="Photos", fields=("name", "phase", "taken_at", "roof_section_id")),
    ),
    sentences={
        "ck_properties_roof_area_sqft": ("roof_area_sqft", "A roof area is more than zero."),
        "ck_properties_tax_rate": ("tax_rate", "A tax rate is 0 to 25 percent."),
    },
    fields=(
        Text("name", label="Property", required=True, edit=INLINE, longest=200, width="l"),
        Reference("customer_id", to="customers", required=True, filter=True, width="l"),
        Choice(
            "status", edit=INLINE | BULK, filter=True, width="s",
            tones={"active": "ok done", "sold": "mute off", "demolished": "mute fail", "inactive": "mute off"},
        ),
        Text("line1", label="Street", edit=INLINE, group="Address", width="l"),
        Text("city", edit=INLINE, filter=True, group="Address"),
        Text("region", label="State", longest=40, filter=True, group="Address", width="xs"),
        Text("postal", label="ZIP code", longest=20, filter=True, group="Address", width="s"),
        Text("building_type", edit=INLINE | BULK, filter=True, group="Building"),
        Quantity(
            "roof_area_sqft", label="Roof area", unit="sq ft", places=2, edit=INLINE, filter=True, group="Building",
            help="In square feet; 100 of them make one roofing square.",
        ),
        Choice("roof_access", edit=INLINE | BULK, filter=True, group="Building"),
        Text("line2", label="Suite or floor", list=False, group="Address"),
        Code("country", longest=2, list=False, group="Address", help="Two letters, like US."),
        Quantity("lat", label="Latitude", places=6, least=-90, most=90, list=False, group="Address"),
        Quantity("lng", label="Longitude", places=6, least=-180, most=180, list=False, group="Address"),
        Count("stories", least=0, most=200, list=False, filter=True, group="Building"),
        Percent(
            "tax_rate", edit=INLINE | BULK, most=25, list=False, filter=True, group="Building",
            help="Sales tax at this site, in percent. Empty means it is looked up when an invoice is made.",
        ),
        Text("access_notes", long=True, list=False, group="Notes", help="Gate codes, keys, whom to ask."),
        Text("safety_notes", long=True, list=False, group="Notes", help="What can hurt a crew here."),
        Reference("merged_into_id", label="Merged into", to="properties", edit=NEVER, list=False),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, group="Origin"),
        Moment("created_at", label="Added", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
