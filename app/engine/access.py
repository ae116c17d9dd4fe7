"""Who is asking and what they may see or do: the one place that answers, asked by every page, export and write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Actor:
    """A person, agent, key or the system itself, with the permissions it held when this request began."""

    tenant_id: int
    app_user_id: int | None
    user_id: int | None
    name: str
    email: str | None = None
    kind: str = "user"
    permissions: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()
    timezone: str = "UTC"
    theme: str = "system"
    density: str = "comfortable"
    api_key_id: int | None = None
    """The key a program asks with, for `kind` "api_key"; `app_user_id` is then the person it belongs to."""
    single_keys: bool = True
    """Whether single letters act as keys for this person."""
    edits: str = "once"
    """Whether changes of single values are saved at `once`, or this person `collect`s them and saves them together."""

    viewing_as: str = ""
    """The role this person sees the console as for the moment; nothing is changed meanwhile."""

    def may(self, permission: str) -> bool:
        """Whether this actor holds `permission`, written out or by a pattern such as `invoices.*` or `*.read`."""
        return holds(self.permissions, permission)


def SYSTEM(tenant_id: int = 0) -> Actor:
    """The console itself, for background tasks and imports: it may do anything, and the ledger names it."""
    return Actor(tenant_id, None, None, "BrainOps Console", kind="system", permissions=frozenset({"*.*"}))


@lru_cache(maxsize=16384)
def holds(permissions: frozenset[str], permission: str) -> bool:
    """Match one permission against a bundle. `ai.decisions.read` has the area `ai.decisions` and the action `read`."""
    if permission in permissions or "*.*" in permissions:
        return True
    area, _, action = permission.rpartition(".")
    return f"{area}.*" in permissions or f"*.{action}" in permissions


def expand(patterns: Iterable[str], known: Iterable[str]) -> set[str]:
    """The permissions among `known` that `patterns` grant; what the matrix screen ticks."""
    bundle = frozenset(patterns)
    return {permission for permission in known if holds(bundle, permission)}
