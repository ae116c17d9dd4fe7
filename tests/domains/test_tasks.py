"""A task is worked by whom it was given to, waits with a reason, and is done only when its checklist is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.core.clock import now
from app.engine.refusals import NotAllowed, NotFound, Rejected


@pytest.fixture
def people(house: Any) -> Any:
    house.staff("Olga", "operations_manager")
    house.staff("Dan", "dispatcher")
    house.person("Eve", "tasks.own")
    return house


def task(house: Any, to: str = "Dan", **values: Any) -> int:
    made = {"title": "Call about the leak", "assignee_id": house.people[to].app_user_id, **values}
    return house.create("Olga", "user_tasks", **made)


def test_a_new_task_gets_its_number_and_waits_to_be_done(people: Any) -> None:
    first, second = people.row("user_tasks", task(people)), people.row("user_tasks", task(people))
    assert first["status"] == "todo"
    assert first["number"] != second["number"]


def test_the_assignee_starts_and_finishes_it(people: Any) -> None:
    key = task(people)
    assert people.move("Dan", "user_tasks", key, "start")["started_at"] is not None
    done = people.move("Dan", "user_tasks", key, "complete", result_note="Booked for Monday.")
    assert (done["status"], done["completed_by"]) == ("done", people.people["Dan"].app_user_id)
    assert done["completed_at"] is not None
    assert done["result_note"] == "Booked for Monday."


def test_ticking_it_off_at_once_also_says_when_it_began(people: Any) -> None:
    assert people.move("Dan", "user_tasks", task(people), "complete")["started_at"] is not None


def test_somebody_elses_task_is_none_of_ones_business(people: Any) -> None:
    with pytest.raises(NotFound, match="no such task"):
        people.move("Eve", "user_tasks", task(people), "start")


def test_a_required_step_is_ticked_first(people: Any) -> None:
    steps = [{"text": "Photos of the flashing", "required": True, "done": False}, {"text": "Coffee", "done": False}]
    key = task(people, checklist=steps)
    with pytest.raises(NotAllowed, match="Photos of the flashing"):
        people.move("Dan", "user_tasks", key, "complete")
    people.edit("Dan", "user_tasks", key, checklist=[{**steps[0], "done": True}, steps[1]])
    assert people.move("Dan", "user_tasks", key, "complete")["status"] == "done"


def test_what_is_blocked_says_by_what_and_forgets_it_when_it_goes_on(people: Any) -> None:
    key = task(people)
    with pytest.raises(Rejected):
        people.move("Dan", "user_tasks", key, "block", blocked_reason=None)
    assert people.move("Dan", "user_tasks", key, "block", blocked_reason="No access")["status"] == "blocked"
    with pytest.raises(NotAllowed, match="blocked"):
        people.move("Dan", "user_tasks", key, "complete")
    resumed = people.move("Dan", "user_tasks", key, "resume")
    assert (resumed["status"], resumed["blocked_reason"]) == ("in_progress", None)


def test_only_its_maker_or_a_manager_cancels_and_reopens_it(people: Any) -> None:
    key = task(people)
    with pytest.raises(NotAllowed, match="Only the person who made this task"):
        people.move("Dan", "user_tasks", key, "cancel", reason="Not needed")
    assert people.move("Olga", "user_tasks", key, "cancel", reason="Not needed")["status"] == "cancelled"
    assert people.move("Olga", "user_tasks", key, "reopen", reason="Needed after all")["status"] == "todo"


def test_reopening_what_was_done_clears_when_and_by_whom(people: Any) -> None:
    key = task(people)
    people.move("Dan", "user_tasks", key, "complete")
    row = people.move("Olga", "user_tasks", key, "reopen", reason="Still leaking")
    assert (row["completed_at"], row["completed_by"]) == (None, None)


def test_a_cancellation_says_why(people: Any) -> None:
    with pytest.raises(Rejected, match="why"):
        people.move("Olga", "user_tasks", task(people), "cancel")


def test_today_holds_what_is_late_too_and_the_team_is_who_reports_to_me(people: Any) -> None:
    late, far = task(people, due_at=now() - timedelta(days=3)), task(people, due_at=now() + timedelta(days=9))
    done = task(people, due_at=now() - timedelta(days=1))
    people.move("Dan", "user_tasks", done, "complete")
    people.change("app_users", people.people["Dan"].app_user_id, manager_id=people.people["Olga"].app_user_id)
    assert people.scope("Dan", "user_tasks", "Mine today") == {late}
    assert people.scope("Dan", "user_tasks", "Mine") == {late, far}
    assert people.scope("Eve", "user_tasks", "Overdue") == {late}
    assert people.scope("Olga", "user_tasks", "Team") == {late, far}
