"""Pages that stay true while they are open: who hears of what, how soon, and who hears nothing any more."""

from __future__ import annotations

import http.client
import json
import queue
import re
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from flask import Flask

from app.domains.platform.health_live import stream as health_of_streams
from app.engine.live.ledger import Mark, now, since
from tests.conftest import Live

SOON = 30.0
"""Seconds after which what should have come is missed. How soon it comes is measured by the bench."""


class Tab:
    """One open stream, read as a browser reads it."""

    def __init__(self, port: int, path: str, headers: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.request("GET", path, headers=headers)
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        self.said: queue.Queue[tuple[str, str, Any]] = queue.Queue()
        self.mark = ""
        if self.answer.status == 200:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        event: dict[str, str] = {}
        try:
            for line in self.answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    event[name] = value
                elif event.get("event"):
                    self.said.put((event["event"], event.get("id", ""), json.loads(event["data"])))
                    event = {}
        except (OSError, http.client.HTTPException, ValueError):
            pass
        self.said.put(("closed", "", None))

    def hears(self, what: str, of: int | None = None, within: float = 5) -> Any:
        """What the next event of that name says; of a record, where somebody who comes may be told of earlier ones first."""
        deadline = time.monotonic() + within
        while True:
            event, mark, data = self.said.get(timeout=max(deadline - time.monotonic(), 0.01))
            self.mark = mark or self.mark
            if event == what and (of is None or str(of) in (*data["changed"], *data["made"])):
                return data

    def news(self) -> list[Any]:
        """What it heard of since it came, and nobody has asked about."""
        heard = [self.said.get() for _ in range(self.said.qsize())]
        return [data for event, _mark, data in heard if event == "news" and not data["earlier"]]

    def close(self) -> None:
        """As a browser that goes away: the reader then comes to an end by itself."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class Person:
    """Somebody signed in, with as many tabs as they like."""

    def __init__(self, server: Live, role: str) -> None:
        self.port = int(server.url.rpartition(":")[2])
        self.cookies: dict[str, str] = {}
        self.tabs: list[Tab] = []
        self.token = self._token(self.get("/sign-in")[1])
        given = {"email": server.email(role), "password": server.password, "csrf_token": self.token, "next": ""}
        assert self.send("POST", "/sign-in", given)[0] == 303
        self.token = self._token(self.get("/account")[1])

    @staticmethod
    def _token(page: str) -> str:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found
        return found[1]

    @property
    def headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def send(self, method: str, path: str, given: dict[str, str] | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        form = {"Content-Type": "application/x-www-form-urlencoded"} if given is not None else {}
        connection.request(
            method, path, urllib.parse.urlencode(given or {}) if given is not None else None, self.headers | form
        )
        answer = connection.getresponse()
        assert answer.getheader("Content-Type") != "text/event-stream; charset=utf-8", f"{path} is a stream"
        body = answer.read().decode()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, kept = value.split(";")[0].partition("=")
                self.cookies[key] = kept
        connection.close()
        return answer.status, body

    def get(self, path: str) -> tuple[int, str]:
        return self.send("GET", path)

    def opens(self, path: str, query: str = "", **headers: str) -> Tab:
        self.tabs.append(Tab(self.port, f"/live?on={path}{query}", self.headers | headers))
        assert self.tabs[-1].answer.status == 200
        self.tabs[-1].hears("hello")
        return self.tabs[-1]

    def saves(self, path: str, **values: str) -> None:
        assert self.send("PATCH", path, {"csrf_token": self.token, **values})[0] in (200, 303)


@pytest.fixture
def come(server: Live) -> Iterator[Callable[[str], Person]]:
    people: list[Person] = []

    def sign_in(role: str) -> Person:
        people.append(Person(server, role))
        return people[-1]

    yield sign_in
    for each in people:
        for tab in each.tabs:
            tab.close()


@pytest.fixture
def psql(server: Live) -> Iterator[psycopg.Connection]:
    """A program of somebody else over the same database."""
    options = "-c search_path=console,public"
    with psycopg.connect(server.database.superuser_url, autocommit=True, options=options) as connection:
        yield connection


def some(psql: psycopg.Connection, statement: str) -> int:
    row = psql.execute(statement.encode()).fetchone()
    assert row
    return int(row[0])


@pytest.fixture
def customer(psql: psycopg.Connection) -> int:
    return some(
        psql, "SELECT id FROM customers WHERE status = 'active' AND archived_at IS NULL ORDER BY id OFFSET 70 LIMIT 1"
    )


def test_a_change_is_heard_on_list_and_record_and_says_nothing_of_what_it_is(
    come: Callable[[str], Person], customer: int, psql: psycopg.Connection
) -> None:
    owner, seller = come("owner"), come("sales")
    of_list, of_record = owner.opens("/crm/customers"), owner.opens(f"/crm/customers/{customer}")
    of_other = owner.opens("/crm/invoices")
    began = time.monotonic()
    seller.saves(f"/crm/customers/{customer}/cells/bill_city", bill_city="Ouray")
    heard = of_list.hears("news", of=customer)
    assert time.monotonic() - began < SOON
    assert heard["changed"] == [str(customer)] and not heard["mine"] and len(heard["by"]) == 1
    assert "Ouray" not in json.dumps(heard), "the page asks for what it may show"
    assert of_record.hears("news", of=customer)["changed"] == [str(customer)]

    status, rows = owner.get(f"/crm/customers/rows?keys={customer}&cols=name,bill_city")
    assert status == 200 and "Ouray" in rows
    assert "<tr" not in owner.get(f"/crm/customers/rows?keys={customer}&status=lost")[1], "it is not in that list"
    status, told = owner.get(f"/crm/customers/{customer}/news?from={heard['first']}")
    assert status == 200 and "changed City" in told and "Ouray" in told

    # Also what another program writes; and what belongs to the record, on the record.
    job = some(psql, f"INSERT INTO jobs (tenant_id, customer_id, number, title) SELECT tenant_id, id, 'J-live', 'Leak'"
                     f" FROM customers WHERE id = {customer} RETURNING id")  # fmt: skip
    assert of_record.hears("news")["related"] == ["jobs"]
    psql.execute(f"DELETE FROM jobs WHERE id = {job}".encode())
    assert of_record.hears("news")["related"] == ["jobs"]
    assert not of_other.news(), "whoever looks at something else hears nothing"


def test_who_resumes_misses_nothing_even_what_was_begun_before_and_committed_after(
    come: Callable[[str], Person], server: Live, customer: int, psql: psycopg.Connection
) -> None:
    owner = come("owner")
    tab = owner.opens("/crm/customers")
    options = "-c search_path=console,public"
    with psycopg.connect(server.database.superuser_url, options=options) as slow:
        slow.execute(
            "UPDATE customers SET source = 'slow' WHERE id = %s", [customer]
        )  # has its number, not yet its commit
        psql.execute("UPDATE customers SET source = 'quick' WHERE id = %s", [customer + 1])
        assert str(customer + 1) in tab.hears("news", of=customer + 1)["changed"]
        psql.execute("UPDATE customers SET source = 'quicker' WHERE id = %s", [customer + 1])
        tab.hears("news", of=customer + 1)
        tab.close()
        slow.commit()
    again = owner.opens("/crm/customers", **{"Last-Event-ID": tab.mark})
    again.hears("news", of=customer)

    status, body = owner.get(f"/live/since?on=/crm/customers&since={tab.mark}")
    asked = json.loads(body)
    assert status == 200 and str(customer) in asked["news"]["changed"], "the same for who has no stream"
    far = json.loads(owner.get("/live/since?on=/crm/customers&since=1.1")[1])
    assert far["news"]["much"], "what lies too far back is read anew as a whole"
    assert owner.get("/live/since?on=nowhere")[0] == 400


def test_nobody_hears_of_what_they_may_not_read(come: Callable[[str], Person], psql: psycopg.Connection) -> None:
    owner, keeper, seller = come("owner"), come("admin"), come("sales")
    assert seller.get("/live?on=/auth/users")[0] == 404
    assert seller.get("/live/since?on=/auth/users")[0] == 404
    mine = some(psql, "SELECT id FROM app_users WHERE display_name = 'Priya Raman'")
    made = (
        "INSERT INTO user_tasks (tenant_id, number, title, assignee_id) SELECT tenant_id, 'T-live-' || id, 'Call', id"
    )
    one = "FROM app_users WHERE {} ORDER BY id LIMIT 1 RETURNING id"
    theirs, own = (some(psql, f"{made} {one.format(who)}") for who in (f"id <> {mine}", f"id = {mine}"))
    assert keeper.get(f"/live?on=/tasks/user_tasks/{theirs}")[0] == 404
    tab, all_of_them, record = (
        keeper.opens("/tasks/user_tasks"),
        owner.opens("/tasks/user_tasks"),
        keeper.opens(f"/tasks/user_tasks/{own}"),
    )
    psql.execute("UPDATE user_tasks SET title = 'Call back' WHERE id = ANY(%s)", [[theirs, own]])
    while str(theirs) not in all_of_them.hears("news")["changed"]:
        pass
    heard = tab.hears("news", of=own)
    assert str(theirs) not in heard["changed"] + heard["made"], "not even that there is one"
    record.hears("news", of=own)
    psql.execute("UPDATE user_tasks SET assignee_id = (SELECT min(id) FROM app_users) WHERE id = %s", [own])
    assert record.hears("end")["why"] == "rights", "given to somebody else, it is no longer shown"


def test_a_stream_ends_within_a_second_of_its_sign_in(come: Callable[[str], Person], psql: psycopg.Connection) -> None:
    person = come("viewer")
    tab = person.opens("/crm/customers")
    began = time.monotonic()
    assert person.send("POST", "/sign-out", {"csrf_token": person.token})[0] == 303
    assert tab.hears("end")["why"] == "signed-out"
    tab.hears("closed")
    assert time.monotonic() - began < SOON
    assert person.get("/live?on=/crm/customers")[0] == 303, "to the sign-in page"
    listening = person.headers | {"Accept": "text/event-stream"}
    assert Tab(person.port, "/live?on=/crm/customers", listening).answer.status == 401, "which has no place in a stream"

    person = come("viewer")
    tab = person.opens("/crm/customers")
    began = time.monotonic()
    psql.execute("UPDATE app_users SET status = 'suspended' WHERE display_name = 'Carl Benning'")
    try:
        assert tab.hears("end")["why"] == "signed-out"
        assert time.monotonic() - began < SOON
    finally:
        psql.execute("UPDATE app_users SET status = 'active' WHERE display_name = 'Carl Benning'")

    person = come("viewer")
    tab = person.opens("/crm/customers")
    psql.execute("UPDATE roles SET permissions = array_append(permissions, 'sessions.read') WHERE key = 'viewer'")
    try:
        assert tab.hears("end")["why"] == "rights", "it comes back with the rights of now"
    finally:
        psql.execute("UPDATE roles SET permissions = array_remove(permissions, 'sessions.read') WHERE key = 'viewer'")


def test_people_see_who_else_is_here_and_who_is_editing(come: Callable[[str], Person], customer: int) -> None:
    owner, seller = come("owner"), come("sales")
    place = f"/crm/customers/{customer}"
    first = owner.opens(place)
    began = time.monotonic()
    second = seller.opens(place)
    assert second.hears("here") == [{"id": 1, "name": "Marcus Brandt", "edits": False}]
    while not (seen := first.hears("here")):
        pass
    assert seen[0]["name"] == "Owen Prescott" and not seen[0]["edits"]
    assert time.monotonic() - began < SOON
    form = seller.opens(place, "&edits=1")
    while not (seen := first.hears("here"))[0]["edits"]:
        pass
    asked = json.loads(owner.get(f"/live/since?on={place}")[1])
    assert [each["name"] for each in asked["here"]] == ["Owen Prescott"]
    began = time.monotonic()
    form.close()
    second.close()
    while first.hears("here"):
        pass
    assert time.monotonic() - began < SOON + 1


def test_a_stream_holds_no_thread_and_keeps_no_session_awake(
    come: Callable[[str], Person], psql: psycopg.Connection
) -> None:
    owner = come("owner")
    tabs = [owner.opens("/crm/customers") for _ in range(12)]  # three times as many as there are threads for pages
    assert owner.get("/crm/customers")[0] == 200
    psql.execute("UPDATE sessions SET last_seen_at = now() - interval '1 hour' WHERE user_id = 1")
    owner.opens("/crm/invoices")
    owner.get("/live/since?on=/crm/invoices")
    asleep = "SELECT count(*) FROM sessions WHERE user_id = 1 AND last_seen_at < now() - interval '50 minutes'"
    assert some(psql, asleep) == some(psql, "SELECT count(*) FROM sessions WHERE user_id = 1")
    owner.get("/crm/customers")
    assert some(psql, asleep) < some(psql, "SELECT count(*) FROM sessions WHERE user_id = 1")
    assert len(tabs) == 12


def test_the_board_tells_how_the_streams_are(come: Callable[[str], Person], demo_app: Flask) -> None:
    from app.core.db import db

    come("owner").opens("/crm/customers")
    with demo_app.app_context(), db.engine.connect() as connection:
        measured = health_of_streams(connection)
        assert measured.value is not None and measured.value < SOON and "web process" in measured.message
        assert not since(connection, now(connection)).more
        assert since(connection, Mark(2**60, now(connection).taken)).more, "a mark of another database"
