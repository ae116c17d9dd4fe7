"""Errors that nobody solved yet and checks that do not pass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from app.engine.health_readings import readings, summary
from app.screens.home.frame import Count, Frame

_ERRORS = text("""
    SELECT id, title, culprit, level, substatus, event_count, last_seen_at, count(*) OVER () AS unresolved,
           count(*) FILTER (WHERE first_seen_at >= :start) OVER () AS fresh
    FROM error_groups
    WHERE status = 'unresolved' AND (tenant_id = :tenant OR (tenant_id IS NULL AND :platform))
    ORDER BY last_seen_at DESC, id DESC LIMIT 5
""")
MOST_CHECKS = 5
WORDS = {"crit": "Failing", "warn": "Degraded", "unknown": "Unknown", "ok": "Up"}
MARKS = {"crit": ("danger", "fail"), "warn": ("warn", "warn"), "unknown": ("info", "draft"), "ok": ("ok", "done")}


@dataclass(frozen=True)
class Problem:
    title: str
    href: str
    where: str
    glyph: tuple[str, str]
    events: int
    last_seen_at: datetime
    regressed: bool


@dataclass(frozen=True)
class Errors:
    unresolved: Count
    fresh: Count
    """Unresolved and first seen today."""
    first: list[Problem]


@dataclass(frozen=True)
class CheckLine:
    title: str
    href: str
    word: str
    tone: str
    glyph: str
    note: str


@dataclass(frozen=True)
class Health:
    """The worst of all checks; `well` counts those that pass. Not knowing is never counted as passing."""

    tone: str
    glyph: str
    words: str
    well: int
    all: int
    failing: int
    first: list[CheckLine]


def errors(here: Frame) -> Errors | None:
    if not here.sees("error_groups"):
        return None
    rows = here.rows(_ERRORS, start=here.midnight, platform=here.actor.may("platform.read"))
    asked = {"status": "unresolved"}
    return Errors(
        unresolved=Count(rows[0].unresolved if rows else 0, here.list("error_groups", asked)),
        fresh=Count(
            rows[0].fresh if rows else 0, here.list("error_groups", asked | here.since("first_seen_at", here.today))
        ),
        first=[
            Problem(
                row.title,
                here.record("error_groups", row.id),
                row.culprit or "",
                MARKS["warn" if row.level == "warning" else "crit"],
                row.event_count,
                row.last_seen_at,
                row.substatus == "regressed",
            )
            for row in rows
        ],
    )


def health(here: Frame) -> Health | None:
    if not here.actor.may("health.read"):
        return None
    board = readings(here.connection, here.actor.tenant_id)
    worst, words = summary(board)
    order = ("crit", "warn", "unknown")
    failing = sorted((each for each in board if each.failing), key=lambda each: order.index(each.status))
    tone, glyph = MARKS[worst]
    return Health(
        tone=tone,
        glyph=glyph,
        words=words,
        well=sum(each.status == "ok" for each in board),
        all=len(board),
        failing=len(failing),
        first=[
            CheckLine(
                each.check.title, f"/health/{each.check.key}", WORDS[each.status], *MARKS[each.status], each.message
            )
            for each in failing[:MOST_CHECKS]
        ],
    )
