"""Duplicates looked for by the worker: every night what changed since, and whenever somebody asks."""

from __future__ import annotations

import logging

from sqlalchemy import text

from app.core.db import db
from app.engine import background
from app.engine.apply import transaction
from app.engine.duplicates import looking
from app.engine.duplicates.looking import Busy
from app.engine.registry import REGISTRY

logger = logging.getLogger("console.duplicates")


@background.task("duplicates.look")
def look(tenant_id: int, table: str) -> None:
    """Look through one table of one company. Harmless when repeated: what has not changed is not weighed again."""
    resource = REGISTRY.get(table)
    if resource is None or resource.alike is None:
        return
    try:
        found = looking.look(tenant_id, resource)
    except Busy:
        logger.info("duplicates are being looked for already", extra={"table": table})
    else:
        logger.info("duplicates looked for", extra={"table": table, "records_read": found.read, "pairs": found.open})


@background.every("20 2 * * *", "duplicates.nightly")
def look_everywhere() -> int:
    """Queue a look through every table of every company that says what makes two of its records alike."""
    with db.engine.connect() as connection:
        companies = list(connection.execute(text("SELECT id FROM tenants ORDER BY id")).scalars())
    tables = [each.name for each in REGISTRY if each.alike is not None]
    with transaction() as connection:
        for tenant in companies:
            for table in tables:
                once = f"duplicates-{tenant}-{table}"
                background.defer_within(connection, look, once=once, tenant_id=tenant, table=table)
    return len(companies) * len(tables)
