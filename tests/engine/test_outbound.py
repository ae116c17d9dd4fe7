"""The console calls no address inside the network unless its operator said so, and none that hands out credentials, ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.engine import outbound
from app.engine.outbound import NotCalled


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ftp://example.com/x", "begins with https"),
        ("https://", "begins with https"),
        ("https://ops.example.com:port/", "not an address"),
        ("http://key:secret@93.184.216.34/", "without"),
        ("http://93.184.216.34/ x", "begins with https"),
        ("http://127.0.0.1:8000", "inside this network"),
        ("http://10.0.0.4", "inside this network"),
        ("http://[::1]/", "inside this network"),
        ("http://[::ffff:127.0.0.1]/", "inside this network"),
        ("http://[64:ff9b::10.0.0.4]/", "inside this network"),
        ("http://[2002:0a00:0004::]/", "inside this network"),
        ("http://100.64.0.9/", "inside this network"),
        ("http://0x7f.1/", "inside this network"),
    ],
)
def test_what_is_no_address_of_the_web_at_large_is_refused_with_a_sentence(address: str, says: str) -> None:
    with pytest.raises(NotCalled, match=says):
        outbound.place(address, private=False)


@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254/latest", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://100.100.100.200/",
     "http://[::ffff:169.254.169.254]/", "http://0.0.0.0/", "http://224.0.0.1/", "http://2852039166/"],
)  # fmt: skip
def test_what_hands_out_credentials_is_never_called(address: str) -> None:
    with pytest.raises(NotCalled, match="never calls"):
        outbound.place(address, private=True)


def test_an_address_at_large_is_taken_as_it_is() -> None:
    at = outbound.place("https://93.184.216.34:8443/api/", private=False)
    assert (at.name, at.path, at.ip) == ("https://93.184.216.34:8443", "/api", "93.184.216.34")


class Peer(BaseHTTPRequestHandler):
    seen: list[tuple[str, str | None, str | None]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Host"], self.headers["Authorization"] or self.headers["Cookie"]))
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("Location", "http://169.254.169.254/")
        self.end_headers()
        self.wfile.write(b"x" * 5000)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def peer() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_it_follows_no_redirect_sends_no_credentials_and_reads_no_further_than_asked(peer: str) -> None:
    at = outbound.place(peer, private=True)
    assert outbound.get(at, "/away", seconds=2) == outbound.Answer(302)
    assert len(outbound.get(at, "/", seconds=2, most=5000).body) == 5000
    with pytest.raises(NotCalled, match="longer than"):
        outbound.get(at, "/", seconds=2, most=4999)
    assert {(host, given) for _path, host, given in Peer.seen} == {(peer.removeprefix("http://"), None)}
    with pytest.raises(NotCalled, match="could not be reached"):
        outbound.get(outbound.Place("http", "localhost", 1, "127.0.0.1", ""), "/", seconds=2)
    with pytest.raises(NotCalled):
        outbound.get(outbound.Place("https", "localhost", at.port, at.ip, ""), "/", seconds=2)
