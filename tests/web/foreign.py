"""A database that was there before the console: ours in `console`, the ugly tables of somebody else all around it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import insert

from app.core.db import db
from app.engine import tablename
from app.engine.apply import transaction
from app.engine.registry import REGISTRY
from tests import ugly
from tests.conftest import _application
from tests.domains.conftest import House
from tests.servers import Server
from tests.web.desk import Desk, Form, staff

EDITED = (
    "guarded",
    "key_pair",
    "key_text",
    "key_uuid",
    "every_type",
    "people",
    "pair_lines",
    "key_moment",
    "tree",
    "by_code",
)
"""Tables whose owner lets the console change rows; of all others it may only read."""


@dataclass
class Foreign:
    """The database with one desk for each role that asks for one."""

    app: Flask
    house: House
    root: psycopg.Connection[Any]
    """The administrator of the foreign database at psql."""
    root_url: str
    _desks: dict[str, Desk] = field(default_factory=dict)

    def desk(self, role: str = "owner") -> Desk:
        if role not in self._desks:
            self._desks[role] = staff(self.app, self.house, role.replace("_", " ").title(), role)
        return self._desks[role]

    def row(self, statement: str, *values: Any) -> Any:
        found = self.root.execute(statement, values).fetchone()  # type: ignore[call-overload]
        assert found is not None
        return found[0] if len(found) == 1 else found

    def run(self, statement: str) -> None:
        self.root.execute(statement)  # type: ignore[call-overload]

    def tables(self, *schemas: str) -> list[tuple[str, str]]:
        return self.root.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1, 2",
            [list(schemas)],
        ).fetchall()

    def decide(self, place: str, what: str, role: str = "operations_manager", **values: str) -> Any:
        """Send one of the forms of a table's structure page."""
        desk = self.desk(role)
        form = desk.form(desk.get(f"{place}/structure").get_data(as_text=True), "csrf_token")
        return desk.send(f"{place}/{what}", Form(None, None, {"csrf_token": form.values["csrf_token"]}), **values)

    def opened(self, table: str) -> str:
        """The address of a table after opening it for editing."""
        place = tablename.path("ugly", table)
        self.decide(place, "open", reason="so that it can be put right")
        return place


def keys(page: str) -> list[str]:
    """The rows of a list by their keys as addresses hold them."""
    return re.findall(r'<tr data-key="([^"]*)"', page)


@pytest.fixture(scope="session")
def foreign(postgres: Server, migrated: str, process_name: str) -> Iterator[Foreign]:
    with postgres.clone(migrated, f"foreign_{process_name}") as database:
        ugly.build(database.superuser_url)
        with psycopg.connect(database.superuser_url, autocommit=True) as root:
            for table in EDITED:
                name = sql.Identifier("ugly", table)
                root.execute(sql.SQL("GRANT INSERT, UPDATE, DELETE ON {} TO console_app").format(name))
            root.execute("GRANT USAGE ON SCHEMA ugly TO console_app, console_owner")
            root.execute("GRANT SELECT, TRIGGER ON ugly.guarded, ugly.key_pair TO console_owner")
            for app in _application(database.config()):
                with app.app_context():
                    yield from _furnished(app, root, database.superuser_url)


def _furnished(app: Flask, root: psycopg.Connection[Any], root_url: str) -> Iterator[Foreign]:
    tenants = REGISTRY["tenants"].table
    with transaction() as connection:
        made = insert(tenants).values(slug=secrets.token_hex(6), name="Front Range Roofing")
        tenant = connection.execute(made.returning(tenants.c.id)).scalar_one()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as reading:
        yield Foreign(app, House(tenant, reading), root, root_url)
