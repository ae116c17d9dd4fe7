"""Webhook deliveries: one event to one endpoint, with every attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, Uuid, cast, text
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.fields import NEVER, Choice, Code, Count, Duration, Json, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Resource


class WebhookDelivery(Record, Standard):
    __tablename__ = "webhook_deliveries"
    endpoint_id: Mapped[int] = ref("webhook_endpoints", "C")
    event_id: Mapped[UUID] = mapped_column(Uuid, server_default=text("uuidv7()"))
    event_type: Mapped[str] = text_()
    payload: Mapped[Any] = json_()
    status: Mapped[str] = choice(
        "pending", "delivering", "delivered", "failed", "exhausted", "cancelled", default="pending"
    )
    attempts: Mapped[int] = integer("0")
    next_attempt_at: Mapped[datetime | None] = moment()
    last_status_code: Mapped[int | None] = integer()
    last_latency_ms: Mapped[int | None] = integer()
    last_response_excerpt: Mapped[str | None] = text_()
    last_error: Mapped[str | None] = text_()
    delivered_at: Mapped[datetime | None] = moment()
    attempt_log: Mapped[list[Any]] = json_("[]")
    replay_of_id: Mapped[int | None] = ref("webhook_deliveries", "N")


webhook_deliveries = Resource(
    WebhookDelivery,
    title="event_type",
    label="Webhook deliveries",
    icon="mail",
    nav=("Messages", 25),
    about="One event to one endpoint, with every attempt.",
    area="webhooks",
    sort="-created_at",
    fields=(
        Reference("endpoint_id", to="webhook_endpoints", filter=True),
        Code(
            "event_id",
            edit=NEVER,
            list=False,
            filter=False,
            sort=False,
            expr=lambda: cast(WebhookDelivery.event_id, String),
        ),
        Code("event_type", filter=True),
        Json("payload"),
        Choice("status", filter=True),
        Count("attempts", filter=True),
        Moment("next_attempt_at", filter=True),
        Count("last_status_code", filter=True),
        Duration("last_latency_ms", filter=True),
        Text("last_response_excerpt", long=True, list=False),
        Text("last_error", long=True, list=False),
        Moment("delivered_at", filter=True),
        Json("attempt_log"),
        Reference("replay_of_id", to="webhook_deliveries", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
