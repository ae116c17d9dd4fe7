"""The sections the roofs are made of, after what CenterPoint says of each building: its system, its area, when it was laid."""

from __future__ import annotations

import random
import re
from datetime import date, timedelta
from decimal import Decimal

from psycopg.types.json import Jsonb

from app.demo.world import Record, World

SYSTEMS = {"TPO": "tpo", "EPDM": "epdm", "PVC": "pvc", "Mod": "modified_bitumen", "BUR": "built_up", "Standing": "metal",
           "SPF": "spray_foam"}  # fmt: skip
# Years such a roof lasts, what a square foot of a new one costs, and who stands for it.
LASTS = {
    "tpo": (24, "9.40", ("Carlisle", "GAF", "Johns Manville")), "epdm": (26, "8.60", ("Carlisle", "Elevate")),
    "pvc": (26, "10.80", ("Sika Sarnafil", "Duro-Last")), "modified_bitumen": (20, "8.90", ("Soprema", "GAF")),
    "built_up": (25, "9.90", ("Johns Manville",)), "metal": (38, "14.50", ("MBCI", "Drexel")),
    "spray_foam": (18, "7.20", ("Gaco",)), "other": (22, "9.00", ("Carlisle",)),
}  # fmt: skip
NAMES = ("Main roof", "Annex", "Loading dock", "Penthouse", "Canopy")
DECKS = ("Steel, 22 ga", "Concrete", "Wood plank", "Gypsum", "Lightweight concrete")
INSULATION = ("Polyiso 2.6 in", "Polyiso, two layers 2 in", "Perlite and polyiso", "Tapered polyiso", "None found")
ADVICE = (
    (70, "Keep the drains clear and look at it twice a year."), (50, "Repair open seams and pitch pockets before next winter."),
    (40, "Plan the replacement; until then patch only what leaks."), (0, "Replace. Further repairs cost more than they save."),
)  # fmt: skip


def sections(world: World) -> None:
    """One to three sections of some two hundred roofs, the larger roofs in more parts."""
    world.chapter("roofs", "Demonstration company: roof sections as they were inspected")
    dice = world.dice("roofs")
    rows = world.rows(
        "SELECT p.id, p.building_type, p.roof_area_sqft, p.lat, p.lng,"
        " (SELECT max(j.completed_at) FROM jobs j WHERE j.property_id = p.id AND j.work_type IN ('inspection', 'maintenance'))"
        " FROM properties p WHERE p.tenant_id = %s AND p.roof_area_sqft > 0"
        " ORDER BY (EXISTS (SELECT FROM estimates e WHERE e.property_id = p.id)) DESC, p.id LIMIT 220",
        world.tenant_id,
    )
    records: list[Record] = []
    for site, building, area, lat, lng, looked in rows:
        words = building or ""
        said = re.search(r"installed (\d{4})", words)
        system = next((key for word, key in SYSTEMS.items() if words.startswith(word)), "tpo")
        parts = _parts(dice, area)
        for place, part in enumerate(parts):
            laid = int(said[1]) if said else world.at.year - dice.randrange(3, 28)
            laid = min(laid + (dice.choice((0, 0, 4, 9)) if place else 0), world.at.year)
            records.append(_section(world, dice, site, NAMES[place], part, system, laid, looked, (lat, lng)))
    world.write("roof_sections", records)
    _offered(world, dice)


def _parts(dice: random.Random, area: Decimal) -> list[Decimal]:
    if area < 15_000:
        return [area]
    shares = dice.choice(((62, 38), (70, 30), (54, 31, 15)))
    return [(area * share / 100).quantize(Decimal(1)) for share in shares]


def _section(world: World, dice: random.Random, site: int, name: str, area: Decimal, system: str, laid: int, looked: object,
             where: tuple[Decimal | None, Decimal | None]) -> Record:  # fmt: skip
    years, price, makers = LASTS[system]
    age = world.at.year - laid
    score = min(100, max(round(100 - 88 * age / years + dice.uniform(-9, 9)), dice.randrange(4, 24)))
    until = laid + dice.choice((10, 15, 20))
    warranty = until if dice.random() < 0.8 and until > world.at.year - 6 else None
    inspected = looked.astimezone(world.zone).date() if looked else None  # type: ignore[attr-defined]
    lat, lng = where
    return {
        "property_id": site, "name": name, "area_sqft": area, "system": system,
        "pitch_rise": Decimal("3.00") if system == "metal" else dice.choice((Decimal("0.25"), Decimal("0.50"))),
        "deck": dice.choice(DECKS), "insulation": dice.choice(INSULATION), "installed_year": laid,
        "replace_year": max(laid + years + dice.randrange(-2, 3), world.at.year + dice.choice((-1, 0, 0, 1, 1, 2, 3))),
        "condition_score": score,
        "inspected_on": inspected, "warranty_manufacturer": dice.choice(makers) if warranty else None,
        "warranty_ends_on": date(warranty, dice.randrange(1, 13), 1 + dice.randrange(28)) if warranty else None,
        "replace_budget": (area * Decimal(price)).quantize(Decimal(100)),
        "recommendation": next(words for least, words in ADVICE if score >= least),
        "outline": Jsonb(_square(float(lat), float(lng), float(area))) if lat is not None and lng is not None else None,
        "created_at": world.at - timedelta(days=dice.uniform(0.5, 500)),
    }  # fmt: skip


def _square(lat: float, lng: float, area: float) -> dict[str, object]:
    """A square of that many square feet around a point, near enough for a map."""
    half = area**0.5 / 2 * 0.3048 / 111_320
    corners = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)]
    return {"type": "Polygon", "coordinates": [[[round(lng + x * 1.3, 6), round(lat + y, 6)] for x, y in corners]]}


def _offered(world: World, dice: random.Random) -> None:
    """Lines of estimates for a roof in several parts say which part they are for."""
    world.connection.execute(
        "UPDATE estimate_lines SET roof_section_id = first.id FROM estimates e, LATERAL (SELECT id FROM roof_sections s"
        " WHERE s.property_id = e.property_id ORDER BY s.replace_year, s.id LIMIT 1) AS first"
        " WHERE e.tenant_id = %s AND estimate_lines.estimate_id = e.id AND estimate_lines.cost_type = 'material'",
        (world.tenant_id,),
    )
