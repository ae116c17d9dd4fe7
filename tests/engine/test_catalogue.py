"""The catalogue tells of every table what it is, what it refers to and what serves it, without reading or waiting for one."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection, create_engine

from app.core.db import connect_args, psycopg_url
from app.engine import catalogue
from app.engine.catalogue import TableFacts
from tests.servers import Database, Server

THEIRS = """
CREATE SCHEMA theirs;
CREATE TABLE theirs.suppliers (id serial PRIMARY KEY, name text UNIQUE, vat char(9) NOT NULL);
COMMENT ON TABLE theirs.suppliers IS 'Who we buy from.';
CREATE TABLE theirs.orders (
    year int, no int, supplier_id int REFERENCES theirs.suppliers, approved_by int, total numeric(12,2) CHECK (total > 0),
    PRIMARY KEY (year, no)
);
ALTER TABLE theirs.orders ADD CONSTRAINT approver FOREIGN KEY (approved_by) REFERENCES theirs.suppliers NOT VALID;
CREATE INDEX orders_supplier ON theirs.orders (supplier_id);
CREATE INDEX orders_open ON theirs.orders (approved_by) WHERE total > 100;
CREATE TABLE theirs.readings (taken date NOT NULL, value int) PARTITION BY RANGE (taken);
CREATE TABLE theirs.readings_2024 PARTITION OF theirs.readings FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO theirs.readings SELECT date '2024-03-01', n FROM generate_series(1, 50) n;
CREATE VIEW theirs.large_orders AS SELECT o.* FROM theirs.orders o JOIN theirs.suppliers s ON s.id = o.supplier_id;
CREATE MATERIALIZED VIEW theirs.totals AS SELECT supplier_id, sum(total) FROM theirs.orders GROUP BY 1 WITH NO DATA;
CREATE TABLE theirs."We're ""odd"", yes. ÄÖ" ("Select" int, "a.b" text, "100%" bool);
GRANT USAGE ON SCHEMA theirs TO console_app;
GRANT SELECT ON ALL TABLES IN SCHEMA theirs TO console_app;
ANALYZE theirs.readings_2024;
"""


@pytest.fixture(scope="module")
def foreign(postgres: Server, migrated: str, process_name: str) -> Iterator[Database]:
    with postgres.clone(migrated, f"catalogue_{process_name}") as database:
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            owner.execute(THEIRS.encode())
        yield database


@pytest.fixture(scope="module")
def asking(foreign: Database) -> Iterator[Connection]:
    engine = create_engine(
        psycopg_url(foreign.app_url), connect_args=connect_args(foreign.config()), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(scope="module")
def told(asking: Connection) -> dict[str, TableFacts]:
    return {each.qualified: each for each in catalogue.tables(asking)}


def test_ours_and_theirs_are_told_apart_and_the_systems_own_are_left_out(told: dict[str, TableFacts]) -> None:
    assert told["console.customers"].is_ours and told["console.customers"].governed
    assert not told["theirs.suppliers"].is_ours and not told["theirs.suppliers"].governed
    assert not [name for name in told if name.startswith(("pg_", "information_schema."))]
    assert told["public.pg_stat_statements"].extension == "pg_stat_statements"


def test_every_kind_is_named(told: dict[str, TableFacts]) -> None:
    kinds = {name.removeprefix("theirs."): each.kind for name, each in told.items() if name.startswith("theirs.")}
    assert kinds["suppliers"] == "table" and kinds["large_orders"] == "view" and kinds["totals"] == "matview"
    assert kinds["readings"] == "partitioned" and kinds["readings_2024"] == "partition"
    assert told["theirs.readings_2024"].parent == "theirs.readings"
    assert not told["theirs.totals"].populated


def test_columns_keys_and_references_are_there_both_ways(told: dict[str, TableFacts]) -> None:
    orders, suppliers = told["theirs.orders"], told["theirs.suppliers"]
    assert orders.key == ("year", "no") and set(suppliers.uniques) == {("id",), ("name",)}
    assert [(each.name, each.type, each.nullable) for each in suppliers.columns][-1] == ("vat", "character(9)", False)
    assert {each.name: (each.target, each.to_columns) for each in orders.refs_out} == {
        "orders_supplier_id_fkey": ("theirs.suppliers", ("id",)),
        "approver": ("theirs.suppliers", ("id",)),
    }
    assert orders.refs_out == suppliers.refs_in and orders.unvalidated == ("approver",)
    assert told["theirs.large_orders"].reads_from == ("theirs.orders", "theirs.suppliers")
    assert "theirs.large_orders" in suppliers.read_by and suppliers.comment == "Who we buy from."


def test_an_index_serves_a_reference_only_when_it_begins_with_it_and_is_whole(told: dict[str, TableFacts]) -> None:
    orders = told["theirs.orders"]
    assert [each.columns for each in orders.unindexed_refs] == [("approved_by",)]
    assert {each.name for each in orders.unused_indexes} == {"orders_supplier", "orders_open"}
    assert [each.name for each in orders.indexes if each.primary] == ["orders_pkey"]


def test_sizes_and_rows_are_known_without_counting(told: dict[str, TableFacts]) -> None:
    assert told["theirs.suppliers"].no_pages and told["theirs.suppliers"].rows_estimate == 0
    assert told["theirs.readings"].rows_estimate == 50 and (told["theirs.readings"].bytes or 0) > 0
    assert told["theirs.large_orders"].bytes is None
    assert [(each.column, each.last, each.limit) for each in told["theirs.suppliers"].sequences] == [
        ("id", None, 2_147_483_647)
    ]


def test_odd_names_are_kept_as_they_are(told: dict[str, TableFacts]) -> None:
    assert told['theirs.We\'re "odd", yes. ÄÖ'].column_names == ("Select", "a.b", "100%")


def test_a_table_one_may_not_read_is_told_and_says_so(foreign: Database) -> None:
    with psycopg.connect(foreign.superuser_url, autocommit=True) as root:
        root.execute("CREATE SCHEMA shut; CREATE TABLE shut.salaries (id int PRIMARY KEY)")
    engine = create_engine(psycopg_url(foreign.owner_url), connect_args=connect_args(foreign.config(), "owner"))
    with engine.connect() as connection:
        found = {each.qualified: each for each in catalogue.tables(connection)}
    engine.dispose()
    assert not found["shut.salaries"].readable and found["shut.salaries"].key == ("id",)
    assert found["theirs.orders"].readable


def test_one_table_is_told_as_among_all(asking: Connection, told: dict[str, TableFacts]) -> None:
    alone = catalogue.table(asking, "theirs", "orders")
    assert alone is not None and alone.refs_out == told["theirs.orders"].refs_out and alone.indexes
    assert catalogue.table(asking, "theirs", "nothing") is None


def test_the_same_columns_make_the_same_fingerprint(told: dict[str, TableFacts]) -> None:
    assert told["theirs.readings"].fingerprint == told["theirs.readings_2024"].fingerprint
    assert told["theirs.orders"].fingerprint != told["theirs.suppliers"].fingerprint


def test_a_table_somebody_rebuilds_makes_nobody_wait(foreign: Database, asking: Connection) -> None:
    with psycopg.connect(foreign.owner_url) as rebuilding:
        rebuilding.execute("LOCK TABLE theirs.orders IN ACCESS EXCLUSIVE MODE")
        found = catalogue.table(asking, "theirs", "orders")
        assert found is not None and found.bytes is not None


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE theirs.born (id int)",
        "ALTER TABLE theirs.born ADD COLUMN more text",
        "ALTER TABLE theirs.born RENAME COLUMN more TO less",
        "ALTER TABLE theirs.born ALTER COLUMN less SET DEFAULT 'x'",
        "CREATE INDEX ON theirs.born (id)",
        "CREATE VIEW theirs.seen AS SELECT id FROM theirs.born",
        "CREATE OR REPLACE VIEW theirs.seen AS SELECT id + 1 - 1 AS id FROM theirs.born",
        "COMMENT ON TABLE theirs.born IS 'Today.'",
        "REVOKE SELECT ON theirs.born FROM PUBLIC; GRANT SELECT ON theirs.born TO console_app",
        "DROP TABLE theirs.born CASCADE",
    ],
)
def test_the_signature_moves_with_every_change_of_the_schema(
    foreign: Database, asking: Connection, change: str
) -> None:
    before = catalogue.signature(asking)
    with psycopg.connect(foreign.owner_url, autocommit=True) as owner:
        owner.execute(change.encode())
    assert catalogue.signature(asking) != before


def test_the_signature_stands_while_rows_come_and_go(foreign: Database, asking: Connection) -> None:
    before = catalogue.signature(asking)
    with psycopg.connect(foreign.owner_url, autocommit=True) as owner:
        owner.execute("INSERT INTO theirs.suppliers (name, vat) VALUES ('Summit', 'DE1'), ('Ridge', 'DE2')")
        owner.execute("ANALYZE theirs.suppliers")
        owner.execute("VACUUM theirs.suppliers")
        owner.execute("DELETE FROM theirs.suppliers")
    assert catalogue.signature(asking) == before
