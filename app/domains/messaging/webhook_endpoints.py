"""Webhooks: customer or partner URLs we call."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Count, Moment, Reference, Secret, Tags, Text
from app.engine.records import Archivable, Authored, Record, Standard, choice, integer, moment, text_, texts
from app.engine.resource import Resource


class WebhookEndpoint(Record, Standard, Authored, Archivable):
    __tablename__ = "webhook_endpoints"
    url: Mapped[str] = text_()
    description: Mapped[str | None] = text_()
    events: Mapped[list[str]] = texts()
    secret_enc: Mapped[bytes] = mapped_column(LargeBinary)
    previous_secret_enc: Mapped[bytes | None] = mapped_column(LargeBinary)
    secret_rotated_at: Mapped[datetime | None] = moment()
    status: Mapped[str] = choice("enabled", "disabled", "auto_disabled", default="enabled")
    failure_streak: Mapped[int] = integer("0")
    first_failure_at: Mapped[datetime | None] = moment()
    disabled_at: Mapped[datetime | None] = moment()
    rate_limit_per_min: Mapped[int] = integer("60")


webhook_endpoints = Resource(
    WebhookEndpoint,
    title="url",
    label="Webhooks",
    icon="mail",
    nav=("Messages", 20),
    about="Customer or partner URLs we call.",
    area="webhooks",
    sort="-created_at",
    fields=(
        Text("url", filter=True),
        Text("description", long=True, list=False),
        Tags("events", list=False, filter=True),
        Secret("secret_enc"),
        Secret("previous_secret_enc"),
        Moment("secret_rotated_at", filter=True),
        Choice("status", filter=True),
        Count("failure_streak", filter=True),
        Moment("first_failure_at", filter=True),
        Moment("disabled_at", filter=True),
        Count("rate_limit_per_min", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
