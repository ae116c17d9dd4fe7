"""Calls to other programs: only to addresses that are not inside our own network, and never further than asked.

A name is resolved once and the connection goes to the address that was looked at, so that a name which answers differently
the second time gains nothing. Redirects are not followed, no credentials are sent, and every answer has an end in time
and size. Addresses of one's own network may be called where the operator said so (OUTBOUND_PRIVATE=1); those that hand
out the machine's own credentials never.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

AGENT = "brainops-console"
CONNECT_S = 3.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What clouds serve to the machine itself, some of it outside the link-local range.
METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192")))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotCalled(Exception):
    """Why an address was not called or gave no usable answer, as a sentence."""


@dataclass(frozen=True)
class Answer:
    """What came back: the status, and as much of the body as was asked for."""

    status: int
    body: bytes = b""


@dataclass(frozen=True)
class Place:
    """A server that may be called, by the address that was looked at."""

    scheme: str
    host: str
    port: int
    ip: str
    path: str
    """What stands before every path asked for, without a slash at its end."""

    @property
    def name(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{'' if self.port == _PORTS[self.scheme] else f':{self.port}'}"


_PORTS = {"http": 80, "https": 443}


def place(url: str, *, private: bool) -> Place:
    """The server behind an address people typed. Raises NotCalled where it must not be called or cannot be found."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise NotCalled("This is not an address of the web.") from None
    if parts.scheme not in _PORTS or not host or any(ord(each) <= 32 for each in url.strip()):
        raise NotCalled("Give an address that begins with https:// or http://.")
    if parts.username is not None or parts.password is not None:
        raise NotCalled("An address with a password in it is not kept; give it without.")
    port = port or _PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotCalled(f"There is no server called {host[:100]}.") from None
    addresses = [str(each[4][0]).partition("%")[0] for each in found]
    for each in addresses:  # one bad address among several would be a way in
        refusal = _refusal(ipaddress.ip_address(each), private)
        if refusal:
            raise NotCalled(f"{host[:100]} {refusal}")
    return Place(parts.scheme, host, port, addresses[0], parts.path.rstrip("/"))


def _refusal(ip: Address, private: bool) -> str | None:
    inner = _inner(ip)
    if inner is not None:
        return _refusal(inner, private)
    if ip in METADATA or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return "is an address the console never calls."
    if not ip.is_global and not private:
        return "is inside this network. Whoever operates the console may allow that with OUTBOUND_PRIVATE=1."
    return None


def _inner(ip: Address) -> ipaddress.IPv4Address | None:
    """The address an IPv6 one stands for: mapped, through 6to4, Teredo or NAT64."""
    if not isinstance(ip, ipaddress.IPv6Address):
        return None
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def get(at: Place, path: str, *, seconds: float, most: int = 0) -> Answer:
    """GET without credentials; reads up to `most` bytes of the body. Raises NotCalled where nothing usable came back in time."""
    deadline = time.monotonic() + seconds
    connection = _Pinned(at, min(seconds, CONNECT_S))
    try:
        connection.request(
            "GET", path, headers={"Accept": "application/json", "User-Agent": AGENT, "Connection": "close"}
        )
        response = connection.getresponse()
        return Answer(response.status, _body(response, most, deadline) if most else b"")
    except TimeoutError:
        raise NotCalled("It did not answer in time.") from None
    except ssl.SSLError:
        raise NotCalled("Its certificate could not be verified.") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise NotCalled("It could not be reached.") from None
    finally:
        connection.close()


def _body(response: http.client.HTTPResponse, most: int, deadline: float) -> bytes:
    parts, length = [], 0
    while piece := response.read1(65_536):
        length += len(piece)
        if length > most:
            raise NotCalled(f"Its answer is longer than {most // 1024:,} KB.")
        if time.monotonic() > deadline:
            raise TimeoutError
        parts.append(piece)
    return b"".join(parts)


class _Pinned(http.client.HTTPConnection):
    """A connection to the address that was looked at, under the name that was asked for."""

    def __init__(self, at: Place, timeout: float) -> None:
        super().__init__(at.host, at.port, timeout=timeout)
        self.at = at

    def connect(self) -> None:
        plain = socket.create_connection((self.at.ip, self.at.port), self.timeout)
        self.sock = plain
        if self.at.scheme == "https":
            self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.at.host)
