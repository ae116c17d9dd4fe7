"""The ground a measurement stands on: two embedded databases, big and small, and three servers of the same make."""

from __future__ import annotations

import contextlib
import http.client
import multiprocessing
import os
import re
import resource
import secrets
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
from sqlalchemy import Engine, text
from sqlalchemy.pool import NullPool

from app.config import Config, load
from app.core import startup
from app.core.db import make_engine
from app.core.embedded import Embedded

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("BENCH_DATA", ROOT / ".bench"))
EMAIL = "bench@demo.example"
CONSOLE = "rsgi:server"
Case = tuple[str, float, float]
"""What was measured, the figure, and the most it may be."""


class Served:
    """One server process and one connection to it, kept open as a browser keeps it."""

    def __init__(self, target: str, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.cookie = ""
        self.token = ""
        # The console as it is served, with its streams beside its pages; the yardstick has none and is plain WSGI.
        ways = ("--interface", "rsgi") if target == CONSOLE else ("--interface", "wsgi", "--blocking-threads", "2")
        command = [
            *(sys.executable, "-m", "granian", *ways, target, "--working-dir", str(ROOT), "--host", "127.0.0.1"),
            *("--port", str(self.port), "--http", "1", "--no-ws", "--workers", "1", "--log-level", "critical"),
        ]
        self.environment = environment
        given = {**os.environ, **environment, "PORT": str(self.port), "WEB_THREADS": "2"}
        self.process = subprocess.Popen(command, cwd=ROOT, env=given, stderr=subprocess.DEVNULL)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
        wait_for(self.port, self.process)

    def request(
        self, path: str, method: str = "GET", body: str | None = None, headers: dict[str, str] | None = None
    ) -> bytes:
        """Send one request and read the whole answer; anything but success ends the measurement."""
        given = {"Cookie": self.cookie, **(headers or {})}
        if body is not None:
            given["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self.connection.request(method, path, body, given)
            answer = self.connection.getresponse()
        except http.client.RemoteDisconnected:  # kept open longer than the server cares to
            self.connection.close()
            self.connection.request(method, path, body, given)
            answer = self.connection.getresponse()
        content = answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie" and not value.startswith("console-visit=;"):
                self._keep(value)
        if answer.status not in (200, 303):
            raise SystemExit(f"{method} {path} answered {answer.status}: {content[-400:]!r}")
        return content

    def _keep(self, cookie: str) -> None:
        name, _, value = cookie.split(";")[0].partition("=")
        kept = dict(part.split("=", 1) for part in self.cookie.split("; ") if part)
        kept[name] = value
        self.cookie = "; ".join(f"{key}={each}" for key, each in kept.items() if each)

    def sign_in(self, password: str) -> None:
        """As a person does: the form, then its answer."""
        token = _token(self.request("/sign-in"))
        form = {"email": EMAIL, "password": password, "csrf_token": token, "next": ""}
        self.request("/sign-in", "POST", urllib.parse.urlencode(form))

    def get(self, path: str, headers: dict[str, str] | None = None) -> Callable[[], bytes]:
        return lambda: self.request(path, headers=headers)

    def drain(self, path: str) -> bytes:
        return self.request(path)

    def saving(self, key: int) -> Callable[[], bytes]:
        """Saving one field of the customer: through the console's own form here, by the yardstick's address there."""
        if not self.cookie:
            return lambda: self.request(f"/save?id={key}&city={secrets.token_hex(4)}")
        form = self.request(f"/crm/customers/{key}/edit").decode()
        token = _token(form.encode())

        def save() -> bytes:
            # The version moves with every save; the cell's address takes just the one field.
            body = urllib.parse.urlencode({"csrf_token": token, "bill_city": f"Town {secrets.token_hex(4)}"})
            return self.request(f"/crm/customers/{key}/cells/bill_city", "PATCH", body)

        return save

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def _token(page: bytes) -> str:
    found = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page)
    if found is None:
        raise SystemExit("The page has no form to send.")
    return found[1].decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit("A server did not start.")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("A server did not answer within 30 s.")


def memory_mb(served: Served) -> float:
    """Resident memory of the server and its workers, in MB."""
    parent = psutil.Process(served.process.pid)
    return sum(each.memory_info().rss for each in (parent, *parent.children(recursive=True))) / 1_048_576


def most_memory_mb(anew: bool = False) -> float:
    """The most memory this process has held so far, or since it was asked `anew`, in MB.

    Not by `getrusage`, where the system tells more: a child inherits what its parent held, and it cannot begin anew.
    """
    status = Path("/proc/self/status")
    if status.exists():
        if anew:
            Path("/proc/self/clear_refs").write_text("5")
        held = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(held.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_048_576  # macOS counts bytes


def apart(measure: Callable[[], Iterator[Case]]) -> Iterator[Case]:
    """Measure in a process of its own, whose memory no earlier case has grown. Ends the run where that one ends badly."""
    spawning = multiprocessing.get_context("spawn")
    hears, says = spawning.Pipe(duplex=False)
    child = spawning.Process(target=_tell, args=(measure, says))
    child.start()
    says.close()
    with contextlib.suppress(EOFError):
        while True:
            yield hears.recv()
    child.join()
    if child.exitcode:
        raise SystemExit(child.exitcode)


def _tell(measure: Callable[[], Iterator[Case]], says: Connection) -> None:
    for case in measure():
        says.send(case)


@dataclass
class Ground:
    """The servers, and the records the cases speak of."""

    console: Served
    small: Served
    yardstick: Served
    big: Config
    """Settings of the big database as its owner has them; the servers know the application's login alone."""
    key: int
    hundred_thousandth: str
    """The moment up to which the 100,000 customers changed longest ago were changed."""

    def deep(self, path: str) -> str:
        """A page about 40 pages in, by the links a person would follow."""
        here = path
        for _ in range(40):
            found = re.search(r'href="([^"]+)"[^>]*aria-keyshortcuts="\]"', self.console.request(here).decode())
            if found is None:
                break
            here = found[1].replace("&amp;", "&")
        return here


def owner(config: Config) -> Engine:
    """The tables' owner, for what the bench prepares."""
    assert config.database_url is not None
    return make_engine(config.database_url, config, "owner", poolclass=NullPool)


def _database(name: str, customers: int | None, decisions: int | None) -> tuple[Config, Embedded, str]:
    """An embedded database of its own at this scale, filled once and kept for the next run, with a sign-in for the bench."""
    from app import create_app, demo
    from app.domains.auth import staff
    from app.engine.access import SYSTEM
    from app.engine.apply import change
    from app.roles import seed_roles

    settings = load({**os.environ, "DATA_DIR": str(DATA / name), "DATABASE_URL": "", "APP_DATABASE_URL": ""})
    config, embedded = startup.open_database(settings)
    assert embedded is not None, "the bench uses databases of its own"
    startup.migrate(config)
    assert config.database_url is not None
    print(f"Preparing the {name} database ...", file=sys.stderr, flush=True)
    demo.load(config.database_url, config.console_schema, customers=customers, decisions=decisions, calls=False)
    served, _weaker = startup.settle_role(config)
    with owner(config).begin() as connection:
        tenant = int(connection.execute(text("SELECT id FROM tenants ORDER BY id LIMIT 1")).scalar_one())
        seed_roles(connection, tenant)
        connection.execute(text("DELETE FROM sessions"))
        known = connection.execute(text("SELECT 1 FROM users WHERE email = :email"), {"email": EMAIL}).scalar()
    password = "quarry lantern 71 pelican vow"
    if not known:
        app = create_app(served)
        with app.app_context(), change(SYSTEM(tenant), reason="The bench signs in") as connection:
            staff.create(connection, tenant, EMAIL, "owner", password=password, must_change=False)
    return served, embedded, password


@contextmanager
def small_console() -> Iterator[Served]:
    """The console over the demonstration company alone."""
    config, server, password = _database("small", None, 1_000)
    served = Served(CONSOLE, startup.as_environment(config))
    try:
        served.sign_in(password)
        yield served
    finally:
        served.stop()
        server.stop()


@contextmanager
def prepare(customers: int, decisions: int) -> Iterator[Ground]:
    """Both databases and all three servers, for as long as the measurement takes."""
    big, big_server, password = _database("big", customers, decisions)
    small, small_server, _same = _database("small", None, 1_000)
    with owner(big).connect() as connection:
        key, last = connection.execute(
            text(
                "SELECT min(id), coalesce("
                "(SELECT updated_at FROM customers ORDER BY updated_at OFFSET 99999 LIMIT 1), max(updated_at))"
                " FROM customers"
            )
        ).one()
        tenant = connection.execute(text("SELECT id FROM tenants ORDER BY id LIMIT 1")).scalar_one()
    started: list[Served] = []
    try:
        for config in (big, small):
            started.append(Served(CONSOLE, startup.as_environment(config)))
            started[-1].sign_in(password)
        yardstick = {"YARDSTICK_URL": big.app_database_url or "", "YARDSTICK_TENANT": str(tenant)}
        started.append(Served("bench.yardstick:app", yardstick))
        yield Ground(*started, big=big, key=key, hundred_thousandth=last.isoformat())
    finally:
        for each in started:
            each.stop()
        for server in (big_server, small_server):
            server.stop()
