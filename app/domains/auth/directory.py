"""Who works here and what they may at this moment: asked where a second person has to decide, and whose act is carried out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from app.engine import approval_rules
from app.engine.access import Actor


class Staff:
    """The people of a company with a way in."""

    def everybody(self, connection: Connection, tenant_id: int) -> Sequence[Actor]:
        """Everyone who can sign in, by name; service accounts decide nothing."""
        return [_actor(row) for row in connection.execute(_EVERYBODY, {"tenant": tenant_id})]

    def person(self, connection: Connection, app_user_id: int) -> Actor | None:
        """One person, None when they may not work here any more."""
        row = connection.execute(_PERSON, {"id": app_user_id}).first()
        return None if row is None else _actor(row)


def _actor(row: Any) -> Actor:
    return Actor(
        tenant_id=row.tenant_id,
        app_user_id=row.id,
        user_id=row.user_id,
        name=row.name,
        permissions=frozenset((row.permissions or "").split()),
        timezone=row.timezone,
    )


_ACTIVE = """
SELECT a.id, a.tenant_id, a.user_id, a.display_name AS name, coalesce(p.timezone, t.timezone) AS timezone, held.permissions
FROM app_users a
JOIN users u ON u.id = a.user_id AND u.status = 'active'
JOIN tenants t ON t.id = a.tenant_id AND t.status = 'active'
LEFT JOIN user_profiles p ON p.user_id = u.id
LEFT JOIN LATERAL (
    SELECT string_agg(array_to_string(r.permissions, ' '), ' ') AS permissions
    FROM app_user_roles g JOIN roles r ON r.id = g.role_id
    WHERE g.app_user_id = a.id AND (g.expires_at IS NULL OR g.expires_at > now())
) held ON true
WHERE a.status = 'active' AND
"""
_EVERYBODY = text(f"{_ACTIVE} a.tenant_id = :tenant AND u.kind = 'human' ORDER BY a.display_name, a.id")
_PERSON = text(f"{_ACTIVE} a.id = :id")

approval_rules.ask_of(Staff())
