"""What every part of the demonstration company shares: the database, the moment it is told from, and its dice."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from app.demo.hostile import Spoiler
from app.domains.crm.centerpoint.copying import advance, copy_records, first_free

Record = dict[str, Any]

ZONE = "America/Denver"

# Tables without a tenant, and those whose rows may belong to the platform as a whole.
GLOBAL = frozenset({"ai_model_prices", "workers"})
OWN_TENANT = frozenset({"system_health", "metrics", "error_groups", "error_logs"})

# What lists filter and sort by. Statistics of the long texts beside it would take longer than the load.
PLANNED = {
    "ai_decision_logs": "tenant_id, agent_id, kind, risk, status, decided_at, reviewed_at, reviewed_by, subject_type, subject_id",
    "ai_calls": "tenant_id, agent_id, decision_id, model_used, status, started_at",
    "change_entries": "change_set_id, table_name, record_id",
}


@dataclass
class World:
    """The company under construction. `at` is its present: everything is dated from there, never from the clock."""

    connection: Connection[Any]
    tenant_id: int
    at: datetime
    seed: int
    spoiler: Spoiler | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo(ZONE))
    staff: dict[str, int] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    analyzed: set[str] = field(default_factory=set)

    def dice(self, part: str) -> random.Random:
        """Dice of a part's own, so that a change in one part leaves all others as they were for the same seed."""
        return random.Random(f"{self.seed}/{part}")

    def chapter(self, action: str, reason: str) -> None:
        """Open the change set under which the following writes stand in the history."""
        self.connection.execute(
            "SELECT open_change_set('system', NULL, 'system', %s, %s, NULL, NULL, NULL, %s)",
            (f"demo.{action}", reason, self.tenant_id),
        )

    def write(self, table: str, records: list[Record]) -> list[Record]:
        """COPY the records under fresh ids, in order; they share their keys. Returns them with `id` filled in."""
        if not records:
            return records
        next_id = first_free(self.connection, [table])[table] if "id" not in records[0] else None
        if next_id is not None:
            for number, record in enumerate(records, next_id):
                record["id"] = number
        if self.spoiler:
            self.spoiler.spoil(table, records)
        own = table in GLOBAL or (table in OWN_TENANT and "tenant_id" in records[0])
        copy_records(self.connection, table, records, constant={} if own else {"tenant_id": self.tenant_id})
        self.touched.add(table)
        return records

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in the database already, in the order asked for."""
        return self.connection.execute(query, values).fetchall()

    def numbered(self, kind: str, prefix: str, padding: int, last: int) -> None:
        """Let the console's own numbers go on after `last`."""
        self.connection.execute(
            "INSERT INTO number_sequences (tenant_id, kind, prefix, padding, next_value) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (tenant_id, kind) DO UPDATE SET"
            " next_value = greatest(number_sequences.next_value, excluded.next_value)",
            (self.tenant_id, kind, prefix, padding, last + 1),
        )

    def analyze(self, *tables: str) -> None:
        """Fresh statistics, or the next statement is planned for an empty table."""
        for table in tables:
            columns = f" ({PLANNED[table]})" if table in PLANNED else ""
            self.connection.execute(f"ANALYZE {table}{columns}")
            self.analyzed.add(table)

    def finish(self) -> None:
        """Move the identities of all written tables past what was written, and let the planner know them."""
        advance(self.connection, sorted(self.touched))
        self.analyze(*sorted(({*PLANNED} | self.touched) - self.analyzed))

    def local(self, days: int = 0, hour: int = 12, minute: int = 0) -> datetime:
        """A time on the company's own clock, `days` from its today."""
        today = self.at.astimezone(self.zone).replace(hour=hour, minute=minute, second=0, microsecond=0)
        return today + timedelta(days=days)


def pick_weighted(dice: random.Random, weights: Mapping[str, float]) -> str:
    """One of the keys, as often as its weight says."""
    return dice.choices(list(weights), list(weights.values()))[0]
