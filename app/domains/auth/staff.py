"""Staff sign-ins as the command line and the first start make them: a person, a login, a role, one handed-out password."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.domains.auth import links
from app.engine.access import SYSTEM
from app.engine.apply import change, transaction
from app.engine.passwords import hand_out, hash_password, weakness
from app.roles import seed_roles

_EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,190}")


class StaffError(Exception):
    """Why a sign-in could not be made or changed, as a sentence for whoever asked."""


@dataclass(frozen=True)
class SignIn:
    """One line of `console staff list`."""

    email: str
    name: str
    status: str
    roles: tuple[str, ...]
    last_login_at: object


def company() -> int:
    """The company people work in, in a unit of work of its own: an empty database gets one, with the ten system roles."""
    with transaction() as connection:
        found, has_roles = connection.execute(_COMPANY).one()
    if found is None or not has_roles:
        with change(SYSTEM(found or 0), action="tenant.create", reason="First start", channel="system") as connection:
            found = found or connection.execute(_NEW_COMPANY).scalar_one()
            seed_roles(connection, int(found))
    return int(found)


def create(
    connection: Connection,
    tenant_id: int,
    email: str,
    role: str,
    *,
    name: str | None = None,
    password: str | None = None,
    must_change: bool = True,
    colleague: str | None = None,
) -> str:
    """Give a person a sign-in with one role and return its password: a new one, unless `password` was given.

    A colleague who stands in the company under this address (or the address `colleague`) without a sign-in gets this one.
    """
    email = _address(email)
    role_id = _role(connection, tenant_id, role)
    if _user_id(connection, email, missing_is_fine=True) is not None:
        raise StaffError(f"{email} has a sign-in already; use: console staff reset {email}")
    name = (name or email.partition("@")[0].replace(".", " ").title()).strip()
    if password is not None and (fault := weakness(password, (email, name))):
        raise StaffError(fault)
    password = password or hand_out()
    user_id = connection.execute(
        _NEW_USER, {"email": email, "hash": hash_password(password), "must_change": must_change, "status": "active"}
    ).scalar_one()
    person = _colleague(connection, tenant_id, user_id, colleague or email, name, "active")
    connection.execute(_GRANT, {"tenant": tenant_id, "person": person, "role": role_id})
    return password


def invite_first_owner(connection: Connection, tenant_id: int) -> str | None:
    """A one-time link's secret for the first owner of an empty company, or None once somebody can sign in."""
    if connection.execute(text("SELECT EXISTS (SELECT FROM users WHERE password_hash IS NOT NULL)")).scalar():
        return None
    email = "owner@console.invalid"
    user_id = _user_id(connection, email, missing_is_fine=True)
    if user_id is None:
        values = {"email": email, "hash": None, "must_change": False, "status": "invited"}
        user_id = connection.execute(_NEW_USER, values).scalar_one()
        person = _colleague(connection, tenant_id, user_id, email, "Owner", "invited")
        connection.execute(
            _GRANT, {"tenant": tenant_id, "person": person, "role": _role(connection, tenant_id, "owner")}
        )
    return links.issue(connection, int(user_id), "invite")


def sign_ins(connection: Connection) -> Sequence[SignIn]:
    """Everyone who may have a way in, with their roles."""
    return [
        SignIn(row.email, row.display_name or "", row.status, tuple(row.roles), row.last_login_at)
        for row in connection.execute(_LIST)
    ]


def disable(connection: Connection, email: str) -> None:
    """Take the sign-in away at once, with every session and link. The last owner cannot be shut out."""
    user_id = _user_id(connection, _address(email))
    if connection.execute(_LAST_OWNER, {"user": user_id}).scalar():
        raise StaffError(f"{email} is the only owner who can sign in; make another one first.")
    connection.execute(text("UPDATE users SET status = 'disabled' WHERE id = :user"), {"user": user_id})
    connection.execute(
        text("UPDATE app_users SET status = 'deactivated', deactivated_at = now() WHERE user_id = :user"),
        {"user": user_id},
    )
    _shut_out(connection, user_id)


def reset(connection: Connection, email: str, *, password: str | None = None) -> str:
    """A new password, to be changed at the next sign-in; open sessions and links end, a lock is lifted."""
    email = _address(email)
    user_id = _user_id(connection, email)
    if password is not None and (fault := weakness(password, (email,))):
        raise StaffError(fault)
    password = password or hand_out()
    connection.execute(_RESET, {"user": user_id, "hash": hash_password(password)})
    _shut_out(connection, user_id)
    return password


def _address(email: str) -> str:
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise StaffError(f"{email!r} is not an e-mail address.")
    return email


def _role(connection: Connection, tenant_id: int, key: str) -> int:
    rows = connection.execute(text("SELECT key, id FROM roles WHERE tenant_id = :tenant"), {"tenant": tenant_id})
    known: dict[str, int] = {row.key: row.id for row in rows}
    if key not in known:
        raise StaffError(f"There is no role {key!r}; there are: {', '.join(sorted(known)) or 'none yet'}.")
    return known[key]


def _user_id(connection: Connection, email: str, *, missing_is_fine: bool = False) -> int | None:
    found: int | None = connection.execute(
        text("SELECT id FROM users WHERE lower(email) = lower(:email)"), {"email": email}
    ).scalar()
    if found is None and not missing_is_fine:
        raise StaffError(f"Nobody signs in as {email}.")
    return found


def _colleague(connection: Connection, tenant_id: int, user_id: int, email: str, name: str, status: str) -> int:
    values = {"tenant": tenant_id, "user": user_id, "email": email, "name": name, "status": status}
    person: int | None = connection.execute(_ADOPT, values).scalar()
    if person is None:
        person = int(connection.execute(_NEW_PERSON, values).scalar_one())
    connection.execute(_NEW_PROFILE, {"user": user_id, "person": person})
    return person


def _shut_out(connection: Connection, user_id: int | None) -> None:
    values = {"user": user_id}
    connection.execute(
        text(
            "UPDATE user_sessions SET ended_at = now(), end_reason = 'revoked' WHERE ended_at IS NULL AND id IN"
            " (SELECT user_session_id FROM sessions WHERE user_id = :user)"
        ),
        values,
    )
    connection.execute(text("DELETE FROM sessions WHERE user_id = :user"), values)
    links.withdraw(connection, int(user_id or 0))


_COMPANY = text("""
SELECT t.id, EXISTS (SELECT FROM roles r WHERE r.tenant_id = t.id)
FROM (SELECT min(id) AS id FROM tenants) t
""")
_NEW_COMPANY = text("INSERT INTO tenants (slug, name) VALUES ('company', 'Our company') RETURNING id")
_NEW_USER = text("""
INSERT INTO users (email, kind, status, password_hash, password_changed_at, must_change_password)
VALUES (:email, 'human', :status, :hash, CASE WHEN CAST(:hash AS text) IS NULL THEN NULL ELSE now() END, :must_change)
RETURNING id
""")
_ADOPT = text("""
UPDATE app_users SET user_id = :user, status = :status
WHERE id = (SELECT id FROM app_users WHERE tenant_id = :tenant AND lower(email) = :email AND user_id IS NULL ORDER BY id LIMIT 1)
RETURNING id
""")
_NEW_PERSON = text("""
INSERT INTO app_users (tenant_id, user_id, display_name, email, employee_kind, status)
VALUES (:tenant, :user, :name, :email, 'office', :status) RETURNING id
""")
_NEW_PROFILE = text("""
INSERT INTO user_profiles (user_id, full_name, timezone)
SELECT :user, a.display_name, t.timezone FROM app_users a JOIN tenants t ON t.id = a.tenant_id WHERE a.id = :person
ON CONFLICT (user_id) DO NOTHING
""")
_GRANT = text("INSERT INTO app_user_roles (tenant_id, app_user_id, role_id) VALUES (:tenant, :person, :role)")
_LIST = text("""
SELECT u.email, a.display_name, u.status, u.last_login_at,
       coalesce(array_agg(r.key ORDER BY r.key) FILTER (WHERE r.key IS NOT NULL), '{}') AS roles
FROM users u
LEFT JOIN app_users a ON a.user_id = u.id
LEFT JOIN app_user_roles g ON g.app_user_id = a.id AND (g.expires_at IS NULL OR g.expires_at > now())
LEFT JOIN roles r ON r.id = g.role_id
GROUP BY u.id, a.display_name ORDER BY u.email
""")
_RESET = text("""
UPDATE users SET password_hash = :hash, password_changed_at = now(), must_change_password = true, failed_logins = 0,
                 locked_until = NULL, status = CASE WHEN status IN ('locked', 'invited') THEN 'active' ELSE status END
WHERE id = :user
""")
_LAST_OWNER = text("""
SELECT count(*) FILTER (WHERE u.id = :user) > 0 AND count(*) FILTER (WHERE u.id <> :user) = 0
FROM users u JOIN app_users a ON a.user_id = u.id JOIN app_user_roles g ON g.app_user_id = a.id
JOIN roles r ON r.id = g.role_id AND r.key = 'owner'
WHERE u.status = 'active' AND (g.expires_at IS NULL OR g.expires_at > now())
""")
