"""What machines ask: is the process up, is it ready for people, how has it been doing.

`/metrics` is answered on loopback, to the bearer of the key in METRICS_TOKEN, and to any API key that may `metrics.read`.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import os
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, request
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import db
from app.engine.health_readings import readings
from app.engine.measurements import BOUNDS, LABELS
from app.engine.revision import code_heads, database_heads
from app.web.bearer import holder_of
from app.web.security import open_to_all

blueprint = Blueprint("probes", __name__)
log = logging.getLogger("console.probes")

STATES = {"ok": 0, "warn": 1, "crit": 2, "unknown": 3}
HEARTBEAT_S = 60


@blueprint.get("/healthz")
@open_to_all
def healthz() -> Response:
    """The process answers; nothing else is looked at, so that a slow database does not get the web server killed."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@open_to_all
def readyz() -> tuple[Response, int]:
    """Whether people can work here: the database answers, its schema is ours, a worker lives. 503 if any of it fails."""
    state: dict[str, Any] = {"database": "away", "migrations": "unknown", "worker": "unknown"}
    try:
        with db.engine.connect() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '2s'"))
            state["database"] = "ok"
            state["migrations"] = "ok" if database_heads(connection) == code_heads() else "behind"
            if state["migrations"] == "ok":
                state["worker"] = "ok" if _heartbeat(connection) else "silent"
    except SQLAlchemyError as error:
        log.warning("not ready", extra={"why": type(error).__name__})
    ready = all(value == "ok" for value in state.values())
    return jsonify(ready=ready, **state), 200 if ready else 503


def _heartbeat(connection: Connection) -> bool:
    found = text(
        "SELECT EXISTS (SELECT 1 FROM procrastinate_workers"
        " WHERE last_heartbeat > clock_timestamp() - make_interval(secs => :limit))"
    )
    return bool(connection.execute(found, {"limit": HEARTBEAT_S}).scalar())


@blueprint.get("/metrics")
@open_to_all
def metrics() -> Response:
    """Requests, errors, latency, queue and every check in Prometheus' text form, over all processes of the console."""
    if not _may_scrape():
        abort(404)
    with db.engine.connect() as connection:
        connection.execute(text("SET LOCAL statement_timeout = '5s'"))
        lines = [*_http(connection), *_queue(connection), *_checks(connection)]
    return Response("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_scrape() -> bool:
    token = current_app.config.get("METRICS_TOKEN") or os.environ.get("METRICS_TOKEN")
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        ours = bool(token) and hmac.compare_digest(given.strip().encode(), str(token).encode())
        return ours or holder_of("metrics.read")
    # Behind a proxy on this machine everybody comes from loopback; a forwarded request is therefore not one.
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    try:
        return not forwarded and ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _http(connection: Connection) -> Iterator[str]:
    """Counters since the oldest day kept (three years): sums of the days, to which every process adds."""
    rows = connection.execute(
        text("""
            SELECT name, dims ->> 'le' AS le, sum(value)::bigint AS value FROM metrics
            WHERE bucket = 'day' AND name IN ('http.requests', 'http.errors', 'http.latency_ms.bucket') GROUP BY 1, 2
        """)
    ).all()
    found = {(row.name, row.le): row.value for row in rows}
    yield from _head(
        "console_http_requests_total", "counter", "Requests answered, probes and static files not counted."
    )
    yield f"console_http_requests_total {found.get(('http.requests', None), 0)}"
    yield from _head("console_http_errors_total", "counter", "Requests answered with 5xx.")
    yield f"console_http_errors_total {found.get(('http.errors', None), 0)}"
    yield from _head("console_http_request_duration_seconds", "histogram", "Time to the answer.")
    below = 0
    for label in LABELS:
        below += found.get(("http.latency_ms.bucket", label), 0)
        bound = "+Inf" if label == "inf" else f"{BOUNDS[LABELS.index(label)] / 1000:g}"
        yield f'console_http_request_duration_seconds_bucket{{le="{bound}"}} {below}'
    yield f"console_http_request_duration_seconds_count {below}"


def _queue(connection: Connection) -> Iterator[str]:
    rows = connection.execute(
        text("""
            SELECT status::text, count(*) AS number FROM procrastinate_jobs
            WHERE status IN ('todo', 'doing', 'failed') GROUP BY 1
        """)
    )
    found = {row.status: row.number for row in rows}
    yield from _head("console_queue_jobs", "gauge", "Queued jobs by state.")
    for status in ("todo", "doing", "failed"):
        yield f'console_queue_jobs{{status="{status}"}} {found.get(status, 0)}'
    alive = text(
        "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > clock_timestamp() - interval '60 seconds'"
    )
    yield from _head("console_workers_alive", "gauge", "Workers with a heartbeat within a minute.")
    yield f"console_workers_alive {connection.execute(alive).scalar_one()}"


def _checks(connection: Connection) -> Iterator[str]:
    """States of the first company: 0 ok, 1 warn, 2 crit, 3 unknown, which a stale row is too."""
    tenant_id = connection.execute(text("SELECT min(id) FROM tenants WHERE status = 'active'")).scalar() or 0
    board = readings(connection, tenant_id)
    yield from _head("console_health_status", "gauge", "Health check state: 0 ok, 1 warn, 2 crit, 3 unknown.")
    for one in board:
        yield f'console_health_status{{check="{one.check.key}"}} {STATES[one.status]}'
    yield from _head("console_health_value", "gauge", "What the health check measured, in its own unit.")
    for one in board:
        if one.value is not None and not one.stale:
            yield f'console_health_value{{check="{one.check.key}",unit="{one.check.unit or ""}"}} {one.value:f}'


def _head(name: str, kind: str, words: str) -> Iterable[str]:
    return f"# HELP {name} {words}", f"# TYPE {name} {kind}"
