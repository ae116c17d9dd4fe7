"""The log of the SQL desk: who may send how many at once, what is under way, and what came of it. A line that says
"running" is what the views take for leave, so nothing is ever answered that is not written down."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from app.core.db import db
from app.engine.access import Actor
from app.engine.apply import transaction
from app.engine.desk.statement import Objection, Statement, shape_of

PER_PERSON, IN_ALL = 2, 4
"""Statements under way at once. Each takes a thread that makes pages, of which an ordinary console has eight."""
SILENT = 10
"""Seconds without a sign of the page that waits, after which nobody is there to read the answer."""


@dataclass(frozen=True)
class Asking:
    """What surrounds a statement: who sends it, from which kept query, how long it may take."""

    actor: Actor
    text: str
    values: Mapping[str, str]
    kind: str = "run"
    seconds: int = 10
    query_id: int | None = None
    ticket: str | None = None
    """Named by the page, so that it can stop what it waits for."""
    beats: bool = False
    """Whether the page shows every few seconds that somebody still waits."""
    request_id: str | None = None


@dataclass(frozen=True)
class Leave:
    """A line of the log that is under way, and the secret by which the views know it."""

    id: int
    permit: str


def begin(asking: Asking, statement: Statement) -> Leave:
    """Write down that it begins. Raises Objection when too many are under way."""
    permit = secrets.token_urlsafe(32)
    with transaction() as connection:
        connection.execute(_ONE_AT_A_TIME)
        connection.execute(_ABANDONED)
        mine, all_ = connection.execute(_UNDER_WAY, {"me": asking.actor.app_user_id}).one()
        if mine >= PER_PERSON:
            raise Objection(
                f"You have {mine} statements under way, and may have {PER_PERSON}. Cancel one, or wait for it."
            )
        if all_ >= IN_ALL:
            raise Objection(f"{all_} statements are under way at the desk, as many as there may be. Try again shortly.")
        number = connection.execute(
            _BEGIN,
            _line(asking, statement.shape)
            | {
                "tables": list(statement.tables),
                "masked": list(statement.masked),
                "permit": hashlib.sha256(permit.encode()).digest(),
                "outcome": "running",
                "why": None,
            },
        ).scalar_one()
    return Leave(int(number), permit)


def refused(asking: Asking, why: str) -> None:
    """Write down what was sent and not run."""
    none: dict[str, object] = {"tables": [], "masked": [], "permit": None, "outcome": "refused", "why": why[:500]}
    with transaction() as connection:
        connection.execute(_BEGIN, _line(asking, shape_of(asking.text)) | none)


def _line(asking: Asking, shape: str) -> dict[str, object]:
    return {
        "tenant": asking.actor.tenant_id,
        "me": asking.actor.app_user_id,
        "query": asking.query_id,
        "kind": asking.kind,
        "statement": asking.text.replace("\x00", "")[:40_000],
        "shape": shape,
        "parameters": json.dumps(dict(asking.values)).replace("\\u0000", ""),
        "limit": asking.seconds,
        "ticket": asking.ticket,
        "beats": asking.beats,
        "request": asking.request_id,
    }


def end(leave: Leave, outcome: str, why: str | None, rows: int | None, ms: int) -> None:
    """Write down what came of it; the leave is over with it."""
    with transaction() as connection:
        connection.execute(_END, {"id": leave.id, "outcome": outcome, "why": why and why[:500], "rows": rows, "ms": ms})


def is_wanted(connection: Connection, leave: Leave) -> bool:
    """Whether somebody still waits for it: nobody asked it to stop, and the page that waits has shown itself lately."""
    return bool(connection.execute(_WANTED, {"id": leave.id, "silent": SILENT}).scalar())


def ask_to_stop(ticket: str, actor: Actor) -> bool:
    """The one who sent it wants it stopped; False when it is over already."""
    with transaction() as connection:
        return connection.execute(_STOP, {"ticket": ticket, "me": actor.app_user_id}).rowcount > 0


def beat(ticket: str, actor: Actor) -> None:
    """The page still waits."""
    with transaction() as connection:
        connection.execute(_BEAT, {"ticket": ticket, "me": actor.app_user_id})


def one_company() -> bool:
    """Whether the database holds a single company. The planner's numbers are of whole tables, and would tell of others."""
    with db.engines["reading"].connect() as connection:
        return bool(connection.execute(_ONE_COMPANY).scalar())


def watching() -> Engine:
    """Where the watchdog looks, also outside a request."""
    return db.engines["reading"]


_ONE_COMPANY = text("SELECT count(*) < 2 FROM (SELECT FROM tenants LIMIT 2) AS few")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(7314880031)")
_ABANDONED = text("""
UPDATE sql_runs SET outcome = 'failed', why = 'The process that ran it ended.', permit = NULL, ended_at = clock_timestamp()
WHERE ended_at IS NULL AND created_at < clock_timestamp() - interval '2 minutes'
""")
_UNDER_WAY = text("SELECT count(*) FILTER (WHERE app_user_id = :me), count(*) FROM sql_runs WHERE ended_at IS NULL")
_BEGIN = text("""
INSERT INTO sql_runs (tenant_id, app_user_id, query_id, kind, statement, shape, parameters, tables, masked, outcome, why,
                      time_limit, permit, ticket, beat_at, ended_at, request_id)
VALUES (:tenant, :me, :query, :kind, :statement, :shape, CAST(:parameters AS jsonb), CAST(:tables AS text[]),
        CAST(:masked AS text[]), :outcome, :why, :limit, :permit, :ticket, CASE WHEN :beats THEN clock_timestamp() END,
        CASE WHEN :outcome <> 'running' THEN clock_timestamp() END, :request)
RETURNING id
""")
_END = text("""
UPDATE sql_runs SET outcome = :outcome, why = :why, row_count = :rows, duration_ms = :ms, permit = NULL,
       ended_at = clock_timestamp()
WHERE id = :id AND ended_at IS NULL
""")
_WANTED = text("""
SELECT NOT stop_asked AND (beat_at IS NULL OR beat_at > clock_timestamp() - make_interval(secs => :silent))
FROM sql_runs WHERE id = :id AND ended_at IS NULL
""")
_STOP = text("UPDATE sql_runs SET stop_asked = true WHERE ticket = :ticket AND app_user_id = :me AND ended_at IS NULL")
_BEAT = text(
    "UPDATE sql_runs SET beat_at = clock_timestamp() WHERE ticket = :ticket AND app_user_id = :me AND ended_at IS NULL"
)
