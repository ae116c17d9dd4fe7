"""Looks: what is found, what is noticed to be gone, what only changed records cost, and what a rule that errs leaves alone."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, text

from app.core.clock import now
from app.core.db import db
from app.domains.platform import quality_upkeep
from app.engine import background, health
from app.engine.apply import apply, transaction
from app.engine.listing import row_scope
from app.engine.plan import Change, Made, Plan
from app.engine.projection import projection
from app.engine.quality import looking, queues
from app.engine.quality.rules import Only, Rule, declared
from app.engine.registry import REGISTRY
from tests.domains.conftest import House, house

__all__ = ["house"]


def rule_of(sql: str, **options: Any) -> Rule:
    """A rule over customers that no domain declares."""
    return Rule(f"T-{secrets.token_hex(4)}", "Too long", ("customers",), "warn", lambda only: sql.format(only=only("c.id")),
                whole="It is a test.", **options)  # fmt: skip


NAMED = "SELECT c.id, 5 AS amount, 'USD' AS currency FROM customers c WHERE c.tenant_id = :tenant AND c.name = 'Wrong' {only}"


def standing(house: House, rule: Rule) -> list[tuple[int, str]]:
    statement = text(
        "SELECT subject_id, status FROM data_quality_findings WHERE tenant_id = :t AND rule_key = :r ORDER BY id"
    )
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement, {"t": house.tenant_id, "r": rule.key})]


def sets(house: House) -> int:
    statement = text("SELECT count(*) FROM change_sets WHERE tenant_id = :t AND action = 'quality.look'")
    with db.engine.connect() as connection:
        return int(connection.execute(statement, {"t": house.tenant_id}).scalar_one())


def state(house: House, rule: Rule) -> Any:
    statement = text("SELECT * FROM quality_looks WHERE tenant_id = :t AND rule_key = :r")
    with db.engine.connect() as connection:
        return connection.execute(statement, {"t": house.tenant_id, "r": rule.key}).one()


def test_found_seen_again_gone_and_back_is_one_problem(house: House) -> None:
    rule = rule_of(NAMED)
    key = house.given("customers", name="Wrong")
    house.given("customers", name="Right")
    assert looking.look(rule, house.tenant_id).opened == 1
    before = sets(house)
    again = looking.look(rule, house.tenant_id)
    assert (again.found, again.opened, sets(house)) == (1, 0, before), "a look that finds nothing new writes no history"
    house.change("customers", key, name="Right")
    assert looking.look(rule, house.tenant_id).resolved == 1
    assert standing(house, rule) == [(key, "auto_resolved")]
    house.change("customers", key, name="Wrong")
    assert looking.look(rule, house.tenant_id).back == 1
    assert standing(house, rule) == [(key, "open")]


def test_a_rule_that_errs_says_so_resolves_nothing_and_stops_no_other(house: House) -> None:
    rule = rule_of(NAMED)
    key = house.given("customers", name="Wrong")
    looking.look(rule, house.tenant_id)
    broken = replace(rule, find=lambda only: "SELECT nonsense FROM customers")
    looked = looking.look(broken, house.tenant_id)
    assert looked.error == 'The database refused it: column "nonsense" does not exist.'
    assert state(house, rule).error == looked.error
    assert standing(house, rule) == [(key, "open")]
    assert looking.look(rule_of(NAMED), house.tenant_id).opened == 1
    verdicts = [each for each in health.run_checks(["data.rules"]) if each.tenant_id == house.tenant_id]
    assert verdicts[-1].measured.value == 0, "a rule nobody runs any more is no worry"
    assert looking.look(rule, house.tenant_id).error is None
    assert state(house, rule).error is None


def test_a_declared_rule_that_errs_is_on_the_health_board(house: House) -> None:
    with transaction() as connection:
        connection.execute(
            text("INSERT INTO quality_looks (tenant_id, rule_key, looked_at, error, error_at)"
                 " VALUES (:t, 'DQ-03', clock_timestamp(), 'It was stopped.', clock_timestamp())"), {"t": house.tenant_id},
        )  # fmt: skip
    verdicts = [each for each in health.run_checks(["data.rules"]) if each.tenant_id == house.tenant_id]
    assert (verdicts[-1].status, verdicts[-1].measured.message) == ("warn", "DQ-03: It was stopped.")


def test_a_rule_that_takes_too_long_is_stopped(house: House) -> None:
    rule = rule_of("SELECT 1 AS id FROM pg_sleep(30)", timeout_ms=100)
    assert looking.look(rule, house.tenant_id).error == "It was still looking after 0 s, so it was stopped."


def test_by_night_only_what_changed_is_looked_at(house: House) -> None:
    asked: list[bool] = []

    def find(only: Only) -> str:
        asked.append(only.some)
        return f"""SELECT c.id FROM customers c WHERE c.tenant_id = :tenant AND NOT EXISTS (
            SELECT FROM contacts k WHERE k.customer_id = c.id AND k.archived_at IS NULL) {only("c.id")}"""

    watches = {"customers": "id", "contacts": "customer_id"}
    rule = replace(rule_of(""), find=find, watches=watches)
    one, other = (house.given("customers", name=name) for name in ("One", "Other"))
    contacts = [house.given("contacts", customer_id=key, full_name="Ann") for key in (one, other)]
    assert looking.look(rule, house.tenant_id).opened == 0
    with transaction() as connection:
        connection.execute(delete(REGISTRY["contacts"].table).where(REGISTRY["contacts"].table.c.id == contacts[0]))
    house.change("contacts", contacts[1], archived_at=now())
    looked = looking.look(rule, house.tenant_id)
    assert (looked.whole, looked.opened, asked[-1]) == (False, 2, True), "a deleted child tells of its parent, too"
    house.change("contacts", contacts[1], archived_at=None)
    assert looking.look(rule, house.tenant_id).resolved == 1
    with transaction() as connection:
        connection.execute(
            text(
                "UPDATE quality_looks SET whole_at = whole_at - interval '8 days' WHERE tenant_id = :t AND rule_key = :r"
            ),
            {"t": house.tenant_id, "r": rule.key},
        )
    assert looking.look(rule, house.tenant_id).whole, "once a week it looks at everything"


def test_what_points_at_a_changed_record_is_looked_at(house: House) -> None:
    rule = declared("DQ-18")
    assert rule is not None
    gil = house.given("app_users", display_name="Gil", status="active")
    task = house.given("user_tasks", title="Call", assignee_id=gil)
    assert looking.look(rule, house.tenant_id).opened == 0
    house.change("app_users", gil, status="suspended")
    looked = looking.look(rule, house.tenant_id)
    assert (looked.whole, looked.opened, standing(house, rule)) == (False, 1, [(task, "open")])


def test_of_many_the_dearest_are_kept_and_all_are_counted(house: House) -> None:
    rule = rule_of(
        "SELECT c.id + n AS id, n AS amount, 'USD' AS currency FROM customers c, generate_series(1, 6000) n"
        " WHERE c.tenant_id = :tenant AND c.name = 'Wrong' {only}"
    )
    key = house.given("customers", name="Wrong")
    looked = looking.look(rule, house.tenant_id)
    assert (looked.found, looked.opened) == (6_000, looking.MOST)
    assert {each for each, _status in standing(house, rule)} == set(range(key + 1_001, key + 6_001))


def test_money_is_summed_by_currency_and_told_to_who_sees_it(house: House) -> None:
    for currency in ("USD", "EUR", "USD"):
        house.given("estimates", title="Old", customer_id=house.given("customers", name="Elm"), status="sent",
                    valid_until=now().date() - timedelta(days=5), total=Decimal(10), subtotal=Decimal(10),
                    currency=currency)  # fmt: skip
    rule = declared("DQ-13")
    assert rule is not None
    looking.look(rule, house.tenant_id)
    olga = house.person("Olga", "*.*")
    found = next(each for each in queues.queues(house.connection, olga) if each.rule is rule)
    assert (found.count, found.money) == (3, (("USD", Decimal(20)), ("EUR", Decimal(10))))
    crew = house.person("Crew", "dq.read", "jobs.read")
    assert [each.rule.key for each in queues.queues(house.connection, crew) if each.rule is rule] == []
    assert queues.open_now(house.connection, crew) == 0


def test_who_sees_only_their_own_records_sees_only_their_problems(house: House) -> None:
    me = house.person("Me", "dq.read", "tasks.own")
    resource = REGISTRY["user_tasks"]
    assert resource.own == "assignee_id"
    mine = house.given("user_tasks", title="Mine", assignee_id=me.app_user_id)
    theirs = house.given("user_tasks", title="Theirs")
    for key in (mine, theirs):
        house.given("data_quality_findings", rule_key="DQ-24", subject_type="user_tasks", subject_id=key)
    findings = REGISTRY["data_quality_findings"]
    seen = findings.table.select().where(*row_scope(projection(findings, me), me))
    rows = house.connection.execute(seen, {"tenant": house.tenant_id, "me": me.app_user_id}).mappings()
    assert {row["subject_id"] for row in rows} == {mine}
    assert queues.open_now(house.connection, me) == 1


def test_records_of_one_plan_may_point_at_each_other(house: House) -> None:
    olga = house.person("Olga", "*.*")
    customers, contacts = REGISTRY["customers"], REGISTRY["contacts"]
    made = Plan((
        Change(customers, "insert", None, {}, {"name": "Elm", "status": "active"}),
        Change(contacts, "insert", None, {}, {"full_name": "Ann", "customer_id": Made(0)}),
    ))  # fmt: skip
    receipt = apply(made, olga, "Both or neither")
    assert house.row("contacts", receipt.keys[1])["customer_id"] == receipt.keys[0]


def test_every_rule_has_its_own_place_in_the_queue_of_work(app: Flask, house: House) -> None:
    with transaction() as connection:
        assert quality_upkeep.queue(connection, house.tenant_id, "DQ-03")
        assert not quality_upkeep.queue(connection, house.tenant_id, "DQ-03"), "one waiting copy is enough"
        assert quality_upkeep.queue(connection, house.tenant_id, "DQ-04")
        assert connection.execute(
            text("SELECT count(*) FROM quality_looks WHERE tenant_id = :t AND state = 'queued'"), {"t": house.tenant_id}
        ).scalar_one() == 2  # fmt: skip
        connection.rollback()
    quality_upkeep.look.func(house.tenant_id, "DQ-03")
    rule = declared("DQ-03")
    assert rule is not None
    assert state(house, rule).looked_at is not None
    assert "quality.night" in background.rounds


def test_a_rule_says_what_it_watches_or_why_it_looks_at_everything() -> None:
    from app.engine.quality.rules import rule

    with pytest.raises(RuntimeError, match="neither what it watches nor why"):
        rule("T-99", "Nothing", "customers")(lambda only: "SELECT 1 AS id")
