"""Keeping views: every change of one is a plan, so that the history has it and it can be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.engine.access import Actor
from app.engine.fields import Invalid
from app.engine.plan import Change, Plan
from app.engine.refusals import NotAllowed, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.saved_views import ALL, LOOKS, MOST, PLACE, Kept, Pairs, SavedView

SHARE = "views.share"
LAYOUT = "My columns"
"""The name of how one person has a list where no view is open."""


@dataclass(frozen=True)
class Wanted:
    """What somebody asked of a view besides the list it shows."""

    name: str
    shared: bool
    opens: bool
    """Whether it is to open first for whoever asks."""
    roles: tuple[str, ...] | None = None
    """The roles it opens first for, where this was asked at all."""
    everyone: bool = False
    """Whether it opens first for all who have no other."""


def may_change(view: SavedView, actor: Actor) -> bool:
    """One's own are one's own; shared ones belong to those who may share."""
    return view.app_user_id == actor.app_user_id if not view.shared else actor.may(SHARE)


def state(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The columns of the table for what an address asks."""
    asked = dict(pairs)
    return {
        "filters": [
            list(pair) for pair in pairs if pair[0] not in PLACE and pair[0] not in ("view", "sort", *LOOKS) and pair[1]
        ],
        "columns": [each for each in asked.get("cols", "").split(",") if each],
        "sort": [each for each in asked.get("sort", "").split(",") if each],
        "density": asked.get("density") or None,
        "rows_per_page": int(asked["limit"]) if asked.get("limit") else None,
    }


def plan_new(kept: Kept, actor: Actor, pairs: Pairs, wanted: Wanted) -> Plan:
    """A new view of what the list shows now."""
    if wanted.shared:
        _must_share(actor)
    if len(kept.views) >= MOST - 1:
        raise Rejected({"name": f"This list has {MOST - 1} views already. Delete one you no longer need."})
    changes = _unopened(kept) if wanted.opens and not wanted.shared else []
    after = state(pairs) | {
        "screen": kept.screen,
        "name": _named(wanted.name, kept, wanted.shared),
        "app_user_id": None if wanted.shared else actor.app_user_id,
        "is_default": wanted.opens and not wanted.shared,
        "position": max((each.position for each in kept.views if each.shared == wanted.shared), default=-1) + 1,
    }
    return Plan((*changes, Change(REGISTRY["saved_views"], "insert", None, {}, after)), action="view.create")


def plan_save(view: SavedView, actor: Actor, pairs: Pairs, seen: int | None) -> Plan:
    """The view shows from now on what the list shows now."""
    _must_change(view, actor, seen)
    return Plan(tuple(_update(view, state(pairs))), action="view.save")


def plan_columns(view: SavedView, actor: Actor, looks: Pairs) -> Plan:
    """Columns, rows and density of a view, whatever else of it was changed in the address."""
    _must_change(view, actor, None)
    kept = state(looks)
    return Plan(
        tuple(_update(view, {name: kept[name] for name in ("columns", "density", "rows_per_page")})), "view.save"
    )


def plan_settings(view: SavedView, kept: Kept, actor: Actor, wanted: Wanted, seen: int | None) -> Plan:
    """Another name, shared or no longer, first for oneself or for roles."""
    _must_change(view, actor, seen)
    if wanted.shared != view.shared:
        _must_share(actor)
    changes: list[Change] = []
    roles = tuple(wanted.roles if wanted.roles is not None else view.role_keys) if wanted.shared else ()
    for other in kept.views:
        if other.id != view.id and (taken := set(other.role_keys) & set(roles)):
            changes += _update(other, {"role_keys": [key for key in other.role_keys if key not in taken]})
    opens = wanted.everyone if wanted.shared else wanted.opens
    if opens and (view.shared != wanted.shared or not view.is_default):
        changes += _unopened(kept, shared=wanted.shared)
    after = {
        "name": _named(wanted.name, kept, wanted.shared, view),
        "app_user_id": None if wanted.shared else actor.app_user_id,
        "is_default": opens,
        "role_keys": list(roles),
    }
    return Plan((*changes, *_update(view, after)), action="view.settings")


def plan_delete(view: SavedView, actor: Actor) -> Plan:
    """The view is gone; the list and its records stay as they are."""
    _must_change(view, actor, None)
    change = Change(REGISTRY["saved_views"], "delete", view.id, {"name": view.name}, {}, view.version)
    return Plan((change,), action="view.delete")


def plan_first(kept: Kept, actor: Actor, kind: str, which: str) -> Plan:
    """What the list opens with for this person: ("view", "12" or "all"), ("scope", its name), or ("", "") as it comes."""
    changes = _unopened(kept)
    view = kept.find(int(which)) if kind == "view" and which != ALL else None
    if view is not None and not view.shared:
        changes = [each for each in changes if each.key != view.id]
        return Plan((*changes, *_update(view, {"is_default": True})), action="view.first")
    if kind:
        after = {"filters": [[kind, which]], "is_default": True}
        changes = [each for each in changes if kept.layout is None or each.key != kept.layout.id]
        changes += _layout(kept, actor, after)
    return Plan(tuple(changes), action="view.first")


def plan_order(kept: Kept, actor: Actor, keys: Iterable[int]) -> Plan:
    """The tabs in another order: one's own, and the shared ones for who may share."""
    places = {key: place for place, key in enumerate(keys)}
    changes: list[Change] = []
    for each in kept.views:
        if each.id in places and may_change(each, actor):
            changes += _update(each, {"position": places[each.id]})
    return Plan(tuple(changes), action="view.order")


def plan_layout(kept: Kept, actor: Actor, looks: Pairs) -> Plan:
    """How this person has the list where no view is open: columns with widths, rows, density."""
    asked = state(looks)
    after = {name: asked[name] for name in ("columns", "density", "rows_per_page")}
    return Plan(tuple(_layout(kept, actor, after)), action="view.columns")


def _layout(kept: Kept, actor: Actor, after: dict[str, Any]) -> list[Change]:
    if kept.layout is not None:
        return _update(kept.layout, after)
    row = {"screen": kept.screen, "name": LAYOUT, "kind": "layout", "app_user_id": actor.app_user_id, **after}
    return [Change(REGISTRY["saved_views"], "insert", None, {}, row)]


def _update(view: SavedView, after: dict[str, Any]) -> list[Change]:
    """One change with just the values that differ; none where nothing does."""
    before = {name: _plain(getattr(view, name)) for name in after}
    moved = {name: value for name, value in after.items() if value != before[name]}
    if not moved:
        return []
    was = {name: before[name] for name in moved}
    return [Change(REGISTRY["saved_views"], "update", view.id, was, moved, view.version)]


def _plain(value: Any) -> Any:
    """As the database keeps it: lists, not tuples."""
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _unopened(kept: Kept, shared: bool = False) -> list[Change]:
    """Whatever opens first for this person, or for everyone, no longer does; written before another takes its place."""
    mine = [each for each in (*kept.views, kept.layout) if each and each.is_default and each.shared == shared]
    return [change for each in mine for change in _update(each, {"is_default": False})]


def _named(name: str, kept: Kept, shared: bool, view: SavedView | None = None) -> str:
    try:
        settled = str(REGISTRY["saved_views"].field("name").parse(name))
    except Invalid as fault:
        raise Rejected({"name": str(fault)}) from None
    if not settled:
        raise Rejected({"name": "Give the view a name."})
    others = (each for each in kept.views if each.shared == shared and (view is None or each.id != view.id))
    taken = settled == LAYOUT or any(each.name.casefold() == settled.casefold() for each in others)
    if taken:
        raise Rejected({"name": "There is a view of this name over this list."})
    return settled


def _must_share(actor: Actor) -> None:
    if not actor.may(SHARE):
        raise NotAllowed("Your role keeps views for itself; an operations manager shares them.")


def _must_change(view: SavedView, actor: Actor, seen: int | None) -> None:
    if not may_change(view, actor):
        raise NotAllowed("This view is shared; your role opens it but does not change it. Save your own as a new one.")
    if seen is not None and seen != view.version:
        raise Stale(
            f"Somebody else changed “{view.name}” while you had it open. Nothing was changed; look at it again."
        )
