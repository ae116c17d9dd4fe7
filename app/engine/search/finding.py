"""One search over all that a person may read: the answers ranked, in a bounded number of statements, within a time limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.engine.access import Actor
from app.engine.listing import run
from app.engine.refusals import TooSlow
from app.engine.resource import Resource
from app.engine.search import statement, vocabulary
from app.engine.search.cards import Card, cards
from app.engine.search.places import Place, places
from app.engine.search.question import Question

LEADING_MS, REST_MS = 1_500, 400
"""How long the places people look at first, and all others together, may take."""
GROUPS = 8
"""Kinds of records in one answer; the names of each cost one statement."""
FEW = 3
AHEAD = 2


@dataclass(frozen=True)
class Hit:
    """One record that answers: how well, and how recently it was worked on."""

    place: Place
    key: int
    tier: int
    score: float
    recency: datetime | None

    @property
    def rank(self) -> tuple[Any, ...]:
        return (self.tier, -self.score, -self.recency.timestamp() if self.recency else 0, -self.key)


@dataclass(frozen=True)
class Group:
    """The records of one resource that answer, best first."""

    resource: Resource
    cards: list[Card]
    best: tuple[Any, ...]
    more: bool
    """Whether there were more than fitted."""


@dataclass(frozen=True)
class Found:
    """The answer. `partial` says that not every place was looked through, `meant` what was taken for misspelt words."""

    groups: list[Group]
    asked: Question
    partial: bool = False
    corrected: bool = False


def find(
    connection: Connection,
    asked: Question,
    actor: Actor,
    *,
    among: Sequence[Resource] | None = None,
    room: int = 6,
) -> Found:
    """Search for `asked`. `among` narrows it to some kinds of records; `room` is how many of each are shown."""
    every = places(actor.permissions)
    narrowed = among is not None
    wanted = [each for each in every if (each.resource in among if among is not None else each.everyday)]
    if not asked.text or not wanted:
        return Found([], asked)
    with _within(connection) as limit:
        corrected = False
        hits: list[Hit] = []
        if asked.lettered:  # the number of one record, written out: where it is found, nothing else was meant
            hits, partial = _look(connection, limit, asked, wanted, actor, narrowed, room, only="code")
        if not hits:
            hits, partial = _look(connection, limit, asked, wanted, actor, narrowed, room)
        if not hits and asked.key is not None:
            hits, late = _look(connection, limit, asked, wanted, actor, narrowed, room, only="key")
            partial |= late
        if not hits and not partial:
            better = vocabulary.corrected(connection, asked, wanted, actor)
            if better is not None:
                hits, partial = _look(connection, limit, better, wanted, actor, narrowed, room)
                asked, corrected = better, True
        groups = _groups(connection, hits, actor, asked, room)
    return Found(groups, asked, partial, corrected)


Limit = Any


@contextmanager
def _within(connection: Connection) -> Iterator[Limit]:
    """A transaction of its own, so that the limits set in it end with it, on whichever connection of a pooler it runs."""
    raw: Any = connection.connection.driver_connection

    @contextmanager
    def limit(milliseconds: int) -> Iterator[None]:
        with raw.transaction():
            raw.execute(_LIMITS, (str(milliseconds),))
            yield

    yield limit


# What is bound tells the planner nothing here that it needs: every branch has the one index it is meant to walk, and to
# plan eighty of them anew for each keystroke costs more than to look.
_LIMITS = (
    "SELECT set_config('statement_timeout', %s, true), set_config('plan_cache_mode', 'force_generic_plan', true),"
    " set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),"
    " set_config('max_parallel_workers_per_gather', '0', true)"
)


def _look(
    connection: Connection,
    limit: Limit,
    asked: Question,
    wanted: Sequence[Place],
    actor: Actor,
    narrowed: bool,
    room: int,
    only: str = "",
) -> tuple[list[Hit], bool]:
    """Where people look first, then everywhere else; what takes too long is left out and said."""
    leading = [each for each in wanted if each.leads or narrowed]
    rest = [each for each in wanted if not (each.leads or narrowed)]
    hits: list[Hit] = []
    partial = False
    for some, milliseconds in ((leading, LEADING_MS), (rest, REST_MS)):
        sql, constants = statement.prepared(asked, some, actor, narrowed=narrowed, only=only)
        if not sql:
            continue
        given = constants | asked.parameters | {"tenant": actor.tenant_id, "me": actor.app_user_id, "room": room + 1}
        try:
            with limit(milliseconds):
                rows = run(connection, sql, given)
        except TooSlow:
            partial = True
            continue
        hits += [Hit(some[place], key, tier, score, recency) for place, key, tier, score, recency in rows]
    return hits, partial


def _groups(connection: Connection, hits: Sequence[Hit], actor: Actor, asked: Question, room: int) -> list[Group]:
    by_place: dict[Place, dict[int, Hit]] = {}
    for hit in sorted(hits, key=lambda each: each.rank):
        by_place.setdefault(hit.place, {}).setdefault(hit.key, hit)
    ranked = sorted(by_place.items(), key=lambda each: _best(next(iter(each[1].values()))))
    groups = []
    for place, found in ranked[:GROUPS]:
        best = next(iter(found.values()))
        # Beside the very record that was asked for, others are worth a glance and no more.
        fits = room if best.tier <= ranked[0][1][next(iter(ranked[0][1]))].tier else min(room, FEW)
        keys = list(found)[:fits]
        named = cards(connection, place.view, keys, actor, asked)
        shown = list({named[key].key: named[key] for key in keys if key in named}.values())
        if shown:
            groups.append(Group(place.resource, shown, _best(best), len(found) > fits))
    return groups


def _best(hit: Hit) -> tuple[Any, ...]:
    """Kinds of records stand in the order of their best, where people look first some steps ahead of where they seldom do.

    Of two that answer alike the one that more hangs on comes first: the customer before the lead.
    """
    behind = 0 if hit.place.leads or hit.tier == statement.EXACT else AHEAD
    return (hit.tier + behind, -len(hit.place.resource.related), *hit.rank[1:])
