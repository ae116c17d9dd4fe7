"""A task waits for what comes first, never in a circle; a workflow is published once it can be walked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.core.clock import now
from app.engine.apply import transaction
from app.engine.health import Measured
from app.engine.refusals import NotAllowed, Rejected
from app.engine.registry import REGISTRY

GRAPH = {
    "nodes": [
        {"key": "called", "kind": "start"},
        {"key": "visit", "kind": "task"},
        {"key": "closed", "kind": "end"},
    ],
    "transitions": [{"from": "called", "to": "visit"}, {"from": "visit", "to": "closed"}],
}


@pytest.fixture
def work(house: Any) -> Any:
    house.staff("Olga", "operations_manager")
    house.staff("Otto", "owner")
    house.staff("Sam", "ai_operator")
    house.staff("Wanda", "worker")
    house.staff("Dan", "dispatcher")
    return house


def task(work: Any, title: str = "Call about the leak", **values: Any) -> int:
    return work.create("Olga", "user_tasks", title=title, assignee_id=work.people["Dan"].app_user_id, **values)


def after(work: Any, first: int, then: int, **values: Any) -> int:
    values = {"predecessor_user_task_id": first, "successor_user_task_id": then, **values}
    return work.create("Olga", "task_dependencies", **values)


# -- the order of tasks -----------------------------------------------------------------------------------------------


def test_a_task_starts_when_what_comes_first_is_done(work: Any) -> None:
    order, lay = task(work, "Order membrane"), task(work, "Lay membrane")
    after(work, order, lay)
    for move in ("start", "complete"):
        with pytest.raises(NotAllowed, match=r"First comes “Order membrane” \(.+\), which is not done yet"):
            work.move("Dan", "user_tasks", lay, move)
    work.move("Dan", "user_tasks", order, "complete")
    assert work.move("Dan", "user_tasks", lay, "start")["status"] == "in_progress"


def test_what_was_cancelled_holds_up_nobody(work: Any) -> None:
    order, lay = task(work), task(work)
    after(work, order, lay)
    work.move("Olga", "user_tasks", order, "cancel", reason="Have enough")
    assert work.move("Dan", "user_tasks", lay, "complete")["status"] == "done"


def test_a_pause_between_two_tasks_is_waited_for(work: Any) -> None:
    glue, walk = task(work, "Glue the seams"), task(work, "Walk on them")
    after(work, glue, walk, lag_minutes=600)
    work.move("Dan", "user_tasks", glue, "complete")
    with pytest.raises(NotAllowed, match="is done, but this follows a pause"):
        work.move("Dan", "user_tasks", walk, "start")
    work.change("user_tasks", glue, completed_at=now() - timedelta(hours=11), started_at=now() - timedelta(hours=12))
    assert work.move("Dan", "user_tasks", walk, "start")["status"] == "in_progress"


def test_begun_first_and_done_first_are_different_orders(work: Any) -> None:
    watch, torch = task(work, "Stand fire watch"), task(work, "Torch the seams")
    after(work, watch, torch, kind="start_to_start")
    with pytest.raises(NotAllowed, match="has to be begun"):
        work.move("Dan", "user_tasks", torch, "start")
    work.move("Dan", "user_tasks", watch, "start")
    work.move("Dan", "user_tasks", torch, "start")
    clean = task(work, "Clean up")
    after(work, torch, clean, kind="finish_to_finish")
    work.move("Dan", "user_tasks", clean, "start")
    with pytest.raises(NotAllowed, match="Torch the seams"):
        work.move("Dan", "user_tasks", clean, "complete")


def test_nobody_waits_in_a_circle(work: Any) -> None:
    first, second, third = (task(work, title) for title in ("First", "Second", "Third"))
    after(work, first, second)
    after(work, second, third)
    number = work.row("user_tasks", third)["number"]
    with pytest.raises(Rejected) as refused:
        after(work, third, first)
    assert number in refused.value.errors["successor_user_task_id"]
    assert "in a circle neither could ever begin" in refused.value.errors["successor_user_task_id"]
    with pytest.raises(Rejected, match="cannot wait for itself"):
        after(work, first, first)
    with pytest.raises(Rejected, match="in an order already"):
        after(work, first, second)
    assert len(edges(work)) == 2


def test_a_circle_through_an_agents_task_is_one_too(work: Any) -> None:
    person, errand = task(work), errand_of(work)
    after(work, person, None, successor_user_task_id=None, successor_ai_task_id=errand)
    with pytest.raises(Rejected, match="in a circle"):
        after(work, None, person, predecessor_user_task_id=None, predecessor_ai_task_id=errand)


def test_an_order_taken_away_lets_the_task_start(work: Any) -> None:
    order, lay = task(work), task(work)
    edge = after(work, order, lay)
    work.delete("Olga", "task_dependencies", edge)
    assert work.move("Dan", "user_tasks", lay, "start")["status"] == "in_progress"


def edges(work: Any) -> list[int]:
    table = REGISTRY["task_dependencies"].table
    return list(work.connection.scalars(select(table.c.id).where(table.c.tenant_id == work.tenant_id)))


# -- agents' tasks ----------------------------------------------------------------------------------------------------


def errand_of(work: Any, **values: Any) -> int:
    agent = work.given("ai_agents", key="drafter", name="Drafter", role="Estimator", status=values.pop("agent", "active"),
                       owner_id=work.people["Sam"].app_user_id)  # fmt: skip
    return work.create("Sam", "ai_tasks", agent_id=agent, title="Draft it", instruction="Three lines.", **values)


def by_itself(work: Any, table: str, key: int, move: str, **asked: Any) -> dict[str, Any]:
    """A move the console makes without a person, from the guards on."""
    from app.engine.states import Moving

    transition = REGISTRY[table].lifecycle.find(move)
    row = work.row(table, key)
    moving = Moving(row, asked, work.people["Wanda"], work.connection, now())
    assert row["status"] in transition.source
    for guard in transition.guards:
        if sentence := guard(moving):
            raise NotAllowed(sentence)
    values = {**asked, "status": transition.to}
    for effect in transition.effects:
        values |= effect(moving)
    work.change(table, key, **values)
    return work.row(table, key)


def test_an_errand_goes_its_way_and_a_person_answers_in_between(work: Any) -> None:
    key = errand_of(work, budget=2)
    with pytest.raises(NotAllowed, match="by itself"):
        work.move("Sam", "ai_tasks", key, "begin")
    assert by_itself(work, "ai_tasks", key, "begin")["attempt"] == 1
    by_itself(work, "ai_tasks", key, "ask_approval", checkpoint_id="step-3")
    with pytest.raises(NotAllowed, match="role"):
        work.move("Olga", "ai_tasks", key, "approve")
    assert work.move("Sam", "ai_tasks", key, "approve")["status"] == "running"
    done = by_itself(work, "ai_tasks", key, "succeed")
    assert (done["progress_pct"], done["finished_at"] is not None) == (100, True)
    assert work.move("Sam", "ai_tasks", key, "rate", result_quality="good")["result_quality"] == "good"


def test_an_errand_begins_only_with_an_agent_money_and_what_comes_first(work: Any) -> None:
    key = errand_of(work, agent="draft")
    with pytest.raises(NotAllowed, match="takes nothing up"):
        by_itself(work, "ai_tasks", key, "begin")
    agent = work.row("ai_tasks", key)["agent_id"]
    work.change("ai_agents", agent, status="active")
    photos = task(work, "Take the photos")
    after(work, photos, None, successor_user_task_id=None, successor_ai_task_id=key)
    with pytest.raises(NotAllowed, match="Take the photos"):
        by_itself(work, "ai_tasks", key, "begin")
    work.move("Dan", "user_tasks", photos, "complete")
    work.change("ai_tasks", key, budget=1, total_cost=1)
    with pytest.raises(NotAllowed, match=r"spent its budget of \$1.00"):
        by_itself(work, "ai_tasks", key, "begin")


def test_what_failed_is_tried_again_until_its_tries_are_spent(work: Any) -> None:
    key = errand_of(work)
    by_itself(work, "ai_tasks", key, "begin")
    by_itself(work, "ai_tasks", key, "fail", error="No answer")
    again = work.move("Sam", "ai_tasks", key, "retry")
    assert (again["status"], again["error"], again["finished_at"]) == ("queued", None, None)
    work.change("ai_tasks", key, status="failed", attempt=3, finished_at=now())
    with pytest.raises(NotAllowed, match="All 3 tries are spent"):
        work.move("Sam", "ai_tasks", key, "retry")


# -- workflows --------------------------------------------------------------------------------------------------------


def workflow(work: Any, **values: Any) -> int:
    return work.create("Olga", "workflow_definitions", **{"key": "leak", "name": "Leak call", "graph": GRAPH, **values})


@pytest.mark.parametrize(
    ("graph", "sentence"),
    [
        ({}, "as “nodes”"),
        ({"nodes": [{"key": "a", "kind": "end"}]}, "kind “start”"),
        ({"nodes": [{"key": "a", "kind": "start"}]}, "never ends"),
        ({**GRAPH, "transitions": [{"from": "called", "to": "nowhere"}]}, "“nowhere”"),
        ({**GRAPH, "transitions": [{"from": "called", "to": "visit"}]}, "out of “visit”"),
    ],
)
def test_a_workflow_is_published_when_it_can_be_walked(work: Any, graph: Any, sentence: str) -> None:
    with pytest.raises(NotAllowed, match=sentence):
        work.move("Olga", "workflow_definitions", workflow(work, graph=graph), "publish")


def test_a_published_version_stays_as_it_is_and_stands_alone(work: Any) -> None:
    first = workflow(work)
    published = work.move("Olga", "workflow_definitions", first, "publish")
    assert published["published_by"] == work.people["Olga"].app_user_id
    assert len(published["checksum"]) == 64
    with pytest.raises(Rejected, match="make the next version"):
        work.edit("Olga", "workflow_definitions", first, name="Another")
    second = workflow(work, version_no=2)
    with pytest.raises(NotAllowed, match="Version 1 is published"):
        work.move("Olga", "workflow_definitions", second, "publish")
    work.move("Olga", "workflow_definitions", first, "retire", reason="Version 2")
    assert work.move("Olga", "workflow_definitions", second, "publish")["status"] == "published"


def running(work: Any, **values: Any) -> tuple[int, int]:
    """A run at its second step."""
    definition = work.given(
        "workflow_definitions", key="leak", name="Leak", graph=GRAPH, status="published", published_at=now()
    )
    run = work.given("workflow_instances", **{"definition_id": definition, "status": "running", "current_node": "visit",
                                              "started_at": now(), **values})  # fmt: skip
    ended = {"status": "failed", "exited_at": now()} if values.get("status") == "failed" else {}
    return run, work.given("workflow_states", instance_id=run, node_key="visit", node_kind="task", **ended)


def states(work: Any, run: int) -> list[tuple[int, str]]:
    table = REGISTRY["workflow_states"].table
    rows = select(table.c.visit, table.c.status).where(table.c.instance_id == run).order_by(table.c.visit)
    return [tuple(row) for row in work.connection.execute(rows)]


def test_a_failed_run_is_taken_up_at_the_step_that_failed_as_a_new_visit(work: Any) -> None:
    run, _state = running(work, status="failed", finished_at=now(), error="No crew")
    again = work.move("Olga", "workflow_instances", run, "retry")
    assert (again["status"], again["finished_at"], again["error"], again["retry_count"]) == ("running", None, None, 1)
    assert states(work, run) == [(1, "failed"), (2, "active")]


def test_a_run_is_suspended_resumed_cancelled_with_a_reason_and_takes_its_steps_along(work: Any) -> None:
    run, _state = running(work)
    assert work.move("Olga", "workflow_instances", run, "suspend", reason="Storm")["status"] == "suspended"
    assert work.move("Olga", "workflow_instances", run, "resume")["status"] == "running"
    with pytest.raises(Rejected):
        work.move("Olga", "workflow_instances", run, "cancel")
    with pytest.raises(NotAllowed, match="role"):
        work.move("Olga", "workflow_instances", run, "terminate", end_reason="Now")
    ended = work.move("Otto", "workflow_instances", run, "terminate", end_reason="The house was sold")
    assert (ended["status"], ended["finished_at"] is not None) == ("terminated", True)
    assert states(work, run) == [(1, "cancelled")]


def test_a_run_begins_by_a_published_version_only_and_a_stuck_step_is_skipped(work: Any) -> None:
    run = work.given("workflow_instances", definition_id=workflow(work, key="storm"))
    with pytest.raises(NotAllowed, match="is draft"):
        work.move("Olga", "workflow_instances", run, "start")
    _run, state = running(work)
    skipped = work.move("Olga", "workflow_states", state, "skip", reason="Nobody answers")
    assert (skipped["status"], skipped["outcome"], skipped["exited_at"] is not None) == ("skipped", "skipped", True)


def test_steps_past_their_time_are_counted_unless_their_run_is_suspended(work: Any) -> None:
    from app.domains.tasks import health

    run, state = running(work)
    work.change("workflow_states", state, due_at=now() - timedelta(hours=1))

    def late() -> Measured:
        with transaction() as connection:
            return health.sla_breached(connection, work.tenant_id)

    assert (late().value, late().message) == (1, "Leak: 1")
    work.move("Olga", "workflow_instances", run, "suspend", reason="Storm")
    assert late().value == 0
