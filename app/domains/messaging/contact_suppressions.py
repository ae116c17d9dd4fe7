"""Blocked addresses: those we must not write to, since when and why, and who lifted it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Mapped

from app.engine.actions import Action
from app.engine.fields import CREATE, NEVER, Choice, Code, Email, Moment, Phone, Reference, Text
from app.engine.fields.field import Invalid
from app.engine.records import Record, Standard, choice, moment, ref, text_
from app.engine.refusals import Rejected
from app.engine.resource import Resource
from app.engine.states import Moving


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


@dataclass(frozen=True)
class Address(Code):
    """An e-mail address or a telephone number, in the one way of writing that messages are compared with."""

    def parse(self, typed: str) -> Any:
        value = super().parse(typed)
        if "@" in value:
            return value.lower()
        try:
            return Phone(self.name).parse(value)
        except Invalid:
            return value  # half a number, as one looks for it; a new entry is held against its channel below


IN_FORCE = ContactSuppression.lifted_at.is_(None)


def of_its_channel(connection: Connection, entry: Mapping[str, Any]) -> None:
    """A number is no place to mail to, and half an address none at all: such an entry would hold nothing back."""
    address, channel = entry.get("address_norm"), entry.get("channel")
    if not address or not channel:
        return
    try:
        (Email if channel == "email" else Phone)("address_norm").parse(address)
    except Invalid as fault:
        raise Rejected({"address_norm": str(fault)}) from None


def may_be_lifted(record: Mapping[str, Any]) -> str | None:
    if record["lifted_at"] is not None:
        return "This was lifted already."
    if record["reason"] == "stop_keyword":
        return "They wrote STOP; only they can take it back, by writing START."
    return None


def lift(moving: Moving) -> Mapping[str, Any]:
    return {
        "lifted_at": moving.at,
        "lifted_by": moving.actor.app_user_id,
        "lift_reason": moving.asked["lift_reason"],
    }


contact_suppressions = Resource(
    ContactSuppression,
    title="address_norm",
    label="Blocked addresses",
    singular="blocked address",
    icon="stop",
    nav=("Messages", 40),
    about="Addresses we must not write to: who unsubscribed, wrote STOP or complained, and where mail came back.",
    area="messages",
    search=("address_norm",),
    sort="-created_at",
    opens="In force",
    scopes={
        "In force": IN_FORCE,
        "Came back": IN_FORCE & ContactSuppression.reason.in_(("hard_bounce", "invalid")),
        "Asked for it": IN_FORCE & ContactSuppression.reason.in_(("unsubscribe", "stop_keyword", "complaint")),
        "Lifted": ContactSuppression.lifted_at.is_not(None),
    },
    badge="scope",
    facts=("channel", "scope", "reason", "source_message_id", "created_at", "lifted_at", "lifted_by"),
    actions=(
        Action(
            "lift", "Lift", "messages.lift", lift, when=may_be_lifted, asks=("lift_reason",), requires=("lift_reason",),
            danger=True, done="lifted",
        ),
    ),
    follow=(of_its_channel,),
    sentences={
        "uq_contact_suppressions_tenant_id_channel_address_norm_scope": (
            "address_norm", "This address is blocked for that already.",
        ),
        "ck_contact_suppressions_lifted": ("lift_reason", "Say why it may be written to again."),
    },
    defaults={"reason": "manual", "scope": "all"},
    fields=(
        Address("address_norm", label="Address", required=True, edit=CREATE, longest=254, personal=True, width="l"),
        Choice("channel", edit=CREATE, filter=True, width="s", labels={"email": "E-mail", "sms": "SMS"}),
        Choice(
            "scope", label="Holds back", edit=CREATE, filter=True, labels={"all": "Everything", "marketing": "Advertising"},
            tones={"all": "danger off", "marketing": "warn off"},
        ),
        Choice(
            "reason", label="Because", edit=CREATE, filter=True,
            labels={
                "unsubscribe": "Unsubscribed", "stop_keyword": "Wrote STOP", "hard_bounce": "Mail came back",
                "complaint": "Complained", "invalid": "No such address", "manual": "Entered by hand",
            },
        ),
        Moment("created_at", label="Since", edit=NEVER, filter=True),
        Reference("source_message_id", label="After the message", to="message_outbox", edit=NEVER, filter=True),
        Moment("lifted_at", label="Lifted", edit=NEVER, filter=True),
        Reference("lifted_by", label="Lifted by", to="app_users", as_="person", edit=NEVER, list=False, filter=True),
        Text("lift_reason", label="Lifted because", long=True, edit=NEVER, list=False),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
