"""One problem, one row: every unhandled error of web and worker, grouped by where it happened, with nobody's data in it."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from flask import has_app_context
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.engine.access import SYSTEM, Actor
from app.engine.apply import change

log = logging.getLogger("console.errors")
ROOT = str(Path(__file__).resolve().parents[2]) + os.sep
OWN = ("app" + os.sep, "templates" + os.sep)
WRITES_A_MINUTE = 10  # of one problem and process; what comes on top is counted with the next that is written

# Secrets have shapes; whatever has one of them is cut before it is written anywhere.
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?im)^\s*(DETAIL|CONTEXT|HINT):.*$"), ""),
    (re.compile(r"(?i)\[parameters?:.*?\]", re.DOTALL), ""),
    (re.compile(r"(?i)\b(bearer|basic)\s+\S+"), r"\1 [hidden]"),
    (re.compile(r"(\w+://)[^\s/@]+@"), r"\1[hidden]@"),
    (
        re.compile(r"(?i)\b(password|passwd|secret|token|api[_-]?key|authorization|cookie)\b(\s*[=:]\s*)\S+"),
        r"\1\2[hidden]",
    ),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[e-mail]"),
    (re.compile(r"\b[A-Za-z0-9_-]{32,}\b"), "[long value]"),
    (re.compile(r"(?<!\w)\+?\d[\d ()-]{8,}\d(?!\w)"), "[number]"),
)

_GROUP = text("""
    INSERT INTO error_groups AS g (tenant_id, fingerprint, title, culprit, error_type, source, level, status, substatus,
                                   event_count, user_count, first_release, last_release)
    VALUES (:tenant_id, :fingerprint, :title, :culprit, :error_type, :source, :level, 'unresolved', 'new',
            :events, CASE WHEN CAST(:app_user_id AS bigint) IS NULL THEN 0 ELSE 1 END, :release, :release)
    ON CONFLICT (tenant_id, fingerprint) DO UPDATE SET
        event_count = g.event_count + :events,
        last_seen_at = clock_timestamp(),
        last_release = coalesce(:release, g.last_release),
        user_count = g.user_count + CASE
            WHEN CAST(:app_user_id AS bigint) IS NULL OR EXISTS (
                SELECT 1 FROM error_logs l WHERE l.group_id = g.id AND l.app_user_id = :app_user_id) THEN 0 ELSE 1 END,
        substatus = CASE
            WHEN g.status = 'resolved' THEN 'regressed'
            WHEN g.status = 'ignored' AND g.ignore_until <= clock_timestamp() THEN 'ongoing'
            WHEN g.substatus = 'new' AND g.first_seen_at < clock_timestamp() - interval '1 day' THEN 'ongoing'
            ELSE g.substatus END,
        status = CASE
            WHEN g.status = 'resolved' OR (g.status = 'ignored' AND g.ignore_until <= clock_timestamp()) THEN 'unresolved'
            ELSE g.status END,
        resolved_at = NULL, resolved_by = NULL
    RETURNING id
""")

_OCCURRENCE = text("""
    INSERT INTO error_logs (tenant_id, group_id, level, error_type, message, stacktrace, frames, request_id, method, path,
                            status_code, app_user_id, release, environment, context, ip, scheduled_task_id)
    VALUES (:tenant_id, :group_id, :level, :error_type, :message, :stacktrace, :frames, :request_id, :method, :path,
            :status, :app_user_id, :release, :environment, :context, CAST(:ip AS inet), :scheduled_task_id)
    RETURNING id
""").bindparams(bindparam("frames", type_=JSONB), bindparam("context", type_=JSONB))


@dataclass(frozen=True)
class Problem:
    """An exception reduced to what may be kept: its kind, its scrubbed words and where it came from."""

    error_type: str
    message: str
    culprit: str | None
    fingerprint: str
    frames: list[dict[str, Any]]
    stacktrace: str

    @property
    def title(self) -> str:
        first = self.message.strip().splitlines()[0] if self.message.strip() else ""
        return f"{self.error_type}: {first}"[:200] if first else self.error_type


def capture(
    error: BaseException,
    *,
    source: str = "web",
    request_id: str | None = None,
    method: str | None = None,
    path: str | None = None,
    status: int | None = None,
    ip: str | None = None,
    actor: Actor | None = None,
    level: str = "error",
    scheduled_task_id: int | None = None,
) -> int | None:
    """Write down an unhandled error; returns the id of its row in `error_logs`, or None if there is none.

    Never raises and never loses an error: it goes to the log first, and is found there when there was no database. `path` is kept
    without its query, form values are not taken at all, and the words of the error are scrubbed.
    """
    try:
        problem = reduce(error)
        facts = {
            "source": source, "level": level, "request_id": request_id, "method": method,
            "path": path.partition("?")[0][:500] if path else None, "status": status, "ip": ip,
            "scheduled_task_id": scheduled_task_id,
        }  # fmt: skip
        log.error(
            "error",
            extra={"title": problem.title, "culprit": problem.culprit, "stack": problem.stacktrace, "severity": level}
            | {name: value for name, value in facts.items() if name != "level"},
        )
        return _write(problem, facts, actor) if has_app_context() else None
    except Exception as second:  # an error about an error must not take its place
        log.critical("error not kept", extra={"error": type(error).__name__, "because": type(second).__name__})
        return None


def reduce(error: BaseException) -> Problem:
    """What is kept of `error`. Two errors of one type from the same place in our code are one problem, whatever their words."""
    frames = list(_frames(error))
    own = [frame for frame in frames if frame["own"]][-3:]
    kind = type(error).__name__
    where = [f"{frame['file']}:{frame['function']}" for frame in own or frames[-3:]]
    fingerprint = hashlib.sha256("\n".join([kind, *where]).encode()).hexdigest()[:32]
    culprit = f"{own[-1]['file']} in {own[-1]['function']}" if own else where[-1] if where else None
    lines = [f"{frame['file']}:{frame['line']} in {frame['function']}" for frame in frames]
    return Problem(
        kind, scrub(str(error)), culprit, fingerprint, frames, "\n".join([*lines, f"{kind}: {scrub(str(error))}"])
    )


def scrub(words: str, limit: int = 1000) -> str:
    """`words` without values that look like secrets, addresses or numbers of people; cut to `limit` characters."""
    for pattern, instead in _SECRETS:
        words = pattern.sub(instead, words)
    return words.strip().replace("\x00", "")[:limit]


def _frames(error: BaseException) -> Iterable[dict[str, Any]]:
    """Where it came from, outermost first; paths as in the project or its packages, never as on this machine."""
    for frame in traceback.extract_tb(error.__traceback__)[-40:]:
        file = frame.filename.removeprefix(ROOT)
        own = file.startswith(OWN)
        if os.path.isabs(file) or "site-packages" in file:
            file = os.sep.join(file.rpartition("site-packages" + os.sep)[2].split(os.sep)[-3:])
        yield {"file": file, "line": frame.lineno, "function": frame.name, "own": own}


_written: dict[str, list[float]] = {}  # fingerprint -> [minute, written in it, counted since the last write]
_lock = threading.Lock()


def _allowance(fingerprint: str) -> int:
    """How many occurrences the next write stands for; 0 means that this one is only counted."""
    minute = time.monotonic() // 60
    with _lock:
        if len(_written) > 1000:
            _written.clear()
        entry = _written.setdefault(fingerprint, [minute, 0, 0])
        if entry[0] != minute:
            entry[0], entry[1] = minute, 0
        entry[2] += 1
        if entry[1] >= WRITES_A_MINUTE:
            return 0
        entry[1] += 1
        events, entry[2] = int(entry[2]), 0
        return events


def _write(problem: Problem, facts: dict[str, Any], actor: Actor | None) -> int | None:
    events = _allowance(problem.fingerprint)
    if not events:
        return None
    tenant_id = actor.tenant_id if actor and actor.tenant_id else None
    shared = {
        "tenant_id": tenant_id,
        "app_user_id": actor.app_user_id if actor else None,
        "error_type": problem.error_type,
        "level": facts["level"],
        "release": release(),
    }
    group = shared | {
        "fingerprint": problem.fingerprint,
        "title": problem.title,
        "culprit": problem.culprit,
        "source": facts["source"],
        "events": events,
    }
    occurrence = shared | {
        "message": problem.message,
        "stacktrace": problem.stacktrace,
        "frames": problem.frames,
        "context": {},
        "environment": os.environ.get("CONSOLE_ENV", "local"),
        **{name: facts[name] for name in ("request_id", "method", "path", "status", "ip", "scheduled_task_id")},
    }
    with change(
        SYSTEM(tenant_id or 0), action="error.seen", channel="system", request_id=facts["request_id"]
    ) as connection:
        return _insert(connection, group, occurrence)


def _insert(connection: Connection, group: dict[str, Any], occurrence: dict[str, Any]) -> int:
    group_id = connection.execute(_GROUP, group).scalar_one()
    row_id: int = connection.execute(_OCCURRENCE, occurrence | {"group_id": group_id}).scalar_one()
    return row_id


@lru_cache(maxsize=1)
def release() -> str | None:
    """The version of the console that runs, so that "resolved in this release" can be told from "came back"."""
    try:
        return metadata.version("brainops-console")
    except metadata.PackageNotFoundError:
        return None
