"""Access tokens: short-lived, signed with Ed25519, and worth nothing without the family of refresh tokens behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.core.clock import now
from app.engine.keyring import derive

LASTS_S = 600
"""Ten minutes. Losing access does not wait for it: each request also looks whether the family still lives."""
ISSUER, AUDIENCE, KIND = "brainops-console", "brainops-console-api", "at+jwt"
REQUIRED = ["exp", "iat", "aud", "iss", "sub", "jti"]


@dataclass(frozen=True)
class Claims:
    """What a token says that was signed by us and has not run out."""

    app_user_id: int
    family_id: UUID
    jti: UUID


class Signer:
    """Signs with today's secret and recognises tokens signed with those it replaced."""

    def __init__(self, secret: str, formerly: Iterable[str] = ()) -> None:
        self._private = _private(secret)
        self.key_id = _key_id(self._private.public_key())
        publics = [_private(each).public_key() for each in (secret, *formerly)]
        self._known: dict[str, Ed25519PublicKey] = {_key_id(each): each for each in publics}

    def sign(self, app_user_id: int, family_id: UUID) -> tuple[str, UUID]:
        """An access token and its own number."""
        jti, at = uuid4(), now()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(app_user_id),
            "jti": str(jti),
            "family": str(family_id),
            "iat": at,
            "exp": at + timedelta(seconds=LASTS_S),
        }
        return jwt.encode(claims, self._private, "EdDSA", headers={"kid": self.key_id, "typ": KIND}), jti

    def read(self, token: str) -> Claims | None:
        """None for whatever we did not sign, is over, or asks for something we do not do (`crit`, another algorithm)."""
        try:
            header: dict[str, Any] = jwt.get_unverified_header(token)
            key = self._known.get(str(header.get("kid")))
            if key is None or "crit" in header or header.get("typ") != KIND:
                return None
            claims = jwt.decode(
                token, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER, options={"require": REQUIRED}
            )
            return Claims(int(claims["sub"]), UUID(claims["family"]), UUID(claims["jti"]))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, AttributeError):
            return None


def _private(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive(secret, "access tokens, Ed25519"))


def _key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]
