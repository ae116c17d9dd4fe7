"""A decision is kept as it was made; a person's verdict is added once, and agents run only when somebody answers for them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert

from app.core import clock
from app.engine.apply import transaction
from app.engine.plan import plan_create, plan_edit
from app.engine.refusals import NotAllowed, Rejected
from app.engine.registry import REGISTRY


@pytest.fixture
def agency(house: Any) -> Any:
    house.person("Ada", "agents.*", "ai.decisions.*", "ai.calls.*", "ai.prices.*", "errors.*", "tenant.*")
    house.person("Vic", "agents.read", "ai.decisions.read", "errors.read")
    return house


def agent(house: Any, **values: Any) -> int:
    made = {
        "key": "dispatch-scheduler",
        "name": "Dispatch Scheduler",
        "role": "Dispatcher",
        "model": "planner-large",
        **values,
    }
    return house.given("ai_agents", **made)


def decision(house: Any, **values: Any) -> int:
    made = {
        "agent_id": values.pop("agent_id", None) or agent(house, key=secrets.token_hex(4)),
        "kind": "dispatch.move",
        "trigger": "event",
        "question": "Move J-24852 to Wednesday?",
        "chosen": "Wednesday",
        "risk": "medium",
        **values,
    }
    return house.given("ai_decision_logs", **made)


def test_agreeing_names_the_person_and_leaves_the_decision_as_it_is(agency: Any) -> None:
    row = agency.move("Ada", "ai_decision_logs", decision(agency), "agree", review_note="Right call")
    assert (row["review_verdict"], row["reviewed_by"]) == ("agree", agency.people["Ada"].app_user_id)
    assert row["reviewed_at"] is not None
    assert (row["status"], row["review_note"]) == ("proposed", "Right call")


def test_rejecting_needs_a_note_and_turns_a_waiting_proposal_down(agency: Any) -> None:
    key = decision(agency, status="pending_approval")
    with pytest.raises(Rejected) as refused:
        agency.move("Ada", "ai_decision_logs", key, "disagree")
    assert "review_note" in refused.value.errors
    row = agency.move("Ada", "ai_decision_logs", key, "disagree", review_note="The dock is closed")
    assert (row["review_verdict"], row["status"]) == ("disagree", "rejected")


def test_what_was_done_already_stays_done_when_a_person_disagrees(agency: Any) -> None:
    key = decision(agency, status="executed")
    row = agency.move("Ada", "ai_decision_logs", key, "disagree", review_note="Too early")
    assert (row["review_verdict"], row["status"]) == ("disagree", "executed")


def test_an_override_says_what_instead_and_counts_as_disagreement(agency: Any) -> None:
    key = decision(agency)
    with pytest.raises(Rejected):
        agency.move("Ada", "ai_decision_logs", key, "override")
    row = agency.move("Ada", "ai_decision_logs", key, "override", overridden_to="Friday")
    assert (row["status"], row["overridden_to"], row["review_verdict"]) == ("overridden", "Friday", "disagree")


def test_a_verdict_is_given_once(agency: Any) -> None:
    key = decision(agency)
    agency.move("Ada", "ai_decision_logs", key, "unsure")
    with pytest.raises(NotAllowed, match="verdict already"):
        agency.move("Ada", "ai_decision_logs", key, "agree")


def test_who_only_reads_decisions_gives_no_verdict(agency: Any) -> None:
    with pytest.raises(NotAllowed, match=r"ai\.decisions\.review"):
        agency.move("Vic", "ai_decision_logs", decision(agency), "agree")


def test_nobody_edits_a_decision(agency: Any) -> None:
    resource, ada = REGISTRY["ai_decision_logs"], agency.people["Ada"]
    with pytest.raises(NotAllowed):
        plan_edit(agency.connection, resource, decision(agency), {"question": "Another?"}, None, ada)
    with pytest.raises(NotAllowed):
        plan_create(resource, {"question": "Mine?"}, ada)


def test_the_queue_holds_what_is_above_low_risk_and_not_judged(agency: Any) -> None:
    waiting = {decision(agency), decision(agency, risk="high", status="failed")}
    decision(agency, risk="low")
    agency.move("Ada", "ai_decision_logs", decision(agency), "agree")
    assert agency.scope("Ada", "ai_decision_logs", "To review") == waiting


def test_most_expensive_today_ends_at_midnight_where_the_reader_is(agency: Any) -> None:
    noon = datetime(2026, 3, 10, 18, tzinfo=UTC)  # noon in Denver
    with clock.at(noon):
        dear = decision(agency, decided_at=noon, total_cost=Decimal("0.9"))
        decision(agency, decided_at=noon - timedelta(hours=13), total_cost=Decimal("9"))  # 11 pm the day before
        assert agency.scope("Ada", "ai_decision_logs", "Most expensive today") == {dear}


def test_an_agent_runs_only_with_an_owner_and_a_model(agency: Any) -> None:
    key = agent(agency)
    with pytest.raises(NotAllowed, match="Name an owner"):
        agency.move("Ada", "ai_agents", key, "activate")
    ada = agency.people["Ada"].app_user_id
    row = agency.move("Ada", "ai_agents", key, "activate", owner_id=ada)
    assert (row["status"], row["owner_id"]) == ("active", ada)
    with pytest.raises(NotAllowed, match="Choose a model"):
        agency.move("Ada", "ai_agents", agent(agency, key="blank", model=None, owner_id=ada), "activate")


def test_a_pause_has_a_reason_and_resuming_starts_afresh(agency: Any) -> None:
    ada = agency.people["Ada"].app_user_id
    key = agent(agency, status="active", owner_id=ada, consecutive_failures=4)
    with pytest.raises(Rejected):
        agency.move("Ada", "ai_agents", key, "pause")
    assert agency.move("Ada", "ai_agents", key, "pause", pause_reason="Over budget")["pause_reason"] == "Over budget"
    row = agency.move("Ada", "ai_agents", key, "resume")
    assert (row["status"], row["pause_reason"], row["consecutive_failures"]) == ("active", None, 0)


def test_a_retired_agent_is_frozen(agency: Any) -> None:
    key = agent(agency)
    agency.move("Ada", "ai_agents", key, "retire", reason="Replaced")
    with pytest.raises(Rejected, match="retired agent"):
        agency.edit("Ada", "ai_agents", key, name="Another")


def problem(house: Any, **values: Any) -> int:
    made = {"fingerprint": "f1", "title": "Boom", "error_type": "ValueError", "source": "web", **values}
    return house.given("error_groups", **made)


def test_an_error_is_resolved_in_the_release_that_saw_it_last_and_can_come_back(agency: Any) -> None:
    key = problem(agency, last_release="2026.11.3", substatus="new")
    row = agency.move("Ada", "error_groups", key, "resolve")
    assert (row["status"], row["resolved_in_release"], row["substatus"]) == ("resolved", "2026.11.3", None)
    assert row["resolved_by"] == agency.people["Ada"].app_user_id
    row = agency.move("Ada", "error_groups", key, "reopen")
    assert (row["status"], row["resolved_at"], row["resolved_by"]) == ("unresolved", None, None)


def test_an_error_is_put_aside_until_a_moment_that_lies_ahead(agency: Any) -> None:
    key = problem(agency)
    with pytest.raises(NotAllowed, match="lies ahead"):
        agency.move("Ada", "error_groups", key, "ignore", ignore_until=clock.now() - timedelta(hours=1))
    until = clock.now() + timedelta(days=1)
    assert agency.move("Ada", "error_groups", key, "ignore", ignore_until=until)["ignore_until"] == until


def test_numbers_only_ever_move_ahead(agency: Any) -> None:
    key = agency.given("number_sequences", kind="invoice", next_value=100)
    with pytest.raises(Rejected, match="never given twice"):
        agency.move("Ada", "number_sequences", key, "continue_from", reason="Old system", next_value=100)
    row = agency.move("Ada", "number_sequences", key, "continue_from", reason="Old system", next_value=5000)
    assert row["next_value"] == 5000


def test_a_crew_hand_leaves_here_but_who_signs_in_leaves_on_the_people_page(agency: Any) -> None:
    agency.person("Hal", "users.*")
    crew = agency.given("app_users", display_name="Crew hand", status="active")
    row = agency.move("Hal", "app_users", crew, "deactivate", reason="Season over")
    assert (row["status"], row["deactivated_at"] is not None) == ("deactivated", True)
    with transaction() as connection:
        users = REGISTRY["users"].table
        made = insert(users).values(email=f"{secrets.token_hex(4)}@ridge.example").returning(users.c.id)
        user = connection.execute(made).scalar_one()
    clerk = agency.given("app_users", display_name="Clerk", status="active", user_id=user)
    with pytest.raises(NotAllowed, match="People page"):
        agency.move("Hal", "app_users", clerk, "deactivate", reason="Left")
