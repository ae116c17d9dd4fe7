"""What runs by itself: automations with six weeks of runs, the rules agents act by, the company's recurring jobs and its queue.

The console's own queue has its picture in the same tables, without a company. What is told here belongs to the
demonstration company and was done by workers whose names say that they are made up.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from croniter import croniter  # type: ignore[import-untyped]
from psycopg.types.json import Jsonb

from app.demo.routines import (
    AUTOMATIONS,
    BY_HAND,
    JOB_FAULTS,
    RECURRING,
    RULES,
    SKIPPED,
    TEMPLATES,
    WHY_PAUSED,
    WRITES,
    Told,
)
from app.demo.world import Record, World
from app.domains.crm.centerpoint.copying import first_free

DAYS = 45
RELEASE = "2026.11.3"


MACHINES = ("a", "a", "b", "b", "c", "c")


@dataclass
class Floor:
    """What the parts of this file tell each other, and the records they gather."""

    world: World
    dice: random.Random
    workers: list[int]
    automations: dict[str, int] = field(default_factory=dict)
    cron: dict[str, int] = field(default_factory=dict)
    jobs: list[Record] = field(default_factory=list)
    runs: list[Record] = field(default_factory=list)
    faults: list[tuple[str, str, str, datetime, int | None, int | None]] = field(default_factory=list)
    """Kind, words, where, when, and the run or the job in which it happened."""


def automation(world: World, agent_ids: dict[str, int]) -> None:
    """Six weeks of automations, and a week of the queue."""
    world.chapter("automation", "Demonstration company: what runs by itself")
    floor = Floor(world, world.dice("automation"), _workers(world))
    _automations(floor)
    _recurring(floor)
    _by_hand(floor)
    _runs(floor)
    _write(floor)
    _rules(floor, agent_ids)


def _workers(world: World) -> list[int]:
    dice = world.dice("workers")
    records: list[Record] = []
    for place, machine in enumerate(MACHINES):
        began = world.at - timedelta(days=16 - 2.9 * place, minutes=dice.randrange(300))
        heard = world.at - timedelta(days=max(0.2, 12.5 - 2.9 * place), minutes=dice.randrange(120))
        records.append({
            "name": f"demonstration-{machine}:{4100 + 37 * place}", "queues": ["default", "upkeep"][place % 2:],
            "status": "stopped",
            "started_at": began, "last_heartbeat_at": heard, "jobs_done": dice.randrange(900, 5200),
            "jobs_failed": dice.randrange(2, 40), "memory_mb": dice.randrange(118, 196), "code_version": RELEASE,
            "created_at": began,
        })  # fmt: skip
    return [record["id"] for record in world.write("workers", records)]


def _automations(floor: Floor) -> None:
    """The automations themselves; how they stand is known once their runs are told, so they are written last."""
    world = floor.world
    installed: dict[str, int] = defaultdict(int)
    for told in AUTOMATIONS:
        if told.template:
            installed[told.template] += 1
    records: list[Record] = [
        {
            "key": key, "name": name, "category": category, "description": about, "definition": Jsonb(definition),
            "parameters": Jsonb([{"name": blank, "default": value} for blank, value in blanks]),
            "install_count": installed[key], "created_at": world.at - timedelta(days=200 - 9 * place),
        }
        for place, (key, name, category, about, definition, blanks) in enumerate(TEMPLATES)
    ]  # fmt: skip
    world.write("automation_templates", records)
    first = first_free(world.connection, ["automations"])["automations"]
    floor.automations = {told.key: first + place for place, told in enumerate(AUTOMATIONS)}
    floor.cron = {}


def _recurring(floor: Floor) -> None:
    """The company's recurring jobs, each with its last turns in the queue."""
    world = floor.world
    first = first_free(world.connection, ["cron_jobs"])["cron_jobs"]
    records: list[Record] = []
    for place, (key, name, task, schedule, status, owner, takes, turns) in enumerate(RECURRING):
        floor.cron[key] = first + place
        past = _turns(world, schedule, turns, timedelta(minutes=70) if status == "late" else timedelta(0))
        made = [_turn(floor, first + place, task, at, takes, status, len(past) - n) for n, at in enumerate(past)]
        last = made[-1] if made else None
        good = next((job for job in reversed(made) if job["status"] == "succeeded"), None)
        coming = croniter(schedule, world.at.astimezone(world.zone)).get_next(datetime)
        records.append({
            "id": first + place, "key": key, "name": name, "task_name": task, "args": Jsonb({"demonstration": True}),
            "schedule": schedule, "timezone": str(world.zone), "enabled": status != "paused", "status": status,
            "grace_seconds": 900 if takes > 60 else 300, "owner_id": world.staff[owner],
            "pause_reason": WHY_PAUSED.get(key),
            "next_run_at": None if status == "paused" else world.at - timedelta(minutes=40) if status == "late" else coming,
            "last_run_at": last["started_at"] if last else None, "last_success_at": good["finished_at"] if good else None,
            "last_status": last["status"] if last else None,
            "last_duration_ms": _ms(last) if last else None,
            "consecutive_failures": 3 if status == "down" else 0, "alert_after_failures": 2 if status == "down" else 1,
            "created_at": world.at - timedelta(days=120 - 4 * place),
        })  # fmt: skip
    world.write("cron_jobs", records)


def _turns(world: World, schedule: str, count: int, before: timedelta) -> list[datetime]:
    """The last turns of a schedule up to now, oldest first."""
    clock = croniter(schedule, (world.at - before).astimezone(world.zone))
    return sorted(clock.get_prev(datetime) for _ in range(count))


def _turn(floor: Floor, cron: int, task: str, at: datetime, takes: float, status: str, from_end: int) -> Record:
    dice = floor.dice
    bad = (status == "down" and from_end <= 3) or (from_end > 3 and dice.random() < 0.02)
    missed = status == "up" and from_end == 9
    job = _job(floor, task, at, takes, "failed" if bad else "missed" if missed else "succeeded")
    job.update(
        cron_job_id=cron, scheduled_for=at, queue="upkeep", max_attempts=1, lock_key=task, attempts=0 if missed else 1
    )
    if missed:
        job["progress_note"] = "No worker ran at that time."
    return job


def _job(floor: Floor, task: str, at: datetime, takes: float, status: str) -> Record:
    """One job as the queue remembers it."""
    dice, ran = floor.dice, status not in ("queued", "missed", "cancelled")
    began = at + timedelta(seconds=dice.uniform(0.2, 6))
    ended = began + timedelta(seconds=max(0.2, dice.gauss(takes, takes / 5)))
    kind, words = dice.choice(JOB_FAULTS) if status == "failed" else (None, None)
    job: Record = {
        "queue": "default", "task_name": task, "args": Jsonb({"demonstration": True}), "status": status, "priority": 0,
        "run_at": at, "attempts": 1 if ran else 0, "max_attempts": 3, "lock_key": None, "cron_job_id": None,
        "scheduled_for": None, "requested_by": None, "worker_id": dice.choice(floor.workers) if ran else None,
        "heartbeat_at": ended if ran else None, "started_at": began if ran else None,
        "finished_at": ended if ran or status == "missed" else None, "progress_pct": 100 if status == "succeeded" else 0,
        "progress_note": None, "result": Jsonb({"rows": dice.randrange(1, 90)}) if status == "succeeded" else None,
        "error_type": kind, "error": words, "created_at": at,
    }  # fmt: skip
    if status == "missed":
        job["finished_at"] = None
    floor.jobs.append(job)
    return job


def _ms(job: Record) -> int | None:
    if job["finished_at"] is None or job["started_at"] is None:
        return None
    return int((job["finished_at"] - job["started_at"]).total_seconds() * 1000)


def _by_hand(floor: Floor) -> None:
    """What somebody asked for within the last week: exports, documents, scans, deliveries."""
    world, dice = floor.world, floor.dice
    for place in range(110):
        task, asker, takes = dice.choice(BY_HAND)
        status = dice.choices(("succeeded", "failed", "cancelled"), (90, 7, 3))[0] if place > 5 else "queued"
        at = (
            world.at - timedelta(hours=168 * dice.random() ** 1.6)
            if place > 5
            else world.at + timedelta(hours=1 + place * 5)
        )
        job = _job(floor, task, at, takes, status)
        job["requested_by"] = world.staff[asker] if asker else None
        if status == "queued":
            job["created_at"] = world.at - timedelta(minutes=7 * place + 1)
        elif status == "cancelled":
            job["finished_at"] = at + timedelta(minutes=dice.randrange(1, 9))
        elif status == "failed":
            job["attempts"] = 3


def _runs(floor: Floor) -> None:
    """Every run of every automation since it was enabled, the retry of a run behind it."""
    subjects: dict[str, list[tuple[int]]] = {}
    for told in AUTOMATIONS:
        if told.about not in subjects:
            query = f"SELECT id FROM {told.about} WHERE tenant_id = %s ORDER BY id DESC LIMIT 300"
            subjects[told.about] = floor.world.rows(query, floor.world.tenant_id)
    for key, at, table, subject, message in _written_by(floor):
        told = next(each for each in AUTOMATIONS if each.key == key)
        floor.runs.append(_run(floor, told, at, (table, subject), "succeeded") | {"message": message})
    for told in AUTOMATIONS:
        for at in _moments(floor, told):
            chosen = floor.dice.random()
            status = "failed" if chosen < told.fails else "skipped" if chosen < told.fails + told.skips else "succeeded"
            about = (told.about, floor.dice.choice(subjects[told.about])[0]) if subjects[told.about] else None
            floor.runs.append(_run(floor, told, at, about, status))
        if told.status == "auto_disabled":
            for back in (3, 2, 1):
                at = floor.world.at - timedelta(hours=26 * back - 15)
                about = (told.about, subjects[told.about][back][0])
                floor.runs.append(_run(floor, told, at, about, "failed", last=True))
    _waiting(floor, subjects)


def _written_by(floor: Floor) -> list[tuple[str, datetime, str, int, int]]:
    """The messages of the last weeks that automations wrote: each has its run."""
    world = floor.world
    rows = world.rows(
        "SELECT t.key, m.created_at, m.subject_type, m.subject_id, m.id FROM message_outbox m JOIN message_templates t"
        " ON t.id = m.template_id WHERE m.tenant_id = %s AND t.key = ANY (%s) AND m.created_at BETWEEN %s AND %s"
        " AND m.subject_id IS NOT NULL ORDER BY m.id",
        world.tenant_id, list(WRITES), world.at - timedelta(days=DAYS), world.at - timedelta(minutes=2),
    )  # fmt: skip
    return [(WRITES[key], *rest) for key, *rest in rows]


def _moments(floor: Floor, told: Told) -> Iterator[datetime]:
    world, dice = floor.world, floor.dice
    if told.schedule:
        last = world.at - timedelta(days=9 if told.status == "paused" else 4 if told.status == "auto_disabled" else 0)
        clock = croniter(told.schedule, last.astimezone(world.zone))
        for _ in range(int(told.a_day * DAYS)):
            yield clock.get_prev(datetime)
        return
    for _ in range(int(told.a_day * DAYS)):
        since = 4 if told.status == "auto_disabled" else 0
        yield world.at - timedelta(days=since + (DAYS - since) * dice.random(), minutes=2)


def _run(
    floor: Floor, told: Told, at: datetime, about: tuple[str, int] | None, status: str, last: bool = False
) -> Record:
    """One run with its steps; one that fails does so at one of them, and often is tried again."""
    dice = floor.dice
    began = at + timedelta(seconds=dice.uniform(0.1, 2))
    took = [max(0.1, dice.lognormvariate(0.1, 0.8)) for _ in told.does]
    stop = dice.randrange(len(told.does)) if status == "failed" else len(told.does)
    kind, words = told.fault if status == "failed" else (None, None)
    steps: list[dict[str, Any]] = []
    for place, ((does, what, _to), seconds) in enumerate(zip(told.does, took, strict=True)):
        if status == "skipped" or place > stop:
            steps.append({"name": f"{does}: {what}", "status": "not done"})
        elif place == stop:
            steps.append({"name": f"{does}: {what}", "status": "failed", "took": f"{seconds:.1f} s", "error": words})
        else:
            steps.append({"name": f"{does}: {what}", "status": "done", "took": f"{seconds:.1f} s"})
    ended = began + timedelta(seconds=sum(took[: stop + 1]) if status != "skipped" else 0)
    return {
        "automation_id": floor.automations[told.key], "key": told.key, "trigger": told.trigger,
        "trigger_ref": told.starts.get("event") or told.starts.get("rule"), "status": status, "attempt": 1,
        "retry_of": None, "dry_run": told.dry,
        "input": Jsonb({"occasion": told.starts.get("event") or told.starts.get("every") or told.trigger}),
        "steps": Jsonb(steps), "output": Jsonb({"done": stop}) if status == "succeeded" else None,
        "records_changed": 0 if told.dry or status == "skipped" else stop,
        "skip_reason": dice.choice(SKIPPED) if status == "skipped" else None, "error_type": kind, "error": words,
        "started_at": began, "finished_at": ended, "subject_type": about[0] if about else None,
        "subject_id": about[1] if about else None, "created_at": at, "message": None, "last": last,
    }  # fmt: skip


def _waiting(floor: Floor, subjects: dict[str, list[tuple[int]]]) -> None:
    """A few are under way at this moment, and some that failed were tried again, mostly with success."""
    world, dice = floor.world, floor.dice
    for key, status, minutes in (
        ("wind-watch", "waiting", 95.0), ("inspection-report", "running", 1.0), ("lead-first-answer", "queued", 0.5),
        ("invoice-by-mail", "waiting", 240.0),
    ):  # fmt: skip
        told = next(each for each in AUTOMATIONS if each.key == key)
        at = world.at - timedelta(minutes=minutes)
        run = _run(floor, told, at, (told.about, subjects[told.about][0][0]), "succeeded")
        began = None if status == "queued" else at + timedelta(seconds=1)
        waits = [{"name": f"{does}: {what}", "status": "waiting"} for does, what, _to in told.does]
        run.update(
            status=status, started_at=began, finished_at=None, output=None, records_changed=0, steps=Jsonb(waits)
        )
        floor.runs.append(run)
    for run in [each for each in floor.runs if each["status"] == "failed" and not each["last"]]:
        if dice.random() < 0.7:
            told = next(each for each in AUTOMATIONS if each.key == run["key"])
            again = _run(floor, told, run["finished_at"] + timedelta(minutes=5), (run["subject_type"], run["subject_id"]),
                         "succeeded" if dice.random() < 0.85 else "failed")  # fmt: skip
            if again["created_at"] < world.at:
                floor.runs.append(again | {"trigger": "retry", "attempt": 2, "retry_of": run})


def _write(floor: Floor) -> None:
    """Automations as their runs left them, the queue, the runs, and what went wrong in both."""
    world = floor.world
    floor.runs.sort(key=lambda run: run["created_at"])
    first = first_free(world.connection, ["automation_runs"])["automation_runs"]
    for number, run in enumerate(floor.runs, first):
        run["id"] = number
    world.write("automations", [_as_it_stands(floor, told) for told in AUTOMATIONS])
    for run in floor.runs:
        recent = world.at - run["created_at"] < timedelta(days=7)
        run["job"] = _queued(floor, run) if recent and run["status"] in ("succeeded", "failed") else None
    floor.jobs.sort(key=lambda job: job["created_at"])
    world.write("scheduled_tasks", floor.jobs)
    messages = {run["message"]: run["id"] for run in floor.runs if run["message"]}
    records = []
    for run in floor.runs:
        again, job = run.pop("retry_of"), run.pop("job")
        rest = {name: value for name, value in run.items() if name not in ("key", "message", "last")}
        records.append(
            rest | {"retry_of_id": again["id"] if again else None, "scheduled_task_id": job["id"] if job else None}
        )
        if run["status"] == "failed":
            where = f"automations.{run['key'].replace('-', '_')}"
            floor.faults.append((run["error_type"], run["error"], where, run["finished_at"], run["id"], None))
    world.write("automation_runs", records)
    for job in floor.jobs:
        if job["status"] == "failed" and job["task_name"] != "automations.run":
            floor.faults.append(
                (job["error_type"], job["error"], job["task_name"], job["finished_at"], None, job["id"])
            )
    _faults(floor)
    world.connection.execute(
        "UPDATE message_outbox m SET automation_run_id = made.run FROM unnest(%s::bigint[], %s::bigint[]) AS made (message, run)"
        " WHERE m.id = made.message",
        (list(messages), list(messages.values())),
    )


def _as_it_stands(floor: Floor, told: Told) -> Record:
    """What an automation says of itself is what its runs say."""
    world = floor.world
    runs = [run for run in floor.runs if run["key"] == told.key]
    ended = [run for run in runs if run["status"] in ("succeeded", "failed")]
    streak = next((n for n, run in enumerate(reversed(ended)) if run["status"] == "succeeded"), len(ended))
    coming = croniter(told.schedule, world.at.astimezone(world.zone)).get_next(datetime) if told.schedule else None
    why = f"Failed {streak} times in a row: {told.fault[1]}." if told.status == "auto_disabled" else None
    made = world.at - timedelta(days=DAYS + 20)
    return {
        "id": floor.automations[told.key], "key": told.key, "name": told.name,
        "description": next((about for key, _n, _c, about, *_ in TEMPLATES if key == told.template), None),
        "template_id": _template(floor, told), "trigger_kind": told.trigger, "trigger_config": Jsonb(told.starts),
        "conditions": Jsonb([{"field": name, "is": how, "value": value} for name, how, value in told.asks]),
        "actions": Jsonb([{"do": do, "with": what, "to": to} for do, what, to in told.does]), "status": told.status,
        "disabled_reason": why, "owner_id": world.staff[told.owner], "dry_run": told.dry, "consecutive_failures": streak,
        "success_count": sum(run["status"] == "succeeded" for run in runs),
        "failure_count": sum(run["status"] == "failed" for run in runs),
        "last_run_at": max((run["started_at"] for run in ended), default=None),
        "last_status": ended[-1]["status"] if ended else None,
        "next_run_at": coming if told.status == "enabled" else None, "created_by": world.staff[told.owner],
        "created_at": made,
    }  # fmt: skip


def _template(floor: Floor, told: Told) -> int | None:
    if told.template is None:
        return None
    query = "SELECT id FROM automation_templates WHERE tenant_id = %s AND key = %s"
    return int(floor.world.rows(query, floor.world.tenant_id, told.template)[0][0])


def _queued(floor: Floor, run: Record) -> Record:
    """The job in which it ran."""
    job = _job(floor, "automations.run", run["created_at"], 1, "succeeded")
    failed = run["status"] == "failed"
    job.update(
        status=run["status"], started_at=run["started_at"], finished_at=run["finished_at"], heartbeat_at=run["finished_at"],
        args=Jsonb({"automation": run["automation_id"]}), error=run["error"], error_type=run["error_type"],
        progress_pct=0 if failed else 100, result=None if failed else job["result"],
    )  # fmt: skip
    return job


def _faults(floor: Floor) -> None:
    """Every failure is an occurrence of a problem that somebody can look after."""
    world = floor.world
    by_problem: dict[tuple[str, str, str], list[tuple[datetime, int | None, int | None]]] = defaultdict(list)
    for kind, words, where, at, run, job in floor.faults:
        by_problem[kind, words, where].append((at, run, job))
    groups: list[Record] = []
    for place, ((kind, words, where), seen) in enumerate(by_problem.items()):
        moments = sorted(at for at, _run_id, _job_id in seen)
        old = world.at - moments[-1] > timedelta(days=8)
        groups.append({
            "fingerprint": hashlib.sha256(f"by itself|{kind}|{where}|{words}".encode()).hexdigest()[:32],
            "title": f"{kind}: {words}",
            "culprit": where, "error_type": kind, "source": "automation" if where.startswith("automations.") else "worker",
            "level": "error", "status": "resolved" if old else "unresolved", "substatus": None if old else "ongoing",
            "assignee_id": world.staff["Priya Raman"] if place % 2 else None, "first_seen_at": moments[0],
            "last_seen_at": moments[-1], "event_count": len(seen), "user_count": 0, "first_release": "2026.9.1",
            "last_release": RELEASE, "resolved_at": moments[-1] + timedelta(hours=4) if old else None,
            "resolved_by": world.staff["Priya Raman"] if old else None, "created_at": moments[0],
        })  # fmt: skip
    world.write("error_groups", groups)
    logs = [
        {
            "group_id": group["id"], "occurred_at": at, "level": "error", "error_type": kind, "message": words,
            "stacktrace": f'  File "{where.replace(".", "/")}.py", line {40 + place}, in run\n{kind}: {words}',
            "automation_run_id": run, "scheduled_task_id": job, "release": RELEASE, "context": Jsonb({"demo": True}),
            "created_at": at,
        }
        for place, (((kind, words, where), seen), group) in enumerate(zip(by_problem.items(), groups, strict=True))
        for at, run, job in seen
    ]  # fmt: skip
    world.write("error_logs", sorted(logs, key=lambda each: each["occurred_at"]))


def _rules(floor: Floor, agent_ids: dict[str, int]) -> None:
    world, dice = floor.world, floor.dice
    records: list[Record] = []
    for place, (name, agent, words, event, may, freedom, status, starts, fired, stood, refused) in enumerate(RULES):
        made = world.at - timedelta(days=110 - 11 * place)
        approved = status in ("active", "paused", "retired")
        shadow = world.at + timedelta(days=6 - 8 * (place % 2)) if status == "shadow" else made + timedelta(days=14)
        records.append({
            "name": name, "agent_id": agent_ids[agent], "instruction": words,
            "compiled": Jsonb({"watches": event, "acts_when": "as instructed", "may": ", ".join(may)})
            if status != "draft" else None,
            "watch_event": event, "automation_id": floor.automations[starts] if starts else None, "action_allowlist": list(may),
            "autonomy": freedom, "min_confidence": dice.choice((0.75, 0.8, 0.85, 0.9)),
            "max_actions_per_day": dice.choice((10, 20, 50)), "status": status,
            "shadow_until": shadow if status != "draft" else None,
            "approved_by": world.staff["Samir Haddad"] if approved else None,
            "approved_at": made + timedelta(days=15) if approved else None, "fired_count": fired, "accepted_count": stood,
            "rejected_count": refused,
            "last_fired_at": world.at - timedelta(hours=dice.uniform(1, 90) + (700 if status in ("paused", "retired") else 0))
            if fired else None,
            "created_by": world.staff["Samir Haddad"], "created_at": made,
        })  # fmt: skip
    world.write("ai_automation_rules", records)
