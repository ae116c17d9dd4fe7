"""A found record as it is shown: its name and what tells it from one of the same name, masked as anywhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.engine.access import Actor
from app.engine.fields import Choice, Date, Field, Moment, Reference, Secret
from app.engine.listing import compiled, row_scope, run, shown
from app.engine.projection import Projection
from app.engine.references import label_join
from app.engine.resource import Resource
from app.engine.search.question import Question

TOLD = 2
"""So many things beside the name are enough to tell two records apart."""


@dataclass(frozen=True)
class Card:
    """One record of a search's answer."""

    resource: Resource
    key: Any
    address_key: Any
    """By which its address names it."""
    title: str
    code: str | None
    status: tuple[Choice, Any] | None
    told: tuple[tuple[Field, Any], ...]
    """Further fields with their values, labels in the place of references."""

    @property
    def href(self) -> str:
        return f"{self.resource.path}/{self.address_key}"


_kept: dict[Any, tuple[str, dict[str, Any], _Plan]] = {}


@dataclass(frozen=True)
class _Plan:
    names: tuple[str, ...]
    labels: dict[str, int]
    status: str | None
    told: tuple[str, ...]
    searched: tuple[str, ...]
    """Columns a search may have found it by that the name and number do not show."""
    led: int | None
    """The place of the keys asked for that were merged into this record."""


def cards(
    connection: Connection, view: Projection, keys: Sequence[int], actor: Actor, asked: Question | None = None
) -> dict[int, Card]:
    """The records of these keys that this actor may read, by key, in one statement; with what `asked` was found in.

    A key that was merged into another record stands for that one: old names and numbers find what they became.
    """
    if not keys:
        return {}
    shape = (view.resource.identity, view.permissions)
    kept = _kept.get(shape)
    if kept is None:
        if len(_kept) > 2_000:
            _kept.clear()
        kept = _kept[shape] = _prepare(view, actor)
    sql, constants, plan = kept
    rows = run(connection, sql, constants | {"tenant": actor.tenant_id, "me": actor.app_user_id, "keys": list(keys)})
    found: dict[int, Card] = {}
    for row in rows:
        card = _card(view, plan, row, asked)
        led = row[plan.led] or () if plan.led is not None else ()
        found |= dict.fromkeys((row[0], *led), card)
    return found


def _card(view: Projection, plan: _Plan, row: tuple[Any, ...], asked: Question | None) -> Card:
    resource = view.resource
    values = dict(zip(plan.names, row[1:], strict=False))
    for name in view.masked & values.keys():
        values[name] = view.by_name[name].mask(values[name])
    title = values.get(resource.title)
    code = values.get(resource.code) if resource.code and resource.code != resource.title else None
    status = view.by_name.get(plan.status or "")
    said = [name for name in plan.searched if asked and asked.occurs_in(str(values[name] or ""))]
    told = []
    for name in dict.fromkeys((*said[:1], *plan.told)):
        value = row[plan.labels[name]] if name in plan.labels else values.get(name)
        if value not in (None, "", code, title):
            told.append((view.by_name[name], value))
    return Card(
        resource,
        row[0],
        values[resource.named_by] if resource.named_by else row[0],
        str(title) if title not in (None, "") else f"{resource.one.capitalize()} {row[0]}",
        None if code in (None, "") else str(code),
        (status, values[status.name]) if isinstance(status, Choice) and values[status.name] is not None else None,
        tuple(told[:TOLD]),
    )


def _prepare(view: Projection, actor: Actor) -> tuple[str, dict[str, Any], _Plan]:
    resource = view.resource
    badge = resource.badge or (resource.lifecycle.field if resource.lifecycle else "status")
    told = _telling(view, badge)
    searched = tuple(name for name in view.searched if name not in (resource.title, resource.code))
    wanted = [resource.title, resource.code, badge, resource.named_by, *(each.name for each in told), *searched]
    names = tuple(name for name in dict.fromkeys(wanted) if name and name in view.by_name)
    key = resource.table.c[resource.keys[0]]
    columns = [key.label("key"), *(shown(resource, view.by_name[name]).label(f"c{n}") for n, name in enumerate(names))]
    keys = any_(bindparam("keys", type_=ARRAY(BigInteger)))
    these, led = key == keys, None
    if resource.merged_into:
        old = resource.table.alias("old")
        into = old.c[resource.merged_into]
        these = key.in_(select(func.coalesce(into, old.c.id)).where(old.c.id == keys))
        led = len(columns)
        merged = select(func.array_agg(old.c.id)).where(into == key, old.c.id == keys)
        columns.append(merged.scalar_subquery().label("led"))
    found = select(*columns).where(these, *row_scope(view, actor)).subquery("found")
    every: list[Any] = list(found.c)
    sources: Any = found
    labels: dict[str, int] = {}
    for each in told:
        if not isinstance(each, Reference):
            continue
        joined = label_join(each, found.c[f"c{names.index(each.name)}"], view.permissions)
        if joined is not None:
            target, on, label = joined
            sources = sources.outerjoin(target, on)
            labels[each.name] = len(every)
            every.append(label)
    sql, constants = compiled(select(*every).select_from(sources))
    tellers = tuple(each.name for each in told if not isinstance(each, Reference) or each.name in labels)
    return sql, constants, _Plan(names, labels, badge if badge in names else None, tellers, searched, led)


def _telling(view: Projection, badge: str) -> list[Field]:
    """What it belongs to, where it is, whose it is, when it is due: the first of each the declaration lists."""
    resource = view.resource
    rest = [
        each
        for each in view.fields
        if each.name not in (resource.title, resource.code, badge) and each.expr is None and not isinstance(each, Secret)
        and each.name not in view.masked
    ]  # fmt: skip

    things = [each for each in rest if isinstance(each, Reference) and each.as_ != "person" and each.list]
    places = [each for each in rest if each.name.endswith("city") or each.name == "folder"]
    days = [each for each in rest if isinstance(each, Date) and each.list]
    people = [each for each in rest if isinstance(each, Reference) and each.as_ == "person" and each.list]
    moments = [each for each in rest if isinstance(each, Moment) and each.list]
    kinds: list[list[Field]] = [[*things], [*places], [*days], [*people], [*moments]]
    return [each[0] for each in kinds if each]
