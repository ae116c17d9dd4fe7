"""Open streams: what 200 of them cost the pages of the same server, and how long a change takes to be heard."""

from __future__ import annotations

import secrets
import selectors
import socket
import statistics
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.pool import NullPool

from app.config import load
from app.core.db import make_engine
from app.web import session_rows
from bench.serving import Served, small_console

STREAMS = 200
PAGE = "/crm/customers?sort=-updated_at"


class Listeners:
    """Many open tabs, read by one thread as they would be by many browsers."""

    def __init__(self, served: Served, number: int) -> None:
        self._selector, self._stopped = selectors.DefaultSelector(), False
        self.heard: dict[int, float] = {}
        """When each stream last heard news."""
        self._sockets = []
        cookies = sign_ins(served, number)
        # On five kinds of pages, as people are spread over a console; a fifth of them look at the list that changes.
        places = ("/crm/customers", "/crm/jobs", "/crm/invoices", "/crm/estimates", "/tasks/user_tasks")
        for index in range(number):
            connection = socket.create_connection(("127.0.0.1", served.port))
            asked = (
                f"GET /live?on={places[index % len(places)]} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Cookie: console={cookies[index]}\r\n\r\n"
            )
            connection.sendall(asked.encode())
            said = b""
            while b"event: hello" not in said:
                piece = connection.recv(65536)
                if not piece:
                    raise SystemExit(f"A stream was refused: {said[:300]!r}")
                said += piece
            self._sockets.append(connection)
            self._selector.register(connection, selectors.EVENT_READ, index)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._stopped:
            for key, _events in self._selector.select(0.1):
                if b"event: news" in key.fileobj.recv(65536):  # type: ignore[union-attr]
                    self.heard[key.data] = time.perf_counter()

    def close(self) -> None:
        self._stopped = True
        self._thread.join()
        for each in self._sockets:
            each.close()


def sign_ins(served: Served, number: int) -> list[str]:
    """So many sessions, each of its own, over all the staff who may read what is opened; those of an earlier block end."""
    config = load(served.environment)
    with make_engine(served.environment["DATABASE_URL"], config, poolclass=NullPool).begin() as connection:
        connection.execute(text("DELETE FROM sessions WHERE user_agent = 'bench'"))
        staff = connection.execute(
            text(
                "SELECT DISTINCT u.id, a.tenant_id FROM users u JOIN app_users a ON a.user_id = u.id AND a.status = 'active'"
                " JOIN app_user_roles g ON g.app_user_id = a.id JOIN roles r ON r.id = g.role_id"
                " WHERE u.status = 'active' AND NOT u.must_change_password AND '*.*' = ANY(r.permissions)"
            )
        ).all()
        return [
            session_rows.begin(connection, user_id=user, tenant_id=tenant, user_session_id=None, ip=None, agent="bench")
            for user, tenant in (staff[nth % len(staff)] for nth in range(number))
        ]


@contextmanager
def listening(served: Served, number: int = STREAMS) -> Iterator[Listeners]:
    listeners = Listeners(served, number)
    try:
        yield listeners
    finally:
        listeners.close()


def pages_ms(served: Served, path: str = PAGE, blocks: int = 6, rounds: int = 50) -> tuple[float, float]:
    """Medians of one page with the streams open and without, in blocks by turns on the same server."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(blocks):
        with listening(served):
            times[0].extend(_timed(served, path, rounds))
        times[1].extend(_timed(served, path, rounds))
    return statistics.median(times[0]), statistics.median(times[1])


def _timed(served: Served, path: str, rounds: int) -> Iterator[float]:
    for _ in range(5):
        served.request(path)
    for _ in range(rounds):
        began = time.perf_counter()
        served.request(path)
        yield (time.perf_counter() - began) * 1000


def delay_ms(served: Served, changes: int = 20) -> tuple[float, float]:
    """From the moment a save is sent to the last of 40 tabs that hears of it, while 200 are open: median and worst, in ms."""
    with listening(served) as listeners:
        return _delays(served, listeners, changes)


def _delays(served: Served, listeners: Listeners, changes: int) -> tuple[float, float]:
    key = served.request("/crm/customers").decode().split('data-key="')[1].split('"')[0]
    form = served.request(f"/crm/customers/{key}/edit")
    token = form.decode().split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    delays = []
    for _ in range(changes):
        listeners.heard.clear()
        body = urllib.parse.urlencode({"csrf_token": token, "bill_city": f"Town {secrets.token_hex(4)}"})
        saved = time.perf_counter()
        served.request(f"/crm/customers/{key}/cells/bill_city", "PATCH", body)
        while len(listeners.heard) < STREAMS // 5:
            if time.perf_counter() - saved > 10:
                raise SystemExit(f"Only {len(listeners.heard)} of {STREAMS // 5} tabs heard of a change within 10 s.")
            time.sleep(0.002)
        delays.append((max(listeners.heard.values()) - saved) * 1000)
    return statistics.median(delays), max(delays)


def main() -> None:
    """The figures of the streams alone."""
    with small_console() as served:
        crowded, quiet = pages_ms(served)
        print(f"list page: {crowded:.2f} ms with {STREAMS} open streams, {quiet:.2f} ms without: {crowded / quiet:.3f}")
        median, worst = delay_ms(served)
        print(f"from a save to the last tab that hears of it: {median:.0f} ms, at worst {worst:.0f} ms")


if __name__ == "__main__":
    main()
