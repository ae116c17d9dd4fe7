"""Between the web server and the application: pages are made by a few threads, open streams by none.

Granian hands over each request by its own interface, RSGI, on an event loop. A page is made by the WSGI application on
one of the threads and sent from there; a view that opens a stream gives up its thread and leaves the sending to the loop.
Granian's interface was chosen by measurement: a page of 1.4 ms cost 0.2 ms more than by plain WSGI, 0.7 ms more by ASGI
with threads of our own, 1.3 ms more by a2wsgi; asgiref's adapter makes all pages of a process on one thread.
"""

from __future__ import annotations

import asyncio
import io
import logging
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from queue import SimpleQueue
from typing import Any, Protocol
from urllib.parse import urlsplit

log = logging.getLogger("console.gateway")

STREAM = "console.stream"
"""In the environment of a request: a function that takes what is to be sent instead of the answer's body."""
AT_ONCE = 1024 * 1024
"""A body up to this size is read before a thread is taken, so that a slow sender holds none; a larger one as it is read."""
PIECE = 64 * 1024
"""Bytes in which a long answer leaves."""
PATIENCE_S = 60
"""How long a thread waits for a browser to take the next piece of a long answer, or to send the next of a long body."""

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Transport(Protocol):
    """An answer that is sent piece by piece."""

    async def send_bytes(self, data: bytes) -> None:
        """Send some of it; returns once it is on its way."""


class Stream(Protocol):
    """What a view leaves to the loop: it sends until it is over or the browser is gone."""

    async def send(self, transport: Transport, gone: Coroutine[Any, Any, None]) -> None:
        """Send everything there is to send. `gone` ends when the browser has left."""


class Beside(Protocol):
    """What runs in the process beside its pages."""

    def start(self) -> None: ...

    def stop(self) -> None:
        """End every stream, at once; called by a signal, and perhaps twice."""

    def wait(self) -> None:
        """Until it is gone."""


class Gateway:
    """The application as the web server calls it. `environ` goes with each request."""

    def __init__(self, app: Wsgi, threads: int, beside: Beside, **environ: Any) -> None:
        self._app, self._threads, self._beside, self._environ = app, threads, beside, environ
        self._waiting: SimpleQueue[_Exchange | None] = SimpleQueue()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in range(self._threads):
            threading.Thread(target=self._work, name=f"page-{number}", daemon=True).start()
        # The server waits for open answers before it says that it ends, and a stream waits for that word. It has put its
        # own handlers on the loop, which hears of signals by another way; these stand beside them.
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda _number, _frame: self._beside.stop())
        self._beside.start()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beside.stop()
        self._beside.wait()
        for _ in range(self._threads):
            self._waiting.put(None)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        exchange = _Exchange(scope, protocol, asyncio.get_running_loop())
        await exchange.read_ahead()
        self._waiting.put(exchange)
        stream = await exchange.done
        if stream is not None:
            transport = protocol.response_stream(exchange.status, exchange.headers)
            await stream.send(transport, _left(protocol))

    def _work(self) -> None:
        while (exchange := self._waiting.get()) is not None:
            try:
                exchange.answer(self._app, self._environ)
            except Exception:
                log.exception("A request could not be answered")
                exchange.fail()
            exchange.finish()


async def _left(protocol: Any) -> None:
    await protocol.client_disconnect()


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Any, protocol: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.scope, self.protocol, self.loop = scope, protocol, loop
        self.done: asyncio.Future[Stream | None] = loop.create_future()
        self.stream: Stream | None = None
        self.status, self.headers = 500, [("content-type", "text/plain; charset=utf-8")]
        self.body: io.BufferedIOBase | None = None
        self.sent = False

    async def read_ahead(self) -> None:
        if self.scope.method in ("GET", "HEAD", "OPTIONS"):
            self.body = io.BytesIO()
        elif (length := self.scope.headers.get("content-length")) and length.isdigit() and int(length) <= AT_ONCE:
            self.body = io.BytesIO(await self.protocol())

    def answer(self, app: Wsgi, environ: dict[str, Any]) -> None:
        body = self.body or io.BufferedReader(_Body(self))
        result = app(_environ(self.scope) | environ | {"wsgi.input": body, STREAM: self._take}, self._start)
        try:
            if self.stream is not None:
                self.headers = [pair for pair in self.headers if pair[0] != "content-length"]
            else:
                self._send(iter(result))
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _take(self, stream: Stream) -> None:
        self.stream = stream

    def _start(self, status: str, headers: list[tuple[str, str]], _fault: Any = None) -> Callable[[bytes], Any]:
        self.status = int(status[:3])
        self.headers = [(name.lower(), value) for name, value in headers]
        return _no_write

    def _send(self, pieces: Iterator[bytes]) -> None:
        """At once where it is short, which a page nearly always is; else piece by piece as the browser takes it."""
        known = dict(self.headers).get("content-length")
        rest = _joined(pieces, AT_ONCE if known and known.isdigit() and int(known) <= AT_ONCE else PIECE)
        first = next(rest, b"")
        second = next(rest, None)
        if second is None:
            self.sent = True
            if first:
                self.protocol.response_bytes(self.status, self.headers, first)
            else:
                self.protocol.response_empty(self.status, self.headers)
            return
        self.sent = True
        transport = self.protocol.response_stream(self.status, self.headers)
        for piece in (first, second):
            self.wait_for(transport.send_bytes(piece))
        for piece in rest:
            self.wait_for(transport.send_bytes(piece))

    def wait_for(self, awaitable: Any) -> Any:
        """From a thread: what the loop makes of it."""

        async def it() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(it(), self.loop).result(PATIENCE_S)

    def fail(self) -> None:
        self.stream = None
        if not self.sent:
            plain = [("content-type", "text/plain; charset=utf-8")]
            self.protocol.response_bytes(500, plain, b"Something went wrong here.\n")

    def finish(self) -> None:
        self.loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if not self.done.done():
            self.done.set_result(self.stream)


class _Body(io.RawIOBase):
    """The body of a request too long to be read ahead."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange, self._pieces, self._rest = exchange, exchange.protocol.__aiter__(), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = self._exchange.wait_for(self._pieces.__anext__())
            except StopAsyncIteration:
                return 0
        taken = min(len(buffer), len(self._rest))
        buffer[:taken], self._rest = self._rest[:taken], self._rest[taken:]
        return taken


def _no_write(_data: bytes) -> None:
    raise RuntimeError("An application of today returns its body; it does not write it.")


def _joined(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of about `size`."""
    held: list[bytes] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= size:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)


def _environ(scope: Any) -> dict[str, Any]:
    """The request in the words of WSGI, whose texts are bytes in disguise."""
    host, _, port = scope.server.rpartition(":")
    made = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _disguised(scope.path),
        "QUERY_STRING": _disguised(scope.query_string),
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": urlsplit(f"//{scope.client}").hostname or "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # it would pass for the header with a hyphen, which a proxy in front may have vouched for
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        made[key] = f"{made[key]}{';' if key == 'HTTP_COOKIE' else ','}{value}" if key in made else value
    return made


def _disguised(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
