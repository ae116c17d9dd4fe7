"""The only place that commits: every write passes here, whole or not at all, with an actor and a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, text, update
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from app.core.db import db
from app.engine.access import Actor
from app.engine.approval_rules import NeedsApproval
from app.engine.plan import Change, Made, Plan
from app.engine.refusals import Rejected, Stale
from app.engine.resource import Resource

_OPEN = text(
    "SELECT open_change_set(:actor_type, :app_user_id, :channel, :action, :reason, :request_id, CAST(:ip AS inet),"
    " :undoes_id, :tenant_id, api_key_id => :api_key_id, group_id => :group_id)"
)


@contextmanager
def transaction(engine: Engine | None = None) -> Iterator[Connection]:
    """One unit of work over tables that keep no history (sessions, health rows, metrics): committed at the end or not at all.

    `engine` where no application stands around it any more, as at the end of a file that was sent in a stream.
    """
    with (engine or db.engine).begin() as connection:
        yield connection


@contextmanager
def change(
    actor: Actor,
    *,
    reason: str | None = None,
    action: str | None = None,
    channel: str = "console",
    request_id: str | None = None,
    ip: str | None = None,
    undoes_id: int | None = None,
    group_id: int | None = None,
) -> Iterator[Connection]:
    """One unit of work inside an open change set: whatever it writes to governed tables is recorded under `actor`.

    The set's id is in `connection.info["change_set"]` for the receipt. An error rolls back rows and ledger alike.
    `group_id` is the first set of those applied together in batches; it is None for that one itself.
    """
    with db.engine.begin() as connection:
        connection.info["change_set"] = connection.execute(
            _OPEN,
            {
                "actor_type": actor.kind,
                # A set has one doer: of a key, whose it is stands with the key.
                "app_user_id": None if actor.kind == "api_key" else actor.app_user_id,
                "api_key_id": actor.api_key_id if actor.kind == "api_key" else None,
                "channel": channel,
                "action": action,
                "reason": reason,
                "request_id": request_id,
                "ip": ip,
                "undoes_id": undoes_id,
                "tenant_id": actor.tenant_id,
                "group_id": group_id,
            },
        ).scalar_one()
        yield connection


@contextmanager
def rehearsal(actor: Actor, action: str | None = None, channel: str = "console") -> Iterator[Connection]:
    """One unit of work that is taken back at its end, whatever happened in it: the real statements, and nothing stays.

    What it would enter into the ledger can be read inside, under the set in `connection.info["change_set"]`. Where nobody
    does, the channel "rehearsal" spares a quarter of the work; the database itself then refuses to keep any of it.
    """
    try:
        with change(actor, action=action, channel=channel) as connection:
            yield connection
            raise _TakenBack
    except _TakenBack:
        return


class _TakenBack(Exception):
    """The end of a rehearsal."""


@dataclass(frozen=True)
class Receipt:
    """What happened: the change set to undo it by, and the records it touched."""

    change_set: int | None
    keys: tuple[Any, ...]
    plan: Plan

    @property
    def key(self) -> Any:
        return self.keys[0]


def apply(
    plan: Plan,
    actor: Actor,
    reason: str | None = None,
    *,
    channel: str = "console",
    request_id: str | None = None,
    ip: str | None = None,
    undoes_id: int | None = None,
    within: Callable[[Connection, tuple[Any, ...]], None] | None = None,
) -> Receipt:
    """Write a plan, whole or not at all. Raises Stale when a record moved since it was planned, Rejected when the
    database refuses a value; in both cases nothing was changed.

    `within` is called with the connection and the keys written, to commit something of its own with the change.
    A plan that needs a second person is refused with NeedsApproval, whichever door it came through.
    """
    if plan.needs is not None:
        raise NeedsApproval(plan.needs)
    if plan.empty:
        if within is not None:
            with transaction() as connection:
                within(connection, ())
        return Receipt(plan.twin.change_set if plan.twin else None, (), plan)
    at: Change | None = None
    try:
        with change(
            actor, reason=reason, action=plan.action, channel=channel, request_id=request_id, ip=ip, undoes_id=undoes_id
        ) as connection:
            connection.info["approved_by"] = plan.approved_by
            written: list[Any] = []
            for at in plan.changes:
                written.append(write(connection, referred(at, written), actor))
            at, keys = None, tuple(written)
            number = connection.info["change_set"]
            if within is not None:
                within(connection, keys)
    except REFUSALS as fault:
        refused = sentence(fault, [each.resource for each in plan.changes])
        refused.key = at.key if at is not None else None
        raise refused from fault
    return Receipt(number, keys, plan)


REFUSALS = (IntegrityError, DataError, InternalError, ProgrammingError, NotSupportedError)
"""What the database raises when it takes a value ill, rather than when it is unwell."""


def referred(each: Change, written: Sequence[Any]) -> Change:
    """The change with the keys of what the same plan made before it, where it points there."""
    if not any(isinstance(value, Made) for value in each.after.values()):
        return each
    after = {name: written[value.place] if isinstance(value, Made) else value for name, value in each.after.items()}
    return replace(each, after=after)


def write(connection: Connection, each: Change, actor: Actor) -> Any:
    """One change inside somebody else's unit of work, with all that follows from it; returns the record's key."""
    if each.resource.writes is not None:
        return each.resource.writes(connection, each, actor)
    resource, table = each.resource, each.resource.table
    if each.operation == "insert":
        values = _new(connection, each, actor)
        if each.key is None:
            key = connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one()
        else:
            key = insert_as(connection, table, values | {"id": each.key})
        written: dict[str, Any] = {"id": key, **each.after}
    else:
        assert each.key is not None, "only a new record has no key yet"
        key = each.key
        here = [table.c.id == key]
        if each.version is not None:
            here.append(table.c.version == each.version)
        if each.operation == "delete":
            done = connection.execute(delete(table).where(*here))
            written = dict(each.before)
        else:
            # A number, for one, can only be taken while writing: taken earlier it would leave a gap when the write fails.
            values = {
                name: value(connection, actor) if callable(value) else value for name, value in each.after.items()
            }
            if resource.authored:
                values["updated_by"] = actor.app_user_id
            done = connection.execute(update(table).where(*here).values(**values))
            written = {"id": key, **each.before, **each.after}
        if done.rowcount != 1:
            raise Stale(
                f"This {resource.one} was changed by someone else at this very moment. Nothing was changed; look again."
            )
    for follow in resource.follow:
        follow(connection, written)
    return key


@contextmanager
def tried(connection: Connection, plan: Plan) -> Iterator[None]:
    """What is written inside stands or falls alone, the unit of work around it goes on. Raises Rejected or Stale."""
    try:
        with connection.begin_nested():
            yield
    except REFUSALS as fault:
        raise sentence(fault, [each.resource for each in plan.changes]) from fault


def rehearse(plan: Plan, actor: Actor) -> dict[int, str]:
    """Write a plan in a transaction that is rolled back: which of its changes would be refused, by their place, and why.

    A record somebody else is just changing counts as one that may be written.
    """
    found: dict[int, str] = {}
    with db.engine.connect() as connection, connection.begin() as unit:
        connection.execute(text("SET LOCAL lock_timeout = '300ms'"))
        for place, each in enumerate(plan.changes):
            try:
                with tried(connection, plan):
                    write(connection, each, actor)
            except (Rejected, Stale) as why:
                found[place] = why.sentence
            except OperationalError:
                continue
        unit.rollback()
    return found


def _new(connection: Connection, each: Change, actor: Actor) -> dict[str, Any]:
    """The values of a new row: tenant, author and number are given by the console, not by a form."""
    resource, values = each.resource, dict(each.after)
    if "tenant_id" in resource.table.c and "tenant_id" not in values:
        values["tenant_id"] = actor.tenant_id
    if resource.authored and each.key is None:
        values["created_by"] = values["updated_by"] = actor.app_user_id
    if resource.numbered and resource.code and not values.get(resource.code):
        values[resource.code] = next_number(connection, actor.tenant_id, resource.numbered)
    return values


def next_number(connection: Connection, tenant_id: int, kind: str) -> str:
    """The next human number of a kind, such as C-01090. The counter's row stays locked until the change is
    committed, which is what keeps numbers without gaps."""
    return next_numbers(connection, tenant_id, kind, 1)[0]


def next_numbers(connection: Connection, tenant_id: int, kind: str, count: int) -> list[str]:
    """The next so many of them, in order, for records that are made together."""
    asked = {"tenant": tenant_id, "kind": kind, "count": count}
    found = connection.execute(_NEXT, asked).first()
    if found is None:
        connection.execute(_FIRST, {"tenant": tenant_id, "kind": kind, "prefix": kind[:1].upper() + "-"})
        found = connection.execute(_NEXT, asked).one()
    prefix, padding, value = found
    return [f"{prefix}{each:0{padding}d}" for each in range(value, value + count)]


_NEXT = text(
    "UPDATE number_sequences SET next_value = next_value + :count WHERE tenant_id = :tenant AND kind = :kind"
    " RETURNING prefix, padding, next_value - :count"
)
_FIRST = text(
    "INSERT INTO number_sequences (tenant_id, kind, prefix) VALUES (:tenant, :kind, :prefix) ON CONFLICT DO NOTHING"
)


def insert_as(connection: Connection, table: Table, values: dict[str, Any]) -> int:
    """Bring a deleted row back under its old key, which an identity column gives out only when told to."""
    compiled = insert(table).values(**values).compile(dialect=connection.dialect)
    sql = str(compiled).replace(") VALUES (", ") OVERRIDING SYSTEM VALUE VALUES (", 1)
    processors: dict[str, Any] = dict(compiled._bind_processors)
    bound = {name: processors[name](value) if name in processors else value for name, value in compiled.params.items()}
    connection.exec_driver_sql(sql, bound)
    return int(values.get("id", 0))


def sentence(fault: DBAPIError, resources: Sequence[Resource]) -> Rejected:
    """What the database said, as a sentence beside the field it is about; raises `fault` where that is none.

    `resources` are those that were written; the first is meant where the database names no table.
    """
    details = getattr(fault.orig, "diag", None)
    constraint = getattr(details, "constraint_name", None) or ""
    table = getattr(details, "table_name", None)
    resource = next((each for each in resources if each.name == table), resources[0])
    if constraint in resource.sentences:
        field, sentence = resource.sentences[constraint]
        return Rejected({field: sentence})
    named = getattr(details, "column_name", None)
    column = resource.field_of(named) if named else _column_of(constraint, resource)
    state = getattr(fault.orig, "sqlstate", "") or ""
    message = getattr(details, "message_primary", None) or "The database refused this."
    if state == "23505":
        label = resource.field(column).title.lower() if resource.has(column) else "of these"
        return Rejected({column: f"Another {resource.one} already has this {label}."})
    if state == "23503":
        return Rejected(
            {
                "": f"Other records still point at this {resource.one}, or it points at one that is gone. Nothing was changed."
            }
        )
    if state == "23502":
        return Rejected({column: "This cannot be empty."})
    if state == "23514":
        return Rejected(
            {
                column
                if resource.has(column)
                else "": f"These values do not go together ({constraint.removeprefix('ck_').replace('_', ' ')})."
            }
        )
    if state.startswith("22"):
        return Rejected({column if resource.has(column) else "": "A value is too large or has the wrong form."})
    if state == "42501":
        return Rejected({"": "The database does not let the console change this."})
    if state in ("P0001", "23001"):  # what our own triggers refuse, in their words
        return Rejected({"": message})
    if not resource.declared:  # rules of others, which nobody here could foresee: in the database's own words
        return Rejected({"": f"The database refused this: {message}."})
    raise fault


def _column_of(constraint: str, resource: Resource) -> str:
    """The field a constraint speaks of, by the names our migrations give: uq_customers_tenant_id_number -> number."""
    rest = constraint.split(f"_{resource.name}_", 1)[-1]
    names = [each.name for each in resource.fields if each.name in rest]
    return max(names, key=len, default="")
