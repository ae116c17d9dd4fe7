"""What needs a person: the exceptions this role can act on, most pressing first; nothing that is merely so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from app.engine.quality import queues
from app.screens.home.frame import Count, Frame


@dataclass(frozen=True)
class Need:
    count: Count
    words: str
    kind: str
    """The class of its mark: by-ai, d for act, w for watch, empty for work that waits."""
    glyph: str


def needs(here: Frame, board: Mapping[str, Any]) -> list[Need]:
    """Composed of what the panels and the navigation counted already, so it costs no statement of its own."""
    may, found = here.actor.may, []

    def add(count: Count | None, one: str, many: str, kind: str = "", glyph: str = "open") -> None:
        if count is not None and count.number:
            found.append(Need(count, one if count.number == 1 and not count.more else many, kind, glyph))

    review, owed, jobs, tasks = board["review"], board["receivables"], board["pipeline"], board["tasks"]
    health, errors = board["health"], board["errors"]
    if health and health.failing and may("health.read"):
        add(Count(health.failing, "/health?show=failing"), "check not passing", "checks not passing", "d", "fail")
    add(board["decide"], "approval to decide", "approvals to decide", "w", "warn")
    if review and review.may_review:
        add(review.count, "agent decision to review", "agent decisions to review", "by-ai", "ai")
    if errors and may("errors.resolve"):
        add(errors.fresh, "new error today", "new errors today", "d", "fail")
    if tasks:
        add(tasks.overdue, "task of yours overdue", "tasks of yours overdue", "w", "warn")
    if may("dq.fix"):
        wrong = Count(queues.open_now(here.connection, here.actor), "/quality")
        add(wrong, "data problem to put right", "data problems to put right", "w", "warn")
    if owed and may("invoices.write"):
        add(owed.overdue, "invoice past due", "invoices past due", "w", "warn")
    if jobs and may("jobs.schedule"):
        add(jobs.undated, "approved job without a date", "approved jobs without a date")
    if jobs and may("jobs.authorize"):
        add(jobs.to_authorize, "job to authorize", "jobs to authorize")
    if jobs and may("invoices.create"):
        add(jobs.to_invoice, "job to invoice", "jobs to invoice")
    return found


def begins(here: Frame) -> bool:
    """Whether this company has no customer yet and whoever looks may bring in what it has elsewhere."""
    return (
        here.actor.may("imports.guided")
        and not here.connection.execute(_ANY, {"tenant": here.actor.tenant_id}).scalar()
    )


_ANY = text("SELECT EXISTS (SELECT FROM customers WHERE tenant_id = :tenant)")
