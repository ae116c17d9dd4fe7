"""Do not contact: addresses we must not write to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Moment, Reference, Text
from app.engine.records import Record, Standard, choice, moment, ref, text_
from app.engine.resource import Resource


class ContactSuppression(Record, Standard):
    __tablename__ = "contact_suppressions"
    channel: Mapped[str] = choice("email", "sms")
    address_norm: Mapped[str] = text_()
    scope: Mapped[str] = choice("all", "marketing", default="marketing")
    reason: Mapped[str] = choice("unsubscribe", "stop_keyword", "hard_bounce", "complaint", "invalid", "manual")
    source_message_id: Mapped[int | None] = ref("message_outbox", "N")
    lifted_at: Mapped[datetime | None] = moment()
    lifted_by: Mapped[int | None] = ref("app_users", "N")
    lift_reason: Mapped[str | None] = text_()


contact_suppressions = Resource(
    ContactSuppression,
    title="channel",
    label="Do not contact",
    icon="mail",
    nav=("Messages", 40),
    about="Addresses we must not write to.",
    area="messages",
    sort="-created_at",
    fields=(
        Choice("channel", filter=True),
        Code("address_norm", filter=True),
        Choice("scope", filter=True),
        Choice("reason", filter=True),
        Reference("source_message_id", to="message_outbox", filter=True),
        Moment("lifted_at", filter=True),
        Reference("lifted_by", to="app_users", as_="person", filter=True),
        Text("lift_reason", long=True, list=False),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
