"""Work sites and the roof on them; until roof sections have a table, system and year stand as the building's type."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from app.domains.crm.centerpoint.customers import SOURCE
from app.domains.crm.centerpoint.intake import Intake
from app.domains.crm.centerpoint.sheets import Row
from app.domains.crm.centerpoint.values import number, postal, title, year

# A "square" is the roofer's unit: one hundred square feet.
SQUARE = Decimal(100)

REQUIRED = {"name": "Site Name", "line1": "Address", "city": "City", "region": "ST"}


def properties(intake: Intake, rows: Iterable[Row]) -> None:
    """One property per site. A site without an address cannot be driven to, so such a row is sent back."""
    for row in intake.sound("properties", rows):
        customer = intake.parent("customers", row, "Cust #", "customer", "properties")
        if customer is None:
            continue
        place = {field: title(row[column]) for field, column in REQUIRED.items()}
        missing = [REQUIRED[field] for field, value in place.items() if value is None]
        code = intake.take(row, "Zip", postal, "unreadable_postal")
        if missing or code is None:
            intake.refuse("properties", row, "no_address", f"the site lacks {', '.join(missing or ['Zip'])}")
            continue
        squares = intake.take(row, "Squares", number, "unreadable_number")
        if squares is not None and squares <= 0:
            intake.without(row, "Squares", "roof_without_area", "not above zero, and a roof has an area")
            squares = None
        built = intake.take(row, "Installed", year, "unreadable_year")
        system = title(row["Roof System"])
        intake.admit("properties", {
            "customer_id": customer["id"],
            **place,
            "postal": code,
            "building_type": f"{system or 'Roof'}, installed {built}" if built else system,
            "roof_area_sqft": squares * SQUARE if squares is not None else None,
            "created_at": customer["created_at"],
            "external_source": SOURCE,
            "external_id": row.key,
        }, row)  # fmt: skip
