"""What hangs on a record that is about to be taken away: what goes with it, what lets go of it, what stands in the way.

Asked of the database's own foreign keys, two levels down, so that no declaration can forget one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, literal_column, select, text

from app.engine import listing
from app.engine.access import Actor
from app.engine.counting import within
from app.engine.projection import projection
from app.engine.refusals import TooSlow
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

MOST = 1_000
"""Counted up to here; beyond it reads "1,000+"."""
WITHIN_MS = 1_500
MUCH = 10
"""From so many records that go with it, its name is asked for before it goes."""

_RULES = {"c": "goes", "n": "lets_go", "d": "lets_go", "r": "blocks", "a": "blocks"}


@dataclass(frozen=True)
class Attached:
    """Records of one table that point at the record, by one of their columns."""

    resource: Resource | None
    """None for those this actor may not see, or not all of: neither named nor counted."""
    effect: str
    """goes with it, lets_go of it, or blocks"""
    number: int
    href: str | None
    below: bool
    """Whether it hangs on something that goes with the record, not on the record itself."""
    alike: bool = False
    """Whether another table here is called the same, so that it is told by its own name."""

    @property
    def words(self) -> str:
        if self.resource is None:
            return "Records your role does not show"
        many = self.resource.plural
        running = many if many[1:2].isupper() else many[:1].lower() + many[1:]
        if self.alike:
            running = self.resource.name.replace("_", " ")
            return f"{self.number:,} in {running}" if self.number <= MOST else f"{MOST:,}+ in {running}"
        if self.number > MOST:
            return f"{MOST:,}+ {running}"
        return f"{self.number:,} {self.resource.one if self.number == 1 else running}"


@dataclass(frozen=True)
class Harm:
    """All that would happen."""

    attached: tuple[Attached, ...]
    complete: bool
    """False where counting took too long; there may then be more."""

    def of(self, effect: str) -> list[Attached]:
        return [each for each in self.attached if each.effect == effect]

    @property
    def blocked(self) -> bool:
        """Whether something points at the record itself and the database will not let go of it."""
        return any(each.effect == "blocks" and not each.below for each in self.attached)

    @property
    def much(self) -> bool:
        """Whether so much goes with it, or may, that one click would be too little."""
        gone = sum(each.number for each in self.attached if each.effect == "goes")
        return gone >= MUCH or not self.complete


def harm(connection: Connection, resource: Resource, key: Any, actor: Actor) -> Harm:
    """What hangs on one record. Bounded in what it counts and in how long it looks."""
    found: list[Attached] = []
    asked = resource.key_values(key)

    def rows_of_record(columns: str) -> tuple[str, dict[str, Any]]:
        chosen: Any = select(literal_column(columns)).select_from(resource.table).where(*resource.is_record())
        return listing.compiled(chosen)

    try:
        with within(connection, WITHIN_MS):
            for one in _pointing_at(connection, resource.regclass):
                inside, constants = rows_of_record(one.target)
                values = constants | asked
                number = _count(connection, one, inside, values)
                if not number:
                    continue
                effect = _RULES[one.rule]
                found.append(_attached(connection, one, effect, number, actor, key if one.single else None))
                if effect != "goes":
                    continue
                for two in _pointing_at(connection, one.place):
                    deeper = f"SELECT {two.target} FROM {one.place} WHERE ({one.columns}) IN ({inside})"
                    number = _count(connection, two, deeper, values)
                    if number:
                        found.append(_attached(connection, two, _RULES[two.rule], number, actor, None, below=True))
    except TooSlow:
        return Harm(_together(found), complete=False)
    return Harm(_together(found), complete=True)


def _together(found: Sequence[Attached]) -> tuple[Attached, ...]:
    """Most first; what is hidden is said once, however much of it there is."""
    tables = {each.resource.name: each.resource.plural for each in found if each.resource is not None}
    names = Counter(tables.values())
    shown = [
        replace(each, alike=names[each.resource.plural] > 1)
        for each in sorted(found, key=lambda each: -each.number)
        if each.resource is not None
    ]
    hidden = {(each.effect, each.below): each for each in found if each.resource is None}
    return (*shown, *hidden.values())


def _pointing_at(connection: Connection, regclass: str) -> Sequence[Any]:
    return connection.execute(_FOREIGN_KEYS, {"table": regclass}).all()


_FOREIGN_KEYS = text("""
SELECT f.conrelid::regclass::text AS place, n.nspname AS schema, c.relname AS name, f.confdeltype::text AS rule,
    cardinality(f.conkey) = 1 AS single, n.nspname = current_schema() AS ours,
    (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place) FROM unnest(f.conkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number) AS columns,
    (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place) FROM unnest(f.confkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number) AS target
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.confrelid = CAST(:table AS regclass) AND f.conparentid = 0
    AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname, c.relname, f.conname
""")


def _count(connection: Connection, one: Any, inside: str, values: dict[str, Any]) -> int:
    counted = f"SELECT 1 FROM {one.place} WHERE ({one.columns}) IN ({inside}) LIMIT {MOST + 1}"
    ((number,),) = listing.run(connection, f"SELECT count(*) FROM ({counted}) AS those", values)
    return int(number)


def _attached(
    connection: Connection, one: Any, effect: str, number: int, actor: Actor, key: Any, below: bool = False
) -> Attached:
    resource = REGISTRY.find(connection, one.name if one.ours else f"{one.schema}.{one.name}")
    view = projection(resource, actor) if resource is not None else None
    if resource is None or view is None or not view.reads_all:
        return Attached(None, effect, number, None, below)
    field = view.by_name.get(one.columns)
    href = None
    if key is not None and field is not None and field.name not in view.masked and "eq" in field.operators:
        href = f"{resource.path}?{field.name}={key}{'&archived=1' if resource.archivable else ''}"
    return Attached(resource, effect, number, href, below)
