"""Search over everything: a page of its own, and the same answer line by line for the palette while somebody types."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import Connection

from app.core import formats
from app.core.clock import now, today
from app.core.db import reading
from app.engine import search
from app.engine.access import Actor
from app.engine.fields import Choice, Date, Field, Moment, Phone, Reference
from app.engine.projection import projection, seen_with
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.web import markup, offers
from app.web.addresses import link
from app.web.formats import asset
from app.web.htmx import wants_fragment
from app.web.navigation import _places
from app.web.offers import Offer
from app.web.security import signed_in
from app.web.session import current_actor

blueprint = Blueprint("search", __name__)

SIGNS = {">": "Commands", "@": "People", "#": "Tables", "!": "Errors"}
ROOM, ROOM_ON_PAGE = 5, 10
RECENT = 6
"""Places one was at last; their addresses come with the request, their names from the database for who asks now."""


@dataclass(frozen=True)
class Line:
    """One line of the answer. `parts` are pieces of the label, each with whether it is what was typed."""

    parts: list[tuple[str, bool]]
    href: str
    icon: str
    detail: list[tuple[str, bool]]
    offer: Offer | None = None
    status: Any = ""
    """Markup of the badge."""
    code: str | None = None
    record: bool = False


@dataclass(frozen=True)
class Section:
    """Lines of one kind under their heading."""

    label: str
    lines: list[Line]
    more: str | None = None
    """The list in which all of them stand."""
    rank: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Answer:
    """All there is to show, and what has to be said about it."""

    sections: list[Section]
    asked: search.Question
    sign: str = ""
    scope: str = ""
    """The kind of record that was named, as people call many of it."""
    partial: bool = False
    corrected: bool = False

    @property
    def count(self) -> int:
        return sum(len(each.lines) for each in self.sections)


@blueprint.get("/search")
@signed_in
def index() -> str:
    """Everything that answers `q`: as a page, or as the palette's list; `at` is the page one is on, `of` a record."""
    fragment = wants_fragment()
    actor, connection = current_actor(), reading()
    typed, at = request.args.get("q", ""), request.args.get("at", "")[:300]
    of = request.args.get("of", "")[:300]
    if of:
        found = _actions(connection, of, typed, actor)
    else:
        recent = [each for each in request.args.get("recent", "").split(",") if len(each) < 300][:RECENT]
        found = answer(connection, typed, actor, at, recent, ROOM if fragment else ROOM_ON_PAGE)
    return render_template(
        "search/lines.html" if fragment else "search/page.html",
        answer=found,
        typed=typed,
        signs=SIGNS,
        **({} if fragment else {"page_title": "Search", "crumbs": [("Search", None)]}),
    )


def answer(
    connection: Connection, typed: str, actor: Actor, at: str = "", recent: Sequence[str] = (), room: int = ROOM_ON_PAGE
) -> Answer:
    """What is shown for these words. Raises BadQuery for what cannot be searched for."""
    asked = search.read(typed)
    sign = asked.text[:1] if asked.text[:1] in SIGNS else ""
    if sign:
        asked = search.read(asked.text[1:].strip())
    if sign == ">":
        return Answer(_commands(connection, asked, actor, at, 40), asked, sign)
    if sign:
        return _signed(connection, asked, actor, sign, room)
    if not asked.text:
        return Answer([*_recent(connection, recent, actor), *_commands(connection, asked, actor, at, 6)], asked)
    named = scope_of(asked, actor)
    if named is not None:
        rest, among = named
        found = search.find(connection, rest, actor, among=among, room=room)
        if found.groups:
            sections = [_of_group(each, found.asked, actor) for each in found.groups]
            return Answer(sections, found.asked, "", among[0].plural, found.partial, found.corrected)
    found = search.find(connection, asked, actor, room=room)
    sections = [
        *(_of_group(each, found.asked, actor) for each in found.groups),
        *_of_offers("Screens", [*offers.screens(actor.permissions), *offers.views(connection, actor)], asked, room, -1),
        *_commands(connection, asked, actor, at, room),
    ]
    return Answer(sorted(sections, key=lambda each: each.rank), found.asked, "", "", found.partial, found.corrected)


def scope_of(asked: search.Question, actor: Actor) -> tuple[search.Question, list[Resource]] | None:
    """The rest of the question and the kinds of record its first or last word names: `inv 1042`, `bluestem inv`."""
    words = asked.text.split()
    if len(words) < 2:
        return None
    for word, rest in ((words[0], words[1:]), (words[-1], words[:-1])):
        among = _called(word.lower(), actor.permissions)
        if among:
            return search.read(" ".join(rest)), list(among)
    return None


@lru_cache(maxsize=4096)
def _called(word: str, permissions: frozenset[str]) -> tuple[Resource, ...]:
    if len(word) < 3 or not word.isalpha():
        return ()
    readable = [each for each in REGISTRY if seen_with(each, permissions).reads]
    named = [each for each in readable if word in (each.one.lower(), each.plural.lower())]
    named = named or [
        each for each in readable if each.one.lower().startswith(word) or each.plural.lower().startswith(word)
    ]
    numbered = [each for each in named if each.code]
    return tuple(numbered or named)[:4]


def _signed(connection: Connection, asked: search.Question, actor: Actor, sign: str, room: int) -> Answer:
    among = [each for each in REGISTRY if each.sign == sign and projection(each, actor).reads]
    room = max(room, ROOM_ON_PAGE)
    found = search.find(connection, asked, actor, among=among, room=room)
    sections = [_of_group(each, found.asked, actor) for each in found.groups]
    if sign == "#":
        sections = [*_of_offers("Tables", offers.tables(actor.permissions), asked, room, -1), *sections]
    return Answer(sections, found.asked, sign, "", found.partial, found.corrected)


def _actions(connection: Connection, address: str, typed: str, actor: Actor) -> Answer:
    """What can be done with one record of the answer."""
    asked = search.read(typed)
    record = offers.opened(connection, address, actor)
    if record is None:
        return Answer([], asked)
    found = [Offer(f"Open {record.title}", address, "right"), *offers.of_record(connection, record, actor)]
    return Answer(_of_offers(record.title, found, asked, 40, -1), asked)


def _commands(connection: Connection, asked: search.Question, actor: Actor, at: str, most: int) -> list[Section]:
    record = offers.opened(connection, at, actor) if at else None
    own = offers.of_record(connection, record, actor) if record is not None else []
    sections = _of_offers(record.title, own, asked, most, 1) if record is not None else []
    return [*sections, *_of_offers("Commands", offers.general(actor.permissions), asked, most, 2)]


def _of_offers(
    label: str, all_of_them: Sequence[Offer], asked: search.Question, most: int, after: int
) -> list[Section]:
    found = offers.fitting(all_of_them, asked, most)
    if not found:
        return []
    lines = [
        Line(
            marked(each.label, asked),
            each.href,
            each.icon,
            [(each.detail, False)] if each.detail not in ("", label) else [],
            each,
        )
        for _rank, each in found
    ]
    return [Section(label, lines, rank=(found[0][0], after))]


def _recent(connection: Connection, addresses: Sequence[str], actor: Actor) -> list[Section]:
    """The places of these addresses which this person may still open, under the names they have now."""
    known = {each.href: each for _group, places in _places(actor.permissions) for each in places}
    keys: dict[Resource, list[int]] = {}
    for address in addresses:
        _, _, domain, table, key = ["", "", *address.strip("/").split("/"), "", "", ""][:5]
        resource = REGISTRY.at(domain, table)
        if (
            resource is not None
            and key.isascii()
            and key.isdigit()
            and len(key) < 18
            and projection(resource, actor).reads
        ):
            keys.setdefault(resource, []).append(int(key))
    cards = {
        card.href: card
        for resource, some in keys.items()
        for card in search.cards(connection, projection(resource, actor), some, actor).values()
    }
    asked = search.read("")
    lines = []
    for address in dict.fromkeys(addresses):
        if address in cards:
            lines.append(_of_card(cards[address], asked, actor))
        elif address in known:
            place = known[address]
            lines.append(Line([(place.label, False)], place.href, place.icon, [(place.group, False)]))
    return [Section("Recent", lines)] if lines else []


def _of_group(group: search.Group, asked: search.Question, actor: Actor) -> Section:
    resource = group.resource
    searched = projection(resource, actor).searched
    more = link(resource.path, [("q", asked.text)]) if group.more and searched else None
    tier, *rest = group.best
    return Section(resource.plural, [_of_card(each, asked, actor) for each in group.cards], more, (tier, 0, *rest))


def _of_card(card: search.Card, asked: search.Question, actor: Actor) -> Line:
    told = [words for field, value in card.told if (words := _told(field, value, actor))]
    status = ""
    if card.status is not None:
        field, value = card.status
        status = _looks(card.resource, field, asset("icons.svg")).get(value, "")
    detail = ", ".join(told)
    return Line(
        marked(card.title, asked), card.href, card.resource.icon, marked(detail, asked) if detail else [], None, status,
        card.code, record=True,
    )  # fmt: skip


_looks_of: dict[tuple[str, str, str], dict[Any, Any]] = {}


def _looks(resource: Resource, field: Choice, icons: str) -> dict[Any, Any]:
    found = _looks_of.get((resource.name, field.name, icons))
    if found is None:
        found = _looks_of[(resource.name, field.name, icons)] = markup.looks(field, icons)
    return found


def _told(field: Field, value: Any, actor: Actor) -> str:
    """A value beside a name; a day with what it is the day of."""
    if isinstance(field, Date) and isinstance(value, date):
        return f"{field.title.lower()} {formats.date(value, today(actor.timezone))}"
    if isinstance(field, Moment):
        return f"{field.title.lower()} {formats.relative(value, now(), actor.timezone)}"
    if isinstance(field, Choice):
        return field.words(value)
    if isinstance(field, Phone):
        return formats.phone(str(value))
    if isinstance(field, Reference) and isinstance(value, int):
        return ""
    return str(value)[:80]


def marked(label: str, asked: search.Question) -> list[tuple[str, bool]]:
    """The label in pieces, each with whether it is one of the words."""
    label = label[:160]
    if not asked.words:
        return [(label, False)]
    pattern = "|".join(re.escape(word) for word in sorted(asked.words, key=len, reverse=True))
    return [(piece, place % 2 == 1) for place, piece in enumerate(re.split(f"({pattern})", label, flags=re.I)) if piece]
