"""The system audit by night: once a day for each company, while it sleeps; and by hand where it takes longer than a page may."""

from __future__ import annotations

import logging

from flask import current_app

from app.core.db import db
from app.domains.platform.audit import taking
from app.engine import background

logger = logging.getLogger("console.audit")


@background.every("41 * * * *", "audit.nightly")
def take_due() -> int:
    """Take the reports that are due, and thin out the old ones."""
    with db.engine.connect() as connection:
        companies = taking.due(connection)
    for tenant_id in companies:
        taking.take(tenant_id, "nightly", private=may_call_inside())
    gone = taking.forget()
    logger.info("audited", extra={"companies": len(companies), "forgotten": gone})
    return len(companies)


@background.task("audit.take")
def take_one(tenant_id: int, taken_by: int | None = None) -> None:
    """Take one report, asked for by a person."""
    taking.take(tenant_id, "manual", taken_by, private=may_call_inside())


def may_call_inside() -> bool:
    """Whether the operator lets the console call addresses of its own network."""
    return bool(current_app.extensions["console.config"].outbound_private)
