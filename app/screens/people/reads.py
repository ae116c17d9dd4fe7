"""What the people pages read: who can sign in, with their roles and when they were last here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.engine import Row

from app.engine.refusals import NotFound

PAGE = 50
STATUSES = ("active", "invited", "suspended", "deactivated")

_LIST = text("""
SELECT a.id, a.display_name, a.job_title, a.status, u.email, u.status AS sign_in, u.must_change_password,
       greatest(a.last_seen_at, live.seen) AS seen, coalesce(live.number, 0) AS sessions, held.roles
FROM app_users a
JOIN users u ON u.id = a.user_id
LEFT JOIN LATERAL (
    SELECT max(s.last_seen_at) AS seen, count(*) AS number FROM sessions s
    WHERE s.user_id = u.id AND s.tenant_id = a.tenant_id AND s.idle_expires_at > now()
) live ON true
LEFT JOIN LATERAL (
    SELECT string_agg(r.name, ', ' ORDER BY r.name) AS roles FROM app_user_roles g JOIN roles r ON r.id = g.role_id
    WHERE g.app_user_id = a.id AND (g.expires_at IS NULL OR g.expires_at > now())
) held ON true
WHERE a.tenant_id = :tenant_id AND (CAST(:status AS text) IS NULL OR a.status = :status)
  AND (CAST(:find AS text) IS NULL OR a.display_name ILIKE :find OR u.email ILIKE :find)
  AND (CAST(:after AS bigint) IS NULL OR (lower(a.display_name), a.id) >
       (SELECT lower(x.display_name), x.id FROM app_users x WHERE x.id = :after AND x.tenant_id = :tenant_id))
ORDER BY lower(a.display_name), a.id LIMIT :limit
""")
_ONE = text("""
SELECT a.id, a.user_id, a.display_name, a.job_title, a.status, a.created_at, greatest(a.last_seen_at, u.last_login_at) AS seen,
       u.email, u.status AS sign_in, u.must_change_password, u.password_changed_at
FROM app_users a LEFT JOIN users u ON u.id = a.user_id WHERE a.id = :id AND a.tenant_id = :tenant_id
""")
_GRANTS = text("""
SELECT g.id, g.role_id, r.name, r.description, g.created_at, g.expires_at, b.display_name AS granted_by,
       coalesce(g.expires_at <= now(), false) AS is_over
FROM app_user_roles g JOIN roles r ON r.id = g.role_id LEFT JOIN app_users b ON b.id = g.granted_by
WHERE g.app_user_id = :id ORDER BY r.name
""")
_SESSIONS = text("""
SELECT s.id, host(s.ip) AS ip, h.device_label, s.created_at, s.last_seen_at FROM sessions s
LEFT JOIN user_sessions h ON h.id = s.user_session_id
WHERE s.user_id = :user_id AND s.tenant_id = :tenant_id AND s.idle_expires_at > now() ORDER BY s.last_seen_at DESC LIMIT 50
""")
_ROLES = text("SELECT id, key, name, permissions FROM roles WHERE tenant_id = :tenant_id ORDER BY is_system DESC, id")
_COUNTS = text("""
SELECT a.status, count(*) FROM app_users a WHERE a.tenant_id = :tenant_id AND a.user_id IS NOT NULL GROUP BY a.status
""")


def people(
    connection: Connection, tenant_id: int, *, find: str | None, status: str | None, after: int | None
) -> Sequence[Row[Any]]:
    """One page of those who can sign in, by name; one row more than a page when there is a next one."""
    escaped = None if not find else "%" + find.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    values = {"tenant_id": tenant_id, "status": status, "find": escaped, "after": after, "limit": PAGE + 1}
    return connection.execute(_LIST, values).all()


def counts(connection: Connection, tenant_id: int) -> dict[str, int]:
    """How many people stand in each status."""
    return {row[0]: row[1] for row in connection.execute(_COUNTS, {"tenant_id": tenant_id})}


def person(connection: Connection, tenant_id: int, key: int) -> Row[Any]:
    """One person with their sign-in, if they have one."""
    found = connection.execute(_ONE, {"id": key, "tenant_id": tenant_id}).first()
    if found is None:
        raise NotFound("There is no such person.")
    return found


def grants(connection: Connection, key: int) -> Sequence[Row[Any]]:
    """The roles of a person, those that ran out included."""
    return connection.execute(_GRANTS, {"id": key}).all()


def sessions(connection: Connection, tenant_id: int, user_id: int | None) -> Sequence[Row[Any]]:
    """Where a person is signed in at this moment."""
    return connection.execute(_SESSIONS, {"user_id": user_id, "tenant_id": tenant_id}).all()


def roles(connection: Connection, tenant_id: int) -> Sequence[Row[Any]]:
    """The roles one can be given."""
    return connection.execute(_ROLES, {"tenant_id": tenant_id}).all()
