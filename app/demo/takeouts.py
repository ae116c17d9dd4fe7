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
    for place, (person, ago, table, address, filters, records, columns, kind) in enumerate(TAKEN):
        if person not in world.staff:
            continue
        keys = [key for (key,) in world.rows(records, world.tenant_id)]
        at = world.local(-ago, 9 + place, 12)
        ((number,),) = world.rows(
            _MANIFEST, world.tenant_id, at, world.staff[person], table, table.capitalize(), address, list(filters), kind,
            list(columns), MASKED.get(person, []), f"{table}-{at:%Y-%m-%d-%H%M}.{kind}", len(keys),
            (len(keys) + 1) * len(columns) * BYTES_A_CELL, hashlib.sha256(f"{world.seed}/{place}".encode()).hexdigest(),
            at, at + timedelta(seconds=1),
        )  # fmt: skip
        held = KeySet()
        held.add(keys)
        for told, container, packed in held.containers():
            world.connection.execute(_HELD, (number, told, container, packed))


_MANIFEST = """
INSERT INTO data_exports (tenant_id, created_at, app_user_id, table_name, label, address, filters, selected, format, columns,
                          masked, file_name, status, row_count, byte_count, sha256, beat_at, finished_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, 'all', %s, %s, %s, %s, 'done', %s, %s, %s, %s, %s) RETURNING id
"""
_HELD = "INSERT INTO data_export_keys (data_export_id, kind, container, held) VALUES (%s, %s, %s, %s)"
