"""What a list page shows around its rows: heads that sort, chips that narrow, ready-made lists, pages and how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from markupsafe import Markup

from app.core.formats import money
from app.engine.access import Actor
from app.engine.bulk import work
from app.engine.counting import Count
from app.engine.dates import said
from app.engine.fields import Choice, Date, Field, Flag, Moment, Money, Reference
from app.engine.filters import OURS, Clause
from app.engine.importing.files import may_import
from app.engine.listing import DEFAULT_LIMIT, ListQuery, Page
from app.engine.merging import doing
from app.engine.narrowing import Emptied
from app.engine.projection import Projection
from app.engine.saved_views import Asked, Kept
from app.web import rows
from app.web.addresses import PLACE, Pairs, less, link, without
from app.web.view_tabs import Tabs

CLEARED = ("q", "archived", "match", "kept", *PLACE)
"""What goes with the filters when they are all cleared; order, columns and the ready-made list stay."""
NOTHING_ASKED = Asked([], Kept(""))
"""Of a list that stands on another page and has no views."""


@dataclass(frozen=True)
class Head:
    """One column's head."""

    name: str
    title: str
    css: str
    href: str | None
    direction: str | None


@dataclass(frozen=True)
class Chip:
    """One filter in words."""

    title: str
    operator: str
    value: str
    remove: str
    """The address of the list without it."""
    change: str | None
    """Where it is asked anew."""


@dataclass(frozen=True)
class ChipGroup:
    """Filters that count as one; a single one is a group by itself."""

    joined: str
    """What stands between them: "or", "and"."""
    chips: tuple[Chip, ...]


@dataclass(frozen=True)
class Cause:
    """A piece of the question that left nothing."""

    piece: str
    without: str
    """The list that does not ask it."""
    alone: bool
    """Whether it matches nothing even by itself."""


@dataclass(frozen=True)
class ListPage:
    """Everything resource/list.html needs; it decides nothing itself."""

    query: ListQuery
    page: Page
    pairs: Pairs
    actor: Actor
    body: Markup
    labels: dict[str, str]
    """Titles of the records that filters name, by "field:key"."""
    path: str
    asked: Asked = NOTHING_ASKED
    """What the address asks, with what a saved view adds to it."""
    came: str = ""
    """What links to its records carry of this list."""
    stopped: str | None = None
    """Why there are no rows to show: the sentence of a list that took too long."""
    emptied: Emptied | None = None
    """Of a list without rows, what kept them out."""
    turned: bool = False
    """Whether the asker has this very list open and only turns its pages: what stands over the rows stays as it is."""

    @property
    def heads(self) -> list[Head]:
        names = tuple(each.name for each in self.query.columns)
        return _heads(self.query.projection, names, self.query.order, self.path, self._settled)

    @property
    def _settled(self) -> tuple[tuple[str, str], ...]:
        """The address without the place in the list: the same from page to page."""
        return tuple(pair for pair in self.pairs if pair[0] not in PLACE)

    @cached_property
    def untitled(self) -> str | None:
        """The head of the link column that rows open with where the title is not among the shown columns; else none."""
        resource = self.query.resource
        if any(each.name == resource.title for each in self.query.columns):
            return None
        return resource.field(resource.title).title if resource.has(resource.title) else resource.one.capitalize()

    @cached_property
    def selectable(self) -> bool:
        return rows.selectable(self.query, self.actor)

    @cached_property
    def fixable(self) -> bool:
        """Whether what is selected can be changed as one."""
        return work.offered(self.query.projection)

    @cached_property
    def mergeable(self) -> bool:
        """Whether what is selected can be made one record."""
        return doing.may(self.query.resource, self.actor)

    @property
    def imports(self) -> bool:
        """Whether this role may bring files into this list."""
        return may_import(self.query.projection)

    @property
    def selected_from(self) -> str:
        """Which list a selection belongs to: it is kept from page to page and in any order, and gone with another filter."""
        return link(self.path, sorted(self.pairs), drop=(*PLACE, "sort", "cols", "limit", "widths", "density"))

    @property
    def every(self) -> str:
        """How many "all" are, as the bar of a selection says it: "about 1,100"; "" where this answer does not know."""
        count = self.page.count
        return "" if count is None else f"{'' if count.exact else 'about '}{_shown(count):,}"

    @cached_property
    def chips(self) -> list[Chip]:
        return [chip for part in self.parts for chip in part.chips]

    @cached_property
    def parts(self) -> list[ChipGroup]:
        """The filters as the bar shows them: one by one, those of a group together."""
        made: list[ChipGroup] = []
        at: dict[str, int] = {}
        for number, (place, clause) in enumerate(self._places):
            chip = Chip(
                clause.title,
                clause.words,
                self._value(clause),
                less(self.path, self.pairs, {place}),
                link(f"{self.path}/filters", self.pairs, edit=str(number)),
            )
            if clause.group in at:
                earlier = made[at[clause.group]]
                made[at[clause.group]] = ChipGroup(earlier.joined, (*earlier.chips, chip))
                continue
            if clause.group:
                at[clause.group] = len(made)
            made.append(ChipGroup("or" if clause.group.startswith("any") else "and", (chip,)))
        if self.query.kept is not None:
            gone = without(self.path, self.pairs, "kept")
            made.append(ChipGroup("and", (Chip("Records", "are those of", "a result at the SQL desk", gone, None),)))
        if self.query.archived:
            gone = without(self.path, self.pairs, "archived")
            made.append(
                ChipGroup(
                    "and",
                    (
                        Chip(
                            "Archived and merged" if self.query.resource.merged_into else "Archived",
                            "are",
                            "shown",
                            gone,
                            None,
                        ),
                    ),
                )
            )
        return made

    @cached_property
    def _places(self) -> list[tuple[int, Clause]]:
        """Each filter with its place among the parameters of the address."""
        places = [place for place, (name, _value) in enumerate(self.pairs) if name not in OURS]
        return list(zip(places, self.query.clauses, strict=True))

    def _value(self, clause: Clause) -> str:
        return words_of(clause, self.labels)

    @property
    def clear(self) -> str:
        """The list without filters, search and place; order and columns stay."""
        return less(
            self.path,
            self.pairs,
            {place for place, (name, _value) in enumerate(self.pairs) if name not in OURS or name in CLEARED},
        )

    @cached_property
    def tabs(self) -> Tabs:
        """The ready-made lists and the saved views over this one."""
        return Tabs(self.query.resource, self.asked, self.query.scope, link(self.path, self.pairs), self.actor)

    @property
    def everything(self) -> str:
        """The list with nothing narrowed, also where its bare address opens something else."""
        return self.tabs.all[0].href

    @property
    def density(self) -> str | None:
        return dict(self.pairs).get("density")

    @property
    def range(self) -> str:
        shown = len(self.page.rows)
        if not shown:
            return "None"
        if self.page.previous is None:
            return f"1 to {shown}"
        return f"{shown} shown"

    @property
    def total(self) -> str:
        count = self.page.count
        if count is None or (not self.page.rows and count.number == 0):
            return ""
        return f"of {self.counted(count)}"

    def counted(self, count: Count) -> str:
        """ "1,089 customers", or "about 87,000 customers" where nobody counted."""
        number = _shown(count)
        resource = self.query.resource
        plural = resource.many
        running = plural if plural[1:2].isupper() else plural[:1].lower() + plural[1:]  # an API key is no aPI key
        word = resource.one if count.exact and count.number == 1 else running
        return f"{'' if count.exact else 'about '}{number:,} {word}"

    @property
    def exact(self) -> str | None:
        count = self.page.count
        if count is None or count.exact or count.gave_up:
            return None
        return link(self.path, self.pairs, drop=(), count="exact")

    @property
    def first(self) -> str | None:
        return link(self.path, self.pairs) if self.page.previous else None

    @property
    def previous(self) -> str | None:
        return link(self.path, self.pairs, before=self.page.previous) if self.page.previous else None

    @property
    def next(self) -> str | None:
        return link(self.path, self.pairs, after=self.page.next) if self.page.next else None

    @property
    def last(self) -> str | None:
        return link(self.path, self.pairs, before="end") if self.page.next else None

    @property
    def limits(self) -> list[tuple[int, str, bool]]:
        return _limits(self.path, self._settled, self.query.limit)

    @property
    def keep(self) -> Pairs:
        """Parameters the find box carries along as hidden fields."""
        return [(name, value) for name, value in self.pairs if name not in ("q", "after", "before", "count")]

    @property
    def sorted_by(self) -> str:
        """The order in words, as paper says it: "sorted by Open balance, highest first"."""
        view = self.query.projection
        parts = [
            f"{view.by_name[name].title}{', last first' if down else ''}"
            for name, down in self.query.order
            if name in view.by_name
        ]
        return f"sorted by {' then '.join(parts)}" if parts else "newest first"

    def here(self, suffix: str) -> str:
        """The same with the place in the list, for what may be asked of just this page."""
        return link(f"{self.path}{suffix}", self.pairs, drop=("count",))

    def address(self, suffix: str) -> str:
        """The same list in another form: `.csv`, `/filters`."""
        return link(f"{self.path}{suffix}", self.pairs)

    @property
    def emptied_by(self) -> str:
        """What keeps every row out, in the words of the page: the search, the filters, the ready-made list."""
        filters = len(self.query.clauses)
        causes = [f"match “{self.query.q}”"] if self.query.q else []
        if filters:
            causes.append("fit this filter" if filters == 1 else f"fit these {filters} filters")
        if self.query.scope:
            causes.append(f"are in “{self.query.scope}”")
        return " and ".join(causes)

    @cached_property
    def causes(self) -> list[Cause]:
        """Which piece emptied the list, most telling first, each with the list that lacks it."""
        if self.emptied is None:
            return []
        alone = [Cause(self._piece(name), self._unless(name), alone=True) for name in self.emptied.alone]
        return alone or [Cause(self._piece(name), self._unless(name), alone=False) for name in self.emptied.without]

    def _piece(self, name: str) -> str:
        """A piece of the question in words."""
        if name == "q":
            return f"the search for “{self.query.q}”"
        if name == "scope":
            return f"the list “{self.query.scope}”"
        joined = " or " if name.startswith("any") else " and "
        found = [
            f"{each.title} {each.words} {self._value(each)}"
            for number, (_place, each) in enumerate(self._places)
            if name in ("any", str(number), each.group)
        ]
        return f"“{joined.join(found)}”"

    def _unless(self, name: str) -> str:
        if name in ("q", "scope"):
            return without(self.path, self.pairs, name)
        gone = {place for number, (place, each) in enumerate(self._places) if name in ("any", str(number), each.group)}
        return less(self.path, self.pairs, gone)

    @property
    def unsorted(self) -> str | None:
        """The list in the order it has by itself, where another was asked for."""
        return without(self.path, self.pairs, "sort") if any(name == "sort" for name, _ in self.pairs) else None

    @property
    def unsearched(self) -> str:
        return without(self.path, self.pairs, "q")

    @property
    def put_away(self) -> str | None:
        """The same list with what was archived or merged, where that is left out of it."""
        left_out = self.query.resource.archivable and not self.query.archived
        return link(self.path, self.pairs, drop=PLACE, archived="1") if left_out else None

    @property
    def narrowed(self) -> bool:
        return bool(self.query.clauses or self.query.q or self.query.scope)


def words_of(clause: Clause, labels: Mapping[str, str]) -> str:
    """What a filter asks for, in words; `labels` has the titles of records it names, by "field:key"."""
    each = clause.field
    if clause.op == "null":
        return "empty" if clause.values[0] else "not empty"
    if isinstance(each, Choice):
        return ", ".join(each.words(value) for value in clause.values)
    if isinstance(each, Reference):
        return ", ".join(labels.get(f"{clause.path}:{value}", f"#{value}") for value in clause.values)
    if isinstance(each, Flag):
        return each.yes if clause.values[0] else each.no
    if isinstance(each, Date | Moment):
        spoken = [said(word) for word in clause.raw]
    elif isinstance(each, Money):
        spoken = [money(value, style="key") for value in clause.values]
    else:
        spoken = list(clause.raw)
    return " and ".join(spoken) if clause.op == "between" else ", ".join(spoken)


def _shown(count: Count) -> int:
    return count.number if count.exact else _rounded(count.number)


def _rounded(number: int) -> int:
    """Two figures of an estimate; more would claim a precision nobody has."""
    if number < 100:
        return number
    unit = 10 ** (len(str(number)) - 2)
    return round(number / unit) * unit


@lru_cache(maxsize=1024)
def _heads(
    view: Projection,
    names: tuple[str, ...],
    order: tuple[tuple[str, bool], ...],
    path: str,
    pairs: tuple[tuple[str, str], ...],
) -> list[Head]:
    """The heads of one list in one order; people look at few of them, many times."""
    sorted_by = dict(order)
    return [_head(view, view.by_name[name], sorted_by.get(name), path, pairs) for name in names]


def _head(view: Projection, each: Field, down: bool | None, path: str, pairs: tuple[tuple[str, str], ...]) -> Head:
    css = "stick" if each.name == view.resource.title else "num" if each.numeric else ""
    if each.name not in view.sortable:
        return Head(each.name, each.title, css, None, None)
    first_down = each.numeric or isinstance(each, Moment | Date)
    turned = f"-{each.name}" if (down is None and first_down) or down is False else each.name
    direction = None if down is None else "descending" if down else "ascending"
    return Head(each.name, each.title, css, link(path, pairs, sort=turned), direction)


@lru_cache(maxsize=1024)
def _limits(path: str, pairs: tuple[tuple[str, str], ...], limit: int) -> list[tuple[int, str, bool]]:
    return [
        (rows, link(path, pairs, limit=None if rows == DEFAULT_LIMIT else str(rows)), rows == limit)
        for rows in (25, 50, 100, 200)
    ]
