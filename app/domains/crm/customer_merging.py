"""What merging two customers comes to in figures: whose money it was is now one balance, one history of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, update

from app.domains.crm.posting import owe
from app.domains.crm.tables import table

Row = Mapping[str, Any]


def one_currency(kept: Row, others: Sequence[Row]) -> str | None:
    """A balance is in the customer's own currency; invoices in another would drop out of it unseen."""
    foreign = sorted({each["currency"] for each in others} - {kept["currency"]})
    if foreign:
        currencies = f"{kept['currency']} and {', '.join(foreign)}"
        return f"They are billed in different currencies, {currencies}; that cannot be one balance."
    return None


def settle(connection: Connection, kept: Row, others: Sequence[Row]) -> None:
    """After the invoices moved: the open balance from what is open now; billed to date and the last job from both.

    Billed to date is cached nightly and may hold what no invoice here tells any more, so the parts are added up.
    """
    rows = table("customers")
    everyone = [kept, *others]
    jobs = [each["last_job_at"] for each in everyone if each["last_job_at"] is not None]
    billed = sum(each["lifetime_revenue"] for each in everyone)
    together = {"lifetime_revenue": billed, "last_job_at": max(jobs, default=None)}
    moved = {name: value for name, value in together.items() if value != kept[name]}
    if moved:
        connection.execute(update(rows).where(rows.c.id == kept["id"]).values(**moved))
    for each in others:
        if each["lifetime_revenue"] != 0 or each["last_job_at"] is not None:
            connection.execute(update(rows).where(rows.c.id == each["id"]).values(lifetime_revenue=0, last_job_at=None))
    for each in everyone:
        owe(connection, each["id"])
