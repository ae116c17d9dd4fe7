"""One change of a table nobody declared: guarded by the row's own version, and in the ledger whether or not it is governed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Text, cast, delete, func, insert, literal_column, select, text, update

from app.engine.apply import insert_as
from app.engine.plan import Change
from app.engine.reflect.reflected import SECRET_VALUE
from app.engine.refusals import NotAllowed, Stale

if TYPE_CHECKING:
    from app.engine.access import Actor
    from app.engine.reflect.reflected import Reflected

_UTC = text("SELECT set_config('timezone', 'UTC', true)")
# Rows travel as text: parsed into Python, a long number would come back another.
_RECORD = text(
    "SELECT record_here(CAST(:target AS regclass), :record, :operation, CAST(:was AS jsonb), CAST(:now AS jsonb),"
    " CAST(:secrets AS text[]))"
)


def write(connection: Connection, change: Change, actor: Actor) -> Any:
    """Write it and have it recorded; returns the record's key. Raises Stale where the row is another by now."""
    resource: Any = change.resource
    if resource.read_only:  # closed while the form was open
        raise NotAllowed(resource.read_only)
    connection.execute(_UTC)  # the ledger keeps moments in UTC, as its triggers do
    if change.operation == "insert":
        return _insert(connection, resource, change, actor)
    was = _row(connection, resource, change.key, change.version)
    if was is None:
        raise Stale("This row was changed by someone else at this very moment. Nothing was changed; look again.")
    here = resource.is_record()
    asked = resource.key_values(change.key)
    if change.operation == "delete":
        done = connection.execute(delete(resource.table).where(*here), asked)
        now = None
    else:
        # Names of columns may be any parameter's name, so the values are bound apart from the key.
        values = {resource.table.c[name]: value for name, value in change.after.items()}
        done = connection.execute(update(resource.table).where(*here).values(values), asked)
        now = _row(connection, resource, change.key, None)
    if done.rowcount != 1:
        raise Stale(
            "The database did not change exactly this row: rules or triggers of its own stand in the way. Nothing was changed."
        )
    _record(connection, resource, change.key, change.operation, was, now)
    return change.key


def _insert(connection: Connection, resource: Reflected, change: Change, actor: Actor) -> Any:
    table = resource.table
    given = {name: value for name, value in change.after.items() if value != SECRET_VALUE}
    if resource.tenanted:
        given.setdefault(resource.field_of("tenant_id"), actor.tenant_id)
    fixed = any(resource.places[name].column.identity == "a" for name in given if name in resource.places)
    if change.key is not None and fixed:
        insert_as(connection, table, {name: value for name, value in given.items() if not _generated(resource, name)})
        key = change.key
    else:
        statement = insert(table).values({table.c[name]: value for name, value in given.items()})
        row = connection.execute(statement.returning(*(table.c[name] for name in resource.key))).one()
        key = resource.key_of(dict(zip(resource.key, row, strict=True)))
    _record(connection, resource, key, "insert", None, _row(connection, resource, key, None))
    return key


def _generated(resource: Reflected, name: str) -> bool:
    return name in resource.places and resource.places[name].column.generated


def _row(connection: Connection, resource: Reflected, key: Any, version: int | None) -> Any:
    """The whole row as the ledger keeps it, locked; None where it is gone or, with `version`, another by now."""
    whole = resource.table.alias("whole_row")
    conditions = resource.is_record(whole.c)
    if version is not None and resource.row_version:
        conditions.append(whole.c[resource.row_version] == version)
    statement = select(cast(func.to_jsonb(literal_column("whole_row")), Text)).select_from(whole).where(*conditions)
    return connection.execute(statement.with_for_update(), resource.key_values(key)).scalar()


def _record(connection: Connection, resource: Reflected, key: Any, operation: str, was: Any, now: Any) -> None:
    secrets = [place.column.name for place in resource.places.values() if place.field.type == "secret"]
    connection.execute(
        _RECORD,
        {
            "target": resource.regclass,
            "record": resource.ledger_key(connection, key),
            "operation": operation,
            "was": was,
            "now": now,
            "secrets": secrets,
        },
    )
