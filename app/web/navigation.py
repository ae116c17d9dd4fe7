"""The navigation: what this role may open, in the groups of the design; worked out once per bundle of permissions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from flask import current_app, request
from markupsafe import Markup

from app.engine.access import Actor, holds
from app.engine.registry import REGISTRY
from app.web import markup
from app.web.formats import asset

GROUPS = (
    "", "Customers", "Field", "Money", "Tasks and workflows", "Automation", "AI", "Memory", "Files", "Messages", "Monitoring",
    "People and access", "System",
)  # fmt: skip

EVERYDAY = ("Customers", "Field", "Money")
"""Groups that stand open for somebody with more places than a screen is high."""
FEW = 26

Item = tuple[str, str, str, bool, int | None, str]


@dataclass(frozen=True)
class Place:
    """A screen made by hand that stands in the navigation."""

    group: str
    order: int
    label: str
    href: str
    icon: str
    may: str
    letter: str = ""
    """G and this letter lead there."""


_screens: list[Place] = []


def place(group: str, order: int, label: str, href: str, icon: str, may: str, letter: str = "") -> None:
    """Put a screen into the navigation; called once, where the screen is mounted."""
    _screens.append(Place(group, order, label, href, icon, may, letter=letter))


_counts: dict[str, Callable[[Actor], int | None]] = {}


def counted(href: str, count: Callable[[Actor], int | None]) -> None:
    """Put a number beside a place of the navigation: work that waits for whoever looks. It must cost next to nothing."""
    _counts[href] = count


def screens() -> tuple[Place, ...]:
    """Every screen made by hand that was put there, whoever may open it."""
    return tuple(_screens)


@lru_cache(maxsize=512)
def _places(permissions: frozenset[str]) -> tuple[tuple[str | None, tuple[Place, ...]], ...]:
    found = [each for each in _screens if holds(permissions, each.may)]
    for resource in REGISTRY:
        if resource.nav is None:
            continue
        reads = holds(permissions, resource.permission("read")) or (
            resource.own is not None and holds(permissions, resource.permission("own"))
        )
        if reads:
            group, order = resource.nav
            found.append(
                Place(
                    group,
                    order,
                    resource.plural,
                    resource.path,
                    resource.icon,
                    resource.permission("read"),
                    resource.letter,
                )
            )
    names = sorted(
        {each.group for each in found}, key=lambda name: GROUPS.index(name) if name in GROUPS else len(GROUPS)
    )
    return tuple(
        (
            name or None,
            tuple(sorted((each for each in found if each.group == name), key=lambda each: (each.order, each.label))),
        )
        for name in names
    )


@dataclass(frozen=True)
class Menu:
    """The navigation as markup: the groups at the side, and the first places for the foot of a phone."""

    groups: Markup
    tabs: Markup
    new: tuple[tuple[str, str, str, str], ...]
    """What this role may begin from anywhere: (what it is, address, icon, letter after C)."""


def menu(actor: Actor) -> Menu:
    """The navigation of this role with the present place marked; drawn once for each of both, not once a request."""
    here = request.path
    current = max(
        (each.href for _name, places in _places(actor.permissions) for each in places if _current(each.href, here)),
        key=len,
        default=None,
    )
    here_too = {each.href for _name, places in _places(actor.permissions) for each in places}
    counts = tuple((href, count(actor)) for href, count in _counts.items() if href in here_too)
    return _menu(actor.permissions, current, asset("icons.svg"), counts)


@lru_cache(maxsize=2048)
def _menu(
    permissions: frozenset[str], current: str | None, sprite: str, counts: tuple[tuple[str, int | None], ...]
) -> Menu:
    numbers = dict(counts)
    groups_here = _places(permissions)
    few = sum(len(places) for _name, places in groups_here) <= FEW
    items: list[tuple[str | None, bool, list[Item]]] = [
        (
            name,
            few or name in EVERYDAY or any(each.href == current for each in places),
            [
                (each.label, each.href, each.icon, each.href == current, numbers.get(each.href) or None, each.letter)
                for each in places
            ],
        )
        for name, places in groups_here
    ]
    environment = current_app.jinja_env
    groups, tabs = (environment.get_template(f"parts/{name}.html") for name in ("groups", "tabbar"))
    return Menu(
        markup.trusted(groups, navigation=items, sprite=sprite),
        markup.trusted(tabs, navigation=items, sprite=sprite),
        _new(permissions),
    )


def _new(permissions: frozenset[str]) -> tuple[tuple[str, str, str, str], ...]:
    return tuple(
        (each.one.capitalize(), f"{each.path}/new", each.icon, each.letter)
        for each in REGISTRY
        if each.letter and each.create and not each.read_only and holds(permissions, each.permission("create"))
    )


def _current(href: str, here: str) -> bool:
    return here == href or (href != "/" and here.startswith(f"{href}/"))
