"""Messages: every e-mail, SMS and Slack post that leaves us, with its way from the queue to whoever it is for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.fields import NEVER, Choice, Code, Cost, Count, Json, Moment, Reference, SubjectLink, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, cost, integer, json_, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition


class OutgoingMessage(Record, Standard, PerhapsSubject):
    __tablename__ = "message_outbox"
    channel: Mapped[str] = choice("email", "sms", "slack")
    category: Mapped[str] = choice("transactional", "marketing", "internal", default="transactional")
    template_id: Mapped[int | None] = ref("message_templates", "N")
    to_address: Mapped[str] = text_()
    to_norm: Mapped[str] = text_()
    contact_id: Mapped[int | None] = ref("contacts", "N")
    app_user_id: Mapped[int | None] = ref("app_users", "N")
    customer_id: Mapped[int | None] = ref("customers", "N")
    subject: Mapped[str | None] = text_()
    body_text: Mapped[str] = text_()
    body_html: Mapped[str | None] = text_()
    variables: Mapped[dict[str, Any]] = json_("{}")
    integration_id: Mapped[int | None] = ref("integrations", "N")
    automation_run_id: Mapped[int | None] = ref("automation_runs", "N")
    status: Mapped[str] = choice(
        "queued",
        "held",
        "sending",
        "sent",
        "delivered",
        "temporary_failure",
        "permanent_failure",
        "technical_failure",
        "suppressed",
        "cancelled",
        default="queued",
    )
    attempts: Mapped[int] = integer("0")
    send_after: Mapped[datetime | None] = moment()
    next_attempt_at: Mapped[datetime | None] = moment()
    sent_at: Mapped[datetime | None] = moment()
    delivered_at: Mapped[datetime | None] = moment()
    opened_at: Mapped[datetime | None] = moment()
    clicked_at: Mapped[datetime | None] = moment()
    provider_message_id: Mapped[str | None] = text_()
    segments: Mapped[int | None] = integer()
    unit_cost: Mapped[Decimal | None] = cost()
    error_code: Mapped[str | None] = text_()
    error: Mapped[str | None] = text_()
    dedupe_key: Mapped[str | None] = text_()


WAITING = ("queued", "temporary_failure")
FAILED = ("permanent_failure", "technical_failure")


def not_barred(moving: Moving) -> str | None:
    """Whoever asked not to be written to is not written to: all of it, or advertising only."""
    message, barred = moving.record, db.metadata.tables["contact_suppressions"].c
    found = moving.connection.execute(
        select(barred.reason, barred.created_at)
        .where(
            barred.tenant_id == message["tenant_id"],
            barred.channel == message["channel"],
            barred.address_norm == message["to_norm"],
            barred.lifted_at.is_(None),
            or_(barred.scope == "all", message["category"] == "marketing"),
        )
        .order_by(barred.id)
        .limit(1)
    ).first()
    if found is None:
        return None
    return (
        f"This address is not to be written to since {found.created_at:%B %-d, %Y} ({found.reason.replace('_', ' ')})."
    )


def is_barred(moving: Moving) -> str | None:
    return None if not_barred(moving) else "Nothing bars this address."


def at_once(moving: Moving) -> Mapping[str, Any]:
    return {"next_attempt_at": moving.at, "error": None, "error_code": None}


def stopped(_: Moving) -> Mapping[str, Any]:
    return {"next_attempt_at": None}


def tried(moving: Moving) -> Mapping[str, Any]:
    return {"attempts": moving.record["attempts"] + 1, "next_attempt_at": None}


def handed_over(moving: Moving) -> Mapping[str, Any]:
    return {"sent_at": moving.at, "error": None, "error_code": None}


def arrived(moving: Moving) -> Mapping[str, Any]:
    return {"delivered_at": moving.at, "sent_at": moving.record["sent_at"] or moving.at}


_SEND = "messages.send"
_WHY: dict[str, Any] = {"asks": ("error", "error_code"), "requires": ("error",), "by_system": True}

lifecycle = Lifecycle(
    field="status",
    initial="queued",
    stages=("queued", "sending", "sent", "delivered"),
    transitions=(
        Transition(
            "hold", "Hold back", ("queued",), "held", "messages.hold", reason=True, effects=(stopped,), done="held back",
        ),
        Transition(
            "release", "Release", ("held",), "queued", _SEND, guards=(not_barred,), effects=(at_once,), done="released",
        ),
        Transition(
            "resend", "Send again", (*FAILED, "cancelled", "suppressed"), "queued", _SEND, guards=(not_barred,),
            effects=(at_once,), done="queued again",
        ),
        Transition(
            "cancel", "Cancel message", (*WAITING, "held"), "cancelled", "messages.cancel", reason=True,
            effects=(stopped,), danger=True, done="cancelled",
        ),
        Transition(
            "begin", "Begin sending", WAITING, "sending", _SEND, guards=(not_barred,), effects=(tried,), by_system=True,
            done="begun",
        ),
        Transition(
            "suppress", "Keep from being sent", WAITING, "suppressed", _SEND, guards=(is_barred,), effects=(stopped,),
            by_system=True, done="kept from being sent",
        ),
        Transition(
            "hand_over", "Note as sent", ("sending",), "sent", _SEND, asks=("provider_message_id",),
            effects=(handed_over,), by_system=True, done="sent",
        ),
        Transition(
            "deliver", "Note as delivered", ("sending", "sent"), "delivered", _SEND, effects=(arrived,), by_system=True,
            done="delivered",
        ),
        Transition("defer", "Try later", ("sending",), "temporary_failure", _SEND, done="put off", **_WHY),
        Transition(
            "bounce", "Note as refused", ("sending", "sent"), "permanent_failure", _SEND, done="marked as refused", **_WHY,
        ),
        Transition(
            "fail", "Note a failure", ("sending", "temporary_failure"), "technical_failure", _SEND,
            done="marked as failed", **_WHY,
        ),
    ),
)  # fmt: skip

message_outbox = Resource(
    OutgoingMessage,
    title="subject",
    label="Messages",
    singular="message",
    icon="send",
    nav=("Messages", 35),
    about="Every e-mail, SMS and Slack post that leaves us: to whom, about what, and whether it arrived.",
    area="messages",
    read_only="A message stays as it was written; hold it back, send it again or cancel it with the buttons here.",
    search=("subject", "to_address"),
    sort="-created_at",
    lifecycle=lifecycle,
    scopes={
        "Failed": OutgoingMessage.status.in_(FAILED),
        "Suppressed": OutgoingMessage.status == "suppressed",
        "Queued too long": and_(
            OutgoingMessage.status.in_(WAITING),
            func.coalesce(OutgoingMessage.next_attempt_at, OutgoingMessage.send_after, OutgoingMessage.created_at)
            < func.now() - func.make_interval(0, 0, 0, 0, 0, 5),
        ),
        "Waiting": OutgoingMessage.status.in_((*WAITING, "held")),
        "To customers": OutgoingMessage.category != "internal",
        "Marketing": OutgoingMessage.category == "marketing",
    },
    facts=("channel", "to_address", "customer_id", "subject_id", "sent_at", "delivered_at", "attempts", "unit_cost"),
    related=(
        Related("crm_activities", "message_id", label="Activities", fields=("subject", "kind", "occurred_at", "customer_id")),
        Related(
            "contact_suppressions", "source_message_id", label="Brought about",
            fields=("address_norm", "reason", "scope", "created_at"),
        ),
    ),
    fields=(
        Moment("created_at", label="Written", edit=NEVER, filter=True, width="s"),
        Choice("channel", edit=NEVER, filter=True, width="s", labels={"email": "E-mail", "sms": "SMS"}),
        Text(
            "subject", edit=NEVER, width="xl", help="What it is about; only an e-mail carries it along.",
        ),
        Text("to_address", label="To", edit=NEVER, personal=True, width="l"),
        Reference("customer_id", label="Customer", to="customers", edit=NEVER, filter=True),
        Choice(
            "status", edit=NEVER, filter=True,
            labels={
                "held": "Held back", "temporary_failure": "Trying again", "permanent_failure": "Refused",
                "technical_failure": "Failed",
            },
            tones={
                "queued": "info open", "held": "warn pause", "sending": "accent prog", "sent": "accent sched",
                "delivered": "ok done", "temporary_failure": "warn warn", "permanent_failure": "danger fail",
                "technical_failure": "danger fail", "suppressed": "mute off", "cancelled": "mute off",
            },
        ),
        Count("attempts", edit=NEVER, filter=True, width="xs"),
        Cost("unit_cost", label="Cost", edit=NEVER, filter=True),
        Moment("sent_at", label="Sent", edit=NEVER, filter=True),
        Text("body_text", label="Text", long=True, edit=NEVER, list=False, personal=True),
        Text("error", label="What went wrong", long=True, edit=NEVER, list=False),
        Choice("category", edit=NEVER, list=False, filter=True, group="What and for whom"),
        Reference(
            "template_id", label="From template", to="message_templates", edit=NEVER, list=False, filter=True,
            group="What and for whom",
        ),
        Reference(
            "contact_id", label="Contact", to="contacts", edit=NEVER, list=False, filter=True, group="What and for whom",
        ),
        Reference(
            "app_user_id", label="Colleague", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="What and for whom",
        ),
        SubjectLink("subject_id", label="About", list=False, group="What and for whom"),
        Code("to_norm", label="Address, plain", edit=NEVER, list=False, personal=True, group="What and for whom"),
        Json("variables", label="What filled the gaps", edit=NEVER, personal=True, group="What and for whom"),
        Text("body_html", label="As HTML", long=True, edit=NEVER, list=False, personal=True, group="What and for whom"),
        Moment("send_after", label="Not before", planned=True, edit=NEVER, list=False, filter=True, group="Way"),
        Moment("next_attempt_at", label="Next attempt", planned=True, edit=NEVER, list=False, filter=True, group="Way"),
        Moment("delivered_at", label="Delivered", edit=NEVER, list=False, filter=True, group="Way"),
        Moment("opened_at", label="Opened", edit=NEVER, list=False, filter=True, group="Way"),
        Moment("clicked_at", label="Link followed", edit=NEVER, list=False, filter=True, group="Way"),
        Reference("integration_id", label="Through", to="integrations", edit=NEVER, list=False, filter=True, group="Way"),
        Code("provider_message_id", label="ID there", edit=NEVER, list=False, filter=True, group="Way"),
        Count("segments", label="SMS parts", edit=NEVER, list=False, filter=True, group="Way"),
        Code("error_code", label="Error code", edit=NEVER, list=False, filter=True, group="Way"),
        Reference(
            "automation_run_id", label="Sent by run", to="automation_runs", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Code(
            "dedupe_key", label="Same message", edit=NEVER, list=False, filter=True, group="Origin",
            help="Of two messages with the same key only the first is written.",
        ),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
