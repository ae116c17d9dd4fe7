"""People and what they may, as administrators change it on screen: inviting, suspending, handing out a password, granting
and taking roles, with the rules that keep a company from locking itself out or a person from raising themselves.

Every function writes on a connection inside an open change set; none commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from app.domains.auth import links, refresh
from app.engine.access import Actor, holds
from app.engine.passwords import hand_out, hash_password
from app.engine.refusals import NotFound, Rejected

ALL = "*.*"

_PERSON = text("""
SELECT a.id, a.user_id, a.display_name, a.status, u.email, u.status AS user_status
FROM app_users a LEFT JOIN users u ON u.id = a.user_id WHERE a.id = :id AND a.tenant_id = :tenant_id FOR UPDATE OF a
""")
_OWNERS = text("""
SELECT DISTINCT a.id FROM app_users a
JOIN users u ON u.id = a.user_id AND u.status = 'active' AND u.password_hash IS NOT NULL
JOIN app_user_roles g ON g.app_user_id = a.id AND g.expires_at IS NULL
JOIN roles r ON r.id = g.role_id AND :all = ANY (r.permissions)
WHERE a.tenant_id = :tenant_id AND a.status = 'active' AND (CAST(:without AS bigint) IS NULL OR g.id <> :without)
""")
# The roles of the tenant are locked before the last-owner rule is asked, so that two owners who strip each other at the
# same moment do not both find the other still there.
_LOCK_ROLES = text("SELECT id FROM roles WHERE tenant_id = :tenant_id ORDER BY id FOR UPDATE")
_HELD = text("""
SELECT DISTINCT unnest(r.permissions) FROM app_user_roles g JOIN roles r ON r.id = g.role_id
WHERE g.app_user_id = :id AND (g.expires_at IS NULL OR g.expires_at > now())
""")


Work = Callable[[Connection, Actor], "Person"]
"""A change to one person, on the connection of an open change set."""


class Person:
    """A row of `app_users` with its sign-in, locked for the change at hand."""

    def __init__(self, connection: Connection, actor: Actor, app_user_id: int) -> None:
        row = connection.execute(_PERSON, {"id": app_user_id, "tenant_id": actor.tenant_id}).first()
        if row is None:
            raise NotFound("There is no such person.")
        self.id: int = row.id
        self.user_id: int | None = row.user_id
        self.name: str = row.display_name
        self.status: str = row.status
        self.email: str | None = row.email


def invite(
    connection: Connection, actor: Actor, *, email: str, name: str, role_id: int | None = None, ip: str | None = None
) -> tuple[int, str]:
    """A new person and a one-time link; returns (app_users.id, the link's secret). Without a role they may sign in and see
    nothing until somebody who may gives them one."""
    email = email.strip()
    if connection.execute(text("SELECT 1 FROM users WHERE lower(email) = lower(:email)"), {"email": email}).first():
        raise Rejected({"email": "Someone already signs in with this address."})
    user_id = connection.execute(
        text("INSERT INTO users (email, status) VALUES (:email, 'invited') RETURNING id"), {"email": email}
    ).scalar_one()
    app_user_id = connection.execute(
        text("""INSERT INTO app_users (tenant_id, user_id, display_name, email, status)
                VALUES (:tenant_id, :user_id, :name, :email, 'invited') RETURNING id"""),
        {
            "tenant_id": actor.tenant_id,
            "user_id": user_id,
            "name": name.strip(),
            "email": email,
        },
    ).scalar_one()
    connection.execute(
        text(
            "INSERT INTO user_profiles (user_id, full_name, timezone) SELECT :id, :name, timezone FROM tenants WHERE id = :tenant"
        ),
        {"id": user_id, "name": name.strip(), "tenant": actor.tenant_id},
    )
    if role_id is not None:
        grant(connection, actor, app_user_id, role_id)
    return app_user_id, links.issue(connection, user_id, "invite", ip)


def new_link(connection: Connection, actor: Actor, app_user_id: int, ip: str | None = None) -> tuple[str, str]:
    """Another one-time link; returns (purpose, secret): an invitation until the first sign-in, a reset afterwards."""
    person = _manageable(connection, actor, app_user_id)
    if person.user_id is None:
        raise Rejected({"": f"{person.name} has no sign-in."})
    purpose = "invite" if person.status == "invited" else "password_reset"
    return purpose, links.issue(connection, person.user_id, purpose, ip)


def suspend(connection: Connection, actor: Actor, app_user_id: int) -> Person:
    """Shut a person out. Their very next request is refused, because each one reads this status."""
    person = _manageable(connection, actor, app_user_id)
    if person.id == actor.app_user_id:
        raise Rejected({"": "You cannot suspend yourself. Ask another administrator."})
    if person.status not in ("active", "invited"):
        raise Rejected({"": f"{person.name} is {person.status} already."})
    _keep_an_owner(connection, actor, leaving=person.id)
    _set_status(connection, person, "suspended")
    if person.user_id is not None:
        links.withdraw(connection, person.user_id)
        refresh.end_all(connection, person.user_id, "admin")
    return person


def reactivate(connection: Connection, actor: Actor, app_user_id: int) -> Person:
    """Let a suspended person in again, with the roles they had; back to invited when they never chose a password."""
    person = _manageable(connection, actor, app_user_id)
    if person.status not in ("suspended", "deactivated"):
        raise Rejected({"": f"{person.name} is {person.status} already."})
    has_password = connection.execute(
        text("SELECT password_hash IS NOT NULL FROM users WHERE id = :id"), {"id": person.user_id}
    ).scalar()
    _set_status(connection, person, "active" if has_password or person.user_id is None else "invited")
    return person


def hand_out_password(connection: Connection, actor: Actor, app_user_id: int) -> tuple[Person, str]:
    """A new password to tell the person once; it must be replaced at the first sign-in. Whoever is signed in stays out."""
    person = _manageable(connection, actor, app_user_id)
    if person.user_id is None:
        raise Rejected({"": f"{person.name} has no sign-in."})
    password = hand_out()
    set_password(connection, person.user_id, password, must_change=True)
    if person.status == "invited":
        _set_status(connection, person, "active")
    links.withdraw(connection, person.user_id)
    return person, password


def set_password(connection: Connection, user_id: int, password: str, *, must_change: bool) -> None:
    """Keep a new password and open the sign-in if it was only invited."""
    connection.execute(
        text("""UPDATE users SET password_hash = :hash, password_changed_at = now(), must_change_password = :must_change,
                failed_logins = 0, locked_until = NULL, status = CASE WHEN status = 'invited' THEN 'active' ELSE status END
                WHERE id = :id"""),
        {"id": user_id, "hash": hash_password(password), "must_change": must_change},
    )
    refresh.end_all(connection, user_id, "password_change")


def rename(connection: Connection, app_user_id: int, user_id: int, email: str, name: str) -> None:
    """Put a real name and address on a sign-in that was made before anybody knew whose it would be."""
    values = {"id": app_user_id, "user_id": user_id, "email": email.strip().lower(), "name": name.strip()}
    connection.execute(text("UPDATE users SET email = :email, email_verified_at = NULL WHERE id = :user_id"), values)
    connection.execute(text("UPDATE app_users SET email = :email, display_name = :name WHERE id = :id"), values)
    connection.execute(text("UPDATE user_profiles SET full_name = :name WHERE user_id = :user_id"), values)


def grant(
    connection: Connection, actor: Actor, app_user_id: int, role_id: int, expires_at: datetime | None = None
) -> str:
    """Give a role, for good or until `expires_at`; returns its name. Nobody gives away what they do not hold."""
    if not actor.may("roles.write"):
        raise Rejected({"role": "Your role does not give roles to people."})
    person = Person(connection, actor, app_user_id)
    role = connection.execute(
        text("SELECT name, permissions FROM roles WHERE id = :id AND tenant_id = :tenant_id"),
        {"id": role_id, "tenant_id": actor.tenant_id},
    ).first()
    if role is None:
        raise Rejected({"role": "Choose one of the roles."})
    lacking = beyond(actor, role.permissions)
    if lacking:
        raise Rejected(
            {"role": f"{role.name} includes {_listed(lacking)}, which you do not hold yourself. Ask an owner."}
        )
    # A grant is a fact of a day: another end is another grant, and the first one stays in the history.
    former = connection.execute(
        text("SELECT id FROM app_user_roles WHERE app_user_id = :person AND role_id = :role"),
        {"person": person.id, "role": role_id},
    ).scalar()
    if former is not None:
        if expires_at is not None:
            _keep_an_owner(connection, actor, without=former)
        connection.execute(text("DELETE FROM app_user_roles WHERE id = :id"), {"id": former})
    connection.execute(
        text("""INSERT INTO app_user_roles (tenant_id, app_user_id, role_id, granted_by, expires_at)
                VALUES (:tenant_id, :person, :role, :by, :expires_at)"""),
        {
            "tenant_id": actor.tenant_id,
            "person": person.id,
            "role": role_id,
            "by": actor.app_user_id,
            "expires_at": expires_at,
        },
    )
    keep_own_rights(connection, actor)
    return str(role.name)


def revoke(connection: Connection, actor: Actor, app_user_id: int, grant_id: int) -> Person:
    """Take a role away, unless that leaves the company without an owner or the actor without their own rights over roles."""
    person = _manageable(connection, actor, app_user_id)
    _keep_an_owner(connection, actor, without=grant_id)
    gone = connection.execute(
        text("DELETE FROM app_user_roles WHERE id = :id AND app_user_id = :person RETURNING id"),
        {"id": grant_id, "person": person.id},
    ).first()
    if gone is None:
        raise NotFound("There is no such grant any more.")
    keep_own_rights(connection, actor)
    return person


def keep_own_rights(connection: Connection, actor: Actor) -> None:
    """Refuse a change that would take the actor's own way to undo it. Asked after the change, before it is committed."""
    if actor.app_user_id is None or not actor.may("roles.write"):
        return
    left = frozenset(connection.execute(_HELD, {"id": actor.app_user_id}).scalars())
    for permission in ("roles.write", "users.write"):
        if actor.may(permission) and not holds(left, permission):
            raise Rejected(
                {"": "This would take away your own right to manage people and roles. Ask another administrator."}
            )


def beyond(actor: Actor, permissions: Iterable[str]) -> list[str]:
    """Which of `permissions` the actor does not hold and so may not give; an owner, who holds everything, may give all."""
    return sorted(each for each in permissions if not covers(actor.permissions, each))


def covers(held: frozenset[str], permission: str) -> bool:
    """Whether a bundle includes a permission or the whole of a pattern: `jobs.*` is not covered by its parts, because it
    also gives what is added to jobs later."""
    if permission in held or ALL in held:
        return True
    area, _, action = permission.rpartition(".")
    if area == "*" or action == "*":
        return action == "*" and area != "*" and f"{area}.*" in held
    return holds(held, permission)


def _manageable(connection: Connection, actor: Actor, app_user_id: int) -> Person:
    person = Person(connection, actor, app_user_id)
    if actor.may(ALL):
        return person
    # Whoever can set an owner's password or end an owner's roles is an owner in all but name.
    if ALL in set(connection.execute(_HELD, {"id": person.id}).scalars()):
        raise Rejected({"": f"{person.name} is an owner. Only an owner can change that."})
    return person


def _keep_an_owner(
    connection: Connection, actor: Actor, *, leaving: int | None = None, without: int | None = None
) -> None:
    connection.execute(_LOCK_ROLES, {"tenant_id": actor.tenant_id})
    before = set(connection.execute(_OWNERS, {"tenant_id": actor.tenant_id, "all": ALL, "without": None}).scalars())
    after = set(connection.execute(_OWNERS, {"tenant_id": actor.tenant_id, "all": ALL, "without": without}).scalars())
    if before and not after - {leaving}:
        raise Rejected({"": "This is the last owner. Make someone else an owner first."})


def _set_status(connection: Connection, person: Person, status: str) -> None:
    connection.execute(
        text("""UPDATE app_users SET status = :status, deactivated_at =
                CASE WHEN CAST(:status AS text) IN ('suspended', 'deactivated') THEN now() END WHERE id = :id"""),
        {"status": status, "id": person.id},
    )


def _listed(permissions: list[str]) -> str:
    shown = ", ".join(permissions[:3])
    return f"{shown} and {len(permissions) - 3} more" if len(permissions) > 3 else shown
