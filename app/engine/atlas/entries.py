"""One entry a table: the catalogue's facts with what we know of it beyond them, and the verdict."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.core import clock
from app.engine import catalogue
from app.engine.atlas import verdicts
from app.engine.atlas.domains import domains
from app.engine.atlas.readings import History, histories
from app.engine.atlas.resemblance import Likeness, look_alikes
from app.engine.atlas.verdicts import Judged, LastWrite
from app.engine.catalogue import IndexFacts, TableFacts
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

ITSELF = "atlas_entries"
"""The list these entries are kept in: declared so that it can be browsed, and left alone while nothing changes."""


@dataclass(frozen=True)
class Mention:
    """Something that names tables in its text, such as an automation."""

    name: str
    text: str
    tenant_id: int | None = None
    """Whose it is: its name is shown to nobody else."""


_mentions: list[Callable[[Connection], Iterable[Mention]]] = []


def mentioned_by(source: Callable[[Connection], Iterable[Mention]]) -> Callable[[Connection], Iterable[Mention]]:
    """Let what the decorated function yields be searched for the names of tables; a domain says where such texts stand."""
    _mentions.append(source)
    return source


@dataclass(frozen=True)
class Entry:
    """A table with everything known about it. What AUDIT reports and the list shows is taken from here."""

    facts: TableFacts
    domain: str
    resource: Resource | None
    """The declaration, of a table of ours that has one."""
    about: str | None
    shown_on: str | None
    """Where in the navigation its records are, when it has a place of its own."""
    automations: tuple[Mention, ...]
    """What names it and is run by itself, of all companies; only the names of one's own may be shown."""
    history: History | None
    written: LastWrite
    look_alikes: tuple[Likeness, ...]
    verdict: str
    evidence: str

    @property
    def qualified(self) -> str:
        return self.facts.qualified

    @property
    def declared(self) -> str | None:
        """The name of the declared resource."""
        return self.resource.name if self.resource else None

    @property
    def governed(self) -> bool:
        return self.facts.governed

    @property
    def machinery(self) -> bool:
        """Whether it is the console's own and nobody's business: queue, migrations, throttles, the atlas itself."""
        ours = self.facts.is_ours and (self.resource is None or self.facts.name == ITSELF)
        return ours or self.facts.extension is not None

    @property
    def last_write(self) -> datetime | None:
        return self.written.at

    @property
    def write_rate(self) -> float | None:
        """Writes a day over the last week of readings."""
        return self.history.writes_per_day if self.history else None

    @property
    def reads(self) -> int:
        """Scans since the counters began, without the console's own looks."""
        return max(0, self.facts.reads - (self.history.probes if self.history else 0))

    @property
    def unused_indexes(self) -> tuple[IndexFacts, ...]:
        """Indexes nothing was found by; what only our own readings used counts as unused."""
        mine = {self.history.newest_from: self.history.probes} if self.history else {}
        return tuple(
            each
            for each in self.facts.indexes
            if each.valid
            and not each.unique
            and not each.constraint
            and each.scans <= mine.get(each.columns[0] if each.columns else None, 0)
        )

    @property
    def path(self) -> str:
        return f"/explorer/{self.qualified}"


def rows(connection: Connection) -> list[Entry]:
    """Every table of the database with its verdict, by schema and name; computed now, from catalogue and readings alone."""
    return compute(catalogue.tables(connection), histories(connection), list(_mentioned(connection)))


def find(connection: Connection, schema: str, name: str) -> Entry | None:
    """The entry of one table; None where there is none. The others are computed too, since look-alikes are among them."""
    return next((each for each in rows(connection) if each.facts.schema == schema and each.facts.name == name), None)


def named_in(connection: Connection, facts: TableFacts) -> tuple[Mention, ...]:
    """What names this table by itself: in full, or by its bare name."""
    return tuple(
        each
        for each in _mentioned(connection)
        if {facts.name, facts.qualified} & {*_NAME.findall(each.text), *_DOTTED.findall(each.text)}
    )


def _mentioned(connection: Connection) -> Iterable[Mention]:
    for source in _mentions:
        yield from source(connection)


def compute(tables: list[TableFacts], known: dict[str, History], mentions: list[Mention]) -> list[Entry]:
    """The atlas of these tables. Everything it rests on is handed in, so it can be asked what if."""
    now = clock.now()
    places, alike = domains(tables), look_alikes(tables)
    named = _named(tables, mentions)
    entries = {each.qualified: _entry(each, known.get(each.qualified), places, alike, named, now) for each in tables}
    stored = {name: each for name, each in entries.items() if each.facts.kind != "view"}
    for name, each in stored.items():
        judged = verdicts.second_look(
            each.facts,
            Judged(each.verdict, each.evidence),
            [(one, stored[one.other].facts, Judged(stored[one.other].verdict, ""), stored[one.other].written,
              stored[one.other].resource is not None) for one in each.look_alikes if one.other in stored]
            if each.resource is None and not each.machinery else [],
            each.written,
        )  # fmt: skip
        entries[name] = replace(each, verdict=judged.verdict, evidence=judged.evidence)
    for name, each in entries.items():
        if each.facts.kind == "view":
            entries[name] = _view(each, entries)
    return list(entries.values())


def _entry(
    facts: TableFacts,
    history: History | None,
    places: dict[str, str],
    alike: dict[str, tuple[Likeness, ...]],
    named: dict[str, tuple[Mention, ...]],
    now: datetime,
) -> Entry:
    resource = REGISTRY.get(facts.name) if facts.is_ours else None
    written = verdicts.last_write(facts, history, now)
    judged = verdicts.judge(facts, history, written, now)
    shown = f"{resource.nav[0]}, {resource.plural}" if resource is not None and resource.nav else None
    return Entry(
        facts=facts,
        domain=places[facts.qualified],
        resource=resource,
        about=_about(facts, resource),
        shown_on=shown.removeprefix(", ") if shown else None,
        automations=named.get(facts.qualified, ()),
        history=history,
        written=written,
        look_alikes=alike.get(facts.qualified, ()),
        verdict=judged.verdict,
        evidence=judged.evidence,
    )


def _about(facts: TableFacts, resource: Resource | None) -> str | None:
    if facts.comment or resource is None:
        return facts.comment or (f"Part of the extension {facts.extension}." if facts.extension else None)
    return resource.about or None


def _view(each: Entry, entries: dict[str, Entry], depth: int = 8) -> Entry:
    """A view after what it reads has its verdict; views of views are followed down."""
    beneath: dict[str, Entry] = {}

    def down(names: Iterable[str], left: int) -> None:
        for name in names:
            found = entries.get(name)
            if found is None or name in beneath:
                continue
            if found.facts.kind == "view" and left:
                down(found.facts.reads_from, left - 1)
            else:
                beneath[name] = found

    down(each.facts.reads_from, depth)
    tables: list[Any] = [
        (name, Judged(one.verdict, one.evidence), one.written) for name, one in sorted(beneath.items())
    ]
    judged = verdicts.judge_view(each.facts, each.history, tables)
    times = [one.written for one in beneath.values() if one.written.at]
    latest = max(times, key=lambda one: one.at.timestamp() if one.at else 0.0, default=LastWrite())
    return replace(each, verdict=judged.verdict, evidence=judged.evidence, written=latest)


_NAME = re.compile(r"[\w$]+")
_DOTTED = re.compile(r"[\w$]+\.[\w$]+")


def _named(tables: list[TableFacts], mentions: list[Mention]) -> dict[str, tuple[Mention, ...]]:
    """Which mentions name which table: `schema.table`, or the bare name where only one table, or only one of ours, has it."""
    bare = Counter(each.name for each in tables)
    spoken = [(each, {*_NAME.findall(each.text), *_DOTTED.findall(each.text)}) for each in mentions]
    found: dict[str, tuple[Mention, ...]] = {}
    for each in tables if mentions else ():
        plain = bare[each.name] == 1 or each.is_ours
        found[each.qualified] = tuple(
            mention for mention, words in spoken if each.qualified in words or (plain and each.name in words)
        )
    return found
