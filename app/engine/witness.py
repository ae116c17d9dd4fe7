"""What a worker tells of itself and its queue, to whoever keeps a picture of both for people.

The queue engine keeps its own books, made for machines. A domain that wants them seen registers a witness, which is told
in a thread of its own, inside the application. A witness that fails is noted in the log; no job waits or fails for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import resource
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from flask import Flask
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job

from app.core import clock
from app.engine.errors_log import release

log = logging.getLogger("console.worker")

BEAT_S = 10
"""Seconds between two signs of life."""
PICTURE = "picture"
"""Under this name a job's context carries the number of the row a witness keeps of it."""


@dataclass(frozen=True)
class Round:
    """Work of ours that comes round by a schedule."""

    name: str
    cron: str
    about: str
    """What it does, in a few words: the beginning of what its function says of itself."""


@dataclass
class Presence:
    """A worker as it stands now."""

    name: str
    started_at: datetime
    version: str | None
    done: int = 0
    failed: int = 0
    running: int = 0
    leaving: bool = False
    kept: dict[str, Any] = field(default_factory=dict)
    """A witness's own notes on this worker."""

    @classmethod
    def of_this_process(cls) -> Presence:
        return cls(f"{socket.gethostname()}:{os.getpid()}", clock.now(), release())

    @property
    def memory_mb(self) -> int:
        """What the process holds now; where the system does not say, the most it ever held."""
        with suppress(OSError, IndexError, ValueError), open("/proc/self/statm") as pages:
            return int(pages.read().split()[1]) * resource.getpagesize() // 2**20
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most // (2**20 if sys.platform == "darwin" else 2**10)


class Witness(Protocol):
    """Keeps the picture. Every method may take a moment and use the database; none may be needed for the work itself."""

    def arrived(self, worker: Presence, rounds: tuple[Round, ...]) -> None:
        """A worker begins; `rounds` is all that comes round by a schedule."""

    def beat(self, worker: Presence) -> bool:
        """A sign of life, every ten seconds; answers whether somebody asked this worker to finish and leave."""

    def begun(self, worker: Presence, job: Job) -> int | None:
        """A job is about to run; answers the number of its row, or None where it must not run because somebody paused it."""

    def ended(self, worker: Presence, job: Job, result: Any, error: BaseException | None) -> None:
        """It has run, well or with `error`; whether it is tried again the queue decides after this."""

    def left(self, worker: Presence) -> None:
        """The worker has finished what it had begun, and goes."""


_witnesses: list[Witness] = []


def witnessed_by(witness: Witness) -> Witness:
    """Tell this one from now on; a domain calls it when it is imported."""
    _witnesses.append(witness)
    return witness


def about(function: Callable[..., Any]) -> str:
    """The first clause of what a function says of itself."""
    return re.split(r"[.;:,]", (function.__doc__ or function.__name__).strip(), maxsplit=1)[0]


async def tell(app: Flask, what: str, *said: Any, otherwise: Any = None) -> Any:
    """Call `what` of every witness, off the worker's loop; the last answer counts, `otherwise` where none could be given."""

    def telling() -> Any:
        answer = otherwise
        with app.app_context():
            for witness in _witnesses:
                try:
                    answer = getattr(witness, what)(*said)
                except Exception as error:
                    log.warning("What the worker does could not be shown (%s: %s)", what, type(error).__name__)
        return answer

    return await asyncio.to_thread(telling) if _witnesses else otherwise


def watched(app: Flask, presence: Presence) -> Callable[..., Awaitable[Any]]:
    """A wrapper around each job that tells its beginning and its end, and leaves out what somebody paused."""

    async def within(call_next: Callable[[], Awaitable[Any]], context: JobContext, _worker: Any) -> Any:
        presence.running += 1
        picture = await tell(app, "begun", presence, context.job, otherwise=0)
        if picture is None:
            presence.running -= 1
            log.info("%s is paused", context.job.task_name)
            return None
        context.additional_context[PICTURE] = picture or None
        try:
            result = await call_next()
        except Exception as error:
            presence.running, presence.failed = presence.running - 1, presence.failed + 1
            await tell(app, "ended", presence, context.job, None, error)
            raise
        presence.running, presence.done = presence.running - 1, presence.done + 1
        await tell(app, "ended", presence, context.job, result, None)
        return result

    return within


async def pulse(app: Flask, presence: Presence, leave: Callable[[], Any]) -> None:
    """Give signs of life until cancelled; call `leave` once when somebody asked this worker to go."""
    while True:
        if await tell(app, "beat", presence, otherwise=False) and not presence.leaving:
            presence.leaving = True
            log.info("The worker was asked to finish and leave")
            leave()
        await asyncio.sleep(BEAT_S)
