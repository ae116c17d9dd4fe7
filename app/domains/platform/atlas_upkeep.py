"""What keeps the atlas true: readings of every table every quarter of an hour, and a new survey from them."""

from __future__ import annotations

from app.core.db import db
from app.engine import background
from app.engine.atlas import readings, survey


@background.every("* * * * *", "atlas.read")
def read_tables() -> int:
    """Read what is due, and bring the list of tables up to date; asked every minute, so that the first reading comes at once."""
    kept = readings.take()
    with db.engine.connect() as connection:
        survey.ensure(connection)
    return kept
