"""The worker's part, done within a test: what this file's stories have queued, and nothing that others left waiting."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from flask import Flask

from app.engine import background
from tests.apart import apart
from tests.servers import Database


@pytest.fixture(scope="module", autouse=True)
def nothing_waits(database: Database) -> None:
    """What earlier tests have queued would be done here first, which can take a minute."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SET search_path = console, public")
        connection.execute("UPDATE procrastinate_jobs SET status = 'cancelled' WHERE status = 'todo'")


def work_off(app: Flask, database: Database) -> None:
    """Be the worker until nothing waits."""

    async def run() -> None:
        async with background.queue.open_async():
            await background.queue.run_worker_async(
                wait=False,
                listen_notify=False,
                install_signal_handlers=False,
                task_middleware=[background.in_context(app)],
            )

    with background.queue.replace_connector(background._connector(database.config())):
        apart(lambda: asyncio.run(run()))
