"""Tables that look alike: built again beside the first, kept as a backup, or renamed and never dropped."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from app.engine.catalogue import TableFacts

SHARE = 0.6
"""Of the columns that set two tables apart from all others, how many they must have in common."""
LEAST_SHARED = 3
FURNITURE = frozenset((
    "id", "uuid", "key", "name", "title", "description", "status", "type", "kind", "notes", "created_at", "updated_at",
    "deleted_at", "archived_at", "created_by", "updated_by", "created", "updated", "version", "tenant_id", "org_id",
    "company_id",
))  # fmt: skip
"""Columns any table may have; that two tables have them says nothing. So does a column many tables of this database have."""
COMMON = 0.12
FAMILY = 40
"""Tables of one name or with one column up to which each is compared with each other."""
COPIES = frozenset((
    "backup", "bak", "bkp", "copy", "old", "new", "tmp", "temp", "test", "orig", "original", "archive", "archived", "legacy",
    "prev", "previous", "final", "deprecated", "obsolete", "unused", "snapshot", "dump", "restore", "restored",
))  # fmt: skip
"""What people put at either end of a name when they make a second one."""
PREFIXES = frozenset(("app", "tbl", "t", "my", "the"))
_VERSION = re.compile(r"v\d+|\d{1,8}")
_WORDS = re.compile(r"[^\W_]+")
_SPLIT = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])")


@dataclass(frozen=True)
class Likeness:
    """One table beside another that resembles it."""

    other: str
    """`schema.table`"""
    by_name: int
    """2 where their names say the same, 1 where they do without an `app_` or `tbl_` in front, 0 where they differ."""
    share: float
    """Of their columns taken together (the common ones aside), how many both have: 0 to 1."""
    shared: tuple[str, ...]

    @property
    def tells(self) -> bool:
        """Whether the columns they share are enough to speak of."""
        return self.share >= SHARE / 2 and len(self.shared) >= LEAST_SHARED

    @property
    def words(self) -> str:
        """How they are alike, as the middle of a sentence."""
        columns = f"{len(self.shared)} columns beyond the common ones, {self.share:.0%} of them all"
        if self.by_name:
            return f"is named like {self.other}" + (f" and shares {columns}" if self.tells else "")
        return f"shares {columns}, with {self.other}"


@lru_cache(maxsize=8192)
def plain_name(name: str) -> tuple[tuple[str, ...], bool]:
    """(words of a name without what marks a copy, whether anything did): customers_backup_2023 -> ("customer",), True."""
    words = [word.lower() for part in _WORDS.findall(name) for word in _SPLIT.split(part)]
    kept = [word for word in words if word not in COPIES and not _VERSION.fullmatch(word)]
    marked = len(kept) < len(words)
    if not kept:
        return tuple(words), False
    return tuple(word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s") for word in kept), marked


def _bare(name: str) -> tuple[str, ...]:
    words = plain_name(name)[0]
    while len(words) > 1 and words[0] in PREFIXES:
        words = words[1:]
    return words


def look_alikes(tables: Iterable[TableFacts]) -> dict[str, tuple[Likeness, ...]]:
    """For each table the ones it resembles, closest first. Views and partitions are excused: they are alike on purpose."""
    compared = [
        each for each in tables if each.kind in ("table", "partitioned", "matview", "foreign") and not each.parent
    ]
    telling = _telling(compared)
    found: dict[str, dict[str, Likeness]] = defaultdict(dict)
    for one, other in _candidates(compared, telling):
        if _refers(one, other) or _refers(other, one):
            continue  # a table and the one that extends it: they share columns, and say how they belong together
        mine, yours = telling[one.qualified], telling[other.qualified]
        shared = mine & yours
        share = len(shared) / len(mine | yours) if mine or yours else 0.0
        alike = share >= SHARE and len(shared) >= LEAST_SHARED
        by_name = (plain_name(one.name)[0] == plain_name(other.name)[0]) + (_bare(one.name) == _bare(other.name))
        if not alike and not by_name:
            continue
        words = tuple(name for name in one.column_names if name in shared)
        found[one.qualified][other.qualified] = Likeness(other.qualified, by_name, share, words)
        found[other.qualified][one.qualified] = Likeness(one.qualified, by_name, share, words)
    return {
        name: tuple(sorted(others.values(), key=lambda each: (-(each.by_name + each.share), each.other)))
        for name, others in found.items()
    }


def _refers(one: TableFacts, other: TableFacts) -> bool:
    return any(ref.target == other.qualified for ref in one.refs_out)


def _telling(tables: Sequence[TableFacts]) -> dict[str, frozenset[str]]:
    """Each table's columns without those that stand everywhere."""
    uses = Counter(name for each in tables for name in each.column_names)
    common = {name for name, times in uses.items() if times > max(8, COMMON * len(tables))} | FURNITURE
    return {each.qualified: frozenset(each.column_names) - common for each in tables}


def _candidates(
    tables: Sequence[TableFacts], telling: dict[str, frozenset[str]]
) -> Iterable[tuple[TableFacts, TableFacts]]:
    """Pairs worth comparing: of one plain name, or with enough telling columns in common. Not every table with every other."""
    families: dict[object, list[int]] = defaultdict(list)
    having: dict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(tables):
        families[_bare(each.name)].append(place)
        families[telling[each.qualified]].append(place)
        for column in telling[each.qualified]:
            having[column].append(place)
    pairs: set[tuple[int, int]] = set()
    for places in families.values():
        if len(places) <= FAMILY:
            pairs.update(combinations(places, 2))
        else:  # hundreds of one make: each is like the first of them, and that is all there is to say
            pairs.update((places[0], other) for other in places[1:])
    together = Counter(pair for places in having.values() if len(places) <= FAMILY for pair in combinations(places, 2))
    pairs.update(pair for pair, times in together.items() if times >= LEAST_SHARED)
    return [(tables[one], tables[other]) for one, other in sorted(pairs)]
