"""What of it somebody may hear: only of records they may read at this very moment, on the list or record they have open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from app.engine.access import Actor
from app.engine.listing import row_scope
from app.engine.live.ledger import Batch, Entry
from app.engine.projection import projection
from app.engine.resource import Resource


@dataclass(frozen=True)
class Watch:
    """What a person has open: a list, or one record with the lists that belong to it."""

    resource: Resource
    key: int | None = None
    related: tuple[tuple[str, Resource, Mapping[str, Any]], ...] = ()
    """(name, table, the values by which its rows belong here)."""

    @property
    def record(self) -> tuple[str, str] | None:
        """The record as the ledger names it; None for a list."""
        return None if self.key is None else (self.resource.ledger_name, str(self.key))

    @property
    def tables(self) -> frozenset[str]:
        """The tables whose changes can concern it."""
        return frozenset((self.resource.ledger_name, *(each.ledger_name for _name, each, _fixed in self.related)))


@dataclass
class News:
    """What one reader is told: which records have news, never what the news is; that they ask for as for any page."""

    changed: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    related: list[str] = field(default_factory=list)
    by: list[str] = field(default_factory=list)
    mine: bool = True
    """Whether the reader made all of these changes."""
    first: int = 0
    """The first ledger entry among them."""
    much: bool = False
    """Too much to be told one by one: read it all again."""
    earlier: bool = False
    """Whether the page may show it already, having been made at about the same time."""
    lost: bool = False
    """The record that is open is no longer this reader's to see."""

    def __bool__(self) -> bool:
        return bool(self.much or self.changed or self.made or self.gone or self.related)


class Readers:
    """One batch before many readers: what those of the same rights may read of it is asked once for all of them."""

    def __init__(self, connection: Connection, batch: Batch) -> None:
        self._connection, self.batch = connection, batch
        self._by_table: dict[str, list[Entry]] = {}
        for each in batch.entries:
            self._by_table.setdefault(each.table, []).append(each)
        self._readable: dict[Any, frozenset[str]] = {}

    @property
    def tables(self) -> frozenset[str]:
        return frozenset(self._by_table)

    def news(self, watch: Watch, actor: Actor) -> News:
        """What this reader is told of it."""
        found = News(much=self.batch.more, mine=not self.batch.more)
        here = watch.resource.ledger_name
        if here in self._by_table:
            readable = self._read_by(watch.resource, actor)
            for each in self._by_table[here]:
                if each.record_id in readable and watch.key in (None, _number(each)):
                    _add(found, each, actor)
                elif watch.key == _number(each):
                    found.lost = True
        for name, target, fixed in watch.related:
            mine = [each for each in self._by_table.get(target.ledger_name, ()) if each.operation != "update"]
            readable = self._read_by(target, actor) if target.ledger_name in self._by_table else frozenset()
            if any(each.record_id in readable and _belongs(each.row, fixed) for each in mine) or (
                readable and self._belonging(target, readable, fixed)
            ):
                found.related.append(name)
        return found

    def _read_by(self, resource: Resource, actor: Actor) -> frozenset[str]:
        view = projection(resource, actor)
        kept = (resource.name, actor.permissions, actor.tenant_id, None if view.reads_all else actor.app_user_id)
        if kept not in self._readable:
            self._readable[kept] = self._ask(resource, actor)
        return self._readable[kept]

    def _ask(self, resource: Resource, actor: Actor) -> frozenset[str]:
        """By the very conditions of the lists: permission, tenant, own rows."""
        view = projection(resource, actor)
        if not view.reads:
            return frozenset()
        entries = self._by_table[resource.ledger_name]
        asked = select(resource.table.c.id).where(
            resource.table.c.id.in_({_number(each) for each in entries}), *row_scope(view, actor)
        )
        living = self._connection.scalars(asked, {"tenant": actor.tenant_id, "me": actor.app_user_id})
        gone = {each.record_id for each in entries if each.operation == "delete" and _was_theirs(each, resource, actor)}
        return frozenset(gone.union(map(str, living)))

    def _belonging(self, target: Resource, keys: Iterable[str], fixed: Mapping[str, Any]) -> bool:
        columns = target.table.c
        asked = select(columns.id).where(columns.id.in_(sorted(map(int, keys))))
        asked = asked.where(*(columns[name] == value for name, value in fixed.items())).limit(1)
        return self._connection.scalar(asked) is not None


def _number(entry: Entry) -> int:
    return int(entry.record_id) if entry.record_id.isdigit() else 0


def _was_theirs(entry: Entry, resource: Resource, actor: Actor) -> bool:
    """A row that is gone cannot be asked for; its last state says whose it was."""
    view = projection(resource, actor)
    if "tenant_id" in resource.table.c and entry.tenant_id != actor.tenant_id:
        return entry.tenant_id is None and actor.may("platform.read")
    own = resource.own
    return view.reads_all or (own is not None and entry.row.get(own) == actor.app_user_id)


def _belongs(row: Mapping[str, Any], fixed: Mapping[str, Any]) -> bool:
    return all(str(row.get(name)) == str(value) for name, value in fixed.items())


def _add(found: News, entry: Entry, actor: Actor) -> None:
    kept = {"insert": found.made, "delete": found.gone}.get(entry.operation, found.changed)
    if entry.record_id not in kept:
        kept.append(entry.record_id)
    if entry.by not in found.by:
        found.by.append(entry.by)
    found.mine = found.mine and entry.by_id is not None and entry.by_id == actor.app_user_id
    found.first = min(found.first or entry.id, entry.id)
