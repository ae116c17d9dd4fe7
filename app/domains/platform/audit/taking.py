"""Taking a report: gather what is there, judge it, keep it by date. Nothing is written but the report."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from app.core import clock
from app.core.db import db
from app.core.revision import code_heads
from app.domains.platform.audit import api, pages, tables
from app.domains.platform.audit.features import CATEGORIES, FEATURES, Use
from app.domains.platform.audit.jobs import jobs
from app.domains.platform.audit.judging import judge
from app.domains.platform.audit.known import gather
from app.domains.platform.audit.report import Api, FeatureLine, Report
from app.domains.platform.audit.using import Counted, changes, count
from app.engine import atlas, errors_log
from app.engine.apply import transaction

NIGHT = range(2, 6)
"""Hours of the company's own clock in which nobody minds."""
MISSED = timedelta(hours=30)
"""After so long without a report one is taken at any hour: a console that sleeps at night has one too."""


def take(tenant_id: int, trigger: str, taken_by: int | None = None, *, private: bool = False) -> int:
    """Take a report of how things stand and keep it; returns its key. Needs an application context.

    `private` lets the operator API lie inside our own network; it is the operator's setting, not the asker's.
    """
    began = time.monotonic()
    with db.engine.connect() as connection:
        report = look(connection, tenant_id, private=private)
        connection.rollback()
    return keep(tenant_id, report, trigger, taken_by, int((time.monotonic() - began) * 1000))


def look(connection: Connection, tenant_id: int, *, private: bool = False) -> Report:
    """How things stand, unkept."""
    company = connection.execute(_COMPANY, {"tenant": tenant_id}).one()
    entries = atlas.rows(connection)
    opened = pages.every()
    notes = [] if opened is not None else ["The pages could not be looked at, so features were not judged."]
    features, categories = _features(connection, tenant_id, entries, opened) if opened is not None else ((), ())
    ran = jobs(connection, tenant_id)
    connection.rollback()  # the operator API may take its time, and nobody's rows wait for it
    return Report(
        taken_at=clock.now(),
        company=company.name,
        zone=company.timezone,
        revision=revision(),
        tables=tables.tables(entries),
        features=features,
        categories=categories,
        jobs=ran,
        api=_api(company.audit or {}, private),
        notes=tuple(notes),
    )


def _features(
    connection: Connection, tenant_id: int, entries: list[atlas.Entry], opened: tuple[pages.Page, ...]
) -> tuple[tuple[FeatureLine, ...], tuple[FeatureLine, ...]]:
    known = gather(connection, tenant_id, entries, opened)
    ledger = changes(connection, tenant_id)
    counted: dict[str, Counted | None] = {}

    def counting(use: Use) -> Counted | None:
        asked = repr((use.table, use.at, use.where))
        if asked not in counted:
            counted[asked] = count(connection, tenant_id, use)
        return counted[asked]

    judged = [tuple(judge(each, known, counting, ledger) for each in group) for group in (FEATURES, CATEGORIES)]
    return judged[0], judged[1]


def _api(settings: dict[str, Any], private: bool) -> Api:
    if settings.get("api_address"):
        return api.by_address(str(settings["api_address"]), private=private)
    if settings.get("api_file"):
        return api.kept(settings["api_file"])
    return Api()


def revision() -> str:
    """The code at work: its version and the schema it is for."""
    return f"{errors_log.release() or 'unreleased'}, schema {', '.join(sorted(code_heads()))}"


def keep(tenant_id: int, report: Report, trigger: str, taken_by: int | None, took_ms: int) -> int:
    """Write a report down; nobody changes it afterwards."""
    raw = report.plain() | {"took_ms": took_ms}
    figures = report.figures()
    with transaction() as connection:
        return int(
            connection.execute(
                _KEEP,
                figures
                | {
                    "tenant": tenant_id,
                    "at": report.taken_at,
                    "trigger": trigger,
                    "by": taken_by,
                    "revision": report.revision,
                    "took": took_ms,
                    "report": raw,
                },
            ).scalar_one()
        )


def has_any(connection: Connection, tenant_id: int) -> bool:
    """Whether a report was ever kept."""
    return bool(connection.execute(text("SELECT EXISTS (SELECT FROM system_audits WHERE tenant_id = :tenant)"),
                                   {"tenant": tenant_id}).scalar())  # fmt: skip


def due(connection: Connection) -> list[int]:
    """Companies whose nightly report is to be taken now: it is night with them, or they have waited too long."""
    now = clock.now()
    return [
        row.id
        for row in connection.execute(_STANDING)
        if _is_due(now, row.timezone, row.last_at or row.created_at, row.last_at is not None)
    ]


def _is_due(now: datetime, zone: str, last: datetime, ever: bool) -> bool:
    if now - last > MISSED:
        return True
    is_night = now.astimezone(clock.zone_of(zone)).hour in NIGHT
    return is_night and (not ever or now - last > timedelta(hours=20))


def forget() -> int:
    """Thin out old reports as the database itself allows."""
    with transaction() as connection:
        return int(connection.execute(text("SELECT prune_audits()")).scalar_one())


_COMPANY = text("SELECT name, timezone, settings -> 'audit' AS audit FROM tenants WHERE id = :tenant")
_STANDING = text("""
SELECT t.id, t.timezone, t.created_at,
       (SELECT max(a.taken_at) FROM system_audits a WHERE a.tenant_id = t.id AND a.trigger = 'nightly') AS last_at
FROM tenants t WHERE t.status = 'active' ORDER BY t.id
""")
_KEEP = text("""
INSERT INTO system_audits (tenant_id, taken_at, trigger, taken_by, revision, took_ms, tables_live, tables_quiet, tables_empty,
                           tables_look_alike, tables_broken, features_built, features_reachable, features_used,
                           jobs_declared, jobs_failing, operations_declared, operations_answering, report)
VALUES (:tenant, :at, :trigger, :by, :revision, :took, :tables_live, :tables_quiet, :tables_empty,
        :tables_look_alike, :tables_broken, :features_built, :features_reachable, :features_used,
        :jobs_declared, :jobs_failing, :operations_declared, :operations_answering, :report)
RETURNING id
""").bindparams(bindparam("report", type_=JSONB))
