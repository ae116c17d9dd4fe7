"""Whether work that happens later does happen: waiting time, workers alive, queued jobs stuck or given up."""

from sqlalchemy import Connection, text

from app.engine.background import STALLED_S
from app.engine.health import Measured, check


@check("queue.wait_s", group="queue", title="Longest wait in the queue", unit="s", warn=120, crit=300)
def wait(connection: Connection) -> Measured:
    """How long the oldest queued job that is due has waited, in the slowest queue."""
    rows = connection.execute(
        text("""
            SELECT queue_name, count(*) AS waiting,
                   max(extract(epoch FROM clock_timestamp() - coalesce(scheduled_at, (
                       SELECT min(e.at) FROM procrastinate_events e WHERE e.job_id = j.id)))) AS age
            FROM (SELECT * FROM procrastinate_jobs
                  WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= clock_timestamp())
                  ORDER BY id LIMIT 1000) AS j
            GROUP BY 1 ORDER BY 3 DESC
        """)
    ).all()
    ages = {row.queue_name: round(float(row.age or 0), 1) for row in rows}
    waiting = sum(row.waiting for row in rows)
    words = f"{'over ' if waiting >= 1000 else ''}{waiting:,} waiting" if waiting else "Nothing waits"
    return Measured(max(ages.values(), default=0), words, {"queues": ages})


@check("queue.stalled", group="queue", title="Stalled queue jobs", unit="jobs", warn=1, crit=3)
def stalled(connection: Connection) -> Measured:
    """Queued jobs marked as running whose worker has been silent for two minutes; a sweep gives them to another."""
    count = connection.execute(
        text("""
            SELECT count(*) FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
            WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < clock_timestamp() - make_interval(secs => :limit))
        """),
        {"limit": STALLED_S},
    ).scalar_one()
    return Measured(count)


@check("queue.failed_1h", group="queue", title="Queue jobs given up", unit="jobs", warn=5, crit=25)
def failed(connection: Connection) -> Measured:
    """Queued jobs that failed for good, all attempts spent, within the last hour."""
    rows = connection.execute(
        text("""
            SELECT j.task_name, count(*) AS number FROM procrastinate_jobs j
            WHERE j.status = 'failed' AND EXISTS (
                SELECT 1 FROM procrastinate_events e
                WHERE e.job_id = j.id AND e.type = 'failed' AND e.at > clock_timestamp() - interval '1 hour')
            GROUP BY 1 ORDER BY 2 DESC
        """)
    ).all()
    return Measured(sum(row.number for row in rows), ", ".join(f"{row.task_name}: {row.number}" for row in rows[:3]))


@check("workers.alive", group="queue", title="Workers alive", unit="workers", crit=0, direction="below")
def workers(connection: Connection) -> Measured:
    """Workers that gave a sign of life within the last minute. Without one nothing is checked, sealed or sent."""
    row = connection.execute(
        text("""
            SELECT count(*) FILTER (WHERE last_heartbeat > clock_timestamp() - interval '60 seconds') AS alive,
                   max(last_heartbeat) AS last FROM procrastinate_workers
        """)
    ).one()
    return Measured(row.alive, "" if row.alive else "No worker runs; start one with: console worker")
