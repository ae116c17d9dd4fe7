"""Keys of programs: how one looks, what is kept of it, what it may do of what its owner may, and from where."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.engine.access import expand, holds
from app.roles import PERMISSIONS

MARK = "bc_"
"""How every key begins, by which a scanner finds one that was pasted where it does not belong."""
_FORM = re.compile(r"bc_[a-z0-9]{5}_[0-9a-f]{64}")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Minted:
    """A new key: `secret` is told once, `prefix` is how it is called, `digest` is all that is kept."""

    prefix: str
    secret: str
    digest: bytes


def mint() -> Minted:
    """A key of 256 bits with a name of five letters in front."""
    prefix = MARK + "".join(secrets.choice(_LETTERS) for _ in range(5))
    secret = f"{prefix}_{secrets.token_hex(32)}"
    return Minted(prefix, secret, digest(secret))


def prefix_of(secret: str) -> str | None:
    """The name in front, None where this cannot be a key of ours."""
    return secret[:8] if _FORM.fullmatch(secret) else None


def digest(secret: str) -> bytes:
    """What is kept. A key is random throughout, so a fast digest is as good as a slow one."""
    return hashlib.sha256(secret.encode()).digest()


def fits(secret: str, kept: bytes) -> bool:
    """Whether this is the key that was kept, in a time that tells nothing of it."""
    return hmac.compare_digest(digest(secret), bytes(kept))


@lru_cache(maxsize=1024)
def powers(scopes: tuple[str, ...], held: frozenset[str]) -> frozenset[str]:
    """What a key may do: what it was made for, of that which its owner holds at this moment."""
    return frozenset(each for each in expand(scopes, PERMISSIONS) if holds(held, each))


def grantable(held: frozenset[str]) -> list[str]:
    """Every permission a person may hand on to a key, in the order of the areas."""
    return [each for each in PERMISSIONS if holds(held, each)]


def comes_from(address: str | None, networks: Sequence[str] | None) -> bool:
    """Whether a key may be used from this address; without networks it may be from anywhere."""
    if not networks:
        return True
    try:
        here = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    here = getattr(here, "ipv4_mapped", None) or here
    return any(here in network for network in _networks(tuple(networks)))


@lru_cache(maxsize=512)
def _networks(written: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    found: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network | None] = map(_network, written)
    return tuple(each for each in found if each is not None)


def _network(written: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(written.strip(), strict=False)
    except ValueError:
        return None
