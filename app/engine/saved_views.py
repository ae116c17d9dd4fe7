"""Saved views: lists people keep under a name, which of them opens first, and what an address makes of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Connection, and_, any_, bindparam, func, literal_column, or_, select

from app.engine import listing
from app.engine.access import Actor
from app.engine.listing import DEFAULT_LIMIT, compiled, read_query
from app.engine.projection import Projection, seen_with
from app.engine.refusals import BadQuery, NotFound
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

Pairs = list[tuple[str, str]]
PLACE = frozenset({"after", "before", "count", "from"})
"""Words of an address that say where in a list one is, not what it shows."""
LOOKS = ("cols", "limit", "density")
"""What is kept of a list for a person where no view is open."""
DENSITIES = ("comfortable", "compact", "roomy")
ALL = "all"
MOST = 200
"""Views one person sees over one list."""


@dataclass(frozen=True)
class SavedView:
    """One row of `saved_views` as somebody at work sees it."""

    id: int
    app_user_id: int | None
    kind: str
    name: str
    filters: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    sort: tuple[str, ...]
    density: str | None
    rows_per_page: int | None
    is_default: bool
    role_keys: tuple[str, ...]
    position: int
    version: int
    is_of_my_role: bool = False

    @property
    def shared(self) -> bool:
        return self.app_user_id is None

    @cached_property
    def asks(self) -> Pairs:
        """The view as the address of a list writes it."""
        pairs = list(self.filters)
        for name, value in (
            ("cols", ",".join(self.columns)),
            ("sort", ",".join(self.sort)),
            ("limit", str(self.rows_per_page or "")),
            ("density", self.density or ""),
        ):
            if value:
                pairs.append((name, value))
        return pairs


@dataclass(frozen=True)
class Kept:
    """What somebody has of one list: the shared views, then her own, and how she has it where none is open."""

    screen: str
    views: tuple[SavedView, ...] = ()
    layout: SavedView | None = None

    def find(self, key: int) -> SavedView | None:
        return next((each for each in self.views if each.id == key), None)

    @property
    def looks(self) -> Pairs:
        """Columns, rows and density of the list without a view."""
        return [pair for pair in self.layout.asks if pair[0] in LOOKS] if self.layout else []

    def first(self, opens: str | None) -> tuple[str, str]:
        """What the bare address opens, as ("view" or "scope", which): hers, her role's, everyone's, else as declared."""
        for each in (*self.views, *((self.layout,) if self.layout else ())):
            if each.is_default and not each.shared:
                return chosen(each)
        for each in self.views:
            if each.is_of_my_role:
                return "view", str(each.id)
        for each in self.views:
            if each.is_default:
                return "view", str(each.id)
        return ("scope", opens) if opens else ("view", ALL)


@lru_cache(maxsize=1)
def _statement() -> tuple[str, dict[str, Any]]:
    """One small statement a list, compiled once. For whose roles a view opens is asked of the roles held at this moment."""
    rows, given, roles = (REGISTRY[name].table for name in ("saved_views", "app_user_roles", "roles"))
    me: Any = bindparam("me")
    held = (
        select(given.c.id)
        .join(roles, roles.c.id == given.c.role_id)
        .where(given.c.app_user_id == me, or_(given.c.expires_at.is_(None), given.c.expires_at > func.now()))
        .where(roles.c.key == any_(rows.c.role_keys))
        .correlate(rows)
        .exists()
    )
    columns = [rows.c[name] for name in _COLUMNS]
    return compiled(
        select(*columns, and_(func.cardinality(rows.c.role_keys) > literal_column("0"), held))
        .where(rows.c.tenant_id == bindparam("tenant"), rows.c.screen == bindparam("screen"))
        .where(or_(rows.c.app_user_id == me, rows.c.app_user_id.is_(None)))
        .order_by(rows.c.app_user_id.nulls_first(), rows.c.position, rows.c.name, rows.c.id)
        .limit(MOST)
    )


_COLUMNS = (
    "id", "app_user_id", "kind", "name", "filters", "columns", "sort", "density", "rows_per_page", "is_default", "role_keys",
    "position", "version",
)  # fmt: skip


def screen_of(resource: Resource) -> str:
    """By what name views belong to a list: its address without the stroke it begins with."""
    return resource.path.strip("/")


def kept(connection: Connection, resource: Resource, actor: Actor) -> Kept:
    """The views this person may open over a list; nobody else's own are among them."""
    screen = screen_of(resource)
    sql, constants = _statement()
    asked = constants | {"me": actor.app_user_id, "tenant": actor.tenant_id, "screen": screen}
    found = [_view(row) for row in listing.run(connection, sql, asked)]
    layout = next((each for each in found if each.kind == "layout"), None)
    return Kept(screen, tuple(each for each in found if each.kind == "view"), layout)


def by_name(connection: Connection, actor: Actor) -> list[tuple[Resource, int, str, bool]]:
    """Every view this person may open, over whichever list: (its resource, key, name, whether it is shared)."""
    screens = {screen_of(each): each for each in REGISTRY if seen_with(each, actor.permissions).reads}
    sql, constants = _every_name()
    asked = constants | {"me": actor.app_user_id, "tenant": actor.tenant_id}
    rows = listing.run(connection, sql, asked)
    return [(screens[at], key, name, owner is None) for at, key, name, owner in rows if at in screens]


@lru_cache(maxsize=1)
def _every_name() -> tuple[str, dict[str, Any]]:
    rows = REGISTRY["saved_views"].table.c
    return compiled(
        select(rows.screen, rows.id, rows.name, rows.app_user_id)
        .where(rows.tenant_id == bindparam("tenant"), rows.kind == "view")
        .where(or_(rows.app_user_id == bindparam("me"), rows.app_user_id.is_(None)))
        .order_by(rows.app_user_id.nulls_last(), rows.position, rows.name, rows.id)
        .limit(MOST)
    )


def _view(row: tuple[Any, ...]) -> SavedView:
    key, owner, kind, name, filters, columns, sort, *rest = row
    pairs = tuple((str(pair[0]), str(pair[1])) for pair in filters if isinstance(pair, list) and len(pair) == 2)
    density, rows, is_default, role_keys, position, version, of_role = rest
    return SavedView(
        key, owner, kind, name, pairs, tuple(columns), tuple(sort), density, rows, is_default, tuple(role_keys), position,
        version, bool(of_role),
    )  # fmt: skip


def chosen(each: SavedView) -> tuple[str, str]:
    """What somebody opens first: her own view itself; anything else is written down in how she has the list."""
    if each.kind == "view":
        return "view", str(each.id)
    kind, which = each.filters[0] if each.filters else ("view", ALL)
    return (kind, which) if kind == "scope" or which.isdigit() else ("view", ALL)


# -- what fits -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fitted:
    """What of a view can be asked by this person today."""

    pairs: tuple[tuple[str, str], ...]
    hidden: int = 0
    """Parts that ask for what her role does not see; which they are, nobody says."""
    gone: tuple[str, ...] = ()
    """Parts that ask for what is no longer there, by name."""


@lru_cache(maxsize=2048)
def _fit(pairs: tuple[tuple[str, str], ...], view: Projection, zone: str) -> Fitted:
    if _reads(pairs, view, zone):
        return Fitted(pairs)
    everything = seen_with(view.resource, frozenset({"*.*"}))
    left: list[tuple[str, str]] = []
    hidden, gone = 0, []
    for name, value in _parts(pairs):
        if _reads((*left, (name, value)), view, zone):
            left.append((name, value))
        elif _reads(((name, value),), everything, zone):
            hidden += 1
        else:
            gone.append(f"{name} {value}" if name in ("scope", "cols", "sort") else name)
    return Fitted(_joined(left), hidden, tuple(gone))


def fit(pairs: Sequence[tuple[str, str]], view: Projection, zone: str) -> Fitted:
    """Leave out what this person may not ask, or nobody can any more. Works by the grammar itself, whatever it holds."""
    return _fit(tuple(pairs), view, zone)


def _reads(pairs: tuple[tuple[str, str], ...], view: Projection, zone: str) -> bool:
    try:
        read_query(pairs, view, zone)
    except BadQuery:
        return False
    return all(value in DENSITIES for name, value in pairs if name == "density")


def _parts(pairs: Sequence[tuple[str, str]]) -> Pairs:
    """Columns and orders one by one: a view does not lose all of them over one."""
    return [
        (name, part)
        for name, value in pairs
        for part in (value.split(",") if name in ("cols", "sort") else [value])
        if part
    ]


def _joined(parts: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The parts as one address; the other way round of `_parts`."""
    made: dict[str, list[str]] = {}
    pairs: Pairs = []
    for name, value in parts:
        if name not in ("cols", "sort"):
            pairs.append((name, value))
        made.setdefault(name, []).append(value)
    return tuple(pairs) + tuple((name, ",".join(made[name])) for name in ("cols", "sort") if name in made)


# -- what an address asks --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """An address with everything a view and a person's own ways add to it."""

    pairs: Pairs
    """The whole state. Its `view` is written `~12`: begun from 12, and all of it said here."""
    kept: Kept
    view: SavedView | None = None
    changed: bool = False
    """Whether the state is no longer the open view's."""
    fitted: Fitted = field(default=Fitted(()))


def resolve(
    given: Sequence[tuple[str, str]], mine: Kept, projection: Projection, zone: str, *, opens: bool = True
) -> Asked:
    """What an address asks for. `view=12` is that view with everything else in the address over it, `view=~12` what was
    made of it so far, `view=all` no view; an address that says nothing opens the person's first one where `opens`.

    Raises NotFound for a view that is not there or another's own, which look the same.
    """
    rest = [pair for pair in given if pair[0] != "view"]
    if dict(rest).get("density", DENSITIES[0]) not in DENSITIES:
        raise BadQuery(f"Rows stand {', '.join(DENSITIES[:-1])} or {DENSITIES[-1]}.")
    word = dict(given).get("view")
    if word is None and opens and not rest:
        kind, which = mine.first(projection.resource.opens)
        word, rest = (which, rest) if kind == "view" else (None, [(kind, which)])
        if kind == "view" and which != ALL and mine.find(int(which)) is None:
            word = ALL  # what she chose to open first is gone
        if kind == "scope" and which not in projection.resource.scopes:
            rest = []
    if word is None or word == ALL:
        # Said once it matters: a list that opens with something else is to stay what it is when its last filter goes.
        whole = [("view", ALL)] if mine.first(projection.resource.opens) != ("view", ALL) else []
        return Asked([*whole, *_over(fit(mine.looks, projection, zone).pairs, rest)], mine)
    begun, number = word.startswith("~"), word.removeprefix("~")
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise BadQuery("A view is named by its number, or “all”.")
    view = mine.find(int(number))
    if view is None:
        if begun:
            return Asked(list(rest), mine)
        raise NotFound("There is no such view, or it is not shared with you.")
    fitted = fit(view.asks, projection, zone)
    base = _over(fit(mine.looks, projection, zone).pairs, list(fitted.pairs))
    state = rest if begun else _over(base, rest)
    changed = meaning(state, projection) != meaning(base, projection)
    return Asked([("view", f"~{view.id}"), *state], mine, view, changed, fitted)


def _over(base: Sequence[tuple[str, str]], rest: Sequence[tuple[str, str]]) -> Pairs:
    asked = {name for name, _value in rest}
    return [pair for pair in base if pair[0] not in asked] + list(rest)


def meaning(pairs: Sequence[tuple[str, str]], projection: Projection) -> frozenset[tuple[str, str]]:
    """What a state comes to, so that two ways to write the same are the same."""
    usual = {
        "limit": str(DEFAULT_LIMIT),
        "sort": projection.resource.sort,
        "cols": ",".join(each.name for each in projection.listed),
        "archived": "0",
    }
    return frozenset(
        (name, value)
        for name, value in pairs
        if name not in PLACE and name != "view" and value and value != usual.get(name)
    )
