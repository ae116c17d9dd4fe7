"""What an address asks of the history: read with a sentence for what it cannot be, and shown again as chips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.db import reading
from app.engine import dates
from app.engine.access import Actor
from app.engine.changes import Asked
from app.engine.projection import projection
from app.engine.references import Choice, labels, lookup
from app.engine.refusals import BadQuery
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.web.addresses import Pairs, link

CHANNELS = ("console", "api", "import", "automation", "agent", "system", "outside")
SPANS = (
    ("today", "Today"),
    ("yesterday", "Yesterday"),
    ("week", "This week"),
    ("month", "This month"),
    ("-1month", "Last month"),
    ("year", "This year"),
)


def number_of(text: str | None) -> int | None:
    """A place in a list of the ledger. Raises BadQuery."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadQuery("That is not a number of this list.")
    return int(text)


@dataclass(frozen=True)
class Asking:
    """The question with all a page needs to show it and to change it."""

    asked: Asked
    given: dict[str, str]
    pairs: Pairs
    """What is asked, without the place in the list."""
    before: int | None
    person: str
    """The name of the person asked for."""
    people: tuple[Choice, ...]
    """Those found by what was typed, where it is not one alone."""
    tables: tuple[Resource, ...]
    fields: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, pairs: Pairs, actor: Actor, known: Sequence[str]) -> Asking:
        """Raises BadQuery with a sentence for an unknown word, table, field, channel or date."""
        given = dict(pairs)
        unknown = sorted(set(given) - {*known, "before"})
        if unknown:
            raise BadQuery(f"There is no filter “{unknown[0][:40]}” here.")
        if given.get("channel") and given["channel"] not in CHANNELS:
            raise BadQuery(f"A channel is one of {', '.join(CHANNELS)}.")
        if any("\x00" in value or len(value) > 200 for value in given.values()):
            raise BadQuery("That is too long to look for.")
        tables = tuple(
            sorted(
                (each for each in REGISTRY if each.recorded and projection(each, actor).reads_all),
                key=lambda each: each.plural,
            )
        )
        table = next((each for each in tables if each.name == given.get("table")), None)
        if "table" in given and table is None:
            raise BadQuery(f"There is no table “{given['table'][:60]}” here.")
        fields = tuple((each.name, each.title) for each in projection(table, actor).fields) if table is not None else ()
        if "field" in given and given["field"] not in dict(fields):
            raise BadQuery("Choose the table first, then one of its fields.")
        since, until = _span(given, actor.timezone)
        person = number_of(given.get("person"))
        users = REGISTRY["app_users"]
        named = labels(reading(), users, actor, [person]) if person else {}
        people = tuple(lookup(reading(), users, actor, given["who"])) if given.get("who", "").strip() else ()
        return cls(
            Asked(
                given.get("channel"),
                person,
                table.ledger_name if table else None,
                given.get("field"),
                since,
                until,
                given.get("q", "").strip(),
            ),
            given,
            [pair for pair in pairs if pair[0] != "before"],
            number_of(given.get("before")),
            named.get(person, f"person {person}") if person else "",
            people,
            tables,
            fields,
        )

    def one_person(self) -> int | None:
        """The key of the only person whose name was meant."""
        return self.people[0].key if len(self.people) == 1 else None

    def chips(self, path: str) -> list[tuple[str, str, str, str]]:
        """(what, how, value, the address without it) of each filter."""
        shown = {
            "channel": ("Channel", "is", self.given.get("channel", "")),
            "person": ("Person", "is", self.person),
            "table": ("Table", "is", next((e.plural for e in self.tables if e.name == self.given.get("table")), "")),
            "field": ("Field", "is", dict(self.fields).get(self.given.get("field", ""), "")),
            "when": ("Time", "is", dict(SPANS).get(self.given.get("when", ""), dates.said(self.given.get("when", "")))),
            "since": ("Time", "from", dates.said(self.given.get("since", ""))),
            "until": ("Time", "to", dates.said(self.given.get("until", ""))),
            "q": ("Words", "contain", self.given.get("q", "")),
        }
        return [
            (*shown[name], link(path, self.pairs, drop=("before", name, *(("field",) if name == "table" else ()))))
            for name in shown
            if self.given.get(name)
        ]

    @property
    def spans(self) -> tuple[tuple[str, str], ...]:
        return SPANS


def _span(given: dict[str, str], zone: str) -> tuple[datetime | None, datetime | None]:
    since = until = None
    if given.get("when"):
        since, until = dates.span(given["when"], zone).moments(zone)
    if given.get("since"):
        since = dates.span(given["since"], zone).moments(zone)[0]
    if given.get("until"):
        until = dates.span(given["until"], zone).moments(zone)[1]
    return since, until
