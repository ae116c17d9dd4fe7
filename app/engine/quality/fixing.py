"""Putting right: a fix worked out, rehearsed in a transaction that is taken back, applied as it was shown, looked at again.

What is written is one change set under the rule's key; undone, the problem is open again. Only whoever may fix problems
and holds every right the fix asks for on the records does it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from app.core.clock import now
from app.core.db import db
from app.engine import approvals, ledger
from app.engine.access import Actor
from app.engine.apply import REFUSALS, Receipt, apply, change, referred, rehearsal, sentence, write
from app.engine.approval_rules import NeedsApproval
from app.engine.approvals import Request, Within, executor, spelled
from app.engine.fields import Reference
from app.engine.ledger import Difference, Entry
from app.engine.plan import Plan, current
from app.engine.projection import projection
from app.engine.quality import looking
from app.engine.quality.rules import Fix, Fixed, Fixing, Rule
from app.engine.refusals import NotAllowed, NotFound, Refusal, Rejected, Stale
from app.engine.registry import REGISTRY


@dataclass(frozen=True)
class Finding:
    """One problem as it stands."""

    id: int
    rule_key: str
    status: str
    severity: str
    subject_type: str
    subject_id: int
    details: Mapping[str, Any]
    amount: Any
    currency: str | None
    note: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    ignored_until: datetime | None
    ignore_reason: str | None
    version: int


_COLUMNS = (
    "id, rule_key, status, severity, subject_type, subject_id, details, amount, currency, note, first_seen_at,"
    " last_seen_at, ignored_until, ignore_reason, version"
)
_ONE = text(f"SELECT {_COLUMNS} FROM data_quality_findings WHERE tenant_id = :tenant AND id = :id")
_ALL = text(f"SELECT {_COLUMNS} FROM data_quality_findings WHERE tenant_id = :tenant AND id = ANY(:ids)")
_OF = text(
    f"SELECT {_COLUMNS} FROM data_quality_findings WHERE tenant_id = :tenant AND rule_key = :rule AND status = 'open'"
    " AND subject_type = :table AND subject_id = :key"
)


def find(connection: Connection, actor: Actor, number: int) -> Finding:
    """One problem of the actor's company, whoever may see what it is about. Raises NotFound."""
    row = connection.execute(_ONE, {"tenant": actor.tenant_id, "id": number}).first()
    if row is None:
        raise NotFound("There is no such problem.")
    return Finding(*row)


def find_all(connection: Connection, actor: Actor, numbers: Sequence[int]) -> list[Finding]:
    """Some of them, in the order given."""
    rows = connection.execute(_ALL, {"tenant": actor.tenant_id, "ids": list(numbers)})
    known = {row.id: Finding(*row) for row in rows}
    return [known[number] for number in numbers if number in known]


def why_not(fix: Fix, actor: Actor) -> str | None:
    """Why this actor cannot put anything right this way, as a sentence; None when they may try."""
    missing = [each for each in ("dq.fix", *fix.may) if not actor.may(each)]
    return f"Your role does not do this; it needs the permission {' and '.join(missing)}." if missing else None


def work_out(connection: Connection, rule: Rule, fix: Fix, found: Finding, actor: Actor) -> tuple[Fixed, datetime]:
    """What a fix would do to one record as it stands. Raises a Refusal that says what stands in the way."""
    missing = why_not(fix, actor)
    if missing:
        raise NotAllowed(missing)
    resource = REGISTRY[found.subject_type]
    record = current(connection, projection(resource, actor), found.subject_id, actor)
    at = now()
    made = fix.plan(Fixing(connection, actor, resource, record, found.details, at))
    if not made.changes and not made.waives:
        raise NotAllowed("There is nothing to write: it is so already.")
    return replace(made, changes=tuple(each for each in made.changes if each.after or each.operation != "update")), at


def _plan(rule: Rule, fix: Fix, made: Fixed, at: datetime) -> Plan:
    return Plan(made.changes, action=f"quality.{rule.key}.{fix.key}", needs=made.needs, at=at)


def digest(plan: Plan) -> str:
    """What a person saw and pressed on: the same as long as the fix does the same."""
    return hashlib.sha256(json.dumps(spelled(plan), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Rehearsed:
    """One fix as the page shows it before anybody presses: nothing of it was kept."""

    fix: Fix
    says: str = ""
    entries: tuple[Entry, ...] = ()
    """Every record it would write, with its consequences, as this actor sees it."""
    seen: str = ""
    cures: bool = True
    needs: str = ""
    waives: bool = False
    why_not: str = ""


def rehearse(rule: Rule, fix: Fix, found: Finding, actor: Actor) -> Rehearsed:
    """Write a fix in earnest and take it back."""
    missing = why_not(fix, actor)
    if missing:
        return Rehearsed(fix, why_not=missing)
    entries: tuple[Entry, ...] = ()
    made, plan, cured = Fixed("", ()), Plan(()), True
    try:
        with rehearsal(actor, f"quality.{rule.key}.{fix.key}") as connection:
            connection.execute(_PATIENCE)
            made, at = work_out(connection, rule, fix, found, actor)
            plan = _plan(rule, fix, made, at)
            _write_all(connection, plan, actor)
            written = ledger.change_set(connection, actor, connection.info["change_set"])
            entries = _folded(ledger.entries(connection, written, actor, limit=200)) if written else ()
            cured = bool(made.waives) or not _still(connection, rule, found, actor)
    except Refusal as refused:
        return Rehearsed(fix, why_not=refused.sentence)
    needs = made.needs.sentence if made.needs else ""
    return Rehearsed(fix, made.says, entries, digest(plan), cured, needs, bool(made.waives))


def _folded(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """One entry a record, from how it is to how it becomes: a new document is written first and then its sums."""
    found: dict[tuple[str, str], Entry] = {}
    for each in entries:
        place = (each.table, each.record_id)
        first = found.get(place)
        if first is None:
            found[place] = each
            continue
        fields = {one.field.name: one for one in first.differences}
        for one in each.differences:
            was = fields.get(one.field.name)
            fields[one.field.name] = one if was is None else replace(was, after=one.after, after_label=one.after_label)
        found[place] = replace(first, differences=tuple(fields.values()), hidden=max(first.hidden, each.hidden))
    new = {(each.table, int(each.record_id)) for each in found.values() if each.operation == "insert"}
    return tuple(replace(each, differences=_told(each, new)) for each in found.values())


def _told(entry: Entry, new: set[tuple[str, int]]) -> tuple[Difference, ...]:
    """What of it is worth telling: not what comes back to what it was, nor what a new record leaves empty or at nothing,
    nor the keys of records that do not exist yet.
    """
    if entry.operation != "insert":
        return tuple(each for each in entry.differences if each.before != each.after)
    return tuple(
        each
        for each in entry.differences
        if each.after
        and each.field.name not in _OF_COURSE
        and not (isinstance(each.field, Reference) and (each.field.to, each.after) in new)
    )


_OF_COURSE = frozenset(("created_at", "updated_at", "created_by", "updated_by", "allocated_by", "stage_entered_at"))


def _write_all(connection: Connection, plan: Plan, actor: Actor) -> tuple[Any, ...]:
    written: list[Any] = []
    try:
        for each in plan.changes:
            written.append(write(connection, referred(each, written), actor))
    except REFUSALS as fault:
        raise sentence(fault, [each.resource for each in plan.changes]) from fault
    return tuple(written)


def _still(connection: Connection, rule: Rule, found: Finding, actor: Actor) -> bool:
    zone = connection.execute(_ZONE, {"tenant": actor.tenant_id}).scalar_one()
    there = looking.still(connection, rule, actor.tenant_id, zone, found.subject_type, [found.subject_id])
    return found.subject_id in there


def settle(connection: Connection, rule: Rule, fix: Fix, found: Finding, made: Fixed, actor: Actor) -> bool:
    """After the writing, in the same change set: look at the record again, and say what became of the problem."""
    values: dict[str, Any] = {
        "id": found.id,
        "me": actor.app_user_id,
        "set": connection.info["change_set"],
        "label": fix.label,
    }
    if made.waives:
        connection.execute(_WAIVED, values | {"why": made.waives})
        return True
    if _still(connection, rule, found, actor):
        note = "Somebody has the work now" if not made.cures else "It was done, and the problem still stands"
        said = f"{fix.label}: {note}. {made.says}"[:500]
        connection.execute(_NOTED, values | {"note": said})
        return False
    connection.execute(_FIXED, values)
    return True


@dataclass(frozen=True)
class Done:
    """What came of a press."""

    receipt: Receipt
    says: str
    cured: bool
    """Whether the problem is gone, as the rule itself found right afterwards."""


def put_right(
    rule: Rule,
    fix: Fix,
    found: Finding,
    actor: Actor,
    seen: str | None,
    stamp: Mapping[str, Any],
    *,
    why: str = "",
    approved: Request | None = None,
    within: Within | None = None,
) -> Done:
    """Apply one fix, whole or not at all, exactly as it was shown (`seen` is what `rehearse` answered).

    Raises NeedsApproval where a second person decides, Stale when it would do something else by now, and what stands in
    the way otherwise; in each case nothing was written.
    """
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as reading:
        if find(reading, actor, found.id).status != "open":
            raise Stale("Somebody has dealt with this already. Nothing was changed.")
        made, at = work_out(reading, rule, fix, found, actor)
        plan = _plan(rule, fix, made, at)
        if seen is not None and digest(plan) != seen:
            raise Stale("The records have changed since you looked, and the fix with them. Look at it again.")
    reason = " ".join(filter(None, (f"{rule.key}, {rule.title}: {made.says}", why)))[:1000]
    if made.needs is not None and approved is None:
        raise NeedsApproval(made.needs)
    cured: list[bool] = []
    if approved is not None:
        plan = replace(plan, needs=None, approved_by=approved.id)

    def afterwards(connection: Connection, _keys: tuple[Any, ...]) -> None:
        cured.append(settle(connection, rule, fix, found, made, actor))
        if within is not None:
            within(connection)

    if plan.empty:
        with change(actor, reason=reason, action=plan.action, **stamp) as connection:
            afterwards(connection, ())
            receipt = Receipt(connection.info["change_set"], (found.subject_id,), plan)
    else:
        receipt = apply(plan, actor, reason, within=afterwards, **stamp)
    return Done(receipt, made.says, cured[0])


def ask(rule: Rule, fix: Fix, found: Finding, actor: Actor, reason: str, stamp: Mapping[str, Any]) -> int:
    """Ask a second person for a fix that needs one; returns the request's id."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as reading:
        made, at = work_out(reading, rule, fix, found, actor)
        plan = _plan(rule, fix, made, at)
        if made.needs is None:
            raise Rejected({"": "This needs nobody's approval."})
    call = {"act": "quality", "rule": rule.key, "fix": fix.key, "finding": found.id, "changes": spelled(plan)}
    with change(actor, reason=reason, action="approval.ask", **stamp) as connection:
        return approvals.ask(
            connection, actor, made.needs, title=f"{fix.label}: {made.says}", what={"do": fix.label, "with": made.says},
            call=call, about=(found.subject_type, found.subject_id), reason=reason,
        )  # fmt: skip


@executor("quality")
def carry_out(request: Request, asker: Actor, within: Within) -> None:
    """The fix that was approved, and no other: worked out anew with the rights and records of now."""
    call = request.call or {}
    rule = looking.of_key(asker.tenant_id, str(call.get("rule")))
    if rule is None:
        raise NotAllowed("The rule this was about is not run any more.")
    fix = rule.fix_of(str(call.get("fix")))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as reading:
        found = find(reading, asker, int(call["finding"]))
        made, at = work_out(reading, rule, fix, found, asker)
        if json.loads(json.dumps(spelled(_plan(rule, fix, made, at)))) != call["changes"]:
            raise Stale("What this would do is not what was approved any more. Nothing was done; ask anew.")
    put_right(rule, fix, found, asker, None, {}, approved=request, within=within)


def open_of(connection: Connection, rule: Rule, tenant_id: int, table: str, key: int) -> Finding | None:
    """The open problem of one record by one rule."""
    row = connection.execute(_OF, {"tenant": tenant_id, "rule": rule.key, "table": table, "key": key}).first()
    return None if row is None else Finding(*row)


def written(
    connection: Connection, rule: Rule, fix: Fix, found: Finding, made: Fixed, plan: Plan, actor: Actor
) -> None:
    """Write one fix of many inside the batch's own change set. Raises what refuses it, and where it would cure nothing."""
    if plan.needs is not None:
        raise NotAllowed(f"{plan.needs.sentence} Ask for it on the problem itself.")
    _write_all(connection, plan, actor)
    if not settle(connection, rule, fix, found, made, actor) and made.cures:
        raise Rejected({"": "The problem would still stand afterwards."})


def planned(connection: Connection, rule: Rule, fix: Fix, found: Finding, actor: Actor) -> tuple[Fixed, Plan]:
    """What a fix of many would do to one record."""
    made, at = work_out(connection, rule, fix, found, actor)
    return made, _plan(rule, fix, made, at)


def keys(connection: Connection, rule: Rule, tenant_id: int, table: str, most: int) -> Sequence[int]:
    """The records of a table this rule accuses at this moment, the dearest first."""
    asked = {"tenant": tenant_id, "rule": rule.key, "table": table, "n": most}
    return list(connection.scalars(_KEYS, asked))


_PATIENCE = text("SELECT set_config('lock_timeout', '2s', true), set_config('statement_timeout', '15s', true)")
_ZONE = text("SELECT timezone FROM tenants WHERE id = :tenant")
_FIXED = text("""
UPDATE data_quality_findings SET status = 'fixed', fixed_by = :me, fixed_at = clock_timestamp(), fix_audit_id = :set,
    note = NULL, ignored_until = NULL WHERE id = :id AND status IN ('open', 'ignored')
""")
_WAIVED = text("""
UPDATE data_quality_findings SET status = 'ignored', ignore_reason = :why, ignored_until = NULL, note = NULL
WHERE id = :id AND status = 'open'
""")
_NOTED = text("UPDATE data_quality_findings SET note = :note WHERE id = :id")
_KEYS = text("""
SELECT subject_id FROM data_quality_findings WHERE tenant_id = :tenant AND rule_key = :rule AND status = 'open'
    AND subject_type = :table ORDER BY amount DESC NULLS LAST, first_seen_at, id LIMIT :n
""")
