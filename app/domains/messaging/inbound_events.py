"""Events received: provider events received (payments, delivery receipts, replies), stored before processing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Flag, Json, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, flag, integer, json_, moment, ref, text_
from app.engine.resource import Resource


class InboundEvent(Record, Standard):
    __tablename__ = "inbound_events"
    integration_id: Mapped[int] = ref("integrations", "R")
    provider_event_id: Mapped[str] = text_()
    event_type: Mapped[str] = text_()
    payload: Mapped[Any] = json_()
    signature_ok: Mapped[bool] = flag(default=None)
    status: Mapped[str] = choice("received", "processing", "processed", "ignored", "failed", default="received")
    attempts: Mapped[int] = integer("0")
    error: Mapped[str | None] = text_()
    processed_at: Mapped[datetime | None] = moment()


inbound_events = Resource(
    InboundEvent,
    title="event_type",
    label="Events received",
    icon="mail",
    nav=("Messages", 15),
    about="Provider events received (payments, delivery receipts, replies), stored before processing.",
    area="inbound",
    sort="-created_at",
    fields=(
        Reference("integration_id", to="integrations", filter=True),
        Code("provider_event_id", filter=True),
        Code("event_type", filter=True),
        Json("payload"),
        Flag("signature_ok", filter=True),
        Choice("status", filter=True),
        Count("attempts", filter=True),
        Text("error", long=True, list=False),
        Moment("processed_at", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
