"""A small company on a database of its own, for the stories of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Row, create_engine, text

from app.core.db import connect_args, psycopg_url
from app.roles import seed_roles
from tests.servers import Database


@dataclass(frozen=True)
class Company:
    """Hill Country Roofing: Dana dispatches, Ruth owns the database, and customer 1 is Alamo Storage."""

    app: Engine
    owner: Engine
    tenant: int
    dana: int
    alamo: int

    @contextmanager
    def as_dana(
        self, reason: str = "asked on the phone", action: str | None = None, group: int | None = None
    ) -> Iterator[Connection]:
        """One unit of work of Dana's, as the console opens it; of the batches of `group`, where that names their first."""
        with self.app.begin() as connection:
            opened = text(
                "SELECT open_change_set('user', :dana, 'console', :action, :reason, 'req-1', '10.0.0.7', NULL, :tenant,"
                " group_id => :group)"
            )
            values = {"dana": self.dana, "action": action, "reason": reason, "tenant": self.tenant, "group": group}
            connection.info["change_set"] = connection.execute(opened, values).scalar_one()
            yield connection

    def entries(self, table: str = "customers", record: int | None = None) -> list[Row]:
        """The entries of a table, of one record if given, oldest first, with their set's columns."""
        with self.owner.begin() as connection:
            return list(
                connection.execute(
                    text(
                        "SELECT e.*, s.actor_type, s.app_user_id, s.channel, s.reason, s.db_role, s.application_name,"
                        " s.entry_count, s.tenant_id AS set_tenant FROM change_entries e"
                        " JOIN change_sets s ON s.id = e.change_set_id"
                        " WHERE e.table_name = :table AND (CAST(:record AS text) IS NULL OR record_id = :record)"
                        " ORDER BY e.id"
                    ),
                    {"table": table, "record": None if record is None else str(record)},
                )
            )

    def does(self, sql: str, **values: Any) -> Any:
        """The owner of the database does something by hand."""
        with self.owner.begin() as connection:
            result = connection.execute(text(sql), values)
            return result.scalar() if result.returns_rows else None


@pytest.fixture
def company(fresh_database: Database) -> Iterator[Company]:
    config = fresh_database.config()
    app = create_engine(psycopg_url(fresh_database.app_url), connect_args=connect_args(config, "app"))
    owner = create_engine(psycopg_url(fresh_database.owner_url), connect_args=connect_args(config, "owner", "psql"))
    with owner.begin() as connection:
        tenant = connection.scalar(
            text("INSERT INTO tenants (slug, name) VALUES ('hill', 'Hill Country Roofing') RETURNING id")
        )
        seed_roles(connection, tenant)
        dana = connection.scalar(
            text("INSERT INTO app_users (tenant_id, display_name) VALUES (:tenant, 'Dana Reyes') RETURNING id"),
            {"tenant": tenant},
        )
        alamo = connection.scalar(
            text(
                "INSERT INTO customers (tenant_id, number, name, phone_e164)"
                " VALUES (:tenant, 'C-1', 'Alamo Storage LLC', '+12105550100') RETURNING id"
            ),
            {"tenant": tenant},
        )
    yield Company(app, owner, tenant, dana, alamo)
    app.dispose()
    owner.dispose()
