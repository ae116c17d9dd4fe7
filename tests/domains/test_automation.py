"""What runs by itself has somebody who answers for it; the picture of the queue is true, and a button reaches the queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from procrastinate.jobs import Job
from sqlalchemy import text

from app.core.clock import now
from app.domains.automation import health
from app.domains.automation.queue_mirror import QueueMirror, following
from app.engine import background
from app.engine.apply import transaction
from app.engine.health import Measured
from app.engine.refusals import NotAllowed, NotFound, Rejected
from app.engine.witness import Presence, Round

MAIL = [{"do": "Send e-mail", "with": "reminder", "to": "billing contact"}]
ROUND = Round("test.round", "0 * * * *", "Test what comes round")


@background.task("test.later", retry=False)
def later(record_id: int) -> None:
    """Work that a test queues and never runs."""


@pytest.fixture
def auto(house: Any) -> Any:
    house.staff("Olga", "operations_manager")
    house.staff("Sam", "ai_operator")
    house.staff("Ada", "admin")
    return house


# -- automations and rules --------------------------------------------------------------------------------------------


def test_an_automation_is_enabled_when_it_does_something_and_somebody_answers_for_it(auto: Any) -> None:
    key = auto.create("Olga", "automations", key="remind", name="Remind", trigger_kind="manual")
    with pytest.raises(NotAllowed, match="no action yet"):
        auto.move("Olga", "automations", key, "enable")
    auto.edit("Olga", "automations", key, actions=MAIL)
    with pytest.raises(NotAllowed, match="Name an owner first"):
        auto.move("Olga", "automations", key, "enable")
    me = auto.people["Olga"].app_user_id
    assert auto.move("Olga", "automations", key, "enable", owner_id=me)["owner_id"] == me
    with pytest.raises(Rejected, match="pause it before"):
        auto.edit("Olga", "automations", key, actions=[])
    with pytest.raises(NotAllowed, match="by itself"):
        auto.move("Olga", "automations", key, "switch_off", disabled_reason="x")
    assert auto.move("Olga", "automations", key, "pause", reason="Holidays")["status"] == "paused"


def test_enabling_what_switched_itself_off_begins_afresh(auto: Any) -> None:
    key = auto.given(
        "automations", key="sync", name="Sync", trigger_kind="schedule", actions=MAIL, status="auto_disabled",
        disabled_reason="Failed 3 times", consecutive_failures=3, owner_id=auto.people["Olga"].app_user_id, last_run_at=now(),
    )  # fmt: skip
    assert measured(lambda connection: health.auto_disabled(connection, auto.tenant_id)) == (1, "Sync")
    row = auto.move("Olga", "automations", key, "enable")
    assert (row["status"], row["disabled_reason"], row["consecutive_failures"]) == ("enabled", None, 0)


def test_a_run_is_kept_as_it_went_and_only_cancelled_while_it_lasts(auto: Any) -> None:
    automation = auto.given("automations", key="a", name="A", trigger_kind="manual")
    run = auto.given("automation_runs", automation_id=automation, trigger="manual", status="waiting", started_at=now())
    with pytest.raises(NotAllowed, match="kept as it went"):
        auto.edit("Olga", "automation_runs", run, error="x")
    assert auto.move("Olga", "automation_runs", run, "cancel", reason="Twice")["finished_at"] is not None
    with pytest.raises(NotAllowed, match="cancelled"):
        auto.move("Olga", "automation_runs", run, "cancel", reason="Again")
    assert auto.shown("automation_runs", run, "name") == "A"


def test_a_rule_watches_before_it_acts_and_never_beyond_its_agent(auto: Any) -> None:
    agent = auto.given("ai_agents", key="ar", name="AR", role="Collections", status="active", autonomy="suggest",
                       owner_id=auto.people["Sam"].app_user_id)  # fmt: skip
    rule = auto.create(
        "Sam",
        "ai_automation_rules",
        name="Promise broken",
        agent_id=agent,
        instruction="Tell me.",
        watch_event="promise.passed",
    )
    with pytest.raises(NotAllowed, match="may not act that freely"):
        auto.move("Sam", "ai_automation_rules", rule, "watch")
    auto.change("ai_agents", agent, autonomy="approve")
    assert auto.move("Sam", "ai_automation_rules", rule, "watch")["shadow_until"] > now() + timedelta(days=13)
    with pytest.raises(NotAllowed, match="only watches until"):
        auto.move("Sam", "ai_automation_rules", rule, "activate")
    auto.edit("Sam", "ai_automation_rules", rule, shadow_until=now() - timedelta(hours=1))
    with pytest.raises(NotAllowed, match="may do nothing"):
        auto.move("Sam", "ai_automation_rules", rule, "activate")
    auto.edit("Sam", "ai_automation_rules", rule, action_allowlist=["task.create"])
    active = auto.move("Sam", "ai_automation_rules", rule, "activate")
    assert (active["approved_by"], active["status"]) == (auto.people["Sam"].app_user_id, "active")
    with pytest.raises(Rejected, match="approved as it stands"):
        auto.edit("Sam", "ai_automation_rules", rule, instruction="Do more.")


# -- the picture of the queue -----------------------------------------------------------------------------------------


@pytest.fixture
def mirror(auto: Any) -> Iterator[tuple[QueueMirror, Presence]]:
    """A worker that has arrived, with one round of its own."""
    mirror, worker = QueueMirror(), Presence("test-host:1", now(), "1.0")
    mirror.arrived(worker, (ROUND,))
    yield mirror, worker
    with transaction() as connection:
        connection.execute(text("DELETE FROM cron_jobs WHERE tenant_id IS NULL"))
        connection.execute(text("DELETE FROM scheduled_tasks WHERE tenant_id IS NULL"))
        connection.execute(text("DELETE FROM procrastinate_jobs WHERE task_name LIKE 'test.%'"))
        connection.execute(text("DELETE FROM workers"))


def queued(task: Any = later, **ids: Any) -> int:
    with transaction() as connection:
        job = background.defer_within(connection, task, **(ids or {"record_id": 1}))
    assert job
    return job


def as_job(number: int, name: str = "test.later", **given: Any) -> Job:
    return Job(id=number, queue="default", lock=None, queueing_lock=None, task_name=name, task_kwargs=given, attempts=0)


def one(query: str, **values: Any) -> Any:
    with transaction() as connection:
        return connection.execute(text(query), values).mappings().first()


def picture(job: int) -> Any:
    return one("SELECT * FROM scheduled_tasks WHERE queue_job_id = :job", job=job)


def queue_says(job: int) -> str:
    return one("SELECT status::text FROM procrastinate_jobs WHERE id = :job", job=job)["status"]


def let(job: int, status: str) -> None:
    with transaction() as connection:
        connection.execute(
            text("UPDATE procrastinate_jobs SET status = CAST(:status AS procrastinate_job_status) WHERE id = :job"),
            {"status": status, "job": job},
        )


def measured(check: Any) -> tuple[Any, str]:
    with transaction() as connection:
        found: Measured = check(connection)
    return found.value, found.message


def test_a_job_is_seen_waiting_running_failed_and_waiting_again(mirror: Any) -> None:
    kept, worker = mirror
    job = queued()
    assert kept.beat(worker) is False
    assert (picture(job)["status"], picture(job)["tenant_id"]) == ("queued", None)
    let(job, "doing")
    worker.running = 1
    assert kept.begun(worker, as_job(job, record_id=1)) == picture(job)["id"]
    assert (picture(job)["status"], picture(job)["worker_id"]) == ("running", worker.kept["id"])
    kept.beat(worker)
    assert one("SELECT status FROM workers WHERE id = :id", id=worker.kept["id"])["status"] == "busy"
    kept.ended(worker, as_job(job, record_id=1), None, ValueError("no roof for dana@ridge.example"))
    failed = picture(job)
    assert (failed["status"], failed["error_type"]) == ("failed", "ValueError")
    assert "dana@" not in failed["error"]
    let(job, "todo")  # the queue decided to try it again
    kept.beat(worker)
    assert (picture(job)["status"], picture(job)["worker_id"]) == ("queued", None)


def test_what_ended_without_a_word_is_seen_to_have_ended(mirror: Any) -> None:
    kept, worker = mirror
    cancelled, gone = queued(), queued()
    kept.beat(worker)
    let(cancelled, "cancelled")
    with transaction() as connection:
        connection.execute(text("DELETE FROM procrastinate_jobs WHERE id = :job"), {"job": gone})
        connection.execute(text("UPDATE scheduled_tasks SET created_at = now() - interval '1 minute'"))
    kept.beat(worker)
    assert (picture(cancelled)["status"], picture(gone)["status"]) == ("cancelled", "aborted")


def test_a_person_cancels_what_waits_and_tries_again_what_failed_in_the_queue_itself(auto: Any, mirror: Any) -> None:
    kept, worker = mirror
    waits, failed = queued(), queued(record_id=2)
    kept.beat(worker)
    row = picture(waits)["id"]
    with pytest.raises(NotFound):  # it belongs to no company, and Sam sees only the company's
        auto.press("Sam", "scheduled_tasks", row, "cancel", reason="x")
    with pytest.raises(NotAllowed, match="role"):
        auto.press("Sam", "workers", worker.kept["id"], "drain", reason="x")
    auto.press("Ada", "scheduled_tasks", row, "cancel", reason="Not needed")
    assert (queue_says(waits), picture(waits)["status"]) == ("cancelled", "cancelled")
    with pytest.raises(NotAllowed, match="only queued"):
        auto.press("Ada", "scheduled_tasks", row, "cancel", reason="Again")
    let(failed, "doing")
    kept.begun(worker, as_job(failed, record_id=2))
    kept.ended(worker, as_job(failed, record_id=2), None, ValueError("no"))
    let(failed, "failed")
    receipt = auto.press("Ada", "scheduled_tasks", picture(failed)["id"], "retry")
    assert (queue_says(failed), picture(failed)["status"]) == ("todo", "queued")
    entry = one("SELECT before ->> 'status' AS was, after ->> 'status' AS now FROM change_entries WHERE change_set_id = :id",
                id=receipt.change_set)  # fmt: skip
    assert dict(entry) == {"was": "failed", "now": "queued"}
    let(failed, "doing")
    with transaction() as connection:
        connection.execute(
            text("UPDATE scheduled_tasks SET status = 'failed' WHERE queue_job_id = :job"), {"job": failed}
        )
    with pytest.raises(NotAllowed, match="not failed any more"):
        auto.press("Ada", "scheduled_tasks", picture(failed)["id"], "retry")


def test_what_the_machine_keeps_of_itself_is_no_history(mirror: Any) -> None:
    kept, worker = mirror
    before = one("SELECT count(*) AS n FROM change_entries")["n"]
    job = queued()
    kept.beat(worker)
    kept.begun(worker, as_job(job, record_id=1))
    kept.ended(worker, as_job(job, record_id=1), 3, None)
    kept.left(worker)
    assert one("SELECT count(*) AS n FROM change_entries")["n"] == before
    assert one("SELECT status FROM workers WHERE id = :id", id=worker.kept["id"])["status"] == "stopped"


def test_a_worker_asked_to_leave_hears_it_and_a_silent_one_is_not_asked(auto: Any, mirror: Any) -> None:
    kept, worker = mirror
    auto.press("Ada", "workers", worker.kept["id"], "drain", reason="New version")
    assert kept.beat(worker) is True
    silent = auto_worker("other:2", "5 minutes")
    with pytest.raises(NotAllowed, match="no sign of life"):
        auto.press("Ada", "workers", silent, "drain", reason="x")
    kept.beat(worker)
    assert one("SELECT status FROM workers WHERE id = :id", id=silent)["status"] == "stopped"


def auto_worker(name: str, silent_for: str) -> int:
    return int(one(
        "INSERT INTO workers (name, status, last_heartbeat_at) VALUES (:name, 'idle', now() - CAST(:ago AS interval))"
        " RETURNING id", name=name, ago=silent_for,
    )["id"])  # fmt: skip


# -- what comes round -------------------------------------------------------------------------------------------------


def the_round() -> Any:
    return one("SELECT * FROM cron_jobs WHERE tenant_id IS NULL AND key = 'test.round'")


def its_turn(kept: QueueMirror, worker: Presence, number: int, error: Exception | None = None) -> int | None:
    job = as_job(number, "test.round", timestamp=int(now().timestamp()) + number)
    row = kept.begun(worker, job)
    if row is not None:
        kept.ended(worker, job, 1, error)
    return row


def test_a_round_is_new_up_and_down_by_how_its_turns_went(mirror: Any) -> None:
    kept, worker = mirror
    assert (the_round()["status"], the_round()["name"]) == ("new", "Test what comes round")
    assert the_round()["next_run_at"] == following(ROUND.cron, now())
    its_turn(kept, worker, 900_001)
    up = the_round()
    assert (up["status"], up["last_status"], up["last_success_at"] is not None) == ("up", "succeeded", True)
    assert measured(health.down) == (0, "")
    its_turn(kept, worker, 900_002, ValueError("no"))
    assert (the_round()["status"], the_round()["consecutive_failures"]) == ("down", 1)
    assert measured(health.down) == (1, "Test what comes round")
    its_turn(kept, worker, 900_003)
    assert (the_round()["status"], the_round()["consecutive_failures"]) == ("up", 0)
    assert one("SELECT count(*) AS n FROM scheduled_tasks WHERE cron_job_id = :id", id=the_round()["id"])["n"] == 3


def test_a_round_past_its_grace_is_late_and_missed_when_nobody_was_there(mirror: Any) -> None:
    kept, worker = mirror
    with transaction() as connection:
        connection.execute(
            text("UPDATE cron_jobs SET next_run_at = now() - interval '2 hours' WHERE key = 'test.round'")
        )
    kept.beat(worker)
    assert the_round()["status"] == "late"
    assert measured(health.late) == (1, "Test what comes round")
    slot = the_round()["next_run_at"]
    kept.arrived(Presence("beside:3", now(), None), (ROUND,))  # another worker was there: late it stays
    assert the_round()["next_run_at"] == slot
    with transaction() as connection:
        connection.execute(text("UPDATE workers SET status = 'stopped'"))
    kept.arrived(Presence("after:4", now(), None), (ROUND,))
    assert the_round()["next_run_at"] > now()
    missed = one("SELECT * FROM scheduled_tasks WHERE cron_job_id = :id", id=the_round()["id"])
    assert (missed["status"], missed["scheduled_for"]) == ("missed", slot)
    assert "No worker ran" in missed["progress_note"]


def test_a_paused_round_does_not_run_until_it_is_resumed(auto: Any, mirror: Any) -> None:
    kept, worker = mirror
    key = the_round()["id"]
    with pytest.raises(Rejected):
        auto.press("Ada", "cron_jobs", key, "pause")
    auto.press("Ada", "cron_jobs", key, "pause", pause_reason="Looking at it")
    assert its_turn(kept, worker, 900_004) is None
    kept.beat(worker)
    assert (the_round()["status"], the_round()["next_run_at"]) == ("paused", None)
    assert measured(health.late)[0] is None  # of no enabled round nothing can be said
    auto.press("Ada", "cron_jobs", key, "resume")
    kept.beat(worker)
    assert (the_round()["status"], the_round()["next_run_at"] is not None) == ("new", True)
    assert its_turn(kept, worker, 900_005) is not None


def test_run_now_queues_the_task_with_the_change_once(auto: Any, mirror: Any) -> None:
    with transaction() as connection:
        connection.execute(text("UPDATE cron_jobs SET task_name = 'gauges.keep' WHERE key = 'test.round'"))
    waiting = "SELECT count(*) AS n FROM procrastinate_jobs WHERE task_name = 'gauges.keep' AND status = 'todo'"
    before = one(waiting)["n"]
    auto.press("Ada", "cron_jobs", the_round()["id"], "run")
    auto.press("Ada", "cron_jobs", the_round()["id"], "run")
    assert one(waiting)["n"] == before + 1
    with transaction() as connection:
        connection.execute(text("DELETE FROM procrastinate_jobs WHERE task_name = 'gauges.keep'"))
    own = auto.given("cron_jobs", key="export", name="Export", task_name="quickbooks.export", schedule="0 2 * * *")
    with pytest.raises(NotAllowed, match="No worker of the console knows the task"):
        auto.press("Olga", "cron_jobs", own, "run")
    assert auto.edit("Olga", "cron_jobs", own, grace_seconds=900).change_set
