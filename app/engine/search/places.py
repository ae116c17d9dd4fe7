"""Where one bundle of permissions may look: the columns of a resource whose plain values it sees, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Text

from app.engine.fields import Email, Field, Phone, Reference
from app.engine.projection import Projection, seen_with
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

RECENT = ("updated_at", "created_at")
MUCH = 3
"""Related lists from which on a record is one that others hang on."""


@dataclass(frozen=True, eq=False)
class Place:
    """One resource as a search may look at it."""

    view: Projection
    words: tuple[str, ...]
    """Columns of words: the declared ones and the number, none of them masked."""
    phones: tuple[str, ...]
    e_mails: tuple[str, ...]
    code: str | None
    title: str | None
    """The column the name stands in, where this bundle sees it and it is text."""

    @property
    def everyday(self) -> bool:
        """Whether it is looked through unasked. Logs, and lines of other records, answer only when they are named."""
        resource = self.resource
        return resource.versioned and resource.nav is not None and not resource.unsought

    @property
    def leads(self) -> bool:
        """Whether people look here before anywhere else: what has a number or a sign of its own, or much hangs on."""
        resource = self.resource
        named = self.title is not None and not getattr(self.view.by_name[self.title], "long", False)
        return bool(resource.numbered or resource.sign) or (named and len(resource.related) >= MUCH)

    @property
    def resource(self) -> Resource:
        return self.view.resource

    @property
    def recency(self) -> str | None:
        """The column that tells when the record was last worked on."""
        return next((name for name in RECENT if name in self.resource.table.c), None)


@lru_cache(maxsize=512)
def places(permissions: frozenset[str]) -> tuple[Place, ...]:
    """Every resource this bundle may read and find anything in, worked out once."""
    found = (_place(seen_with(resource, permissions)) for resource in REGISTRY)
    return tuple(each for each in found if each is not None)


def _place(view: Projection) -> Place | None:
    resource = view.resource
    if not view.reads or not resource.opens_records:
        return None
    code = resource.code if resource.code and _plain(view, resource.code) else None
    asked = [name for name in resource.search if _plain(view, name)]
    words = tuple(dict.fromkeys([*asked, *([code] if code else [])]))
    fields = [view.by_name[name] for name in words]
    title = resource.title if resource.title in words else None
    if not words:
        return None
    return Place(
        view,
        tuple(each.name for each in fields if not isinstance(each, Phone)),
        tuple(each.name for each in fields if isinstance(each, Phone)),
        tuple(each.name for each in fields if isinstance(each, Email)),
        code,
        title,
    )


def _plain(view: Projection, name: str) -> bool:
    """Whether the bundle sees this field as it stands, and it is a column of text."""
    column = view.resource.table.c.get(name)
    return (
        name in view.by_name
        and name not in view.masked
        and view.by_name[name].expr is None
        and column is not None
        and isinstance(column.type, Text)
    )


def by_reference(place: Place) -> list[tuple[Reference, Place]]:
    """References to records whose names this bundle may look for: "invoices of Bluestem"."""
    return [
        (each, target)
        for each in place.view.fields
        if isinstance(each, Reference) and each.by == "id" and (target := _named(each, place.view.permissions))
    ]


def _named(each: Field, permissions: frozenset[str]) -> Place | None:
    name = getattr(each, "to", "")
    target = next((one for one in places(permissions) if one.resource.name == name), None)
    return target if target is not None and target.title is not None else None
