"""Health results: every verdict of every check over time; the Health page shows them as lights and lines."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Duration, Flag, Json, Moment, Quantity, Reference, Text
from app.engine.records import PlatformLog, Record, choice, flag, integer, json_, moment, number, ref, text_
from app.engine.resource import Resource


class SystemHealth(Record, PlatformLog):
    __tablename__ = "system_health"
    check_key: Mapped[str] = text_()
    group_key: Mapped[str] = choice(
        "app", "db", "queue", "cron", "integration", "ai", "storage", "security", "data", "reality"
    )
    status: Mapped[str] = choice("ok", "warn", "crit", "unknown")
    value: Mapped[Decimal | None] = number(18, 4)
    unit: Mapped[str | None] = text_()
    warn_at: Mapped[Decimal | None] = number(18, 4)
    crit_at: Mapped[Decimal | None] = number(18, 4)
    message: Mapped[str | None] = text_()
    details: Mapped[dict[str, Any]] = json_("{}")
    latency_ms: Mapped[int | None] = integer()
    checked_at: Mapped[datetime] = moment("now()")
    changed: Mapped[bool] = flag()
    acked_by: Mapped[int | None] = ref("app_users", "N")
    acked_at: Mapped[datetime | None] = moment()
    muted_until: Mapped[datetime | None] = moment()


system_health = Resource(
    SystemHealth,
    title="check_key",
    label="Health results",
    singular="health result",
    icon="pulse",
    nav=("Monitoring", 20),
    about="One line for each run of each check. A check that could not run is unknown, which is never good news.",
    area="health",
    sort="-id",
    read_only="Results are measurements and stay as they were taken; acknowledge or mute a check on the Health page.",
    scopes={
        "Changes only": SystemHealth.changed.is_(True),
        "Not OK": SystemHealth.status != "ok",
        "Unknown": SystemHealth.status == "unknown",
    },
    facts=("status", "value", "unit", "warn_at", "crit_at", "checked_at"),
    fields=(
        Moment("checked_at", label="Checked", edit=NEVER, filter=True),
        Code("check_key", label="Check", edit=NEVER, filter=True),
        Choice("group_key", label="Group", edit=NEVER, filter=True, labels={"ai": "AI", "db": "Database"}),
        Choice(
            "status",
            edit=NEVER,
            filter=True,
            labels={"ok": "OK", "warn": "Degraded", "crit": "Failing"},
            tones={"ok": "ok done", "warn": "warn warn", "crit": "danger fail", "unknown": "info draft"},
        ),
        Quantity("value", edit=NEVER, filter=True),
        Code("unit", edit=NEVER),
        Text("message", edit=NEVER, width="l"),
        Flag("changed", label="Differs from before", edit=NEVER, filter=True),
        Quantity("warn_at", label="Warns at", edit=NEVER, list=False),
        Quantity("crit_at", label="Fails at", edit=NEVER, list=False),
        Duration("latency_ms", label="Took", edit=NEVER, list=False, filter=True),
        Json("details", edit=NEVER),
        Reference("acked_by", label="Seen by", to="app_users", as_="person", edit=NEVER, list=False, filter=True),
        Moment("acked_at", label="Seen", edit=NEVER, list=False, filter=True),
        Moment("muted_until", edit=NEVER, list=False, filter=True),
    ),
)
