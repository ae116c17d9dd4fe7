"""Work that happens later: queued in the same transaction as the change that needs it, done by a worker, at least once.

A queued job can run twice (a worker frozen past its heartbeat, then thawed), so every background task must be
harmless when repeated. Its arguments are ids: the row is read when the work is done, and no personal data lies in the queue.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import procrastinate
from flask import Flask
from procrastinate import exceptions
from procrastinate.job_context import JobContext
from procrastinate.jobs import Status
from procrastinate.tasks import Task
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from app.core import db as database
from app.engine import errors_log, registry, witness

if TYPE_CHECKING:
    from app.config import Config

log = logging.getLogger("console.worker")

STALLED_S = 120  # a worker silent for two minutes is taken for dead, and its queued jobs for nobody's
ATTEMPTS = 3
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")

rounds: dict[str, witness.Round] = {}
"""All that comes round by a schedule, by name."""

# Opened over a real database by `run_worker`; to queue a job, the caller's own connection is all it needs.
queue = procrastinate.App(connector=procrastinate.PsycopgConnector())


def task(name: str, **options: Any) -> Callable[[Callable[..., Any]], Task[..., Any, Any]]:
    """Make the decorated function a background task called `name`; tried three times in all, a minute and more apart."""
    options.setdefault("retry", procrastinate.RetryStrategy(max_attempts=ATTEMPTS - 1, wait=60, linear_wait=120))
    return queue.task(name=name, **options)


def every(cron: str, name: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Run the decorated function on a schedule, in one worker at a time; a run still waiting is not queued a second time."""

    def register(function: Callable[[], Any]) -> Callable[[], Any]:
        rounds[name] = witness.Round(name, cron, witness.about(function))

        def run(timestamp: int) -> Any:
            return function()

        async def run_async(timestamp: int) -> Any:
            return await function()

        body = run_async if asyncio.iscoroutinefunction(function) else run
        queued = queue.task(name=name, queue="upkeep", lock=name, queueing_lock=name)(body)
        queue.periodic(cron=cron)(queued)
        return function

    return register


def defer_within(
    connection: Connection,
    queued: Task[..., Any, Any],
    *,
    once: str | None = None,
    at: datetime | None = None,
    **ids: Any,
) -> int | None:
    """Queue `queued(**ids)` inside the transaction of `connection`: it is done if and only if the change commits.

    `once` names a piece of work of which one waiting copy is enough; queueing it again answers None.
    Returns the id of the queued job. Raises ValueError for an argument that is not an id.
    """
    for name, value in ids.items():
        if not _is_id(value):
            raise ValueError(
                f"{queued.name}: {name} is not an id; a queued job carries ids, and reads the rest when it runs."
            )
    raw = connection.connection.driver_connection
    try:
        with connection.begin_nested():
            return queued.configure(connection=raw, queueing_lock=once, schedule_at=at).defer(**ids)
    except (exceptions.AlreadyEnqueued, IntegrityError):
        if once is None:
            raise
        return None


def _is_id(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_id(each) for each in value)
    return value is None or isinstance(value, int) or (isinstance(value, str) and _ID.fullmatch(value) is not None)


def run_worker(config: Config) -> None:
    """Do queued jobs until SIGTERM or Ctrl-C, then finish what is running (up to 25 s) and leave.

    The worker needs the database and the domains, not the pages. While the database is away it waits and tries again.
    """
    app = Flask("console.worker")
    app.extensions["console.config"] = config
    database.install(app, config)
    registry.discover()
    with queue.replace_connector(_connector(config)):
        asyncio.run(_run(app, listen=config.pooler is None))


def _connector(config: Config) -> procrastinate.PsycopgConnector:
    url = make_url(config.app_database_url or config.database_url or "").set(drivername="postgresql")
    arguments = database.connect_args(config, application="console worker")
    return procrastinate.PsycopgConnector(
        conninfo=url.render_as_string(hide_password=False), kwargs=arguments, min_size=1, max_size=4, timeout=10
    )


async def _run(app: Flask, listen: bool, pause: float = 1) -> None:
    presence = witness.Presence.of_this_process()
    while True:
        try:
            async with queue.open_async():
                log.info("The worker has begun")
                pause = 1
                await _work(app, presence, listen)
            log.info("The worker has finished")
            return
        except (exceptions.ConnectorException, OSError) as error:
            log.warning("The worker lost the database (%s); trying again in %g s", error, pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 30)


async def _work(app: Flask, presence: witness.Presence, listen: bool) -> None:
    """Work until told to stop, giving signs of life meanwhile. Somebody may also ask it to leave on the screen."""
    await witness.tell(app, "arrived", presence, tuple(rounds.values()))
    work = asyncio.create_task(
        queue.run_worker_async(
            name="console",
            concurrency=2,
            listen_notify=listen,
            shutdown_graceful_timeout=25,
            stalled_worker_timeout=STALLED_S,
            task_middleware=[in_context(app)],
            worker_middleware=[witness.watched(app, presence)],
        )
    )
    pulse = asyncio.create_task(witness.pulse(app, presence, work.cancel))
    try:
        await work
    except asyncio.CancelledError:
        if not presence.leaving:
            raise
    finally:
        pulse.cancel()
    await witness.tell(app, "left", presence)


def in_context(app: Flask) -> Callable[..., Any]:
    """A wrapper that gives each background task the application, and writes down what it raises before the queue retries it."""

    def within(call_next: Callable[[], Any], context: JobContext, _worker: Any) -> Any:
        with app.app_context():
            try:
                return call_next()
            except Exception as error:
                errors_log.capture(
                    error,
                    source="worker",
                    path=context.job.task_name,
                    request_id=f"job-{context.job.id}",
                    scheduled_task_id=context.additional_context.get(witness.PICTURE),
                )
                raise

    return within


async def sweep() -> Mapping[str, int]:
    """Give the queued jobs of dead workers to the living, or up for good after three attempts.

    One that shares its queueing lock with a waiting copy is given up at once: the copy will do its work.
    """
    counts = {"retried": 0, "failed": 0}
    manager = queue.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
        if job.attempts + 1 < ATTEMPTS:
            try:
                await manager.retry_job(job)
                counts["retried"] += 1
                continue
            except exceptions.ConnectorException:
                log.info("Job %s has a waiting copy", job.id)
        await manager.finish_job(job, status=Status.FAILED, delete_job=False)
        counts["failed"] += 1
    await manager.prune_stalled_workers(STALLED_S)
    return counts
