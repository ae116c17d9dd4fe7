"""Edits -> plan: before and after of each record, worked out and checked while nothing is written yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, any_, bindparam, select

from app.core.clock import now
from app.engine import meanwhile
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.approval_rules import Need, needed, needed_to_move
from app.engine.fields import CREATE, FORM, Edit, Field
from app.engine.listing import row_scope
from app.engine.meanwhile import Meanwhile, Touch, Twin
from app.engine.projection import Projection, projection
from app.engine.refusals import NotAllowed, NotFound, Refusal, Rejected, SomeRefused, Stale
from app.engine.resource import Resource
from app.engine.states import Moving, Transition
from app.engine.values import KEPT_BY_DATABASE


@dataclass(frozen=True)
class Change:
    """One record's change, unwritten. `version` is the one it was planned against."""

    resource: Resource
    operation: str
    """insert, update or delete"""
    key: Any
    """None for a new record whose key the database gives."""
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    version: int | None = None


@dataclass(frozen=True)
class Made:
    """In the values of a change, the key of the record that the n-th change of the same plan makes."""

    place: int

    def __str__(self) -> str:
        return f"the record made {self.place + 1}."


@dataclass(frozen=True)
class Plan:
    """Changes that apply together or not at all."""

    changes: tuple[Change, ...]
    action: str | None = None
    """The transition or action it came from, such as `job.schedule`."""
    merged: tuple[str, ...] = ()
    """Fields others changed meanwhile and which this plan leaves as they are."""
    warnings: tuple[str, ...] = field(default=())
    needs: Need | None = None
    """The second person it needs: `apply` refuses it until somebody else has approved just this plan."""
    approved_by: int | None = None
    """The approval request it was released by."""
    at: datetime | None = None
    """The moment it was planned for, where values in it are that moment."""
    touched: Mapping[str, Touch] = field(default_factory=dict)
    """Who changed those of `merged`, and when, where the ledger knows."""
    twin: Twin | None = None
    """Of an empty plan, one's own change that did all of it already: the same form was sent twice."""
    resource: Resource | None = None
    """Of edits, what is edited."""

    @property
    def empty(self) -> bool:
        return not self.changes

    def title_of(self, name: str) -> str:
        """What a field of the edited resource is called."""
        return self.resource.field(name).title if self.resource and self.resource.has(name) else name


def current(connection: Connection, view: Projection, key: Any, actor: Actor) -> dict[str, Any]:
    """The whole row as it stands, of a record this actor may see; for the engine's own use, never for a page."""
    resource = view.resource
    statement = select(resource.table).where(*resource.is_record(), *row_scope(view, actor))
    asked = resource.key_values(key) | {"tenant": actor.tenant_id, "me": actor.app_user_id}
    row = connection.execute(statement, asked).first()
    if row is None:
        raise NotFound(f"There is no such {resource.one}, or your role does not show it.")
    return dict(zip(resource.table.c.keys(), row, strict=True))


def plan_create(resource: Resource, wanted: Mapping[str, Any], actor: Actor) -> Plan:
    """A new record from a form's values; only fields this role may give on creation."""
    view = projection(resource, actor)
    if not view.creates:
        raise NotAllowed(resource.read_only or f"Your role does not create {resource.plural.lower()}.")
    _only(wanted, view.writable(Edit.CREATE), resource)
    after = {name: value for name, value in wanted.items() if value is not None}
    if resource.lifecycle and resource.lifecycle.field not in after:
        after[resource.lifecycle.field] = resource.lifecycle.initial
    return Plan((Change(resource, "insert", None, {}, after),))


def plan_edit(
    connection: Connection,
    resource: Resource,
    key: Any,
    wanted: Mapping[str, Any],
    seen: int | None,
    actor: Actor,
    where: Edit = FORM,
    base: Mapping[str, Any] | None = None,
) -> Plan:
    """Wanted values against the row as it stands.

    `seen` is the version the person looked at. What others changed since is kept where this person left it alone, and
    is a clash (Stale) where both changed the same field to different values. `base` are the values that differ from
    today's as this person saw them; without it the ledger tells. What this very person has written already, as by a
    form sent twice, is nothing to do and no clash.
    """
    view = projection(resource, actor)
    if not view.writes:
        raise NotAllowed(resource.read_only or f"Your role does not change {resource.plural.lower()}.")
    row = current(connection, view, key, actor)
    return _edit(connection, view, key, row, wanted, seen, actor, where, base)


def _edit(
    connection: Connection,
    view: Projection,
    key: Any,
    row: dict[str, Any],
    wanted: Mapping[str, Any],
    seen: int | None,
    actor: Actor,
    where: Edit,
    base: Mapping[str, Any] | None,
) -> Plan:
    resource = view.resource
    if not view.edits(row, actor.app_user_id):
        raise NotAllowed(f"Your role changes only its own {resource.plural.lower()}.")
    _only(wanted, view.writable(where & ~CREATE or where), resource)
    then, version = dict(row), row.get(resource.row_version)
    since = Meanwhile()
    if seen is not None and version is not None and version != seen:
        if base is None:
            since = meanwhile.since(connection, resource, key, seen, actor)
            then |= since.base
        else:
            since.by = meanwhile.latest(connection, resource, key, actor) if base else {}
            then |= base
    mine = {name: value for name, value in wanted.items() if not same(value, then[name])}
    theirs = {name for name in resource.table.c.keys() if not same(then[name], row[name])}  # noqa: SIM118
    theirs.discard(resource.row_version)
    merged = tuple(name for name in view.by_name if name in theirs and name not in mine and name not in _STAMPS)
    twin = since.twin(mine, same)
    if twin is not None:
        return Plan((), merged=merged, touched=since.by, twin=twin, resource=resource)
    clashes = {
        name: (then[name], row[name], mine[name]) for name in mine if name in theirs and not same(mine[name], row[name])
    }
    if clashes:
        by = {name: since.by[name] for name in clashes if name in since.by}
        raise Stale(f"Someone else changed this {resource.one} while you were editing.", clashes, version or 0, by)
    after = {name: value for name, value in mine.items() if not same(value, row[name])}
    _thawed(resource, row, after)
    if not after:
        return Plan((), merged=merged, touched=since.by, resource=resource)
    before = {name: row[name] for name in after}
    changes = (Change(resource, "update", key, before, after, version),)
    return Plan(changes, merged=merged, touched=since.by, resource=resource)


@dataclass(frozen=True)
class Wanted:
    """Values wanted of one record, by somebody who looked at version `seen` of it."""

    key: Any
    values: Mapping[str, Any]
    seen: int | None
    base: Mapping[str, Any] | None = None


def plan_edits(
    connection: Connection, resource: Resource, asked: Sequence[Wanted], actor: Actor, where: Edit = FORM
) -> Plan:
    """Edits of several records as one plan, whole or not at all. A record may be asked for more than once, as its values
    were looked at one after another.

    Raises SomeRefused, which names every record and field that stands against it, when any does.
    """
    view = projection(resource, actor)
    if not view.writes:
        raise NotAllowed(resource.read_only or f"Your role does not change {resource.plural.lower()}.")
    rows = _rows(connection, view, {each.key for each in asked}, actor)
    changes: dict[Any, Change] = {}
    refused: list[tuple[Any, tuple[str, ...], Refusal]] = []
    merged: dict[str, Touch | None] = {}
    for each in asked:
        try:
            if each.key not in rows:
                raise NotFound(f"This {resource.one} is gone, or your role does not show it any more.")
            plan = _edit(connection, view, each.key, rows[each.key], each.values, each.seen, actor, where, each.base)
        except (NotAllowed, NotFound, Rejected, Stale) as why:
            refused.append((each.key, tuple(each.values), why))
            continue
        merged |= {name: plan.touched.get(name) for name in plan.merged}
        for change in plan.changes:
            earlier = changes.get(change.key)
            changes[change.key] = change if earlier is None else _both(earlier, change)
    if refused:
        raise SomeRefused("Nothing was saved.", refused)
    written = {name for change in changes.values() for name in change.after}
    left = tuple(name for name in merged if name not in written)
    touched = {name: by for name, by in merged.items() if by is not None and name in left}
    many = f"{len(changes):,} {resource.many[:1].lower() + resource.many[1:]}"
    sentence = f"Saving changes of {many} together needs a second person. Save fewer, or select them and ask with Edit."
    needs = needed(connection, actor, "bulk_fix", size=len(changes), resource=resource, why=sentence)
    return Plan(tuple(changes.values()), merged=left, touched=touched, resource=resource, needs=needs)


def _both(first: Change, second: Change) -> Change:
    return replace(first, before={**first.before, **second.before}, after={**first.after, **second.after})


def _rows(connection: Connection, view: Projection, keys: Iterable[Any], actor: Actor) -> dict[Any, dict[str, Any]]:
    """The rows as they stand, of those records this actor may see; of ours in one statement."""
    resource, found = view.resource, {}
    if not resource.declared:
        for key in keys:
            try:
                found[key] = current(connection, view, key, actor)
            except NotFound:
                continue
        return found
    statement = select(resource.table).where(resource.table.c.id == any_(bindparam("those")), *row_scope(view, actor))
    asked = {"those": list(keys), "tenant": actor.tenant_id, "me": actor.app_user_id}
    for row in connection.execute(statement, asked):
        values = dict(zip(resource.table.c.keys(), row, strict=True))
        found[values["id"]] = values
    return found


def plan_move(
    connection: Connection,
    resource: Resource,
    key: Any,
    move: Transition | Action,
    asked: Mapping[str, Any],
    actor: Actor,
    reason: str | None = None,
) -> Plan:
    """A transition or action on one record: permission, present state, guards, then the values it sets."""
    row = current(connection, projection(resource, actor), key, actor)
    return plan_move_of(connection, resource, key, row, move, asked, actor, reason)


def plan_move_of(
    connection: Connection,
    resource: Resource,
    key: Any,
    row: Mapping[str, Any],
    move: Transition | Action,
    asked: Mapping[str, Any],
    actor: Actor,
    reason: str | None = None,
) -> Plan:
    """The same of a record whose whole row was read already, as for many at once."""
    why = refusal(resource, row, move, actor)
    if why:
        raise NotAllowed(why)
    missing = {
        name: f"{resource.field(name).title} cannot stay empty."
        for name in move.requires
        if asked.get(name) in (None, "", [])
    }
    if move.reason and not (reason or "").strip():
        missing["reason"] = "Say why; the history keeps it."
    if missing:
        raise Rejected(missing)
    moving = Moving(row, asked, actor, connection, now())
    if isinstance(move, Transition):
        for guard in move.guards:
            sentence = guard(moving)
            if sentence:
                raise NotAllowed(sentence)
        lifecycle = resource.lifecycle
        assert lifecycle is not None
        target = row[move.to[1:-1]] if move.to.startswith("{") else move.to
        after = {**asked, lifecycle.field: target}
        for effect in move.effects:
            after |= effect(moving)
    else:
        after = dict(move.intent(moving))
    after = {name: value for name, value in after.items() if not same(value, row[name])}
    before = {name: row[name] for name in after}
    change = Change(resource, "update", key, before, after, row.get(resource.row_version))
    needs = needed_to_move(move.approval, moving) if after else None
    named = f"{resource.one.replace(' ', '_')}.{move.key}"
    return Plan((change,) if after else (), action=named, needs=needs, at=moving.at)


def plan_archive(connection: Connection, resource: Resource, key: Any, actor: Actor, restore: bool = False) -> Plan:
    """Out of the lists, or back into them; where the dictionary has no archive, the record is deleted."""
    view = projection(resource, actor)
    if resource.read_only or not view.may("delete"):
        raise NotAllowed(resource.read_only or f"Your role does not delete {resource.plural.lower()}.")
    row = current(connection, view, key, actor)
    version = row.get(resource.row_version)
    if not resource.archivable:
        _thawed(resource, row, {"*": None})
        return Plan((Change(resource, "delete", key, row, {}, version),), action=f"{resource.one}.delete")
    stamp = None if restore else now()
    change = Change(resource, "update", key, {"archived_at": row["archived_at"]}, {"archived_at": stamp}, version)
    return Plan((change,), action=f"{resource.one}.{'restore' if restore else 'archive'}")


def unpermitted(resource: Resource, row: Mapping[str, Any], move: Transition | Action, actor: Actor) -> str | None:
    """Why this actor never makes this move on this record, whatever its state; None when the role includes it."""
    allowed = (move.may, *move.also) if isinstance(move, Transition) else (move.may,)
    owns = (
        resource.own is not None
        and row.get(resource.own) == actor.app_user_id
        and actor.may(resource.permission("own"))
    )
    if not any(actor.may(each) for each in allowed) and not owns:
        return f"Your role does not {move.label[:1].lower()}{move.label[1:]} here; it needs {move.may}."
    return None


def refusal(resource: Resource, row: Mapping[str, Any], move: Transition | Action, actor: Actor) -> str | None:
    """Why this actor cannot make this move now, as a sentence; None when it can be tried (guards come later)."""
    why = unpermitted(resource, row, move, actor)
    if why:
        return why
    if isinstance(move, Action):
        return move.when(row)
    lifecycle = resource.lifecycle
    status = row[lifecycle.field] if lifecycle else None
    if move.by_system:
        return "The console makes this move by itself."
    if status not in move.source:
        words = " or ".join(each.replace("_", " ") for each in move.source)
        return f"This {resource.one} is {str(status).replace('_', ' ')}; only {words} can be moved this way."
    return None


_STAMPS = KEPT_BY_DATABASE | {"updated_by"}
"""What every change carries along; nobody made it."""


def same(left: Any, right: Any) -> bool:
    """Equal as a person sees it: an empty text is no text."""
    return left == right or (left in ("", None) and right in ("", None))


def _only(wanted: Mapping[str, Any], allowed: tuple[Field, ...], resource: Resource) -> None:
    """A forged form cannot write what the role's form never offered."""
    names = {each.name for each in allowed}
    extra = next((name for name in wanted if name not in names), None)
    if extra is not None:
        label = resource.field(extra).title if resource.has(extra) else extra
        raise NotAllowed(f"{label} cannot be changed here.")


def _thawed(resource: Resource, row: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    lifecycle = resource.lifecycle
    if lifecycle is None:
        return
    status = row[lifecycle.field]
    frozen = [name for name in after if lifecycle.is_frozen(status, name)]
    if frozen:
        raise Rejected(dict.fromkeys(frozen, lifecycle.why_frozen))
