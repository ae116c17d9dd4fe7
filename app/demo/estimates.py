"""Estimates in every state: those that became the open jobs, those being waited for, those that were lost."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from app.demo.company import of_kind
from app.demo.world import Record, World
from app.domains.crm.centerpoint.invoices import spread

CENT = Decimal("0.01")
VALID = timedelta(days=30)

# Apart from the accepted ones, which stand behind real jobs: how many, and how many days ago they were written.
STATES: tuple[tuple[str, int, int, int], ...] = (
    ("draft", 24, 0, 9),
    ("internal_review", 11, 0, 6),
    ("sent", 31, 1, 22),
    ("viewed", 22, 2, 25),
    ("declined", 34, 20, 170),
    ("expired", 26, 45, 220),
    ("superseded", 9, 12, 40),
)
SCOPES = ("Re-roof, section B", "Replace coping, north wall", "Recover over existing membrane", "Repair after hail",
          "Roof care plan", "Restore with silicone coating", "Replace drains and sumps", "Tear-off and re-roof",
          "New curbs and flashing", "Seam repair, whole roof")  # fmt: skip
DECLINES = ("Went with a lower bid", "Budget moved to next year", "Building is being sold", "Chose a coating instead",
            "No answer after three calls")  # fmt: skip
SECTIONS = ("Preparation", "Membrane", "Flashing and metal", "Labour", "Site and disposal")


def estimates(world: World, products: list[Record]) -> None:
    """Write the estimates with their lines, and tie the accepted ones to the jobs that came of them."""
    world.chapter("estimates", "Demonstration company: estimates and the jobs that came of them")
    dice = world.dice("estimates")
    estimators = of_kind(world, "estimator", "sales")
    sellable = [product for product in products if product["status"] == "active"]
    headers: list[Record] = []
    lines: list[list[Record]] = []

    jobs = world.rows(
        "SELECT j.id, j.title, j.customer_id, j.property_id, j.contract_value, j.requested_at, c.tax_exempt,"
        " (SELECT full_name FROM contacts k WHERE k.customer_id = c.id ORDER BY is_primary DESC, k.id LIMIT 1)"
        " FROM jobs j JOIN customers c ON c.id = j.customer_id WHERE j.tenant_id = %s AND j.is_billable"
        " AND j.status IN ('approved', 'scheduled', 'in_progress') AND j.contract_value > 0 ORDER BY j.id LIMIT 72",
        world.tenant_id,
    )
    for _id, title, customer, place, value, requested, exempt, contact in jobs:
        accepted = min(requested - timedelta(days=dice.randrange(1, 9)), world.at)
        header = _header(world, len(headers), "accepted", customer, place, title, accepted - timedelta(days=6), dice)
        header |= {"estimator_id": dice.choice(estimators), "accepted_at": accepted, "converted_at": requested,
                   "accepted_by_name": contact or "Authorised signer"}  # fmt: skip
        headers.append(header)
        lines.append(_finish(header, _for_value(dice, value), exempt))

    sites = world.rows(
        "SELECT p.id, p.customer_id, p.name, c.tax_exempt FROM properties p JOIN customers c ON c.id = p.customer_id"
        " WHERE p.tenant_id = %s AND c.status = 'active' ORDER BY p.id LIMIT 1500",
        world.tenant_id,
    )
    for status, count, youngest, oldest in STATES if sites else ():
        for _ in range(count):
            place, customer, name, exempt = dice.choice(sites)
            written = world.at - timedelta(days=dice.uniform(youngest, oldest))
            title = f"{dice.choice(SCOPES)}, {name}"
            header = _header(world, len(headers), status, customer, place, title, written, dice)
            header["estimator_id"] = dice.choice(estimators)
            headers.append(header)
            lines.append(_finish(header, _from_book(dice, sellable), exempt))
            if status == "superseded":
                headers.append(newer := _revision(world, header, dice))
                lines.append(_finish(newer, _from_book(dice, sellable), exempt))
    _write(world, headers, lines, [job[0] for job in jobs])


def _header(
    world: World, place: int, status: str, customer: int, site: int | None, title: str, written: datetime,
    dice: random.Random,
) -> Record:  # fmt: skip
    issued = status not in ("draft", "internal_review")
    sent = written + timedelta(hours=dice.uniform(1, 20)) if issued else None
    viewed = None
    if sent and status != "sent" and not (status == "expired" and dice.random() < 0.4):
        viewed = min(sent + timedelta(hours=dice.uniform(1, 60)), world.at)
    over = min(viewed or world.at, world.at) + timedelta(0) if status == "declined" else None
    return {
        "number": f"E-{place + 1:05d}",
        "revision_no": 1,
        "revised_from_id": None,
        "title": title,
        "status": status,
        "customer_id": customer,
        "property_id": site,
        "estimator_id": None,
        "source": dice.choices(("manual", "template", "ai"), (5, 3, 2))[0],
        "scope_text": f"{title}. Work during business hours; roof left watertight every evening.",
        "exclusions": "Structural repair, asbestos abatement, interior finishes.",
        "subtotal": Decimal(0),
        "tax_total": Decimal(0),
        "total": Decimal(0),
        "cost_total": Decimal(0),
        "profit_pct": 12,
        "overhead_pct": 9,
        "issued_on": sent.astimezone(world.zone).date() if sent else None,
        "valid_until": (sent.astimezone(world.zone) + VALID).date() if sent else None,
        "sent_at": sent,
        "viewed_at": viewed,
        "view_count": dice.randrange(1, 6) if viewed else 0,
        "accepted_at": None,
        "accepted_by_name": None,
        "declined_at": over,
        "decline_reason": dice.choice(DECLINES) if over else None,
        "converted_at": None,
        "created_at": written,
    }


def _revision(world: World, old: Record, dice: random.Random) -> Record:
    written = min(old["sent_at"] + timedelta(days=3), world.at)
    newer = _header(world, 0, "draft", old["customer_id"], old["property_id"], old["title"], written, dice)
    return newer | {
        "number": old["number"],
        "revision_no": 2,
        "revised_from_id": old,
        "estimator_id": old["estimator_id"],
    }


def _for_value(dice: random.Random, value: Decimal) -> list[Record]:
    """Lump-sum lines that add up to the job's contract value."""
    parts = dice.sample(SECTIONS, dice.randrange(2, 5))
    shares = spread(value, [Decimal(dice.randrange(10, 60)) for _ in parts])
    kinds = {"Labour": "labor", "Site and disposal": "other", "Preparation": "labor"}
    return [
        _line(part, f"{part}, lump sum", Decimal(1), "each", share, (share * Decimal("0.68")).quantize(CENT), None,
              kinds.get(part, "material"))
        for part, share in zip(parts, shares, strict=True) if share > 0
    ]  # fmt: skip


def _from_book(dice: random.Random, products: list[Record]) -> list[Record]:
    most = {"sq": 180, "lf": 240, "hour": 90, "gal": 60, "day": 5}
    lines = []
    for product in dice.sample(products, dice.randrange(3, 8)):
        quantity = Decimal(dice.randrange(1, most.get(product["unit"], 4) + 1))
        kind = product["kind"] if product["kind"] in ("labor", "material", "equipment", "subcontract") else "other"
        section = {"labor": "Labour", "material": "Membrane"}.get(kind, "Site and disposal")
        lines.append(_line(section, product["name"], quantity, product["unit"], product["unit_price"],
                           product["unit_cost"], product["id"], kind))  # fmt: skip
    return lines


def _line(
    section: str, text: str, quantity: Decimal, unit: str, price: Decimal, cost: Decimal, product: int | None, kind: str
) -> Record:
    return {
        "estimate_id": None, "position": 0, "section": section, "product_id": product, "description": text,
        "quantity": quantity, "unit": unit, "unit_price": price, "unit_cost": cost, "tax_rate": Decimal(0),
        "tax_amount": Decimal(0), "line_total": (quantity * price).quantize(CENT, ROUND_HALF_UP), "cost_type": kind,
        "created_at": None,
    }  # fmt: skip


def _finish(header: Record, lines: list[Record], exempt: bool) -> list[Record]:
    """Tax the lines and add the header up from them."""
    rate = Decimal(0) if exempt else Decimal("4.81")
    for position, line in enumerate(lines, 1):
        line["position"], line["created_at"], line["tax_rate"] = position, header["created_at"], rate
        line["tax_amount"] = (line["line_total"] * rate / 100).quantize(CENT, ROUND_HALF_UP)
        header["subtotal"] += line["line_total"]
        header["tax_total"] += line["tax_amount"]
        header["cost_total"] += (line["quantity"] * line["unit_cost"]).quantize(CENT, ROUND_HALF_UP)
    header["total"] = header["subtotal"] + header["tax_total"]
    return lines


def _write(world: World, headers: list[Record], lines: list[list[Record]], jobs: list[int]) -> None:
    # The older revision needs its id before the newer one can point at it; both are in one list, older first.
    first = world.rows("SELECT coalesce(max(id), 0) + 1 FROM estimates")[0][0]
    for number, header in enumerate(headers, first):
        header["id"] = number
    for header in headers:
        header["revised_from_id"] = header["revised_from_id"] and header["revised_from_id"]["id"]
    world.write("estimates", headers)
    flat = []
    for header, mine in zip(headers, lines, strict=True):
        for line in mine:
            line["estimate_id"] = header["id"]
            flat.append(line)
    world.write("estimate_lines", flat)
    world.connection.execute(
        "UPDATE jobs SET estimate_id = pair.estimate FROM unnest(%s::bigint[], %s::bigint[]) AS pair (job, estimate)"
        " WHERE jobs.id = pair.job",
        (jobs, [header["id"] for header in headers[: len(jobs)]]),
    )
    world.numbered("estimate", "E-", 5, len(headers))
