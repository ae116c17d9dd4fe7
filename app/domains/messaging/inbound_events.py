"""Events received: what payment, mail and text services told us, stored as it came before anything is done with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Flag, Json, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, flag, integer, json_, moment, ref, text_
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition


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


def proven(moving: Moving) -> str | None:
    """Anybody can call an open address; only the signature says that it was the service."""
    if moving.record["signature_ok"]:
        return None
    return "Its signature does not prove where it came from, so it is not processed."


def once_more(_: Moving) -> Mapping[str, Any]:
    return {"error": None, "processed_at": None}


def begun(moving: Moving) -> Mapping[str, Any]:
    return {"attempts": moving.record["attempts"] + 1}


def done(moving: Moving) -> Mapping[str, Any]:
    return {"processed_at": moving.at, "error": None}


inbound_events = Resource(
    InboundEvent,
    title="event_type",
    code="provider_event_id",
    label="Events received",
    singular="received event",
    icon="inbox",
    nav=("Messages", 15),
    about="What the services outside told us - payments, delivery receipts, replies - each once, and what became of it.",
    area="inbound",
    read_only="An event stays as it arrived; process it again or leave it aside with the buttons here.",
    search=("event_type", "provider_event_id"),
    unsought=True,
    sort="-created_at",
    scopes={
        "Waiting": InboundEvent.status.in_(("received", "processing")),
        "Failed": InboundEvent.status == "failed",
        "Unproven": InboundEvent.signature_ok.is_(False),
        "Left aside": InboundEvent.status == "ignored",
    },
    facts=("integration_id", "status", "signature_ok", "attempts", "created_at", "processed_at"),
    lifecycle=Lifecycle(
        "status",
        initial="received",
        stages=("received", "processing", "processed"),
        transitions=(
            Transition(
                "retry", "Process again", ("failed", "ignored"), "received", "inbound.retry", guards=(proven,),
                effects=(once_more,), done="queued to be processed again",
            ),
            Transition(
                "ignore", "Leave aside", ("received", "failed"), "ignored", "inbound.ignore", reason=True,
                done="left aside",
            ),
            Transition(
                "begin", "Begin processing", ("received",), "processing", "inbound.process", guards=(proven,),
                effects=(begun,), by_system=True, done="begun",
            ),
            Transition(
                "finish", "Note as processed", ("processing",), "processed", "inbound.process", effects=(done,),
                by_system=True, done="processed",
            ),
            Transition(
                "fail", "Note a failure", ("processing",), "failed", "inbound.process", asks=("error",),
                requires=("error",), by_system=True, done="marked as failed",
            ),
        ),
    ),
    fields=(
        Moment("created_at", label="Received", edit=NEVER, filter=True, width="s"),
        Code("event_type", label="What", edit=NEVER, filter=True, width="l"),
        Reference("integration_id", label="From", to="integrations", edit=NEVER, filter=True),
        Choice(
            "status", edit=NEVER, filter=True, labels={"ignored": "Left aside"},
            tones={
                "received": "info open", "processing": "accent prog", "processed": "ok done", "ignored": "mute off",
                "failed": "danger fail",
            },
        ),
        Flag("signature_ok", label="Proven", edit=NEVER, filter=True, width="s"),
        Count("attempts", edit=NEVER, filter=True, width="s"),
        Moment("processed_at", label="Processed", edit=NEVER, filter=True),
        Text("error", label="What went wrong", edit=NEVER, width="l"),
        Code("provider_event_id", label="ID there", edit=NEVER, list=False, filter=True),
        Json("payload", label="As it came", edit=NEVER, personal=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
