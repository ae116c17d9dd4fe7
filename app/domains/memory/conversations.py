"""Conversations: thread header."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped

from app.engine.fields import NEVER, Choice, Code, Cost, Count, Moment, Reference, SubjectLink, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, cost, integer, moment, ref, text_
from app.engine.resource import Resource


class Conversation(Record, Standard, PerhapsSubject):
    __tablename__ = "conversations"
    channel: Mapped[str] = choice(
        "console", "email", "sms", "slack", "web_chat", "voice", "board", "api", default="console"
    )
    title: Mapped[str | None] = text_()
    status: Mapped[str] = choice("open", "waiting_human", "closed", default="open")
    app_user_id: Mapped[int | None] = ref("app_users", "N")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    customer_id: Mapped[int | None] = ref("customers", "N")
    lead_id: Mapped[int | None] = ref("leads", "N")
    handoff_to_id: Mapped[int | None] = ref("app_users", "N")
    thread_id: Mapped[str | None] = text_()
    summary: Mapped[str | None] = text_()
    message_count: Mapped[int] = integer("0")
    total_cost: Mapped[Decimal] = cost("0")
    last_message_at: Mapped[datetime | None] = moment()


conversations = Resource(
    Conversation,
    title="title",
    label="Conversations",
    icon="agent",
    nav=("Memory", 10),
    about="Thread header.",
    area="conversations",
    search=(
        "title",
        "summary",
    ),
    sort="-created_at",
    fields=(
        Choice("channel", filter=True),
        Text("title", filter=True),
        Choice("status", filter=True),
        Reference("app_user_id", to="app_users", as_="person", filter=True),
        Reference("agent_id", to="ai_agents", as_="agent", filter=True),
        Reference("customer_id", to="customers", filter=True),
        Reference("lead_id", to="leads", filter=True),
        Reference("handoff_to_id", to="app_users", as_="person", filter=True),
        Code("thread_id", filter=True),
        Text("summary", long=True, list=False),
        Count("message_count", filter=True),
        Cost("total_cost", filter=True),
        Moment("last_message_at", filter=True),
        SubjectLink("subject_id", label="About"),
        Moment("created_at", label="Made", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)
