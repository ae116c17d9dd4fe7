"""The tabs above a list: all of it, the ready-made lists, the shared views and one's own; what can be done with the open one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from app.engine.access import Actor
from app.engine.keeping_views import SHARE, may_change
from app.engine.resource import Resource
from app.engine.saved_views import ALL, Asked
from app.web.addresses import link

ROOM = 104
"""Letters of tabs that stand side by side at 1440; what comes after waits in the menu."""


@dataclass(frozen=True)
class Tab:
    """One way to open the list."""

    label: str
    href: str
    current: bool
    kind: str = ""
    """"" for the list and its ready-made parts, "shared" or "own" for a view."""


@dataclass(frozen=True)
class Tabs:
    """The row of tabs over one list as one person has it."""

    resource: Resource
    asked: Asked
    scope: str | None
    here: str
    """The list as it stands, without the place in it."""
    actor: Actor

    @cached_property
    def all(self) -> list[Tab]:
        path, view = self.resource.path, self.asked.view
        bare = self.asked.kept.first(self.resource.opens) == ("view", ALL)
        whole = link(path, [] if bare else [("view", ALL)])
        made = [Tab("All", whole, view is None and self.scope is None)]
        for name in self.resource.scopes:
            made.append(Tab(name, link(path, [("scope", name)]), view is None and name == self.scope))
        for each in self.asked.kept.views:
            kind = "shared" if each.shared else "own"
            made.append(Tab(each.name, link(path, [("view", str(each.id))]), each is view, kind))
        return made

    @cached_property
    def shown(self) -> list[Tab]:
        """As many as fit; the open one is always among them."""
        room, found = ROOM, []
        needed = sum(len(each.label) + 3 for each in self.all if each.current)
        for each in self.all:
            size = len(each.label) + 3
            if each.current or size + needed <= room:
                found.append(each)
                room -= size
            if each.current:
                needed = 0
            elif size + needed > room:
                room = needed  # none after the first that did not fit: the row keeps its order
        return found

    @cached_property
    def more(self) -> list[Tab]:
        return [each for each in self.all if each not in self.shown]

    @property
    def changed(self) -> bool:
        return self.asked.view is not None and self.asked.changed

    @property
    def may_save(self) -> bool:
        return self.asked.view is not None and may_change(self.asked.view, self.actor)

    @property
    def may_share(self) -> bool:
        return self.actor.may(SHARE)

    @property
    def reset(self) -> str:
        assert self.asked.view is not None
        return link(self.resource.path, [("view", str(self.asked.view.id))])

    def address(self, what: str) -> str:
        """A dialog about this list: `/views/new`, with the list as it stands."""
        return f"/views/{what}?{urlencode({'list': self.here})}"

    @property
    def notices(self) -> list[str]:
        """What of the open view this person does not get, in words that name nothing her role hides."""
        view, fitted = self.asked.view, self.asked.fitted
        if view is None:
            return []
        said = []
        if fitted.hidden:
            said.append(
                f"{_parts(fitted.hidden)} of “{view.name}” {_is(fitted.hidden)} left out: your role does not see what "
                f"{'it asks' if fitted.hidden == 1 else 'they ask'} for."
            )
        if fitted.gone:
            count = len(fitted.gone)
            names = f" ({', '.join(fitted.gone)})" if not view.shared else ""
            said.append(
                f"{_parts(count)} of “{view.name}”{names} no longer {'fits' if count == 1 else 'fit'} this list and"
                f" {_is(count)} left out."
            )
        return said


def _parts(count: int) -> str:
    return "One part" if count == 1 else f"{count} parts"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
