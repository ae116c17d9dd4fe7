"""What analytics does for itself: the figures of models and agents, counted anew every hour from what has happened."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from app.core import clock
from app.core.db import db
from app.domains.analytics.rollups import AGENTS_BY_DAY, MODELS_BY_HOUR, values
from app.engine import background
from app.engine.apply import transaction

BACK = timedelta(hours=36)
"""Far enough that a review or an outcome noted the day after still counts for the day of the decision."""


@background.every("12 * * * *", "performance.roll_up")
def roll_up() -> int:
    """Roll up the last day and a half for every company; returns how many companies."""
    with db.engine.connect() as connection:
        companies = connection.execute(text("SELECT id, timezone FROM tenants ORDER BY id")).all()
    since = clock.now() - BACK
    for company in companies:
        with transaction() as connection:
            for statement in (MODELS_BY_HOUR, AGENTS_BY_DAY):
                connection.exec_driver_sql(statement, values(company.id, company.timezone, since))
    return len(companies)
