"""What the watchers saw: a day of health checks, three months of figures, and the errors of two weeks."""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta

from psycopg.types.json import Jsonb

from app.demo.world import Record, World

# Key, group, unit, limits, usual value, and the spells (minutes from the end, length, factor) in which it went wrong.
CHECKS: tuple[tuple[str, str, str, float, float, float, int, tuple[tuple[int, int, float], ...]], ...] = (
    ("db.ping_ms", "db", "ms", 50, 500, 1.8, 1, ((1010, 4, 40),)),
    ("db.connections", "db", "%", 70, 90, 14, 1, ()),
    ("app.p95_ms", "app", "ms", 800, 2000, 190, 1, ((640, 18, 5.2), (1012, 6, 12))),
    ("app.request_errors", "app", "%", 1, 5, 0.06, 1, ((641, 9, 40),)),
    ("queue.wait_s", "queue", "s", 120, 300, 3, 1, ((300, 25, 55), (290, 8, 120))),
    ("ai.error_rate", "ai", "%", 5, 20, 1.6, 1, ((820, 35, 5.5),)),
    ("ai.p95_ms", "ai", "ms", 10_000, 30_000, 4_300, 1, ((818, 30, 3.1),)),
)
OF_TENANT = frozenset({"ai"})

ERRORS: tuple[tuple[str, str, str, str, str, int], ...] = (
    ("Payment reminder could not be sent", "SMTPServerDisconnected", "automations.reminders.send", "automation", "error", 41),
    ("Calendar token expired for crew calendar", "TokenExpired", "integrations.calendar.sync", "integration", "error", 67),
    ("Weather forecast answered 503", "ServiceUnavailable", "integrations.forecast.hourly", "integration", "warning", 112),
    ("Model call timed out after 30 s", "ModelTimeout", "ai.calls.chat", "agent", "warning", 58),
    ("Estimate PDF without a page", "EmptyDocument", "documents.render", "worker", "error", 6),
    ("Photo could not be read: truncated JPEG", "ImageTruncated", "files.derive.thumbnail", "worker", "warning", 23),
    ("Could not find division of invoice 0", "ZeroDivisionError", "revenue.margin.compute", "web", "error", 3),
    ("Row was updated by someone else", "StaleVersion", "web.cells.save", "web", "warning", 38),
    ("Slow list: customers by trigram", "StatementTimeout", "web.resources.list", "web", "error", 4),
    ("Address could not be located", "GeocodeMiss", "properties.locate", "worker", "warning", 87),
    ("Webhook delivery refused: 401", "DeliveryRefused", "webhooks.deliver", "worker", "error", 19),
    ("Board page lost its connection", "NetworkError", "static/js/elements/live.js", "browser", "warning", 52),
    ("Agent returned a choice that was not offered", "ChoiceOutOfRange", "ai.decisions.record", "agent", "error", 11),
    ("Disk nearly full on worker 2", "NoSpaceLeft", "files.store.write", "worker", "fatal", 2),
)  # fmt: skip
STATES = ("unresolved", "unresolved", "unresolved", "resolved", "unresolved", "ignored", "resolved")


def health(world: World) -> None:
    """A day of minute-by-minute checks with their turns, marked as demonstration so that nobody takes them for ours."""
    dice = world.dice("health")
    records: list[Record] = []
    for key, group, unit, warn, crit, usual, every, spells in CHECKS:
        before = None
        for minute in range(1440, 0, -every):
            factor = max((factor for start, length, factor in spells if start - length < minute <= start), default=1.0)
            value = usual * factor * (1 + 0.25 * math.sin(minute / 180)) * dice.uniform(0.8, 1.25)
            status = "crit" if value >= crit else "warn" if value >= warn else "ok"
            moment = world.at - timedelta(minutes=minute)
            records.append({
                "tenant_id": world.tenant_id if group in OF_TENANT else None,
                "check_key": key, "group_key": group, "status": status, "value": round(value, 3), "unit": unit,
                "warn_at": warn, "crit_at": crit, "message": None if status == "ok" else f"{value:,.1f} {unit}",
                "details": Jsonb({"demo": True}), "latency_ms": dice.randrange(1, 6), "checked_at": moment,
                "changed": before is not None and before != status, "created_at": moment,
            })  # fmt: skip
            before = status
    world.write("system_health", records)


def errors(world: World) -> None:
    """Problems as a watcher groups them, with their single occurrences; some solved, one that came back."""
    world.chapter("errors", "Demonstration company: problems and who looks after them")
    dice = world.dice("errors")
    owner = world.staff["Priya Raman"]
    groups: list[Record] = []
    logs: list[tuple[int, list[Record]]] = []
    for place, (title, kind, culprit, source, level, count) in enumerate(ERRORS):
        state = STATES[place % len(STATES)]
        newest = world.at - timedelta(days=3 if state == "resolved" else 0, minutes=dice.randrange(2, 600))
        moments = [*sorted(newest - timedelta(days=14 * dice.random() ** 1.4) for _ in range(count - 1)), newest]
        resolved = newest + timedelta(hours=5) if state == "resolved" else None
        groups.append({
            "tenant_id": world.tenant_id, "fingerprint": hashlib.sha256(f"{kind}|{culprit}".encode()).hexdigest()[:32],
            "title": title, "culprit": culprit, "error_type": kind, "source": source, "level": level, "status": state,
            "substatus": {"ignored": "until_escalating", "resolved": None}.get(state, ("ongoing", "new", "regressed")[place % 3]),
            "assignee_id": owner if place % 3 == 0 else None, "first_seen_at": moments[0], "last_seen_at": newest,
            "event_count": count, "user_count": min(count, dice.randrange(1, 9)), "first_release": "2026.9.1",
            "last_release": "2026.11.3", "resolved_at": resolved, "resolved_by": owner if resolved else None,
            "resolved_in_release": "2026.11.3" if resolved else None, "created_at": moments[0],
        })  # fmt: skip
        logs.append((place, [_occurrence(world, place, moment, number) for number, moment in enumerate(moments)]))
    world.write("error_groups", groups)
    flat = []
    for place, occurrences in logs:
        for occurrence in occurrences:
            flat.append(occurrence | {"group_id": groups[place]["id"]})
    world.write("error_logs", sorted(flat, key=lambda record: record["occurred_at"]))


def _occurrence(world: World, place: int, moment: object, number: int) -> Record:
    title, kind, culprit, source, level, _count = ERRORS[place]
    web = source in ("web", "browser")
    module, _, function = culprit.rpartition(".")
    return {
        "tenant_id": world.tenant_id, "group_id": None, "occurred_at": moment, "level": level, "error_type": kind,
        "message": title,
        "stacktrace": f'  File "{module.replace(".", "/")}.py", line {40 + 7 * place}, in {function}\n{kind}: {title}',
        "request_id": hashlib.sha256(f"{world.seed}/{place}/{number}".encode()).hexdigest()[:16] if web else None,
        "method": "GET" if web else None, "path": "/crm/customers" if web else None,
        "status_code": 500 if source == "web" and level == "error" else None, "release": "2026.11.3",
        "context": Jsonb({"demo": True, "attempt": 1 + number % 3}), "created_at": moment,
    }  # fmt: skip


def figures(world: World, days: int = 90) -> None:
    """Daily history of what is owed and of what the agents cost, computed from the rows themselves."""
    world.connection.execute(
        """
        WITH moved AS MATERIALIZED (
            SELECT on_day, sum(amount) AS amount FROM (
                SELECT issue_date AS on_day, total - retainage_withheld AS amount FROM invoices
                WHERE tenant_id = %(tenant)s AND kind = 'invoice' AND status <> 'draft'
                UNION ALL
                SELECT allocated_on, -amount FROM payment_allocations
                WHERE tenant_id = %(tenant)s AND reversed_at IS NULL
            ) AS movements GROUP BY on_day
        )
        INSERT INTO metrics (tenant_id, name, bucket, bucket_start, dims, kind, value, unit)
        SELECT %(tenant)s, 'ar.open_total', 'day', day AT TIME ZONE %(zone)s, '{"currency": "USD"}', 'gauge',
               (SELECT coalesce(sum(amount), 0) FROM moved WHERE on_day <= day::date), 'money'
        FROM generate_series(%(today)s::date - %(days)s, %(today)s::date - 1, interval '1 day') AS day
        ON CONFLICT DO NOTHING
        """,
        {"tenant": world.tenant_id, "zone": str(world.zone), "today": world.local().date(), "days": days},
    )
    world.connection.execute(
        """
        INSERT INTO metrics (tenant_id, name, bucket, bucket_start, dims, kind, value, sample_count, unit)
        SELECT %(tenant)s, 'ai.cost', 'day', date_trunc('day', started_at, %(zone)s), '{}', 'counter', sum(total_cost),
               count(*), 'usd'
        FROM ai_calls WHERE tenant_id = %(tenant)s AND started_at >= %(since)s AND started_at < %(until)s
        GROUP BY 4 ON CONFLICT DO NOTHING
        """,
        {
            "tenant": world.tenant_id,
            "zone": str(world.zone),
            "since": world.local(-days, 0),
            "until": world.local(0, 0),
        },
    )
