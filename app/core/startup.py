"""What has to be true before the console opens: a database that can be reached, is new enough and has our tables."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app.config import Config, ConfigError
from app.core.connecting import connect_args
from app.core.embedded import Embedded
from app.core.revision import MIGRATIONS, code_heads

ROOT = Path(__file__).resolve().parent.parent.parent
OLDEST_SERVER = 150000
APP_ROLE = "console_app"
ONE_OPENS = 7_314_880_002  # advisory lock: two consoles started together open one after the other
TURN_SECONDS = 300


def open_database(config: Config) -> tuple[Config, Embedded | None]:
    """The settings with a database in them: the one that was named, else the embedded one, started or joined.

    Raises ConfigError with a sentence when it cannot be used. The embedded server leaves with this process.
    """
    if config.database_url:
        _examine(config)
        return config, None
    embedded = Embedded(config.data_dir)
    return config.on(embedded.owner_url, embedded.app_url, embedded.desk_url), embedded


def _examine(config: Config) -> None:
    """Whether the named server answers, is new enough and has the extension our searches need."""
    with connect(config) as connection:
        version = connection.info.server_version
        if version < OLDEST_SERVER:
            raise ConfigError(f"The database server is PostgreSQL {version // 10000}; the console needs 15 or newer.")
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise ConfigError(
                f"The database is encoded in {encoding}; the console needs one made with ENCODING 'UTF8'."
            )
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public")
        except psycopg.Error as error:
            raise ConfigError(
                f"The database lacks the extension pg_trgm and it could not be created: {why(error)}"
                " Ask its administrator to run: CREATE EXTENSION pg_trgm SCHEMA public;"
            ) from error


def connect(config: Config, role: str = "owner") -> psycopg.Connection:
    """One autocommit connection outside the application, or a ConfigError that says why there is none.

    Plain psycopg: most commands ask a question or two, and need not wait for the whole house to be built.
    """
    url = config.app_database_url if role == "app" and config.app_database_url else config.database_url
    assert url is not None, "open_database() supplies the address"
    try:
        return psycopg.connect(url, autocommit=True, **connect_args(config, role))
    except psycopg.Error as error:
        raise ConfigError(f"The database at {_place(url)} cannot be used: {why(error)}") from error


def _place(url: str) -> str:
    """Where a database is, without the login and its password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "the address given"
    return f"{parts.get('host') or 'the local socket'}:{parts.get('port') or 5432}/{parts.get('dbname')}"


def why(error: BaseException) -> str:
    """The database's own reason in one line, without the advice, the statement or the addresses it tried."""
    said = str(getattr(error, "orig", None) or error).strip()
    line = said.splitlines()[0] if said else type(error).__name__
    for mark in ("FATAL:", "ERROR:", "failed: "):
        line = line.rpartition(mark)[2].strip()
    return line.rstrip(".") + "."


def is_current(config: Config) -> bool:
    """Whether the database stands at the newest migration of this checkout."""
    with connect(config) as connection:
        table = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
        if table is None or table[0] is None:
            return False
        at = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        return frozenset(row[0] for row in at) == code_heads()


def migrate(config: Config) -> bool:
    """Bring the schema to its head; False when it was there already.

    How it waits for locks, and for another console that migrates at the same time, stands in migrations/env.py.
    """
    if is_current(config):
        return False
    from alembic import command
    from alembic.config import Config as AlembicConfig
    from sqlalchemy.exc import SQLAlchemyError

    assert config.database_url is not None
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.attributes.update(url=config.database_url, schema=config.console_schema)
    try:
        command.upgrade(settings, "head")
    except SQLAlchemyError as error:
        raise ConfigError(f"The database could not be migrated: {why(error)}") from error
    except RuntimeError as error:  # a migration's own sentence about what it may not do here
        raise ConfigError(str(error)) from error
    return True


@contextmanager
def turn(config: Config) -> Iterator[None]:
    """Open while no other console opens this database: what one makes the other finds, and says so while it waits.

    Raises ConfigError when that does not come to an end. In a transaction, since a pooler hands its sessions round.
    """
    with connect(config) as connection:
        deadline, waits = time.monotonic() + TURN_SECONDS, False
        while True:
            with connection.transaction():
                connection.execute(_WITHOUT_LIMITS)
                row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [ONE_OPENS]).fetchone()
                if row and row[0]:
                    yield
                    return
            if not waits:
                waits = True
                print("Another console is opening this database; waiting for it ...", file=sys.stderr, flush=True)
            if time.monotonic() > deadline:
                raise ConfigError(f"Another console has been opening this database for {TURN_SECONDS} seconds.")
            time.sleep(0.2)


_WITHOUT_LIMITS = """
SELECT set_config(name, '0', true) FROM pg_settings
WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
"""


def settle_role(config: Config) -> tuple[Config, str | None]:
    """How the application connects once the tables are there, and a sentence when that is weaker than promised.

    Refuses an application login that is a superuser or owns our tables: it could rewrite the history.
    """
    if config.app_database_url is None and not _has_app_role(config):
        weaker = f"The role {APP_ROLE} could not be made here, so the console works with the rights of its own login."
        return config.on(config.database_url or "", config.database_url), weaker
    with connect(config, "app") as connection:
        superuser, owner = connection.execute(_STANDING, [config.console_schema]).fetchone() or (False, False)
    if superuser or owner:
        fault = "is a superuser" if superuser else "owns the console's tables"
        cure = (
            "name a weaker one in APP_DATABASE_URL" if config.app_database_url is None else "give it a role of its own"
        )
        raise ConfigError(f"The login the console would work with {fault} and could rewrite its history; {cure}.")
    return config, None


_STANDING = """
SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND pg_has_role(current_user, c.relowner, 'USAGE'))
"""


def _has_app_role(config: Config) -> bool:
    with connect(config) as connection:
        known = "SELECT pg_has_role(session_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = %s"
        row = connection.execute(known, [APP_ROLE]).fetchone()
        return row is not None and bool(row[0])


def refuse_busy_port(host: str, port: int) -> None:
    """Say so now, rather than as a traceback out of the web server."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        raise ConfigError(f"HOST={host} is not an address of this machine.") from None
    except PermissionError:
        raise ConfigError(f"This account may not listen on port {port}; choose one above 1023 with PORT.") from None
    except OSError as error:
        reason = "is in use by another program" if error.errno == 98 else f"cannot be opened ({error.strerror})"
        raise ConfigError(f"Port {port} on {host} {reason}; choose another with PORT.") from None


def as_environment(config: Config) -> dict[str, str]:
    """The settings for a process of our own. It gets the application's login alone: the owner's stays with the parent."""
    settings = {
        "DATABASE_URL": config.app_database_url or config.database_url or "",
        "APP_DATABASE_URL": config.app_database_url or "",
        "DESK_DATABASE_URL": config.desk_database_url or "",
        "DATA_DIR": str(config.data_dir),
        "HOST": config.host,
        "PORT": str(config.port),
        "SECRET_KEY": config.secret_key,
        "SECRET_KEY_FALLBACKS": ",".join(config.secret_key_fallbacks),
        "PUBLIC_URL": config.public_url or "",
        "CONSOLE_SCHEMA": config.console_schema,
        "CONSOLE_DEMO": str(int(config.demo)),
        "CONSOLE_ENV": config.environment,
        "WEB_WORKERS": str(config.web_workers),
        "WEB_THREADS": str(config.web_threads),
        "POOLER": config.pooler or "",
        "ALLOW_HTTP": str(int(config.allow_http)),
        "TRUSTED_HOSTS": ",".join(config.trusted_hosts),
        "TRUSTED_PROXIES": str(config.trusted_proxies),
        "OUTBOUND_PRIVATE": str(int(config.outbound_private)),
    }
    return {**os.environ, **settings, "PYTHONUNBUFFERED": "1"}
