"""Keys made of the one secret of the installation, each for a single purpose, the same on every machine that holds it."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12


def derive(secret: str, purpose: str) -> bytes:
    """32 bytes for `purpose` (HKDF, RFC 5869); from one such key neither the secret nor another key can be found."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())


def seal(key: bytes, text: bytes, bound_to: bytes) -> bytes:
    """Text that only `unseal` with the same key and the same `bound_to` reads."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, text, bound_to)


def unseal(key: bytes, sealed: bytes, bound_to: bytes) -> bytes | None:
    """The text again, or None where key or circumstances are not those it was sealed under."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], bound_to)
    except (InvalidTag, ValueError):
        return None
