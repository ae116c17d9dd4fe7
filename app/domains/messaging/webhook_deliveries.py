"""Webhook deliveries: one event to one address, with every attempt and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, Uuid, cast, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import db
from app.engine.fields import NEVER, Choice, Code, Count, Duration, Json, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, integer, json_, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition
from app.engine.wording import items


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


def somebody_there(moving: Moving) -> str | None:
    """Sending to an address that was switched off would only fail again."""
    endpoints = db.metadata.tables["webhook_endpoints"].c
    status = moving.connection.scalar(select(endpoints.status).where(endpoints.id == moving.record["endpoint_id"]))
    return None if status == "enabled" else "The webhook it goes to is off; enable that first."


def due_now(moving: Moving) -> Mapping[str, Any]:
    return {"next_attempt_at": moving.at, "attempts": 0}


def no_more(_: Moving) -> Mapping[str, Any]:
    return {"next_attempt_at": None}


def tried(moving: Moving) -> Mapping[str, Any]:
    return {"attempts": moving.record["attempts"] + 1, "next_attempt_at": None}


def arrived(moving: Moving) -> Mapping[str, Any]:
    return {"delivered_at": moving.at, "last_error": None, "next_attempt_at": None}


webhook_deliveries = Resource(
    WebhookDelivery,
    title="event_type",
    label="Webhook deliveries",
    singular="delivery",
    icon="upload",
    nav=("Messages", 25),
    about="What was sent to which address, how often it was tried and what came back.",
    area="webhooks",
    read_only="A delivery shows what was sent and what came back; send it again or cancel it with the buttons here.",
    search=("event_type",),
    unsought=True,
    sort="-created_at",
    scopes={
        "Failing": WebhookDelivery.status == "failed",
        "Given up": WebhookDelivery.status == "exhausted",
        "On their way": WebhookDelivery.status.in_(("pending", "delivering")),
        "Cancelled": WebhookDelivery.status == "cancelled",
    },
    facts=("endpoint_id", "status", "attempts", "last_status_code", "last_latency_ms", "created_at", "next_attempt_at",
           "delivered_at"),
    related=(
        Related(
            "webhook_deliveries", "replay_of_id", label="Sent again as", fields=("event_type", "created_at", "status"),
        ),
    ),
    lifecycle=Lifecycle(
        "status",
        initial="pending",
        stages=("pending", "delivering", "delivered"),
        transitions=(
            Transition(
                "replay", "Send again", ("failed", "exhausted", "cancelled"), "pending", "webhooks.replay",
                guards=(somebody_there,), effects=(due_now,), done="queued to be sent again",
            ),
            Transition(
                "cancel", "Cancel delivery", ("pending", "failed"), "cancelled", "webhooks.cancel", reason=True,
                effects=(no_more,), danger=True, done="cancelled",
            ),
            Transition(
                "try", "Try", ("pending", "failed"), "delivering", "webhooks.deliver", guards=(somebody_there,),
                effects=(tried,), by_system=True, done="tried",
            ),
            Transition(
                "deliver", "Note as delivered", ("delivering",), "delivered", "webhooks.deliver",
                asks=("last_status_code", "last_latency_ms"), effects=(arrived,), by_system=True, done="delivered",
            ),
            Transition(
                "fail", "Note a failure", ("delivering",), "failed", "webhooks.deliver",
                asks=("last_error", "last_status_code", "next_attempt_at"), requires=("last_error",), by_system=True,
                done="marked as failed",
            ),
            Transition(
                "exhaust", "Give up", ("delivering", "failed"), "exhausted", "webhooks.deliver", effects=(no_more,),
                by_system=True, done="given up",
            ),
        ),
    ),
    fields=(
        Moment("created_at", label="Happened", edit=NEVER, filter=True, width="s"),
        Code("event_type", label="Event", edit=NEVER, filter=True),
        Reference("endpoint_id", label="To", to="webhook_endpoints", edit=NEVER, filter=True, width="l"),
        Choice(
            "status", edit=NEVER, filter=True, labels={"exhausted": "Given up"},
            tones={
                "pending": "info open", "delivering": "accent prog", "delivered": "ok done", "failed": "warn warn",
                "exhausted": "danger fail", "cancelled": "mute off",
            },
        ),
        Count("attempts", edit=NEVER, filter=True, width="s"),
        Count("last_status_code", label="Answer", edit=NEVER, filter=True, width="s"),
        Duration("last_latency_ms", label="Took", edit=NEVER, filter=True),
        Moment("next_attempt_at", label="Next attempt", planned=True, edit=NEVER, filter=True),
        Moment("delivered_at", label="Delivered", edit=NEVER, list=False, filter=True),
        Text(
            "tries", label="Attempts in full", long=True, edit=NEVER, list=False, sort=False, group="Attempts",
            expr=lambda: items(WebhookDelivery.__table__.c.attempt_log, "at", "answer", "took", between=" · "),
        ),
        Text("last_error", label="What went wrong", edit=NEVER, list=False, group="Attempts"),
        Text("last_response_excerpt", label="Their answer", long=True, edit=NEVER, list=False, group="Attempts"),
        Json("attempt_log", label="Attempts as data", edit=NEVER, group="Attempts"),
        Json("payload", label="What was sent", edit=NEVER, personal=True, group="Event"),
        Code(
            "event_id", label="Event ID", edit=NEVER, list=False, sort=False, group="Event",
            expr=lambda: cast(WebhookDelivery.event_id, String),
        ),
        Reference(
            "replay_of_id", label="Sent again for", to="webhook_deliveries", edit=NEVER, list=False, filter=True,
            group="Event",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Event"),
    ),
)  # fmt: skip
