"""All of a queue put right in one go: a stored plan like any other bulk fix, rehearsed, decided by two where it is large,
applied in batches by the worker, undone as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from app.engine.access import Actor
from app.engine.bulk.work import MAKERS, Item, Outcome, Work, refused
from app.engine.plan import Plan
from app.engine.quality import fixing, looking
from app.engine.quality.rules import Fix, Fixed, Rule
from app.engine.refusals import NotAllowed, NotFound, Refusal
from app.engine.resource import Resource

KIND = "quality"
MOVED = "Another fix of this plan has changed what it is about; look at it by itself afterwards."


def edits(rule: Rule, fix: Fix) -> dict[str, Any]:
    """What a stored plan keeps of it."""
    return {"kind": KIND, "rule": rule.key, "fix": fix.key}


@dataclass(frozen=True)
class FixWork:
    """One fix of one rule over its records."""

    resource: Resource
    rule: Rule
    fix: Fix
    actor: Actor
    danger: bool = False
    columns: tuple[str, ...] | None = None

    @property
    def title(self) -> str:
        return f"{self.fix.label} ({self.rule.key}, {self.rule.title[:1].lower()}{self.rule.title[1:]})"

    @property
    def action(self) -> str:
        return f"quality.{self.rule.key}.{self.fix.key}"

    def outcome(self, connection: Connection, row: Mapping[str, Any]) -> Outcome:
        try:
            made, plan = self._planned(connection, row["id"])
        except NotFound as gone:
            return Outcome("already", why=gone.sentence)
        except Refusal as fault:
            return refused("rule", fault.sentence)
        if plan.needs is not None:
            return refused("permission", f"{plan.needs.sentence} Ask for it on the problem itself.")
        return Outcome("changes", *self._own(plan, row["id"]), why=made.says)

    def _own(self, plan: Plan, key: int) -> tuple[dict[str, Any], tuple[str, ...]]:
        """What becomes of the record itself, and which of it is only given at that moment."""
        mine = next((each for each in plan.changes if each.resource is self.resource and each.key == key), None)
        after = dict(mine.after) if mine is not None and mine.operation == "update" else {}
        return after, tuple(name for name, value in after.items() if callable(value) or value == plan.at)

    def _planned(self, connection: Connection, key: int) -> tuple[Fixed, Plan]:
        found = fixing.open_of(connection, self.rule, self.actor.tenant_id, self.resource.name, key)
        if found is None:
            raise NotFound("The problem is gone already.")
        return fixing.planned(connection, self.rule, self.fix, found, self.actor)

    def write(self, connection: Connection, items: Sequence[Item]) -> None:
        for each in items:
            found = fixing.open_of(connection, self.rule, self.actor.tenant_id, self.resource.name, each.key)
            if found is None:
                raise NotAllowed("The problem is gone already.")
            made, plan = fixing.planned(connection, self.rule, self.fix, found, self.actor)
            after, given = self._own(plan, each.key)
            if {k: v for k, v in after.items() if k not in given} != {
                k: v for k, v in each.after.items() if k not in given
            }:
                raise NotAllowed(MOVED)
            fixing.written(connection, self.rule, self.fix, found, made, plan, self.actor)


def _made(connection: Connection, resource: Resource, edits: Mapping[str, Any], actor: Actor, _reason: str) -> Work:
    rule = looking.of_key(actor.tenant_id, str(edits.get("rule")))
    if rule is None:
        raise NotAllowed("The rule this was about is not run any more.")
    fix = rule.fix_of(str(edits.get("fix")))
    missing = fixing.why_not(fix, actor)
    if missing or not fix.at_once:
        raise NotAllowed(missing or "These are put right one by one.")
    return FixWork(resource, rule, fix, actor)


MAKERS[KIND] = _made
