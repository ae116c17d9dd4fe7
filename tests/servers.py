"""PostgreSQL servers for the tests: one embedded cluster per version in .test/, and databases cloned from templates.

A template is made once for each state of the migrations and the demonstration data and kept between runs, so that a
test's own database costs a file copy. Everything here is safe to call from several test processes at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psycopg
from psycopg import sql

from app import config as settings
from app.core import cluster
from app.core.embedded import Embedded, bundled_programs

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".test"
FORGET_AFTER = 6 * 3600  # seconds after which the template of an older state may go
KEY = "5f0c1f8e7a3b4d29b6e4c8d1a90f7263e58b1d4c"  # long and dull enough for the settings' own check


@dataclass(frozen=True)
class Database:
    """One database of a test: whose addresses, and the settings that use it."""

    name: str
    owner_url: str
    app_url: str
    desk_url: str
    superuser_url: str
    data_dir: Path

    def config(self, **changes: object) -> settings.Config:
        """Settings of a console over this database; `changes` are fields of Config."""
        data_dir = self.data_dir / self.name
        data_dir.mkdir(parents=True, exist_ok=True)
        plain = settings.load(
            {"DATA_DIR": str(data_dir), "SECRET_KEY": KEY, "CONSOLE_DEMO": "0", "CONSOLE_ENV": "test"}
        )
        fields = {**vars(plain.on(self.owner_url, self.app_url, self.desk_url)), "web_workers": 1, **changes}
        return settings.Config(**fields)  # type: ignore[arg-type]


def wanted() -> int:
    """The version this run is for: TEST_POSTGRES=18 (embedded, the default) or 15 (installed)."""
    return int(os.environ.get("TEST_POSTGRES", "18"))


@lru_cache
def programs_of(version: int) -> Path | None:
    """The bin directory of an installed PostgreSQL of that major version, or None. 18 is the one we bring."""
    if version == 18:
        return bundled_programs()
    found = shutil.which("postgres")
    for programs in [Path(f"/usr/lib/postgresql/{version}/bin")] + [Path(os.path.realpath(found)).parent] * bool(found):
        try:
            if cluster.major(programs) == version:
                return programs
        except (OSError, subprocess.SubprocessError, IndexError):
            continue
    return None


class Server:
    """A running cluster for this process. Whoever leaves last stops it."""

    def __init__(self, version: int) -> None:
        programs = programs_of(version)
        if programs is None:
            raise RuntimeError(f"PostgreSQL {version} is not installed; TEST_POSTGRES={version} cannot be run here.")
        self.home = HOME / f"postgres-{version}"
        self.home.mkdir(parents=True, exist_ok=True)
        self._running = Embedded(self.home, programs=programs, durable=False)
        self.admin_url = self._running.url(cluster.SUPERUSER, "postgres")

    def stop(self) -> None:
        if "KEEP_SPENT" not in os.environ:
            self.clear()
        self._running.stop()

    def clear(self) -> None:
        """Drop what clones left behind. Not in between: ext4 does not give away at once the place of a file that was
        deleted, and looks for another past thousands of such places, file by file; a copy takes ten times as long."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            spent = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'spent\\_%'").fetchall()
            for (name,) in spent:
                _drop(connection, name)

    def at(self, name: str) -> Database:
        """The addresses of one database on this server."""
        return Database(
            name,
            owner_url=self._running.url(cluster.OWNER, name),
            app_url=self._running.url(cluster.APP, name),
            desk_url=self._running.url(cluster.DESK, name),
            superuser_url=self._running.url(cluster.SUPERUSER, name),
            data_dir=self.home / "consoles",
        )

    def template(self, kind: str, fingerprint: str, fill: Callable[[Database], None], base: str = "") -> str:
        """The template of that kind in that state, filled by the first process that asks, from empty or from another
        template; older states are dropped."""
        name = f"template_{kind}_{fingerprint}"
        with _alone(self.home / f"{kind}.lock"), psycopg.connect(self.admin_url, autocommit=True) as connection:
            known = [row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()]
            (self.home / f"{name}.used").touch()
            if name in known:
                return name
            for other in known:
                if other.startswith(f"template_{kind}_") and self._is_forgotten(other):
                    _drop(connection, other)
            draft = f"{name}_draft"
            try:
                if base:
                    self._copy(connection, base, draft)
                else:
                    cluster.make_database(connection, draft)
                    cluster.add_extensions(self.at(draft).superuser_url)
                fill(self.at(draft))
            except BaseException:
                _drop(connection, draft)
                raise
            _end_sessions(connection, draft)
            connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (draft, name))))
        return name

    def _is_forgotten(self, template: str) -> bool:
        """Whether nobody has asked for it for hours: another run may be using another state of the code."""
        used = self.home / f"{template}.used"
        return not used.exists() or time.time() - used.stat().st_mtime > FORGET_AFTER

    @contextmanager
    def clone(self, template: str, name: str) -> Iterator[Database]:
        """A database of one's own, out of reach at the end."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            _drop(connection, name)
            self._copy(connection, template, name)
        try:
            yield self.at(name)
        finally:
            with psycopg.connect(self.admin_url, autocommit=True) as connection:
                _put_away(connection, name)
            shutil.rmtree(self.home / "consoles" / name, ignore_errors=True)

    def _copy(self, connection: psycopg.Connection, template: str, name: str) -> None:
        """A template can be copied only while nobody is in it, not even another copy's session."""
        with _alone(self.home / f"{template}.lock"):  # one copy at a time
            _end_sessions(connection, template)
            cluster.make_database(connection, name, template)


def fingerprint_of(*paths: str) -> str:
    """A short digest of the content of files and directories under the project."""
    digest = hashlib.sha256()
    for path in paths:
        place = ROOT / path
        for file in sorted(place.rglob("*") if place.is_dir() else [place]):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _put_away(connection: psycopg.Connection, name: str) -> None:
    """Let nobody find a database any more, whoever may still try; `Server.clear` drops it."""
    spent = f"spent_{secrets.token_hex(6)}"
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
    _end_sessions(connection, name)
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*map(sql.Identifier, (name, spent))))


def _end_sessions(connection: psycopg.Connection, name: str) -> None:
    connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
