"""From the first call to the last payment: what each document needs before it moves, and what it leaves behind."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.core.clock import now, today
from app.domains.crm import totals
from app.engine.approval_rules import NeedsApproval
from app.engine.refusals import NotAllowed, Rejected

ZONE = "America/Denver"


@pytest.fixture
def crm(house: Any) -> Any:
    """Bluestem, its site, and the people of the office."""
    house.person(
        "Olga", "customers.*", "properties.*", "jobs.*", "visits.*", "estimate_reviews.decide", "estimates.read"
    )
    house.person("Dina", "jobs.read", "jobs.schedule", "jobs.hold", "visits.*")
    house.person("Sam", "customers.write", "customers.read", "customers.create", "estimates.*", "jobs.read")
    house.person("Bea", "invoices.*", "payments.*", "customers.credit", "customers.read", "jobs.close", "jobs.read")
    house.person("Max")
    house.customer = house.given("customers", name="Bluestem Cold Storage", status="active")
    house.site = house.given(
        "properties",
        customer_id=house.customer,
        name="Building 1",
        line1="1 Dock Rd",
        city="Denver",
        region="CO",
        postal="80216",
    )
    return house


def job(crm: Any, **values: Any) -> int:
    return crm.given("jobs", **{"title": "Leak at the dock", "customer_id": crm.customer, **values})


def visit(crm: Any, job_id: int, **values: Any) -> int:
    start = now() + timedelta(days=1)
    made = {"job_id": job_id, "starts_at": start, "ends_at": start + timedelta(hours=4), **values}
    return crm.given("job_visits", **made)


def invoice(crm: Any, *prices: str, **values: Any) -> int:
    """A draft with one line a price, made the way billing makes it."""
    key = crm.create("Bea", "invoices", customer_id=crm.customer, **values)
    for price in prices:
        crm.create("Bea", "invoice_lines", invoice_id=key, description="Work", unit_price=Decimal(price))
    return key


# -- customers ---------------------------------------------------------------------------------------------------


def test_billing_holds_and_releases_a_customer_and_says_why(crm: Any) -> None:
    with pytest.raises(NotAllowed, match="role"):
        crm.move("Sam", "customers", crm.customer, "hold", reason="Late")
    with pytest.raises(Rejected, match="why"):
        crm.move("Bea", "customers", crm.customer, "hold")
    assert crm.move("Bea", "customers", crm.customer, "hold", reason="94 days late")["status"] == "credit_hold"
    assert crm.move("Bea", "customers", crm.customer, "release", reason="Paid")["status"] == "active"


def test_nobody_merges_by_hand(crm: Any) -> None:
    with pytest.raises(NotAllowed, match="by itself"):
        crm.move("Olga", "customers", crm.customer, "merge")


def test_a_customer_with_open_work_or_money_is_not_put_away(crm: Any) -> None:
    key = job(crm)
    with pytest.raises(NotAllowed, match="One job is still open"):
        crm.move("Olga", "customers", crm.customer, "deactivate", reason="Moved")
    crm.move("Olga", "jobs", key, "cancel", cancel_reason="Sold the building")
    crm.change("customers", crm.customer, open_balance=Decimal("12.50"))
    with pytest.raises(NotAllowed, match=r"\$12.50 is still open"):
        crm.move("Olga", "customers", crm.customer, "deactivate", reason="Moved")


def test_a_new_customer_belongs_to_nobody_elses_number(crm: Any) -> None:
    first = crm.row("customers", crm.create("Sam", "customers", name="Cedar Mesa"))
    second = crm.row("customers", crm.create("Sam", "customers", name="Cedar Mesa Medical"))
    assert first["status"] == "prospect"
    assert first["number"] != second["number"]


def test_overdue_customers_are_those_with_a_late_open_invoice(crm: Any) -> None:
    key = invoice(crm, "100.00")
    crm.move("Bea", "invoices", key, "finalize")
    assert crm.scope("Bea", "customers", "Overdue balance") == set()
    crm.edit("Bea", "invoices", key, due_date=today(ZONE))
    assert crm.scope("Bea", "customers", "Overdue balance") == set()
    late = crm.given(
        "invoices", customer_id=crm.customer, status="open", number="INV-OLD", finalized_at=now(), total=10, subtotal=10,
        issue_date=today(ZONE) - timedelta(days=60), due_date=today(ZONE) - timedelta(days=31),
    )  # fmt: skip
    assert crm.scope("Bea", "customers", "Overdue balance") == {crm.customer}
    assert crm.scope("Bea", "invoices", "Overdue 30+") == {late}
    assert crm.shown("invoices", late, "state") == "overdue"
    assert crm.shown("invoices", late, "days_past_due") >= 30


# -- jobs --------------------------------------------------------------------------------------------------------


def test_work_for_a_customer_on_hold_is_not_approved(crm: Any) -> None:
    key = job(crm)
    crm.move("Bea", "customers", crm.customer, "hold", reason="94 days late")
    with pytest.raises(NotAllowed, match="Bluestem Cold Storage is on credit hold"):
        crm.move("Olga", "jobs", key, "approve")
    assert crm.row("jobs", key)["status"] == "new"


def test_a_required_purchase_order_can_be_given_with_the_approval(crm: Any) -> None:
    key = job(crm)
    crm.change("customers", crm.customer, po_required=True)
    with pytest.raises(NotAllowed, match="purchase order"):
        crm.move("Olga", "jobs", key, "approve")
    assert crm.move("Olga", "jobs", key, "approve", po_number="PO 88-2207")["po_number"] == "PO 88-2207"


def test_a_job_is_scheduled_by_its_site_crew_and_time(crm: Any) -> None:
    key = job(crm, status="approved")
    with pytest.raises(NotAllowed, match="which site"):
        crm.move("Dina", "jobs", key, "schedule")
    crm.change("jobs", key, property_id=crm.site)
    appointment = visit(crm, key)
    with pytest.raises(NotAllowed, match="Add a visit with a crew lead and a time first"):
        crm.move("Dina", "jobs", key, "schedule")
    crm.edit("Dina", "job_visits", appointment, crew_lead_id=crm.people["Max"].app_user_id)
    scheduled = crm.move("Dina", "jobs", key, "schedule")
    assert scheduled["scheduled_start"] == crm.row("job_visits", appointment)["starts_at"]


def test_a_held_job_goes_back_to_where_it_was(crm: Any) -> None:
    key = job(crm, status="scheduled")
    with pytest.raises(Rejected):
        crm.move("Dina", "jobs", key, "hold")
    held = crm.move("Dina", "jobs", key, "hold", hold_reason="weather", hold_until=today(ZONE))
    assert (held["status"], held["held_from"]) == ("on_hold", "scheduled")
    back = crm.move("Dina", "jobs", key, "resume")
    assert (back["status"], back["hold_reason"], back["hold_until"], back["held_from"]) == (
        "scheduled",
        None,
        None,
        None,
    )


def test_completed_means_every_visit_is_over_and_somebody_wrote_what_was_done(crm: Any) -> None:
    key = job(crm, status="in_progress", property_id=crm.site)
    appointment = visit(crm, key, crew_lead_id=crm.people["Max"].app_user_id)
    with pytest.raises(NotAllowed, match="One visit is still open"):
        crm.move("Dina", "jobs", key, "complete", completion_summary="Sealed the curb")
    crm.move("Dina", "job_visits", appointment, "start")
    crm.move("Dina", "job_visits", appointment, "finish", work_performed="Sealed the curb", labor_hours=Decimal("3.5"))
    with pytest.raises(Rejected):
        crm.move("Dina", "jobs", key, "complete")
    done = crm.move("Dina", "jobs", key, "complete", completion_summary="Sealed the curb")
    assert done["completed_at"] is not None
    assert done["percent_complete"] == 100


def test_work_is_authorized_by_somebody_else_within_the_limit_or_sent_back(crm: Any) -> None:
    key = job(crm, status="completed", completed_at=now(), contract_value=900, nte_amount=500)
    crm.change("jobs", key, lead_tech_id=crm.people["Olga"].app_user_id)
    with pytest.raises(NotAllowed, match="You led this crew"):
        crm.move("Olga", "jobs", key, "authorize")
    crm.change("jobs", key, lead_tech_id=crm.people["Max"].app_user_id)
    with pytest.raises(NotAllowed, match=r"\$900.00, above the \$500.00 not to exceed"):
        crm.move("Olga", "jobs", key, "authorize")
    with pytest.raises(NotAllowed, match="role"):
        crm.move("Dina", "jobs", key, "authorize")
    crm.change("jobs", key, nte_amount=1000)
    authorized = crm.move("Olga", "jobs", key, "authorize")
    assert authorized["authorized_by"] == crm.people["Olga"].app_user_id
    other = job(crm, status="completed", completed_at=now())
    assert crm.move("Olga", "jobs", other, "send_back", reason="No photos")["completed_at"] is None


def test_only_unbilled_work_closes_without_an_invoice(crm: Any) -> None:
    key = job(crm, status="authorized", completed_at=now())
    with pytest.raises(NotAllowed, match="billable"):
        crm.move("Olga", "jobs", key, "close_unbilled")
    warranty = job(crm, status="authorized", completed_at=now(), is_billable=False, billing_method="warranty")
    assert crm.move("Olga", "jobs", warranty, "close_unbilled")["closed_at"] is not None


def test_a_billed_job_closes_once_its_invoices_are_settled(crm: Any) -> None:
    key = job(crm, status="invoiced", completed_at=now())
    bill = invoice(crm, "250.00", job_id=key)
    crm.move("Bea", "invoices", bill, "finalize")
    assert crm.row("jobs", key)["billed_total"] == Decimal("250.00")
    with pytest.raises(NotAllowed, match="One invoice is not settled"):
        crm.move("Bea", "jobs", key, "close")
    crm.move("Bea", "invoices", bill, "void", void_reason="Billed twice")
    assert crm.row("jobs", key)["billed_total"] == 0
    assert crm.move("Bea", "jobs", key, "close")["status"] == "closed"
    with pytest.raises(Rejected, match="over"):
        crm.edit("Olga", "jobs", key, title="Another leak")


def test_a_job_with_an_open_invoice_or_visit_is_not_cancelled(crm: Any) -> None:
    key = job(crm, status="scheduled")
    visit(crm, key)
    with pytest.raises(NotAllowed, match="visit is still open"):
        crm.move("Olga", "jobs", key, "cancel", cancel_reason="Sold")
    billed = job(crm)
    crm.move("Bea", "invoices", invoice(crm, "80.00", job_id=billed), "finalize")
    with pytest.raises(NotAllowed, match="is open; credit or void it first"):
        crm.move("Olga", "jobs", billed, "cancel", cancel_reason="Sold")


def test_a_move_that_is_not_declared_is_refused_with_the_state(crm: Any) -> None:
    with pytest.raises(NotAllowed, match="is closed"):
        crm.move("Olga", "jobs", job(crm, status="closed", completed_at=now()), "approve")


# -- estimates ---------------------------------------------------------------------------------------------------


def estimate(crm: Any, **values: Any) -> int:
    key = crm.create("Sam", "estimates", title="Re-roof, section B", customer_id=crm.customer)
    crm.create(
        "Sam", "estimate_lines", estimate_id=key, description="TPO membrane", quantity=Decimal("64"),
        unit_price=Decimal("146.00"), unit_cost=Decimal("100.00"), tax_rate=Decimal("8.31"),
    )  # fmt: skip
    if values:
        crm.change("estimates", key, **values)
    return key


def test_the_header_follows_its_lines(crm: Any) -> None:
    row = crm.row("estimates", estimate(crm))
    assert (row["subtotal"], row["tax_total"], row["total"]) == (
        Decimal("9344.00"),
        Decimal("776.49"),
        Decimal("10120.49"),
    )
    assert (row["cost_total"], row["margin_pct"]) == (Decimal("6400.00"), Decimal("31.51"))


def test_an_empty_estimate_goes_nowhere(crm: Any) -> None:
    key = crm.create("Sam", "estimates", title="Nothing yet", customer_id=crm.customer)
    with pytest.raises(NotAllowed, match="Add at least one line first"):
        crm.move("Sam", "estimates", key, "send")


def test_a_sent_estimate_stands_for_thirty_days_and_its_lines_do_not_change(crm: Any) -> None:
    key = estimate(crm)
    sent = crm.move("Sam", "estimates", key, "send")
    assert sent["valid_until"] == sent["issued_on"] + timedelta(days=30)
    with pytest.raises(Rejected, match="only while the document is a draft"):
        crm.create("Sam", "estimate_lines", estimate_id=key, description="Crane", unit_price=Decimal("1650"))
    with pytest.raises(Rejected, match="make a revision"):
        crm.edit("Sam", "estimates", key, scope_text="More")
    assert crm.row("estimates", key)["total"] == Decimal("10120.49")


def test_what_an_agent_priced_or_leaves_little_is_reviewed_by_another_person(crm: Any) -> None:
    key = estimate(crm, source="ai")
    with pytest.raises(NotAllowed, match="An agent priced this"):
        crm.move("Sam", "estimates", key, "send")
    crm.change("estimates", key, source="manual")
    crm.change("tenants", crm.tenant_id, settings={"margin_floor_pct": 40})
    with pytest.raises(NotAllowed, match=r"margin of 31.51% is below the floor of 40%"):
        crm.move("Sam", "estimates", key, "send")
    crm.move("Sam", "estimates", key, "submit")
    with pytest.raises(NotAllowed, match="role"):
        crm.move("Sam", "estimates", key, "approve")
    crm.change("estimates", key, estimator_id=crm.people["Olga"].app_user_id)
    with pytest.raises(NotAllowed, match="You wrote this estimate"):
        crm.move("Olga", "estimates", key, "approve")
    crm.change("estimates", key, estimator_id=None)
    with pytest.raises(NeedsApproval, match="below the floor of 40%; sending it needs a second person"):
        crm.move("Olga", "estimates", key, "approve")
    crm.change("tenants", crm.tenant_id, settings={"margin_floor_pct": 30})
    assert crm.move("Olga", "estimates", key, "approve")["sent_at"] is not None


def test_an_answer_is_recorded_while_the_offer_stands(crm: Any) -> None:
    key = estimate(crm)
    crm.move("Sam", "estimates", key, "send")
    with pytest.raises(Rejected):
        crm.move("Sam", "estimates", key, "accept")
    crm.change("estimates", key, issued_on=today(ZONE) - timedelta(days=9), valid_until=today(ZONE) - timedelta(days=1))
    with pytest.raises(NotAllowed, match="This offer ended on"):
        crm.move("Sam", "estimates", key, "accept", accepted_by_name="Renee Albright")
    crm.edit("Sam", "estimates", key, valid_until=today(ZONE))
    accepted = crm.move("Sam", "estimates", key, "accept", accepted_by_name="Renee Albright")
    assert accepted["accepted_at"] is not None


def test_an_estimate_is_replaced_only_by_a_revision_that_exists(crm: Any) -> None:
    key = estimate(crm)
    crm.move("Sam", "estimates", key, "send")
    with pytest.raises(NotAllowed, match="Make the next revision first"):
        crm.move("Sam", "estimates", key, "supersede")
    crm.create("Sam", "estimates", title="Re-roof, section B", customer_id=crm.customer, revised_from_id=key)
    assert crm.move("Sam", "estimates", key, "supersede")["status"] == "superseded"


# -- invoices ----------------------------------------------------------------------------------------------------


def test_a_finalized_invoice_has_its_number_dates_and_the_address_of_that_day(crm: Any) -> None:
    key = invoice(crm, "11776.00", "884.50", terms_days=45)
    assert crm.row("invoices", key)["number"] is None
    final = crm.move("Bea", "invoices", key, "finalize")
    assert final["issue_date"] == today(ZONE)
    assert final["due_date"] == today(ZONE) + timedelta(days=45)
    assert final["billing_snapshot"]["customer"]["name"] == "Bluestem Cold Storage"
    assert crm.row("customers", crm.customer)["open_balance"] == Decimal("12660.50")
    crm.change("customers", crm.customer, name="Bluestem Logistics")
    assert crm.row("invoices", key)["billing_snapshot"]["customer"]["name"] == "Bluestem Cold Storage"


def test_numbers_have_no_gap_when_a_finalization_fails(crm: Any) -> None:
    first, empty, second = invoice(crm, "10.00"), invoice(crm), invoice(crm, "20.00")
    one = crm.move("Bea", "invoices", first, "finalize")["number"]
    with pytest.raises(NotAllowed, match="Add at least one line first"):
        crm.move("Bea", "invoices", empty, "finalize")
    two = crm.move("Bea", "invoices", second, "finalize")["number"]
    assert int(two.split("-")[-1]) == int(one.split("-")[-1]) + 1


def test_a_header_that_does_not_add_up_is_not_finalized_until_recalculated(crm: Any) -> None:
    key = invoice(crm, "48260.00")
    crm.change("invoices", key, subtotal=Decimal("47676.00"), total=Decimal("47676.00"))
    with pytest.raises(NotAllowed, match=r"subtotal says \$47,676.00, but the lines come to \$48,260.00"):
        crm.move("Bea", "invoices", key, "finalize")
    crm.move("Bea", "invoices", key, "recalculate")
    assert crm.move("Bea", "invoices", key, "finalize")["total"] == Decimal("48260.00")


def test_changing_and_removing_lines_of_a_draft_keeps_the_total_true(crm: Any) -> None:
    key = invoice(crm, "100.00")
    line = crm.create(
        "Bea", "invoice_lines", invoice_id=key, description="Crane", unit_price=Decimal("0.05"), quantity=Decimal("0.5")
    )
    assert crm.row("invoice_lines", line)["line_total"] == Decimal("0.03")
    crm.edit("Bea", "invoice_lines", line, quantity=Decimal("2"), tax_rate=Decimal("10"))
    row = crm.row("invoices", key)
    assert (row["subtotal"], row["tax_total"], row["total"]) == (Decimal("100.10"), Decimal("0.01"), Decimal("100.11"))
    crm.delete("Bea", "invoice_lines", line)
    assert crm.row("invoices", key)["total"] == Decimal("100.00")


def test_taking_back_a_line_takes_back_its_share_of_the_total(crm: Any) -> None:
    key = invoice(crm, "100.00")
    receipt = crm.made("Bea", "invoice_lines", invoice_id=key, description="Crane", unit_price=Decimal("1650.00"))
    assert crm.row("invoices", key)["total"] == Decimal("1750.00")
    assert crm.undo("Bea", receipt) == ()
    assert crm.row("invoices", key)["total"] == Decimal("100.00")


def test_a_finalization_is_not_undone(crm: Any) -> None:
    key = invoice(crm, "100.00")
    receipt = crm.press("Bea", "invoices", key, "finalize")
    with pytest.raises(Rejected, match="credit note"):
        crm.undo("Bea", receipt)
    assert crm.row("invoices", key)["status"] == "open"


def test_a_draft_takes_a_discount_and_a_retainage(crm: Any) -> None:
    key = invoice(crm, "1000.00")
    assert crm.move("Bea", "invoices", key, "discount", discount_total=Decimal("50.00"))["total"] == Decimal("950.00")
    assert crm.move("Bea", "invoices", key, "retain", retainage_pct=Decimal("10"))["balance"] == Decimal("855.00")
    with pytest.raises(Rejected, match="cannot fall below zero"):
        crm.move("Bea", "invoices", key, "discount", discount_total=Decimal("5000.00"))


def test_nobody_changes_what_was_billed(crm: Any) -> None:
    key = invoice(crm, "100.00")
    crm.move("Bea", "invoices", key, "finalize")
    with pytest.raises(Rejected, match="stays as it was sent"):
        crm.edit("Bea", "invoices", key, terms_days=60)
    with pytest.raises(Rejected, match="finali"):
        crm.create("Bea", "invoice_lines", invoice_id=key, description="One more", unit_price=Decimal("1.00"))
    with pytest.raises(NotAllowed, match="credit note"):
        crm.move("Bea", "invoices", key, "discount", discount_total=Decimal("5.00"))
    assert crm.edit("Bea", "invoices", key, promise_to_pay_on=today(ZONE)).change_set is not None


def test_an_invoice_somebody_paid_on_is_not_voided(crm: Any) -> None:
    key = invoice(crm, "100.00")
    crm.move("Bea", "invoices", key, "finalize")
    crm.change("invoices", key, amount_paid=Decimal("40.00"))
    with pytest.raises(NotAllowed, match=r"\$40.00 has been paid"):
        crm.move("Bea", "invoices", key, "void", void_reason="Wrong customer")
    assert crm.shown("invoices", key, "state") == "partly_paid"
    crm.change("invoices", key, amount_paid=0)
    voided = crm.move("Bea", "invoices", key, "void", void_reason="Wrong customer")
    assert (voided["status"], voided["number"] is not None) == ("void", True)
    assert crm.row("customers", crm.customer)["open_balance"] == 0


def test_writing_off_takes_two(crm: Any) -> None:
    key = invoice(crm, "100.00")
    crm.move("Bea", "invoices", key, "finalize")
    with pytest.raises(NeedsApproval, match=r"Writing off \$100.00 needs a second person"):
        crm.move("Bea", "invoices", key, "write_off", reason="Bankrupt")


def test_an_open_invoice_is_marked_sent_and_leaves_the_unsent(crm: Any) -> None:
    key = invoice(crm, "100.00")
    with pytest.raises(NotAllowed, match="finalize it first"):
        crm.move("Bea", "invoices", key, "mark_sent")
    crm.move("Bea", "invoices", key, "finalize")
    assert crm.scope("Bea", "invoices", "Unsent") == {key}
    crm.move("Bea", "invoices", key, "mark_sent")
    assert crm.scope("Bea", "invoices", "Unsent") == set()


# -- payments ----------------------------------------------------------------------------------------------------


def test_a_payment_arrives_and_can_bounce_only_once_it_settles_nothing(crm: Any) -> None:
    key = crm.create(
        "Bea", "payments", customer_id=crm.customer, method="check", amount=Decimal("500.00"), received_on=today(ZONE)
    )
    assert crm.row("payments", key)["status"] == "pending"
    crm.move("Bea", "payments", key, "confirm")
    assert crm.scope("Bea", "payments", "Unallocated") == {key}
    crm.change("payments", key, amount_allocated=Decimal("500.00"))
    with pytest.raises(NotAllowed, match=r"\$500.00 of it settles invoices"):
        crm.move("Bea", "payments", key, "bounce", failure_message="Insufficient funds")
    crm.change("payments", key, amount_allocated=0)
    assert crm.move("Bea", "payments", key, "bounce", failure_message="Insufficient funds")["status"] == "bounced"


def test_only_money_that_arrived_is_reconciled(crm: Any) -> None:
    key = crm.create(
        "Bea", "payments", customer_id=crm.customer, method="ach", amount=Decimal("1.00"), received_on=today(ZONE)
    )
    with pytest.raises(NotAllowed, match="arrived"):
        crm.move("Bea", "payments", key, "reconcile")
    crm.move("Bea", "payments", key, "confirm")
    assert crm.move("Bea", "payments", key, "reconcile")["reconciled_at"] is not None


# -- the sums ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "rate", "total", "tax"),
    [
        ("1", "100.00", "0", "0", "100.00", "0.00"),
        ("0.5", "0.05", "0", "0", "0.03", "0.00"),
        ("3.3333", "1.50", "0", "8.31", "5.00", "0.42"),
        ("2", "10.00", "0.50", "10", "19.50", "1.95"),
        ("-1", "0.005", "0", "0", "-0.01", "0.00"),
    ],
)
def test_a_line_is_rounded_half_up_before_its_discount(
    quantity: str, price: str, discount: str, rate: str, total: str, tax: str
) -> None:
    row = {"quantity": quantity, "unit_price": price, "discount_amount": discount, "tax_rate": rate}
    line = totals.line({name: Decimal(value) for name, value in row.items()})
    assert (line["line_total"], line["tax_amount"]) == (Decimal(total), Decimal(tax))
