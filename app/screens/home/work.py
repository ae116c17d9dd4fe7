"""How far the jobs are, who is on which roof today, and what the person looking has to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from app.core import charts, clock, formats
from app.screens.home.frame import Count, Frame

STAGES = (
    ("new", "New"),
    ("approved", "Approved"),
    ("scheduled", "Scheduled"),
    ("in_progress", "In progress"),
    ("on_hold", "On hold"),
    ("completed", "Completed"),
    ("authorized", "Authorized"),
    ("invoiced", "Invoiced"),
)
_JOBS = text("""
    SELECT status, count(*) AS rows,
           coalesce(sum(contract_value + approved_changes) FILTER (WHERE currency = :currency), 0) AS value,
           count(*) FILTER (WHERE scheduled_start IS NULL) AS undated,
           count(*) FILTER (WHERE is_billable) AS chargeable,
           count(*) FILTER (WHERE is_billable AND currency = :currency) AS billable,
           coalesce(sum(greatest(contract_value + approved_changes - billed_total, 0))
                    FILTER (WHERE is_billable AND currency = :currency), 0) AS unbilled
    FROM jobs
    WHERE tenant_id = :tenant AND archived_at IS NULL AND status = ANY (CAST(:stages AS text[]))
    GROUP BY 1
""")
_VISITS = text("""
    SELECT v.id, v.status, v.starts_at, v.ends_at, v.crew_lead_id, p.display_name AS lead, j.number, j.title,
           c.name AS customer
    FROM job_visits v
    JOIN jobs j ON j.id = v.job_id
    JOIN customers c ON c.id = j.customer_id
    LEFT JOIN app_users p ON p.id = v.crew_lead_id
    WHERE v.tenant_id = :tenant AND v.starts_at >= :start AND v.starts_at < :until AND v.status <> 'cancelled'
    ORDER BY p.display_name NULLS LAST, v.crew_lead_id, v.starts_at, v.id
""")
_TASKS = text("""
    SELECT id, title, due_at, priority, status,
           count(*) FILTER (WHERE due_at < :start) OVER () AS overdue, count(*) FILTER (WHERE due_at >= :start) OVER () AS today
    FROM user_tasks
    WHERE tenant_id = :tenant AND assignee_id = :me AND status IN ('todo', 'in_progress', 'blocked') AND due_at < :until
      AND archived_at IS NULL
    ORDER BY due_at, id LIMIT 6
""")

FIRST_HOUR, HOURS = 6, 12
MOST_LANES = 7
_TONES = {"done": "done", "working": "prog", "paused": "prog", "dispatched": "prog", "no_access": "risk"}


@dataclass(frozen=True)
class Stage:
    label: str
    count: Count
    value: Decimal | None
    """Contract value with approved changes; None for who does not see values."""
    note: str
    height: int
    """Whole percent of the tallest stage."""


@dataclass(frozen=True)
class Pipeline:
    stages: list[Stage]
    jobs: int
    value: Decimal | None
    in_progress: Count
    on_hold: int
    undated: Count
    to_authorize: Count
    to_invoice: Count
    unbilled: Decimal | None
    """Contract value and approved changes of finished, billable jobs beyond what is billed (KPIS.md, unbilled work)."""
    unbilled_count: Count


@dataclass(frozen=True)
class Block:
    """One visit on a crew's lane; `start` and `width` are whole percent of the twelve hours shown."""

    href: str
    title: str
    note: str
    tone: str
    start: int
    width: int
    when: str


@dataclass(frozen=True)
class Lane:
    crew: str
    note: str
    blocks: list[Block]


@dataclass(frozen=True)
class Visits:
    count: Count
    crews: int
    lanes: list[Lane]
    hidden: int
    """Crews beyond those drawn."""
    late: int
    now: int | None
    now_words: str
    hours: list[str]


@dataclass(frozen=True)
class Task:
    title: str
    href: str
    due_at: datetime
    late: bool
    priority: str


@dataclass(frozen=True)
class Tasks:
    overdue: Count
    today: Count
    first: list[Task]


def pipeline(here: Frame) -> Pipeline | None:
    if not here.sees("jobs", "status"):
        return None
    priced = here.sees("jobs", "contract_value", "approved_changes", "billed_total")
    found = {row.status: row for row in here.rows(_JOBS, stages=[key for key, _ in STAGES])}

    def total(name: str, *stages: str) -> Any:
        return sum(getattr(found[stage], name) for stage in stages if stage in found)

    tallest = max((row.value if priced else row.rows for row in found.values()), default=0)
    undated = Count(
        total("undated", "approved"), here.list("jobs", {"status": "approved", "scheduled_start.null": "true"})
    )
    finished = {"status.in": "completed,authorized", "is_billable": "true", "currency": here.currency}
    stages = []
    for key, label in STAGES:
        rows, value = total("rows", key), Decimal(total("value", key))
        note = f"{undated.number:,} undated" if key == "approved" and undated.number else ""
        height = charts.whole_percent(float(value) if priced else rows, float(tallest))
        stages.append(Stage(label, _at(here, key, rows), value if priced else None, note, height))
    return Pipeline(
        stages=stages,
        jobs=sum(stage.count.number for stage in stages),
        value=sum((stage.value for stage in stages if stage.value is not None), Decimal(0)) if priced else None,
        in_progress=_at(here, "in_progress", total("rows", "in_progress")),
        on_hold=total("rows", "on_hold"),
        undated=undated,
        to_authorize=_at(here, "completed", total("rows", "completed")),
        to_invoice=Count(
            total("chargeable", "authorized"), here.list("jobs", {"status": "authorized", "is_billable": "true"})
        ),
        unbilled=Decimal(total("unbilled", "completed", "authorized")) if priced else None,
        unbilled_count=Count(total("billable", "completed", "authorized"), here.list("jobs", finished)),
    )


def _at(here: Frame, status: str, rows: int) -> Count:
    return Count(rows, here.list("jobs", {"status": status}))


def visits(here: Frame) -> Visits | None:
    if not here.sees("job_visits"):
        return None
    rows = here.rows(_VISITS, start=here.midnight, until=here.next_midnight)
    crews: dict[tuple[int | None, str], list[Block]] = {}
    for row in rows:
        crews.setdefault((row.crew_lead_id, row.lead or "No crew yet"), []).append(_block(here, row))
    lanes = [Lane(lead, _plural(len(blocks), "visit"), blocks) for (_, lead), blocks in crews.items()]
    now = _percent(here, here.now)
    return Visits(
        count=Count(
            len(rows),
            here.list("job_visits", here.on("starts_at", here.today, here.today) | {"status.ne": "cancelled"}),
        ),
        crews=sum(1 for lead, _ in crews if lead is not None),
        lanes=lanes[:MOST_LANES],
        hidden=max(len(lanes) - MOST_LANES, 0),
        late=sum(block.tone == "risk" for blocks in crews.values() for block in blocks),
        now=now if 0 < now < 100 else None,
        now_words=formats.clock(here.now, here.zone).split(" ")[0],
        hours=[_hour(FIRST_HOUR + step) for step in range(0, HOURS, 2)],
    )


def _block(here: Frame, row: Any) -> Block:
    start, end = max(_percent(here, row.starts_at), 0), min(_percent(here, row.ends_at), 100)
    start = min(start, 92)
    customer = row.customer if here.sees("customers", "name") else ""
    work = row.title if here.sees("jobs", "title") else "Visit"
    # A visit nobody has begun although its hour has come is what a dispatcher looks for first.
    late = row.status == "scheduled" and row.starts_at < here.now
    when = f"{formats.clock(row.starts_at, here.zone)} to {formats.clock(row.ends_at, here.zone)}"
    return Block(
        href=here.record("job_visits", row.id),
        title=customer or work,
        note=work if customer else "",
        tone="risk" if late else _TONES.get(row.status, "plan"),
        start=start,
        width=max(end - start, 8),
        when=f"{when}, {row.status.replace('_', ' ')}{', not begun' if late else ''}",
    )


def _percent(here: Frame, moment: datetime) -> int:
    """Where a moment stands between the first and last hour drawn, in whole percent; outside it is below 0 or above 100."""
    local = moment.astimezone(clock.zone_of(here.zone))
    hours = (local.date() - here.today).days * 24 + local.hour + local.minute / 60
    return round((hours - FIRST_HOUR) / HOURS * 100)


def _hour(hour: int) -> str:
    if hour == 12:
        return "noon"
    return f"{hour % 12 or 12} {'am' if hour < 12 else 'pm'}"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def tasks(here: Frame) -> Tasks | None:
    if not here.works("user_tasks") or here.actor.app_user_id is None:
        return None
    rows = here.rows(_TASKS, start=here.midnight, until=here.next_midnight)
    mine = {"assignee_id": here.actor.app_user_id, "status.in": "todo,in_progress,blocked"}
    return Tasks(
        overdue=Count(
            rows[0].overdue if rows else 0, here.list("user_tasks", mine | here.before("due_at", here.today))
        ),
        today=Count(
            rows[0].today if rows else 0, here.list("user_tasks", mine | here.on("due_at", here.today, here.today))
        ),
        first=[
            Task(row.title, here.record("user_tasks", row.id), row.due_at, row.due_at < here.midnight, row.priority)
            for row in rows
        ],
    )
