"""The words that names are made of, so that a misspelt one is put right before anything is looked for.

To find what is almost alike among a million names costs seconds; to find the word that was meant among the few thousand
words those names are made of costs a millisecond. Words are kept by company and by the column they stand in: nobody is
helped by a word that stands only where they may not look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from sqlalchemy import Connection, func, select, text

from app.engine.access import SYSTEM, Actor
from app.engine.fields import Code, Email, Phone, Text, Url
from app.engine.listing import run
from app.engine.search.places import Place, places
from app.engine.search.question import Question

SHORTEST, LONGEST = 4, 24
"""Letters of a word worth keeping; a shorter one is typed right or has no like."""
PORTION = 100_000
"""So many records are read at a time."""

_ALIKE = """
SELECT asked.word, kept.word FROM unnest(%(words)s::text[]) AS asked(word) CROSS JOIN LATERAL (
    SELECT word FROM search_words
    WHERE tenant_id = %(tenant)s AND source = ANY(%(sources)s) AND abs(length(word) - length(asked.word)) <= 2
      AND (word %% asked.word OR word LIKE left(asked.word, 2) || '%%')
    GROUP BY word ORDER BY similarity(word, asked.word) DESC, word LIMIT 60
) AS kept
"""


def corrected(connection: Connection, asked: Question, among: Sequence[Place], actor: Actor) -> Question | None:
    """The question with each misspelt word replaced by the one most likely meant; None where nothing is alike."""
    doubtful = [word for word in asked.words if word.isalpha() and SHORTEST <= len(word) <= LONGEST]
    sources = [source for place in among if place.view.reads_all for source in _sources(place)]
    if not doubtful or not sources:
        return None
    given = {"words": doubtful, "tenant": actor.tenant_id, "sources": sources}
    meant: dict[str, tuple[int, str]] = {}
    for typed, kept in run(connection, _ALIKE, given):
        far = distance(typed, kept)
        if far <= _tolerance(typed) and far < meant.get(typed, (99, ""))[0]:
            meant[typed] = (far, kept)
    words = [meant[word][1] if word in meant else word for word in asked.words]
    return replace(asked, text=" ".join(words)) if tuple(words) != asked.words else None


def _tolerance(word: str) -> int:
    return 1 if len(word) < 6 else 2 if len(word) < 10 else 3


def distance(a: str, b: str) -> int:
    """Slips of the fingers between two words: a letter left out, added, taken for another, or swapped with its neighbour."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        earlier, before, row = before, row, [i]
        for j, right in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]


@lru_cache(maxsize=4096)
def _sources(place: Place) -> tuple[str, ...]:
    """`table.column` of the short texts whose words are kept."""
    columns = place.resource.table.c
    if not place.everyday or "tenant_id" not in columns:
        return ()
    fields = [place.view.by_name[name] for name in place.words]
    return tuple(
        f"{place.resource.name}.{each.name}"
        for each in fields
        if isinstance(each, Text) and not isinstance(each, Code | Email | Phone | Url) and not each.long
    )


def read_up(connection: Connection, afresh: bool = False) -> int:
    """Take in the words of records that came since the last time; `afresh` of all, forgetting words nobody uses any more.

    Returns how many words were new. Run it inside a transaction; it is harmless when repeated.
    """
    found = 0
    for place in places(SYSTEM().permissions):
        for source in _sources(place):
            found += _read(connection, place, source, afresh)
    return found


def _read(connection: Connection, place: Place, source: str, afresh: bool) -> int:
    given = {"source": source}
    if afresh:
        connection.execute(text("DELETE FROM search_words WHERE source = :source"), given)
    since = 0 if afresh else int(connection.scalar(_SINCE, given) or 0)
    quote = connection.dialect.identifier_preparer.quote
    table, name = place.resource.table, source.partition(".")[2]
    last = int(connection.scalar(select(func.coalesce(func.max(table.c.id), 0))) or 0)
    taken, found = _TAKE.format(table=quote(table.name), column=quote(name)), 0
    for low in range(since, last, PORTION):
        portion = given | {"low": low, "high": min(low + PORTION, last), "shortest": SHORTEST, "longest": LONGEST}
        found += connection.exec_driver_sql(taken, portion).rowcount
    connection.execute(_UP_TO, given | {"last": last})
    return found


_SINCE = text("SELECT last_id FROM search_sources WHERE source = :source")
_UP_TO = text(
    "INSERT INTO search_sources (source, last_id) VALUES (:source, :last)"
    " ON CONFLICT (source) DO UPDATE SET last_id = excluded.last_id, read_at = clock_timestamp()"
)
_TAKE = """
INSERT INTO search_words (tenant_id, source, word)
SELECT DISTINCT tenant_id, %(source)s, word FROM (
    SELECT tenant_id, unnest(regexp_split_to_array(lower({column}), '[^[:alpha:]]+')) AS word
    FROM {table} WHERE id > %(low)s AND id <= %(high)s AND tenant_id IS NOT NULL
) AS split
WHERE length(word) BETWEEN %(shortest)s AND %(longest)s
ON CONFLICT DO NOTHING
"""
