"""What a priced document comes to: each line rounded half up to the cent, the header the plain sum of its lines.

The rule is the data dictionary's (section 2, rule 3): line_total = round(quantity * unit_price, 2) - discount_amount,
tax per line, subtotal = sum of line_total, tax_total = sum of tax_amount, total = subtotal - discount_total + tax_total.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from app.core.formats import money
from app.domains.crm.tables import table

CENT = Decimal("0.01")
NOTHING = Decimal(0)


def cents(amount: Decimal) -> Decimal:
    """Round half up, away from zero, as PostgreSQL's round() does: what the console and the database say must agree."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def line(row: Mapping[str, Any]) -> dict[str, Decimal]:
    """The amounts that follow from a line's quantity, price, discount and tax rate (0 to 100)."""
    total = cents(row["quantity"] * row["unit_price"]) - (row.get("discount_amount") or NOTHING)
    return {"line_total": total, "tax_amount": cents(total * (row.get("tax_rate") or NOTHING) / 100)}


def header(subtotal: Decimal, tax: Decimal, discount: Decimal) -> dict[str, Decimal]:
    """The four amounts of a document, ready to be written together: the database refuses a total that does not fit them."""
    return {"subtotal": subtotal, "tax_total": tax, "discount_total": discount, "total": subtotal - discount + tax}


def header_of(connection: Connection, lines: str, parent: str, record: Mapping[str, Any]) -> dict[str, Decimal]:
    """The header as the stored lines have it, keeping the document's own discount."""
    _, _, subtotal, tax = _sums(connection, lines, parent, record["id"])
    return header(subtotal, tax, record["discount_total"])


def cost_of(connection: Connection, lines: str, parent: str, key: int) -> Decimal:
    """What the document's lines cost us; a line whose cost nobody knows counts as nothing, so a margin can only look too good."""
    rows = table(lines).c
    spent = func.coalesce(func.sum(func.round(rows.quantity * rows.unit_cost, 2)), 0)
    statement = select(spent).where(rows[parent] == key)
    if "is_selected" in rows:
        statement = statement.where(rows.is_selected)
    return Decimal(connection.execute(statement).scalar_one())


def unproven(connection: Connection, lines: str, parent: str, record: Mapping[str, Any]) -> str | None:
    """Why the document cannot leave the house: no lines, a line that does not multiply, or a header that does not add up."""
    count, wrong, subtotal, tax = _sums(connection, lines, parent, record["id"])
    if not count:
        return "Add at least one line first."
    if wrong:
        which = "One line does" if wrong == 1 else f"{wrong} lines do"
        return f"{which} not come to quantity times price less discount; save {'it' if wrong == 1 else 'them'} again first."
    for name, stated, proven in (("subtotal", record["subtotal"], subtotal), ("tax", record["tax_total"], tax)):
        if stated != proven:
            said, found = money(stated, record["currency"]), money(proven, record["currency"])
            return f"The {name} says {said}, but the lines come to {found}. Recalculate the totals first."
    return None


def _sums(connection: Connection, lines: str, parent: str, key: int) -> tuple[int, int, Decimal, Decimal]:
    """(lines, lines that do not multiply, sum of line totals, sum of tax); an option not taken counts for nothing."""
    rows = table(lines).c
    fits: ColumnElement[Any] = func.round(rows.quantity * rows.unit_price, 2) - rows.discount_amount
    statement = select(
        func.count(),
        func.count().filter(rows.line_total != fits),
        func.coalesce(func.sum(rows.line_total), 0),
        func.coalesce(func.sum(rows.tax_amount), 0),
    ).where(rows[parent] == key)
    if "is_selected" in rows:
        statement = statement.where(rows.is_selected)
    count, wrong, subtotal, tax = connection.execute(statement).one()
    return count, wrong, subtotal, tax
