"""Name -> resource: found by being there, checked and closed after start."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

from sqlalchemy import Connection

from app.engine.fields.choice import Choice
from app.engine.fields.reference import Reference
from app.engine.resource import Related, Resource


@dataclass(frozen=True)
class Domain:
    """A room of the house: how it is called, drawn and ordered in the navigation."""

    name: str
    label: str
    icon: str
    order: int


class Registry:
    """All declared resources. Adding after `close` is a fault of the program, not of its user."""

    def __init__(self) -> None:
        self._resources: dict[str, Resource] = {}
        self.domains: dict[str, Domain] = {}
        self._closed = False
        self.undeclared: Callable[[Connection, str], Resource | None] = lambda _connection, _name: None
        """Looks further where a name is not declared: `schema.table` of a table reflected from the database."""
        self.pointing_here: Callable[[Connection, Resource], tuple[Related, ...]] = lambda _connection, _resource: ()
        """Lists of rows in tables nobody declared that refer to a declared resource."""

    def add(self, resource: Resource, domain: str) -> None:
        if self._closed:
            raise RuntimeError(f"{resource.name} was declared after start; a resource stands in app/domains/.")
        if resource.name in self._resources:
            raise RuntimeError(f"{resource.name} is declared twice.")
        object.__setattr__(resource, "domain", domain)
        for each in resource.fields:
            if isinstance(each, Choice) and not each.values and each.name in resource.table.c:
                object.__setattr__(each, "values", tuple(resource.table.c[each.name].info.get("choices", ())))
        self._resources[resource.name] = resource

    def close(self) -> None:
        self._closed = True

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._resources.values())

    def __len__(self) -> int:
        return len(self._resources)

    def get(self, name: str) -> Resource | None:
        return self._resources.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self._resources

    def __getitem__(self, name: str) -> Resource:
        return self._resources[name]

    def find(self, connection: Connection, name: str) -> Resource | None:
        """The resource of that name, declared or not: what the ledger and pickers go by."""
        return self._resources.get(name) or self.undeclared(connection, name)

    def at(self, domain: str, name: str) -> Resource | None:
        """The resource at an address; a right table under a wrong domain is no address."""
        found = self._resources.get(name)
        return found if found is not None and found.domain == domain else None


REGISTRY = Registry()


def target_of(field: Reference) -> Resource | None:
    """The resource a reference points at: a declared one by its name, or one the field brings along."""
    return field.target if field.target is not None else REGISTRY.get(field.to)


def discover(registry: Registry = REGISTRY, package: str = "app.domains") -> Registry:
    """Import every module below `package` once and take in the resources it declares."""
    if len(registry):
        return registry
    root = importlib.import_module(package)
    for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda each: each.name):
        if not info.ispkg:
            continue
        room = importlib.import_module(f"{package}.{info.name}")
        registry.domains[info.name] = Domain(
            info.name,
            getattr(room, "label", info.name.capitalize()),
            getattr(room, "icon", "table"),
            getattr(room, "order", 99),
        )
        for module in _modules(room):
            for value in vars(module).values():
                if isinstance(value, Resource) and registry.get(value.name) is not value:
                    registry.add(value, info.name)
    registry.close()
    return registry


def _modules(room: ModuleType) -> Iterator[ModuleType]:
    for info in sorted(pkgutil.iter_modules(room.__path__), key=lambda each: each.name):
        if not info.ispkg:
            yield importlib.import_module(f"{room.__name__}.{info.name}")
