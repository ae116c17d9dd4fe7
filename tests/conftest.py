"""What every test may ask for. The databases are real; see tests/servers.py for how they come about.

database          a migrated database, shared by the tests of this process        .owner_url .app_url .superuser_url .config()
fresh_database    the same, but empty and for this one test alone: for tests that commit and count
demo_database     a database with a small demonstration company and one account per role
app, client       the application over `database`, and its test client
demo_app          the application over `demo_database`
connection        a connection of the application's role on `database`, rolled back at the end
owner_connection  the same as the owner of the tables
server            a running console (web only) over `demo_database`: .url, .email(role), .password
browser           Chromium; `page` is a new page in a new context of it, `signed_in(role)` one that has signed in
"""

from __future__ import annotations

import gc
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, create_engine

from app.config import Config
from app.core import processes, startup
from app.core.db import connect_args, psycopg_url
from tests import servers
from tests.servers import Database, Server
from tests.small_export import write_export

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--no-opt --no-maglev",  # a page is gone before code made faster has paid for its making
]
DEMO_FIRST, DEMO_LAST, DEMO_LEADS, DEMO_DECISIONS = "00151", "00450", 150, 400
"""300 customers of the export, some leads, and all that hangs on them; the whole of it is for the tests it is about."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest goes first, so that no process is left alone with it at the end; and beside the first of it what
    does without the demonstration company, so that others need not wait while one process brings it in."""
    order = (
        "browser/test_centerpoint_run",
        "browser/test_sweep",
        "engine/test_ledger_",
        "tests/browser",
        "tests/ground",
        "tests/every",
    )
    items.sort(key=lambda each: next((n for n, part in enumerate(order) if part in each.nodeid), len(order)))


def pytest_collection_finish() -> None:
    """All that was imported and collected stays to the end: nothing of it need be looked through for what can go."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this run, shared by all its test processes."""
    server = Server(servers.wanted())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def process_name() -> str:
    """A name no other test process of this run has."""
    return f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"


@pytest.fixture(scope="session")
def migrated(postgres: Server) -> str:
    """The name of the template with our tables and nothing in them."""
    state = servers.fingerprint_of("migrations", "app/roles.py")
    return postgres.template("migrated", state, lambda database: _migrate(database.config()))


@pytest.fixture(scope="session")
def demo_template(postgres: Server, migrated: str) -> str:
    """The name of the template with the small demonstration company."""
    state = servers.fingerprint_of(
        "migrations",
        "app/roles.py",
        "app/demo",
        "app/domains",
        "app/first_start.py",
        "app/engine/desk/views.py",
        "app/engine/quality",
        "data",
        "tests/conftest.py",
        "tests/small_export.py",
    )
    return postgres.template("demo", state, _furnish, migrated)


@pytest.fixture(scope="session")
def database(postgres: Server, migrated: str, process_name: str) -> Iterator[Database]:
    with postgres.clone(migrated, f"test_{process_name}") as database:
        yield database


@pytest.fixture
def fresh_database(postgres: Server, migrated: str, process_name: str) -> Iterator[Database]:
    with postgres.clone(migrated, f"fresh_{process_name}") as database:
        yield database


@pytest.fixture(scope="session")
def demo_database(postgres: Server, demo_template: str, process_name: str) -> Iterator[Database]:
    with postgres.clone(demo_template, f"demo_{process_name}") as database:
        yield database


@pytest.fixture(scope="session")
def app(database: Database) -> Iterator[Flask]:
    yield from _application(database.config())


@pytest.fixture(scope="session")
def demo_app(demo_database: Database) -> Iterator[Flask]:
    yield from _application(demo_database.config())


@pytest.fixture
def client(app: Flask) -> Any:
    return app.test_client()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    yield from _connection(database, "app")


@pytest.fixture
def owner_connection(database: Database) -> Iterator[Connection]:
    yield from _connection(database, "owner")


@dataclass(frozen=True)
class Live:
    """A console that is really running."""

    url: str
    database: Database
    password: str

    def email(self, role: str) -> str:
        from app.first_start import email_for

        return email_for(role)


@pytest.fixture(scope="session")
def server(demo_database: Database, demo_template: str) -> Iterator[Live]:
    """A running console; its log stands in .test/ and is shown when it does not come up."""
    config = demo_database.config(port=free_port(), web_threads=4)
    log_path = config.data_dir / "web.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            processes.web_command(config),
            env=startup.as_environment(config),
            cwd=startup.ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await_http(f"{config.address}/healthz", process, log_path.read_text)
        yield Live(
            config.address, demo_database, (demo_database.data_dir.parent / f"{demo_template}.password").read_text()
        )
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for this test process."""
    from playwright.sync_api import sync_playwright

    # The first has no window to draw, which halves what a page costs.
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next((found for name in names if (found := shutil.which(name))), None)
    assert path, "No Chromium was found; scripts/chromium.sh brings one."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, server: Live) -> Iterator[Any]:
    """A new page at 1440 wide, on the running console, nobody signed in."""
    context = browser.new_context(base_url=server.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def signed_in(browser: Any, server: Live) -> Iterator[Callable[..., Any]]:
    """`signed_in("dispatcher")` is a new page on which that role has signed in; more arguments go to the context."""
    contexts: list[Any] = []

    def sign_in(role: str, **options: Any) -> Any:
        options = {"viewport": {"width": 1440, "height": 900}, **options}
        context = browser.new_context(base_url=server.url, **options)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.goto("/sign-in")
        page.fill("input[name=email]", server.email(role))
        page.fill("input[name=password]", server.password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield sign_in
    for context in contexts:
        context.close()


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_http(url: str, process: subprocess.Popen[bytes], log: Callable[[], str], seconds: float = 40) -> None:
    """Wait until something answers at `url`; fail with the log when the process ends or the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            assert process.poll() is None, f"It ended with status {process.returncode}:\n{log()}"
            time.sleep(0.1)
    raise AssertionError(f"It did not answer within {seconds} s:\n{log()}")


def _migrate(config: Config) -> None:
    startup.migrate(config)


def _furnish(database: Database) -> None:
    """The demonstration company and its accounts; their password is kept beside the template, as the rows are."""
    from app import demo, first_start

    config = database.config(demo=True)
    first_start.furnish_desk(config)
    export = database.data_dir / database.name / "export"
    write_export(export, DEMO_FIRST, DEMO_LAST, DEMO_LEADS)
    demo.load(database.owner_url, decisions=DEMO_DECISIONS, export=export)
    password = first_start.make_accounts(config)
    (database.data_dir.parent / f"{database.name.removesuffix('_draft')}.password").write_text(password)


def _application(config: Config) -> Iterator[Flask]:
    from app import create_app
    from app.core.db import db

    app = create_app(config)
    app.testing = True
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def _connection(database: Database, role: str) -> Iterator[Connection]:
    config = database.config()
    url = database.app_url if role == "app" else database.owner_url
    engine = create_engine(psycopg_url(url), connect_args=connect_args(config, role))
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()
