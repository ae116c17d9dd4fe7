"""Fixes of many records: sealed, rehearsed for real and taken back, then applied exactly so, batch by batch."""

from __future__ import annotations

import random
import secrets
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.core import startup
from app.core.db import db
from app.domains.platform import bulk_fixes
from app.engine import listing, selection
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.bulk import applying, plans, rehearsal, work
from app.engine.bulk.plans import BulkPlan
from app.engine.projection import projection
from app.engine.refusals import BadQuery, NotAllowed, NotFound, Rejected, Stale
from app.engine.registry import REGISTRY
from tests.domains.conftest import House, house
from tests.servers import Database
from tests.web.desk import sit

__all__ = ["house"]


def query(table: str, actor: Actor, *pairs: tuple[str, str]) -> listing.ListQuery:
    return listing.read_query(pairs, projection(REGISTRY[table], actor), actor.timezone)


def sealed(table: str, actor: Actor, *pairs: tuple[str, str], keys: list[int] | None = None) -> int:
    listed = query(table, actor, *pairs)
    chosen = selection.Selection(listed) if keys is None else selection.these(listed, map(str, keys))
    with transaction() as connection:
        return plans.seal(connection, chosen, f"/x/{table}", actor)


def rehearsed(number: int, actor: Actor, **edits: Any) -> BulkPlan:
    edits.setdefault("kind", "fields")
    with transaction() as connection:
        plan = plans.open_(connection, number, actor)
        plans.choose(connection, plan, work.of(connection, plan.resource, edits, actor), edits)
    return rehearsal.rehearse(number, actor)


def applied(plan: BulkPlan, actor: Actor, reason: str = "wrong since the move") -> BulkPlan:
    with transaction() as connection:
        applying.begin(connection, plan, actor, reason, "req-1", None)
    return applying.carry_out(plan.id, actor)


def put(field: str, value: str, do: str = "set") -> dict[str, Any]:
    return {"field": field, "do": do, "value": value}


def rows(plan: BulkPlan) -> dict[int, plans.PlanRow]:
    with db.engine.connect() as connection:
        return {each.record_id: each for each in plans.rows(connection, plan, limit=10_000)}


def adds_up(plan: BulkPlan) -> bool:
    with db.engine.connect() as connection:
        counted = plans.counts(connection, plan)
    return sum(counted.values()) == plan.total == plan.applied + plan.left_out + plan.refused + plan.already


@pytest.fixture
def olga(house: House) -> Actor:
    return house.person("Olga", "*.*")


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    """Three records are a batch."""
    for module in (plans, rehearsal, applying):
        monkeypatch.setattr(module, "BATCH", 3)
    return 3


def customers(house: House, *cities: str, **values: Any) -> list[int]:
    return [house.given("customers", name=f"Customer {n}", bill_city=city, **values) for n, city in enumerate(cities)]


def test_a_rehearsal_writes_nothing_and_apply_writes_just_what_it_showed(house: House, olga: Actor) -> None:
    wrong, right, other = customers(house, "Denvr", "Denver", "Denvr")
    elsewhere = house.given("customers", name="Elsewhere", bill_city="Casper")
    number = sealed("customers", olga, ("bill_city.ne", "Casper"))
    plan = rehearsed(number, olga, steps=[put("bill_city", "Denver")])
    assert (plan.state, plan.total, plan.changing, plan.already, plan.refused) == ("ready", 3, 2, 1, 0)
    assert house.row("customers", wrong)["bill_city"] == "Denvr"
    assert (rows(plan)[wrong].before, rows(plan)[wrong].after) == ({"bill_city": "Denvr"}, {"bill_city": "Denver"})
    plan = applied(plan, olga)
    assert (plan.state, plan.applied, plan.left_out) == ("done", 2, 0)
    assert adds_up(plan)
    assert {house.row("customers", key)["bill_city"] for key in (wrong, right, other)} == {"Denver"}
    assert house.row("customers", elsewhere)["bill_city"] == "Casper"
    with db.engine.connect() as connection:
        (made,) = plans.sets(connection, plan)
        found = connection.execute(
            text("SELECT reason, action, request_id, entry_count FROM change_sets WHERE id = :id"),
            {"id": made.change_set_id},
        ).one()
    assert tuple(found) == ("wrong since the move", "customer.bulk_edit", "req-1", 2)


def test_what_moved_since_is_left_out_and_named(house: House, olga: Actor) -> None:
    house.person("Grace", "*.*")
    moved, still, gone = customers(house, "Denvr", "Denvr", "Denvr")
    plan = rehearsed(sealed("customers", olga), olga, steps=[put("bill_city", "Denver")])
    house.edit("Grace", "customers", moved, notes="called")
    with transaction() as connection:
        connection.execute(text("DELETE FROM customers WHERE id = :id"), {"id": gone})
    plan = applied(plan, olga)
    assert (plan.applied, plan.left_out) == (1, 2) and adds_up(plan)
    assert rows(plan)[moved].why == "Grace changed it since the rehearsal."
    assert rows(plan)[gone].kind == "gone"
    assert house.row("customers", moved)["bill_city"] == "Denvr"
    assert house.row("customers", still)["bill_city"] == "Denver"


def test_nothing_is_applied_twice_nor_without_a_reason_nor_after_a_day(house: House, olga: Actor) -> None:
    customers(house, "Denvr")
    plan = rehearsed(sealed("customers", olga), olga, steps=[put("bill_city", "Denver")])
    with pytest.raises(Rejected, match="Say why"), transaction() as connection:
        applying.begin(connection, plan, olga, "  ", None, None)
    done = applied(plan, olga)
    with pytest.raises(Stale, match="Nothing was done twice"), transaction() as connection:
        applying.begin(connection, plan, olga, "again", None, None)
    assert applying.carry_out(plan.id, olga).applied == done.applied == 1
    old = rehearsed(sealed("customers", olga), olga, steps=[put("bill_city", "Boulder")])
    with transaction() as connection:
        connection.execute(
            text("UPDATE bulk_plans SET expires_at = now() - interval '1 second' WHERE id = :id"), {"id": old.id}
        )
        old = plans.open_(connection, old.id, olga)
    with pytest.raises(Stale, match="a day old"), transaction() as connection:
        applying.begin(connection, old, olga, "late", None, None)


def test_a_plan_that_is_not_what_was_rehearsed_is_not_applied(house: House, olga: Actor) -> None:
    customers(house, "Denvr")
    plan = rehearsed(sealed("customers", olga), olga, steps=[put("bill_city", "Denver")])
    with transaction() as connection:
        assert plans.digest(connection, plan) == plan.sha256
        connection.execute(
            text('UPDATE bulk_plan_rows SET after = \'{"bill_city": "Casper"}\' WHERE plan_id = :id'), {"id": plan.id}
        )
    with pytest.raises(Stale, match="not what was rehearsed"), transaction() as connection:
        applying.begin(connection, plan, olga, "sly", None, None)


def test_each_row_says_why_it_is_refused(house: House, olga: Actor) -> None:
    rich = house.given("customers", name="Rich", credit_limit=Decimal("100.00"), payment_terms_days=170)
    poor = house.given("customers", name="Poor", credit_limit=Decimal("10.10"), payment_terms_days=30)
    none = house.given("customers", name="None")
    plan = rehearsed(
        sealed("customers", olga),
        olga,
        steps=[
            {"field": "credit_limit", "do": "subtract", "amount": "10.10"},
            {"field": "payment_terms_days", "do": "add", "amount": "15"},
        ],
    )
    found = rows(plan)
    assert found[rich].kind == "rule" and found[rich].why == "Terms in days: Enter 180 or less."
    assert found[poor].after == {"credit_limit": "0.00", "payment_terms_days": 45}
    assert found[none].after["payment_terms_days"] == house.row("customers", none)["payment_terms_days"] + 15
    assert plan.money == [
        {
            "table": "customers",
            "field": "credit_limit",
            "currency": "USD",
            "records": 1,
            "before": "10.10",
            "after": "0.00",
        }
    ]


def test_operations_reckon_exactly(house: House, olga: Actor) -> None:
    made = house.given(
        "products", sku=secrets.token_hex(4), name="Shingle", category="Roof roof ROOF", kind="material", unit="sq",
        unit_price=Decimal("10.05"), price_reviewed_on="2026-01-31", waste_pct=Decimal("10"),
    )  # fmt: skip
    steps = [
        {"field": "category", "do": "replace", "find": "roof", "with": "Deck"},
        {"field": "price_reviewed_on", "do": "shift", "days": "-31"},
        {"field": "waste_pct", "do": "raise", "percent": "12.5"},
        put("taxable", "no"),
    ]
    after = rows(rehearsed(sealed("products", olga), olga, steps=steps))[made].after
    assert after == {
        "category": "Deck Deck Deck", "price_reviewed_on": "2025-12-31", "waste_pct": "11.2500", "taxable": False,
    }  # fmt: skip
    exact = [{"field": "category", "do": "replace", "find": "roof", "with": "", "case": "1"}]
    assert rows(rehearsed(sealed("products", olga), olga, steps=exact))[made].after == {"category": "Roof  ROOF"}
    for step in (
        {"field": "price_reviewed_on", "do": "shift", "days": "soon"},
        {"field": "waste_pct", "do": "add", "amount": "much"},
        {"field": "kind", "do": "clear"},
        {"field": "name", "do": "set", "value": "All the same"},
        put("category", ""),
    ):
        with pytest.raises(Rejected), db.engine.connect() as connection:
            work.of(connection, REGISTRY["products"], {"kind": "fields", "steps": [step]}, olga)


def test_the_database_refuses_single_rows_of_a_batch_and_the_rest_is_written(house: House, olga: Actor) -> None:
    """What is shown on the public site must be for sale; one of seven is, and is found by halving."""

    def product(n: int, **values: Any) -> int:
        given = {"kind": "material", "unit": "sq", "unit_price": Decimal(1), "status": "active", **values}
        return house.given("products", sku=secrets.token_hex(4), name=f"P {n}", **given)

    keys = [product(n) for n in range(6)]
    shown = product(7, is_public=True, public_slug=secrets.token_hex(4))
    plan = rehearsed(sealed("products", olga), olga, steps=[put("status", "discontinued")])
    assert (plan.changing, plan.refused) == (6, 1)
    assert rows(plan)[shown].kind == "constraint" and "Only an active product" in (rows(plan)[shown].why or "")
    plan = applied(plan, olga)
    assert plan.applied == 6 and adds_up(plan)
    assert {house.row("products", key)["status"] for key in keys} == {"discontinued"}
    assert house.row("products", shown)["status"] == "active"


def test_only_what_one_may_write_and_see_is_in_a_plan(house: House, olga: Actor) -> None:
    (key,) = customers(house, "Denvr")
    reader = house.person("Rita", "customers.read")
    with pytest.raises(NotAllowed):
        sealed("customers", reader)
    writer = house.person("Walt", "customers.read", "customers.write")
    number = sealed("customers", writer, keys=[key])
    with pytest.raises(NotFound), db.engine.connect() as connection:
        plans.open_(connection, number, olga)
    with pytest.raises(NotAllowed, match="does not archive"):
        rehearsed(number, writer, kind="archive")
    with pytest.raises(BadQuery, match="Nothing is selected any more"):
        sealed("customers", writer, keys=[key + 10**9])


def test_a_move_goes_past_its_guards_and_may_be_refused_by_state(house: House, olga: Actor) -> None:
    open_ = house.given("user_tasks", title="Call", status="todo", assignee_id=olga.app_user_id)
    done = house.given("user_tasks", title="Write", status="done", completed_at="2026-01-01")
    move = next(each for each in REGISTRY["user_tasks"].lifecycle.transitions if each.to == "done")
    plan = rehearsed(sealed("user_tasks", olga, keys=[open_, done]), olga, kind="move", move=move.key)
    found = rows(plan)
    assert found[open_].outcome == "changes" and found[open_].after["status"] == "done"
    assert "completed_at" in found[open_].given
    assert found[done].outcome in ("refused", "already")
    plan = applied(plan, olga)
    assert plan.applied == 1 and adds_up(plan)
    assert house.row("user_tasks", open_)["completed_at"] is not None


def test_all_batches_of_a_plan_name_the_first_so_that_they_are_undone_as_one(
    house: House, olga: Actor, small_batches: int
) -> None:
    keys = customers(house, *["Denver"] * 7)
    plan = applied(rehearsed(sealed("customers", olga), olga, kind="archive"), olga)
    assert plan.applied == 7
    assert all(house.row("customers", key)["archived_at"] for key in keys)
    with db.engine.connect() as connection:
        made = plans.sets(connection, plan)
        assert [each.records for each in made] == [1, 3, 3]
        groups = text("SELECT group_id FROM change_sets WHERE id = ANY(:ids) ORDER BY id DESC")
        named = connection.scalars(groups, {"ids": [each.change_set_id for each in made]}).all()
    assert named == [made[-1].change_set_id, made[-1].change_set_id, None]


def test_lines_move_the_sums_of_their_documents_and_the_rehearsal_says_so(house: House, olga: Actor) -> None:
    customer = house.given("customers", name="Alamo")
    estimate = house.create("Olga", "estimates", customer_id=customer, title="Roof")
    for price in ("100.00", "50.00"):
        line = {"description": "Work", "quantity": Decimal(2), "unit_price": Decimal(price)}
        house.create("Olga", "estimate_lines", estimate_id=estimate, **line)
    before = house.row("estimates", estimate)["total"]
    plan = rehearsed(sealed("estimate_lines", olga), olga, kind="delete")
    assert house.row("estimates", estimate)["total"] == before == Decimal("300.00")
    assert plan.effects["touched"] == [{"table": "estimates", "operation": "update", "records": 1}]
    total = next(each for each in plan.money if (each["table"], each["field"]) == ("estimates", "total"))
    plan = applied(plan, olga)
    assert house.row("estimates", estimate)["total"] == Decimal(total["after"])


def test_a_stopped_plan_leaves_whole_batches_and_goes_on(
    house: House, olga: Actor, small_batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = customers(house, *["Denvr"] * 10)
    plan = rehearsed(sealed("customers", olga), olga, steps=[put("bill_city", "Denver")])
    mark, calls = applying._mark, iter(range(10))

    def stopped_after_two(connection: Any, *given: Any) -> None:
        mark(connection, *given)
        if next(calls) == 1:
            connection.execute(text("UPDATE bulk_plans SET stop_asked = true WHERE id = :id"), {"id": plan.id})

    monkeypatch.setattr(applying, "_mark", stopped_after_two)
    plan = applied(plan, olga)
    assert (plan.state, plan.applied) == ("stopped", 6)
    assert sum(house.row("customers", key)["bill_city"] == "Denver" for key in keys) == 6
    with transaction() as connection:
        plans.LIFE.go_on(connection, plan)
    plan = applying.carry_out(plan.id, olga)
    assert (plan.state, plan.applied) == ("done", 10) and adds_up(plan)


def test_whatever_happens_meanwhile_every_row_is_accounted_for(house: House, olga: Actor, small_batches: int) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    keys = [
        house.given("customers", name=f"C {n}", bill_city=chance.choice(["Denver", "Denvr", None]),
                    payment_terms_days=chance.choice([0, 30, 175]))
        for n in range(24)
    ]  # fmt: skip
    steps = [put("bill_city", "Denver"), {"field": "payment_terms_days", "do": "add", "amount": "10"}]
    if chance.random() < 0.3:
        steps = steps[:1]
    number = sealed("customers", olga, keys=keys)
    dropped = chance.sample(keys, 2)
    with transaction() as connection:
        connection.execute(text("DELETE FROM customers WHERE id = ANY(:keys)"), {"keys": dropped})
    plan = rehearsed(number, olga, steps=steps)
    expected = rows(plan)
    touched = chance.sample([key for key in keys if key not in dropped], 5)
    for key in touched:
        house.change("customers", key, notes=secrets.token_hex(3))
    plan = applied(plan, olga) if plan.changing else plan
    assert adds_up(plan), seed
    for key, row in rows(plan).items():
        was = expected[key]
        if was.outcome == "changes":
            assert row.outcome == ("left_out" if key in touched else "applied"), (seed, key)
        if row.outcome == "applied":
            assert house.row("customers", key)["bill_city"] == "Denver", (seed, key)


APPLY_SLOWLY = """
import sys
from app import create_app
from app.config import load
from app.core.db import db
from app.domains.platform import bulk_fixes
from app.engine.bulk import applying
applying.BATCH = 3
batch, mark = applying._batch, applying._mark
def told(*given):
    more = batch(*given)
    print("batch", flush=True)
    return more
def marked(*given):
    mark(*given)
    print("marked", flush=True)
applying._batch, applying._mark = told, marked
app = create_app(load())
with app.app_context():
    bulk_fixes.apply.func(int(sys.argv[1]))
"""


def test_a_worker_killed_at_any_batch_leaves_whole_ones_and_the_next_goes_on(
    app: Flask, database: Database, house: House, small_batches: int
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    olga = sit(app, house, "Olga", "*.*").actor
    keys = customers(house, *["Denvr"] * 20)
    plan = rehearsed(sealed("customers", olga, keys=keys), olga, steps=[put("bill_city", "Denver")])
    moved = chance.choice(keys)
    house.change("customers", moved, notes="called")
    with transaction() as connection:
        applying.begin(connection, plan, olga, "wrong", None, None)
    worker = subprocess.Popen(
        [sys.executable, "-c", APPLY_SLOWLY, str(plan.id)],
        env=startup.as_environment(database.config()), cwd=startup.ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert worker.stdout is not None
    for _ in range(chance.randint(1, 9)):  # in the middle of a batch, or between two
        worker.stdout.readline()
    worker.kill()
    worker.communicate()
    with db.engine.connect() as connection:
        between = plans.find(connection, plan.id, olga.tenant_id)
        written = sum(each.records for each in plans.sets(connection, plan))
    now = [house.row("customers", key)["bill_city"] for key in keys]
    assert between.applied == written == now.count("Denver"), seed
    assert between.state == "applying" or between.applied + between.left_out == 20
    bulk_fixes.apply.func(plan.id)
    with db.engine.connect() as connection:
        end = plans.find(connection, plan.id, olga.tenant_id)
    assert (end.state, end.applied, end.left_out) == ("done", 19, 1) and adds_up(end), seed
    assert [key for key in keys if house.row("customers", key)["bill_city"] == "Denvr"] == [moved]
