"""The rules over the imported CenterPoint export, held against its answer key: every planted fault found, nobody else accused."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from app import create_app
from app.config import Config
from app.core import clock
from app.core.db import db
from app.core.startup import connect
from app.domains.crm.centerpoint.arrival import bring_in
from app.domains.crm.centerpoint.export import FOLDER
from app.engine.quality import looking
from app.engine.quality.looking import Looked
from app.engine.quality.rules import declared

KEY = json.loads((FOLDER / "answer_key.json").read_text())
EXPORTED = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo("America/Denver"))
"""The day the export was written, which is the day its facts are told of."""
SECOND_LOOK = ("DQ-01", "DQ-02", "DQ-05", "DQ-26")


class Company:
    """A company with nothing in it but the export, looked at on the day it was written."""

    def __init__(self, tenant_id: int, looked: dict[str, Looked]) -> None:
        self.tenant_id = tenant_id
        self.looked = looked

    def accused(self, rule: str, table: str, severity: str = "%") -> set[str]:
        """The records a rule accuses, by their key in the export."""
        statement = text(f"""
            SELECT r.external_id FROM data_quality_findings d JOIN {table} r ON r.id = d.subject_id
            WHERE d.tenant_id = :tenant AND d.rule_key = :rule AND d.status = 'open' AND d.severity LIKE :severity
                AND d.subject_type = :table
        """)
        asked = {"tenant": self.tenant_id, "rule": rule, "severity": severity, "table": table}
        with db.engine.connect() as connection:
            return set(connection.scalars(statement, asked))

    def asked(self, statement: str, **values: Any) -> set[Any]:
        with db.engine.connect() as connection:
            return set(connection.scalars(text(statement), {"tenant": self.tenant_id, **values}))


@pytest.fixture(scope="module")
def company(postgres: Any, migrated: str, process_name: str) -> Iterator[Company]:
    with postgres.clone(migrated, f"answers_{process_name}") as database:
        yield from _company(database.config())


def _company(config: Config) -> Iterator[Company]:
    with connect(config) as owner:
        (tenant_id,) = owner.execute(
            "INSERT INTO tenants (slug, name, timezone) VALUES ('answer-key', 'Answer Key Roofing', 'America/Denver')"
            " RETURNING id"
        ).fetchone() or (0,)
        with owner.transaction():
            bring_in(owner, tenant_id, EXPORTED)
    with create_app(config).app_context(), clock.at(EXPORTED):
        looked = {each.key: looking.look(each, tenant_id, whole=True) for each in looking.every(tenant_id)}
        yield Company(tenant_id, looked)
        for engine in db.engines.values():
            engine.dispose()


def test_every_rule_was_looked_at_and_none_erred(company: Company) -> None:
    assert {key: each.error for key, each in company.looked.items() if each.error} == {}
    assert {f"DQ-{number:02}" for number in range(1, 28)} <= company.looked.keys()


def test_work_nobody_billed_is_found_to_the_job(company: Company) -> None:
    with_refused_invoice = company.accused("DQ-03", "jobs") - set(KEY["completed_never_invoiced"])
    late = {
        key for key in KEY["completed_never_invoiced"]
        if company.asked("SELECT 1 FROM jobs WHERE tenant_id = :tenant AND external_id = :key"
                         " AND completed_at < CAST(:at AS timestamptz) - interval '3 days'", key=key, at=EXPORTED)
    }  # fmt: skip
    assert with_refused_invoice == set()
    assert company.accused("DQ-03", "jobs") == late


def test_customers_nobody_can_reach_are_found_and_told_from_those_without_a_contact(company: Company) -> None:
    assert company.accused("DQ-05", "customers", "warn") == set(KEY["customer_unreachable"])
    with_an_address = company.asked(
        "SELECT external_id FROM customers WHERE tenant_id = :tenant AND (email IS NOT NULL OR phone_e164 IS NOT NULL)"
    )
    assert company.accused("DQ-05", "customers", "info") <= with_an_address


def test_payments_entered_twice_are_found_to_the_copy(company: Company) -> None:
    assert company.accused("DQ-11", "payments") == {later for _earlier, later in KEY["probable_duplicate_payment"]}


def test_money_that_settles_nothing_is_what_the_import_held_back(company: Company) -> None:
    owing = (
        "SELECT p.external_id FROM payments p WHERE p.tenant_id = :tenant AND p.unallocated > 0 AND EXISTS (SELECT FROM"
    )
    owing += " invoices i WHERE i.customer_id = p.customer_id AND i.status = 'open' AND i.balance > 0)"
    held = company.asked("SELECT record_key FROM import_refusals WHERE tenant_id = :tenant AND file = 'payments.csv'"
                         " AND reason LIKE '%stays unallocated'")  # fmt: skip
    assert company.accused("DQ-10", "payments") == company.asked(owing)
    assert company.accused("DQ-10", "payments") <= held


def test_tax_on_exempt_customers_and_invoices_before_their_job_are_found(company: Company) -> None:
    there = company.asked("SELECT external_id FROM invoices WHERE tenant_id = :tenant")
    assert company.accused("DQ-26", "invoices") == set(KEY["tax_on_exempt"]) & there
    assert company.accused("DQ-27", "invoices") == set(KEY["invoice_before_job"]) & there


def test_jobs_billed_too_low_are_those_whose_invoice_was_sent_back(company: Company) -> None:
    """An invoice unlike its lines is refused at the door; what is left of it is a job that was billed and has no bill."""
    accused = company.accused("DQ-04", "jobs")
    refused = company.asked(
        "SELECT record_key FROM import_refusals WHERE tenant_id = :tenant AND file = 'invoices.csv'"
    )
    with (FOLDER / "invoices.csv").open(encoding="utf-8-sig") as file:
        sent_back = {row["WO #"] for row in csv.DictReader(file) if row["Inv #"] in refused}
    assert accused and accused <= sent_back


def test_duplicate_customers_are_pairs_of_the_key(company: Company) -> None:
    planted = {key for pair in KEY["duplicate_customers"] for key in pair}
    alike = {key for pair in KEY["same_name_not_duplicate"] for key in pair}
    accused = company.accused("DQ-06", "customers")
    assert accused and accused <= planted
    assert not accused & (alike - planted)


def test_scheduled_jobs_come_without_visits_and_every_one_is_told(company: Company) -> None:
    """The export knows no visits, so nobody is coming to any job it calls scheduled."""
    scheduled = company.asked("SELECT external_id FROM jobs WHERE tenant_id = :tenant AND status = 'scheduled'")
    assert company.accused("DQ-14", "jobs") == scheduled


def test_what_the_door_kept_out_is_not_there_to_be_found(company: Company) -> None:
    """Malformed addresses and invoices unlike their lines never came in; documents and caches agree to the cent."""
    clean = ("DQ-01", "DQ-02", "DQ-08", "DQ-09", "DQ-12", "DQ-13", "DQ-15", "DQ-17", "DQ-18", "DQ-19", "DQ-20",
             "DQ-21", "DQ-22", "DQ-23", "DQ-24", "DQ-25")  # fmt: skip
    assert {key: company.looked[key].found for key in clean} == dict.fromkeys(clean, 0)


def test_a_second_look_finds_the_same_and_writes_nothing(company: Company) -> None:
    for key in SECOND_LOOK:
        rule = declared(key)
        assert rule is not None
        again = looking.look(rule, company.tenant_id)
        assert (again.found, again.opened, again.resolved, again.whole) == (company.looked[key].found, 0, 0, False), key
