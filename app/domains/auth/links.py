"""One-time links: an invitation, or a way back in for who lost a password. Only their digest is kept, and each works once."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, text

LASTS = {"invite": "7 days", "password_reset": "24 hours"}

_ISSUE = text("""
INSERT INTO auth_tokens (user_id, purpose, token_hash, issued_ip, expires_at)
VALUES (:user_id, :purpose, :hash, CAST(:ip AS inet), now() + CAST(:lasts AS interval))
""")
_WITHDRAW = text("""
UPDATE auth_tokens SET revoked_at = now(), revoke_reason = 'admin'
WHERE user_id = :user_id AND purpose IN ('invite', 'password_reset') AND used_at IS NULL AND revoked_at IS NULL
""")
_OPEN = """
FROM auth_tokens k
JOIN users u ON u.id = k.user_id AND u.status IN ('invited', 'active')
JOIN LATERAL (
    SELECT a.id, a.tenant_id, a.display_name, t.name AS company FROM app_users a JOIN tenants t ON t.id = a.tenant_id
    WHERE a.user_id = u.id AND a.status IN ('invited', 'active') ORDER BY a.id LIMIT 1
) a ON true
WHERE k.token_hash = :hash AND k.purpose = :purpose AND k.used_at IS NULL AND k.revoked_at IS NULL AND k.expires_at > now()
"""
_READ = text(f"SELECT k.id, u.id, u.email, a.id, a.tenant_id, a.display_name, a.company {_OPEN}")
_SPEND = text("""
UPDATE auth_tokens SET used_at = now()
WHERE id = :id AND used_at IS NULL AND revoked_at IS NULL AND expires_at > now() RETURNING id
""")


@dataclass(frozen=True)
class Bearer:
    """Whom a link stands for while it is still good."""

    token_id: int
    user_id: int
    email: str
    app_user_id: int
    tenant_id: int
    name: str
    company: str


def issue(connection: Connection, user_id: int, purpose: str, ip: str | None = None) -> str:
    """A new link's secret; those the person still had are withdrawn, so that only the newest opens."""
    token = secrets.token_urlsafe(32)
    connection.execute(_WITHDRAW, {"user_id": user_id})
    values = {"user_id": user_id, "purpose": purpose, "hash": _digest(token), "ip": ip, "lasts": LASTS[purpose]}
    connection.execute(_ISSUE, values)
    return token


def withdraw(connection: Connection, user_id: int) -> None:
    """Make every unused link of a person worthless."""
    connection.execute(_WITHDRAW, {"user_id": user_id})


def read(connection: Connection, purpose: str, token: str) -> Bearer | None:
    """Whom the link is for, or None when it is unknown, used, withdrawn or too old; the four look the same to a stranger."""
    row = connection.execute(_READ, {"hash": _digest(token), "purpose": purpose}).first()
    return Bearer(*row) if row else None


def spend(connection: Connection, bearer: Bearer) -> bool:
    """Use the link up. False when somebody was faster: of two people who open it together, one is let in."""
    return connection.execute(_SPEND, {"id": bearer.token_id}).first() is not None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
