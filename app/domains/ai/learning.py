"""What a learning cycle changes and changes back: synapse weights, thresholds, prompts and models, item by item.

Each item of a cycle's `changes` names a record (`id`), its value `before` and `after`. Starting the cycle writes `after`,
rolling it back writes `before`, in the same change set as the move itself; rules and templates are changed by people.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection, select, update

from app.core.db import db
from app.engine.refusals import Rejected

FIELDS = {
    "synapse_weights": ("ai_synapses", "weight"),
    "threshold": ("ai_neurons", "threshold"),
    "prompt": ("ai_agents", "system_prompt"),
    "model": ("ai_agents", "model"),
}
"""What of a cycle the console itself brings in, by the kind of thing it changes."""


def fits(connection: Connection, cycle: Mapping[str, Any]) -> str | None:
    """Why the change cannot be brought in as it stands: nothing to change, a moved starting point, out of bounds."""
    changes = cycle["changes"]
    if not isinstance(changes, list) or not changes:
        return "Say what changes: a cycle without a change teaches nothing."
    if cycle["target_kind"] not in FIELDS:
        return None
    for item in changes:
        why = _unfit(connection, cycle, item)
        if why:
            return why
    return None


def bring_in(connection: Connection, cycle: Mapping[str, Any]) -> None:
    """After a move: started means changed, rolled back or given up means changed back; all else leaves things alone."""
    status = cycle.get("status")
    if status not in ("running", "rolled_back", "failed") or "id" not in cycle:
        return
    rows = db.metadata.tables["ai_improvement_cycles"].c
    found = connection.execute(
        select(rows.tenant_id, rows.target_kind, rows.changes, rows.started_at).where(rows.id == cycle["id"])
    ).one()
    if found.target_kind not in FIELDS or found.started_at is None:
        return
    source, target = ("before", "after") if status == "running" else ("after", "before")
    table_name, field = FIELDS[found.target_kind]
    table = db.metadata.tables[table_name]
    for item in found.changes:
        values: dict[str, Any] = {field: _typed(field, item[target])}
        if field == "weight":
            values["last_delta"] = _typed(field, item[target]) - _typed(field, item[source])
        mine = (table.c.id == item["id"], table.c.tenant_id == found.tenant_id)
        done = connection.execute(update(table).where(*mine).values(**values))
        if done.rowcount != 1:
            raise Rejected({"": f"{_name(item)} is not there any more. Nothing was changed."})


def _unfit(connection: Connection, cycle: Mapping[str, Any], item: Any) -> str | None:
    if not isinstance(item, Mapping) or not isinstance(item.get("id"), int) or not {"before", "after"} <= item.keys():
        return "Each change names a record by its id, and its value before and after."
    table_name, field = FIELDS[cycle["target_kind"]]
    table = db.metadata.tables[table_name]
    row = connection.execute(
        select(table).where(table.c.id == item["id"], table.c.tenant_id == cycle["tenant_id"])
    ).mappings().first()  # fmt: skip
    if row is None:
        return f"{_name(item)} does not exist."
    try:
        before, after = _typed(field, item["before"]), _typed(field, item["after"])
    except InvalidOperation:
        return f"{_name(item)}: before and after are numbers."
    if row[field] != before:
        return f"{_name(item)} is {_plain(row[field])} by now, not {_plain(before)}; propose the change anew."
    if field == "weight" and not row["min_weight"] <= after <= row["max_weight"]:
        return f"{_name(item)} may lie between {_plain(row['min_weight'])} and {_plain(row['max_weight'])}."
    return None


def _typed(field: str, value: Any) -> Any:
    """Numbers with the six decimals they are stored with, so that rolling back gives the very same value."""
    return round(Decimal(str(value)), 6) if field in ("weight", "threshold") else value


def _plain(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else f"“{str(value)[:60]}”"


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("what") or f"Record {item.get('id')}")
