"""The atlas finds what was planted: what lives, what is quiet, empty, a second copy or broken, each with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.core import clock
from app.core.db import db
from app.demo.legacy import PLANTED
from app.engine import atlas
from app.engine.apply import transaction
from app.engine.atlas import Entry, Mention, readings, survey
from app.engine.atlas.about import About
from app.engine.atlas.domains import domains
from app.engine.atlas.readings import History
from app.engine.atlas.resemblance import plain_name
from app.engine.catalogue import ColumnFacts, IndexFacts, Ref, SequenceFacts, TableFacts
from tests.conftest import _application
from tests.servers import Database, Server


@pytest.fixture(scope="module")
def restored(postgres: Server, demo_template: str, process_name: str) -> Iterator[Database]:
    """The demonstration company as from a backup: its rows are there, and PostgreSQL's counters begin today."""
    with postgres.clone(demo_template, f"atlas_{process_name}") as database:
        yield database


@pytest.fixture(scope="module")
def connection(restored: Database) -> Iterator[Connection]:
    for app in _application(restored.config()):
        with app.app_context(), db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as asking:
            yield asking


@pytest.fixture(scope="module")
def before(connection: Connection) -> dict[str, Entry]:
    """The atlas before anything was read."""
    return {each.qualified: each for each in atlas.rows(connection)}


@pytest.fixture(scope="module")
def found(connection: Connection, before: dict[str, Entry]) -> dict[str, Entry]:
    """The atlas after the first reading."""
    assert readings.take() == len(before)
    return {each.qualified: each for each in atlas.rows(connection)}


# -- the demonstration -----------------------------------------------------------------------------------------------


def test_exactly_what_was_planted_is_found(found: dict[str, Entry]) -> None:
    assert {name: each.verdict for name, each in found.items() if each.facts.schema == "legacy"} == PLANTED


def test_the_evidence_names_what_it_rests_on(found: dict[str, Entry]) -> None:
    said = {name: found[f"legacy.{name}"].evidence for name in ("job_costing_2022", "weather_holds", "permit_requests")}
    assert "by updated_at" in said["job_costing_2022"] and "2022" in said["job_costing_2022"]
    assert "by logged_at" in said["weather_holds"]
    assert said["permit_requests"] == "There is no row in it."
    assert "receivables_2021" in found["legacy.overdue_by_customer"].evidence
    assert "never validated" in found["legacy.material_orders"].evidence
    assert "console.customers" in found["legacy.customers_backup_2023"].evidence
    assert "console.app_users" in found["legacy.app_users_old"].evidence
    assert "legacy.crew_members" in found["legacy.crew_members_v2"].evidence


def test_before_the_first_reading_it_says_that_it_does_not_know_when(before: dict[str, Entry]) -> None:
    assert before["legacy.job_costing_2022"].last_write is None
    assert "after the first reading" in before["legacy.job_costing_2022"].evidence
    assert before["legacy.permit_requests"].verdict == "empty"


def test_ours_stand_in_their_domains_declared_governed_and_shown(found: dict[str, Entry]) -> None:
    customers = found["console.customers"]
    assert (customers.domain, customers.declared, customers.governed) == ("crm", "customers", True)
    assert customers.shown_on == "Customers, Customers" and customers.verdict == "live"
    assert found["console.login_throttle"].machinery and found["console.login_throttle"].domain == "platform"
    assert found["legacy.customers_backup_2023"].domain == "crm"
    assert [each.columns for each in found["legacy.material_orders"].facts.unindexed_refs] == [("supplier_no",)]
    assert "job_costing_2022_foreman" in {each.name for each in found["legacy.job_costing_2022"].unused_indexes}


# -- readings --------------------------------------------------------------------------------------------------------


def test_a_quiet_table_costs_one_reading_a_day_and_a_write_is_seen(
    connection: Connection, found: dict[str, Entry], restored: Database
) -> None:
    assert readings.take() == 0  # the last were just now
    with transaction() as writing:
        writing.execute(text("UPDATE table_readings SET taken_at = taken_at - interval '2 hours'"))
    with psycopg.connect(restored.owner_url, autocommit=True) as owner:
        owner.execute("UPDATE legacy.suppliers SET terms = 'net 10' WHERE supplier_no = 1")
        owner.execute("INSERT INTO legacy.job_costing_2022 SELECT 'again', foreman, squares, labor_hours, material_cost,"
                      " dump_fees, margin_pct, updated_at FROM legacy.job_costing_2022 LIMIT 1")  # fmt: skip
        owner.execute("SELECT pg_stat_force_next_flush()")
    kept = readings.take(force=True)
    again = {each.qualified: each for each in atlas.rows(connection)}
    assert 2 <= kept < len(found) / 2
    changed, added = again["legacy.suppliers"], again["legacy.job_costing_2022"]
    assert changed.verdict == "live" and "counters" in changed.evidence and changed.write_rate
    assert added.verdict == "quiet", "a row with an old time in it is a backup played back, not life"


def test_a_survey_follows_the_schema_without_a_restart(connection: Connection, restored: Database) -> None:
    names = text("SELECT qualified FROM atlas_entries")
    survey.ensure(connection)
    with psycopg.connect(restored.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE legacy.built_just_now (id int)")
        survey.ensure(connection)
        assert "legacy.built_just_now" in connection.scalars(names).all()
        owner.execute("DROP TABLE legacy.built_just_now")
    standing = survey.ensure(connection)
    assert "legacy.built_just_now" not in connection.scalars(names).all()
    assert survey.ensure(connection) == standing, "nothing changed, so nothing is computed"


# -- verdicts, over tables made up for it ----------------------------------------------------------------------------


def a_table(name: str = "yard.tools", **known: object) -> TableFacts:
    schema, _, table = name.partition(".")
    columns = tuple(ColumnFacts(each, "text", True) for each in known.pop("columns", ("serial_no", "shelf")))  # type: ignore[attr-defined]
    given = {"kind": "table", "readable": True, "rows_estimate": 40, "bytes": 8192, "inserts": 40, "columns": columns}
    return TableFacts(schema, table, abs(hash(name)) % 10**6, **(given | known))  # type: ignore[arg-type]


def a_history(**known: object) -> History:
    at = clock.now() - timedelta(minutes=10)
    given = {"taken_at": at, "inserts": 40, "updates": 0, "deletes": 0, "is_empty": False, "newest_at": None,
             "newest_from": None, "highest_key": None, "fault": None, "probes": 2, "first_at": at, "readings": 1,
             "writes_per_day": None, "grown_at": None, "changed_at": None}  # fmt: skip
    return History(**(given | known))  # type: ignore[arg-type]


def verdict(table: TableFacts, history: History | None = None, *others: TableFacts) -> tuple[str, str]:
    known = {table.qualified: history} if history else {}
    entry = next(each for each in atlas.compute([table, *others], known, []) if each.facts is table)
    return entry.verdict, entry.evidence


NUMBERED = SequenceFacts("id", "tools_id_seq", 39, 2_147_483_647, False)
BY_ID = IndexFacts("tools_pkey", ("id",), True, True, True, False, True, 9, 8192)


@pytest.mark.parametrize(
    ("known", "history", "says"),
    [
        ({"indexes": (replace(BY_ID, valid=False),)}, {}, "tools_pkey is invalid"),
        ({"unvalidated": ("fk_shelf",)}, {}, "fk_shelf was never validated"),
        ({"kind": "matview", "populated": False}, {}, "until it is refreshed"),
        ({"kind": "view"}, {"fault": "column shelf does not exist"}, "Reading it fails: column shelf does not exist."),
        ({"sequences": (replace(NUMBERED, last=2_147_483_647),)}, {}, "have run out at 2,147,483,647"),
        ({"sequences": (NUMBERED,), "key": ("id",)}, {"highest_key": 40}, "(40) is taken already"),
    ],
)
def test_broken_is_what_the_catalogue_proves(known: dict, history: dict, says: str) -> None:
    judged, evidence = verdict(a_table(**known), a_history(**history))
    assert judged == "broken" and says in evidence


def test_live_by_the_newest_time_or_by_changes_counted() -> None:
    fresh, old = clock.now() - timedelta(days=2), clock.now() - timedelta(days=400)
    newest = {"newest_from": "entered"}
    assert verdict(a_table(), a_history(newest_at=fresh, **newest))[0] == "live"
    assert verdict(a_table(), a_history(newest_at=old, **newest))[0] == "quiet"
    assert verdict(a_table(), a_history(newest_at=old, changed_at=fresh, **newest))[0] == "live"
    assert verdict(a_table(), a_history(newest_at=old, grown_at=fresh, **newest))[0] == "quiet"
    assert verdict(a_table(), a_history(grown_at=fresh))[0] == "live"
    assert verdict(a_table(updates=3), a_history(newest_at=old, **newest))[0] == "live"


def test_what_may_not_be_read_rests_on_counters_and_tells_its_owner_how_to_open_it() -> None:
    shut = a_table('yard.Tools "x"', readable=False)
    assert verdict(shut)[0] == "live" and verdict(shut)[1].endswith("The console may not read it.")
    assert verdict(shut, a_history())[0] == "quiet"
    up_close = About(1, {}, shut, None, (), (), "console_app", ())
    assert up_close.grant == (
        'GRANT USAGE ON SCHEMA yard TO console_app; GRANT SELECT ON yard."Tools ""x""" TO console_app;'
    )
    assert replace(up_close, facts=a_table()).grant is None


def test_empty_is_proven_not_guessed() -> None:
    assert verdict(a_table(no_pages=True, rows_estimate=0))[0] == "empty"
    assert verdict(a_table(), a_history(is_empty=True))[0] == "empty"
    assert verdict(a_table(inserts=41), a_history(is_empty=True))[0] == "live"
    assert verdict(a_table(rows_estimate=0, deletes=40))[0] != "empty"


def test_of_two_that_look_alike_the_one_to_keep_is_not_the_copy() -> None:
    columns = ("serial_no", "shelf", "lent_to", "due_back")
    tools, copy = a_table(columns=columns), a_table("yard.tools_backup_2023", columns=columns)
    other = a_table("yard.equipment", columns=(*columns, "maker"), refs_in=())
    fresh = a_history(grown_at=clock.now())
    assert verdict(copy, None, tools)[0] == "live", "before the first reading nobody knows that it is quiet"
    assert verdict(copy, a_history(), tools)[0] == "look_alike"
    assert verdict(tools, a_history(), replace(copy, no_pages=True))[0] == "quiet"
    assert verdict(copy, fresh, tools)[0] == "live", "written, so not dead, whatever it resembles"
    assert "is named like yard.tools" in verdict(copy, fresh, tools)[1]
    judged, evidence = verdict(other, a_history(), tools)
    assert judged == "look_alike" and "80%" in evidence
    assert verdict(replace(copy, no_pages=True), None, tools)[0] == "empty"
    family = [a_table(f"yard.log_{n}", columns=columns) for n in range(4)]
    known = {each.qualified: a_history() for each in family}
    assert [each.verdict for each in atlas.compute(family, known, [])] == ["quiet", *["look_alike"] * 3]


def test_a_view_is_as_alive_as_what_it_reads() -> None:
    tools, dull = a_table(), a_table("yard.scrap", no_pages=True, inserts=0, rows_estimate=0)
    view = a_table("yard.lent", kind="view", reads_from=("yard.between",), rows_estimate=None, inserts=0)
    between = a_table("yard.between", kind="view", reads_from=("yard.tools",), rows_estimate=None, inserts=0)
    assert verdict(view, None, between, tools)[0] == "live"
    assert verdict(replace(view, reads_from=("yard.scrap",)), None, dull)[0] == "empty"


@pytest.mark.parametrize(
    ("name", "plain", "marked"),
    [
        ("customers_backup_2023", ("customer",), True),
        ("bak_Customers", ("customer",), True),
        ("companies", ("company",), False),
        ("crewMembersV2", ("crew", "member"), True),
        ("invoices20231231", ("invoice",), True),
        ("old", ("old",), False),
    ],
)
def test_what_a_name_says_without_the_marks_of_a_copy(name: str, plain: tuple[str, ...], marked: bool) -> None:
    assert plain_name(name) == (plain, marked)


def test_a_foreign_table_finds_its_domain_by_schema_name_or_neighbours() -> None:
    tables = [
        a_table("crm.zones"),
        a_table("shop.customer_notes"),
        a_table("shop.gizmos"),
        a_table("shop.gizmo_parts", refs_out=(
            Ref("a", "shop", "gizmo_parts", ("c",), "shop", "customer_notes", ("id",), True),)),
    ]  # fmt: skip
    assert domains(tables) == {
        "crm.zones": "crm",
        "shop.customer_notes": "crm",
        "shop.gizmos": "shop",
        "shop.gizmo_parts": "crm",
    }


def test_an_automation_that_names_a_table_counts_for_it() -> None:
    tables = [a_table("yard.tools"), a_table("yard.scrap"), a_table("shop.scrap")]
    mention = Mention("Chase returns", '{"table": "tools", "also": "shop.scrap", "not": "my_tools_list scrap"}', 7)
    found = {each.qualified: each.automations for each in atlas.compute(tables, {}, [mention])}
    assert found == {"yard.tools": (mention,), "yard.scrap": (), "shop.scrap": (mention,)}


def test_the_worker_reads_the_tables_by_itself(app: Flask) -> None:
    from app.domains.platform.atlas_upkeep import read_tables
    from app.engine import background

    assert "atlas.read" in background.queue.tasks
    with app.app_context():
        assert read_tables() > 100 or read_tables() == 0
