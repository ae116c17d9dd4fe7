"""The served console and its worker are killed at whatever instant: KILLS=50 asks so often of each."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

import psutil
from flask import Flask
from sqlalchemy import text

from app.config import Config
from app.core import processes, startup
from app.core.db import db
from app.domains.platform import errands
from app.engine import background, undo_later
from app.engine.apply import change, transaction
from app.engine.importing import reading, runs
from tests.apart import apart
from tests.conftest import await_http, free_port
from tests.domains.conftest import House
from tests.servers import Database
from tests.web.desk import Desk, Forms, sit
from tests.web.test_importing import begun

SEED = int(os.environ.get("TEST_SEED", random.randrange(10**6)))
KILLS = int(os.environ.get("KILLS", "2"))  # each takes a start of the process
WRITERS, ROWS = 3, 2_500  # two batches of the worker, and little for the ledger that all tests share

HALVES = text("""
SELECT s.id FROM change_sets s WHERE s.tenant_id = :tenant AND s.entry_count <> (
    SELECT count(*) FROM change_entries e WHERE e.change_set_id = s.id)
""")
"""Sets that have not the entries they say."""


class Stays(HTTPRedirectHandler):
    """A saved form answers with where to go next; that it did is all that is asked."""

    def redirect_request(self, *_told: Any, **_more: Any) -> None:
        return None


@contextmanager
def running(command: list[str], config: Config) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the console's own, which nothing outlives."""
    with (config.data_dir / "killed.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=startup.as_environment(config),
            cwd=startup.ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """All of its processes, with no time to say anything."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


def until(said: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until it is so; what it was."""
    deadline = time.monotonic() + seconds
    while not (found := said()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
    return found


def test_killing_the_web_server_leaves_every_save_whole_and_keeps_what_it_acknowledged(
    app: Flask, house: House, database: Database
) -> None:
    print(f"TEST_SEED={SEED}")
    chance = random.Random(f"{SEED} web")
    olga = sit(app, house, "Olga", "customers.*", "home.read")
    config = database.config(port=free_port())
    keys = [house.given("customers", name=f"Killed {n}") for n in range(WRITERS)]
    acknowledged: list[str] = []
    for kills in range(KILLS):
        with running(processes.web_command(config), config) as server:
            await_http(f"{config.address}/healthz", server, (config.data_dir / "killed.log").read_text)
            before = len(acknowledged)
            writers = [
                threading.Thread(target=save, args=(config.address, olga, key, f"{kills}-{key}", acknowledged))
                for key in keys
            ]
            for each in writers:
                each.start()
            until(lambda before=before: len(acknowledged) > before + chance.randint(1, 4))
            time.sleep(chance.random() / 10)
            kill(server)
            for each in writers:
                each.join(30)
        assert house.connection.execute(HALVES, {"tenant": house.tenant_id}).all() == []
    kept = set(
        house.connection.execute(
            text(
                "SELECT after ->> 'notes' FROM change_entries WHERE table_name = 'customers' AND record_id = ANY(:keys)"
            ),
            {"keys": [str(key) for key in keys]},
        ).scalars()
    )
    assert set(acknowledged) <= kept, "something was said to be saved and is not in the ledger"
    written = len(kept - {None})
    assert written <= len(acknowledged) + KILLS * WRITERS, "the last of each may be written and not yet told"


def save(address: str, person: Desk, key: int, mark: str, acknowledged: list[str]) -> None:
    """Save one form after the other, each with words of its own, until nobody answers any more."""
    cookie = person.client.get_cookie("console")
    assert cookie
    opener = build_opener(Stays())
    place, who = f"{address}/crm/customers/{key}/edit", {"Cookie": f"console={cookie.value}"}
    for turn in range(1_000):
        try:
            page = opener.open(Request(place, headers=who), timeout=20).read().decode()
            form = next(each for each in Forms(page).forms if "version" in each.values)
            notes = f"{mark} {turn}"
            sent = urlencode({**form.values, "notes": notes}).encode()
            opener.open(Request(place, sent, {**who, "Origin": address}), timeout=20)
        except HTTPError as answer:
            if answer.code == 303:
                acknowledged.append(notes)
                continue
            raise
        except OSError:
            return  # it is dead


def test_killing_the_real_worker_in_an_undo_leaves_whole_batches_and_another_ends_it(
    app: Flask, house: House, database: Database
) -> None:
    print(f"TEST_SEED={SEED}")
    chance = random.Random(f"{SEED} worker")
    olga = sit(app, house, "Olga", "*.*").actor
    with transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO customers (tenant_id, number, name)"
                " SELECT :tenant, 'W' || n, 'W' || n FROM generate_series(1, :rows) AS n"
            ),
            {"tenant": house.tenant_id, "rows": ROWS},
        )
    command = processes.worker().command
    for _ in range(KILLS):
        with change(olga, reason="a bulk fix") as connection:
            connection.execute(
                text("UPDATE customers SET bill_city = 'Austin' WHERE tenant_id = :t"), {"t": house.tenant_id}
            )
            number = connection.info["change_set"]
        with transaction() as connection:
            asked = undo_later.ask(connection, [(number, ROWS)], olga, "It was wrong", None)
            background.defer_within(connection, background.queue.tasks["undo.go_on"], run_id=asked)
        with running(command, database.config()) as worker:
            until(lambda asked=asked: run_of(house, asked).attempt)
            time.sleep(chance.random() / 2)
            kill(worker)
        now = run_of(house, asked)
        back = house.connection.execute(
            text("SELECT count(*) FROM customers WHERE tenant_id = :t AND bill_city IS NULL"), {"t": house.tenant_id}
        ).scalar_one()
        assert back == now.records_restored
        assert back % undo_later.BATCH == 0 or back == ROWS
        assert house.connection.execute(HALVES, {"tenant": house.tenant_id}).all() == []
        if now.status != "done":
            with transaction() as connection:
                run = undo_later.take_up(connection, asked)
            assert run is not None
            undo_later.go_on(db.engine, run, olga)
            with transaction() as connection:
                assert undo_later.finish(connection, run, "done")
        now = run_of(house, asked)
        assert (now.status, now.records_restored, now.records_left) == ("done", ROWS, 0)


def run_of(house: House, number: int) -> Any:
    run = undo_later.run_of(house.connection, number, house.tenant_id)
    assert run is not None
    return run


LONG = 300
"""Seconds in which a worker has begun and ended something, on a machine that is busy with other things."""
A_SECOND = 1_500
"""Rows a worker does in a second on a machine at ease: it is killed at any instant of what would take it so long."""
IMPORTED = 2_500 if KILLS < 10 else 9_000


def test_killing_the_real_worker_in_an_import_leaves_whole_batches_and_all_of_it_is_undone_as_one(
    app: Flask, house: House, database: Database
) -> None:
    """Killed as it reads, rehearses, applies and undoes: the next one goes on, and nothing comes in twice."""
    print(f"TEST_SEED={SEED}")
    olga = sit(app, house, "Olga", "*.*")
    many, rounds = KILLS >= 10, 0
    with Workers(house, database, random.Random(f"{SEED} import"), olga) as workers:
        while not rounds or workers.killed < KILLS:
            rounds += 1
            lines = (f"K{n:06},Killed {n},Denver,office{n}@killed.example,{n % 97}.50" for n in range(IMPORTED))
            file = "\n".join(["Cust #,Company,City,E-mail,Credit limit", *lines])
            place = begun(olga, "customers", file, "customers.csv", "killed")
            run = Import(house, int(place.rpartition("/")[2]))
            assert olga.send(f"{place}/rehearse", olga.opened(place, "mode")).status_code == 303

            # Killed as its child reads: the child has its limit, and does not outlive who listens to it.
            with db.engine.begin() as held:
                held.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                held.execute(text("SELECT FROM import_sheets WHERE import_id = :id FOR UPDATE"), {"id": run.number})
                worker = workers.begin().pid
                child, limit = until(lambda worker=worker: reader_of(worker), LONG)
                assert limit == reading.MEMORY
                workers.kill()
                until(lambda child=child: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)

            workers.end(run, kills=3 if many else 0)
            assert run.now().creates == IMPORTED
            assert run.brought() == (0, 0), "nothing is written before Apply"
            olga.send(f"{place}/apply", olga.opened(place, "reason"), reason="We leave the old program")
            workers.end(run, kills=4 if many else 1)
            assert f"{IMPORTED:,} rows brought in" in olga.page(place)
            assert run.brought() == (IMPORTED, IMPORTED), "all of it, and nothing twice"
            assert run.entries() == (IMPORTED, IMPORTED), "each is in the ledger, once"

            asked = olga.send(f"/change-sets/{run.first_set()}/undo", olga.opened(place, "together"))
            undo = Undo(house, int(asked.headers["Location"].rpartition("/")[2]))
            workers.end(undo, kills=2 if many else 0)
            now = undo.now()
            assert (now.status, now.records_restored, now.records_left) == ("done", IMPORTED, 0)
            assert run.brought() == (0, 0), "all that came with it has gone again"
    print(f"{workers.killed} kills in {rounds} imports")


@dataclass
class Import:
    """One import as the database has it."""

    house: House
    number: int

    @property
    def place(self) -> str:
        return f"/imports/{self.number}"

    def now(self) -> runs.Run:
        return runs.find(self.house.connection, self.number, self.house.tenant_id)

    def standing(self) -> Any:
        asked = text("SELECT state, attempt FROM imports WHERE id = :id")
        return self.house.connection.execute(asked, {"id": self.number}).one()

    def is_under_way(self) -> bool:
        return self.standing().state in ("reading", "rehearsing", "applying")

    def is_whole(self, page: str) -> None:
        """What is there is what it says it did, in whole batches, and its page says the same."""
        now = self.now()
        done = now.applied
        assert self.brought() == (done, done)
        assert done % runs.BATCH == 0 or done == IMPORTED
        if now.waits:
            seen = now.seen if now.state == "rehearsing" else done
            assert re.search(
                rf"{seen:,} of {IMPORTED:,}\." if now.state != "reading" else f"{now.total:,} rows read", page
            )

    def brought(self) -> tuple[int, int]:
        """Customers that are here, and what is kept of them as their source said it."""
        asked = text("""
            SELECT (SELECT count(DISTINCT external_id) FROM customers WHERE tenant_id = :t AND external_source = 'killed'),
                (SELECT count(*) FROM customers WHERE tenant_id = :t AND external_source = 'killed'),
                (SELECT count(*) FROM record_sources s WHERE s.tenant_id = :t AND s.source = 'killed'
                    AND EXISTS (SELECT FROM customers c WHERE c.id = s.record_id))
        """)
        different, here, kept = self.house.connection.execute(asked, {"t": self.house.tenant_id}).one()
        assert different == here
        return here, kept

    def entries(self) -> tuple[int, int]:
        """What its change sets made, in entries and in records."""
        asked = text("""
            SELECT count(*), count(DISTINCT e.record_id) FROM import_sets s
                JOIN change_entries e ON e.change_set_id = s.change_set_id AND e.table_name = 'customers'
            WHERE s.import_id = :id AND e.operation = 'insert'
        """)
        made, records = self.house.connection.execute(asked, {"id": self.number}).one()
        return made, records

    def first_set(self) -> int:
        found = runs.first_set(self.house.connection, self.now())
        assert found
        return found


@dataclass
class Undo:
    """One large undo as the database has it."""

    house: House
    number: int

    @property
    def place(self) -> str:
        return f"/change-sets/undos/{self.number}"

    def now(self) -> Any:
        return run_of(self.house, self.number)

    def standing(self) -> Any:
        asked = text("SELECT status, attempt FROM undo_runs WHERE id = :id")
        return self.house.connection.execute(asked, {"id": self.number}).one()

    def is_under_way(self) -> bool:
        return self.standing().status in ("waiting", "running")

    def is_whole(self, page: str) -> None:
        now = self.now()
        left = self.house.connection.execute(
            text("SELECT count(*) FROM customers WHERE tenant_id = :t AND external_source = 'killed'"),
            {"t": self.house.tenant_id},
        ).scalar_one()
        assert left == IMPORTED - now.records_restored
        if now.status != "done":
            assert f'value="{now.entries_done}"' in page


class Workers(ExitStack):
    """Workers as they run in earnest, one after the other, and what befalls them."""

    def __init__(self, house: House, database: Database, chance: random.Random, olga: Desk) -> None:
        super().__init__()
        self.house, self.config, self.chance, self.olga = house, database.config(), chance, olga
        self.killed = 0
        self.worker: subprocess.Popen[bytes] | None = None

    def begin(self) -> subprocess.Popen[bytes]:
        """The one that is at work, or a new one."""
        if self.worker is None:
            self.worker = self.enter_context(running(processes.worker().command, self.config))
        return self.worker

    def kill(self) -> None:
        """It alone, without its children; then ten minutes go by: the queue gives what it was at to another, or back to
        its person."""
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait(20)
        self.worker, self.killed = None, self.killed + 1
        with transaction() as connection:
            # What was sent last goes on in the database for a while, and may hold them that long.
            connection.execute(text("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0"))
            for late in AGED:
                connection.execute(late, {"tenant": self.house.tenant_id})

        async def sweep() -> None:
            async with background.queue.open_async():
                await background.sweep()

        with background.queue.replace_connector(background._connector(self.config)):
            apart(lambda: asyncio.run(sweep()))

    def end(self, work: Import | Undo, kills: int) -> None:
        """Let it be done, whoever dies at it: after so many kills nobody does any more."""
        while work.is_under_way():
            before = work.standing()
            self.begin()
            until(lambda before=before: work.standing() != before, LONG)
            if kills:
                time.sleep(self.chance.random() * IMPORTED / A_SECOND)
                self.kill()
                kills -= 1
            else:
                until(lambda: not work.is_under_way(), LONG)
            work.is_whole(self.olga.page(work.place))
            assert self.house.connection.execute(HALVES, {"tenant": self.house.tenant_id}).all() == []
            errands.let_go()
            self.take_up_again(work)

    def take_up_again(self, work: Import | Undo) -> None:
        """Olga goes on with what three workers died at."""
        way = {"failed": "rehearse" if isinstance(work, Import) else "resume", "stopped": "continue"}
        press = way.get(work.standing()[0])
        if press is not None:
            form = self.olga.opened(work.place, "mode" if press == "rehearse" else "csrf_token")
            assert self.olga.send(f"{work.place}/{press}", form).status_code == 303


AGED = [
    text("UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '10 minutes'"),
    text("UPDATE imports SET beat_at = beat_at - interval '10 minutes' WHERE tenant_id = :tenant"),
    text("UPDATE undo_runs SET beat_at = beat_at - interval '10 minutes' WHERE tenant_id = :tenant"),
]


def reader_of(worker: int) -> tuple[psutil.Process, int] | None:
    """The child that reads a file for a worker, once it has set itself a limit, and the limit."""
    with suppress(psutil.Error):
        for each in psutil.Process(worker).children(recursive=True):
            if str(reading._CHILD) in each.cmdline():
                most = each.rlimit(psutil.RLIMIT_AS)[1]
                return (each, most) if most > 0 else None
    return None
