"""Edits planned and written in one go, and planned anew where somebody was quicker by a moment: so two people who save at
the same instant merge or are asked, as if one had come after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from app.engine.access import Actor
from app.engine.apply import Receipt, apply
from app.engine.fields import FORM, Edit
from app.engine.plan import Plan, Wanted, plan_edit, plan_edits
from app.engine.refusals import Stale
from app.engine.resource import Resource

TRIES = 4


def save_edit(
    connection: Connection,
    resource: Resource,
    wanted: Wanted,
    actor: Actor,
    reason: str | None = None,
    where: Edit = FORM,
    **stamp: Any,
) -> tuple[Plan, Receipt]:
    """Write what is wanted of one record. `connection` must see what others commit meanwhile.

    Raises Stale for a true clash, Rejected and NotAllowed as planning and applying do; nothing is written then.
    """
    return _persist(
        lambda: plan_edit(
            connection, resource, wanted.key, wanted.values, wanted.seen, actor, where=where, base=wanted.base
        ),
        resource,
        actor,
        reason,
        stamp,
    )


def save_edits(
    connection: Connection,
    resource: Resource,
    wanted: Sequence[Wanted],
    actor: Actor,
    reason: str | None = None,
    where: Edit = FORM,
    **stamp: Any,
) -> tuple[Plan, Receipt]:
    """The same for several records as one change set, whole or not at all. Raises SomeRefused as `plan_edits` does."""
    return _persist(lambda: plan_edits(connection, resource, wanted, actor, where), resource, actor, reason, stamp)


def _persist(planned: Any, resource: Resource, actor: Actor, reason: str | None, stamp: Any) -> tuple[Plan, Receipt]:
    for left in reversed(range(TRIES)):
        plan = planned()
        try:
            return plan, apply(plan, actor, reason, **stamp)
        except Stale:
            # What a table of others held when its form was opened is known by comparison with one reading of it only.
            if not left or not resource.declared:
                raise
    raise AssertionError("the last try either wrote or raised")
