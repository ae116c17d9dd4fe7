"""The schema comes up on an empty database, goes, and comes again; on every PostgreSQL we promise; as the house rules say."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection, create_engine, text

from app import roles
from app.core.db import psycopg_url
from app.core.startup import MIGRATIONS
from tests import servers
from tests.servers import Database, Server

VERSIONS = [version for version in (18, 15) if servers.programs_of(version)]


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda version: f"postgresql-{version}")
def server_of(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(request.param)
    yield server
    server.stop()


@pytest.fixture
def empty(server_of: Server, process_name: str) -> Iterator[Database]:
    template = server_of.template("empty", "1", lambda _: None)
    with server_of.clone(template, f"migrations_{process_name}") as database:
        yield database


def alembic(database: Database, schema: str) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes.update(url=database.owner_url, schema=schema)
    return config


def left_in(database: Database, schema: str) -> set[str]:
    """Names of tables, functions and types that stand in the schema."""
    engine = create_engine(psycopg_url(database.owner_url))
    with engine.connect() as connection:
        found = connection.scalars(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(:schema) AND relkind IN ('r', 'v')"
                " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace(:schema)"
                " UNION ALL SELECT typname FROM pg_type WHERE typnamespace = to_regnamespace(:schema)"
                "   AND typtype IN ('e', 'c')"
            ),
            {"schema": '"' + schema.replace('"', '""') + '"'},
        ).all()
    engine.dispose()
    return set(found)


def test_a_company_that_is_there_gets_what_came_later(empty: Database) -> None:
    """Its roles get each new area on top of what people made of them; what hangs on a lead alone goes with the leads."""
    command.upgrade(alembic(empty, "console"), "0013")
    engine = create_engine(psycopg_url(empty.owner_url), connect_args={"options": "-c search_path=console,public"})
    role = text("SELECT permissions FROM roles WHERE key = :key")
    with engine.begin() as connection:
        tenant = connection.scalar(text("INSERT INTO tenants (slug, name) VALUES ('a', 'A') RETURNING id"))
        roles.seed_roles(connection, tenant)
        connection.execute(text("UPDATE roles SET permissions = '{home.read}' WHERE key IN ('sales', 'billing')"))
    command.upgrade(alembic(empty, "console"), "0014")
    with engine.begin() as connection:
        assert connection.scalar(role, {"key": "sales"}) == ["home.read", "leads.*"]
        assert connection.scalar(role, {"key": "billing"}) == ["home.read"]
        assert connection.scalar(role, {"key": "viewer"}).count("leads.read") == 1
        for statement in (
            "INSERT INTO customers (tenant_id, number, name) VALUES (:t, 'C-1', 'Alamo')",
            "INSERT INTO leads (tenant_id, number, title, contact_name) VALUES (:t, 'L-1', 'Leak', 'Ada')",
            "INSERT INTO crm_activities (tenant_id, kind, subject, lead_id) SELECT :t, 'call', 'Alone', id FROM leads",
            "INSERT INTO crm_activities (tenant_id, kind, subject, lead_id, customer_id)"
            " SELECT :t, 'call', 'Kept', l.id, c.id FROM leads l, customers c",
            "INSERT INTO estimates (tenant_id, number, title, lead_id, customer_id)"
            " SELECT :t, 'E-1', 'Leak', l.id, c.id FROM leads l, customers c",
        ):
            connection.execute(text(statement), {"t": tenant})
    command.downgrade(alembic(empty, "console"), "0013")
    with engine.begin() as connection:
        assert connection.scalars(text("SELECT subject FROM crm_activities")).all() == ["Kept"]
        assert connection.scalar(text("SELECT lead_id FROM estimates")) is None
    command.upgrade(alembic(empty, "console"), "0014")
    with engine.begin() as connection:
        connection.execute(text("UPDATE roles SET permissions = '{home.read}'"))
    command.upgrade(alembic(empty, "console"), "head")
    with engine.begin() as connection:
        for each in roles.ROLES:
            held = connection.scalar(role, {"key": each.key})
            later = {area for area in each.permissions if area.rpartition(".")[0] not in EARLIER}
            assert {area for area in held if area.rpartition(".")[0] not in EARLIER} == later, each.key
    engine.dispose()


EARLIER = frozenset({
    "*", "home", "customers", "properties", "leads", "products", "estimates", "estimate_reviews", "jobs", "visits", "invoices",
    "payments", "tasks", "agents", "ai.decisions", "ai.calls", "ai.prices", "users", "roles", "sessions", "audit", "health",
    "errors", "metrics", "tenant", "views", "imports", "export", "platform",
})  # fmt: skip
"""What areas there were before the rest of the dictionary came."""


def test_up_down_and_up_again_in_a_schema_of_any_name_while_public_stays_empty(empty: Database) -> None:
    command.upgrade(alembic(empty, 'Brain "Ops"'), "head")
    first = left_in(empty, 'Brain "Ops"')
    assert {"customers", "change_sets", "ai_calls", "metrics", "procrastinate_jobs", "seal_change_sets"} <= first
    command.downgrade(alembic(empty, 'Brain "Ops"'), "base")
    assert left_in(empty, 'Brain "Ops"') == {"alembic_version"}
    command.upgrade(alembic(empty, 'Brain "Ops"'), "head")
    assert left_in(empty, 'Brain "Ops"') == first
    engine = create_engine(
        psycopg_url(empty.owner_url), connect_args={"options": r'-c search_path="Brain\ ""Ops""",public'}
    )
    with engine.begin() as connection:
        tenant = connection.scalar(text("INSERT INTO tenants (slug, name) VALUES ('a', 'A') RETURNING id"))
        assert len(roles.seed_roles(connection, tenant)) == 10
        assert connection.scalar(text("SELECT count(*) FROM change_entries WHERE table_name = 'roles'")) == 10
        connection.execute(
            text("INSERT INTO customers (tenant_id, number, name) VALUES (:t, '1', 'The Alamo Roofing Co., Inc.')"),
            {"t": tenant},
        )
        assert connection.scalar(text("SELECT name_norm FROM customers")) == "alamoroofing"
        earlier = connection.scalar(text("SELECT uuidv7()"))
        connection.execute(text("SELECT pg_sleep(0.005)"))
        assert UUID(str(earlier)).version == 7
        assert earlier < connection.scalar(text("SELECT uuidv7()"))
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT seal_change_sets()")) == 1
        assert connection.scalar(text("SELECT broken FROM verify_ledger()")) is None
    engine.dispose()
    assert not left_in(empty, "public") & {"tenants", "alembic_version", "keep_version"}


def test_every_foreign_key_has_an_index_that_begins_with_it(owner_connection: Connection) -> None:
    bare = owner_connection.scalars(
        text("""
            SELECT c.conrelid::regclass || '.' || a.attname
            FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
            WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace
                AND c.conname LIKE 'fk\\_%'
                AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])
        """)
    ).all()
    assert bare == []


def test_names_follow_the_convention(owner_connection: Connection) -> None:
    odd = owner_connection.scalars(
        text("""
            SELECT conname FROM pg_constraint
            WHERE connamespace = current_schema()::regnamespace AND contype IN ('p', 'f', 'u', 'c')
                AND conrelid::regclass::text !~ '^(procrastinate_|alembic_)'
                AND conname NOT LIKE (CASE contype WHEN 'p' THEN 'pk' WHEN 'f' THEN 'fk' WHEN 'u' THEN 'uq' ELSE 'ck' END)
                    || '\\_' || replace(conrelid::regclass::text, '_', '\\_') || '%'
        """)
    ).all()
    assert odd == []


def test_the_application_owns_nothing_and_reaches_every_table(owner_connection: Connection) -> None:
    tables = owner_connection.execute(
        text("""
            SELECT relname, relowner::regrole::text AS owner, has_table_privilege('console_app', oid, 'SELECT') AS reads,
                has_table_privilege('console_app', oid, 'TRUNCATE') AS empties
            FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
        """)
    ).all()
    assert [each.relname for each in tables if each.owner == "console_app" or each.empties] == []
    assert [each.relname for each in tables if not each.reads] in ([], ["alembic_version"])
