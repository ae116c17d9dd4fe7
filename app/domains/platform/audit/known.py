"""What a report is judged by: everything that is really there at this moment, gathered once."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, text

from app.domains.platform.audit.features.feature import Part
from app.domains.platform.audit.pages import OF_ANY, OPEN, SIGNED_IN, Page
from app.engine import background, health
from app.engine.access import holds
from app.engine.atlas import Entry
from app.engine.registry import REGISTRY

APP = Path(__file__).resolve().parents[4]
"""The folder that holds the package `app`."""


@dataclass(frozen=True)
class Role:
    """A role as it is edited by now, and who holds it."""

    key: str
    name: str
    permissions: frozenset[str]
    people: frozenset[int]
    """Colleagues at work who hold it."""


@dataclass(frozen=True)
class Known:
    """The live surroundings of the features."""

    tables: Mapping[str, Entry]
    """The console's own, by bare name."""
    pages: tuple[Page, ...]
    roles: tuple[Role, ...]
    tasks: frozenset[str]
    moves: frozenset[str]
    checks: frozenset[str]

    def has(self, part: Part) -> bool:
        """Whether one of the names of a part is found."""
        return any(self._found(part.kind, name) for name in part.names)

    def _found(self, kind: str, name: str) -> bool:
        if kind == "code":
            return is_written(name)
        if kind == "table":
            return name in self.tables
        if kind == "page":
            return bool(self.pages_at(name))
        among = {"task": self.tasks, "move": self.moves, "check": self.checks}[kind]
        return any(fnmatchcase(each, name) for each in among)

    def pages_at(self, pattern: str) -> list[Page]:
        """Pages whose address fits; what an address carries stands in it as `<...>`, which `*` matches."""
        return [each for each in self.pages if fnmatchcase(each.address, pattern)]

    def who_opens(self, page: Page) -> list[Role]:
        """The roles that may open a page."""
        if page.permission in (OPEN, SIGNED_IN):
            return list(self.roles)
        wanted = [each for each in (page.permission, page.own) if each]
        if page.permission and page.permission.startswith(OF_ANY):
            action = page.permission.removeprefix(OF_ANY)
            wanted = list({resource.permission(action) for resource in REGISTRY})
        return [role for role in self.roles if any(holds(role.permissions, each) for each in wanted)]


def gather(connection: Connection, tenant_id: int, entries: Iterable[Entry], pages: tuple[Page, ...]) -> Known:
    """Read what is there: tables from the atlas, pages as told, roles from the database, the rest from the code at work."""
    roles = connection.execute(_ROLES, {"tenant": tenant_id})
    return Known(
        tables={each.facts.name: each for each in entries if each.facts.is_ours},
        pages=pages,
        roles=tuple(Role(row.key, row.name, frozenset(row.permissions), frozenset(row.people)) for row in roles),
        tasks=frozenset(name for name in background.queue.tasks if ":" not in name),
        moves=frozenset(_moves()),
        checks=frozenset(each.key for each in health.checks()),
    )


def _moves() -> Iterable[str]:
    for resource in REGISTRY:
        if resource.lifecycle:
            yield from (f"{resource.name}.{each.key}" for each in resource.lifecycle.transitions)
        yield from (f"{resource.name}.{each.key}" for each in resource.actions)


@lru_cache(maxsize=512)
def is_written(name: str) -> bool:
    """Whether `package.module:function` stands in the code. Read, not imported, since it may stand on a floor above."""
    module, _, wanted = name.partition(":")
    base = module.replace(".", "/")
    files = [*APP.glob(f"{base}.py"), *APP.glob(f"{base}/__init__.py")]
    return any(fnmatchcase(each, wanted) for file in files for each in _names(file))


def _names(file: Path) -> Iterable[str]:
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom):
            yield from (each.asname or each.name for each in node.names)


_ROLES = text("""
SELECT r.key, r.name, r.permissions,
       ARRAY(SELECT g.app_user_id FROM app_user_roles g JOIN app_users u ON u.id = g.app_user_id
             WHERE g.role_id = r.id AND u.status = 'active') AS people
FROM roles r WHERE r.tenant_id = :tenant ORDER BY r.id
""")
