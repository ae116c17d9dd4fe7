"""Asked, decided, carried out: an act that needs a second person is kept as the exact call, bound by its digest.

Who wants it asks (`ask`); somebody else decides on the record of the request; `carry_out` then runs that call and no
other, in the name of who asked and with the rights they hold by then. Each kind of call has an executor, registered by
name, which must end in one transaction that also calls `within`: so an act runs once, whoever carries it out and however
often.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Connection, text

from app.core.clock import now
from app.core.db import db
from app.engine.access import SYSTEM, Actor
from app.engine.actions import Action
from app.engine.apply import apply, change
from app.engine.approval_rules import Need, deciders, person
from app.engine.plan import Change, Made, Plan, plan_move
from app.engine.refusals import NotAllowed, NotFound, Refusal, Rejected, Stale
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.states import Transition
from app.engine.values import GIVEN

LASTS = timedelta(days=7)
"""How long a request waits where who asks names no day."""
MOST = timedelta(days=31)
LONGEST_WORDS = 1000

Within = Callable[[Connection], None]
"""Called inside the transaction that does the act: notes it as carried out, or ends it when that was done already."""


@dataclass(frozen=True)
class Request:
    """A request as it was asked, with where it stands."""

    id: int
    tenant_id: int
    kind: str
    title: str
    status: str
    requested_by: int | None
    payload: Mapping[str, Any]
    payload_hash: bytes
    decided_by: int | None

    @property
    def call(self) -> Mapping[str, Any] | None:
        """What is carried out once approved; None where whoever asked does it by hand."""
        found = self.payload.get("call")
        return found if isinstance(found, Mapping) else None

    @property
    def is_unaltered(self) -> bool:
        """Whether it still is what was asked, to the letter."""
        return hmac.compare_digest(digest(self.payload), self.payload_hash)


Executor = Callable[[Request, Actor, Within], None]
"""(the request, who asked with their rights of this moment, `within`). Raises a Refusal that says what stands in the way."""
EXECUTORS: dict[str, Executor] = {}


def executor(name: str) -> Callable[[Executor], Executor]:
    """Make the decorated function what carries out calls of that name."""

    def register(function: Executor) -> Executor:
        EXECUTORS[name] = function
        return function

    return register


Rehearsal = Callable[[Connection, Request], Sequence[Change]]
REHEARSALS: dict[str, Rehearsal] = {}


def rehearses(name: str) -> Callable[[Rehearsal], Rehearsal]:
    """Make the decorated function what shows the records a call of that name would change."""

    def register(function: Rehearsal) -> Rehearsal:
        REHEARSALS[name] = function
        return function

    return register


def digest(payload: Any) -> bytes:
    """SHA-256 of a payload however the database or a program spells it."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).digest()


# -- asking ----------------------------------------------------------------------------------------------------------


def ask(
    connection: Connection,
    actor: Actor,
    need: Need,
    *,
    title: str,
    what: Mapping[str, Any],
    call: Mapping[str, Any],
    about: tuple[str, int],
    reason: str | None,
    expires: datetime | None = None,
) -> int:
    """Keep what `actor` wants done until somebody else decides, and tell those who may; returns the request's id.

    Call it on a connection inside an open change set. `what` are the words of the request ("do", "with", ...), `call`
    names its executor in "act" and carries all it needs as plain JSON (no floats: the digest must survive the database).
    `about` is (table, key) of the record it is about.
    """
    why = (reason or "").strip()[:LONGEST_WORDS]
    if not why:
        raise Rejected({"reason": "Say why; whoever decides reads it, and the history keeps it."})
    if actor.app_user_id is None:
        raise NotAllowed("Only a person asks for an approval.")
    until = _until(expires)
    payload = {**what, "why": why, "call": dict(call)}
    if need.amount is not None:
        payload |= {"amount": f"{need.amount:.2f}", "currency": need.currency or "USD"}
    if need.size > 1:
        payload["records"] = need.size
    values = {
        "tenant": actor.tenant_id,
        "kind": need.kind,
        "title": title[:300],
        "payload": json.dumps(payload),
        "hash": digest(payload),
        "amount": need.amount,
        "currency": (need.currency or "USD") if need.amount is not None else None,
        "risk": need.rule.risk,
        "by": actor.app_user_id,
        "decides": need.rule.decides,
        "until": until,
        "table": about[0],
        "key": about[1],
    }
    open_already = connection.execute(_SAME, values).scalar()
    if open_already is not None:
        raise Rejected({"": f"The same was asked for already and waits to be decided (request {open_already})."})
    made = int(connection.execute(_ASK, values).scalar_one())
    for key, _name in deciders(connection, actor.tenant_id, need.rule.decides, but=actor.app_user_id):
        tell(connection, actor.tenant_id, key, made, "approval.waiting", f"{actor.name} asks: {title}", why, "warning")
    return made


def _until(expires: datetime | None) -> datetime:
    at = now()
    if expires is None:
        return at + LASTS
    if not at < expires <= at + MOST:
        raise Rejected({"expires": "Choose a day from today on, within a month."})
    return expires


def ask_to_move(
    connection: Connection,
    actor: Actor,
    plan: Plan,
    asked: Mapping[str, Any],
    reason: str | None,
    title: str,
    label: str,
    expires: datetime | None = None,
) -> int:
    """Ask for a move of one record as it was planned: its plan, record and version are what will be approved."""
    need, moved = plan.needs, plan.changes[0]
    assert need is not None, "asked only for what needs it"
    call = {
        "act": "move",
        "table": moved.resource.name,
        "key": moved.key,
        "move": (plan.action or "").rpartition(".")[2],
        "asked": {name: moved.resource.field(name).typed(value) for name, value in asked.items()},
        "changes": spelled(plan),
    }
    what = {"do": label, "with": title}
    named = f"{label}: {title}"
    return ask(
        connection, actor, need, title=named, what=what, call=call, about=(moved.resource.name, moved.key), reason=reason,
        expires=expires,
    )  # fmt: skip


def spelled(plan: Plan) -> list[dict[str, Any]]:
    """Every change of a plan as JSON that reads the same as long as the plan does the same."""
    return [
        {
            "table": each.resource.name,
            "key": each.key,
            "operation": each.operation,
            "version": each.version,
            "before": {name: _plain(value, plan.at) for name, value in each.before.items()},
            "after": {name: _plain(value, plan.at) for name, value in each.after.items()},
        }
        for each in plan.changes
    ]


def _plain(value: Any, at: datetime | None) -> Any:
    """A value as JSON that reads the same tomorrow; the moment of the act itself and a number still to be drawn as such."""
    if callable(value) or isinstance(value, Made):
        return {GIVEN: str(value)}
    if at is not None and value == at:
        return {GIVEN: "the moment it is done"}
    if isinstance(value, Decimal | float):
        return f"{Decimal(str(value)).normalize():f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(inner, at) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner, at) for inner in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)


# -- carrying out ----------------------------------------------------------------------------------------------------


def find(connection: Connection, key: int) -> Request | None:
    """A request by its key, whoever asks."""
    row = connection.execute(_FIND, {"id": key}).first()
    return None if row is None else Request(*row)


def carry_out(key: int) -> str | None:
    """Run what was approved, once. Returns None when it is done, by this call or by another at the very moment (whoever
    decides and the worker both see to it), else the sentence that says why it was not; a request whose act is refused is
    marked as failed with that sentence, and nothing else runs in its place.
    """
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        request = find(connection, key)
        if request is None or request.status != "approved" or request.call is None:
            return None
        asker = person(connection, request.requested_by)
    run = EXECUTORS.get(str(request.call.get("act")))
    try:
        if not request.is_unaltered:
            raise NotAllowed(
                "What was approved is not what stands here now: the request was altered. Nothing was done."
            )
        if run is None:
            raise NotAllowed("The console does not know how to carry this out.")
        if asker is None:
            raise NotAllowed("Whoever asked for this may not work here any more. Nothing was done.")
        run(request, asker, lambda connection: _done(connection, request))
    except Refusal as refused:
        return refused.sentence if _failed(request, refused.sentence) else None
    return None


class Done(Refusal):
    """Somebody else carried it out at this very moment."""


def _done(connection: Connection, request: Request) -> None:
    """In a change set of its own, so that taking the act back leaves the request carried out, and never runs it again."""
    values = {"tenant": request.tenant_id, "key": request.id}
    connection.execute(_OPEN, values | {"action": "approval.execute"})
    if connection.execute(_EXECUTED, values).rowcount != 1:
        raise Done("This was carried out already.")


def _failed(request: Request, sentence: str) -> bool:
    """Mark it as failed and tell who asked; False where another has carried it out meanwhile, which is why it was refused."""
    with db.engine.connect() as connection:
        stands = find(connection, request.id)
    if stands is None or stands.status == "executed":
        return False
    with change(SYSTEM(request.tenant_id), action="approval.fail", channel="system") as connection:
        if connection.execute(_FAILED, {"key": request.id, "error": sentence[:LONGEST_WORDS]}).rowcount != 1:
            return True  # the other was refused as well, and said so
        if request.requested_by is not None:
            tell(
                connection, request.tenant_id, request.requested_by, request.id, "approval.failed",
                f"Approved, but not done: {request.title}", sentence, "critical",
            )  # fmt: skip
    return True


@executor("move")
def move(request: Request, asker: Actor, within: Within) -> None:
    """One move of one record: planned anew with the rights and rules of now, and done only if that is what was approved."""
    call = cast(Mapping[str, Any], request.call)
    resource = REGISTRY[str(call["table"])]
    step = _step(resource, str(call["move"]))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        asked = {name: resource.field(name).parse(value) if value else None for name, value in call["asked"].items()}
        why = str(request.payload.get("why", ""))
        plan = plan_move(connection, resource, call["key"], step, asked, asker, why)
        if json.loads(json.dumps(spelled(plan))) != call["changes"]:
            raise Stale(_moved(plan, call, resource))
        by = connection.execute(_NAME, {"id": request.decided_by}).scalar()
    reason = f"{why} (approved by {by}, request {request.id})"[:LONGEST_WORDS]
    released = replace(plan, needs=None, approved_by=request.id)
    apply(released, asker, reason, within=lambda connection, _keys: within(connection))


def _step(resource: Resource, key: str) -> Transition | Action:
    found: Transition | Action | None = resource.lifecycle.find(key) if resource.lifecycle else None
    found = found or next((each for each in resource.actions if each.key == key), None)
    if found is None:
        raise NotFound("The console does not make this move any more.")
    return found


def _moved(plan: Plan, call: Mapping[str, Any], resource: Resource) -> str:
    """Which record moved, and in what, since the request was made."""
    planned = call["changes"][0] if call["changes"] else {}
    what = f"This {resource.one}"
    if plan.changes and plan.changes[0].version != planned.get("version"):
        return f"{what} was changed after this was asked for. Nothing was done; look again and ask anew."
    return f"What this would do to the {resource.one} is not what was approved any more. Nothing was done; ask anew."


def rehearsal(connection: Connection, request: Request) -> list[Change]:
    """Before and after of every record a request names, as values of their columns; none where it names no change."""
    by = REHEARSALS.get(str((request.call or {}).get("act")))
    if by is not None:
        return list(by(connection, request))
    changes = []
    for each in (request.call or {}).get("changes", ()):
        resource = REGISTRY.get(str(each["table"]))
        if resource is None:
            continue
        before, after = (
            {name: value for name, value in each[side].items() if name in resource.table.c}
            for side in ("before", "after")
        )
        changes.append(Change(resource, each["operation"], each["key"], before, after, each["version"]))
    return changes


# -- time and notices ------------------------------------------------------------------------------------------------


def expire(connection: Connection, tenant_id: int) -> list[tuple[int, str, int | None]]:
    """End what nobody decided in time; (id, title, who asked) of each. Call it inside an open change set."""
    return [(row.id, row.title, row.requested_by) for row in connection.execute(_EXPIRE, {"tenant": tenant_id})]


def tell(
    connection: Connection,
    tenant_id: int,
    whom: int,
    request: int,
    kind: str,
    title: str,
    body: str,
    severity: str = "info",
) -> None:
    """A notice that leads to a request; called inside an open change set."""
    notice = {
        "tenant": tenant_id, "person": whom, "kind": kind, "severity": severity, "title": title[:300], "body": body[:1000],
        "request": request, "matter": f"{kind}:{request}",
    }  # fmt: skip
    connection.execute(_TELL, notice)


_SAME = text("""
SELECT id FROM approval_requests WHERE tenant_id = :tenant AND status = 'pending' AND kind = :kind AND subject_type = :table
    AND subject_id = :key AND payload_hash = :hash AND coalesce(expires_at > now(), true) LIMIT 1
""")
_ASK = text("""
INSERT INTO approval_requests (tenant_id, kind, title, payload, payload_hash, amount, currency, risk, requested_by,
    approver_permission, expires_at, subject_type, subject_id)
VALUES (:tenant, :kind, :title, CAST(:payload AS jsonb), :hash, :amount, :currency, :risk, :by, :decides, :until, :table, :key)
RETURNING id
""")
_FIND = text("""
SELECT id, tenant_id, kind, title, status, requested_by, payload, payload_hash, decided_by
FROM approval_requests WHERE id = :id
""")
_OPEN = text(
    "SELECT open_change_set('system', NULL, 'system', :action, NULL, NULL, NULL, NULL, CAST(:tenant AS bigint))"
)
_EXECUTED = text("""
UPDATE approval_requests SET status = 'executed', executed_at = clock_timestamp(), error = NULL
WHERE id = :key AND status = 'approved'
""")
_FAILED = text("UPDATE approval_requests SET status = 'failed', error = :error WHERE id = :key AND status = 'approved'")
_EXPIRE = text("""
UPDATE approval_requests SET status = 'expired' WHERE tenant_id = :tenant AND status = 'pending' AND expires_at <= now()
RETURNING id, title, requested_by
""")
_NAME = text("SELECT display_name FROM app_users WHERE id = :id")
_TELL = text("""
INSERT INTO user_notifications (tenant_id, app_user_id, kind, severity, title, body, link, subject_type, subject_id, dedupe_key)
VALUES (:tenant, :person, :kind, :severity, :title, :body, '/platform/approval_requests/' || :request, 'approval_requests',
        :request, :matter)
""")
