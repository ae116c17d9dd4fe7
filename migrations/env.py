"""Brings the console's own schema to the newest shape: run by the owner's login, whole or not at all.

The caller passes, in `config.attributes`, either `connection` (an open one) or `url`, and `schema` (default "console").
"""

from __future__ import annotations

import time

from alembic import context
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

# A migration waiting for a lock stops everyone queued behind it, so it gives up at once and tries again.
LOCK_TIMEOUT = "200ms"
ATTEMPTS = 25
PAUSE = 0.4  # seconds
LOCK_NOT_AVAILABLE = "55P03"
APPLICATION = "SELECT 1 FROM pg_roles WHERE rolname = 'console_app'"
ONE_AT_A_TIME = 7_314_880_001  # advisory lock: two consoles starting together take turns


def migrate(connection: Connection, schema: str) -> None:
    """Run every pending step inside the caller's transaction."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    if not connection.scalar(text("SELECT 1 FROM pg_namespace WHERE nspname = :schema"), {"schema": schema}):
        connection.execute(text("SELECT set_config('search_path', 'public', true)"))
        quoted = connection.dialect.identifier_preparer.quote_identifier(schema)
        connection.execute(text(f"CREATE SCHEMA {quoted}"))
    path = connection.dialect.identifier_preparer.quote_identifier(schema) + ", public"
    connection.execute(text("SELECT set_config('search_path', :path, true)"), {"path": path})
    connection.execute(text("SELECT set_config('lock_timeout', :wait, true)"), {"wait": LOCK_TIMEOUT})
    connection.execute(text("SELECT set_config('statement_timeout', '0', true)"))
    # The views of the SQL desk lean on columns a step may change; `console migrate` puts them up again afterwards.
    desk = connection.dialect.identifier_preparer.quote_identifier(f"{schema}_desk")
    connection.execute(text(f"DROP SCHEMA IF EXISTS {desk} CASCADE"))
    event.listen(connection, "before_cursor_execute", _grant_to_whom_there_is, retval=True)
    context.configure(connection=connection, version_table_schema=schema)
    context.run_migrations()


def _grant_to_whom_there_is(
    connection: Connection, _cursor: object, statement: str, parameters: object, _context: object, _many: bool
) -> tuple[str, object]:
    """Where the role console_app could not be created, its grants go to the login the console works as instead."""
    if "TO console_app" in statement and connection.exec_driver_sql(APPLICATION).first() is None:
        statement = statement.replace("TO console_app", "TO CURRENT_USER")
    return statement, parameters


def run() -> None:
    attributes = context.config.attributes
    schema = attributes.get("schema", "console")
    given: Connection | None = attributes.get("connection")
    if given is not None:
        if given.in_transaction():
            migrate(given, schema)
        else:
            with given.begin():
                migrate(given, schema)
        return
    url = attributes.get("url") or context.config.get_main_option("sqlalchemy.url")
    if not url:
        raise RuntimeError("Migrations need the owner's database URL in config.attributes['url'].")
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool, connect_args={"prepare_threshold": None}
    )
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with engine.begin() as connection:
                migrate(connection, schema)
            return
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE or attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE)


if context.is_offline_mode():
    raise RuntimeError("Migrations look at the server they change, so they run on a live one only.")
run()
