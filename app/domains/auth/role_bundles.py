"""Changing what a role may do: by whom, how far, and never so that somebody raises themselves or shuts everybody out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import Connection, text

from app.domains.auth.people import ALL, beyond, keep_own_rights
from app.engine.access import Actor
from app.engine.refusals import NotFound, Rejected, Stale

_ROLE = text("""
SELECT id, key, name, description, permissions, is_system, version FROM roles
WHERE id = :id AND tenant_id = :tenant_id FOR UPDATE
""")
_HOLDERS = text("""
SELECT DISTINCT a.user_id FROM app_user_roles g JOIN app_users a ON a.id = g.app_user_id
WHERE g.role_id = :id AND a.user_id IS NOT NULL
""")


def save(
    connection: Connection,
    actor: Actor,
    role_id: int,
    *,
    name: str,
    description: str,
    permissions: Iterable[str],
    known: frozenset[str],
    version: int,
) -> list[int]:
    """Give a role another name or bundle; returns the users whose rights have changed with it.

    Raises Stale when somebody saved the role since the form was opened, so that nobody's ticks vanish unseen.
    """
    role = connection.execute(_ROLE, {"id": role_id, "tenant_id": actor.tenant_id}).first()
    if role is None:
        raise NotFound("There is no such role.")
    held, wanted = set(role.permissions), set(permissions)
    if role.version != version:
        raise Stale("Somebody else saved this role since you opened it.", version=role.version)
    if not name:
        raise Rejected({"name": "Enter a name."})
    if ALL in held and wanted != held:
        raise Rejected({"": f"{role.name} always holds everything, so that the company can never lock itself out."})
    strange = sorted(wanted - held - known)
    if strange:
        raise Rejected({"": f"There is no permission {strange[0][:60]}."})
    lacking = beyond(actor, wanted - held)
    if lacking:
        raise Rejected({"": f"You do not hold {lacking[0]} yourself, so you cannot give it to a role. Ask an owner."})
    connection.execute(
        text(
            "UPDATE roles SET name = :name, description = nullif(:description, ''), permissions = :permissions WHERE id = :id"
        ),
        {"name": name, "description": description, "permissions": sorted(wanted), "id": role_id},
    )
    keep_own_rights(connection, actor)
    return [] if wanted == held else [int(user) for user in connection.execute(_HOLDERS, {"id": role_id}).scalars()]


def create(connection: Connection, actor: Actor, *, name: str, description: str, like: int | None) -> int:
    """A new role, empty or with what another one holds; returns its id."""
    if not name:
        raise Rejected({"name": "Enter a name."})
    key = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:60] or "role"
    taken = text("SELECT 1 FROM roles WHERE tenant_id = :tenant AND (key = :key OR lower(name) = lower(:name))")
    if connection.execute(taken, {"tenant": actor.tenant_id, "key": key, "name": name}).first():
        raise Rejected({"name": "There is a role of this name already."})
    bundle: list[str] = []
    if like is not None:
        model = connection.execute(_ROLE, {"id": like, "tenant_id": actor.tenant_id}).first()
        if model is None:
            raise Rejected({"like": "Choose one of the roles."})
        bundle = list(model.permissions)
        if lacking := beyond(actor, bundle):
            raise Rejected({"like": f"{model.name} holds {lacking[0]}, which you do not hold yourself. Ask an owner."})
    made = connection.execute(
        text("""INSERT INTO roles (tenant_id, key, name, description, permissions)
                VALUES (:tenant, :key, :name, nullif(:description, ''), :permissions) RETURNING id"""),
        {"tenant": actor.tenant_id, "key": key, "name": name, "description": description, "permissions": bundle},
    )
    return int(made.scalar_one())


def remove(connection: Connection, actor: Actor, role_id: int) -> str:
    """Delete a role nobody holds and that did not come with the console; returns its name."""
    role = connection.execute(_ROLE, {"id": role_id, "tenant_id": actor.tenant_id}).first()
    if role is None:
        raise NotFound("There is no such role.")
    if role.is_system:
        raise Rejected({"": f"{role.name} came with the console and stays. You can take it from everyone instead."})
    if connection.execute(text("SELECT 1 FROM app_user_roles WHERE role_id = :id LIMIT 1"), {"id": role_id}).first():
        raise Rejected({"": f"People hold {role.name}. Take it from them first."})
    connection.execute(text("DELETE FROM roles WHERE id = :id"), {"id": role_id})
    return str(role.name)
