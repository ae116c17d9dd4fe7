"""Refresh tokens: each is exchanged once for the next of its family, and one that comes back a second time ends them all.

Somebody who copied a token and its rightful holder cannot both go on using it: whoever comes second shows that there are
two, and since nobody can tell which is which, both sign in again (RFC 9700, 4.14.2).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

MARK = "br_"
IDLE, ABSOLUTE = "7 days", "30 days"
"""A family nobody refreshes for a week is over, and so is every one after thirty days."""

_ISSUE = text(f"""
INSERT INTO auth_tokens (user_id, purpose, token_hash, family_id, parent_id, jti, issued_ip, expires_at)
VALUES (:user_id, 'refresh', :hash, :family_id, :parent_id, :jti, CAST(:ip AS inet), least(now() + interval '{IDLE}', coalesce(
    (SELECT min(f.created_at) FROM auth_tokens f WHERE f.family_id = :family_id), now()) + interval '{ABSOLUTE}'))
""")
_FIND = text("""
SELECT k.id, k.family_id, k.user_id, a.id AS app_user_id, u.must_change_password,
       k.used_at IS NOT NULL AS is_used, k.revoked_at IS NULL AND k.expires_at > now() AS is_live
FROM auth_tokens k JOIN users u ON u.id = k.user_id
LEFT JOIN LATERAL (
    SELECT a.id FROM app_users a JOIN tenants t ON t.id = a.tenant_id AND t.status = 'active'
    WHERE a.user_id = u.id AND a.status = 'active' AND u.status = 'active' ORDER BY a.id LIMIT 1
) a ON true
WHERE k.token_hash = :hash AND k.purpose = 'refresh' FOR UPDATE OF k
""")
_USE = text("UPDATE auth_tokens SET used_at = now(), revoked_at = now(), revoke_reason = 'rotated' WHERE id = :id")
_END = text("""
UPDATE auth_tokens SET revoked_at = now(), revoke_reason = :reason
WHERE purpose = 'refresh' AND revoked_at IS NULL AND (CAST(:user_id AS bigint) IS NULL OR user_id = :user_id)
    AND (CAST(:family AS uuid) IS NULL OR family_id = :family)
""")
_LIVE = text("""
SELECT k.family_id, host(k.issued_ip) AS ip, k.created_at AS used_at, k.expires_at,
       (SELECT min(f.created_at) FROM auth_tokens f WHERE f.family_id = k.family_id) AS began_at
FROM auth_tokens k WHERE k.user_id = :user_id AND k.purpose = 'refresh'
    AND k.used_at IS NULL AND k.revoked_at IS NULL AND k.expires_at > now()
ORDER BY k.created_at DESC LIMIT 50
""")


@dataclass(frozen=True)
class Exchanged:
    """Whom a refresh token stood for; its family goes on with a new one."""

    token_id: int
    family_id: UUID
    user_id: int
    app_user_id: int


@dataclass(frozen=True)
class Family:
    """A program signed in with tokens, as its person sees it."""

    id: UUID
    ip: str | None
    refreshed_at: datetime
    expires_at: datetime
    began_at: datetime


def issue(
    connection: Connection, user_id: int, *, jti: UUID, family: UUID, parent: int | None = None, ip: str | None = None
) -> str:
    """The next token of a family; returns the secret, which is kept nowhere."""
    token = MARK + secrets.token_urlsafe(32)
    values: dict[str, Any] = {"user_id": user_id, "hash": _digest(token), "family_id": family, "parent_id": parent}
    connection.execute(_ISSUE, values | {"jti": jti, "ip": ip})
    return token


def new_family() -> UUID:
    """A name for the tokens that follow from one sign-in."""
    return uuid4()


def exchange(connection: Connection, token: str) -> Exchanged | None:
    """Use a token up. None when it is worth nothing; if it was used before, its whole family is worth nothing from now on.
    Commit in either case."""
    row = connection.execute(_FIND, {"hash": _digest(token)}).first()
    if row is None:
        return None
    if row.is_used:
        end_family(connection, row.family_id, "reuse_detected")
        return None
    if not row.is_live or row.app_user_id is None or row.must_change_password:
        return None
    connection.execute(_USE, {"id": row.id})
    return Exchanged(row.id, row.family_id, row.user_id, row.app_user_id)


def end(connection: Connection, token: str) -> None:
    """End the family of a token, whatever state the token is in; an unknown one ends nothing."""
    row = connection.execute(_FIND, {"hash": _digest(token)}).first()
    if row is not None:
        end_family(connection, row.family_id, "logout")


def end_family(connection: Connection, family: UUID, reason: str, user_id: int | None = None) -> int:
    """End one family, of `user_id` alone where given; `reason` is a word of `auth_tokens.revoke_reason`."""
    return connection.execute(_END, {"family": family, "user_id": user_id, "reason": reason}).rowcount


def end_all(connection: Connection, user_id: int, reason: str) -> int:
    """End every family of a person."""
    return connection.execute(_END, {"family": None, "user_id": user_id, "reason": reason}).rowcount


def living(connection: Connection, user_id: int) -> list[Family]:
    """The families of a person that still live, the last refreshed first."""
    return [
        Family(row.family_id, row.ip, row.used_at, row.expires_at, row.began_at)
        for row in connection.execute(_LIVE, {"user_id": user_id})
    ]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
