"""Data quality by night and on demand: the worker looks at every rule of every company, each by itself, and keeps the counts."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from sqlalchemy import Connection, text

from app.core.db import db
from app.engine import background
from app.engine.apply import transaction
from app.engine.gauges import gauge
from app.engine.health import Measured, check
from app.engine.quality import at_once, fixing, looking

logger = logging.getLogger("console.quality")

once_approved = fixing.carry_out
in_one_go = at_once.FixWork
"""A worker carries out a fix that needed a second person, and fixes of a whole queue; it knows both by these."""


@background.every("10 2 * * *", "quality.night")
def look_by_night() -> int:
    """Queue a look at every rule of every company that works; each is a queued job of its own, so that one that errs or
    takes long stands in nobody's way.
    """
    with db.engine.connect() as connection:
        tenants = connection.scalars(text("SELECT id FROM tenants WHERE status = 'active' ORDER BY id")).all()
    queued = 0
    for tenant_id in tenants:
        with transaction() as connection:
            for rule in looking.every(tenant_id):
                queued += queue(connection, tenant_id, rule.key)
    return queued


def queue(connection: Connection, tenant_id: int, key: str, whole: bool = False) -> bool:
    """Have a worker look at one rule, within the caller's transaction; one waiting copy is enough."""
    connection.execute(_QUEUED, {"tenant": tenant_id, "rule": key})
    named = f"quality.look:{tenant_id}:{key}"
    return (
        background.defer_within(connection, look, once=named, tenant_id=tenant_id, key=key, whole=int(whole))
        is not None
    )


def rehearse_later(connection: Connection, plan_id: int) -> None:
    """Have a worker rehearse a stored plan, within the caller's transaction."""
    queued = background.queue.tasks["bulk.rehearse"]
    background.defer_within(connection, queued, once=f"bulk.rehearse:{plan_id}", plan_id=plan_id)


@background.task("quality.look")
def look(tenant_id: int, key: str, whole: int = 0) -> None:
    """Look at one rule of one company. What is wrong with the rule itself is kept with it and shown."""
    rule = looking.of_key(tenant_id, key)
    if rule is not None:
        looking.look(rule, tenant_id, whole=bool(whole))


@gauge("quality.open", unit="problems")
def open_problems(connection: Connection, tenant_id: int) -> Iterable[tuple[dict[str, str], int]]:
    """Open problems of each rule, today: a rule that was looked at and found nothing counts as none."""
    rows = connection.execute(_OPEN, {"tenant": tenant_id})
    return [({"rule": row.rule_key}, row.open) for row in rows]


@check(
    "data.rules", group="data", title="Data rules that err", unit="rules", warn=1, crit=5, every=3600, per_tenant=True,
)  # fmt: skip
def rules_that_err(connection: Connection, tenant_id: int) -> Measured:
    """Rules that could not be looked at the last time, or not for two days: what they would find nobody knows."""
    rows = connection.execute(_ERRS, {"tenant": tenant_id}).all()
    known = {each.key for each in looking.every(tenant_id)}
    wrong = [(row.rule_key, row.why) for row in rows if row.rule_key in known]
    words = "; ".join(f"{key}: {why}" for key, why in wrong[:3])
    looked = connection.execute(_LOOKED, {"tenant": tenant_id}).scalar_one()
    if not looked:
        return Measured(None, "No rule has been looked at yet: the worker does it at ten past two, or when asked")
    return Measured(len(wrong), words or "Every rule was looked at", dict(wrong))


_QUEUED = text("""
INSERT INTO quality_looks (tenant_id, rule_key, state) VALUES (:tenant, :rule, 'queued')
ON CONFLICT (tenant_id, rule_key) DO UPDATE SET state = 'queued' WHERE quality_looks.state = 'idle'
""")
_OPEN = text("""
SELECT l.rule_key, count(d.id) AS open FROM quality_looks l
LEFT JOIN data_quality_findings d ON d.tenant_id = l.tenant_id AND d.rule_key = l.rule_key AND d.status = 'open'
WHERE l.tenant_id = :tenant GROUP BY 1
""")
_ERRS = text("""
SELECT rule_key, coalesce(error, 'not looked at for two days') AS why FROM quality_looks
WHERE tenant_id = :tenant AND (error IS NOT NULL OR looked_at < clock_timestamp() - interval '2 days') ORDER BY 1
""")
_LOOKED = text("SELECT count(*) FROM quality_looks WHERE tenant_id = :tenant AND looked_at IS NOT NULL")
