"""The picture of the queue for people: the worker's own row, its jobs, and what comes round by a schedule, kept by the worker.

The queue is procrastinate's and decides; this only shows. Its rows belong to no company. While no worker runs, nothing is
kept, and what should have come round meanwhile is noted as missed by the first that comes back.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from croniter import croniter  # type: ignore[import-untyped]
from procrastinate.jobs import Job
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core import clock
from app.engine.apply import transaction
from app.engine.background import ATTEMPTS, STALLED_S
from app.engine.errors_log import scrub
from app.engine.witness import Presence, Round, witnessed_by

LATEST = timedelta(minutes=10)
"""A turn missed by more than this the queue does not make up for."""
GRACE = {"* * * * *": 120, "*/2 * * * *": 240}
"""Seconds of grace by schedule; what comes seldom may be five minutes late."""


class QueueMirror:
    """Writes past the ledger: what a machine does every few seconds is no history. What people change is."""

    def arrived(self, worker: Presence, rounds: tuple[Round, ...]) -> None:
        with transaction() as connection:
            worker.kept["id"] = connection.execute(
                _ARRIVE, _facts(worker) | {"started": worker.started_at}
            ).scalar_one()
            alone = not connection.execute(_OTHERS, {"id": worker.kept["id"], "stalled": STALLED_S}).scalar()
            for each in rounds:
                values = {
                    "key": each.name,
                    "name": each.about,
                    "schedule": each.cron,
                    "grace": GRACE.get(each.cron, 300),
                }
                connection.execute(_ROUND, values)
            connection.execute(_FORGET, {"keys": [each.name for each in rounds]})
            _say_when(connection, alone)

    def beat(self, worker: Presence) -> bool:
        with transaction() as connection:
            status = connection.execute(_BEAT, _facts(worker) | {"id": worker.kept.get("id")}).scalar()
            connection.execute(_ALIVE, {"id": worker.kept.get("id")})
            # One worker at a time draws the picture of all.
            if connection.execute(_ALONE).scalar():
                connection.execute(_SILENT, {"stalled": STALLED_S})
                connection.execute(_WAITING_AGAIN)
                connection.execute(_OVER)
                connection.execute(_QUEUED, {"attempts": ATTEMPTS})
                _say_when(connection)
                connection.execute(_STANDING)
        return status == "draining"

    def begun(self, worker: Presence, job: Job) -> int | None:
        at, turn = clock.now(), job.task_kwargs.get("timestamp")
        with transaction() as connection:
            cron = connection.execute(_CRON, {"task": job.task_name}).first() if isinstance(turn, int) else None
            if cron is not None and not cron.enabled:
                connection.execute(_PASSED_OVER, {"job": job.id})
                return None
            slot = datetime.fromtimestamp(turn, UTC) if cron is not None and isinstance(turn, int) else None
            connection.execute(_TAKEN_OVER, {"lock": job.lock, "job": job.id})
            values = {
                "job": job.id, "queue": job.queue, "task": job.task_name, "args": dict(job.task_kwargs),
                "priority": job.priority, "at": at, "due": slot or job.scheduled_at or at, "tries": job.attempts + 1,
                "most": 1 if cron else ATTEMPTS, "lock": job.lock, "once": job.queueing_lock,
                "cron": cron.id if cron else None, "slot": slot, "worker": worker.kept.get("id"),
            }  # fmt: skip
            row: int = connection.execute(_BEGIN, values).scalar_one()
            connection.execute(_BEAT, _facts(worker) | {"id": worker.kept.get("id")})
            if cron is not None:
                connection.execute(_TURN_BEGUN, {"id": cron.id, "at": at, "next": following(cron.schedule, at)})
        return row

    def ended(self, worker: Presence, job: Job, result: Any, error: BaseException | None) -> None:
        at = clock.now()
        values = {
            "job": job.id, "status": "failed" if error else "succeeded", "at": at, "progress": 0 if error else 100,
            "kind": type(error).__name__ if error else None, "words": scrub(str(error)) if error else None,
            "result": _plain(result),
        }  # fmt: skip
        with transaction() as connection:
            row = connection.execute(_END, values).first()
            connection.execute(_BEAT, _facts(worker) | {"id": worker.kept.get("id")})
            if row is not None and row.cron_job_id is not None:
                took = int((at - row.started_at).total_seconds() * 1000)
                connection.execute(
                    _TURN_ENDED, {"id": row.cron_job_id, "at": at, "status": values["status"], "took": took}
                )
                connection.execute(_STANDING)

    def left(self, worker: Presence) -> None:
        with transaction() as connection:
            connection.execute(_LEAVE, _facts(worker) | {"id": worker.kept.get("id")})


def following(schedule: str, at: datetime) -> datetime:
    """The next turn of a schedule after `at`; in UTC, by which the queue counts."""
    return croniter(schedule, at.astimezone(UTC)).get_next(datetime)  # type: ignore[no-any-return]


def _facts(worker: Presence) -> dict[str, Any]:
    return {
        "name": worker.name, "done": worker.done, "failed": worker.failed, "memory": worker.memory_mb,
        "version": worker.version, "status": "busy" if worker.running else "idle",
    }  # fmt: skip


def _plain(result: Any) -> Any:
    """What a task answers, where it is a number or some; anything else is its own business."""
    if isinstance(result, int) and not isinstance(result, bool):
        return {"done": result}
    if isinstance(result, dict) and all(isinstance(value, int) for value in result.values()):
        return {str(key): value for key, value in result.items()}
    return None


def _say_when(connection: Connection, alone: bool = False) -> None:
    """The next turn of whatever lacks one. A worker that comes back to an empty house notes what was missed meanwhile."""
    now = clock.now()
    for row in connection.execute(_WITHOUT_NEXT, {"since": now - LATEST if alone else None}).all():
        if row.next_run_at is not None:
            note = f"No worker ran at that time, nor for any other turn until {now:%B %-d, %H:%M} UTC."
            connection.execute(_MISSED, {"id": row.id, "task": row.task_name, "turn": row.next_run_at, "note": note})
        connection.execute(_NEXT, {"id": row.id, "next": following(row.schedule, now)})


_ARRIVE = text("""
    INSERT INTO workers (name, status, started_at, last_heartbeat_at, memory_mb, code_version)
    VALUES (:name, :status, :started, clock_timestamp(), :memory, :version)
    ON CONFLICT (name) DO UPDATE SET status = excluded.status, started_at = excluded.started_at,
        last_heartbeat_at = excluded.last_heartbeat_at, memory_mb = excluded.memory_mb, code_version = excluded.code_version,
        jobs_done = 0, jobs_failed = 0
    RETURNING id
""")
_OTHERS = text("""
    SELECT count(*) FROM workers WHERE id <> :id AND status <> 'stopped'
        AND last_heartbeat_at > clock_timestamp() - make_interval(secs => :stalled)
""")
_BEAT = text("""
    UPDATE workers SET last_heartbeat_at = clock_timestamp(), jobs_done = :done, jobs_failed = :failed, memory_mb = :memory,
        status = CASE WHEN status = 'draining' THEN status ELSE :status END
    WHERE id = :id RETURNING status
""")
_LEAVE = text("""
    UPDATE workers SET status = 'stopped', last_heartbeat_at = clock_timestamp(), jobs_done = :done, jobs_failed = :failed
    WHERE id = :id
""")
_SILENT = text("""
    UPDATE workers SET status = 'stopped'
    WHERE status <> 'stopped' AND last_heartbeat_at < clock_timestamp() - make_interval(secs => :stalled)
""")
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtext('scheduled_tasks'))")

# -- recurring --------------------------------------------------------------------------------------------------------

_ROUND = text("""
    INSERT INTO cron_jobs (tenant_id, key, name, task_name, schedule, grace_seconds)
    VALUES (NULL, :key, :name, :key, :schedule, :grace)
    ON CONFLICT (tenant_id, key) DO UPDATE SET name = excluded.name, schedule = excluded.schedule,
        next_run_at = CASE WHEN cron_jobs.schedule = excluded.schedule THEN cron_jobs.next_run_at END
    WHERE (cron_jobs.name, cron_jobs.schedule) IS DISTINCT FROM (excluded.name, excluded.schedule)
""")
# What the code no longer has; kept for a week, in which an older worker may still do it.
_FORGET = text("""
    DELETE FROM cron_jobs WHERE tenant_id IS NULL AND key <> ALL (:keys)
        AND coalesce(last_run_at, created_at) < clock_timestamp() - interval '7 days'
""")
_WITHOUT_NEXT = text("""
    SELECT id, task_name, schedule, next_run_at FROM cron_jobs
    WHERE tenant_id IS NULL AND enabled AND (next_run_at IS NULL OR next_run_at < CAST(:since AS timestamptz))
""")
_NEXT = text("UPDATE cron_jobs SET next_run_at = :next WHERE id = :id")
_MISSED = text("""
    INSERT INTO scheduled_tasks (queue, task_name, status, run_at, max_attempts, cron_job_id, scheduled_for, progress_note)
    VALUES ('upkeep', :task, 'missed', :turn, 1, :id, :turn, :note) ON CONFLICT DO NOTHING
""")
_CRON = text("SELECT id, schedule, enabled FROM cron_jobs WHERE tenant_id IS NULL AND key = :task")
_TURN_BEGUN = text("UPDATE cron_jobs SET last_run_at = :at, next_run_at = :next WHERE id = :id")
_TURN_ENDED = text("""
    UPDATE cron_jobs SET last_status = :status, last_duration_ms = :took,
        last_success_at = CASE WHEN :status = 'succeeded' THEN :at ELSE last_success_at END,
        consecutive_failures = CASE WHEN :status = 'succeeded' THEN 0 ELSE consecutive_failures + 1 END
    WHERE id = :id
""")
_STANDING = text("""
    UPDATE cron_jobs SET status = now.status
    FROM (
        SELECT id, CASE
            WHEN NOT enabled THEN 'paused'
            WHEN consecutive_failures >= alert_after_failures THEN 'down'
            WHEN next_run_at + make_interval(secs => grace_seconds) < clock_timestamp() THEN 'late'
            WHEN last_status IS NULL THEN 'new'
            ELSE 'up' END AS status
        FROM cron_jobs WHERE tenant_id IS NULL
    ) AS now
    WHERE now.id = cron_jobs.id AND now.status <> cron_jobs.status
""")

# -- jobs -------------------------------------------------------------------------------------------------------------

# A dead worker's job is run again under the same lock before the picture has noticed that the worker died.
_TAKEN_OVER = text("""
    UPDATE scheduled_tasks SET status = 'aborted', finished_at = clock_timestamp()
    WHERE lock_key = :lock AND status = 'running' AND queue_job_id <> :job
""")
_PASSED_OVER = text("""
    UPDATE scheduled_tasks SET status = 'cancelled', finished_at = clock_timestamp(),
        progress_note = 'This recurring job was paused.'
    WHERE queue_job_id = :job
""")
_BEGIN = text("""
    INSERT INTO scheduled_tasks (queue, task_name, args, status, priority, run_at, attempts, max_attempts, lock_key, dedupe_key,
        cron_job_id, scheduled_for, queue_job_id, worker_id, heartbeat_at, started_at)
    VALUES (:queue, :task, :args, 'running', :priority, :due, :tries, :most, :lock, :once, :cron, :slot, :job, :worker, :at, :at)
    ON CONFLICT (queue_job_id) DO UPDATE SET status = excluded.status, run_at = excluded.run_at, attempts = excluded.attempts,
        max_attempts = excluded.max_attempts, cron_job_id = excluded.cron_job_id, scheduled_for = excluded.scheduled_for,
        worker_id = excluded.worker_id, heartbeat_at = excluded.heartbeat_at, started_at = excluded.started_at,
        finished_at = NULL, error = NULL, error_type = NULL
    RETURNING id
""").bindparams(bindparam("args", type_=JSONB))
_END = text("""
    UPDATE scheduled_tasks SET status = :status, finished_at = :at, heartbeat_at = :at, progress_pct = :progress,
        error_type = :kind, error = :words, result = :result
    WHERE queue_job_id = :job RETURNING cron_job_id, started_at
""").bindparams(bindparam("result", type_=JSONB(none_as_null=True)))
_ALIVE = text(
    "UPDATE scheduled_tasks SET heartbeat_at = clock_timestamp() WHERE status = 'running' AND worker_id = :id"
)
# Given back by the queue: to be tried again, or taken from a worker that died.
_WAITING_AGAIN = text("""
    UPDATE scheduled_tasks AS t SET status = 'queued', attempts = j.attempts, worker_id = NULL, started_at = NULL,
        finished_at = NULL, heartbeat_at = NULL, run_at = coalesce(j.scheduled_at, t.run_at)
    FROM procrastinate_jobs AS j
    WHERE j.id = t.queue_job_id AND j.status = 'todo' AND t.status IN ('running', 'failed', 'cancelled', 'aborted')
        AND NOT EXISTS (SELECT FROM scheduled_tasks o WHERE o.dedupe_key = t.dedupe_key AND o.status = 'queued')
""")
# Ended without a word: cancelled, given up for a dead worker, or gone from the queue.
_OVER = text("""
    UPDATE scheduled_tasks AS t SET finished_at = coalesce(t.finished_at, clock_timestamp()), status = CASE now.status
        WHEN 'succeeded' THEN 'succeeded' WHEN 'failed' THEN 'failed' WHEN 'cancelled' THEN 'cancelled' ELSE 'aborted' END,
        error = CASE WHEN now.status = 'failed' THEN coalesce(t.error, 'Its worker died, and all tries are spent.')
            ELSE t.error END
    FROM (
        SELECT o.id, j.status::text FROM scheduled_tasks AS o LEFT JOIN procrastinate_jobs AS j ON j.id = o.queue_job_id
        WHERE o.status IN ('queued', 'running') AND o.queue_job_id IS NOT NULL
            AND (j.id IS NULL OR j.status NOT IN ('todo', 'doing', 'aborting'))
            AND coalesce(o.heartbeat_at, o.created_at) < clock_timestamp() - interval '5 seconds'
    ) AS now
    WHERE now.id = t.id
""")
_QUEUED = text("""
    INSERT INTO scheduled_tasks (queue, task_name, args, status, priority, run_at, attempts, max_attempts, lock_key, dedupe_key,
        queue_job_id, created_at)
    SELECT j.queue_name, j.task_name, j.args, 'queued', j.priority, coalesce(j.scheduled_at, e.at, clock_timestamp()),
        j.attempts, CASE WHEN j.args ? 'timestamp' THEN 1 ELSE :attempts END, j.lock, j.queueing_lock, j.id,
        coalesce(e.at, clock_timestamp())
    FROM procrastinate_jobs AS j
    LEFT JOIN LATERAL (SELECT min(at) AS at FROM procrastinate_events WHERE job_id = j.id) AS e ON true
    WHERE j.status = 'todo' AND NOT EXISTS (SELECT FROM scheduled_tasks t WHERE t.queue_job_id = j.id)
    ORDER BY j.id LIMIT 5000
    ON CONFLICT DO NOTHING
""")

witnessed_by(QueueMirror())
