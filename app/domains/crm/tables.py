"""Neighbouring tables by name, the way a foreign key points at them: guards look around without importing each other."""

from __future__ import annotations

from sqlalchemy import Table

from app.core.db import db


def table(name: str) -> Table:
    """A declared table of this database; KeyError where nothing of that name is declared."""
    return db.metadata.tables[name]
