"""The embedded database's own affairs: how its files are made, how it is tuned, and which roles it lets in."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from app.core.account import Account

DATABASE = "console"
SUPERUSER, OWNER, APP, DESK = "postgres", "console_owner", "console_app", "console_desk"
ROLES = (SUPERUSER, OWNER, APP, DESK)
# Both halves of the console's promise "nobody waits for ever"; transaction_timeout exists from PostgreSQL 17 on.
APP_LIMITS = {
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "30s",
    "transaction_timeout": "60s",
}
# Whoever types SQL may tire neither the server nor its disk, and changes nothing, whatever the statement says.
DESK_LIMITS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "30s",
    "transaction_timeout": "90s",
    "work_mem": "16MB",
    "temp_file_limit": "256MB",
    "log_min_error_statement": "panic",  # what people type stays out of the server's log; the console keeps its own
    "log_min_duration_statement": "-1",
}
DESK_CONNECTIONS = 12


def major(programs: Path) -> int:
    """The major version of the PostgreSQL whose bin directory this is."""
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.split("(PostgreSQL) ")[1].split(".")[0])


def make(programs: Path, cluster: Path, account: Account, password: str) -> None:
    """initdb with a password from the first moment on: no trust authentication, not even on the private socket.

    Built beside its place and renamed, so that a start which dies half-way leaves nothing that looks like a database.
    """
    draft = cluster.with_name(f".{cluster.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    account.own(draft)
    if major(programs) >= 17:
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    else:
        locale = ["--lc-collate=C", "--lc-ctype=C.UTF-8", "--locale=C"]
    with tempfile.NamedTemporaryFile("w", prefix="console-") as password_file:
        password_file.write(password)
        password_file.flush()
        account.own(Path(password_file.name))
        done = subprocess.run(
            [
                *(programs / "initdb", "-D", draft, "-U", SUPERUSER, f"--pwfile={password_file.name}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions", *locale),
            ],
            check=False,
            capture_output=True,
            text=True,
            **account.process,
        )
    if done.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise OSError(done.stderr.strip().rpartition("\n")[2] or "initdb failed")
    with (draft / "postgresql.conf").open("a") as file:
        # ALTER SYSTEM still has the last word over these.
        file.write("\ninclude_if_exists = 'console.conf'\n")
    draft.rename(cluster)


def tune(cluster: Path, account: Account, *, durable: bool = True) -> None:
    """Write the settings of the next start, sized to this machine. `durable` False is for tests alone."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    settings = {
        "listen_addresses": "",
        "password_encryption": "scram-sha-256",
        "max_connections": 120,
        "max_locks_per_transaction": 256,  # a migration holds each table and index it touches, thousands in all
        "shared_preload_libraries": "pg_stat_statements",
        "shared_buffers": f"{min(max(memory_mb // 16, 128), 1024)}MB",
        "effective_cache_size": f"{max(memory_mb // 2, 256)}MB",
        "work_mem": "8MB",
        "maintenance_work_mem": f"{min(max(memory_mb // 32, 64), 512)}MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": 1.1,
        "jit": "off",  # pays off on statements of seconds; ours take milliseconds
        "fsync": "on" if durable else "off",
        "synchronous_commit": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        "client_connection_check_interval": "1s",  # else what a killed worker began runs on, and holds its rows
        "timezone": "UTC",
        "track_io_timing": "on",
        # A week of logs, one file a day, without the values people typed.
        "logging_collector": "on",
        "log_filename": "postgresql-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": 0,
        "log_truncate_on_rotation": "on",
        "log_line_prefix": "%m [%p] %u %a ",
        "log_min_duration_statement": "1s",
        "log_lock_waits": "on",
        "log_parameter_max_length": 0,
        "log_parameter_max_length_on_error": 0,
        "log_statement": "none",
    }
    path = cluster / "console.conf"
    path.write_text("".join(f"{name} = '{value}'\n" for name, value in settings.items()))
    path.chmod(0o600)
    account.own(path)


def admit(superuser_url: str, passwords: dict[str, str]) -> None:
    """Make the database and its roles, if they are not there: one migrates, one works and owns nothing, one only asks."""
    with psycopg.connect(superuser_url, autocommit=True, connect_timeout=5) as connection:
        version = connection.info.server_version
        for role in (OWNER, APP, DESK):
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {}").format(
                    sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(role), sql.Literal(passwords[role])
                )
            )
        for role, limits in ((APP, APP_LIMITS), (DESK, DESK_LIMITS)):
            for name, value in limits.items():
                if name != "transaction_timeout" or version >= 170000:
                    connection.execute(
                        sql.SQL("ALTER ROLE {} SET {} = {}").format(
                            sql.Identifier(role), sql.Identifier(name), sql.Literal(value)
                        )
                    )
        connection.execute(
            sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(sql.Identifier(DESK), sql.Literal(DESK_CONNECTIONS))
        )
        # The health board reads what every session is doing, never what it may not.
        connection.execute(sql.SQL("GRANT pg_read_all_stats TO {}").format(sql.Identifier(APP)))
        # The explorer opens every table there is, also those somebody else made here.
        connection.execute(sql.SQL("GRANT pg_read_all_data TO {}").format(sql.Identifier(APP)))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            make_database(connection, DATABASE)
        _let_ask(connection, DATABASE)


def make_database(connection: psycopg.Connection, name: str, template: str = "template1") -> None:
    """A database owned by the migrating role, closed to everyone but the application's role."""
    strategy = sql.SQL("STRATEGY FILE_COPY" if template != "template1" else "STRATEGY WAL_LOG")
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} {}").format(
            sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template), strategy
        )
    )
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    connection.execute(
        sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(sql.Identifier(name), sql.Identifier(APP))
    )
    _let_ask(connection, name)


def _let_ask(connection: psycopg.Connection, name: str) -> None:
    """The login of the SQL desk may come in; what it then sees are views of its own (engine/desk/views.py)."""
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(name), sql.Identifier(DESK)))


def add_extensions(superuser_url: str) -> None:
    """Extensions into `public`. pg_stat_statements needs a superuser; the others are put there in the same breath."""
    with psycopg.connect(superuser_url, autocommit=True, connect_timeout=5) as connection:
        for name in ("pg_trgm", "pg_stat_statements"):
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA public").format(sql.Identifier(name)))
