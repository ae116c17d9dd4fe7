"""A lead from the first word to won or lost, by the people who work it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.core.clock import now
from app.domains.crm.lead_scoring import scored
from app.engine.refusals import NotAllowed, Rejected
from tests.domains.conftest import House


@pytest.fixture
def sales(house: House) -> House:
    house.staff("Sally", "sales")
    return house


def asked(house: House, **values: object) -> int:
    return house.create("Sally", "leads", **{"title": "Re-roof", "contact_name": "Ada Byron", **values})


def talked(house: House, lead: int, **values: object) -> int:
    given = {"kind": "call", "subject": "Called back", "direction": "out", "lead_id": lead, **values}
    return house.create("Sally", "crm_activities", **given)


def in_stage(house: House, status: str, **values: object) -> int:
    lead = asked(house, **values)
    house.change("leads", lead, status=status)
    return lead


def estimated(house: House, lead: int, status: str = "draft", **values: object) -> int:
    made = house.given("estimates", title="Section B", lead_id=lead, status=status, **values)
    if status == "draft":
        house.given("estimate_lines", estimate_id=made, description="Membrane", unit_price=100, line_total=100)
        house.change("estimates", made, subtotal=100, total=100)
    return made


# -- asked ------------------------------------------------------------------------------------------------------------


def test_a_lead_gets_its_number_and_knows_who_asked_before(sales: House) -> None:
    first = asked(sales, email="Ada@Juniper.example")
    again = sales.made("Sally", "leads", title="Leak", contact_name="A. Byron", email=" ada@juniper.example")
    assert sales.row("leads", first)["number"] == "L-00001"
    assert sales.row("leads", again.key)["duplicate_of_id"] == first
    assert sales.row("leads", first)["duplicate_of_id"] is None
    assert sales.undo("Sally", again) == ()
    assert sales.row("leads", again.key)["archived_at"] is not None


def test_who_asked_long_ago_or_is_archived_asked_for_something_else(sales: House) -> None:
    old = asked(sales, phone_e164="+13035550142")
    sales.change("leads", old, created_at=now() - timedelta(days=91))
    archived = asked(sales, phone_e164="+13035550142")
    assert sales.row("leads", archived)["duplicate_of_id"] is None
    sales.delete("Sally", "leads", archived)
    assert sales.row("leads", asked(sales, phone_e164="+13035550142"))["duplicate_of_id"] is None
    assert sales.row("leads", asked(sales))["duplicate_of_id"] is None, "two without address or number are not alike"


# -- answered and weighed ---------------------------------------------------------------------------------------------


def test_contacted_means_that_somebody_answered(sales: House) -> None:
    lead = asked(sales)
    talked(sales, lead, kind="email", direction="in", subject="Asks again")
    with pytest.raises(NotAllowed, match="answered first"):
        sales.move("Sally", "leads", lead, "contact")
    early, late = now() - timedelta(hours=3), now() - timedelta(hours=1)
    talked(sales, lead, occurred_at=late)
    talked(sales, lead, kind="email", occurred_at=early)
    assert sales.move("Sally", "leads", lead, "contact")["first_response_at"] == early


def test_qualified_needs_whom_where_what_and_how_much(sales: House) -> None:
    lead = in_stage(sales, "contacted")
    ask: dict[str, Any] = {
        "service_interest": "other",
        "estimated_value": Decimal(0),
        "property_id": None,
        "site_address": None,
    }
    for change, wanted in (
        ({}, "nobody can be reached"),
        ({"site_address": "12 Elm St"}, "what they want done"),
        ({"service_interest": "reroof"}, "may be worth"),
    ):
        with pytest.raises(NotAllowed, match=wanted):
            sales.move("Sally", "leads", lead, "qualify", **(ask := {**ask, **change}))
        sales.change("leads", lead, email="ada@juniper.example")
    with pytest.raises(Rejected, match="Value cannot stay empty"):
        sales.move("Sally", "leads", lead, "qualify", **{**ask, "estimated_value": None})
    row = sales.move("Sally", "leads", lead, "qualify", **{**ask, "estimated_value": Decimal(24500)})
    assert (row["status"], row["probability_pct"], row["site_address"]) == ("qualified", 30, "12 Elm St")
    with pytest.raises(NotAllowed, match="by itself"):
        sales.move("Sally", "leads", lead, "quote")


def test_sending_an_estimate_quotes_its_lead_and_undo_takes_both_back(sales: House) -> None:
    lead = in_stage(sales, "qualified")
    sent = sales.press("Sally", "estimates", estimated(sales, lead), "send")
    row = sales.row("leads", lead)
    assert (row["status"], row["probability_pct"]) == ("quoted", 50)
    assert row["quoted_at"] is not None
    assert sales.undo("Sally", sent) == ()
    assert sales.row("leads", lead)["status"] == "qualified"


# -- won --------------------------------------------------------------------------------------------------------------


def test_winning_makes_the_customer_closes_tasks_and_can_be_undone(sales: House) -> None:
    lead = asked(sales, company_name="Juniper Cold Storage", phone_e164="+13035550142")
    task = sales.given("user_tasks", title="Call back", subject_type="leads", subject_id=lead)
    receipt = sales.press("Sally", "leads", lead, "win", customer_id=None)
    row = sales.row("leads", lead)
    customer = sales.row("customers", row["customer_id"])
    assert (row["status"], row["probability_pct"], customer["name"]) == ("won", 100, "Juniper Cold Storage")
    assert (customer["status"], customer["account_manager_id"]) == ("active", row["owner_id"])
    assert sales.row("user_tasks", task)["status"] == "cancelled"
    with pytest.raises(Rejected, match="decided"):
        sales.edit("Sally", "leads", lead, title="Other")
    sales.undo("Sally", receipt)
    assert sales.row("leads", lead)["status"] == "new"
    assert sales.row("user_tasks", task)["status"] == "todo"
    assert sales.row("customers", customer["id"])["archived_at"] is not None


def test_winning_never_makes_the_same_customer_twice(sales: House) -> None:
    there = sales.given("customers", name="Juniper Cold Storage, Inc.")
    lead = asked(sales, company_name="juniper cold storage")
    with pytest.raises(NotAllowed, match=r"Juniper Cold Storage, Inc\. .* looks like this lead"):
        sales.move("Sally", "leads", lead, "win", customer_id=None)
    assert sales.move("Sally", "leads", lead, "win", customer_id=there)["customer_id"] == there


def test_who_makes_no_customers_picks_one(sales: House) -> None:
    sales.person("Ann", "leads.*", "customers.read")
    with pytest.raises(NotAllowed, match="Pick the customer"):
        sales.move("Ann", "leads", asked(sales), "win", customer_id=None)


def test_an_accepted_estimate_wins_its_lead_and_says_who_pays(sales: House) -> None:
    lead = in_stage(sales, "quoted", company_name="Juniper Cold Storage")
    estimate = estimated(sales, lead, "sent")
    done = sales.move("Sally", "estimates", estimate, "accept", accepted_by_name="Ada Byron")
    row = sales.row("leads", lead)
    assert row["status"] == "won"
    assert row["customer_id"] == done["customer_id"] is not None
    assert sales.row("customers", row["customer_id"])["name"] == "Juniper Cold Storage"


def test_an_accepted_estimate_of_a_customer_wins_a_lead_that_named_none(sales: House) -> None:
    customer = sales.given("customers", name="Bluestem")
    lead = in_stage(sales, "nurture", next_action_at=now())
    waiting = in_stage(sales, "contacted")
    for each in (lead, waiting):
        estimate = estimated(sales, each, "sent", customer_id=customer)
        sales.move("Sally", "estimates", estimate, "accept", accepted_by_name="Ada Byron")
    assert sales.row("leads", lead)["status"] == "nurture", "put off is not open"
    assert sales.row("leads", waiting)["customer_id"] == customer


# -- not won ----------------------------------------------------------------------------------------------------------


def test_losing_needs_a_reason_and_declines_what_lies_with_the_customer(sales: House) -> None:
    lead = in_stage(sales, "quoted")
    sent, draft = estimated(sales, lead, "sent"), estimated(sales, lead)
    with pytest.raises(Rejected, match="Lost because"):
        sales.move("Sally", "leads", lead, "lose")
    row = sales.move("Sally", "leads", lead, "lose", lost_reason="price", competitor="Summit")
    assert (row["status"], row["lost_reason"], row["probability_pct"]) == ("lost", "price", 0)
    assert sales.row("estimates", sent)["status"] == "declined"
    assert sales.row("estimates", draft)["status"] == "draft", "what never went out was not declined"
    row = sales.move("Sally", "leads", lead, "reopen")
    assert (row["status"], row["lost_reason"], row["competitor"], row["lost_at"]) == ("contacted", None, None, None)


def test_disqualified_needs_a_reason_and_put_off_a_day(sales: House) -> None:
    lead = asked(sales)
    with pytest.raises(Rejected):
        sales.move("Sally", "leads", lead, "disqualify")
    with pytest.raises(Rejected, match="Next action"):
        sales.move("Sally", "leads", lead, "nurture")
    assert sales.move("Sally", "leads", lead, "nurture", next_action_at=now())["status"] == "nurture"
    with pytest.raises(NotAllowed, match="nurture"):
        sales.move("Sally", "leads", lead, "disqualify", lost_reason="duplicate")


# -- lists and scores -------------------------------------------------------------------------------------------------


def test_the_ready_made_lists(sales: House) -> None:
    sales.staff("Owen", "sales")
    me, other = sales.people["Sally"].app_user_id, sales.people["Owen"].app_user_id
    hot = in_stage(sales, "qualified", owner_id=me)
    sales.change("leads", hot, grade="B1")
    cold = in_stage(sales, "contacted", owner_id=other, next_action_at=now() + timedelta(days=1))
    nobodys = asked(sales)
    sales.change("leads", nobodys, stage_entered_at=now() - timedelta(days=15))
    over = in_stage(sales, "nurture", owner_id=me)
    sales.change("leads", over, grade="A1", stage_entered_at=now() - timedelta(days=15))
    assert sales.scope("Sally", "leads", "Mine") == {hot}
    assert sales.scope("Sally", "leads", "Unassigned") == {nobodys}
    assert sales.scope("Sally", "leads", "Hot") == {hot}
    assert sales.scope("Sally", "leads", "Stale") == {nobodys}
    assert sales.scope("Sally", "leads", "Open") == {hot, cold, nobodys}


def test_a_score_by_hand_keeps_its_reason_and_gives_way_again(sales: House) -> None:
    lead = asked(sales)
    sales.change("leads", lead, fit_score=70, engagement_score=45, score=60)
    row = sales.move("Sally", "leads", lead, "override", score_override=95, score_override_reason="The owner's brother")
    assert (row["score"], row["score_override"]) == (95, 95)
    row = sales.move("Sally", "leads", lead, "as_computed")
    assert (row["score"], row["score_override"], row["score_override_reason"]) == (60, None, None)
    with pytest.raises(NotAllowed, match="computed one"):
        sales.move("Sally", "leads", lead, "as_computed")


def test_a_lead_is_scored_at_once_and_again_when_it_shows_interest(sales: House) -> None:
    lead = asked(
        sales, company_name="Juniper", service_interest="reroof", estimated_value=Decimal(30_000), source="referral"
    )
    row = sales.row("leads", lead)
    assert (row["fit_score"], row["engagement_score"], row["score"], row["grade"]) == (100, 40, 76, "A2")
    assert {each["rule"]: each["points"] for each in row["score_breakdown"]} == {
        "Names a company": 20, "Work worth 25,000 or more": 30, "Wants a new roof": 30,
        "Knows us, or was sent by somebody who does": 20, "Asked": 40,
    }  # fmt: skip
    talked(sales, lead)
    assert sales.row("leads", lead)["engagement_score"] == 40, "we called; they showed nothing yet"
    talked(sales, lead, kind="site_visit", direction=None)
    assert sales.row("leads", lead)["grade"] == "A1"
    edited = sales.edit("Sally", "leads", lead, estimated_value=Decimal(100))
    assert sales.row("leads", lead)["fit_score"] == 70
    assert sales.undo("Sally", edited) == ()
    assert sales.row("leads", lead)["fit_score"] == 100


def test_a_second_enquiry_counts_less_and_interest_cools() -> None:
    at = now()
    lead = {"company_name": None, "estimated_value": None, "roof_area_sqft": None, "service_interest": "other",
            "source": "other", "urgency": "high", "duplicate_of_id": 7, "created_at": at - timedelta(days=30)}  # fmt: skip
    found = scored(lead, [("email", at - timedelta(days=60))], at)
    assert (found["fit_score"], found["engagement_score"], found["grade"]) == (0, 20 + 20 + 5, "C2")
    assert scored({**lead, "score_override": 90}, (), at)["score"] == 90


def test_who_only_reads_moves_nothing(sales: House) -> None:
    lead = asked(sales)
    for role in ("operations_manager", "viewer", "auditor"):
        sales.staff(role, role)
        with pytest.raises(NotAllowed):
            sales.move(role, "leads", lead, "nurture", next_action_at=now())


def test_an_activity_or_estimate_for_nobody_says_what_is_missing(sales: House) -> None:
    with pytest.raises(Rejected, match="customer or lead"):
        sales.create("Sally", "crm_activities", kind="call", subject="Called")
    with pytest.raises(Rejected, match="or a lead"):
        sales.create("Sally", "estimates", title="Section B")
