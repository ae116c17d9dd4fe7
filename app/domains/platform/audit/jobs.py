"""Background jobs declared against jobs run: what the code promises, what the recurring jobs say, what the queue has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from app.core import clock
from app.domains.platform.audit.report import JobLine
from app.engine import background
from app.engine.registry import REGISTRY

SPAN = timedelta(days=30)
LATE = timedelta(hours=2)
"""How long a schedule may be silent beyond its own interval; workers are down for a while when a console is updated."""
WORDS = {"* * * * *": "every minute", "*/2 * * * *": "every two minutes"}


@dataclass(frozen=True)
class Ran:
    """What the queue knows of one task."""

    runs: int
    failed: int
    last_at: datetime | None
    last_status: str | None
    waiting: int


def jobs(connection: Connection, tenant_id: int) -> tuple[JobLine, ...]:
    """Every background job there is, declared or found."""
    ran = {row.task_name: Ran(*row[1:]) for row in connection.execute(_QUEUE, {"since": clock.now() - SPAN})}
    began = connection.execute(_BEGAN).scalar()
    lines = [_of_code(name, cron, ran.get(name), began) for name, cron in sorted(_declared().items())]
    known = {each.name for each in lines}
    if "cron_jobs" in REGISTRY:
        rows = connection.execute(_CRON, {"tenant": tenant_id, "since": clock.now() - SPAN}).mappings().all()
        lines += [_of_schedule(row) for row in rows]
        known |= {row["task_name"] for row in rows}
    strange = sorted(set(ran) - known)
    lines += [
        JobLine(name, "queue", "", "undeclared", ran[name].runs, ran[name].failed, _iso(ran[name].last_at),
                "Found in the queue, declared nowhere in the code that runs now.")
        for name in strange
    ]  # fmt: skip
    return tuple(lines)


def _declared() -> Mapping[str, str]:
    """Task -> its schedule, or "" where it runs when it is asked for."""
    periodic = {each.task.name: each.cron for each in background.queue.periodic_registry.periodic_tasks.values()}
    return {name: periodic.get(name, "") for name in background.queue.tasks if "procrastinate" not in name}


def _of_code(name: str, cron: str, ran: Ran | None, began: datetime | None) -> JobLine:
    schedule = WORDS.get(cron, cron) or "when asked for"
    if ran is None or not (ran.runs or ran.waiting):
        return JobLine(name, "code", schedule, "never", evidence=_never(cron, began))
    verdict = "ran"
    if ran.last_status == "failed":
        verdict = "failing"
    elif cron and (ran.last_at is None or clock.now() - ran.last_at > LATE + _interval(cron)):
        verdict = "late"
    return JobLine(name, "code", schedule, verdict, ran.runs, ran.failed, _iso(ran.last_at), _sentence(ran))


def _never(cron: str, began: datetime | None) -> str:
    if not cron:
        return "Nobody asked for it in the last 30 days."
    if began is None:
        return "No worker has run anything yet."
    if clock.now() - began < _interval(cron) + LATE:
        return "Not due yet since a worker first ran."
    return "Declared, yet the queue has never seen it."


def _interval(cron: str) -> timedelta:
    """About how long a schedule may be silent: what names a weekday a week, an hour a day, a minute an hour."""
    minute, hour, day, month, weekday = cron.split()
    if weekday != "*":
        return timedelta(days=7)
    if day != "*" or month != "*":
        return timedelta(days=31)
    return (
        timedelta(days=1)
        if not hour.startswith("*")
        else timedelta(hours=1)
        if not minute.startswith("*")
        else timedelta()
    )


def _sentence(ran: Ran) -> str:
    runs = f"{ran.runs:,} {'run' if ran.runs == 1 else 'runs'} on record of the last 30 days"
    failed = f", {ran.failed:,} given up" if ran.failed else ", none given up"
    last = f"; the last {'failed' if ran.last_status == 'failed' else 'went well'}" if ran.last_at else ""
    waiting = f"; {ran.waiting:,} waiting" if ran.waiting else ""
    return f"{runs}{failed}{last}{waiting}."


def _of_schedule(row: Mapping[Any, Any]) -> JobLine:
    schedule = f"{row['schedule']} {row['timezone']}"
    verdict = {"up": "ran", "new": "never", "late": "late", "down": "failing", "paused": "paused"}[row["status"]]
    if not row["enabled"]:
        verdict = "paused"
    elif verdict == "ran" and row["last_run_at"] is None:
        verdict = "never"
    code = "" if row["task_name"] in background.queue.tasks else f" No worker knows the task {row['task_name']}."
    if row["last_run_at"]:
        ended = {"succeeded": "went well", "failed": "failed"}.get(
            row["last_status"] or "", row["last_status"] or "ended"
        )
        said = (
            f"{row['runs']:,} {'run' if row['runs'] == 1 else 'runs'} on record of the last 30 days; the last {ended}."
        )
    else:
        said = "It has never run."
    return JobLine(
        row["name"], "schedule", schedule, verdict, row["runs"], row["failed"], _iso(row["last_run_at"]), said + code
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


_BEGAN = text("SELECT min(at) FROM procrastinate_events")
# Runs that went well are kept for two weeks only, so the number says what is kept and not what ever was.
_QUEUE = text("""
SELECT j.task_name,
       count(*) FILTER (WHERE j.status IN ('succeeded', 'failed') AND e.ended >= :since),
       count(*) FILTER (WHERE j.status = 'failed' AND e.ended >= :since),
       max(e.ended),
       (array_agg(j.status::text ORDER BY e.ended DESC NULLS LAST))[1],
       count(*) FILTER (WHERE j.status IN ('todo', 'doing'))
FROM procrastinate_jobs j
LEFT JOIN LATERAL (
    SELECT max(v.at) AS ended FROM procrastinate_events v WHERE v.job_id = j.id AND v.type IN ('succeeded', 'failed')
) e ON true
WHERE j.task_name NOT LIKE '%procrastinate%'
GROUP BY 1
""")
_CRON = text("""
SELECT c.name, c.task_name, c.schedule, c.timezone, c.enabled, c.status, c.last_run_at, c.last_status,
       (SELECT count(*) FROM scheduled_tasks s WHERE s.cron_job_id = c.id AND s.finished_at >= :since) AS runs,
       (SELECT count(*) FROM scheduled_tasks s
        WHERE s.cron_job_id = c.id AND s.status = 'failed' AND s.finished_at >= :since) AS failed
FROM cron_jobs c WHERE c.tenant_id = :tenant ORDER BY c.name
""")
