"""Products: the price book of materials, labor, services and plans that estimates and invoices draw on."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import (
    BULK,
    INLINE,
    NEVER,
    Choice,
    Code,
    Date,
    Flag,
    Json,
    Moment,
    Money,
    Percent,
    Quantity,
    Reference,
    Text,
)
from app.engine.records import (
    Archivable,
    Authored,
    External,
    Record,
    Standard,
    choice,
    code,
    day,
    flag,
    json_,
    money,
    percent,
    quantity,
    ref,
    text_,
)
from app.engine.resource import Related, Resource


class Product(Record, Standard, Authored, Archivable, External):
    __tablename__ = "products"
    sku: Mapped[str] = text_()
    name: Mapped[str] = text_()
    description: Mapped[str | None] = text_()
    kind: Mapped[str] = choice("material", "labor", "service", "equipment", "subcontract", "plan", "fee")
    category: Mapped[str | None] = text_()
    status: Mapped[str] = choice("draft", "active", "discontinued", default="active")
    unit: Mapped[str] = choice(
        "each", "sq", "sqft", "lf", "hour", "day", "roll", "bundle", "gal", "month", "year", default="each"
    )
    unit_price: Mapped[Decimal] = money()
    unit_cost: Mapped[Decimal | None] = money()
    currency: Mapped[str] = code(3, "USD")
    taxable: Mapped[bool] = flag("true")
    waste_pct: Mapped[Decimal] = percent("0")
    coverage_per_unit: Mapped[Decimal | None] = quantity()
    price_reviewed_on: Mapped[date | None] = day()
    attributes: Mapped[dict[str, Any]] = json_("{}")
    is_public: Mapped[bool] = flag()
    public_id: Mapped[UUID] = mapped_column(Uuid, server_default=text("uuidv7()"))
    public_slug: Mapped[str | None] = text_()
    image_file_id: Mapped[int | None] = ref("file_metadata", "N")
    billing_interval: Mapped[str | None] = choice("month", "quarter", "half_year", "year")
    stripe_product_id: Mapped[str | None] = text_()
    stripe_price_id: Mapped[str | None] = text_()


products = Resource(
    Product,
    title="name",
    code="sku",
    label="Products",
    icon="box",
    nav=("Money", 30),
    about="The price book: what we sell, in which unit, for how much and at what cost to us.",
    search=("name", "sku"),
    sort="name",
    scopes={
        "Active": Product.status == "active",
        "Materials": Product.kind == "material",
        "Labor": Product.kind == "labor",
        "No cost": Product.unit_cost.is_(None),
        "Price never reviewed": Product.price_reviewed_on.is_(None),
        "Public": Product.is_public.is_(True),
    },
    facts=("unit_price", "unit_cost", "unit", "kind", "status", "taxable", "price_reviewed_on"),
    related=(
        Related(
            "estimate_lines", "product_id", label="In estimates", fields=("description", "estimate_id", "quantity", "unit_price"),
        ),
        Related(
            "invoice_lines", "product_id", label="In invoices", fields=("description", "invoice_id", "quantity", "unit_price"),
        ),
        Related("subscriptions", "product_id", label="Agreements on it", fields=("name", "customer_id", "status", "mrr")),
    ),
    sentences={
        "uq_products_tenant_id_sku": ("sku", "Another product already has this SKU."),
        "uq_products_tenant_id_public_slug": ("public_slug", "Another product already has this web name."),
        "ck_products_prices": ("unit_price", "Prices and costs are zero or more."),
        "ck_products_public": ("is_public", "Only an active product with a web name can be public."),
        "ck_products_plan_interval": ("billing_interval", "Only plans are billed at an interval."),
    },
    fields=(
        Text("name", label="Product", required=True, edit=INLINE, longest=200, width="l"),
        Code("sku", label="SKU", required=True, width="s"),
        Choice("kind", edit=BULK, filter=True),
        Text("category", edit=INLINE | BULK, filter=True),
        Choice(
            "status", edit=INLINE | BULK, filter=True, width="s",
            tones={"draft": "mute draft", "active": "ok done", "discontinued": "mute off"},
        ),
        Choice(
            "unit", filter=True, width="xs", help="sq is a roofing square of 100 square feet; lf a linear foot.",
            labels={"sq": "sq", "sqft": "sq ft", "lf": "lf", "gal": "gal"},
        ),
        Money("unit_price", required=True, edit=INLINE, least=0, filter=True, group="Price"),
        Money(
            "unit_cost", edit=INLINE, least=0, filter=True, group="Price",
            help="What one unit costs us; never shown to customers.",
        ),
        Flag("taxable", edit=INLINE | BULK, filter=True, group="Price"),
        Date("price_reviewed_on", label="Price reviewed", edit=INLINE | BULK, filter=True, group="Price"),
        Text("description", long=True, list=False),
        Code("currency", longest=3, edit=NEVER, list=False, group="Price"),
        Choice("billing_interval", list=False, group="Price", help="For plans only."),
        Percent(
            "waste_pct", label="Waste", edit=BULK, list=False, group="Measure",
            help="Added to measured quantities, in percent.",
        ),
        Quantity(
            "coverage_per_unit", list=False, least=0, group="Measure",
            help="What one unit covers, in square feet.",
        ),
        Flag(
            "is_public", label="Public", list=False, filter=True, group="Web",
            help="Shown with its price on the public price list.",
        ),
        Code("public_slug", label="Web name", list=False, group="Web"),
        Reference("image_file_id", label="Picture", to="file_metadata", list=False, filter=True, group="Web"),
        Json("attributes", label="Further properties", group="Web"),
        Code("stripe_product_id", label="Stripe product", edit=NEVER, list=False, group="Origin"),
        Code("stripe_price_id", label="Stripe price", edit=NEVER, list=False, group="Origin"),
        Code("external_source", label="Imported from", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("external_id", label="ID there", edit=NEVER, list=False, group="Origin"),
        Moment("created_at", label="Added", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
