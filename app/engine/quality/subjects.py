"""Records that are about a record: whether what they name by table and key is there."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from app.engine.registry import REGISTRY


def named_in(connection: Connection, table: str) -> set[str]:
    """The tables a table's rows are about, so that nothing else is looked into."""
    column = REGISTRY[table].table.c.subject_type
    return {each for each in connection.scalars(select(column).distinct()) if each is not None}


def missing(alias: str, among: Collection[str], gone: str = "") -> str:
    """SQL that is true where `alias` (subject_type, subject_id) names a record that is not there; `among` are the tables
    its rows are about.

    `gone` is a further condition by which one that is there counts as gone, over `x`, for tables that have its columns.
    A table nobody declared here is not looked into.
    """
    parts = []
    for each in REGISTRY:
        if each.name not in among or "id" not in each.table.c or each.table.schema is not None:
            continue
        parts.append(
            f"WHEN '{each.name}' THEN NOT EXISTS (SELECT FROM {each.name} x WHERE x.id = {alias}.subject_id"
            + (f" AND NOT ({gone})" if gone and "merged_into_id" in each.table.c else "")
            + ")"
        )
    if not parts:
        return "false"
    return f"{alias}.subject_id IS NOT NULL AND CASE {alias}.subject_type {' '.join(parts)} ELSE false END"
