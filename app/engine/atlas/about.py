"""One table up close: the evidence behind its verdict, for a page about it or a section of another page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, text

from app.core import charts
from app.engine import catalogue
from app.engine.atlas import readings
from app.engine.atlas.entries import Mention, named_in
from app.engine.catalogue import IndexFacts, Ref, TableFacts
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

POINTS = 60
"""Of readings a trend draws."""


@dataclass(frozen=True)
class Comparison:
    """A table beside one it resembles, column by column."""

    other: TableFacts
    verdict: str
    last_write_at: datetime | None
    both: tuple[str, ...]
    here: tuple[str, ...]
    there: tuple[str, ...]
    otherwise: tuple[tuple[str, str, str], ...]
    """(column, its type here, its type there) where they differ."""


@dataclass(frozen=True)
class About:
    """Everything templates/screens/atlas/about.html shows."""

    key: int
    entry: Mapping[str, Any]
    """The row of the survey."""
    facts: TableFacts | None
    """None where the table has gone since the survey."""
    resource: Resource | None
    look_alikes: tuple[Comparison, ...]
    over_time: tuple[Mapping[str, Any], ...]
    reader: str
    """The database role the console reads as."""
    mentions: tuple[Mention, ...]
    """Automations of one's own company that name it; `entry.automations` counts everybody's."""

    @property
    def qualified(self) -> str:
        return str(self.entry["qualified"])

    @property
    def missing_indexes(self) -> list[tuple[Ref, str]]:
        """Foreign keys no index serves, each with the statement that makes one without holding up writers."""
        return [(ref, index_statement(self.facts, ref)) for ref in self.facts.unindexed_refs] if self.facts else []

    @property
    def grant(self) -> str | None:
        """What its owner has to run where the console may not read it; None where it may."""
        if self.facts is None or self.facts.readable:
            return None
        schema = quoted(self.facts.schema)
        name, role = f"{schema}.{quoted(self.facts.name)}", quoted(self.reader)
        return f"GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON {name} TO {role};"

    @property
    def indexes(self) -> tuple[IndexFacts, ...]:
        return tuple(sorted(self.facts.indexes, key=lambda each: (-each.scans, each.name))) if self.facts else ()

    @cached_property
    def growth(self) -> charts.Spark | None:
        """Estimated rows over the weeks that are kept; None below two readings."""
        known = [each["rows_estimate"] for each in self.over_time if each["rows_estimate"] is not None]
        return charts.spark(_thinned(known), 240, 44)

    @cached_property
    def writes_by_day(self) -> list[tuple[str, int]]:
        """(day, writes) from the counters of the readings; days the counters began anew count what came after."""
        found: dict[str, int] = {}
        before: int | None = None
        for each in self.over_time:
            total = int(each["inserts"] + each["updates"] + each["deletes"])
            if before is not None:
                day = each["taken_at"].date().isoformat()
                found[day] = found.get(day, 0) + max(total - before, 0)
            before = total
        return list(found.items())


def about(connection: Connection, name: str, tenant_id: int) -> About | None:
    """By `schema.table`. None where the survey knows no such table; call `survey.ensure` first to be sure it is of now."""
    return _about(connection, connection.execute(_BY_NAME, {"asked": name}).mappings().first(), tenant_id)


def about_key(connection: Connection, key: int, tenant_id: int) -> About | None:
    """The same by the key of its row in the survey."""
    return _about(connection, connection.execute(_BY_KEY, {"asked": key}).mappings().first(), tenant_id)


def _about(connection: Connection, entry: Mapping[Any, Any] | None, tenant_id: int) -> About | None:
    if entry is None:
        return None
    alike = connection.execute(_ALIKE, {"names": list(entry["look_alikes"])}).mappings().all()
    here = (entry["schema_name"], entry["table_name"])
    facts = catalogue.tables(connection, [here, *((each["schema_name"], each["table_name"]) for each in alike)])
    known = {each.qualified: each for each in facts}
    own = known.get(entry["qualified"])
    compared = [_compare(own, known[each["qualified"]], each) for each in alike if own and each["qualified"] in known]
    mentions = named_in(connection, own) if own and entry["automations"] else ()
    return About(
        key=entry["id"],
        entry=dict(entry),
        facts=own,
        resource=REGISTRY.get(own.name) if own and own.is_ours else None,
        look_alikes=tuple(compared),
        reader=str(connection.execute(text("SELECT current_user")).scalar_one()),
        over_time=tuple(readings.over_time(connection, *here)),
        mentions=tuple(each for each in mentions if each.tenant_id in (None, tenant_id)),
    )


def _compare(own: TableFacts, other: TableFacts, entry: Mapping[Any, Any]) -> Comparison:
    mine, theirs = ({each.name: each.type for each in one.columns} for one in (own, other))
    return Comparison(
        other=other,
        verdict=entry["verdict"],
        last_write_at=entry["last_write_at"],
        both=tuple(name for name in mine if name in theirs),
        here=tuple(name for name in mine if name not in theirs),
        there=tuple(name for name in theirs if name not in mine),
        otherwise=tuple(
            (name, kind, theirs[name]) for name, kind in mine.items() if name in theirs and kind != theirs[name]
        ),
    )


def index_statement(facts: TableFacts, ref: Ref) -> str:
    """CREATE INDEX for a foreign key, to be run by whoever owns the table; on a partitioned one it cannot be concurrent."""
    how = "" if facts.kind == "partitioned" else " CONCURRENTLY"
    columns = ", ".join(map(quoted, ref.columns))
    return f"CREATE INDEX{how} ON {quoted(facts.schema)}.{quoted(facts.name)} ({columns});"


def quoted(name: str) -> str:
    """A name as SQL takes it, quoted only where it must be."""
    plain = name.isascii() and name.replace("_", "a").isalnum() and name.islower() and not name[:1].isdigit()
    return name if plain and name not in _WORDS else '"' + name.replace('"', '""') + '"'


_WORDS = frozenset((
    "all", "and", "any", "array", "as", "asc", "both", "case", "cast", "check", "collate", "column", "constraint", "create",
    "default", "desc", "distinct", "do", "else", "end", "except", "false", "fetch", "for", "foreign", "from", "grant",
    "group", "having", "in", "initially", "intersect", "into", "leading", "limit", "not", "null", "offset", "on", "only",
    "or", "order", "placing", "primary", "references", "returning", "select", "some", "table", "then", "to", "trailing",
    "true", "union", "unique", "user", "using", "variadic", "when", "where", "window", "with",
))  # fmt: skip


def _thinned(values: list[int]) -> list[int]:
    step = max(1, len(values) // POINTS)
    return values[::step]


_BY_NAME = text("SELECT * FROM atlas_entries WHERE qualified = :asked")
_BY_KEY = text("SELECT * FROM atlas_entries WHERE id = :asked")
_ALIKE = text("""
SELECT qualified, schema_name, table_name, verdict, last_write_at FROM atlas_entries
WHERE qualified = ANY (CAST(:names AS text[])) ORDER BY array_position(CAST(:names AS text[]), qualified)
""")
