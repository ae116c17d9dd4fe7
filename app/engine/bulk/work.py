"""What a plan does to one record and how a batch of them is written: fields, a move of the life cycle, archive, delete."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import psycopg as _psycopg
from sqlalchemy.exc import DBAPIError

from app.core.clock import now
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.apply import REFUSALS, sentence, write
from app.engine.bulk.operations import Step, read
from app.engine.bulk.operations import fields as bulk_fields
from app.engine.fields import Invalid
from app.engine.plan import Change, plan_move_of, same
from app.engine.projection import Projection, projection
from app.engine.refusals import NotAllowed, NotFound, Refusal, Rejected
from app.engine.resource import Resource
from app.engine.states import Transition
from app.engine.values import typed_row

_DIALECT = _psycopg.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Outcome:
    """What becomes of one record: `changes` with its values after, `already` so, or `refused` with why."""

    outcome: str
    after: Mapping[str, Any] | None = None
    given: tuple[str, ...] = ()
    """Columns whose value is only given while applying, as the moment it happened or a number."""
    kind: str | None = None
    why: str | None = None


ALREADY = Outcome("already")


def refused(kind: str, why: str) -> Outcome:
    return Outcome("refused", kind=kind, why=why)


@dataclass(frozen=True)
class Item:
    """One record of a batch: its place in the plan, its key and version, and what it is to become."""

    n: int
    key: int
    version: int | None
    row: Mapping[str, Any]
    after: Mapping[str, Any]


class Work(Protocol):
    """What is done to each record of a plan."""

    @property
    def resource(self) -> Resource:
        """Whose records they are."""

    @property
    def title(self) -> str:
        """What is done, in words: "Set City to “Denver”"."""

    @property
    def action(self) -> str:
        """Its name in the ledger."""

    @property
    def danger(self) -> bool:
        """Whether it is shown in red."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns it looks at; None for all of them."""

    def outcome(self, connection: Connection, row: Mapping[str, Any]) -> Outcome:
        """What becomes of this record, before the database was asked."""

    def write(self, connection: Connection, items: Sequence[Item]) -> None:
        """Write these records; raises what refuses any of them."""


def of(connection: Connection, resource: Resource, edits: Mapping[str, Any], actor: Actor, reason: str = "") -> Work:
    """The work some stored edits describe, checked anew against what this actor may do now.

    Raises Rejected with sentences beside the fields, NotAllowed where the role does not include it.
    """
    view = projection(resource, actor)
    kind = edits.get("kind")
    if kind == "fields":
        if not bulk_fields(view):
            raise NotAllowed(resource.read_only or f"Your role does not change {resource.plural.lower()} in bulk.")
        return FieldWork(view, actor, read(connection, view, edits.get("steps", ()), actor))
    if kind == "move":
        move = next((each for each in moves(view) if each.key == edits.get("move")), None)
        if move is None:
            raise NotAllowed(f"Your role does not do this with {resource.plural.lower()}.")
        asked = {name: _parsed(resource, name, typed) for name, typed in dict(edits.get("asked") or {}).items()}
        return MoveWork(view, actor, move, asked, reason or "rehearsed")
    if kind in ("archive", "restore", "delete"):
        if kind not in takes_away(view):
            raise NotAllowed(resource.read_only or f"Your role does not {kind} {resource.plural.lower()}.")
        return AwayWork(view, actor, kind)
    if kind in MAKERS:
        return MAKERS[kind](connection, resource, edits, actor, reason)
    raise Rejected({"": "Choose what to do."})


Maker = Callable[[Connection, Resource, Mapping[str, Any], Actor, str], Work]
MAKERS: dict[str, Maker] = {}
"""Further kinds of work, by the word their edits begin with."""


def _parsed(resource: Resource, name: str, typed: Any) -> Any:
    if typed in (None, ""):
        return None
    try:
        return resource.field(name).parse(str(typed))
    except Invalid as fault:
        raise Rejected({name: str(fault)}) from None


def moves(view: Projection) -> tuple[Transition | Action, ...]:
    """The moves and actions this role may make here on records in general; each record has its say later."""
    resource = view.resource
    every: list[Transition | Action] = list(resource.lifecycle.transitions if resource.lifecycle else ())
    every += resource.actions
    found = []
    for each in every:
        if isinstance(each, Transition):
            if each.by_system:
                continue
            named = (each.may, *each.also)
        else:
            named = (each.may,)
        if view.reads and (any(_holds(view, one) for one in named) or view.reads_own):
            found.append(each)
    return tuple(found)


def _holds(view: Projection, permission: str) -> bool:
    from app.engine.access import holds

    return holds(view.permissions, permission)


def takes_away(view: Projection) -> tuple[str, ...]:
    """Which of archive, restore and delete there is for this role."""
    resource = view.resource
    if resource.read_only or not view.may("delete"):
        return ()
    return ("archive", "restore") if resource.archivable else ("delete",)


@lru_cache(maxsize=1024)
def offered(view: Projection) -> bool:
    """Whether anything can be done to many records of this resource by this role."""
    resource = view.resource
    if (
        not resource.declared
        or resource.writes is not None
        or "id" not in resource.table.c
        or not resource.opens_records
    ):
        return False
    return bool(bulk_fields(view) or moves(view) or takes_away(view))


def jsoned(values: Mapping[str, Any]) -> str:
    """Values as a plan keeps them. A number travels as text, so that no cent is lost on the way."""
    return json.dumps(dict(values), default=str, ensure_ascii=False)


# -- fields ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FieldWork:
    """Some fields of each record, worked out from what stands in it."""

    view: Projection
    actor: Actor
    steps: tuple[Step, ...]
    danger: bool = False

    @property
    def resource(self) -> Resource:
        return self.view.resource

    @cached_property
    def title(self) -> str:
        return "; ".join(each.words for each in self.steps)

    @property
    def action(self) -> str:
        return f"{self.resource.one.replace(' ', '_')}.bulk_edit"

    @cached_property
    def columns(self) -> tuple[str, ...] | None:
        resource = self.resource
        names = dict.fromkeys(name for each in self.steps for name in each.needs)
        if resource.lifecycle:
            names[resource.lifecycle.field] = None
        if resource.own:
            names[resource.own] = None
        return tuple(names)

    def outcome(self, connection: Connection, row: Mapping[str, Any]) -> Outcome:
        resource = self.resource
        if not self.view.edits(row, self.actor.app_user_id):
            return refused("permission", f"Your role changes only its own {resource.plural.lower()}.")
        after: dict[str, Any] = {}
        for each in self.steps:
            try:
                value = each.made(row)
            except Invalid as fault:
                return refused("rule", f"{each.field.title}: {fault}")
            if not same(value, row[each.field.name]) and not (value == [] and row[each.field.name] is None):
                after[each.field.name] = value
        if not after:
            return ALREADY
        lifecycle = resource.lifecycle
        if lifecycle and any(lifecycle.is_frozen(row[lifecycle.field], name) for name in after):
            return refused("state", lifecycle.why_frozen)
        return Outcome("changes", after)

    def write(self, connection: Connection, items: Sequence[Item]) -> None:
        if self.resource.follow:
            _one_by_one(connection, self.resource, items, self.actor)
        else:
            update_many(connection, self.resource, items, self.actor)


# -- moves -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MoveWork:
    """A move of the life cycle or a declared action, one record after the other past its guards."""

    view: Projection
    actor: Actor
    move: Transition | Action
    asked: Mapping[str, Any]
    reason: str

    @property
    def resource(self) -> Resource:
        return self.view.resource

    @property
    def title(self) -> str:
        return self.move.label

    @property
    def action(self) -> str:
        return f"{self.resource.one.replace(' ', '_')}.{self.move.key}"

    @property
    def danger(self) -> bool:
        return self.move.danger

    @property
    def columns(self) -> tuple[str, ...] | None:
        return None

    def outcome(self, connection: Connection, row: Mapping[str, Any]) -> Outcome:
        began = now()
        try:
            plan = plan_move_of(
                connection, self.resource, row["id"], row, self.move, self.asked, self.actor, self.reason
            )
        except Rejected as fault:
            return refused("rule", fault.sentence)
        except NotAllowed as fault:
            lifecycle = self.resource.lifecycle
            target = self.move.to if isinstance(self.move, Transition) else None
            if lifecycle and target and row[lifecycle.field] == target:
                return ALREADY
            return refused("state", fault.sentence)
        if plan.empty:
            return ALREADY
        if plan.needs is not None:
            return refused("permission", f"{plan.needs.sentence} Ask for it on the record itself.")
        after = dict(plan.changes[0].after)
        given = tuple(
            name for name, value in after.items() if callable(value) or (isinstance(value, datetime) and value >= began)
        )
        return Outcome("changes", after, given)

    def write(self, connection: Connection, items: Sequence[Item]) -> None:
        _one_by_one(connection, self.resource, items, self.actor)


# -- archive and delete ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AwayWork:
    """Out of the lists or back into them; where the dictionary has no archive, out of the database."""

    view: Projection
    actor: Actor
    kind: str

    @property
    def resource(self) -> Resource:
        return self.view.resource

    @property
    def title(self) -> str:
        return f"{self.kind.capitalize()} {self.resource.many.lower()}"

    @property
    def action(self) -> str:
        return f"{self.resource.one.replace(' ', '_')}.{self.kind}"

    @property
    def danger(self) -> bool:
        return self.kind != "restore"

    @property
    def columns(self) -> tuple[str, ...] | None:
        return None if self.kind == "delete" else ("archived_at",)

    def outcome(self, connection: Connection, row: Mapping[str, Any]) -> Outcome:
        if self.kind == "delete":
            lifecycle = self.resource.lifecycle
            if lifecycle and lifecycle.is_frozen(row[lifecycle.field], "*"):
                return refused("state", lifecycle.why_frozen)
            return Outcome("changes", {})
        if (row["archived_at"] is not None) == (self.kind == "archive"):
            return ALREADY
        return Outcome("changes", {"archived_at": now() if self.kind == "archive" else None}, ("archived_at",))

    def write(self, connection: Connection, items: Sequence[Item]) -> None:
        if self.kind != "delete":
            if self.resource.follow:
                _one_by_one(connection, self.resource, items, self.actor)
            else:
                update_many(connection, self.resource, items, self.actor)
        elif self.resource.follow:
            for each in items:
                change = Change(self.resource, "delete", each.key, dict(each.row), {}, each.version)
                write(connection, change, self.actor)
        else:
            table = _DIALECT.identifier_preparer.format_table(self.resource.table)
            connection.execute(
                text(f"DELETE FROM {table} WHERE id = ANY(:keys)"), {"keys": [each.key for each in items]}
            )


# -- writing a batch ---------------------------------------------------------------------------------------------------


def _one_by_one(connection: Connection, resource: Resource, items: Sequence[Item], actor: Actor) -> None:
    for each in items:
        before = {name: each.row.get(name) for name in each.after}
        write(connection, Change(resource, "update", each.key, before, each.after, each.version), actor)


def update_many(connection: Connection, resource: Resource, items: Sequence[Item], actor: Actor) -> None:
    """One statement for all of them; where they change different fields, each keeps what it does not change."""
    names = tuple(dict.fromkeys(name for each in items for name in each.after))
    alike = all(each.after.keys() == items[0].after.keys() for each in items)
    quote = _DIALECT.identifier_preparer.quote
    table, columns = _DIALECT.identifier_preparer.format_table(resource.table), resource.table.c
    sets = [
        f"{quote(name)} = p.{quote(name)}"
        if alike
        else f"{quote(name)} = CASE WHEN r.after ? '{name}' THEN p.{quote(name)} ELSE t.{quote(name)} END"
        for name in names
    ]
    values: dict[str, Any] = {
        "keys": [each.key for each in items],
        "afters": [jsoned(each.after) for each in items],
    }
    if resource.authored and "updated_by" not in names:
        sets.append("updated_by = :me")
        values["me"] = actor.app_user_id
    shape = ", ".join(f"{quote(name)} {columns[name].type.compile(_DIALECT)}" for name in names)
    statement = (
        f"UPDATE {table} AS t SET {', '.join(sets)}"
        " FROM unnest(CAST(:keys AS bigint[]), CAST(:afters AS jsonb[])) AS r (id, after)"
        f" CROSS JOIN LATERAL jsonb_to_record(r.after) AS p ({shape}) WHERE t.id = r.id"
    )
    connection.execute(text(statement), values)


Faults = dict[int, tuple[str, str]]
"""n -> (kind, sentence)"""


def write_what_can_be(
    connection: Connection, work: Work, items: Sequence[Item], heard: Callable[[], None] = lambda: None
) -> Faults:
    """Write a batch; what the database or a follow-up refuses is found by halving and left as it was, with why."""
    faults: Faults = {}
    waiting = [list(items)] if items else []
    while waiting:
        part = waiting.pop()
        heard()
        try:
            with connection.begin_nested():
                work.write(connection, part)
            continue
        except Refusal as fault:
            said = ("gone" if isinstance(fault, NotFound) else "rule", fault.sentence)
        except REFUSALS as fault:
            said = ("constraint", _said(fault, work.resource))
        if len(part) == 1:
            faults[part[0].n] = said
            continue
        half = len(part) // 2
        waiting += [part[half:], part[:half]]
    return faults


def _said(fault: DBAPIError, resource: Resource) -> str:
    return sentence(fault, [resource]).sentence


def from_json(resource: Resource, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Kept values as the columns take them."""
    return typed_row(resource.table, values or {})
