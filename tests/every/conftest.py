"""The demonstration company seen by everybody on its staff, with a neighbour company in the same database.

Every personal value is replaced by one that occurs nowhere else, so that a page can be searched for what must not be on it.
"""

from __future__ import annotations

import os
import random
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from psycopg import sql
from sqlalchemy import Column, Connection, func, insert, select, true
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.sql import visitors
from werkzeug.datastructures import MultiDict

from app.core.db import db
from app.engine import listing
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.atlas import survey
from app.engine.fields import Email, Field, Json, Phone
from app.engine.projection import Projection, projection
from app.engine.registry import REGISTRY
from app.engine.resource import Resource
from app.first_start import ROLES, email_for
from app.web import session_rows
from app.web.addresses import Pairs, joined
from tests.conftest import _application
from tests.servers import Database, Server

SEED = os.environ.get("TEST_SEED") or secrets.token_hex(4)
"""Of the choice among fields of one kind; printed where a test fails, given again by TEST_SEED."""


def one_of_each_kind(resource: Resource, fields: Iterable[Field]) -> list[Field]:
    """A field of each type, filled or perhaps empty, a column or computed: what treats fields alike is asked of one of each."""
    print(f"TEST_SEED={SEED}")
    kinds: dict[tuple[object, ...], list[Field]] = {}
    for each in fields:
        column = resource.table.c.get(each.name)
        perhaps_empty = column is None or column.nullable
        kinds.setdefault((type(each), perhaps_empty, each.expr is None), []).append(each)
    dice = random.Random(f"{SEED}/{resource.name}")
    return [dice.choice(alike) for alike in kinds.values()]


PRIVATE = re.compile(r"qx-private|907\D{0,3}555\D{0,2}\d{4}|2001:db8:5ec", re.IGNORECASE)
"""What any personal value looks like here, however a page writes it."""


@dataclass(repr=False)
class Company:
    """The company with one signed-in browser per role."""

    app: Flask
    connection: Connection
    tokens: dict[str, str]
    strangers: dict[str, int]
    """Table -> a record of the neighbour company."""
    _clients: dict[str, FlaskClient] = field(default_factory=dict)
    _actors: dict[str, Actor] = field(default_factory=dict)

    def client(self, role: str = "owner") -> FlaskClient:
        if role not in self._clients:
            made = self._clients[role] = self.app.test_client()
            made.set_cookie("console", self.tokens[role])
        return self._clients[role]

    def actor(self, role: str = "owner") -> Actor:
        if role not in self._actors:
            standing = session_rows.find(self.connection, self.tokens[role])
            assert standing is not None
            self._actors[role] = session_rows.actor_of(standing)
        return self._actors[role]

    def view(self, resource: Resource, role: str = "owner") -> Projection:
        return projection(resource, self.actor(role))

    def get(self, path: str, role: str = "owner", **headers: str) -> Any:
        with self.app.app_context():  # of its own: a test holds one open, and what one request kept another would find
            return self.client(role).get(path, headers=headers)

    def post(self, path: str, values: dict[str, Any], role: str = "owner", **headers: str) -> Any:
        data = {"csrf_token": self.csrf(role), **values}
        with self.app.app_context():
            return self.client(role).post(path, data=data, headers=headers)

    def csrf(self, role: str = "owner") -> str:
        found = re.search(r'"X-CSRFToken":"([^"]+)"', self.get("/change-sets/0", role).get_data(as_text=True))
        assert found
        return found[1]

    def fetch(self, resource: Resource, who: str = "owner", **asked: str) -> listing.Page:
        return self._fetched(resource, list(asked.items()), self.actor(who))

    def ask(self, resource: Resource, question: str) -> listing.Page:
        """The list at an address that ends so, as the owner has it."""
        return self._fetched(resource, joined(MultiDict(parse_qsl(question))), self.actor())

    def _fetched(self, resource: Resource, pairs: Pairs, actor: Actor) -> listing.Page:
        query = listing.read_query(pairs, projection(resource, actor), actor.timezone)
        return listing.fetch(self.connection, query, actor)

    def key(self, resource: Resource, role: str = "owner") -> int:
        """A record that role's list shows first; every table has one."""
        page = self.fetch(resource, role, limit="10")
        assert page.rows, f"the demonstration has no {resource.plural}"
        return int(page.rows[0][page.layout.key])

    @cached_property
    def tenant_id(self) -> int:
        return self.actor().tenant_id


@pytest.fixture(scope="session")
def every_app(postgres: Server, demo_template: str, process_name: str) -> Iterator[tuple[Flask, Database]]:
    with postgres.clone(demo_template, f"every_{process_name}") as database:
        for app in _application(database.config()):
            yield app, database


@pytest.fixture(scope="session")
def company(every_app: tuple[Flask, Database]) -> Iterator[Company]:
    app, database = every_app
    with app.app_context():
        tokens = {role: _signed_in(email_for(role)) for role in ROLES}
        _lone_rows()
        with psycopg.connect(database.superuser_url, autocommit=True) as root:
            root.execute("SET search_path TO console, public")
            _make_private(root)
            strangers = _neighbour(root)
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as reading:
            yield Company(app, reading, tokens, strangers)


def _signed_in(email: str) -> str:
    users, staff, visits = (REGISTRY[name].table for name in ("users", "app_users", "user_sessions"))
    with transaction() as connection:
        user, tenant = connection.execute(
            users.join(staff, staff.c.user_id == users.c.id)
            .select()
            .with_only_columns(users.c.id, staff.c.tenant_id)
            .where(users.c.email == email)
        ).one()
        visit = connection.execute(
            insert(visits)
            .values(tenant_id=tenant, user_id=user, email_tried=email, outcome="success", ip="10.0.0.7", user_agent="-")
            .returning(visits.c.id)
        ).scalar_one()
        return session_rows.begin(
            connection, user_id=user, tenant_id=tenant, user_session_id=visit, ip="10.0.0.7", agent="-"
        )


def _lone_rows() -> None:
    """One row for every table the demonstration leaves empty, so that a table made today is asked the same questions."""
    with db.engine.connect() as connection:
        survey.ensure(connection)  # the list of tables fills itself, and forgets rows of tables that are not there
    with transaction() as connection:
        tenant = connection.scalar(select(func.min(REGISTRY["tenants"].table.c.id)))
        empty = [
            each
            for each in db.metadata.sorted_tables
            if REGISTRY.get(each.name) and connection.scalar(select(each.c.id).limit(1)) is None
        ]
        for table in empty:
            demanded = [
                each
                for each in table.c
                if not each.nullable and each.server_default is None and each.computed is None and not each.primary_key
            ]
            # No two numbers of a row are the same, the later is the larger: a pair of records is in order then.
            values = {each.name: _some(connection, each, tenant, n) for n, each in enumerate(demanded, 1)}
            connection.execute(insert(table).values(values))


def _some(connection: Connection, column: Column[Any], tenant: int, number: int) -> Any:
    """A value that column takes: the company itself, a record that is there, a word of its list, or any of its type."""
    for key in column.foreign_keys:
        there = key.column.table
        if there.name == "tenants":
            return tenant
        mine = there.c.tenant_id == tenant if "tenant_id" in there.c else true()
        return connection.scalar(select(func.min(there.c.id)).where(mine))
    if column.info.get("choices"):
        return column.info["choices"][0]
    kind = column.type.python_type
    return {str: "The only one", bytes: b"a" * 32, datetime: "2030-01-01T00:00Z", date: "2030-01-01"}.get(kind, number)


def _neighbour(root: psycopg.Connection) -> dict[str, int]:
    """Another company with a copy of one record of each table that belongs to a company, past every rule of life cycles."""
    root.execute("SET session_replication_role = replica")
    tenant = root.execute(
        "INSERT INTO tenants (slug, name) VALUES ('neighbour', 'Neighbour Roofing') RETURNING id"
    ).fetchone()
    assert tenant
    copied = {"tenants": tenant[0]}
    for resource in REGISTRY:
        names = [
            each.name for each in resource.table.c if each.computed is None and each.name not in ("id", "tenant_id")
        ]
        if "tenant_id" not in resource.table.c:
            continue
        statement = sql.SQL(
            "INSERT INTO {0} (tenant_id, {1}) SELECT %s, {1} FROM {0} WHERE tenant_id IS NOT NULL"
            " ORDER BY id DESC LIMIT 1 RETURNING id"
        ).format(sql.Identifier(resource.name), sql.SQL(", ").join(map(sql.Identifier, names)))
        try:
            row = root.execute(statement, tenant).fetchone()
        except (psycopg.errors.UniqueViolation, psycopg.errors.ExclusionViolation):
            continue
        assert row, resource.name
        copied[resource.name] = row[0]
    return copied


def _make_private(root: psycopg.Connection) -> None:
    """Recorded by the ledger where it may be, so that histories hold private values too."""
    for resource in REGISTRY:
        values = [
            sql.SQL("{} = {}").format(sql.Identifier(column), sql.SQL(_private(each)))
            for each in resource.fields
            if each.personal and (column := _column(resource, each))
        ]
        if not values:
            continue
        statement = sql.SQL("UPDATE {} SET {}").format(sql.Identifier(resource.name), sql.SQL(", ").join(values))
        try:
            root.execute(statement)
        except (psycopg.errors.RaiseException, psycopg.errors.RestrictViolation):
            root.execute("SET session_replication_role = replica")
            root.execute(statement)
            root.execute("RESET session_replication_role")


def _column(resource: Resource, each: Field) -> str | None:
    """The column a field shows, also an address through a function; what is put together of others' is theirs to replace."""
    if each.expr is None:
        return each.name
    parts = (part for part in visitors.iterate(each.expr()) if isinstance(part, Column) and isinstance(part.type, INET))
    return next((part.name for part in parts), None)


def _private(each: Field) -> str:
    if isinstance(each, Email):
        return "'qx-private-' || id || '@masked.example'"
    if isinstance(each, Phone):
        return "'+1907555' || lpad((id % 10000)::text, 4, '0')"
    if isinstance(each, Json):
        return """jsonb_build_object('qx-private', 'qx-private-' || id)"""
    if each.expr is not None:
        return "('2001:db8:5ec::' || id % 1000)::inet"
    return "'qx-private-' || id"
