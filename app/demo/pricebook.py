"""The price book: what this roofer sells, by the unit it is sold in, with what it costs us."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from app.demo.world import Record, World

# Prefix, category, kind, unit; then name and price. Cost is a share of the price that differs by kind.
BOOK: tuple[tuple[str, str, str, str, tuple[tuple[str, str], ...]], ...] = (
    ("MEM", "Membrane", "material", "sq", (
        ("TPO 60 mil, white", "128.00"), ("TPO 80 mil, white", "162.00"), ("TPO 60 mil, grey", "131.00"),
        ("EPDM 60 mil, black", "104.00"), ("EPDM 90 mil, black", "149.00"), ("PVC 50 mil, white", "141.00"),
        ("PVC 60 mil, KEE", "178.00"), ("Modified bitumen, cap sheet", "96.00"), ("Modified bitumen, base sheet", "61.00"),
    )),
    ("INS", "Insulation", "material", "sq", (
        ("Polyiso 1.5 in, tapered", "88.00"), ("Polyiso 2.6 in", "112.00"), ("Cover board, gypsum 1/2 in", "74.00"),
        ("Cover board, HD polyiso", "69.00"),
    )),
    ("MTL", "Metal", "material", "lf", (
        ("Coping, 24 ga", "23.50"), ("Drip edge, 24 ga", "9.75"), ("Standing seam panel, 24 ga", "14.20"),
        ("Gutter, 6 in box", "28.00"), ("Downspout, 4 by 5", "19.50"), ("Termination bar", "4.10"),
        ("Expansion joint cover", "38.00"),
    )),
    ("ACC", "Accessories", "material", "each", (
        ("Roof drain, cast iron, 4 in", "415.00"), ("Retrofit drain insert", "239.00"), ("Pipe boot, 1 to 6 in", "46.00"),
        ("Pitch pocket with filler", "88.00"), ("Walkway pad, 30 by 60", "71.00"), ("Skylight, 4 by 4", "980.00"),
        ("Roof hatch, 30 by 36", "1240.00"), ("Seam tape, 100 ft", "129.00"), ("Lap sealant, tube", "11.50"),
    )),
    ("COT", "Coatings", "material", "gal", (
        ("Silicone coating, white", "58.00"), ("Acrylic coating, white", "34.00"), ("Primer, single ply", "41.00"),
        ("Mastic, elastomeric", "47.00"),
    )),
    ("LAB", "Labour", "labor", "hour", (
        ("Roofer", "78.00"), ("Service technician", "96.00"), ("Crew lead", "104.00"), ("Roofer, overtime", "117.00"),
        ("Emergency call, after hours", "165.00"), ("Travel time", "62.00"),
    )),
    ("SVC", "Service", "service", "each", (
        ("Leak call, first hour", "285.00"), ("Roof inspection with report", "450.00"), ("Drone survey", "620.00"),
        ("Moisture scan, infrared", "1180.00"), ("Core cut with repair", "215.00"), ("Drain cleaning, per drain", "68.00"),
        ("Snow removal, per visit", "890.00"), ("Warranty claim handling", "240.00"),
    )),
    ("EQP", "Equipment", "equipment", "day", (
        ("Crane, 40 ton", "1850.00"), ("Boom lift, 60 ft", "640.00"), ("Roofing hoist", "180.00"),
        ("Dump trailer", "145.00"), ("Fall protection set", "85.00"),
    )),
    ("SUB", "Subcontract", "subcontract", "each", (
        ("Sheet metal shop, custom curb", "680.00"), ("Electrician, disconnect and reset", "540.00"),
        ("Abatement survey", "1450.00"),
    )),
    ("PLN", "Maintenance plans", "plan", "year", (
        ("Roof care, two visits", "1280.00"), ("Roof care, four visits", "2390.00"), ("Drain watch", "560.00"),
    )),
    ("FEE", "Fees", "fee", "each", (
        ("Permit, city", "310.00"), ("Disposal, per load", "465.00"), ("Fuel surcharge", "38.00"),
        ("Small job minimum", "395.00"),
    )),
)  # fmt: skip
COST_SHARE = {
    "material": 0.62,
    "labor": 0.48,
    "service": 0.41,
    "equipment": 0.74,
    "subcontract": 0.81,
    "plan": 0.44,
    "fee": 0.7,
}


def products(world: World) -> list[Record]:
    """About sixty products; two have gone out of use and one is not out yet."""
    world.chapter("products", "Demonstration company: the price book")
    dice = world.dice("products")
    records: list[Record] = []
    for prefix, category, kind, unit, items in BOOK:
        for place, (name, price) in enumerate(items, 1):
            cost = Decimal(price) * Decimal(str(round(COST_SHARE[kind] * dice.uniform(0.94, 1.06), 4)))
            records.append({
                "sku": f"{prefix}-{place:03d}",
                "name": name,
                "description": f"{name}, priced per {unit}.",
                "kind": kind,
                "category": category,
                "status": "active",
                "unit": unit,
                "unit_price": Decimal(price),
                "unit_cost": cost.quantize(Decimal("0.01")),
                "taxable": kind in ("material", "equipment"),
                "waste_pct": 7 if unit in ("sq", "lf") and kind == "material" else 0,
                "price_reviewed_on": (world.at - timedelta(days=dice.randrange(5, 260))).date(),
                "billing_interval": "year" if kind == "plan" else None,
                "created_at": world.at - timedelta(days=700 - len(records)),
            })  # fmt: skip
    records[2]["status"] = records[8]["status"] = "discontinued"
    records[-1]["status"] = "draft"
    return world.write("products", records)
