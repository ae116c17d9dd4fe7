"""Which room of the house a table belongs to: declared, ours, or guessed from its schema, its name and its neighbours."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from app.engine.atlas.resemblance import plain_name
from app.engine.catalogue import TableFacts
from app.engine.registry import REGISTRY, Registry

MACHINERY = "platform"
"""The domain of the console's own tables that nobody works with: queue, migrations, the atlas itself."""


def domains(tables: Iterable[TableFacts], registry: Registry = REGISTRY) -> dict[str, str]:
    """`schema.table` -> domain. A guess needs more voices for one domain than for any other.

    Where nothing speaks for any, the name of its schema stands.
    """
    every = list(tables)
    found: dict[str, str] = {}
    for each in every:
        declared = registry.get(each.name) if each.is_ours else None
        if declared is not None:
            found[each.qualified] = declared.domain
        elif each.is_ours or each.extension:
            found[each.qualified] = MACHINERY
        elif each.schema in registry.domains:
            found[each.qualified] = each.schema
    words = vocabulary(registry)
    open_ones = [each for each in every if each.qualified not in found]
    for each in open_ones:
        guess = _voted(words.get(word, Counter()) for word in plain_name(each.name)[0])
        if guess:
            found[each.qualified] = guess
    for _ in range(2):  # what a table's neighbours are, its own neighbours may be too
        guesses = {}
        for each in open_ones:
            if each.qualified in found:
                continue
            beside = [ref.target for ref in each.refs_out] + [ref.source for ref in each.refs_in] + [*each.reads_from]
            guess = _voted(Counter({found[name]: 1}) for name in beside if name in found)
            if guess:
                guesses[each.qualified] = guess
        found |= guesses
    return {each.qualified: found.get(each.qualified, each.schema) for each in every}


def vocabulary(registry: Registry = REGISTRY) -> Mapping[str, Counter[str]]:
    """The words that speak for a domain: a declared table is called just that, or several of it have the word in their names."""
    used: dict[str, Counter[str]] = defaultdict(Counter)
    whole: dict[str, str] = {}
    for resource in registry:
        words = plain_name(resource.name)[0]
        for word in words:
            used[word][resource.domain] += 1
        if len(words) == 1:
            whole[words[0]] = resource.domain
    weighed: dict[str, Counter[str]] = {}
    for word, uses in used.items():
        (domain, most), total = uses.most_common(1)[0], sum(uses.values())
        if word in whole:
            weighed[word] = Counter({whole[word]: 2})
        elif most > 1 and most * 3 >= total * 2:  # a word of everywhere is a word of nowhere
            weighed[word] = Counter({domain: 1})
    return weighed


def _voted(voices: Iterable[Counter[str]]) -> str | None:
    total: Counter[str] = Counter()
    for each in voices:
        total.update(each)
    first, *rest = total.most_common(2) or [("", 0)]
    return first[0] if first[1] and (not rest or rest[0][1] < first[1]) else None
