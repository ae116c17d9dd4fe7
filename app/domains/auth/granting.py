"""Roles that give more than reading are given by two: one asks, another who may give roles decides, and just that is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from app.domains.auth import people, role_bundles
from app.engine import approvals
from app.engine.access import Actor
from app.engine.apply import change
from app.engine.approval_rules import Need, needed
from app.engine.approvals import Request, Within, executor
from app.engine.refusals import Rejected, Stale

MERE = frozenset({"read", "own"})
"""Actions that change nothing of anybody else's."""


def more_than_reading(permissions: Iterable[str]) -> list[str]:
    """Those of a bundle with which something can be changed or seen that is masked for others."""
    return sorted(each for each in permissions if each.rpartition(".")[2] not in MERE)


def needed_to_give(connection: Connection, actor: Actor, role_id: int) -> Need | None:
    """Whether giving this role needs a second person. What could not be given at all is not asked for: giving it says so."""
    role = connection.execute(_ROLE, {"id": role_id, "tenant": actor.tenant_id}).first()
    if role is None or not more_than_reading(role.permissions) or people.beyond(actor, role.permissions):
        return None
    return needed(connection, actor, "role_grant", why=f"Giving somebody {role.name} needs a second person.")


def needed_to_widen(connection: Connection, actor: Actor, role_id: int, permissions: set[str]) -> Need | None:
    """Whether letting a role do more needs a second person; what could not be added at all is not asked for either."""
    role = connection.execute(_ROLE, {"id": role_id, "tenant": actor.tenant_id}).first()
    added = permissions - set(role.permissions) if role is not None else set()
    impossible = people.beyond(actor, added)
    if role is None or impossible or not more_than_reading(added):
        return None
    return needed(connection, actor, "role_grant", why=f"Letting {role.name} do more needs a second person.")


def ask_to_give(
    connection: Connection, actor: Actor, need: Need, person_id: int, role_id: int, until: datetime | None,
    reason: str, expires: datetime | None,
) -> int:  # fmt: skip
    """Ask for a grant that could be given as things stand; returns the request's id. Raises what giving it would raise."""
    with _tried(connection):
        people.grant(connection, actor, person_id, role_id, until)
    person = people.Person(connection, actor, person_id)
    role = connection.execute(_ROLE, {"id": role_id, "tenant": actor.tenant_id}).one()
    call = {
        "act": "grant", "person": person_id, "role": role_id, "holds": sorted(role.permissions),
        "until": until.isoformat() if until else None,
    }  # fmt: skip
    what = {"do": "Give a role", "role": role.name, "to": person.name, "for": "a time" if until else "good"}
    what |= {"gives": ", ".join(more_than_reading(role.permissions))[:600]}
    if until:
        what["until"] = f"{until:%Y-%m-%d}"
    return approvals.ask(
        connection, actor, need, title=f"Give {person.name} the role {role.name}", what=what, call=call,
        about=("app_users", person_id), reason=reason, expires=expires,
    )  # fmt: skip


def ask_to_widen(
    connection: Connection, actor: Actor, need: Need, role_id: int, wanted: Mapping[str, Any], reason: str,
    expires: datetime | None,
) -> int:  # fmt: skip
    """Ask for a role to be saved with a wider bundle; `wanted` are the arguments of `role_bundles.save`."""
    role = connection.execute(_ROLE, {"id": role_id, "tenant": actor.tenant_id}).one()
    with _tried(connection):
        role_bundles.save(connection, actor, role_id, **wanted)
    bundle = set(wanted["permissions"])
    call = {
        "act": "widen", "role": role_id, "version": wanted["version"], "name": wanted["name"],
        "description": wanted["description"], "permissions": sorted(bundle),
    }  # fmt: skip
    what = {"do": "Let a role do more", "role": role.name}
    what["adds"] = ", ".join(sorted(bundle - set(role.permissions)))[:600]
    if taken := sorted(set(role.permissions) - bundle):
        what["takes"] = ", ".join(taken)[:600]
    return approvals.ask(
        connection, actor, need, title=f"Let {role.name} do more", what=what, call=call, about=("roles", role_id),
        reason=reason, expires=expires,
    )  # fmt: skip


class _tried:  # noqa: N801 - reads as a clause: with _tried(connection)
    """What stands below is done and taken back: it raises whatever would stand in the way later."""

    def __init__(self, connection: Connection) -> None:
        self.point = connection.begin_nested()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self.point.rollback()


@executor("grant")
def give(request: Request, asker: Actor, within: Within) -> None:
    """Give the role as it was when asked for."""
    call = request.payload["call"]
    with change(asker, action="user.grant", reason=_why(request)) as connection:
        role = connection.execute(_ROLE, {"id": call["role"], "tenant": asker.tenant_id}).first()
        if role is None or sorted(role.permissions) != call["holds"]:
            raise Stale("The role holds something else than when this was asked for. Nothing was given; ask anew.")
        until = datetime.fromisoformat(call["until"]) if call["until"] else None
        people.grant(connection, asker, call["person"], call["role"], until)
        within(connection)


@executor("widen")
def widen(request: Request, asker: Actor, within: Within) -> None:
    """Save the role as it was asked for."""
    call = request.payload["call"]
    with change(asker, action="role.edit", reason=_why(request)) as connection:
        try:
            role_bundles.save(
                connection, asker, call["role"], name=call["name"], description=call["description"],
                permissions=call["permissions"], known=frozenset(call["permissions"]), version=call["version"],
            )  # fmt: skip
        except Stale:
            raise Stale("The role was changed after this was asked for. Nothing was changed; ask anew.") from None
        except Rejected as refused:
            raise Stale(refused.sentence) from None
        within(connection)


def _why(request: Request) -> str:
    return f"{request.payload.get('why', '')} (approved, request {request.id})"[:1000]


_ROLE = text("SELECT name, permissions FROM roles WHERE id = :id AND tenant_id = :tenant")
