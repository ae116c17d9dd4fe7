"""Messages: every outgoing e-mail, SMS and Slack post, queued in the business transaction, with its delivery state."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Cost, Count, Json, Moment, Reference, SubjectLink, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, cost, integer, json_, moment, ref, text_
from app.engine.resource import Resource


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


message_outbox = Resource(
    OutgoingMessage,
    title="subject",
    label="Messages",
    icon="mail",
    nav=("Messages", 35),
    about="Every outgoing e-mail, SMS and Slack post, queued in the business transaction, with its delivery state.",
    area="messages",
    search=(
        "to_address",
        "subject",
    ),
    sort="-created_at",
    fields=(
        Choice("channel", filter=True),
        Choice("category", filter=True),
        Reference("template_id", to="message_templates", filter=True),
        Text("to_address", filter=True),
        Code("to_norm", filter=True),
        Reference("contact_id", to="contacts", filter=True),
        Reference("app_user_id", to="app_users", as_="person", filter=True),
        Reference("customer_id", to="customers", filter=True),
        Text("subject", filter=True),
        Text("body_text", long=True, list=False),
        Text("body_html", long=True, list=False),
        Json("variables"),
        Reference("integration_id", to="integrations", filter=True),
        Reference("automation_run_id", to="automation_runs", filter=True),
        Choice("status", filter=True),
        Count("attempts", filter=True),
        Moment("send_after", filter=True),
        Moment("next_attempt_at", filter=True),
        Moment("sent_at", filter=True),
        Moment("delivered_at", filter=True),
        Moment("opened_at", filter=True),
        Moment("clicked_at", filter=True),
        Code("provider_message_id", filter=True),
        Count("segments", filter=True),
        Cost("unit_cost", filter=True),
        Code("error_code", filter=True),
        Text("error", long=True, list=False),
        Code("dedupe_key", filter=True),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
