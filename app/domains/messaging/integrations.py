"""Connections: one connection to an outside service."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Json, Moment, Secret, Tags, Text
from app.engine.records import Record, Standard, choice, json_, moment, text_, texts
from app.engine.resource import Resource


class Integration(Record, Standard):
    __tablename__ = "integrations"
    kind: Mapped[str] = choice(
        "stripe", "slack", "smtp", "sms", "google_ads", "centerpoint", "quickbooks", "llm_provider", "storage", "redis"
    )
    name: Mapped[str] = text_()
    mode: Mapped[str] = choice("live", "test", "simulated", default="simulated")
    status: Mapped[str] = choice(
        "not_configured", "connected", "degraded", "error", "disabled", default="not_configured"
    )
    config: Mapped[dict[str, Any]] = json_("{}")
    secret_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    secret_last4: Mapped[str | None] = text_()
    scopes: Mapped[list[str]] = texts()
    last_ok_at: Mapped[datetime | None] = moment()
    last_error_at: Mapped[datetime | None] = moment()
    last_error: Mapped[str | None] = text_()
    last_sync_at: Mapped[datetime | None] = moment()
    sync_cursor: Mapped[str | None] = text_()
    rate_limited_until: Mapped[datetime | None] = moment()


integrations = Resource(
    Integration,
    title="name",
    label="Connections",
    icon="mail",
    nav=("Messages", 10),
    about="One connection to an outside service.",
    area="integrations",
    search=("name",),
    sort="-created_at",
    fields=(
        Choice("kind", filter=True),
        Text("name", filter=True),
        Choice("mode", filter=True),
        Choice("status", filter=True),
        Json("config"),
        Secret("secret_enc"),
        Text("secret_last4", filter=True),
        Tags("scopes", list=False, filter=True),
        Moment("last_ok_at", filter=True),
        Moment("last_error_at", filter=True),
        Text("last_error", long=True, list=False),
        Moment("last_sync_at", filter=True),
        Code("sync_cursor", filter=True),
        Moment("rate_limited_until", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
