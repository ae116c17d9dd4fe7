"""What the search offers besides records: screens and ready-made lists, records to create, moves of the open record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from urllib.parse import urlencode

from sqlalchemy import Connection

from app.engine import reading as records
from app.engine import saved_views
from app.engine.access import Actor
from app.engine.projection import projection, seen_with
from app.engine.reading import Shown
from app.engine.refusals import NotFound
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.search import Question
from app.engine.search.vocabulary import distance
from app.web.navigation import GROUPS, _places
from app.web.record_page import moves

_RECORD = re.compile(r"/([a-z_]+)/([a-z_0-9]+)/(\d{1,18})(?:/.*)?")
_TYPO_FROM = 5
"""Letters of a word from which on one slip of the finger is forgiven."""


@dataclass(frozen=True)
class Offer:
    """One line of the answer that is no record: where it leads, or the button of the page that it presses."""

    label: str
    href: str = ""
    icon: str = "arrow"
    detail: str = ""
    press: tuple[str, str, str] | None = None
    """A form of the account menu: its address and the name and value of its button, each perhaps empty."""
    shows: str = ""
    """What only script can do: `keys` for the sheet of shortcuts, `copy` for the address of the record."""
    danger: bool = False
    also: str = ""
    """Further words it is found by."""

    @cached_property
    def known(self) -> tuple[str, ...]:
        """The words it is found by."""
        return tuple(re.findall(r"\w+", f"{self.label} {self.detail} {self.also}".lower()))

    def rank(self, words: Sequence[str]) -> int | None:
        """How well it answers, on the same scale as records do; None if it does not."""
        label, whole = self.label.lower(), " ".join(words)
        if label == whole:
            return 0
        if label.startswith(whole):
            return 1
        return 2 if all(any(one.startswith(word) for one in self.known) for word in words) else None

    def nearly(self, words: Sequence[str]) -> bool:
        """Whether it would answer, but for a slip of the finger."""
        return all(any(_meant(word, one) for one in self.known) for word in words)


@lru_cache(maxsize=8192)
def _meant(typed: str, word: str) -> bool:
    if word.startswith(typed):
        return True
    if len(typed) < _TYPO_FROM or typed[0] not in word[:2]:
        return False
    return distance(typed, word[: len(typed) + 1]) <= 1 or distance(typed, word[: len(typed)]) <= 1


def fitting(offers: Sequence[Offer], asked: Question, most: int) -> list[tuple[int, Offer]]:
    """Those that answer, best first, else those that nearly would; all of them where nothing was asked."""
    if not asked.words:
        return [(5, each) for each in offers[:most]]
    ranked = [(rank, each) for each in offers if (rank := each.rank(asked.words)) is not None]
    ranked = ranked or [(4, each) for each in offers if each.nearly(asked.words)]
    return sorted(ranked, key=lambda one: one[0])[:most]


@lru_cache(maxsize=512)
def screens(permissions: frozenset[str]) -> tuple[Offer, ...]:
    """Every place of this role's navigation, then the ready-made lists of each."""
    found = [
        Offer(each.label, each.href, each.icon, group or "")
        for group, places in _places(permissions)
        for each in places
    ]
    for resource in REGISTRY:
        if seen_with(resource, permissions).reads:
            found += [
                Offer(f"{resource.plural}: {label}", f"{resource.path}?{urlencode({'scope': label})}", resource.icon)
                for label in resource.scopes
            ]
    return tuple(found)


def views(connection: Connection, actor: Actor) -> tuple[Offer, ...]:
    """The lists this person keeps under a name, and those others share."""
    return tuple(
        Offer(
            f"{resource.plural}: {name}",
            f"{resource.path}?view={key}",
            resource.icon,
            "shared view" if shared else "view",
        )
        for resource, key, name, shared in saved_views.by_name(connection, actor)
    )


@lru_cache(maxsize=512)
def tables(permissions: frozenset[str]) -> tuple[Offer, ...]:
    """Every declared table this role may open, by its label and by the database's name for it."""
    readable = [each for each in REGISTRY if seen_with(each, permissions).reads]
    return tuple(
        Offer(each.plural, each.path, each.icon, each.name) for each in sorted(readable, key=lambda each: each.plural)
    )


@lru_cache(maxsize=512)
def general(permissions: frozenset[str]) -> tuple[Offer, ...]:
    """What can be done from any page."""
    creatable = [each for each in REGISTRY if seen_with(each, permissions).creates]
    creatable.sort(key=_everyday)
    return (
        *(Offer(f"New {each.one}", f"{each.path}/new", "plus", also="create add") for each in creatable),
        *(
            Offer(
                f"Theme: {word}",
                icon="eye",
                press=("/account/theme", "theme", value),
                also="mode appearance colours",
            )
            for value, word in (("light", "light"), ("dark", "dark"), ("system", "as the system"))
        ),
        *(
            Offer(f"Rows: {value}", icon="density", press=("/account/theme", "density", value), also="density height")
            for value in ("comfortable", "compact")
        ),
        Offer("Keyboard shortcuts", icon="kbd", shows="keys", also="keys help"),
        Offer("Your account", "/account", "user", also="profile password settings"),
        Offer("Sign out", icon="signout", press=("/sign-out", "", ""), also="log off logout leave"),
    )


def _everyday(resource: Resource) -> tuple[bool, int, int]:
    """In the order of the navigation, what people count by numbers first."""
    group, order = resource.nav or ("", 999)
    return (resource.numbered is None, GROUPS.index(group) if group in GROUPS else len(GROUPS), order)


def opened(connection: Connection, address: str, actor: Actor) -> Shown | None:
    """The record a page shows, or whose form or history it is; None where that is no record this person may read."""
    found = _RECORD.fullmatch(address.partition("?")[0])
    resource = REGISTRY.at(found[1], found[2]) if found else None
    if found is None or resource is None:
        return None
    view = projection(resource, actor)
    try:
        return records.read(connection, view, int(found[3]), actor) if view.reads else None
    except NotFound:
        return None


def of_record(connection: Connection, record: Shown, actor: Actor) -> list[Offer]:
    """What can be done with one record: its moves first, each on the page that asks and says what it does."""
    resource, base = record.resource, f"{record.resource.path}/{record.key}"
    found = [
        Offer(each.move.label, each.href, "right", danger=each.move.danger)
        for each in moves(record, actor, connection)
        if each.why_not is None and not record.archived
    ]
    plain = [each for each in found if not each.danger]
    if record.projection.edits(record.values, actor.app_user_id) and records.editable(record) and not record.archived:
        plain.append(Offer(f"Edit {resource.one}", f"{base}/edit", "pencil"))
    plain += _added(record, actor)
    if resource.recorded:
        plain.append(Offer(f"History of this {resource.one}", f"{base}/history", "history"))
    plain.append(Offer("Copy link", base, "link", shows="copy"))
    return [replace(each, detail=record.title) for each in (*plain, *(each for each in found if each.danger))]


def _added(record: Shown, actor: Actor) -> Iterator[Offer]:
    """New records that hang on this one, with it filled in."""
    if record.archived:
        return
    for related in record.resource.related:
        target: Resource | None = related.target or REGISTRY.get(related.to)
        if target is None or related.about or (related.closed is not None and related.closed(record.values)):
            continue
        view = projection(target, actor)
        fixed = related.fixed(record.values, record.key)
        if view.creates and fixed.keys() <= view.by_name.keys():
            yield Offer(f"New {target.one}", f"{target.path}/new?{urlencode(fixed)}", "plus", also="create add")
