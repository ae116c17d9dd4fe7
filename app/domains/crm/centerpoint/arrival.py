"""The export's arrival in the database: one transaction, one change set per file, every refusal on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from app.domains.crm.centerpoint.copying import advance, copy_records, copy_rows, first_free
from app.domains.crm.centerpoint.customers import SOURCE
from app.domains.crm.centerpoint.export import FOLDER, weigh
from app.domains.crm.centerpoint.handing import MOMENTS, TOLD
from app.domains.crm.centerpoint.intake import Intake
from app.domains.crm.centerpoint.sheets import SHEETS
from app.engine.bulk.work import jsoned

TABLES = tuple(table for sheet in SHEETS for table in sheet.tables)

NUMBERS = {"customer": ("customers", "C-", 5), "job": ("jobs", "J-", 6), "invoice": ("invoices", "INV-", 5),
           "payment": ("payments", "PM-", 6), "lead": ("leads", "L-", 5)}  # fmt: skip

OPEN = "SELECT open_change_set('system', NULL, 'import', %s, %s, NULL, NULL, NULL, %s)"

Rewrite = Callable[[Intake], None]


def bring_in(
    connection: Connection[Any],
    tenant_id: int,
    at: datetime,
    zone: str = "America/Denver",
    folder: Path = FOLDER,
    rewrite: Rewrite | None = None,
) -> Intake:
    """Write the export inside the caller's transaction and return what was read, taken and refused.

    `rewrite` may change texts before they are written (the hostile profile does). The caller's connection must own the
    tables and be alone in them: ids are given out here, not by the sequences.
    """
    intake = weigh(folder, zone, first_free(connection, TABLES))
    said = {table: [_said(table, record) for record in intake.tables.get(table, ())] for table in TABLES}
    if rewrite:
        rewrite(intake)
    missing = dict.fromkeys(MOMENTS, at)
    for sheet in SHEETS:
        file, tables = sheet.file, sheet.tables
        read, refused = intake.read[file], intake.turned_away[file]
        reason = f"CenterPoint import, {file}: {read:,} rows read, {read - refused:,} taken, {refused:,} refused"
        connection.execute(OPEN, (f"import.{tables[0]}", reason, tenant_id))
        for table in tables:
            copy_records(
                connection, table, intake.tables.get(table, []), constant={"tenant_id": tenant_id}, missing=missing
            )
    remember(connection, tenant_id, at, intake, said)
    list_refusals(connection, tenant_id, intake)
    advance(connection, TABLES)
    number_on(connection, tenant_id)
    return intake


def remember(
    connection: Connection[Any], tenant_id: int, at: datetime, intake: Intake, said: Mapping[str, Sequence[str]]
) -> None:
    """Keep where each record came from and what CenterPoint said of it, as the guided run does: a newer export finds it."""
    columns = ("tenant_id", "source", "table_name", "source_key", "record_id", "raw", "said", "seen_at")
    copy_rows(connection, "record_sources", columns, (
        (tenant_id, SOURCE, table, origin.key, intake.first.get(table, 1) + place, jsoned(_storable(origin.row.cells)),
         said[table][place], at)
        for table in TABLES for place, origin in enumerate(intake.origins.get(table, ()))
    ))  # fmt: skip


def _said(table: str, record: Mapping[str, Any]) -> str:
    told = {
        name: value
        for name, value in record.items()
        if (name in TOLD[table] and not (value is None and name in MOMENTS))
        or name in ("external_source", "external_id")
    }
    return jsoned(_storable(told))


def list_refusals(connection: Connection[Any], tenant_id: int, intake: Intake) -> None:
    """Put every refusal where the page of refusals reads it."""
    columns = ("tenant_id", "source", "file", "row_no", "record_key", "reason", "raw")
    copy_rows(connection, "import_refusals", columns, (
        (tenant_id, SOURCE, refusal.file, refusal.row_no, refusal.key or None, _storable(refusal.reason),
         Jsonb(_storable(refusal.raw)))
        for refusal in intake.refusals
    ))  # fmt: skip


def number_on(connection: Connection[Any], tenant_id: int) -> None:
    """Let the console's own numbers go on after the imported ones."""
    for kind, (table, prefix, padding) in NUMBERS.items():
        connection.execute(
            f"INSERT INTO number_sequences (tenant_id, kind, prefix, padding, next_value)"
            f" SELECT %s, %s, %s, %s, coalesce(max(substring(number FROM '\\d+$')::bigint), 0) + 1"
            f" FROM {table} WHERE tenant_id = %s AND number LIKE %s"
            " ON CONFLICT (tenant_id, kind) DO UPDATE SET"
            " next_value = greatest(number_sequences.next_value, excluded.next_value)",
            (tenant_id, kind, prefix, padding, tenant_id, prefix + "%"),
        )


def _storable(value: Any) -> Any:
    """The value with NUL characters made visible: PostgreSQL keeps none in text or jsonb."""
    if isinstance(value, str):
        return value.replace("\0", "\N{SYMBOL FOR NULL}")
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return value
