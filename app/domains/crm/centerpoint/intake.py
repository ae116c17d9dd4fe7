"""The weighing desk of the import: what came in, and what was sent back with file, row and reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from app.domains.crm.centerpoint.sheets import Row
from app.domains.crm.centerpoint.values import Unreadable

T = TypeVar("T")
Record = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """One thing that was not taken. `kind` tells a whole `row` from one `value` of a row that came in."""

    file: str
    row_no: int
    key: str
    kind: str
    fault: str
    reason: str
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record came from: the row, and the key by which the export knows just this record of it."""

    row: Row
    key: str


@dataclass
class Intake:
    """Rows on their way into the tables. `first` gives the first free id per table; the keys of what came in are kept
    by table in `known`, the keys of what did not in `refused`, so that a row hanging on another can be judged."""

    zone: ZoneInfo
    first: Mapping[str, int]
    tables: dict[str, list[Record]] = field(default_factory=dict)
    origins: dict[str, list[Origin]] = field(default_factory=dict)
    """Of every record of `tables`, in the same order."""
    refusals: list[Refusal] = field(default_factory=list)
    read: Counter[str] = field(default_factory=Counter)
    turned_away: Counter[str] = field(default_factory=Counter)
    known: dict[str, dict[str, Record]] = field(default_factory=dict)
    refused: dict[str, set[str]] = field(default_factory=dict)

    def admit(self, table: str, record: Record, row: Row, key: str = "") -> Record:
        """Give the record its id and a place among the table's rows. `key` where it is not the row's own."""
        rows = self.tables.setdefault(table, [])
        record["id"] = self.first.get(table, 1) + len(rows)
        rows.append(record)
        self.origins.setdefault(table, []).append(Origin(row, key or row.key))
        if not key:
            self.known.setdefault(table, {})[row.key] = record
        return record

    def origin(self, table: str, record_id: int) -> Origin:
        """Where the record of that id came from."""
        return self.origins[table][record_id - self.first.get(table, 1)]

    def refuse(self, table: str, row: Row, fault: str, reason: str) -> None:
        """Send the whole row back; what hangs on it will follow."""
        self.refused.setdefault(table, set()).add(row.key)
        if row.here:
            return
        self.turned_away[row.file] += 1
        raw = {"kind": "row", "fault": fault, "row": row.cells}
        self.refusals.append(Refusal(row.file, row.number, row.key, "row", fault, reason, raw))

    def without(self, row: Row, column: str, fault: str, reason: str, **more: Any) -> None:
        """Note one value that could not be taken from a row that otherwise comes in."""
        if row.here:
            return
        raw = {"kind": "value", "fault": fault, "column": column, "value": row[column], **more}
        sentence = f"value not taken: {column} is {reason}"
        self.refusals.append(Refusal(row.file, row.number, row.key, "value", fault, sentence, raw))

    def take(self, row: Row, column: str, reader: Callable[[str], T], fault: str) -> T | None:
        """The meaning of a cell, or None with the value listed as not taken."""
        try:
            return reader(row[column])
        except Unreadable as unreadable:
            self.without(row, column, fault, f"“{row[column].strip()[:80]}”, {unreadable}")
            return None

    def sound(self, table: str, rows: Iterable[Row]) -> Iterator[Row]:
        """Count the rows and pass on those of the right width with a key of their own; send the others back."""
        for row in rows:
            self.read[row.file] += not row.here
            if row.fault:
                self.refuse(table, row, "broken_row", row.fault)
            elif not row.key:
                self.refuse(table, row, "no_key", "the row has no key")
            elif row.key in self.known.get(table, {}) or row.key in self.refused.get(table, ()):
                self.refuse(table, row, "key_used_twice", f"the key {row.key} stands on an earlier row of this file")
            else:
                yield row

    def parent(self, table: str, row: Row, column: str, what: str, into: str) -> Record | None:
        """The record this row hangs on. Without it the row is sent back: its parent is unknown, or was refused."""
        key = row.key_of(column)
        if record := self.known.get(table, {}).get(key):
            return record
        its = f"its {what.replace('_', ' ')} {key or '(blank)'}"
        if key in self.refused.get(table, ()):
            self.refuse(into, row, f"hangs_on_refused_{what}", f"{its} was refused")
        else:
            self.refuse(into, row, f"unknown_{what}", f"{its} is not in the export")
        return None

    def noon(self, day: date) -> datetime:
        """A day without an hour stands at noon of the company's zone, so that no other zone shows it on another day."""
        return datetime.combine(day, time(12), self.zone)
