"""API keys as people make, replace and end them, and what is written of their use.

Every function writes on a connection inside an open change set; none commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, text

from app.core.clock import now
from app.engine import background
from app.engine.access import SYSTEM, Actor, holds
from app.engine.api_keys import mint
from app.engine.apply import change
from app.engine.refusals import NotFound, Rejected

LONGEST_DAYS = 366
OVERLAP = timedelta(hours=24)
"""How long a replaced key goes on working, so that no program stops while the new one is handed over."""

_MAKE = text("""
INSERT INTO user_api_keys (tenant_id, app_user_id, name, prefix, key_hash, scopes, allowed_ips, rate_limit_per_min,
                           expires_at, rotated_from_id)
VALUES (:tenant_id, :owner, :name, :prefix, :digest, CAST(:scopes AS text[]), CAST(:ips AS text[]), :rate, :expires, :old)
ON CONFLICT (prefix) DO NOTHING RETURNING id
""")
_FIND = text("""
SELECT id, app_user_id, name, scopes, allowed_ips, rate_limit_per_min, expires_at, created_at FROM user_api_keys
WHERE id = :id AND tenant_id = :tenant_id AND app_user_id = :owner AND status = 'active' FOR UPDATE
""")
_SHORTEN = text("UPDATE user_api_keys SET expires_at = least(expires_at, :until) WHERE id = :id")
_REVOKE = text("""
UPDATE user_api_keys SET status = 'revoked', revoked_at = now(), revoked_by = :by
WHERE id = :id AND tenant_id = :tenant_id AND app_user_id = :owner AND status = 'active' RETURNING name
""")
_OWN = text("""
SELECT k.id, k.name, k.prefix, k.scopes, k.allowed_ips, k.rate_limit_per_min, k.status, k.expires_at, k.created_at,
       k.revoked_at, greatest(k.last_used_at, CASE WHEN u.unwritten > 0 THEN u.used_at END) AS last_used_at,
       k.use_count + coalesce(u.unwritten, 0) AS use_count, k.expires_at IS NULL OR k.expires_at < now() AS has_run_out
FROM user_api_keys k LEFT JOIN api_uses u ON u.who = 'key:' || k.id
WHERE k.app_user_id = :owner AND (k.status = 'active' OR k.revoked_at > now() - interval '30 days')
ORDER BY k.status, k.created_at DESC, k.id DESC LIMIT 100
""")
_WRITE_USES = text("""
WITH due AS (
    UPDATE api_uses u SET unwritten = 0, written_at = clock_timestamp()
    FROM (SELECT who, unwritten FROM api_uses WHERE who LIKE 'key:%' AND unwritten > 0 FOR UPDATE SKIP LOCKED) old
    WHERE u.who = old.who RETURNING substr(u.who, 5)::bigint AS id, old.unwritten, u.used_at, u.used_from
)
UPDATE user_api_keys k SET last_used_at = greatest(k.last_used_at, due.used_at), last_used_ip = due.used_from,
       use_count = k.use_count + due.unwritten
FROM due WHERE k.id = due.id AND k.status = 'active'
""")


@dataclass(frozen=True)
class Wish:
    """What somebody asks of a new key."""

    name: str
    scopes: tuple[str, ...]
    days: int
    networks: tuple[str, ...] = ()
    rate: int = 120


def make(connection: Connection, actor: Actor, wish: Wish, replaces: int | None = None) -> str:
    """A key of the actor's own; returns the secret, which is kept nowhere. Raises Rejected."""
    beyond = [each for each in wish.scopes if not holds(actor.permissions, each)]
    if beyond:
        raise Rejected({"scopes": f"You do not hold {beyond[0]} yourself, so no key of yours can."})
    if not wish.scopes:
        raise Rejected({"scopes": "Choose at least one thing this key may do."})
    if not 1 <= wish.days <= LONGEST_DAYS:
        raise Rejected({"days": f"A key lasts from 1 to {LONGEST_DAYS} days."})
    values: dict[str, Any] = {
        "tenant_id": actor.tenant_id,
        "owner": actor.app_user_id,
        "name": wish.name,
        "scopes": list(wish.scopes),
        "ips": list(wish.networks) or None,
        "rate": wish.rate,
        "expires": now() + timedelta(days=wish.days),
        "old": replaces,
    }
    while True:  # two keys by the same name are one in thirty million
        minted = mint()
        if connection.execute(_MAKE, values | {"prefix": minted.prefix, "digest": minted.digest}).first() is not None:
            return minted.secret


def rotate(connection: Connection, actor: Actor, key: int) -> tuple[str, str]:
    """A new key in place of one's own, which goes on for a day; returns its name and the secret."""
    old = connection.execute(_FIND, {"id": key, "tenant_id": actor.tenant_id, "owner": actor.app_user_id}).first()
    if old is None:
        raise NotFound("There is no such key of yours that still works.")
    lasted = (old.expires_at - old.created_at).days if old.expires_at else LONGEST_DAYS
    scopes = tuple(each for each in old.scopes if holds(actor.permissions, each))
    wish = Wish(
        old.name,
        scopes,
        max(1, min(lasted, LONGEST_DAYS)),
        tuple(old.allowed_ips or ()),
        old.rate_limit_per_min,
    )
    secret = make(connection, actor, wish, replaces=old.id)
    connection.execute(_SHORTEN, {"id": old.id, "until": now() + OVERLAP})
    return old.name, secret


def revoke(connection: Connection, actor: Actor, key: int) -> str:
    """End one's own key at once; returns its name."""
    values = {"id": key, "tenant_id": actor.tenant_id, "owner": actor.app_user_id, "by": actor.app_user_id}
    name = connection.execute(_REVOKE, values).scalar()
    if name is None:
        raise NotFound("There is no such key of yours that still works.")
    return str(name)


def own(connection: Connection, actor: Actor) -> Sequence[Any]:
    """One's own keys with their latest use, those revoked within a month below."""
    return connection.execute(_OWN, {"owner": actor.app_user_id}).all()


@background.every("*/10 * * * *", "api_keys.write_uses")
def write_uses() -> int:
    """Write to each key when it was last used and how often, as far as its own requests have not."""
    with change(SYSTEM(), action="api_key.use", channel="system") as connection:
        return connection.execute(_WRITE_USES).rowcount
