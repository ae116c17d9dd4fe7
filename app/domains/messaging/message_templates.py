"""Message templates: versioned e-mail, SMS, Slack and in-app texts."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Count, Flag, Moment, Reference, Tags, Text
from app.engine.records import Authored, Record, Standard, choice, flag, integer, text_, texts
from app.engine.resource import Resource


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


message_templates = Resource(
    MessageTemplate,
    title="name",
    label="Message templates",
    icon="mail",
    nav=("Messages", 30),
    about="Versioned e-mail, SMS, Slack and in-app texts.",
    area="templates",
    search=(
        "key",
        "name",
        "subject",
    ),
    sort="-created_at",
    fields=(
        Code("key", filter=True),
        Choice("channel", filter=True),
        Text("name", filter=True),
        Choice("category", filter=True),
        Code("locale", filter=True),
        Count("version_no", filter=True),
        Text("subject", filter=True),
        Text("body", long=True, list=False),
        Tags("variables", list=False, filter=True),
        Flag("is_active", filter=True),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
        Reference("created_by", to="app_users", as_="person", filter=True),
        Reference("updated_by", to="app_users", as_="person", filter=True),
    ),
)
