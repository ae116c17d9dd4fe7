"""The views of the SQL desk: each table as the console shows it, cut to the company and the masks of the run that asks.

They stand in a schema of their own, are made anew from the declarations at every `console migrate`, and are all the desk's
login can open. What they show is decided by the database itself, from the row of the log that says a run is under way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import BigInteger, Boolean, ColumnElement, case, literal_column, select
from sqlalchemy.dialects import postgresql

from app.engine.desk.statement import Table
from app.engine.fields import Field, Secret
from app.engine.projection import Projection, seen_with
from app.engine.registry import REGISTRY
from app.engine.resource import Resource

STAMPS = ("archived_at", "created_at", "updated_at")
"""Shown of every record that has them, declared or not."""
LEAVE_LASTS = "2 minutes"
"""After so long a run is over, whatever the log says: its process must have died."""


def schema_of(console_schema: str) -> str:
    """Where the views stand."""
    return f"{console_schema}_desk"


def columns_of(resource: Resource) -> list[str]:
    """The columns the desk has of a table: its key and what is declared, without secrets and what is computed."""
    names = [*resource.keys, *(each.name for each in resource.fields if _is_shown(resource, each)), *STAMPS]
    return [name for name in dict.fromkeys(names) if name in resource.table.c]


def _is_shown(resource: Resource, each: Field) -> bool:
    return each.name in resource.table.c and not isinstance(each, Secret)


def _may_be_masked(resource: Resource, name: str) -> bool:
    return resource.has(name) and (resource.field(name).personal or resource.field(name).may is not None)


def shown_with(permissions: frozenset[str]) -> dict[str, Table]:
    """The tables somebody with these permissions may ask: those they read whole, with the columns masked for them."""
    found = {}
    for resource in REGISTRY:
        view = seen_with(resource, permissions)
        if view.reads_all:
            names = columns_of(resource)
            masked = frozenset(name for name in names if _is_masked(resource, view, name))
            if all(_may_be_masked(resource, name) for name in masked):  # else the view could not keep it empty
                found[resource.name] = Table(resource.name, tuple(names), masked)
    return found


def _is_masked(resource: Resource, view: Projection, name: str) -> bool:
    return resource.has(name) and (name in view.masked or name not in view.by_name)


def furnish(connection: psycopg.Connection, console_schema: str, role: str | None) -> bool:
    """Make the schema, its functions and views as the declarations want them; the owner's connection does it.

    False where everything stood as it should. Without the desk's login there is nobody to make them for.
    """
    if role is None or not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        return False
    schema, made = schema_of(console_schema), _made(console_schema, role)
    if standing_mark(connection, schema) == _mark(made):
        return False
    path = f"{_quoted(console_schema)}, public"
    with connection.transaction():
        connection.execute("SELECT set_config('lock_timeout', '5s', true), set_config('search_path', %s, true)", [path])
        connection.execute(made.encode())
        connection.execute(
            sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(_mark(made)))
        )
    return True


def wanted_mark(console_schema: str, role: str) -> str:
    """What the views of this version are known by."""
    return _mark(_made(console_schema, role))


def standing_mark(connection: psycopg.Connection, schema: str) -> str | None:
    """What the views that stand are known by; None where there are none."""
    row = connection.execute(
        "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s", [schema]
    ).fetchone()
    return row[0] if row else None


@lru_cache(maxsize=8)
def _made(console_schema: str, role: str) -> str:
    """The whole script; worked out once, since declarations do not change while we run."""
    return "\n".join(_statements(console_schema, role))


def _mark(made: str) -> str:
    return f"views {hashlib.sha256(made.encode()).hexdigest()[:16]}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _statements(console_schema: str, role: str) -> Iterator[str]:
    desk, log, who = _quoted(schema_of(console_schema)), f"{_quoted(console_schema)}.sql_runs", _quoted(role)
    yield f"DROP SCHEMA IF EXISTS {desk} CASCADE; CREATE SCHEMA {desk};"
    running = (
        f"FROM {log} WHERE permit = sha256(convert_to(current_setting('console.permit', true), 'UTF8'))"
        f" AND ended_at IS NULL AND created_at > clock_timestamp() - interval '{LEAVE_LASTS}'"
    )
    definer = "LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp"
    yield (
        f"CREATE FUNCTION {desk}.company_for(asked text) RETURNS bigint {definer} AS"
        f" $$SELECT tenant_id {running} AND asked = ANY (tables)$$;"
    )
    yield (
        f"CREATE FUNCTION {desk}.is_shown(asked text) RETURNS boolean {definer} AS"
        f" $$SELECT NOT asked = ANY (masked) {running}$$;"
    )
    yield f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {desk} FROM PUBLIC;"
    for resource in REGISTRY:
        # A barrier: nothing somebody writes is worked out on a row before the view has let the row through.
        yield (f"CREATE VIEW {desk}.{_quoted(resource.name)} WITH (security_barrier) AS {_select(resource, desk)};")
    yield f"GRANT USAGE ON SCHEMA {desk} TO {who}; GRANT SELECT ON ALL TABLES IN SCHEMA {desk} TO {who};"
    yield f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {desk} TO {who};"


def _select(resource: Resource, desk: str) -> str:
    table = resource.table
    company = literal_column(f"(SELECT {desk}.company_for('{resource.name}'))", BigInteger)
    of_company = resource.in_tenant(company, platform=False)
    columns: list[ColumnElement[Any]] = []
    for name in columns_of(resource):
        column = table.c[name]
        if _may_be_masked(resource, name):
            shown = literal_column(f"(SELECT {desk}.is_shown('{resource.name}.{name}'))", Boolean)
            columns.append(case((shown, column)).label(name))
        else:
            columns.append(column)
    rows = select(*columns).where(company.is_not(None) if of_company is None else of_company)
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    return str(rows.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
