"""The health board: every check with its light, its limits and its past; not knowing has a light of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import Connection, text
from werkzeug.wrappers import Response

from app.core import charts, clock, formats
from app.core.db import reading
from app.core.trend import trend
from app.domains.platform import upkeep
from app.engine import background
from app.engine import health as engine
from app.engine import health_readings as readings
from app.engine.apply import transaction
from app.engine.health_readings import Reading
from app.web.navigation import place
from app.web.receipts import say
from app.web.security import needs
from app.web.session import current_actor

blueprint = Blueprint("health", __name__)
place("Monitoring", 10, "Health", "/health", "pulse", "health.read", letter="h")

SPANS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
SPAN_WORDS = {"1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d"}
SHOWN = ("all", "failing", "muted")
MUTES = {"1h": timedelta(hours=1), "8h": timedelta(hours=8), "1d": timedelta(days=1), "7d": timedelta(days=7)}
MUTE_WORDS = (("1h", "1 hour"), ("8h", "8 hours"), ("1d", "1 day"), ("7d", "7 days"))
GROUPS = {
    "app": "Web", "db": "Database", "queue": "Queue and workers", "cron": "Schedule", "integration": "Integrations",
    "ai": "Agents", "storage": "Storage", "security": "Security", "data": "Records", "reality": "End to end",
}  # fmt: skip
LIGHTS = {
    "ok": ("Up", "ok", "done"),
    "warn": ("Degraded", "warn", "warn"),
    "crit": ("Failing", "danger", "fail"),
    "unknown": ("Unknown", "mute", "draft"),
    "idle": ("Quiet", "mute", "dot"),
}
POINTS, TICKS = 96, 24
RUN_BUDGET_S = 8.0


@dataclass(frozen=True)
class Line:
    """One check as the board draws it, every word chosen."""

    reading: Reading
    title: str
    word: str
    tone: str
    glyph: str
    now: str
    limits: str
    note: str
    spark: charts.Spark | None
    spark_tone: str
    ticks: list[str]
    up: str


def lines(connection: Connection, tenant_id: int, span: str, show: str) -> list[tuple[str, list[Line]]]:
    """The board by group: what `show` asks for, each with its history over `span`."""
    board = [one for one in readings.readings(connection, tenant_id) if _is_shown(one, show)]
    past = readings.series(connection, tenant_id, [one.check.key for one in board], SPANS[span], POINTS)
    groups: dict[str, list[Line]] = {}
    for one in board:
        groups.setdefault(one.check.group, []).append(_line(one, past.get(one.check.key, [])))
    return [(GROUPS[group], found) for group, found in groups.items()]


def _is_shown(one: Reading, show: str) -> bool:
    if show == "muted":
        return one.muted_until is not None
    return one.failing if show == "failing" else True


def _line(one: Reading, past: list[tuple[int, float | None, str]]) -> Line:
    word, tone, glyph = LIGHTS["idle" if one.idle else one.status]
    values = [value for _, value, _ in past if value is not None]
    known = [status for _, _, status in past if status != "unknown"]
    up = f"{formats.percent(known.count('ok') / len(known), uptime=True)}" if known else "none"
    return Line(
        reading=one,
        title=one.check.title,
        word=word,
        tone=tone,
        glyph=glyph,
        now=amount(one.value, one.check.unit) if not one.stale else "none",
        limits=limits(one),
        note=note(one),
        spark=charts.spark(values, 72, 22),
        spark_tone={"warn": "c-warn", "crit": "c-danger", "unknown": "c-mute"}.get(one.status, ""),
        ticks=_ticks(past),
        up=up,
    )


def _ticks(past: Iterable[tuple[int, float | None, str]]) -> list[str]:
    """The worst state of each of 24 stretches as a class: x crit, w warn, n nothing known, empty ok."""
    worst: dict[int, str] = {}
    for slot, _, status in past:
        tick = min((slot - 1) * TICKS // POINTS, TICKS - 1)
        if tick not in worst or engine.ORDER[status] < engine.ORDER[worst[tick]]:
            worst[tick] = status
    classes = {"crit": "x", "warn": "w", "unknown": "n", "ok": ""}
    return [classes[worst.get(tick, "unknown")] for tick in range(TICKS)]


def amount(value: Any, unit: str | None) -> str:
    """A measured value with its unit, as people say it."""
    if value is None:
        return "none"
    number = float(value)
    if unit == "ms":
        return formats.duration_ms(number)
    if unit == "s":
        return formats.duration_ms(number * 1000) if number else "0 s"
    if unit == "%":
        return f"{number:,.2f}%" if 99 < number < 100 else f"{number:,.1f}".removesuffix(".0") + "%"
    if unit == "x":
        return f"{number:.1f}".removesuffix(".0") + "x"
    if number >= 1e9:
        return f"{number / 1e9:.1f} bn"
    if number >= 1e6:
        return f"{number / 1e6:.1f} M"
    return f"{number:,.1f}".removesuffix(".0")


def limits(one: Reading) -> str:
    """Both thresholds in one breath: "800 ms / 2.00 s", "under 20% / 10%", "fail at 1"."""
    sign = "under " if one.check.direction == "below" and one.warn is not None else ""
    warn, crit = (None if limit is None else amount(limit, one.check.unit) for limit in (one.warn, one.crit))
    if warn and crit:
        return f"{sign}{warn} / {crit}"
    return f"fail at {crit}" if crit else f"warn {sign or 'at '}{warn}" if warn else "own rule"


def note(one: Reading) -> str:
    """What the check said, or that its last word is too old to count."""
    if one.stale and one.checked_at:
        was = {"ok": "up", "warn": "degraded", "crit": "failing"}.get(one.recorded or "", "unknown")
        return f"Last checked {formats.relative(one.checked_at, clock.now())}, then {was}"
    return one.message


def _board(show: str, span: str) -> dict[str, Any]:
    connection, tenant_id = reading(), current_actor().tenant_id
    everything = readings.readings(connection, tenant_id)
    checked = [one.checked_at for one in everything if one.checked_at]
    status, words = readings.summary(everything)
    return {
        "groups": lines(connection, tenant_id, span, show),
        "status": LIGHTS[status],
        "summary": f"{words} of {len(everything)} checks" if status != "ok" else f"All {len(everything)} checks are up",
        "checked_at": max(checked, default=None),
        "counts": {
            "all": len(everything),
            "failing": sum(one.failing for one in everything),
            "muted": sum(one.muted_until is not None for one in everything),
        },
        "show": show,
        "span": span,
        "span_word": SPAN_WORDS[span],
        "queue": _queue(connection),
        "tables": _largest_tables(connection),
        "upkeep": _upkeep(connection),
        "problems": _problems(connection, tenant_id) if current_actor().may("errors.read") else None,
        "now": clock.now(),
        "may_run": current_actor().may("health.run"),
        "page_title": "Health",
    }


def _queue(connection: Connection) -> Any:
    return connection.execute(
        text("""
            SELECT count(*) FILTER (WHERE status = 'todo') AS waiting, count(*) FILTER (WHERE status = 'doing') AS running,
                   count(*) FILTER (WHERE status = 'failed') AS failed,
                   (SELECT count(*) FROM procrastinate_workers
                    WHERE last_heartbeat > clock_timestamp() - interval '60 seconds') AS workers,
                   (SELECT max(last_heartbeat) FROM procrastinate_workers) AS heartbeat
            FROM procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed')
        """)
    ).one()


def _largest_tables(connection: Connection) -> Any:
    """The size of the database and of its five largest tables, indexes and long values included.

    The candidates come from the planner's own count of pages: asking every file for its size costs more than the page.
    """
    rows = connection.execute(
        text("""
            WITH whole AS MATERIALIZED (SELECT pg_database_size(current_database()) AS bytes),
            candidates AS MATERIALIZED (
                SELECT c.oid, c.relname, nullif(c.reltuples, -1)::bigint AS rows
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind = 'r' AND n.nspname = current_schema() ORDER BY c.relpages DESC LIMIT 10
            )
            SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes, c.rows, whole.bytes AS total
            FROM candidates c CROSS JOIN whole ORDER BY 2 DESC LIMIT 5
        """)
    )
    return rows.all()


def _upkeep(connection: Connection) -> Any:
    """The console's own background tasks: when each ran last and how its last runs ended."""
    rows = connection.execute(
        text("""
            SELECT task_name, array_agg(status::text ORDER BY id DESC) AS runs, max(ended) AS last
            FROM (
                SELECT id, task_name, status,
                       (SELECT max(at) FROM procrastinate_events e WHERE e.job_id = j.id
                        AND e.type IN ('succeeded', 'failed')) AS ended,
                       row_number() OVER (PARTITION BY task_name ORDER BY id DESC) AS nth
                FROM procrastinate_jobs j WHERE queue_name = 'upkeep' AND status IN ('succeeded', 'failed')
                  AND id > (SELECT coalesce(max(id), 0) - 5000 FROM procrastinate_jobs)
            ) AS recent WHERE nth <= 12 GROUP BY 1 ORDER BY 1
        """)
    )
    classes = {"succeeded": "", "failed": "x"}
    return [(row.task_name, [classes.get(run, "n") for run in reversed(row.runs)], row.last) for row in rows]


def _problems(connection: Connection, tenant_id: int) -> Any:
    return connection.execute(
        text("""
            SELECT id, title, culprit, substatus, event_count, last_seen_at FROM error_groups
            WHERE status = 'unresolved' AND (tenant_id IS NULL OR tenant_id = :tenant_id)
            ORDER BY last_seen_at DESC LIMIT 6
        """),
        {"tenant_id": tenant_id},
    ).all()


def _asked(name: str, known: Iterable[str], otherwise: str) -> str:
    value = request.args.get(name, otherwise)
    if value not in known:
        abort(400, f"There is no {name} called {value[:40]}; choose one of {', '.join(known)}.")
    return value


@blueprint.get("/health")
@needs("health.read")
def board() -> str:
    """Every check at a glance."""
    context = _board(_asked("show", SHOWN, "all"), _asked("span", ("1h", "24h", "7d"), "24h"))
    return render_template("screens/health/board.html", crumbs=[("Health", None)], **context)


@blueprint.get("/health/board")
@needs("health.read")
def fragment() -> str:
    """Only the board, for the page that keeps itself up to date."""
    context = _board(_asked("show", SHOWN, "all"), _asked("span", ("1h", "24h", "7d"), "24h"))
    return render_template("screens/health/_board.html", **context)


@blueprint.post("/health/run")
@needs("health.run")
def run_all() -> Response:
    """Run the quick checks now and queue those that read whole tables: nobody waits for the ledger to be proven."""
    slow = [one.key for one in engine.checks() if one.every >= upkeep.HOUR]
    done = engine.run_checks([one.key for one in engine.checks() if one.key not in slow], budget_s=RUN_BUDGET_S)
    with transaction() as connection:
        for key in slow:
            background.defer_within(connection, upkeep.run_check, once=f"health.run:{key}", key=key)
    readings.forget_worst()
    queued = f", {len(slow)} longer {'one' if len(slow) == 1 else 'ones'} queued for the worker" if slow else ""
    say(f"{len(done)} {'check' if len(done) == 1 else 'checks'} run{queued}")
    return redirect(url_for("health.board"), 303)


@blueprint.get("/health/<key>")
@needs("health.read")
def show(key: str) -> str:
    """One check: what it asks, its limits, its past as a line and as rows, and when it turned."""
    one = _one(key)
    span = _asked("span", SPANS, "24h")
    connection, tenant_id = reading(), current_actor().tenant_id
    past = readings.series(connection, tenant_id, [key], SPANS[span], POINTS).get(key, [])
    after = _cursor(request.args.get("after"))
    rows = readings.history(connection, tenant_id, key, after=after, limit=51)
    marks = [(float(limit), word) for limit, word in ((one.warn, "warn"), (one.crit, "fail")) if limit is not None]
    return render_template(
        "screens/health/check.html",
        line=_line(one, past),
        one=one,
        examples=[each for each in one.details.get("examples", ()) if current_actor().may(f"{each['table']}.read")],
        chart=trend([(slot, value) for slot, value, _ in past if value is not None], POINTS, marks),
        chart_words=_chart_words(one, past, span),
        flips=readings.history(connection, tenant_id, key, flips=True, limit=10),
        rows=rows[:50],
        next=_cursor_of(rows[49]) if len(rows) > 50 else None,
        first=after is not None,
        amount=amount,
        lights=LIGHTS,
        span=span,
        spans=SPAN_WORDS,
        mutes=MUTE_WORDS,
        now=clock.now(),
        may_run=current_actor().may("health.run"),
        may_ack=current_actor().may("health.ack"),
        page_title=one.check.title,
        crumbs=[("Health", url_for("health.board")), (one.check.title, None)],
    )


def _chart_words(one: Reading, past: list[tuple[int, float | None, str]], span: str) -> str:
    values = [value for _, value, _ in past if value is not None]
    if not values:
        return f"{one.check.title}: nothing measured in the last {SPAN_WORDS[span]}"
    low, high, last = (amount(value, one.check.unit) for value in (min(values), max(values), values[-1]))
    return f"{one.check.title} over {SPAN_WORDS[span]}: from {low} to {high}, last {last}"


def _one(key: str) -> Reading:
    found = readings.readings(reading(), current_actor().tenant_id, [key])
    return found[0] if found else abort(404)


def _cursor(value: str | None) -> tuple[datetime, int] | None:
    if value is None:
        return None
    moment, _, number = value.rpartition("~")
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or not 0 < int(number) < 2**63:
            raise ValueError(value)
    except ValueError:
        abort(400, "This page mark is not one of ours. Begin again from the first page.")
    return at, int(number)


def _cursor_of(row: Any) -> str:
    return f"{row.checked_at.isoformat()}~{row.id}"


@blueprint.post("/health/<key>/run")
@needs("health.run")
def run(key: str) -> Response:
    """Run one check now."""
    done = engine.run_checks([_one(key).check.key])
    readings.forget_worst()
    word = LIGHTS["idle" if done and done[-1].measured.idle else done[-1].status][0].lower() if done else "unknown"
    say(f"Checked: {word}")
    return redirect(url_for("health.show", key=key), 303)


@blueprint.post("/health/<key>/ack")
@needs("health.ack")
def ack(key: str) -> Response:
    """Say that somebody looks into it; it holds until the state turns."""
    one = _one(key)
    if one.row_id is None or not one.failing:
        say("There is nothing to acknowledge")
    else:
        _mark(one.row_id, None)
        say(f"{one.check.title} acknowledged")
    return redirect(url_for("health.show", key=key), 303)


@blueprint.post("/health/<key>/mute")
@needs("health.ack")
def mute(key: str) -> Response:
    """Keep quiet about a check until an end that is always set: a mute without one is forgotten, and hides the next fault."""
    one = _one(key)
    chosen = request.form.get("for", "")
    if chosen not in MUTES and chosen != "off":
        abort(422, "Choose how long to mute it.")
    if one.row_id is None:
        say("This check has not run yet")
    else:
        _mark(one.row_id, clock.now() + MUTES[chosen] if chosen != "off" else None, unmute=chosen == "off")
        say(f"{one.check.title} {'speaks again' if chosen == 'off' else 'muted for ' + dict(MUTE_WORDS)[chosen]}")
    return redirect(url_for("health.show", key=key), 303)


def _mark(row_id: int, until: datetime | None, unmute: bool = False) -> None:
    """Write down who acknowledged or muted; the next rows of the check carry it on."""
    with transaction() as connection:
        connection.execute(
            text("""
                UPDATE system_health
                SET acked_by = :who, acked_at = clock_timestamp(),
                    muted_until = CASE WHEN :unmute THEN NULL ELSE coalesce(:until, muted_until) END
                WHERE id = :id
            """),
            {"who": current_actor().app_user_id, "until": until, "unmute": unmute, "id": row_id},
        )
    readings.forget_worst()
