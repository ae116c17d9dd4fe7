"""What one bundle of permissions sees of a resource: the allowlist every list, record, form and export is cut from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from app.engine.access import Actor, holds
from app.engine.actions import Action
from app.engine.fields.field import IN_PLACE, Edit, Field
from app.engine.fields.secret import Secret
from app.engine.resource import Resource
from app.engine.states import Transition


@dataclass(frozen=True, eq=False)
class Projection:
    """The visible fields, which of them are masked, and what may be done with them."""

    resource: Resource
    permissions: frozenset[str]

    def may(self, action: str) -> bool:
        return holds(self.permissions, self.resource.permission(action))

    @cached_property
    def reads_all(self) -> bool:
        return self.may("read")

    @cached_property
    def reads_own(self) -> bool:
        return self.resource.own is not None and self.may("own")

    @property
    def reads(self) -> bool:
        return self.reads_all or self.reads_own

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        return tuple(each for each in self.resource.fields if each.may is None or holds(self.permissions, each.may))

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {each.name: each for each in self.fields}

    @cached_property
    def masked(self) -> frozenset[str]:
        """Fields whose values this bundle must not see."""
        return self.resource.masked(lambda permission: holds(self.permissions, permission)) & self.by_name.keys()

    @cached_property
    def listed(self) -> tuple[Field, ...]:
        return tuple(each for each in self.fields if each.list and not isinstance(each, Secret))

    @cached_property
    def sortable(self) -> frozenset[str]:
        """A masked value must not be found by the order it stands in."""
        return frozenset(each.name for each in self.fields if each.sort and each.name not in self.masked)

    @cached_property
    def filterable(self) -> tuple[Field, ...]:
        return tuple(each for each in self.fields if each.name not in self.masked and each.operators)

    @cached_property
    def searched(self) -> tuple[str, ...]:
        return tuple(name for name in self.resource.search if name in self.by_name and name not in self.masked)

    def writable(self, where: Edit) -> tuple[Field, ...]:
        """Fields this bundle may write in a form, a cell or in bulk."""
        if not (self.creates if where is Edit.CREATE else self.writes):
            return ()
        return tuple(
            each for each in self.fields if each.edit & where and each.expr is None and each.name not in self.masked
        )

    @cached_property
    def in_place(self) -> tuple[Field, ...]:
        """Fields this bundle may change where they stand, in a list or on a record."""
        return tuple(each for each in self.writable(IN_PLACE) if not isinstance(each, Secret))

    @cached_property
    def creates(self) -> bool:
        return self.resource.read_only is None and self.resource.create and self.may("create")

    @cached_property
    def writes(self) -> bool:
        """Whether there are records here that this bundle edits; whoever holds only `<area>.own` edits what is theirs."""
        return self.resource.read_only is None and (self.may("write") or self.reads_own)

    def edits(self, record: Mapping[str, Any], me: int | None) -> bool:
        """Whether this record may be edited: reading everyone's is no right to change more than one's own."""
        own = self.resource.own
        return self.writes and (self.may("write") or (own is not None and me is not None and record.get(own) == me))


@lru_cache(maxsize=4096)
def seen_with(resource: Resource, permissions: frozenset[str]) -> Projection:
    """What a bundle of permissions sees of a resource, whoever holds it."""
    return Projection(resource, permissions)


def projection(resource: Resource, actor: Actor) -> Projection:
    """The actor's view of a resource; computed once per bundle of permissions, not per request."""
    return seen_with(resource, actor.permissions)


ACTIONS = ("read", "create", "write", "delete")


def policy(resources: Iterable[Resource], roles: Mapping[str, tuple[str, ...]]) -> list[dict[str, object]]:
    """Role by resource by field by action, as the console would decide it: what `console policy` prints.

    A field is `hidden`, `masked`, `read` or `write`; an action holds or does not.
    """
    table: list[dict[str, object]] = []
    for role, patterns in roles.items():
        for resource in resources:
            view = seen_with(resource, frozenset(patterns))
            moves: list[Transition | Action] = list(resource.lifecycle.transitions if resource.lifecycle else ())
            moves += resource.actions
            written = {each.name for each in view.writable(Edit.FORM)}
            table.append(
                {
                    "role": role,
                    "resource": resource.name,
                    "rows": "all" if view.reads_all else "own" if view.reads_own else "none",
                    "actions": [
                        name for name in ACTIONS if view.may(name) and (name == "read" or not resource.read_only)
                    ]
                    + [each.key for each in moves if holds(view.permissions, each.may)],
                    "fields": {each.name: _standing(view, each, written) for each in resource.fields},
                }
            )
    return table


def _standing(view: Projection, each: Field, written: set[str]) -> str:
    if not view.reads or each.name not in view.by_name:
        return "hidden"
    if each.name in view.masked:
        return "masked"
    return "write" if each.name in written else "read"
