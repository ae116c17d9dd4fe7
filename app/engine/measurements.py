"""How busy, quick and right the console was: counted in memory, added to `metrics`, read back without averaging averages."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core import clock
from app.engine.apply import transaction

log = logging.getLogger("console.measurements")

# Upper bounds in milliseconds. 800 and 2,000 are the limits of the p95 check, so there the estimate is exact.
BOUNDS = (5, 10, 20, 35, 50, 75, 100, 150, 250, 400, 600, 800, 1200, 2000, 4000, 8000, 15000)
LABELS = (*(str(bound) for bound in BOUNDS), "inf")
BUCKETS = ("minute", "hour", "day")
FLUSH_S = 10
UNCOUNTED = ("/static/", "/healthz", "/readyz", "/metrics")  # machines asking; the figures are about people's pages

_ADD = text("""
    INSERT INTO metrics (name, bucket, bucket_start, dims, kind, value, unit)
    VALUES (:name, :bucket, :bucket_start, :dims, :kind, :value, :unit)
    ON CONFLICT (tenant_id, name, bucket, bucket_start, dims_key)
    DO UPDATE SET value = metrics.value + excluded.value, computed_at = clock_timestamp()
""").bindparams(bindparam("dims", type_=JSONB))

_TOTALS = text("""
    SELECT name, dims ->> 'le' AS le, sum(value) AS value FROM metrics
    WHERE name IN ('http.requests', 'http.errors', 'http.latency_ms.bucket') AND bucket = :bucket AND bucket_start >= :since
    GROUP BY 1, 2
""")


class Tally:
    """Counts of one web process by minute. One short lock per request; nothing touches the database while somebody waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minutes: dict[int, list[int]] = {}

    def note(self, seconds: float, failed: bool, minute: int | None = None) -> None:
        """Count one request that took `seconds`; `failed` means that we answered 5xx."""
        at = int(time.time() // 60) if minute is None else minute
        slot = 2 + bisect_left(BOUNDS, seconds * 1000)
        with self._lock:
            counts = self._minutes.get(at)
            if counts is None:
                counts = self._minutes[at] = [0] * (2 + len(LABELS))
            counts[0] += 1
            counts[1] += failed
            counts[slot] += 1

    def take(self) -> dict[int, list[int]]:
        """Everything counted since the last time, handed over and forgotten."""
        with self._lock:
            taken, self._minutes = self._minutes, {}
        return taken

    def put_back(self, taken: Mapping[int, list[int]], keep: int = 60) -> None:
        """Keep what could not be written, for the next try; at most an hour of it, so that an outage costs no memory."""
        with self._lock:
            for minute, counts in taken.items():
                ours = self._minutes.setdefault(minute, [0] * (2 + len(LABELS)))
                self._minutes[minute] = [mine + theirs for mine, theirs in zip(ours, counts, strict=True)]
            for minute in sorted(self._minutes)[:-keep]:
                del self._minutes[minute]


class Measuring:
    """The WSGI application wrapped in a stopwatch: time to the answer, and whether it was our fault."""

    def __init__(self, wsgi_app: Callable[..., Iterable[bytes]], tally: Tally, started: Callable[[], None]) -> None:
        self.wsgi_app, self.tally, self.started = wsgi_app, tally, started

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(UNCOUNTED):
            return self.wsgi_app(environ, start_response)
        self.started()
        began, failed = time.perf_counter(), True  # an exception that gets past us is a failure too

        def responding(status: str, headers: Any, exc_info: Any = None) -> Any:
            nonlocal failed
            failed = status[:1] == "5"
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        try:
            return self.wsgi_app(environ, responding)
        finally:
            self.tally.note(time.perf_counter() - began, failed)


def install(app: Flask) -> None:
    """Measure every request of `app` and write the counts each ten seconds from a thread of this process.

    The thread starts with the first request, so that a server which forks its workers after loading the
    application has one in each. Under test nothing flushes by itself: call `flush(app)`.
    """
    tally = Tally()
    app.extensions["measurements"] = tally
    once = threading.Lock()
    running = False

    def started() -> None:
        nonlocal running
        if running or app.testing:
            return
        with once:
            if not running:
                threading.Thread(target=_keep_flushing, args=(app,), name="measurements", daemon=True).start()
                atexit.register(_last_flush, app)
                running = True

    app.wsgi_app = Measuring(app.wsgi_app, tally, started)  # type: ignore[method-assign]


def flush(app: Flask) -> int:
    """Add what this process counted to `metrics`; how many rows that touched. What fails is kept for the next time."""
    tally: Tally = app.extensions["measurements"]
    taken = tally.take()
    rows = [row for minute, counts in taken.items() for row in _rows(minute, counts)]
    if not rows:
        return 0
    try:
        with app.app_context(), transaction() as connection:
            connection.execute(_ADD, _merged(rows))
    except Exception:
        tally.put_back(taken)
        raise
    return len(rows)


def _rows(minute: int, counts: list[int]) -> Iterable[dict[str, Any]]:
    at = datetime.fromtimestamp(minute * 60, clock.now().tzinfo)
    starts = {"minute": at, "hour": at.replace(minute=0), "day": at.replace(hour=0, minute=0)}
    named: list[tuple[str, dict[str, str], str, int]] = [
        ("http.requests", {}, "counter", counts[0]),
        ("http.errors", {}, "counter", counts[1]),
    ]
    named += [
        ("http.latency_ms.bucket", {"le": label}, "histogram", count)
        for label, count in zip(LABELS, counts[2:], strict=True)
    ]
    for bucket, start in starts.items():
        for name, dims, kind, value in named:
            if value:
                unit = "requests"
                yield {
                    "name": name,
                    "bucket": bucket,
                    "bucket_start": start,
                    "dims": dims,
                    "kind": kind,
                    "value": value,
                    "unit": unit,
                }


def _merged(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each place in `metrics`, in one order everywhere: processes that add at once then wait, never deadlock."""
    places: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        place = (row["name"], row["bucket"], row["bucket_start"], str(row["dims"]))
        if place in places:
            places[place]["value"] += row["value"]
        else:
            places[place] = row
    return [places[place] for place in sorted(places)]


def _keep_flushing(app: Flask) -> None:
    while True:
        time.sleep(FLUSH_S)
        try:
            flush(app)
        except Exception as error:  # the counts are kept, and the console works without them
            log.warning("Request figures could not be written: %s", type(error).__name__)


def _last_flush(app: Flask) -> None:
    with suppress(Exception):
        flush(app)


def totals(connection: Connection, since: datetime, bucket: str = "minute") -> tuple[int, int, dict[str, int]]:
    """(requests, errors, latency counts by upper bound) from `since` on."""
    requests = errors = 0
    latency: dict[str, int] = {}
    for row in connection.execute(_TOTALS, {"since": since, "bucket": bucket}):
        if row.name == "http.requests":
            requests = int(row.value)
        elif row.name == "http.errors":
            errors = int(row.value)
        else:
            latency[row.le] = int(row.value)
    return requests, errors, latency


def percentile(latency: Mapping[str, int], share: float) -> float | None:
    """The latency in ms below which `share` of the requests lie, interpolated inside its bucket; None without requests.

    Counts add up across minutes and processes, percentiles do not: that is why buckets are kept, and this is
    computed last. Above the highest bound the bound itself is given, as "at least".
    """
    counts = [latency.get(label, 0) for label in LABELS]
    wanted, below = share * sum(counts), 0
    if not sum(counts):
        return None
    for index, count in enumerate(counts):
        if count and below + count >= wanted:
            low = BOUNDS[index - 1] if index else 0
            high = BOUNDS[index] if index < len(BOUNDS) else low
            return low + (high - low) * (wanted - below) / count
        below += count
    return float(BOUNDS[-1])


def minutes_ago(minutes: float) -> datetime:
    """The start of the minute that many minutes back, so that the oldest bucket counts whole."""
    return (clock.now() - timedelta(minutes=minutes)).replace(second=0, microsecond=0)
