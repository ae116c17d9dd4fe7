"""What people decide about a table nobody declared: what its columns hold, whether it is edited, whether it is governed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.engine.access import Actor
from app.engine.apply import Receipt, change
from app.engine.plan import Plan
from app.engine.reflect import guesses
from app.engine.reflect.reflected import Reflected, quoted
from app.engine.refusals import NotAllowed, Rejected

TRIGGERS = ("ledger_insert", "ledger_update", "ledger_delete", "ledger_truncate")
_CLASSES = (guesses.OPEN, guesses.PERSONAL, guesses.SECRET)


def classify(
    resource: Reflected, said: Mapping[str, str], actor: Actor, reason: str | None, **stamp: Any
) -> Receipt | None:
    """Keep what each column holds; those said to hold what is known already are left alone. None when nothing is new."""
    known = {place.column.name for place in resource.places.values()}
    wrong = next((name for name, kind in said.items() if name not in known or kind not in _CLASSES), None)
    if wrong is not None:
        raise Rejected({"": f"“{wrong[:60]}” cannot be classified like that."})
    news = {name: kind for name, kind in said.items() if resource.classes.get(name) != kind}
    if not news:
        return None
    where = _where(resource)
    with change(actor, reason=reason, action="explorer.classify", **stamp) as connection:
        for name, kind in news.items():
            connection.execute(_CLASSIFY, {**where, "column": name, "class": kind, "by": actor.app_user_id})
        if resource.described.governed and not resource.described.is_ours:
            _attach(connection, resource, _secrets(resource, {**resource.classes, **news}))
        number = connection.info["change_set"]
    return Receipt(number, (), Plan((), action="explorer.classify"))


def open_editing(resource: Reflected, actor: Actor, reason: str, **stamp: Any) -> None:
    """Let those who may write rows change this table from now on."""
    if not reason.strip():
        raise Rejected({"reason": "Say why; the history keeps it."})
    if resource.described.kind not in ("table", "partitioned") or not resource.lasting or resource.described.is_ours:
        raise NotAllowed(resource.read_only or "This table cannot be opened for editing.")
    with change(actor, reason=reason, action="explorer.open", **stamp) as connection:
        connection.execute(_OPEN, {**_where(resource), "reason": reason.strip(), "by": actor.app_user_id})


def close_editing(resource: Reflected, actor: Actor, reason: str | None, **stamp: Any) -> None:
    """Let nobody change it any more."""
    with change(actor, reason=reason, action="explorer.close", **stamp) as connection:
        connection.execute(_CLOSE, _where(resource))


def govern(resource: Reflected, actor: Actor, reason: str, **stamp: Any) -> None:
    """Attach the ledger's triggers: from now on it keeps every change, whoever makes it. The one thing that alters the table."""
    if not reason.strip():
        raise Rejected({"reason": "Say why; the history keeps it."})
    with change(actor, reason=reason, action="explorer.govern", **stamp) as connection:
        _attach(connection, resource, _secrets(resource, resource.classes))
        connection.execute(_GOVERN, {**_where(resource), "reason": reason.strip(), "by": actor.app_user_id})


def ungovern(resource: Reflected, actor: Actor, reason: str | None, **stamp: Any) -> None:
    """Take the triggers off again; what they recorded stays. Where only the table's owner may, they stand idle until then."""
    with change(actor, reason=reason, action="explorer.ungovern", **stamp) as connection:
        _permitted(connection, resource, _UNGOVERN, {"table": resource.regclass})
        connection.execute(_UNGOVERNED, _where(resource))


def _attach(connection: Connection, resource: Reflected, secrets: list[str]) -> None:
    _permitted(connection, resource, _ATTACH, {"table": resource.regclass, "secrets": secrets})


def _permitted(connection: Connection, resource: Reflected, statement: Any, values: Mapping[str, Any]) -> None:
    owner = str(connection.execute(_OWNER).scalar())
    try:
        with connection.begin_nested():
            connection.execute(statement, values)
    except DBAPIError as fault:
        state = getattr(fault.orig, "sqlstate", "")
        message = getattr(getattr(fault.orig, "diag", None), "message_primary", None) or "it gave no reason"
        if state == "42501":
            named = f"{quoted(resource.described.schema)}.{quoted(resource.described.name)}"
            schema = quoted(resource.described.schema)
            raise NotAllowed(
                f"The database does not let the console attach its ledger ({message}). An administrator can:"
                f" GRANT USAGE ON SCHEMA {schema} TO {quoted(owner)}; GRANT TRIGGER, SELECT ON {named} TO {quoted(owner)};"
            ) from fault
        raise NotAllowed(f"The ledger cannot be attached to this table: {message}.") from fault


def _secrets(resource: Reflected, classes: Mapping[str, str]) -> list[str]:
    """Columns whose values the ledger must not keep: those said to be secret, and those that look it and nobody cleared."""
    held = {**resource.guesses, **classes}
    return [name for name, kind in held.items() if kind == guesses.SECRET]


def _where(resource: Reflected) -> dict[str, Any]:
    return {"schema": resource.described.schema, "table": resource.described.name}


_OWNER = text(
    "SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'govern_foreign' ORDER BY oid DESC LIMIT 1"
)
_ATTACH = text("SELECT govern_foreign(CAST(:table AS regclass), CAST(:secrets AS text[]))")
_UNGOVERN = text("SELECT ungovern_foreign(CAST(:table AS regclass))")
_CLASSIFY = text("""
INSERT INTO explorer_columns (schema_name, table_name, column_name, class, classified_by)
VALUES (:schema, :table, :column, :class, :by)
ON CONFLICT (schema_name, table_name, column_name)
DO UPDATE SET class = excluded.class, classified_by = excluded.classified_by, classified_at = clock_timestamp()
""")
_OPEN = text("""
INSERT INTO explorer_tables (schema_name, table_name, editing_reason, editing_by, editing_at)
VALUES (:schema, :table, :reason, :by, clock_timestamp())
ON CONFLICT (schema_name, table_name)
DO UPDATE SET editing_reason = excluded.editing_reason, editing_by = excluded.editing_by, editing_at = excluded.editing_at
""")
_CLOSE = text("""
UPDATE explorer_tables SET editing_at = NULL, editing_by = NULL, editing_reason = NULL
WHERE schema_name = :schema AND table_name = :table
""")
_GOVERN = text("""
INSERT INTO explorer_tables (schema_name, table_name, governed_reason, governed_by, governed_at)
VALUES (:schema, :table, :reason, :by, clock_timestamp())
ON CONFLICT (schema_name, table_name)
DO UPDATE SET governed_reason = excluded.governed_reason, governed_by = excluded.governed_by, governed_at = excluded.governed_at
""")
_UNGOVERNED = text("""
UPDATE explorer_tables SET governed_at = NULL, governed_by = NULL, governed_reason = NULL
WHERE schema_name = :schema AND table_name = :table
""")
