"""Message templates: the texts we send, by channel and version, one version of each in use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped

from app.engine.actions import Action
from app.engine.fields import BULK, CREATE, INLINE, NEVER, Choice, Code, Count, Flag, Moment, Reference, Tags, Text
from app.engine.records import Authored, Record, Standard, choice, flag, integer, text_, texts
from app.engine.refusals import NotAllowed
from app.engine.resource import Related, Resource
from app.engine.states import Moving


class MessageTemplate(Record, Standard, Authored):
    __tablename__ = "message_templates"
    key: Mapped[str] = text_()
    channel: Mapped[str] = choice("email", "sms", "slack", "in_app")
    name: Mapped[str] = text_()
    category: Mapped[str] = choice("transactional", "marketing", "internal", default="transactional")
    locale: Mapped[str] = text_(server_default="en-US")
    version_no: Mapped[int] = integer("1")
    subject: Mapped[str | None] = text_()
    body: Mapped[str] = text_()
    variables: Mapped[list[str]] = texts()
    is_active: Mapped[bool] = flag()


_PLACE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


def in_use(record: Mapping[str, Any]) -> str | None:
    return None if record["is_active"] else "This version is not in use."


def not_in_use(record: Mapping[str, Any]) -> str | None:
    return "This version is in use already." if record["is_active"] else None


def activate(moving: Moving) -> Mapping[str, Any]:
    """Only a text whose every gap can be filled, and only where no other version of it is in use."""
    template = moving.record
    text = f"{template['subject'] or ''} {template['body']}"
    unknown = sorted(set(_PLACE.findall(text)) - set(template["variables"]))
    if unknown:
        raise NotAllowed(f"The text has a gap for “{unknown[0]}”, which is not among its variables.")
    rows = MessageTemplate.__table__.c
    same = (rows[name] == template[name] for name in ("tenant_id", "key", "channel", "locale"))
    other = moving.connection.scalar(select(rows.version_no).where(rows.is_active, rows.id != template["id"], *same))
    if other is not None:
        raise NotAllowed(f"Version {other} of this text is in use; take that one out of use first.")
    return {"is_active": True}


def retire(_: Moving) -> Mapping[str, Any]:
    return {"is_active": False}


message_templates = Resource(
    MessageTemplate,
    title="name",
    code="key",
    label="Message templates",
    singular="template",
    icon="copy",
    nav=("Messages", 30),
    about="The texts we send, with gaps for names and amounts; each in versions, of which one is in use.",
    area="templates",
    search=("key", "name", "subject"),
    sort="name",
    scopes={
        "In use": MessageTemplate.is_active.is_(True),
        "Not in use": MessageTemplate.is_active.is_(False),
        "E-mail": MessageTemplate.channel == "email",
        "SMS": MessageTemplate.channel == "sms",
        "Marketing": MessageTemplate.category == "marketing",
    },
    badge="is_active",
    facts=("channel", "category", "version_no", "locale", "is_active", "updated_by", "updated_at"),
    related=(
        Related("message_outbox", "template_id", label="Messages", fields=("subject", "channel", "status", "created_at")),
    ),
    actions=(
        Action("activate", "Put into use", "templates.activate", activate, when=not_in_use, done="put into use"),
        Action(
            "retire", "Take out of use", "templates.activate", retire, when=in_use, danger=True, done="taken out of use",
        ),
    ),
    sentences={
        "uq_message_templates_tenant_id_key_channel_locale_version_no": (
            "version_no", "There is such a version of this text already; give it the next number.",
        ),
        "uq_message_templates_tenant_id_key_channel_locale": (
            "is_active", "Another version of this text is in use; take that one out of use first.",
        ),
        "ck_message_templates_subject": ("subject", "An e-mail needs a subject."),
    },
    fields=(
        Text("name", required=True, edit=INLINE, longest=120, width="l"),
        Code(
            "key", required=True, edit=CREATE, longest=80, filter=True,
            help="What the console asks for when it sends, like invoice.sent; the same for all channels and versions.",
        ),
        Choice("channel", edit=CREATE, filter=True, labels={"email": "E-mail", "sms": "SMS", "in_app": "In the console"}),
        Choice("category", edit=BULK, filter=True),
        Count("version_no", label="Version", least=1, edit=CREATE, filter=True, width="xs"),
        Flag("is_active", label="In use", edit=NEVER, filter=True, width="s", yes="In use", no="Not in use"),
        Text("subject", longest=200, width="l", help="Needed for an e-mail."),
        Moment("updated_at", label="Changed", edit=NEVER, filter=True),
        Text("body", label="Text", long=True, required=True, list=False, help="A gap is written {{ customer_name }}."),
        Tags("variables", label="Gaps it may have", list=False, filter=True),
        Code("locale", label="Language", edit=CREATE, longest=10, list=False, filter=True, help="Like en-US or es-MX."),
        Reference(
            "updated_by", label="Changed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "created_by", label="Made by", to="app_users", as_="person", edit=NEVER, list=False, filter=True, group="Origin",
        ),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
