"""Invoices with their lines: a document comes in whole and proven, or it is sent back whole.

The header must say what its lines add up to (subtotal, and total = subtotal + tax). Where the two differ neither is
evidence of the other, an issued invoice may not be altered to fit, and a balancing line of our own would be a line
nobody sold; so the document, its lines and the payments made on it are listed together for somebody to mend at the
source. Its money moves as one: the customer's balance is the same with all of it or none of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from app.domains.crm.centerpoint.customers import SOURCE
from app.domains.crm.centerpoint.intake import Intake, Record
from app.domains.crm.centerpoint.sheets import Row
from app.domains.crm.centerpoint.values import Unreadable, day, money, number, title, words

CENT = Decimal("0.01")
NONE = Decimal(0)
STATUSES = {"draft": "draft", "open": "open", "paid": "paid"}
COST_TYPES = {"labor": "labor", "travel": "travel", "material": "material", "crane": "equipment"}


@dataclass(frozen=True)
class Line:
    """One line as exported, its amount still to be given its share of the invoice's tax."""

    row: Row
    position: int
    description: str
    quantity: Decimal
    amount: Decimal
    key: str
    """Its invoice and its number there, told apart where one number stands twice."""


def spread(total: Decimal, over: Sequence[Decimal]) -> list[Decimal]:
    """Share `total` in proportion to `over`: cents that add up to it exactly, each within one of the fair share."""
    whole = sum(over, NONE)
    if not over or whole == 0:
        return [total, *[NONE] * (len(over) - 1)] if over else []
    shares, given, running = [], NONE, NONE
    for part in over:
        running += part
        upto = (total * running / whole).quantize(CENT, ROUND_HALF_UP)
        shares.append(upto - given)
        given = upto
    return shares


def invoices(intake: Intake, rows: Iterable[Row], line_rows: Iterable[Row]) -> None:
    """Read headers and lines together. The export's closing TOTAL row proves the file whole and is not an invoice."""
    headers = list(intake.sound("invoices", _without_total(intake, rows)))
    lines: dict[str, list[Row]] = defaultdict(list)
    for row in line_rows:
        intake.read[row.file] += not row.here
        lines[row.key].append(row)
    for row in headers:
        _document(intake, row, lines.pop(row.key, []))
    for orphans in lines.values():
        for row in orphans:
            if row.fault:
                intake.refuse("invoice_lines", row, "broken_row", row.fault)
            else:
                intake.parent("invoices", row, "Inv #", "invoice", "invoice_lines")


def _without_total(intake: Intake, rows: Iterable[Row]) -> Iterable[Row]:
    sums = {"Subtotal": NONE, "Total": NONE}
    for row in rows:
        if row.here:
            yield row
            continue
        if row.key or row.fault or "TOTAL" not in [cell.strip().upper() for cell in row.cells.values()]:
            for column in sums:
                try:
                    sums[column] += money(row.cells.get(column)) or NONE
                except Unreadable:
                    continue
            yield row
            continue
        intake.read["totals_rows"] += 1
        off = [column for column in sums if money(row[column]) != sums[column]]
        verdict = f"and differs from them in {', '.join(off)}" if off else "and agrees with them to the cent"
        fault = "totals_differ" if off else "totals_row"
        intake.refuse("invoices", row, fault, f"the row sums the invoices above it, {verdict}; it is not an invoice")
        intake.turned_away[row.file] -= 1


def _document(intake: Intake, row: Row, line_rows: list[Row]) -> None:
    if not (job := intake.parent("jobs", row, "WO #", "work_order", "invoices")):
        return _with_lines(intake, row, line_rows)
    customer = intake.parent("customers", row, "Cust #", "customer", "invoices")
    if customer is None:
        return _with_lines(intake, row, line_rows)
    try:
        header = _header(row)
        lines = list(_lines(line_rows))
        _prove(header, lines, job, customer)
    except Unreadable as fault:
        code = getattr(fault, "code", "unreadable_document")
        intake.refuse("invoices", row, code, str(fault))
        return _with_lines(intake, row, line_rows)
    _admit(intake, row, header, lines, job, customer)
    return None


def _with_lines(intake: Intake, row: Row, line_rows: list[Row]) -> None:
    for line in line_rows:
        intake.refuse("invoice_lines", line, "hangs_on_refused_invoice", f"its invoice {row.key} was refused")


def _header(row: Row) -> Record:
    issued, due = day(row["Date"]), day(row["Due"])
    amounts = {name: money(row[name]) for name in ("Subtotal", "Tax", "Total")}
    status = STATUSES.get((words(row["Status"]) or "").lower())
    if status is None:
        raise Unreadable(f"the status “{row['Status'][:80]}” is not one the console knows")
    if issued is None or due is None or due < issued:
        raise Unreadable("an issued invoice needs its date, and a due date not before it")
    if None in amounts.values() or min(amount for amount in amounts.values() if amount is not None) < 0:
        raise Unreadable("subtotal, tax and total must be amounts of zero or more")
    return {"status": status, "issued": issued, "due": due, **amounts}


def _lines(rows: Iterable[Row]) -> Iterable[Line]:
    seen: Counter[str] = Counter()
    for row in rows:
        key = f"{row.key}/{row.cells.get('Ln', '').strip()}"
        seen[key] += 1
        yield _line(row, key if seen[key] == 1 else f"{key} ({seen[key]})")


def _line(row: Row, key: str) -> Line:
    if row.fault:
        raise Unreadable(f"line in row {row.number}: {row.fault}")
    amount, quantity = money(row["Amount"]), number(row["Qty"])
    position = number(row["Ln"])
    if amount is None or not quantity or position is None:
        raise Unreadable(f"line in row {row.number} lacks its number, quantity or amount")
    if (amount / quantity).quantize(CENT) * quantity != amount:
        raise Unreadable(f"line in row {row.number}: no unit price in cents gives {amount} for {quantity}")
    return Line(row, int(position), title(row["Description"]) or "(no description)", quantity, amount, key)


def _prove(header: Record, lines: list[Line], job: Record, customer: Record) -> None:
    if not lines:
        raise _fault("no_lines", "an issued invoice has at least one line")
    total = sum((line.amount for line in lines), NONE)
    if header["Subtotal"] != total:
        raise _fault(
            "invoice_total_differs_from_lines",
            f"the header's subtotal is {header['Subtotal']:,}, its lines add up to {total:,}",
        )
    if header["Total"] != header["Subtotal"] + header["Tax"]:
        raise _fault("total_differs_from_header", "total is not subtotal plus tax")
    if job["customer_id"] != customer["id"]:
        raise _fault("job_of_another", f"its work order {job['external_id']} belongs to another customer")


def _fault(code: str, sentence: str) -> Unreadable:
    fault = Unreadable(sentence)
    fault.code = code  # type: ignore[attr-defined]
    return fault


def _admit(intake: Intake, row: Row, header: Record, lines: list[Line], job: Record, customer: Record) -> None:
    issued: date = header["issued"]
    at = intake.noon(issued)
    final = header["status"] != "draft"
    subtotal, tax = header["Subtotal"], header["Tax"]
    invoice = intake.admit("invoices", {
        "number": f"INV-{row.key}" if final else None,
        "status": "open" if final else "draft",
        "customer_id": customer["id"],
        "job_id": job["id"],
        "property_id": job["property_id"],
        "issue_date": issued,
        "due_date": header["due"],
        "terms_days": (header["due"] - issued).days,
        "subtotal": subtotal,
        "tax_total": tax,
        "total": header["Total"],
        "amount_paid": NONE,
        "finalized_at": at if final else None,
        "paid_at": None,
        "created_at": at,
        "external_source": SOURCE,
        "external_id": row.key,
    }, row)  # fmt: skip
    rate = (tax / subtotal * 100).quantize(Decimal("0.0001")) if subtotal else NONE
    for line, share in zip(lines, spread(tax, [line.amount for line in lines]), strict=True):
        intake.admit("invoice_lines", {
            "invoice_id": invoice["id"],
            "position": line.position,
            "description": line.description,
            "quantity": line.quantity,
            "unit_price": line.amount / line.quantity,
            "tax_rate": rate,
            "tax_amount": share,
            "line_total": line.amount,
            "cost_type": COST_TYPES.get(line.description.split(",")[0].lower(), "other"),
            "created_at": at,
        }, line.row, line.key)  # fmt: skip
    if final:
        customer["lifetime_revenue"] += subtotal
        job["billed_total"] += subtotal
        job["invoiced_at"] = at if job["status"] in ("invoiced", "closed") else None
