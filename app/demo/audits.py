"""The audits of the last eight nights: how the platform stood before a table of the old tracker was dropped, and after."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

from sqlalchemy import Connection

from app.core import clock
from app.core.db import db
from app.demo.legacy import PLANTED, SCHEMA
from app.demo.world import ZONE
from app.domains.platform.audit import tables, taking
from app.domains.platform.audit.report import JobLine, Report, TableLine
from app.engine import atlas, catalogue
from app.engine.atlas import readings
from app.engine.atlas.readings import History
from app.engine.catalogue import TableFacts

NIGHTS = 9
"""One more than a week: before tonight's report is made, the one a week old is the ninth."""
DROPPED = 4
"""Nights ago that somebody dropped the old receivables, and with them broke what read them."""
AT = time(3, 41)

GONE = TableLine(
    "legacy.receivables_2021",
    "crm",
    "table",
    "quiet",
    "About 96 rows, the last from 30 Dec 2021 (by due); none written since.",
    96,
    24_576,
)
READER = "legacy.overdue_by_customer"


def look_back(tenant_id: int) -> None:
    """Keep a report for each of the last nights, unless there are any. Needs an application context."""
    with db.engine.connect() as connection:
        if taking.has_any(connection, tenant_id):
            return
        today = replace(taking.look(connection, tenant_id), tables=_looked_through(connection))
        connection.rollback()
    day = clock.today(ZONE)
    for ago in range(NIGHTS, 0, -1):
        at = datetime.combine(day - timedelta(days=ago - 1), AT, clock.zone_of(ZONE))
        if at < clock.now():
            taking.keep(tenant_id, _as_it_was(today, at, ago), "nightly", None, 1_140 + ago * 37)


def _looked_through(connection: Connection) -> tuple[TableLine, ...]:
    """The atlas as the worker of a console at work has it: with a look into each table of the old tracker."""
    facts = catalogue.tables(connection)
    known = {each.qualified: _reading(connection, each) for each in facts if each.schema == SCHEMA}
    return tables.tables(atlas.compute(facts, known, []))


def _reading(connection: Connection, facts: TableFacts) -> History:
    found, now = readings.probe(connection, facts), clock.now()
    return History(
        taken_at=now,
        inserts=facts.inserts,
        updates=facts.updates,
        deletes=facts.deletes,
        is_empty=found.is_empty,
        newest_at=found.newest_at,
        newest_from=found.newest_from,
        highest_key=found.highest_key,
        fault=found.fault,
        probes=found.looks,
        first_at=now - timedelta(days=NIGHTS),
        readings=1,
        writes_per_day=None,
        grown_at=None,
        changed_at=None,
    )


def _as_it_was(today: Report, at: datetime, ago: int) -> Report:
    """The same platform some nights ago. What was just loaded had been at work for long, as the story goes."""
    lines = [_table(each, ago) for each in today.tables]
    if ago > DROPPED and any(each.name == READER for each in lines):
        lines.append(GONE)
    return replace(
        today,
        taken_at=at,
        tables=tuple(sorted(lines, key=lambda each: (each.domain, each.name))),
        jobs=tuple(_job(each, at) for each in today.jobs),
    )


def _table(each: TableLine, ago: int) -> TableLine:
    if each.name == READER and ago > DROPPED:
        return replace(each, verdict="quiet", evidence=f"It reads {GONE.name}, where nothing is written any more.")
    verdict = PLANTED.get(each.name, "live")
    return (
        each
        if verdict == each.verdict
        else replace(each, verdict=verdict, evidence="As the worker read it that night.")
    )


def _job(each: JobLine, at: datetime) -> JobLine:
    if each.source != "code" or each.schedule == "when asked for":
        return each
    return replace(
        each, verdict="ran", last_at=(at - timedelta(minutes=2)).isoformat(), evidence="The last run went well."
    )
