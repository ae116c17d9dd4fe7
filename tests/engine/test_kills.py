"""Whoever is killed at whatever instant, every change set is there whole or not at all: KILLS=50 asks so often of each."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from app.config import load
from app.core import startup
from app.core.db import db, psycopg_url
from app.core.embedded import Embedded
from app.engine import sealing, undo_later
from app.engine.apply import change, transaction
from tests.domains.conftest import House, house
from tests.ground.places import open_place
from tests.servers import KEY

__all__ = ["house"]

SEED = int(os.environ.get("TEST_SEED", random.randrange(10**6)))
KILLS = int(os.environ.get("KILLS", "6"))
OF_DATABASE = int(os.environ.get("KILLS", "3"))  # each takes a restart with recovery
ROWS = 40


@dataclass
class Child:
    """A process of its own that works until it is killed; it says a word for each change that it was told is written."""

    pid: int
    said: int

    @classmethod
    def doing(cls, work: Callable[[Callable[[], None]], None]) -> Child:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            # Nothing of the parent's may run here, least of all what closes its connections.
            try:
                os.close(read)
                work(lambda: os.write(write, b"."))
            finally:
                os._exit(1)
        os.close(write)
        return cls(pid, read)

    def heard(self, words: int, more_s: float) -> int:
        """Listen until it said so many words, and so long from then on; how many it said."""
        found, until = 0, None
        while until is None or time.monotonic() < until:
            rest = 60 if until is None else max(until - time.monotonic(), 0)
            if not select.select([self.said], [], [], rest)[0]:
                assert until is not None, "it says nothing"
                break
            piece = os.read(self.said, 4096)
            assert piece, "it ended by itself"
            found += len(piece)
            if until is None and found >= words:
                until = time.monotonic() + more_s
        return found

    def ended(self) -> int:
        """Kill it if it lives; the words it said that nobody had heard."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        found = 0
        while piece := os.read(self.said, 4096):
            found += len(piece)
        os.close(self.said)
        return found

    def killed_after(self, words: int, more_s: float) -> int:
        """Kill it so long after it said so many words; how many it said in all."""
        return self.heard(words, more_s) + self.ended()


def fresh() -> None:
    """In a child: leave the parent's connections alone and open one's own."""
    for engine in db.engines.values():
        engine.dispose(close=False)


def halves(connection: Connection, tenant_id: int) -> list[Any]:
    """Sets that have not the entries they say, and writings of the mark that did not reach every row."""
    return list(
        connection.execute(
            text("""
                SELECT s.id FROM change_sets s WHERE s.tenant_id = :tenant AND s.entry_count <> (
                    SELECT count(*) FROM change_entries e WHERE e.change_set_id = s.id)
                UNION ALL
                SELECT count(DISTINCT notes) FROM customers WHERE tenant_id = :tenant HAVING count(DISTINCT notes) > 1
            """),
            {"tenant": tenant_id},
        )
    )


@pytest.fixture
def rows(house: House) -> list[int]:
    with transaction() as connection:
        made = connection.execute(
            text(
                "INSERT INTO customers (tenant_id, number, name, notes)"
                " SELECT :tenant, 'K' || n, 'K' || n, 'none' FROM generate_series(1, :rows) AS n RETURNING id"
            ),
            {"tenant": house.tenant_id, "rows": ROWS},
        )
        return list(made.scalars())


def test_killing_whoever_writes_leaves_every_set_whole(house: House, rows: list[int]) -> None:
    print(f"TEST_SEED={SEED}")
    chance = random.Random(f"{SEED} web")
    olga = house.person("Olga", "*.*")

    def edit(say: Callable[[], None]) -> None:
        fresh()
        for turn in range(10_000):
            with change(olga, reason="an edit") as connection:
                for part in (rows[: ROWS // 2], rows[ROWS // 2 :]):
                    connection.execute(
                        text("UPDATE customers SET notes = :n WHERE id = ANY(CAST(:k AS bigint[]))"),
                        {"n": f"{os.getpid()} {turn}", "k": part},
                    )
            say()

    acknowledged = 0
    for _ in range(KILLS):
        acknowledged += Child.doing(edit).killed_after(chance.randint(1, 3), chance.random() / 20)
        assert halves(house.connection, house.tenant_id) == []
    sets = house.connection.execute(
        text("SELECT count(*) FROM change_sets WHERE tenant_id = :tenant AND reason = 'an edit'"),
        {"tenant": house.tenant_id},
    ).scalar_one()
    assert acknowledged <= sets <= acknowledged + KILLS  # the last of each may be written and not yet told


def test_what_a_killed_worker_was_at_does_not_hold_its_rows_for_long(house: House, rows: list[int]) -> None:
    def wait(told: Callable[[], None]) -> None:
        fresh()
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE customers SET notes = 'held' WHERE id = :row"), {"row": rows[0]})
            told()
            connection.execute(text("SELECT pg_sleep(600)"))

    Child.doing(wait).killed_after(1, 0.2)
    with db.engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '9s'"))
        connection.execute(text("UPDATE customers SET notes = 'free' WHERE id = :row"), {"row": rows[0]})


def test_killing_the_worker_in_an_undo_leaves_whole_batches_and_another_ends_it(house: House, rows: list[int]) -> None:
    print(f"TEST_SEED={SEED}")
    chance = random.Random(f"{SEED} worker")
    olga = house.person("Olga", "*.*")
    with change(olga, reason="a bulk fix") as connection:
        connection.execute(
            text("UPDATE customers SET bill_city = 'Austin' WHERE tenant_id = :t"), {"t": house.tenant_id}
        )
        number = connection.info["change_set"]
    for _ in range(KILLS):
        with transaction() as connection:
            asked = undo_later.ask(connection, [(number, ROWS)], olga, "It was wrong", None)

        def undo(say: Callable[[], None], asked: int = asked) -> None:
            fresh()
            with transaction() as connection:
                run = undo_later.take_up(connection, asked)
            say()
            assert run is not None
            undo_later.go_on(db.engine, run, olga, 5)
            while True:
                signal.pause()

        Child.doing(undo).killed_after(1, chance.random() / 5)
        now = undo_later.run_of(house.connection, asked, house.tenant_id)
        assert now is not None
        back = house.connection.execute(
            text("SELECT count(*) FROM customers WHERE tenant_id = :t AND bill_city IS NULL"), {"t": house.tenant_id}
        ).scalar_one()
        # What is restored is what the run says it restored, in whole batches.
        assert back == now.records_restored
        assert back % 5 == 0
        assert halves(house.connection, house.tenant_id) == []
        with transaction() as connection:
            run = undo_later.take_up(connection, asked)
        assert run is not None
        undo_later.go_on(db.engine, run, olga, 5)
        with transaction() as connection:
            assert undo_later.finish(connection, run, "done")
        now = undo_later.run_of(house.connection, asked, house.tenant_id)
        assert now is not None
        assert (now.records_restored, now.records_left, now.entries_done) == (ROWS, 0, ROWS)
        # Once more from the start, by the same change.
        with change(olga, reason="a bulk fix") as connection:
            connection.execute(
                text("UPDATE customers SET bill_city = 'Austin' WHERE tenant_id = :t"), {"t": house.tenant_id}
            )
            number = connection.info["change_set"]


def test_killing_the_database_leaves_every_set_whole_and_keeps_what_it_acknowledged() -> None:
    """On a cluster of its own that is durable as a real one is."""
    print(f"TEST_SEED={SEED}")
    chance = random.Random(f"{SEED} database")
    with open_place() as place:
        server = Embedded(place)
        try:
            environment = {"DATA_DIR": str(place), "SECRET_KEY": KEY, "CONSOLE_DEMO": "0", "CONSOLE_ENV": "test"}
            startup.migrate(load(environment).on(server.owner_url, server.app_url))
            with _owner(server) as connection:
                tenant = connection.execute(_TENANT).scalar_one()
                connection.execute(_ROWS, {"tenant": tenant, "rows": ROWS})
            acknowledged = 0
            for _ in range(OF_DATABASE):
                child = Child.doing(lambda say, url=server.owner_url: _write_on(url, tenant, say))  # type: ignore[misc]
                acknowledged += child.heard(chance.randint(1, 3), chance.random() / 20)
                os.kill(int((server.cluster / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
                acknowledged += child.ended()
                server.stop()
                server = Embedded(place)
                with _owner(server) as connection:
                    assert halves(connection, tenant) == []
                    sealing.seal(connection)
            with _owner(server) as connection:
                sets = connection.execute(
                    text("SELECT count(*) FROM change_sets WHERE reason = 'an edit'")
                ).scalar_one()
                assert acknowledged <= sets <= acknowledged + OF_DATABASE
                assert sealing.replay_check(connection) == []
                verdict = sealing.verify(connection)
                assert verdict.ok, verdict.first_broken
        finally:
            server.stop()


def _owner(server: Embedded) -> Any:
    options = {"options": "-c search_path=console,public"}
    return create_engine(psycopg_url(server.owner_url), poolclass=NullPool, connect_args=options).begin()


def _write_on(url: str, tenant: int, say: Callable[[], None]) -> None:
    with psycopg.connect(url, options="-c search_path=console,public") as connection:
        for turn in range(10_000):
            connection.execute(
                "SELECT open_change_set('system', NULL, 'system', NULL, 'an edit', tenant_id => %s)", (tenant,)
            )
            for odd in (0, 1):
                connection.execute("UPDATE customers SET notes = %s WHERE id %% 2 = %s", (f"{os.getpid()} {turn}", odd))
            connection.commit()
            say()


_TENANT = text("INSERT INTO tenants (slug, name) VALUES ('ridge', 'Ridge') RETURNING id")
_ROWS = text("""
INSERT INTO customers (tenant_id, number, name, notes)
SELECT :tenant, 'K' || n, 'K' || n, 'none' FROM generate_series(1, :rows) AS n
""")
