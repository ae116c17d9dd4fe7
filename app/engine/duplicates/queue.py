"""The queue of duplicates, read: which two records may be one, strongest first, and what belongs to the same question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from app.engine.access import Actor
from app.engine.duplicates.likeness import said
from app.engine.projection import projection
from app.engine.references import labels
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

PAGE = 25
COUNTED = 1_000
"""Counted one by one up to here."""
MOST_TOGETHER = 8
"""Records put side by side at once; whoever has more of one kind merges them in two goes."""


@dataclass(frozen=True)
class Pair:
    """Two records that may be one."""

    id: int
    left: int
    right: int
    score: Decimal
    why: tuple[str, ...]
    exact: bool
    found_at: datetime
    basis: bytes

    @property
    def words(self) -> str:
        """What speaks for it: "same phone, same street, similar name"."""
        return said(self.why)

    @property
    def mark(self) -> str:
        """Where it stands in the queue, for addresses."""
        return f"{self.score}-{self.id}"


@dataclass(frozen=True)
class Line:
    """A pair of the queue with the titles its reader may see."""

    pair: Pair
    left: str
    right: str


@dataclass(frozen=True)
class Tally:
    """How many pairs are open; `more` beyond what is counted."""

    open: int
    exact: int
    more: bool

    @property
    def words(self) -> str:
        return f"{self.open:,}+" if self.more else f"{self.open:,}"


def asked_of(actor: Actor) -> list[Resource]:
    """The resources whose duplicates this actor answers for: those whose records it may read, all of them, and merge."""
    return [each for each in REGISTRY if answers(each, actor)]


def answers(resource: Resource, actor: Actor) -> bool:
    """Whether this actor answers for the duplicates of a resource."""
    if resource.alike is None or resource.merging is None:
        return False
    view = projection(resource, actor)
    return view.reads_all and view.may("merge")


def tally(connection: Connection, resource: Resource, actor: Actor) -> Tally:
    """How many are open, counted up to a bound."""
    asked = {"tenant": actor.tenant_id, "table": resource.name, "most": COUNTED}
    sql = f"SELECT count(*), count(*) FILTER (WHERE exact) FROM (SELECT p.exact {_open(resource)} LIMIT :most) q"
    found, exact = connection.execute(text(sql), asked).one()
    return Tally(found, exact, found == COUNTED)


def open_pairs(
    connection: Connection,
    resource: Resource,
    actor: Actor,
    *,
    after: str = "",
    limit: int = PAGE,
    exact: bool = False,
    among: Sequence[int] = (),
) -> list[Pair]:
    """Open pairs, strongest first; past the `mark` of one, only the exact, or only those of some records."""
    asked: dict[str, Any] = {"tenant": actor.tenant_id, "table": resource.name, "most": limit}
    where = ""
    score, dash, number = after.partition("-")
    if dash and number.isdigit() and len(number) < 19 and score.replace(".", "", 1).isdigit() and len(score) < 8:
        asked |= {"score": Decimal(score), "id": int(number)}
        where += " AND (p.score < :score OR p.score = :score AND p.id > :id)"
    if exact:
        where += " AND p.exact"
    if among:
        asked["ids"] = list(among)
        where += " AND (p.left_id = ANY(:ids) OR p.right_id = ANY(:ids))"
    sql = f"SELECT {_COLUMNS} {_open(resource)}{where} ORDER BY p.score DESC, p.id LIMIT :most"
    return [_pair(row) for row in connection.execute(text(sql), asked)]


def find(connection: Connection, resource: Resource, actor: Actor, number: int) -> Pair | None:
    """One pair while it is open."""
    asked = {"tenant": actor.tenant_id, "table": resource.name, "id": number}
    row = connection.execute(text(f"SELECT {_COLUMNS} {_open(resource)} AND p.id = :id"), asked).first()
    return _pair(row) if row is not None else None


def before(connection: Connection, resource: Resource, actor: Actor, pair: Pair) -> Pair | None:
    """The open pair that stands before this one."""
    asked = {"tenant": actor.tenant_id, "table": resource.name, "score": pair.score, "id": pair.id}
    sql = (
        f"SELECT {_COLUMNS} {_open(resource)} AND (p.score > :score OR p.score = :score AND p.id < :id)"
        " ORDER BY p.score, p.id DESC LIMIT 1"
    )
    row = connection.execute(text(sql), asked).first()
    return _pair(row) if row is not None else None


def rank(connection: Connection, resource: Resource, actor: Actor, pair: Pair) -> int | None:
    """Which of the open pairs this one is, counted from 1; None where it stands too far down to count."""
    asked = {"tenant": actor.tenant_id, "table": resource.name, "score": pair.score, "id": pair.id, "most": COUNTED}
    sql = (
        f"SELECT count(*) FROM (SELECT {_open(resource)} AND (p.score > :score OR p.score = :score AND p.id < :id)"
        " LIMIT :most) AS q"
    )
    found = connection.execute(text(sql), asked).scalar_one()
    return found + 1 if found < COUNTED else None


def together(connection: Connection, resource: Resource, actor: Actor, pair: Pair) -> tuple[list[int], list[Pair]]:
    """All records of the question a pair belongs to, and every open pair among them: A like B like C is one question."""
    members, pairs = {pair.left, pair.right}, [pair]
    for _ in range(3):
        pairs = open_pairs(connection, resource, actor, among=sorted(members), limit=60)
        grown = set(members)
        for each in pairs:
            if len(grown | {each.left, each.right}) <= MOST_TOGETHER:
                grown |= {each.left, each.right}
        if grown == members:
            break
        members = grown
    return sorted(members), [each for each in pairs if {each.left, each.right} <= members]


def lines(connection: Connection, resource: Resource, actor: Actor, pairs: Sequence[Pair]) -> list[Line]:
    """Pairs with titles, one line a question: of records that stand in a line above already, none is listed again."""
    shown: list[Pair] = []
    seen: set[int] = set()
    for each in pairs:
        if seen.isdisjoint((each.left, each.right)):
            shown.append(each)
        seen |= {each.left, each.right}
    names = labels(connection, resource, actor, sorted({key for each in shown for key in (each.left, each.right)}))
    return [
        Line(each, names.get(each.left, f"#{each.left}"), names.get(each.right, f"#{each.right}")) for each in shown
    ]


def exact_groups(connection: Connection, resource: Resource, actor: Actor, most: int = 500) -> list[list[int]]:
    """Records that are the very same by name, street and reach, those of one question together."""
    root: dict[int, int] = {}

    def top(key: int) -> int:
        while root.setdefault(key, key) != key:
            key = root[key]
        return key

    for each in open_pairs(connection, resource, actor, exact=True, limit=most):
        root[max(top(each.left), top(each.right))] = min(top(each.left), top(each.right))
    groups: dict[int, list[int]] = {}
    for key in sorted(root):
        groups.setdefault(top(key), []).append(key)
    return [members[:MOST_TOGETHER] for members in groups.values() if len(members) > 1]


_COLUMNS = "p.id, p.left_id, p.right_id, p.score, p.why, p.exact, p.found_at, p.basis"


def _pair(row: Any) -> Pair:
    return Pair(row[0], row[1], row[2], row[3], tuple(row[4]), row[5], row[6], bytes(row[7]))


def _open(resource: Resource) -> str:
    """FROM and WHERE of what is open: both records stand in the lists, and nobody has said that they are two.

    An answer holds as long as what it rested on is what it was.
    """
    stand = " AND ".join(
        f"{side}.{column} IS NULL"
        for side in ("l", "r")
        for column in (
            *(["archived_at"] if resource.archivable else []),
            *([resource.merged_into] if resource.merged_into else []),
        )
    )
    return (
        "FROM duplicate_scopes s JOIN duplicate_pairs p ON p.scope_id = s.id"
        f" JOIN {resource.regclass} l ON l.id = p.left_id JOIN {resource.regclass} r ON r.id = p.right_id"
        f" WHERE s.tenant_id = :tenant AND s.table_name = :table{' AND ' if stand else ''}{stand}"
        " AND NOT EXISTS (SELECT FROM not_duplicates n WHERE n.tenant_id = :tenant AND n.table_name = :table"
        " AND n.left_id = p.left_id AND n.right_id = p.right_id AND n.basis = encode(p.basis, 'hex'))"
    )
