"""A small company of its own for each story: people with their permissions, and records made through the engine's own door."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, insert, select, update

from app.core.db import db
from app.engine import ledger
from app.engine.access import Actor
from app.engine.apply import Receipt, apply, transaction
from app.engine.plan import plan_archive, plan_create, plan_edit, plan_move
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.engine.states import Transition
from app.engine.undo import Left, plan_undo
from app.roles import ROLES


@dataclass
class House:
    """The company of one test; `people` by first name."""

    tenant_id: int
    connection: Connection
    people: dict[str, Actor] = field(default_factory=dict)

    def person(self, name: str, *permissions: str) -> Actor:
        with transaction() as connection:
            key = connection.execute(
                insert(REGISTRY["app_users"].table)
                .values(tenant_id=self.tenant_id, display_name=name, status="active")
                .returning(REGISTRY["app_users"].table.c.id)
            ).scalar_one()
        actor = Actor(self.tenant_id, key, None, name, permissions=frozenset(permissions), timezone="America/Denver")
        self.people[name] = actor
        return actor

    def staff(self, name: str, role: str) -> Actor:
        """Somebody with one of the ten roles a company begins with."""
        return self.person(name, *next(each.permissions for each in ROLES if each.key == role))

    def given(self, table: str, **values: Any) -> int:
        """A row as it came to be before the story begins."""
        rows = REGISTRY[table].table
        if "number" in rows.c and not rows.c.number.nullable and "number" not in values:
            values["number"] = secrets.token_hex(4)
        with transaction() as connection:
            made = insert(rows).values(tenant_id=self.tenant_id, **values).returning(rows.c.id)
            return int(connection.execute(made).scalar_one())

    def change(self, table: str, key: int, **values: Any) -> None:
        """What happened meanwhile, elsewhere."""
        rows = REGISTRY[table].table
        with transaction() as connection:
            connection.execute(update(rows).where(rows.c.id == key).values(**values))

    def made(self, who: str, table: str, **values: Any) -> Receipt:
        actor = self.people[who]
        return apply(plan_create(REGISTRY[table], values, actor), actor)

    def create(self, who: str, table: str, **values: Any) -> int:
        return self.made(who, table, **values).key

    def edit(self, who: str, table: str, key: int, **values: Any) -> Receipt:
        actor = self.people[who]
        return apply(plan_edit(self.connection, REGISTRY[table], key, values, None, actor), actor)

    def delete(self, who: str, table: str, key: int) -> Receipt:
        actor = self.people[who]
        return apply(plan_archive(self.connection, REGISTRY[table], key, actor), actor)

    def press(self, who: str, table: str, key: int, move: str, reason: str | None = None, **asked: Any) -> Receipt:
        """Press a button on a record."""
        resource, actor = REGISTRY[table], self.people[who]
        plan = plan_move(self.connection, resource, key, _find(resource, move), asked, actor, reason)
        return apply(plan, actor, reason)

    def move(
        self, who: str, table: str, key: int, move: str, reason: str | None = None, **asked: Any
    ) -> dict[str, Any]:
        """Press it and look at the record afterwards."""
        self.press(who, table, key, move, reason, **asked)
        return self.row(table, key)

    def undo(self, who: str, receipt: Receipt) -> tuple[Left, ...]:
        """Take a change back; what had to be left as it is comes back."""
        actor = self.people[who]
        found = ledger.change_set(self.connection, actor, receipt.change_set or 0)
        assert found is not None
        planned = plan_undo(self.connection, found, actor)
        apply(planned.plan, actor, undoes_id=found.id)
        return planned.left

    def row(self, table: str, key: int) -> dict[str, Any]:
        rows = REGISTRY[table].table
        return dict(self.connection.execute(select(rows).where(rows.c.id == key)).mappings().one())

    def shown(self, table: str, key: int, name: str) -> Any:
        """A field as a list would show it, computed ones too."""
        resource = REGISTRY[table]
        return self.connection.execute(select(resource.expression(name)).where(resource.table.c.id == key)).scalar()

    def scope(self, who: str, table: str, label: str) -> set[int]:
        """The keys a ready-made list holds for that person."""
        resource, actor = REGISTRY[table], self.people[who]
        condition = resource.scopes[label]
        where = condition(actor) if callable(condition) else condition
        rows = resource.table
        return set(self.connection.scalars(select(rows.c.id).where(rows.c.tenant_id == self.tenant_id, where)))


def _find(resource: Resource, key: str) -> Transition | Any:
    move = resource.lifecycle.find(key) if resource.lifecycle else None
    return move or next(each for each in resource.actions if each.key == key)


@pytest.fixture
def house(app: Flask) -> Iterator[House]:
    with app.app_context():
        with transaction() as connection:
            tenants = REGISTRY["tenants"].table
            made = insert(tenants).values(
                slug=secrets.token_hex(6), name="Front Range Roofing", timezone="America/Denver"
            )
            tenant_id = connection.execute(made.returning(tenants.c.id)).scalar_one()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as reading:
            yield House(tenant_id, reading)
