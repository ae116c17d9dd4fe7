"""What the console cannot start with: one sentence on standard error, status 2, never a traceback, never a password."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql

from app.cli import console
from app.core import cluster, startup
from tests.conftest import free_port
from tests.servers import KEY, Database, Server

pytestmark = pytest.mark.any_server
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment with nothing of ours in it but a place and a good key."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "DATABASE_URL",
        "APP_DATABASE_URL",
        "HOST",
        "PORT",
        "PUBLIC_URL",
        "POOLER",
        "CONSOLE_SCHEMA",
        "ALLOW_HTTP",
    ):
        monkeypatch.delenv(name, raising=False)
    values = {"DATA_DIR": str(tmp_path / "data"), "SECRET_KEY": KEY, "CONSOLE_DEMO": "0", "PORT": str(free_port())}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def refused(*arguments: str, **settings: str) -> str:
    """The one sentence with which a command refuses these settings."""
    result: Result = CliRunner().invoke(console, arguments, env=settings)
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.output
    assert "Traceback" not in result.output
    assert lines[0].endswith((".", ";", "32", "migrate")), lines[0]
    return lines[0]


def with_user(url: str, user: str, password: str, database: str | None = None) -> str:
    head, tail = url.partition("://")[0], url.rpartition("@/")[2]
    name, _, where = tail.partition("?")
    return f"{head}://{user}:{password}@/{database or name}?{where}"


def test_an_address_that_is_none(environment: dict[str, str]) -> None:
    said = refused("run", DATABASE_URL="mysql://root:hunter2@localhost/shop")
    assert "postgresql://" in said
    assert "hunter2" not in said


def test_a_server_nobody_answers_at(environment: dict[str, str]) -> None:
    said = refused("run", DATABASE_URL=f"postgresql://u:hunter2@127.0.0.1:{free_port()}/shop")
    assert "Connection refused" in said
    assert "hunter2" not in said


def test_a_host_that_does_not_exist(environment: dict[str, str]) -> None:
    assert "cannot be used" in refused("run", DATABASE_URL="postgresql://u:hunter2@nowhere.invalid/shop")


def test_a_password_the_server_refuses(environment: dict[str, str], database: Database) -> None:
    said = refused("run", DATABASE_URL=with_user(database.owner_url, cluster.OWNER, "hunter2"))
    assert "password authentication failed" in said
    assert "hunter2" not in said


def test_a_database_that_does_not_exist(environment: dict[str, str], database: Database) -> None:
    said = refused("run", DATABASE_URL=database.superuser_url.replace(database.name, "no_such_database"))
    assert "does not exist" in said


def test_a_server_that_is_too_old(
    environment: dict[str, str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "OLDEST_SERVER", 990000)
    assert "15 or newer" in refused("run", DATABASE_URL=database.owner_url)


@pytest.fixture
def bare(postgres: Server, process_name: str) -> Iterator[str]:
    """The address of an empty database without extensions, for a login that may make none."""
    name = f"bare_{process_name}"
    with psycopg.connect(postgres.admin_url, autocommit=True) as connection:
        for statement in ("DROP DATABASE IF EXISTS {0} WITH (FORCE)", "DROP ROLE IF EXISTS {0}", "CREATE DATABASE {0}"):
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'guest-of-the-house'").format(sql.Identifier(name)))
    yield with_user(postgres.admin_url, name, "guest-of-the-house", name)
    with psycopg.connect(postgres.admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_an_extension_that_is_missing_and_may_not_be_made(environment: dict[str, str], bare: str) -> None:
    said = refused("run", DATABASE_URL=bare)
    assert "pg_trgm" in said
    assert "administrator" in said


def test_an_application_login_that_is_a_superuser(environment: dict[str, str], database: Database) -> None:
    said = refused("run", DATABASE_URL=database.owner_url, APP_DATABASE_URL=database.superuser_url)
    assert "is a superuser" in said


def test_an_application_login_that_owns_the_tables(environment: dict[str, str], database: Database) -> None:
    said = refused("run", DATABASE_URL=database.owner_url, APP_DATABASE_URL=database.owner_url)
    assert "owns the console's tables" in said


@pytest.mark.parametrize("command", ["run", "web"])
def test_a_port_somebody_else_has(environment: dict[str, str], command: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"Port {port} on 127.0.0.1 is in use" in refused(command, PORT=port)


def test_a_weak_key(environment: dict[str, str]) -> None:
    assert "32 bytes" in refused("run", SECRET_KEY="tiny")


@pytest.mark.parametrize(
    "command", [("web",), ("check",), ("staff", "list"), ("ledger", "verify"), ("routes",)], ids=" ".join
)
def test_a_database_without_our_tables(environment: dict[str, str], postgres: Server, command: tuple[str, ...]) -> None:
    assert "console migrate" in refused(*command, DATABASE_URL=postgres.at("postgres").superuser_url)


def test_the_process_itself_ends_with_status_2(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "run"],
        cwd=ROOT,
        env={**os.environ, **environment, "DATABASE_URL": f"postgresql://u:hunter2@127.0.0.1:{free_port()}/shop"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
