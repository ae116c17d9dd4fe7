"""The rows behind the cookie: one live sign-in each, found by the digest of a secret that only the browser keeps.

They live in the database and are read anew by every request, so that a session ended here, a person suspended or a role
taken away is felt by the very next request on every process. A signed cookie cannot promise that.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from app.engine import listing
from app.engine.access import Actor

IDLE = "2 hours"
"""A session nobody used for this long is over."""
ABSOLUTE = "12 hours"
"""A working day. No session lives longer, however busy; there is no "remember me"."""
ELEVATED = "10 minutes"
"""For how long after giving a password it is not asked again before a dangerous action."""


class Standing(NamedTuple):
    """Who a cookie stands for at this moment, in the order of the columns of `_FIND`."""

    id: int
    csrf_secret: bytes
    data: str | None
    is_elevated: bool
    is_stale: bool
    must_change_password: bool
    user_session_id: int | None
    user_id: int
    email: str
    tenant_id: int
    app_user_id: int
    name: str
    timezone: str
    theme: str
    density: str
    single_keys: bool
    edits: str
    roles: list[str] | None
    permissions: str | None
    unread: int
    """Notices for this person nobody has opened yet; counted up to 100."""


HELD = """
LEFT JOIN LATERAL (
    SELECT array_agg(r.name ORDER BY r.id) AS roles,
           string_agg(array_to_string(r.permissions, ' '), ' ' ORDER BY r.id) AS permissions
    FROM app_user_roles g JOIN roles r ON r.id = g.role_id
    WHERE g.app_user_id = a.id AND (g.expires_at IS NULL OR g.expires_at > now())
) held ON true
"""
"""Beside `app_users a`: the roles somebody holds at this moment and what they permit."""

# One statement for session, person, permissions and settings: four look-ups would cost every page three round trips.
# Times are compared by the database, whose clock all processes share.
_STANDING = f"""
SELECT s.id, s.csrf_secret, nullif(s.data, '{{}}')::text, coalesce(s.elevated_until > now(), false),
       s.last_seen_at < now() - interval '1 minute', u.must_change_password, s.user_session_id,
       u.id, u.email, a.tenant_id, a.id, a.display_name, coalesce(p.timezone, t.timezone), coalesce(p.theme, 'system'),
       coalesce(p.density, 'comfortable'), coalesce(p.single_keys, true), coalesce(p.edits, 'once'), held.roles, held.permissions,
       (SELECT count(*) FROM (SELECT FROM user_notifications n
        WHERE n.app_user_id = a.id AND n.read_at IS NULL AND n.dismissed_at IS NULL
          AND (n.snoozed_until IS NULL OR n.snoozed_until <= now()) LIMIT 100) open_ones)
FROM sessions s
JOIN users u ON u.id = s.user_id AND u.status = 'active'
JOIN app_users a ON a.user_id = u.id AND a.tenant_id = s.tenant_id AND a.status = 'active'
JOIN tenants t ON t.id = a.tenant_id AND t.status = 'active'
LEFT JOIN user_profiles p ON p.user_id = u.id
{HELD}WHERE s.idle_expires_at > now() AND s.absolute_expires_at > now() AND
"""
_FIND = f"{_STANDING} s.session_hash = %(hash)s"
_FIND_ALL = f"{_STANDING} s.id = ANY(%s)"

_BEGIN = text(f"""
INSERT INTO sessions (session_hash, user_id, tenant_id, user_session_id, csrf_secret, ip, user_agent, elevated_until,
                      idle_expires_at, absolute_expires_at)
VALUES (:hash, :user_id, :tenant_id, :user_session_id, :csrf, CAST(:ip AS inet), :agent, now() + interval '{ELEVATED}',
        now() + interval '{IDLE}', now() + interval '{ABSOLUTE}')
""")
_TOUCH = text(f"""
UPDATE sessions SET last_seen_at = now(), idle_expires_at = least(now() + interval '{IDLE}', absolute_expires_at)
WHERE id = :id
""")
_KEEP = text("UPDATE sessions SET data = CAST(:data AS jsonb) WHERE id = :id")
_RENEW = text(f"""
UPDATE sessions SET session_hash = :hash, data = data - 'renew',
       elevated_until = CASE WHEN :elevate THEN now() + interval '{ELEVATED}' ELSE elevated_until END
WHERE id = :id
""")
_MARK_FOR_RENEWAL = text("UPDATE sessions SET data = data || '{\"renew\": true}' WHERE user_id = :user_id")
_END = text("""
WITH ended AS (
    DELETE FROM sessions s
    WHERE (CAST(:id AS bigint) IS NULL OR s.id = :id) AND (CAST(:user_id AS bigint) IS NULL OR s.user_id = :user_id)
      AND (CAST(:keep AS bigint) IS NULL OR s.id <> :keep)
    RETURNING s.user_session_id
), noted AS (
    UPDATE user_sessions h SET ended_at = greatest(clock_timestamp(), h.started_at), end_reason = :reason
    FROM ended WHERE h.id = ended.user_session_id AND h.ended_at IS NULL
)
SELECT count(*) FROM ended
""")
_SWEEP = text("""
WITH ended AS (
    DELETE FROM sessions s WHERE s.idle_expires_at < now()
    RETURNING s.user_session_id, s.absolute_expires_at < now() AS is_old, s.idle_expires_at
), noted AS (
    UPDATE user_sessions h SET ended_at = greatest(ended.idle_expires_at, h.started_at),
           end_reason = CASE WHEN ended.is_old THEN 'absolute_timeout' ELSE 'idle_timeout' END
    FROM ended WHERE h.id = ended.user_session_id AND h.ended_at IS NULL
)
SELECT count(*) FROM ended
""")


def digest(token: str) -> bytes:
    """What is stored of a secret: enough to recognise it, useless to whoever reads the table."""
    return hashlib.sha256(token.encode()).digest()


def find(connection: Connection, token: str) -> Standing | None:
    """The person behind a cookie, or None when the session is over or the person may no longer work here."""
    found = listing.run(connection, _FIND, {"hash": digest(token)})
    return Standing(*found[0]) if found else None


def standings(connection: Connection, ids: list[int]) -> dict[int, Standing]:
    """The same for many sessions at once, by their numbers; those that are over are missing."""
    rows = connection.exec_driver_sql(_FIND_ALL, (ids,))
    return {row[0]: Standing(*row) for row in rows}


def rights(standing: Standing) -> tuple[Any, ...]:
    """What of a sign-in decides what its owner may see: when it changes, nothing that was promised before holds."""
    return (
        standing.user_id,
        standing.app_user_id,
        standing.tenant_id,
        standing.permissions,
        standing.must_change_password,
    )


@lru_cache(maxsize=512)
def bundle(permissions: str | None) -> frozenset[str]:
    """One shared set for equal bundles, so that the answers of `Actor.may` are remembered between requests."""
    return frozenset((permissions or "").split())


def actor_of(standing: Standing) -> Actor:
    """The person as the engine knows them."""
    return Actor(
        tenant_id=standing.tenant_id,
        app_user_id=standing.app_user_id,
        user_id=standing.user_id,
        name=standing.name,
        email=standing.email,
        permissions=bundle(standing.permissions),
        roles=tuple(standing.roles or ()),
        timezone=standing.timezone,
        theme=standing.theme,
        density=standing.density,
        single_keys=standing.single_keys,
        edits=standing.edits,
    )


def begin(
    connection: Connection, *, user_id: int, tenant_id: int, user_session_id: int | None, ip: str | None, agent: str
) -> str:
    """A new session; returns the secret for the cookie, which is kept nowhere else."""
    token = secrets.token_urlsafe(32)
    values: dict[str, Any] = {"hash": digest(token), "csrf": secrets.token_bytes(32), "ip": ip, "agent": agent[:400]}
    values |= {"user_id": user_id, "tenant_id": tenant_id, "user_session_id": user_session_id}
    connection.execute(_BEGIN, values)
    return token


def renew(connection: Connection, session_id: int, *, elevate: bool) -> str:
    """A new secret for the same session, so that one seen earlier is worth nothing; `elevate`: the password was just given."""
    token = secrets.token_urlsafe(32)
    # The form secret stays: forms open in other tabs would otherwise be refused and lose what was typed.
    connection.execute(_RENEW, {"id": session_id, "hash": digest(token), "elevate": elevate})
    return token


def mark_for_renewal(connection: Connection, user_id: int) -> None:
    """Ask for a new secret at the person's next page: their rights have changed."""
    connection.execute(_MARK_FOR_RENEWAL, {"user_id": user_id})


def touch(connection: Connection, session_id: int) -> None:
    """Note that the session is in use."""
    connection.execute(_TOUCH, {"id": session_id})


def keep(connection: Connection, session_id: int, values: dict[str, Any]) -> None:
    """Store what the pages remember between requests."""
    connection.execute(_KEEP, {"id": session_id, "data": json.dumps(values)})


def end(
    connection: Connection,
    reason: str,
    *,
    session_id: int | None = None,
    user_id: int | None = None,
    keep: int | None = None,
) -> int:
    """End one session, or all of a person's except `keep`; returns how many. `reason` is a word of `user_sessions.end_reason`."""
    if session_id is None and user_id is None:
        raise ValueError("Say which session to end, or whose.")
    values = {"id": session_id, "user_id": user_id, "keep": keep, "reason": reason}
    return int(connection.execute(_END, values).scalar_one())


def sweep(connection: Connection) -> int:
    """Remove sessions that ran out and write their end into the sign-in history; returns how many."""
    return int(connection.execute(_SWEEP).scalar_one())
