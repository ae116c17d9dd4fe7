"""The rows behind a bearer: a key of a program with its owner, or a family of tokens with the person who signed in.

Read anew by every request, so that a key revoked, a person suspended or a role taken away is felt by the next one.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from app.engine.access import Actor
from app.engine.api_keys import fits, powers, prefix_of
from app.engine.apply import change, transaction
from app.web.session_rows import HELD, bundle

WRITTEN_AFTER = "10 minutes"
"""How often at most a key's last use is written to its row, which costs a change set."""
PERSON_LIMIT = 300
"""Requests a minute of a person with tokens; a key has its own."""


class Bearer(NamedTuple):
    """Who a bearer stands for at this moment, in the order of the columns below."""

    user_id: int
    email: str
    must_change_password: bool
    tenant_id: int
    app_user_id: int
    name: str
    timezone: str
    roles: list[str] | None
    permissions: str | None


class Key(NamedTuple):
    """What a key says of itself."""

    id: int
    name: str
    key_hash: bytes
    scopes: list[str]
    allowed_ips: list[str] | None
    rate_limit: int


_BEARER = """
u.id, u.email, u.must_change_password, a.tenant_id, a.id, a.display_name, coalesce(p.timezone, t.timezone),
held.roles, held.permissions
"""
_PERSON = f"""
JOIN users u ON u.id = a.user_id AND u.status = 'active'
JOIN tenants t ON t.id = a.tenant_id AND t.status = 'active'
LEFT JOIN user_profiles p ON p.user_id = u.id
{HELD}"""
_BY_KEY = f"""
SELECT k.id, k.name, k.key_hash, k.scopes, k.allowed_ips, k.rate_limit_per_min, {_BEARER}
FROM user_api_keys k JOIN app_users a ON a.id = k.app_user_id AND a.status = 'active' {_PERSON}
WHERE k.prefix = %s AND k.status = 'active' AND k.expires_at > now()
"""
_BY_FAMILY = f"""
SELECT {_BEARER} FROM app_users a {_PERSON}
WHERE a.id = %s AND a.status = 'active' AND EXISTS (
    SELECT 1 FROM auth_tokens f WHERE f.family_id = %s AND f.user_id = u.id AND f.purpose = 'refresh'
    AND f.revoked_at IS NULL AND f.used_at IS NULL AND f.expires_at > now())
"""
# The minute before counts for as much of it as still lies within the last sixty seconds. What is refused counts too, but
# no further than the limit, so that a program that will not wait is not shut out for longer than it takes to wait.
_COUNT = text("""
INSERT INTO api_uses AS u (who, minute, used, unwritten, used_from)
VALUES (:who, date_trunc('minute', clock_timestamp()), 1, 1, CAST(:ip AS inet))
ON CONFLICT (who) DO UPDATE SET
    minute = greatest(u.minute, excluded.minute),
    before = CASE WHEN u.minute >= excluded.minute THEN u.before
        WHEN u.minute = excluded.minute - interval '1 minute' THEN u.used ELSE 0 END,
    used = CASE WHEN u.minute >= excluded.minute THEN least(u.used + 1, :limit + 1) ELSE 1 END,
    unwritten = u.unwritten + 1, used_at = clock_timestamp(), used_from = excluded.used_from
RETURNING used + before * greatest(0, 60 - extract(epoch FROM clock_timestamp() - minute)) / 60 AS rate,
    greatest(1, ceil(60 - extract(epoch FROM clock_timestamp() - minute)))::int AS rest
""")
_IS_DUE = f"""
SELECT 1 FROM api_uses WHERE who = %s AND (written_at IS NULL OR written_at < clock_timestamp() - interval '{WRITTEN_AFTER}')
"""
_DUE = text(f"""
UPDATE api_uses u SET unwritten = 0, written_at = clock_timestamp()
FROM (SELECT who, unwritten FROM api_uses WHERE who = :who FOR UPDATE SKIP LOCKED) old
WHERE u.who = old.who AND (u.written_at IS NULL OR u.written_at < clock_timestamp() - interval '{WRITTEN_AFTER}')
RETURNING old.unwritten
""")
_USED = text("""
UPDATE user_api_keys SET last_used_at = clock_timestamp(), last_used_ip = CAST(:ip AS inet), use_count = use_count + :uses
WHERE id = :id AND status = 'active'
""")


def find_key(connection: Connection, secret: str) -> tuple[Key, Bearer] | None:
    """The key and its owner, None when it is unknown, revoked, has run out or its owner may no longer work here."""
    prefix = prefix_of(secret)
    row = connection.exec_driver_sql(_BY_KEY, (prefix,)).first() if prefix else None
    if row is None:
        return None
    key, bearer = Key(*row[:6]), Bearer(*row[6:])
    return (key, bearer) if fits(secret, key.key_hash) else None


def find_person(connection: Connection, app_user_id: int, family: UUID) -> Bearer | None:
    """The person behind an access token, None when its family was ended or the person may no longer work here."""
    row = connection.exec_driver_sql(_BY_FAMILY, (app_user_id, family)).first()
    return Bearer(*row) if row else None


def actor_of(bearer: Bearer, key: Key | None = None) -> Actor:
    """The one who asks: the person, or a key with what it was made for of what its owner holds."""
    held = bundle(bearer.permissions)
    common: dict[str, Any] = {
        "tenant_id": bearer.tenant_id,
        "app_user_id": bearer.app_user_id,
        "user_id": bearer.user_id,
        "email": bearer.email,
        "roles": tuple(bearer.roles or ()),
        "timezone": bearer.timezone,
    }
    if key is None:
        return Actor(name=bearer.name, permissions=held, **common)
    permissions = powers(tuple(key.scopes), held)
    return Actor(name=key.name, kind="api_key", api_key_id=key.id, permissions=permissions, **common)


def who(actor: Actor) -> str:
    """Under which name requests are counted and remembered."""
    return f"key:{actor.api_key_id}" if actor.kind == "api_key" else f"person:{actor.app_user_id}"


def count(actor: Actor, limit: int, ip: str | None) -> int:
    """Count a request; returns the seconds to wait when there were too many within a minute, 0 when it may go on."""
    with transaction() as connection:
        rate, rest = connection.execute(_COUNT, {"who": who(actor), "limit": limit, "ip": ip}).one()
    return int(rest) if rate > limit else 0


def is_due(connection: Connection, actor: Actor) -> bool:
    """Whether a key's last use was not written lately."""
    return connection.exec_driver_sql(_IS_DUE, (who(actor),)).first() is not None


def note_use(actor: Actor, ip: str | None) -> None:
    """Write a key's last use and how often it was used to its row, where that was not done lately."""
    with change(actor, action="api_key.use", channel="api", ip=ip) as connection:
        uses = connection.execute(_DUE, {"who": who(actor)}).scalar()
        if uses:
            connection.execute(_USED, {"id": actor.api_key_id, "uses": uses, "ip": ip})
