"""The streams of one process and the one connection that feeds them all: news by the ledger, and who is here.

One thread listens to the database, looks once for all streams what of it each may hear, and hands it to the loop that
sends. Every second, and whenever a sign-in ends, it asks for all at once whether everybody still has the rights they
came with. Behind a pooler in transaction mode nothing can be listened to; there the ledger is read once a second.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import db
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.live import ledger, presence
from app.engine.live.ledger import Batch, Mark
from app.engine.live.news import Readers, Watch
from app.web import session_rows
from app.web.gateway import Transport

log = logging.getLogger("console.live")

PLACE = "console.newsroom"
"""Where a request finds the newsroom of its process."""
MOST_STREAMS = 500
TICK_S = 0.8
GATHER_S = 0.05
"""How long to wait for more, once something has happened: changes seldom come alone."""
MARGIN_S = 3
"""What a page that has just been made may have missed already."""
STILL_S = 20
"""So often every stream is given a new mark; nobody on the way takes it for dead then, and it never resumes from far back."""
QUIET_S = 30
PROBE_S = 15
PATIENCE_S = 3
NEVER_BEGAN_S = 10


@dataclass(eq=False)
class OpenStream:
    """One tab that is being told. It belongs to a sign-in, and ends when that ends or its rights change."""

    session_id: int
    rights: tuple[Any, ...]
    actor: Actor
    watch: Watch
    edits: bool
    since: Mark | None
    number: int = 0
    """The row of its presence, where it has a record open."""
    told_of: list[dict[str, Any]] | None = None
    """Who it was told is here."""
    loop: asyncio.AbstractEventLoop | None = None
    waiting: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    open: bool = True
    entered: float = field(default_factory=time.monotonic)

    @property
    def gone(self) -> bool:
        """Whether it has ended, or never began: its browser left before the first word."""
        return not self.open or (self.loop is None and time.monotonic() - self.entered > NEVER_BEGAN_S)

    def tell(self, event: str, data: Any, mark: Mark | None = None) -> None:
        """Say something, from any thread."""
        head = f"id: {mark}\n" if mark is not None else ""
        self._put(f"event: {event}\n{head}data: {json.dumps(data)}\n\n".encode())

    def end(self, why: str) -> None:
        """Say why, and nothing more."""
        self.tell("end", {"why": why})
        self._put(None)
        self.open = False

    def _put(self, piece: bytes | None) -> None:
        if self.loop is None:
            self.waiting.put_nowait(piece)  # nobody reads it yet
        else:
            with suppress(RuntimeError):  # the loop has ended, and everybody with it
                self.loop.call_soon_threadsafe(self.waiting.put_nowait, piece)

    async def send(self, transport: Transport, gone: Coroutine[Any, Any, None]) -> None:
        self.loop = asyncio.get_running_loop()
        left = asyncio.ensure_future(gone)
        left.add_done_callback(lambda _done: self.waiting.put_nowait(None))
        try:
            while True:
                try:
                    piece = await asyncio.wait_for(self.waiting.get(), QUIET_S)
                except TimeoutError:
                    piece = b": still here\n\n"
                if piece is None:
                    break
                await transport.send_bytes(piece)
        except Exception as error:
            log.debug("A stream broke off: %s", error)
        finally:
            self.open = False
            left.cancel()


class Newsroom:
    """All streams of one process."""

    def __init__(self, app: Flask, *, listens: bool) -> None:
        self._app, self._can_listen = app, listens
        self._streams: set[OpenStream] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop, self._ready = threading.Event(), threading.Event()
        self._listener = 0
        self._marks: deque[tuple[float, Mark]] = deque(maxlen=120)
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._lag_ms: int | None = None
        self._probed = 0.0
        """When the probe was sent that has not been heard yet."""
        self._due = dict.fromkeys(("beat", "probe", "still"), 0.0)

    # -- for the pages -----------------------------------------------------------------------------------------------

    def enter(self, stream: OpenStream, connection: Connection, age_s: float) -> bool:
        """Take in a stream and tell it what it missed: since the mark it brought, else since its page was made.

        False when there is no room, or no ear: the browser then asks for itself.
        """
        if self._stop.is_set() or len(self._streams) >= MOST_STREAMS or not self._ready.wait(PATIENCE_S):
            return False
        mark = stream.since or self._mark_before(age_s + MARGIN_S)
        # Before anybody else can tell it anything; and without a mark that leaves out what it has yet to be told.
        stream.tell("hello", {}, mark)
        with self._lock:
            self._streams.add(stream)
        if stream.watch.record is not None:
            with transaction() as writing:
                stream.number = presence.enter(writing, self._listener, stream.watch.record, stream.actor, stream.edits)
        missed = ledger.since(connection, mark) if mark else ledger.recent(connection, age_s + MARGIN_S)
        news = Readers(connection, missed).news(stream.watch, stream.actor)
        news.earlier = stream.since is None
        if news:
            stream.tell("news", asdict(news), self.mark)
        return True

    @property
    def mark(self) -> Mark | None:
        """The mark to resume from: taken a while ago, so that all it leaves out has been told."""
        return self._marks[-2][1] if len(self._marks) > 1 else self._marks[0][1] if self._marks else None

    def _mark_before(self, seconds: float) -> Mark | None:
        """The youngest mark of at least that age; none where we do not reach back so far."""
        border = time.monotonic() - seconds
        return next((mark for taken, mark in reversed(self._marks) if taken <= border), None)

    # -- the thread --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to listen."""
        self._thread = threading.Thread(target=self._run, name="newsroom", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End every stream at once; browsers come back to whoever serves next. The thread leaves within a second."""
        self._stop.set()
        for each in list(self._streams):
            each.end("restart")

    def wait(self) -> None:
        """Until it has said that it leaves, with everybody who was here through it."""
        if self._thread is not None:
            self._thread.join(2)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._app.app_context(), db.engines["reading"].connect() as connection:
                    try:
                        self._open(connection)
                        while not self._stop.is_set():
                            self._turn(connection, self._hear(connection))
                        self._close()
                    finally:
                        connection.invalidate()  # nobody else wants one that listens
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                if not self._stop.is_set():
                    log.warning("The live pages lost the database (%s); trying again", type(error).__name__)
                self._ready.clear()
                self._stop.wait(1)
            except Exception:
                log.exception("The live pages stumbled; trying again")
                self._stop.wait(1)

    def _open(self, connection: Connection) -> None:
        """Begin to listen, then catch up: in this order nothing falls between."""
        if self._can_listen:
            connection.exec_driver_sql("LISTEN console_live")
        with transaction() as writing:
            name = f"{socket.gethostname()}:{os.getpid()}"
            self._listener = presence.arrive(writing, name, self._can_listen)
            for each in self._here():
                each.number = presence.enter(
                    writing, self._listener, each.watch.record or ("", ""), each.actor, each.edits
                )
        before = self.mark
        self._marks.append((time.monotonic(), ledger.now(connection)))
        if before is not None:
            self._tell(connection, ledger.since(connection, before))
        self._ready.set()

    def _close(self) -> None:
        with suppress(SQLAlchemyError), transaction() as writing:
            presence.leave(writing, self._listener)

    def _hear(self, connection: Connection) -> set[str]:
        """What the database tells within a second, as words; also nothing."""
        if not self._can_listen:
            self._stop.wait(TICK_S)
            return set()
        driver: Any = connection.connection.driver_connection
        words: set[str] = set()
        for wait in (TICK_S, GATHER_S):
            for notice in driver.notifies(timeout=wait, stop_after=1 if wait == TICK_S else None):
                schema, _, word = notice.payload.partition("/")
                if schema == self._schema:
                    words.add(word)
            if not words:
                break
        return words

    @property
    def _schema(self) -> str:
        return str(self._app.extensions["console.config"].console_schema)

    def _turn(self, connection: Connection, words: set[str]) -> None:
        now = time.monotonic()
        ticks = now - self._marks[-1][0] >= TICK_S
        gone = [each for each in list(self._streams) if each.gone]
        sets = {int(word[4:]) for word in words if word.startswith("set/")}
        for word in words:
            if word.startswith(f"probe/{self._listener}/"):
                self._lag_ms, self._probed = max(round(time.time() * 1000) - int(word.rpartition("/")[2]), 0), 0
        if gone:
            self._leave(gone)
        if self._streams and (ticks or sets or "session" in words):
            self._check(connection)
        if self._streams and not self._can_listen:
            mark = self.mark
            self._tell(connection, ledger.since(connection, mark) if mark else Batch())
        elif self._streams and sets:
            self._tell(connection, ledger.told(connection, sets))
        if gone or "here" in words or (ticks and not self._can_listen):
            self._tell_who_is_here(connection)
        if ticks:
            self._marks.append((now, ledger.now(connection)))
            self._give_signs(connection, now)

    def _leave(self, gone: list[OpenStream]) -> None:
        with self._lock:
            self._streams.difference_update(gone)
        numbers = [each.number for each in gone if each.number]
        if numbers:
            with transaction() as writing:
                presence.go(writing, numbers)

    def _check(self, connection: Connection) -> None:
        """Whoever signed out, was shut out or has other rights now hears no more."""
        streams = list(self._streams)
        standing = session_rows.standings(connection, sorted({each.session_id for each in streams}))
        for each in streams:
            found = standing.get(each.session_id)
            if found is None:
                each.end("signed-out")
            elif session_rows.rights(found) != each.rights:
                each.end("rights")
        with self._lock:
            self._streams = {each for each in self._streams if each.open or each not in streams}
        ended = [each.number for each in streams if not each.open and each.number]
        if ended:
            with transaction() as writing:
                presence.go(writing, ended)

    def _tell(self, connection: Connection, batch: Batch) -> None:
        fresh = tuple(each for each in batch.entries if each.set_id not in self._seen)
        for each in fresh:
            self._seen[each.set_id] = None
        while len(self._seen) > 5_000:
            self._seen.popitem(last=False)
        if not fresh and not batch.more:
            return
        readers = Readers(connection, Batch(fresh, batch.more))
        for stream in list(self._streams):
            if batch.more or stream.watch.tables & readers.tables:
                news = readers.news(stream.watch, stream.actor)
                if news.lost:
                    stream.end("rights")
                elif news:
                    stream.tell("news", asdict(news), self.mark)

    # -- who is here -------------------------------------------------------------------------------------------------

    def _here(self) -> list[OpenStream]:
        return [each for each in list(self._streams) if each.watch.record is not None and each.open]

    def _tell_who_is_here(self, connection: Connection) -> None:
        by_tenant: dict[int, list[OpenStream]] = {}
        for each in self._here():
            by_tenant.setdefault(each.actor.tenant_id, []).append(each)
        for tenant_id, streams in by_tenant.items():
            records = sorted({each.watch.record for each in streams if each.watch.record is not None})
            found = presence.here(connection, tenant_id, records)
            for stream in streams:
                assert stream.watch.record is not None
                others = [
                    {"id": each.app_user_id, "name": each.name, "edits": each.edits}
                    for each in found.get(stream.watch.record, ())
                    if each.app_user_id != stream.actor.app_user_id
                ]
                if others != stream.told_of:
                    stream.told_of = others
                    stream.tell("here", others)

    def _give_signs(self, connection: Connection, now: float) -> None:
        if now >= self._due["beat"]:
            self._due["beat"] = now + presence.BEAT_S
            self._tell_who_is_here(connection)  # those of a process that fell silent leave without a word
            silence = round((now - self._probed) * 1000) if self._probed else 0
            lag = max(silence, self._lag_ms) if self._lag_ms is not None else None
            with transaction() as writing:
                alive = presence.beat(writing, self._listener, len(self._streams), self._can_listen, lag)
            if not alive:
                raise OSError("taken for dead")  # begin anew, with everybody who is here
        if now >= self._due["still"]:
            self._due["still"] = now + STILL_S
            for each in list(self._streams):
                each.tell("still", {}, self.mark)
        if self._can_listen and now >= self._due["probe"]:
            self._due["probe"] = now + PROBE_S
            self._probed = self._probed or now
            with transaction() as writing:
                presence.tell(writing, f"/probe/{self._listener}/{round(time.time() * 1000)}")
