"""What a rule is: a statement that finds records at fault, why they are, and what would put them right with one press.

A rule stands beside its tables, in a domain's `quality.py`, as one decorated function. It answers with SQL and never with
rows, so that a million records are looked at where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from app.core.clock import today
from app.engine.access import Actor
from app.engine.approval_rules import Need
from app.engine.plan import Change
from app.engine.refusals import NotFound
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

SEVERITIES = ("critical", "warn", "info")
GROUPS = {"blocks": "Blocks work", "numbers": "Wrong numbers", "order": "Out of order", "own": "Made here"}
"""Headings of the queues, in their order."""


class Only:
    """Narrows a rule to some records: written into its SQL where the key of the record at fault stands."""

    def __init__(self, some: bool, connection: Connection) -> None:
        self.some = some
        self.connection = connection
        """For a rule that first asks the database what there is to look at."""

    def __call__(self, column: str) -> str:
        """The condition for `column`, or nothing where every record is looked at."""
        return f" AND {column} = ANY(:only)" if self.some else ""


Find = Callable[[Only], str]
"""The SELECT of `id` and, where there is something to say, `amount`, `currency`, `details` (jsonb), `severity` and
`subject_type`.

It may use :tenant, :today (the company's) and :at (this moment)."""


@dataclass(frozen=True)
class Fixing:
    """One record about to be put right: as it stands, by whom, and a connection to look around with."""

    connection: Connection
    actor: Actor
    resource: Resource
    record: Mapping[str, Any]
    details: Mapping[str, Any]
    at: datetime

    @property
    def today(self) -> date:
        return today(self.actor.timezone)

    def row(self, table: str, key: Any) -> dict[str, Any]:
        """A neighbouring record whole. Raises NotFound."""
        rows = REGISTRY[table].table
        found = self.connection.execute(select(rows).where(rows.c.id == key)).mappings().first()
        if found is None:
            raise NotFound(f"The {REGISTRY[table].one} this is about is gone.")
        return dict(found)

    def change(self, table: str, row: Mapping[str, Any], **after: Any) -> Change:
        """An update of a record that was read whole; what is so already is left out."""
        moved = {name: value for name, value in after.items() if row[name] != value}
        before = {name: row[name] for name in moved}
        return Change(REGISTRY[table], "update", row["id"], before, moved, row.get("version"))

    def make(self, table: str, **values: Any) -> Change:
        """A new record. `Made(n)` stands for the key of the n-th change of the same fix."""
        return Change(REGISTRY[table], "insert", None, {}, {k: v for k, v in values.items() if v is not None})

    def drop(self, table: str, row: Mapping[str, Any]) -> Change:
        """A record that goes."""
        return Change(REGISTRY[table], "delete", row["id"], dict(row), {}, row.get("version"))


@dataclass(frozen=True)
class Fixed:
    """What a fix will do: the sentence and every change, in the order in which they are written."""

    says: str
    changes: tuple[Change, ...]
    cures: bool = True
    """Whether the problem is gone afterwards; else somebody was given the work, and it goes when that is done."""
    needs: Need | None = None
    """The second person it needs, as money paid back does."""
    waives: str = ""
    """Nothing is wrong after all: the problem is left alone for good, with this reason."""


@dataclass(frozen=True)
class Fix:
    """One way to put it right."""

    key: str
    label: str
    may: tuple[str, ...]
    """Rights on the records, all of which are needed beside `dq.fix`."""
    plan: Callable[[Fixing], Fixed]
    """Raises a Refusal with the sentence why it cannot be put right this way."""
    at_once: bool = True
    """Whether all of a queue can be put right in one go."""
    reason: bool = False
    """Whether whoever presses says why."""
    about: str = ""


@dataclass(frozen=True, eq=False)
class Rule:
    """One thing that may be wrong."""

    key: str
    title: str
    tables: tuple[str, ...]
    """Whose records it accuses; the first is the one it is about."""
    severity: str
    find: Find
    group: str = "order"
    owner: str = "operations_manager"
    """The role that works it where nobody was named."""
    watches: Mapping[str, str] = field(default_factory=dict)
    """Table -> its column with the key of the record accused, or "<" and the column by which the accused points there.
    Given, a nightly look takes only what changed in these tables."""
    whole: str = ""
    """Why a look takes every record, where it does."""
    worth: tuple[str, ...] = ()
    """Fields of the first table one must see to be told what is at stake."""
    fixes: list[Fix] = field(default_factory=list)
    opens: Callable[[int], tuple[str, str]] | None = None
    """The record's key -> (label, address) of a form filled in, where that is what puts it right."""
    page: str = ""
    """A page that puts these right, where one press cannot."""
    unfixed: str = ""
    """Why there is nothing to press, as a sentence."""
    timeout_ms: int = 120_000
    about: str = ""

    @property
    def resource(self) -> Resource:
        return REGISTRY[self.tables[0]]

    @property
    def incremental(self) -> bool:
        return bool(self.watches)

    def fix(
        self, key: str, label: str, *may: str, at_once: bool = True, reason: bool = False
    ) -> Callable[[Callable[[Fixing], Fixed]], Callable[[Fixing], Fixed]]:
        """Make the decorated function one way to put a record right, for those who hold all of `may`."""

        def register(function: Callable[[Fixing], Fixed]) -> Callable[[Fixing], Fixed]:
            about = " ".join((function.__doc__ or "").split())
            self.fixes.append(Fix(key, label, may, function, at_once, reason, about))
            return function

        return register

    def fix_of(self, key: str) -> Fix:
        """One of its fixes. Raises NotFound."""
        found = next((each for each in self.fixes if each.key == key), None)
        if found is None:
            raise NotFound("There is no such fix.")
        return found

    def sql(self, some: bool, connection: Connection) -> str:
        """Every record at fault as (subject_type, subject_id, amount, currency, details); of `:only` where `some`."""
        return (
            "SELECT coalesce(f ->> 'subject_type', :subject) AS subject_type, (f ->> 'id')::bigint AS subject_id,"
            " (f ->> 'amount')::numeric(14,2) AS amount, f ->> 'currency' AS currency,"
            " coalesce(nullif(f -> 'details', 'null'), '{}') AS details, coalesce(f ->> 'severity', :severity) AS severity"
            f" FROM (SELECT to_jsonb(w) AS f FROM ({self.find(Only(some, connection))}) w) j"
        )


_rules: dict[str, Rule] = {}


def rule(key: str, title: str, *tables: str, severity: str = "warn", **options: Any) -> Callable[[Find], Rule]:
    """Make the decorated function a rule: it returns the SQL that finds the records at fault."""

    def register(find: Find) -> Rule:
        if key in _rules:
            raise RuntimeError(f"{key} is declared twice.")
        made = Rule(key, title, tables, severity, find, about=" ".join((find.__doc__ or "").split()), **options)
        if not made.incremental and not made.whole:
            raise RuntimeError(f"{key} says neither what it watches nor why it looks at everything.")
        _rules[key] = made
        return made

    return register


def rules() -> tuple[Rule, ...]:
    """Every declared rule, by its key."""
    return tuple(_rules[key] for key in sorted(_rules))


def declared(key: str) -> Rule | None:
    """The declared rule of that key."""
    return _rules.get(key)


def titles() -> Mapping[str, str]:
    """The declared rules by their key, as the problem reads to whoever has to put it right."""
    return {each.key: each.title for each in rules()}


def amounts(rows: Iterable[tuple[str | None, Any]]) -> list[tuple[str, Decimal]]:
    """Money at stake, one sum a currency; never across."""
    found: dict[str, Decimal] = {}
    for currency, amount in rows:
        if currency and amount is not None:
            found[currency.strip()] = found.get(currency.strip(), Decimal(0)) + amount
    return sorted(found.items(), key=lambda each: -each[1])
