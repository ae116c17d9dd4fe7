"""Orders: agreed ones behind open jobs, delivered and billed ones behind finished jobs, and material sold over the counter."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from app.demo.company import of_kind
from app.demo.world import Record, World, pick_weighted

CENT = Decimal("0.01")
HOLDS = ("Credit: the last two invoices are open", "Stock: membrane is back-ordered until next week",
         "Customer: waits for the board's approval")  # fmt: skip
CANCELS = (
    "Went with a lower bid after all",
    "The building is being sold",
    "Ordered twice by mistake",
    "Put off to next year",
)
_LINE = (
    "position", "product_id", "description", "quantity", "unit", "unit_price", "unit_cost", "discount_amount", "tax_rate",
    "tax_amount", "line_total", "cost_type",
)  # fmt: skip


class Book:
    """The orders under way: headers and lines with the ids they will have, and which jobs and invoices belong to them."""

    def __init__(self, world: World) -> None:
        self.world, self.dice = world, world.dice("orders")
        self.sellers = of_kind(world, "sales", "estimator")
        self.headers: list[Record] = []
        self.lines: list[list[Record]] = []
        self.jobs: list[tuple[int, int]] = []
        self.invoices: list[tuple[int, int]] = []

    def add(
        self, status: str, kind: str, customer: int, lines: list[Record], made: datetime, delivered: datetime | None = None,
        invoiced: bool = False, **about: Any,
    ) -> int:  # fmt: skip
        """One order with its lines; its place in the book, counted from 0."""
        dice, made = self.dice, min(made, self.world.at)
        net, tax = (sum((line[name] for line in lines), Decimal(0)) for name in ("line_total", "tax_amount"))
        agreed = min(made + timedelta(hours=dice.uniform(1, 30)), self.world.at)
        done = min(max(delivered or agreed, agreed), self.world.at)
        was = status not in ("draft", "cancelled")
        self.headers.append({
            "kind": kind, "status": status, "channel": pick_weighted(dice, {"console": 80, "public_site": 12, "api": 8}),
            "customer_id": customer, "estimate_id": None, "property_id": None, "sales_rep_id": dice.choice(self.sellers),
            "po_number": f"PO {dice.randrange(10_000, 99_999)}" if dice.random() < 0.4 else None,
            "confirmed_at": agreed if was else None,
            "needed_by": (agreed + timedelta(days=dice.randrange(-4, 40))).astimezone(self.world.zone).date(),
            "fulfilled_at": done if status in ("fulfilled", "closed") else None,
            "closed_at": min(done + timedelta(days=dice.uniform(1, 4)), self.world.at) if status == "closed" else None,
            "cancelled_at": agreed if status == "cancelled" else None,
            "cancel_reason": dice.choice(CANCELS) if status == "cancelled" else None,
            "hold_reason": dice.choice(HOLDS) if status == "on_hold" else None,
            "invoiced_total": net + tax if invoiced else Decimal(0),
            "notes": "Deliver to the rear dock; call before noon." if dice.random() < 0.15 else None,
            "subtotal": net, "tax_total": tax, "total": net + tax, "created_at": made,
        } | about)  # fmt: skip
        for line in lines:
            share = (
                1 if status in ("fulfilled", "closed") else dice.choice((0, 0, 1)) if status == "in_fulfilment" else 0
            )
            line |= {
                "fulfilled_qty": line["quantity"] * share,
                "invoiced_qty": line["quantity"] if invoiced else Decimal(0),
            }
            line |= {"created_at": made}
        if status == "in_fulfilment":
            lines[0]["fulfilled_qty"] = lines[0]["quantity"]
        self.lines.append(lines)
        return len(self.headers) - 1

    def write(self) -> None:
        """Numbered in the order in which they were made."""
        world = self.world
        order = sorted(range(len(self.headers)), key=lambda place: self.headers[place]["created_at"])
        for number, place in enumerate(order, 1):
            self.headers[place] = {"number": f"O-{number:05d}", **self.headers[place]}
        written = world.write("orders", [self.headers[place] for place in order])
        world.numbered("order", "O-", 5, len(written))
        ids = dict(zip(order, (header["id"] for header in written), strict=True))
        flat = [{"order_id": ids[place], **line} for place in order for line in self.lines[place]]
        billed = [line.pop("_invoice_line", None) for line in flat]
        world.write("order_lines", flat)
        pairs = [(line, row["id"]) for line, row in zip(billed, flat, strict=True) if line]
        for table, column, linked in (
            ("jobs", "order_id", [(job, ids[place]) for job, place in self.jobs]),
            ("invoices", "order_id", [(invoice, ids[place]) for invoice, place in self.invoices]),
            ("invoice_lines", "order_line_id", pairs),
        ):
            world.connection.execute(
                f"UPDATE {table} SET {column} = pair.there FROM unnest(%s::bigint[], %s::bigint[]) AS pair (here, there)"
                f" WHERE {table}.id = pair.here",
                ([here for here, _ in linked], [there for _, there in linked]),
            )


def orders(world: World) -> None:
    """Orders in every state: agreed ones behind open jobs, delivered and billed ones behind finished jobs, material sales."""
    world.chapter("orders", "Demonstration company: orders, what of them is delivered and what is invoiced")
    book = Book(world)
    _agreed(world, book)
    _finished(world, book)
    _delivered(world, book)
    _over_the_counter(world, book)
    book.write()


def _agreed(world: World, book: Book) -> None:
    """Accepted estimates whose work is still to be done."""
    rows = world.rows(
        "SELECT e.id, e.customer_id, e.property_id, e.estimator_id, e.accepted_at, j.id, j.status FROM estimates e"
        " JOIN jobs j ON j.estimate_id = e.id WHERE e.tenant_id = %s AND e.status = 'accepted' ORDER BY e.id LIMIT 48",
        world.tenant_id,
    )
    lines = _stored_lines(world, "estimate_lines", "estimate_id", [row[0] for row in rows])
    for place, (estimate, customer, site, estimator, accepted, job, state) in enumerate(rows):
        status = "in_fulfilment" if state == "in_progress" else "on_hold" if place % 9 == 4 else "confirmed"
        number = book.add(
            status, "service", customer, [line | {"estimate_line_id": key} for key, line in lines[estimate]], accepted,
            estimate_id=estimate, property_id=site, sales_rep_id=estimator, channel="console",
        )  # fmt: skip
        book.jobs.append((job, number))


def _finished(world: World, book: Book) -> None:
    """Jobs that are done and billed by one invoice: their orders are closed once it is paid."""
    rows = world.rows(
        "SELECT i.id, i.customer_id, i.property_id, j.id, j.requested_at, j.completed_at, i.status, i.discount_total"
        " FROM invoices i JOIN jobs j ON j.id = i.job_id WHERE i.tenant_id = %s AND i.kind = 'invoice'"
        " AND i.status IN ('open', 'paid') AND j.status IN ('invoiced', 'closed') AND j.order_id IS NULL"
        " AND (SELECT count(*) FROM invoices o WHERE o.job_id = j.id) = 1"
        " ORDER BY i.issue_date DESC, i.id LIMIT 96",
        world.tenant_id,
    )
    lines = _stored_lines(world, "invoice_lines", "invoice_id", [row[0] for row in rows])
    for invoice, customer, site, job, asked, completed, state, _discount in rows:
        number = book.add(
            "closed" if state == "paid" else "fulfilled", "service", customer,
            [line | {"estimate_line_id": None, "_invoice_line": key} for key, line in lines[invoice]], asked, completed, True,
            property_id=site,
        )  # fmt: skip
        book.jobs.append((job, number))
        book.invoices.append((invoice, number))


def _delivered(world: World, book: Book) -> None:
    """Done, and nobody has billed it yet."""
    rows = world.rows(
        "SELECT j.id, j.customer_id, j.property_id, j.title, j.contract_value, j.requested_at, j.completed_at FROM jobs j"
        " WHERE j.tenant_id = %s AND j.status IN ('completed', 'authorized') AND j.is_billable AND j.contract_value > 0"
        " AND NOT EXISTS (SELECT FROM invoices i WHERE i.job_id = j.id) ORDER BY j.completed_at DESC, j.id LIMIT 16",
        world.tenant_id,
    )
    for job, customer, site, title, value, asked, completed in rows:
        line = _line(1, title, Decimal(1), "each", value, (value * Decimal("0.68")).quantize(CENT), None, "other")
        book.jobs.append((job, book.add("fulfilled", "service", customer, [line], asked, completed, property_id=site)))


def _over_the_counter(world: World, book: Book) -> None:
    """Material, parts and plans sold without an estimate: drafts, a few under way, a few cancelled."""
    dice = book.dice
    shelf = world.rows(
        "SELECT id, name, unit, unit_price, unit_cost, kind FROM products WHERE tenant_id = %s AND status = 'active'"
        " AND kind IN ('material', 'equipment', 'plan') ORDER BY id",
        world.tenant_id,
    )
    buyers = [row[0] for row in world.rows(
        "SELECT id FROM customers WHERE tenant_id = %s AND status = 'active' ORDER BY id LIMIT 400", world.tenant_id,
    )]  # fmt: skip
    plans, goods = [one for one in shelf if one[5] == "plan"], [one for one in shelf if one[5] != "plan"]
    if not buyers or not goods:
        return
    for status, count, youngest, oldest in (("draft", 14, 0, 9), ("confirmed", 9, 0, 14), ("in_fulfilment", 6, 2, 20),
                                            ("on_hold", 3, 4, 20), ("cancelled", 9, 5, 120)):  # fmt: skip
        for _ in range(count):
            plan = bool(plans) and dice.random() < 0.2
            chosen = [dice.choice(plans)] if plan else dice.sample(goods, dice.randrange(1, 5))
            lines = []
            for place, (product, name, unit, price, cost, kind) in enumerate(chosen, 1):
                quantity = Decimal(1 if plan else dice.randrange(1, 40))
                lines.append(_line(place, name, quantity, unit, price, cost, product, "equipment" if kind == "equipment" else
                                   "other" if plan else "material"))  # fmt: skip
            kind = "plan" if plan else dice.choice(("material", "product"))
            made = world.at - timedelta(days=dice.uniform(youngest, oldest))
            book.add(status, kind, dice.choice(buyers), lines, made)


def _line(
    position: int, text: str, quantity: Decimal, unit: str, price: Decimal, cost: Decimal | None, product: int | None, kind: str
) -> Record:  # fmt: skip
    return {
        "position": position, "product_id": product, "description": text, "quantity": quantity, "unit": unit, "unit_price": price,
        "unit_cost": cost, "discount_amount": Decimal(0), "tax_rate": Decimal(0), "tax_amount": Decimal(0),
        "line_total": (quantity * price).quantize(CENT, ROUND_HALF_UP), "cost_type": kind, "estimate_line_id": None,
    }  # fmt: skip


def _stored_lines(world: World, table: str, parent: str, keys: list[int]) -> dict[int, list[tuple[int, Record]]]:
    found: dict[int, list[tuple[int, Record]]] = {key: [] for key in keys}
    for key, of, *values in world.rows(
        f"SELECT id, {parent}, {', '.join(_LINE)} FROM {table} WHERE {parent} = ANY (%s) ORDER BY {parent}, position, id",
        keys,
    ):
        found[of].append((key, dict(zip(_LINE, values, strict=True))))
    return found
