"""Why a field or an action of a record is hidden, masked, read-only or open to a role: the deciding rule, in words.

It asks the same questions in the same order as the pages do, and says which one decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from app.core.clock import now
from app.engine import revealing
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.approval_rules import needed_to_move
from app.engine.fields import Edit, Field
from app.engine.fields.secret import Secret
from app.engine.plan import refusal, unpermitted
from app.engine.projection import Projection, projection
from app.engine.resource import Resource
from app.engine.states import Moving, Transition

ANYWHERE = Edit.FORM | Edit.INLINE | Edit.BULK


@dataclass(frozen=True)
class Standing:
    """One field or action: how it stands to a role, and what decided that."""

    title: str
    name: str
    state: str
    """hidden, masked, read or open"""
    why: str


@dataclass(frozen=True)
class Explained:
    """Everything a role meets at one record."""

    rows: Standing
    fields: list[Standing]
    actions: list[Standing]
    unnamed: int
    """Fields the reader's own role does not show, and which are therefore not named to them."""


def as_role(actor: Actor, name: str, permissions: frozenset[str]) -> Actor:
    """Somebody who holds just that role and owns no record."""
    return replace(actor, app_user_id=None, user_id=None, name=name, permissions=permissions, roles=(name,))


def explain(connection: Connection, resource: Resource, row: Mapping[str, Any], reader: Actor, who: Actor) -> Explained:
    """How a record of `resource` stands to `who`; what `reader` does not see themselves is counted, not named."""
    view, mine = projection(resource, who), projection(resource, reader)
    manages = reader.may("roles.read")
    named = [each for each in resource.fields if manages or each.name in mine.by_name]
    fields = [_field(view, each, row, who) for each in named]
    return Explained(
        _rows(view, row, who), fields, _actions(connection, view, row, who), len(resource.fields) - len(named)
    )


def _rows(view: Projection, row: Mapping[str, Any], who: Actor) -> Standing:
    resource = view.resource
    reads, own = resource.permission("read"), resource.permission("own")
    if view.reads_all:
        return Standing("This record", "", "read", f"Shown: {reads} is held.")
    if view.reads_own:
        if row.get(str(resource.own)) == who.app_user_id and who.app_user_id is not None:
            return Standing(
                "This record", "", "read", f"Shown, because it is one's own: {own} is held and {reads} is not."
            )
        return Standing("This record", "", "hidden", f"Own rows only: {own} is held and {reads} is not.")
    return Standing("This record", "", "hidden", f"Hidden: {reads} is missing.")


def _field(view: Projection, each: Field, row: Mapping[str, Any], who: Actor) -> Standing:
    state, why = _decided(view, each, row, who)
    return Standing(each.title, each.name, state, why)


def _decided(view: Projection, each: Field, row: Mapping[str, Any], who: Actor) -> tuple[str, str]:
    resource = view.resource
    write, reveal = resource.permission("write"), resource.permission("reveal")
    if not view.reads:
        return "hidden", f"The whole record is hidden: {resource.permission('read')} is missing."
    if each.may is not None and not who.may(each.may):
        return "hidden", f"Hidden: {each.may} is missing."
    if isinstance(each, Secret):
        return "masked", "A secret: whether there is one is shown, its value to nobody."
    if each.name in view.masked:
        minute = "may be shown for a minute with a reason" if who.may(revealing.PERMISSION) else (
            f"and {revealing.PERMISSION}, with which it could be shown for a minute, is missing too")  # fmt: skip
        return "masked", f"Masked, because it is personal data and neither {write} nor {reveal} is held; {minute}."
    personal = (
        f" It is personal data, shown because {write if who.may(write) else reveal} is held." if each.personal else ""
    )
    if resource.read_only is not None:
        return "read", resource.read_only + personal
    if each.expr is not None:
        return "read", "Computed from other values." + personal
    if resource.lifecycle is not None and each.name == resource.lifecycle.field:
        return "read", "Moves only along its life cycle, by the actions below." + personal
    if not each.edit & ANYWHERE:
        when = "Given when the record is made, and kept." if each.edit & Edit.CREATE else "Kept by the console."
        return "read", when + personal
    if not view.writes:
        return "read", f"Read-only: {write} is missing." + personal
    if not view.edits(row, who.app_user_id):
        return (
            "read",
            f"Read-only: only one's own {resource.plural.lower()} are changed, since {write} is missing." + personal,
        )
    lifecycle = resource.lifecycle
    if lifecycle is not None and lifecycle.is_frozen(row[lifecycle.field], each.name):
        status = str(row[lifecycle.field]).replace("_", " ")
        return "read", f"Frozen while the {resource.one} is {status}. {lifecycle.why_frozen}" + personal
    return "open", f"Can be changed: {write if view.may('write') else resource.permission('own')} is held." + personal


def _actions(connection: Connection, view: Projection, row: Mapping[str, Any], who: Actor) -> list[Standing]:
    resource = view.resource
    found = []
    if resource.lifecycle is not None:
        found += [_move(connection, view, row, each, who) for each in resource.lifecycle.transitions]
    found += [_move(connection, view, row, each, who) for each in resource.actions]
    for word, allowed in (("create", view.creates), ("delete", view.may("delete") and not resource.read_only)):
        title = {"create": f"Make another {resource.one}", "delete": "Archive" if resource.archivable else "Delete"}[
            word
        ]
        needs = resource.permission(word)
        why = f"{needs} is held." if allowed else resource.read_only or (
            f"{needs} is missing." if not view.may(word) else "Made elsewhere, not by hand.")  # fmt: skip
        found.append(Standing(title, word, "open" if allowed else "hidden", why))
    return found


def _move(
    connection: Connection, view: Projection, row: Mapping[str, Any], move: Transition | Action, who: Actor
) -> Standing:
    if not view.reads:
        return Standing(move.label, move.key, "hidden", f"{view.resource.permission('read')} is missing.")
    if isinstance(move, Transition) and move.by_system:
        return Standing(move.label, move.key, "hidden", "The console makes this move by itself.")
    forbidden = unpermitted(view.resource, row, move, who)
    if forbidden:
        others = getattr(move, "also", ())
        return Standing(move.label, move.key, "hidden", f"{' or '.join((move.may, *others))} is missing.")
    why_not = refusal(view.resource, row, move, who)
    if why_not:
        return Standing(move.label, move.key, "read", why_not)
    moving = Moving(row, {}, who, connection, now())
    for guard in getattr(move, "guards", ()) if not move.asks else ():  # what is asked for decides those with it
        sentence = guard(moving)
        if sentence:
            return Standing(move.label, move.key, "read", sentence)
    need = needed_to_move(move.approval, moving)
    if need is not None:
        return Standing(
            move.label, move.key, "open", f"{need.sentence} It can be asked for; {need.rule.decides} decides."
        )
    held = next(
        (each for each in (move.may, *getattr(move, "also", ())) if who.may(each)), view.resource.permission("own")
    )
    return Standing(move.label, move.key, "open", f"{held} is held.")
