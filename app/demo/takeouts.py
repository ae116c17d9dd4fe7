"""Copies the staff took out over the last weeks, with the records that were in them, so that one can ask who has one."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from app.demo.world import World
from app.engine.keysets import KeySet

# Who, days ago, list, its address, what it was narrowed by, which records, columns, format.
TAKEN: tuple[tuple[str, int, str, str, tuple[str, ...], str, tuple[str, ...], str], ...] = (
    ("Grace Okafor", 2, "customers", "/crm/customers?scope=Overdue%20balance", ("scope",),
     "SELECT id FROM customers WHERE tenant_id = %s AND open_balance > 0", ("name", "number", "status", "open_balance"), "xlsx"),
    ("Helen Vance", 5, "invoices", "/crm/invoices?status=open&sort=due_date", ("status",),
     "SELECT id FROM invoices WHERE tenant_id = %s AND status = 'open'",
     ("number", "customer_id", "issue_date", "due_date", "total", "balance"), "csv"),
    ("Owen Prescott", 9, "customers", "/crm/customers?bill_city=Denver", ("bill_city",),
     "SELECT id FROM customers WHERE tenant_id = %s AND bill_city = 'Denver'", ("name", "number", "bill_city"), "csv"),
    ("Dana Whitfield", 12, "jobs", "/crm/jobs?status=on_hold", ("status",),
     "SELECT id FROM jobs WHERE tenant_id = %s AND status = 'on_hold'", ("title", "number", "status"), "csv"),
    ("Ingrid Solheim", 20, "customers", "/crm/customers", (),
     "SELECT id FROM customers WHERE tenant_id = %s AND archived_at IS NULL", ("name", "number", "phone_e164"), "csv"),
)  # fmt: skip
MASKED = {"Ingrid Solheim": ["phone_e164"]}
"""What an auditor sees only as dots stands in the file as dots."""
BYTES_A_CELL = 14


def copies(world: World) -> None:
    """A manifest each, as the console would have kept it."""
    made, held = [], []
    for place, (person, ago, table, address, filters, records, columns, kind) in enumerate(TAKEN):
        keys = [key for (key,) in world.rows(records, world.tenant_id)]
        at = world.local(-ago, 9 + place, 12)
        made.append({
            "created_at": at, "app_user_id": world.staff[person], "table_name": table, "label": table.capitalize(),
            "address": address, "filters": list(filters), "selected": "all", "format": kind, "columns": list(columns),
            "masked": MASKED.get(person, []), "file_name": f"{table}-{at:%Y-%m-%d-%H%M}.{kind}", "status": "done", "why": None,
            "row_count": len(keys), "byte_count": (len(keys) + 1) * len(columns) * BYTES_A_CELL, "request_id": None,
            "sha256": hashlib.sha256(f"{world.seed}/{place}".encode()).hexdigest(), "beat_at": at,
            "finished_at": at + timedelta(seconds=1),
        })  # fmt: skip
        held.append(KeySet())
        held[-1].add(keys)
    for manifest, keys_held in zip(world.write("data_exports", made), held, strict=True):
        for told, container, packed in keys_held.containers():
            world.connection.execute(_HELD, (manifest["id"], told, container, packed))


_HELD = "INSERT INTO data_export_keys (data_export_id, kind, container, held) VALUES (%s, %s, %s, %s)"
