"""What one person may not do alone: Bea asks, Ruth sees what it would do and decides, and exactly that is done, once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.core.clock import now, today
from app.domains.platform.approving import make_the_round
from app.engine import approval_rules, approvals
from app.engine.apply import transaction
from app.engine.registry import REGISTRY
from tests.domains.conftest import House, house
from tests.web.desk import Desk, sit, staff

__all__ = ["house"]

REQUESTS = "/platform/approval_requests"


@pytest.fixture
def bea(app: Flask, house: House) -> Desk:
    return staff(app, house, "Bea Okafor", "billing")


@pytest.fixture
def ruth(app: Flask, house: House) -> Desk:
    return staff(app, house, "Ruth Calloway", "owner")


@pytest.fixture
def invoice(house: House) -> int:
    customer = house.given("customers", name="Bluestem Cold Storage", status="active")
    return house.given(
        "invoices", customer_id=customer, number="INV-7", status="open", subtotal=Decimal("480"), total=Decimal("480"),
        issue_date=today("America/Denver"), due_date=today("America/Denver"), finalized_at=now(),
    )  # fmt: skip


def asked(desk: Desk, invoice: int, **values: str) -> int:
    """Ask to write an invoice off; the request's key."""
    answer = desk.press(f"/crm/invoices/{invoice}/actions/write_off", **({"reason": "Gone bankrupt"} | values))
    assert answer.status_code == 303, desk.sentence(answer)
    assert answer.location.startswith(f"{REQUESTS}/")
    return int(answer.location.rpartition("/")[2])


def decide(desk: Desk, key: int, verdict: str, note: str = "") -> Any:
    form = desk.opened(f"{REQUESTS}/{key}", "decision_note")
    return desk.send(f"{REQUESTS}/{key}/decide", form, verdict=verdict, decision_note=note)


def notices(house: House, desk: Desk) -> list[str]:
    rows = text("SELECT kind FROM user_notifications WHERE app_user_id = :id ORDER BY id")
    return list(house.connection.scalars(rows, {"id": desk.actor.app_user_id}))


def test_what_is_asked_is_done_when_somebody_else_approves_it(
    app: Flask, house: House, bea: Desk, ruth: Desk, invoice: int
) -> None:
    form = bea.page(f"/crm/invoices/{invoice}/actions/write_off")
    assert "Writing off $480.00 needs a second person." in form
    assert "Ruth Calloway may decide it" in form
    assert "Ask for approval" in form
    blank = bea.press(f"/crm/invoices/{invoice}/actions/write_off", reason=" ")
    assert (blank.status_code, house.row("invoices", invoice)["status"]) == (422, "open")
    late = bea.press(f"/crm/invoices/{invoice}/actions/write_off", reason="Gone", expires="2001-01-01")
    assert late.status_code == 422
    assert "Choose a day from today on" in bea.sentence(late)
    key = asked(bea, invoice)
    assert house.row("invoices", invoice)["status"] == "open"
    mine = bea.page(f"{REQUESTS}/{key}")
    assert "You asked for this yourself" in mine
    assert 'value="approve"' not in mine
    assert "$480.00" in mine
    again = bea.press(f"/crm/invoices/{invoice}/actions/write_off", reason="Gone bankrupt")
    assert "was asked for already" in bea.sentence(again)
    assert notices(house, ruth) == ["approval.waiting"]

    seen = ruth.page(f"{REQUESTS}/{key}")
    assert "Gone bankrupt" in seen
    assert "Uncollectible" in seen
    assert "INV-7" in ruth.page(f"{REQUESTS}?scope=Mine to decide")
    assert "INV-7" not in bea.page(f"{REQUESTS}?scope=Mine to decide")
    assert decide(ruth, key, "approve", "They are gone indeed").status_code == 303
    told = ruth.page(f"{REQUESTS}/{key}")
    assert "Approved and carried out" in told
    assert "They are gone indeed" in told
    row = house.row("invoices", invoice)
    assert (row["status"], row["amount_written_off"], row["balance"]) == ("uncollectible", 480, 0)
    posted = house.connection.execute(
        text("SELECT kind, amount, approval_request_id FROM payment_allocations WHERE invoice_id = :id"),
        {"id": invoice},
    ).one()
    assert tuple(posted) == ("write_off", Decimal("480.00"), key)
    who, why = house.connection.execute(
        text("""SELECT s.app_user_id, s.reason FROM change_sets s JOIN change_entries e ON e.change_set_id = s.id
                WHERE e.table_name = 'invoices' AND e.record_id = :id ORDER BY s.id DESC LIMIT 1"""), {"id": str(invoice)}
    ).one()  # fmt: skip
    assert who == bea.actor.app_user_id
    assert why == f"Gone bankrupt (approved by Ruth Calloway, request {key})"
    assert house.row("approval_requests", key)["status"] == "executed"
    assert notices(house, bea) == ["approval.approved"]
    assert approvals.carry_out(key) is None, "once more is nothing more"
    assert house.row("invoices", invoice)["amount_written_off"] == 480


def test_whoever_decides_and_the_worker_may_both_carry_it_out_and_it_is_done_once(
    app: Flask, house: House, bea: Desk, ruth: Desk, invoice: int
) -> None:
    key = asked(bea, invoice)
    house.change("approval_requests", key, status="approved", decided_by=ruth.actor.app_user_id, decided_at=now())

    def carried_out() -> str | None:
        with app.app_context():
            return approvals.carry_out(key)

    queued = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(2) as both:
        with transaction() as held:
            held.execute(text("SELECT FROM invoices WHERE id = :id FOR UPDATE"), {"id": invoice})
            said = [both.submit(carried_out) for _ in range(2)]
            while house.connection.scalar(queued) != 2 and not any(each.done() for each in said):
                pass
        assert [each.result() for each in said] == [None, None]
    assert house.row("approval_requests", key)["status"] == "executed"
    assert house.row("invoices", invoice)["amount_written_off"] == 480
    assert "approval.failed" not in notices(house, bea)


def test_taking_the_act_back_leaves_the_request_carried_out(bea: Desk, ruth: Desk, house: House, invoice: int) -> None:
    key = asked(bea, invoice)
    decide(ruth, key, "approve")
    link = re.search(r'href="(/change-sets/\d+/undo)"', bea.page(f"/crm/invoices/{invoice}/history"))
    assert link
    assert bea.press(link[1]).status_code == 303
    row = house.row("invoices", invoice)
    assert (row["status"], row["amount_written_off"]) == ("open", 0)
    reversed_at = text("SELECT reversed_at FROM payment_allocations WHERE invoice_id = :id")
    assert house.connection.scalar(reversed_at, {"id": invoice}) is not None
    make_the_round()
    assert house.row("approval_requests", key)["status"] == "executed"
    assert house.row("invoices", invoice)["status"] == "open"


def test_a_record_that_moved_meanwhile_is_left_alone_by_name(bea: Desk, ruth: Desk, house: House, invoice: int) -> None:
    key = asked(bea, invoice)
    house.change("invoices", invoice, amount_paid=100)
    assert decide(ruth, key, "approve").status_code == 303
    assert "was changed after this was asked for" in ruth.page(f"{REQUESTS}/{key}")
    request = house.row("approval_requests", key)
    assert request["status"] == "failed"
    assert "Nothing was done" in request["error"]
    assert house.row("invoices", invoice)["status"] == "open"
    assert notices(house, bea) == ["approval.approved", "approval.failed"]


def test_nobody_approves_their_own_and_a_no_says_why(
    app: Flask, house: House, bea: Desk, ruth: Desk, invoice: int
) -> None:
    key = asked(bea, invoice)
    own = bea.press(f"{REQUESTS}/{key}/actions/approve")
    assert own.status_code == 409
    assert "You asked for this yourself" in bea.sentence(own)
    dan = staff(app, house, "Dan Rowe", "dispatcher")
    assert dan.get(f"{REQUESTS}/{key}").status_code == 404
    olga = sit(app, house, "Olga Brandt", "approvals.read", "approvals.decide.ops")
    assert 'value="approve"' not in olga.page(f"{REQUESTS}/{key}")
    assert "This is decided by Ruth Calloway." in olga.page(f"{REQUESTS}/{key}")
    refused = decide(ruth, key, "reject")
    assert refused.status_code == 422
    assert "Note cannot stay empty" in ruth.sentence(refused)
    assert decide(ruth, key, "reject", "Call them first").status_code == 303
    assert "Call them first" in bea.page(f"{REQUESTS}/{key}")
    assert notices(house, bea) == ["approval.rejected"]
    assert house.row("invoices", invoice)["status"] == "open"


def test_what_was_asked_is_not_rewritten(
    bea: Desk, ruth: Desk, house: House, invoice: int, owner_connection: Any
) -> None:
    key = asked(bea, invoice)
    with pytest.raises(Exception, match="permission denied"):
        house.change("approval_requests", key, payload={"do": "something else"})
    owner_connection.execute(
        text("UPDATE approval_requests SET payload = jsonb_set(payload, '{amount}', '\"1.00\"') WHERE id = :id"),
        {"id": key},
    )
    owner_connection.commit()
    assert "Altered since it was asked for" in ruth.page(f"{REQUESTS}/{key}")
    refused = decide(ruth, key, "approve")
    assert refused.status_code == 409
    assert "the request was altered" in ruth.sentence(refused)
    assert house.row("invoices", invoice)["status"] == "open"


def test_what_nobody_decides_lapses_and_what_was_withdrawn_is_gone(
    bea: Desk, ruth: Desk, house: House, invoice: int
) -> None:
    key = asked(bea, invoice)
    house.change("approval_requests", key, expires_at=now() - timedelta(seconds=1))
    make_the_round()
    assert house.row("approval_requests", key)["status"] == "expired"
    assert notices(house, bea) == ["approval.expired"]
    key = asked(bea, invoice)
    assert bea.press(f"{REQUESTS}/{key}/actions/withdraw", reason="Paid after all").status_code == 303
    assert 'value="approve"' not in ruth.page(f"{REQUESTS}/{key}")


def test_what_was_approved_elsewhere_is_carried_out_by_the_worker(
    bea: Desk, ruth: Desk, house: House, invoice: int
) -> None:
    key = asked(bea, invoice)
    assert ruth.press(f"{REQUESTS}/{key}/actions/approve").status_code == 303
    assert house.row("invoices", invoice)["status"] == "open"
    house.change("approval_requests", key, decided_at=now() - timedelta(minutes=2))
    make_the_round()
    assert house.row("invoices", invoice)["status"] == "uncollectible"


def test_a_company_sets_its_own_limits(bea: Desk, house: House, invoice: int) -> None:
    house.change("tenants", house.tenant_id, settings={"write_off_limit": 500})
    assert "Ask for approval" not in bea.page(f"/crm/invoices/{invoice}/actions/write_off")
    assert bea.press(f"/crm/invoices/{invoice}/actions/write_off", reason="Small").status_code == 303
    assert house.row("invoices", invoice)["status"] == "uncollectible"


def test_many_money_records_at_once_are_two_peoples_work(bea: Desk, ruth: Desk, house: House, invoice: int) -> None:
    invoices, customers = REGISTRY["invoices"], REGISTRY["customers"]

    def need(size: int, resource: Any) -> Any:
        return approval_rules.needed(house.connection, bea.actor, "bulk_fix", size=size, resource=resource)

    assert need(25, invoices) is None
    assert need(1000, customers) is None
    assert need(26, invoices) is not None
    house.change("tenants", house.tenant_id, settings={"bulk_money_rows": 1})
    other = house.given("invoices", customer_id=house.row("invoices", invoice)["customer_id"], status="draft")
    form = bea.form(bea.page("/crm/invoices"), "keys")
    at = str(bea.send("/plans", form, rows="all").location)
    form = bea.form(bea.page(at), "do.dispute_status")
    rehearsed = bea.send(f"{at}/rehearse", form, do__dispute_status="set", dispute_status="open")
    assert rehearsed.status_code == 303, bea.sentence(rehearsed)
    page = bea.page(at)
    assert "Changing 2 invoices at once needs a second person." in page
    asked = bea.send(f"{at}/apply", bea.form(page, "reason"), reason="They all complained")
    assert asked.status_code == 303, bea.sentence(asked)
    assert "approval_requests" in asked.location
    assert {house.row("invoices", key)["dispute_status"] for key in (invoice, other)} == {"none"}
    seen = ruth.page(asked.location)
    assert "INV-7" in seen
    assert "2 records" in seen
    decide(ruth, int(asked.location.rpartition("/")[2]), "approve")
    assert "Approved and carried out" in ruth.page(asked.location)
    assert {house.row("invoices", key)["dispute_status"] for key in (invoice, other)} == {"open"}
