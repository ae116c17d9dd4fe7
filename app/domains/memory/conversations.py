"""Conversations: each thread between people and agents, on whatever channel, with who has it now and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Mapped

from app.core.db import db
from app.engine.access import Actor
from app.engine.actions import Action
from app.engine.fields import NEVER, Choice, Code, Cost, Count, Moment, Reference, SubjectLink, Text
from app.engine.records import PerhapsSubject, Record, Standard, choice, cost, integer, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition

LATEST = 60
"""Messages of a thread shown on its page as one text; all of them are in the list beside it."""


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


WAITING = Conversation.status == "waiting_human"

CHANNELS = {
    "console": "Console",
    "email": "E-mail",
    "sms": "SMS",
    "web_chat": "Web chat",
    "voice": "Telephone",
    "api": "API",
}


def mine(actor: Actor) -> ColumnElement[bool]:
    return and_(Conversation.status != "closed", Conversation.handoff_to_id == actor.app_user_id)


def transcript() -> ColumnElement[str]:
    """What was said, in order, each line with who said it; of a long thread the latest messages."""
    said = db.metadata.tables["conversation_history"].alias("said")
    latest = (
        select(said.c.seq, said.c.role, said.c.content)
        .where(
            said.c.conversation_id == Conversation.id, said.c.role.in_(("user", "assistant", "human_agent", "customer"))
        )
        .order_by(said.c.seq.desc())
        .limit(LATEST)
        .correlate(Conversation)
        .subquery("latest")
    )
    who = case(
        {"user": "Colleague", "assistant": "Agent", "human_agent": "We", "customer": "Customer"}, value=latest.c.role
    )
    lines = aggregate_order_by(literal("\n\n", SqlText), latest.c.seq)
    return select(func.string_agg(who.op("||")(": ").op("||")(latest.c.content), lines)).scalar_subquery()


def somebody_here(moving: Moving) -> str | None:
    """A thread given to somebody who left is a thread given to nobody."""
    chosen = moving.asked.get("handoff_to_id")
    if chosen is None:
        return None
    people = db.metadata.tables["app_users"].c
    status = moving.connection.scalar(
        select(people.status).where(people.id == chosen, people.tenant_id == moving.record["tenant_id"])
    )
    return None if status == "active" else "That person does not work here any more; choose somebody who does."


def is_a_person(moving: Moving) -> str | None:
    return None if moving.actor.app_user_id else "Only a person of the staff takes a conversation over."


def to_me(moving: Moving) -> Mapping[str, Any]:
    return {"handoff_to_id": moving.actor.app_user_id}


def to_nobody(_: Moving) -> Mapping[str, Any]:
    return {"handoff_to_id": None}


def held_by_a_person(record: Mapping[str, Any]) -> str | None:
    if record.get("agent_id") is None:
        return "No agent takes part in this conversation."
    if record.get("status") != "open" or record.get("handoff_to_id") is None:
        return (
            "No person has it; the agent answers already." if record.get("status") == "open" else "Take it over first."
        )
    return None


def filed(moving: Moving) -> Mapping[str, Any]:
    return {name: moving.asked.get(name) for name in ("title", "customer_id", "lead_id")}


conversations = Resource(
    Conversation,
    title="title",
    label="Conversations",
    singular="conversation",
    icon="send",
    nav=("Memory", 10),
    about="Every thread between people and agents: what was said, who has it now, and what it cost. What waits for a person"
    " stands first.",
    area="conversations",
    read_only="What was said stays as it was said; hand it over, file it or close it with the buttons here.",
    create=False,
    search=("title", "summary"),
    sort="-last_message_at",
    opens="Open",
    scopes={
        "Open": Conversation.status != "closed",
        "Waiting for a person": WAITING,
        "Waiting for nobody in particular": WAITING & Conversation.handoff_to_id.is_(None),
        "Mine": mine,
        "With customers": Conversation.customer_id.is_not(None),
        "With leads": Conversation.lead_id.is_not(None),
        "Of the board": Conversation.channel == "board",
        "Closed": Conversation.status == "closed",
    },
    facts=(
        "channel", "customer_id", "lead_id", "agent_id", "handoff_to_id", "message_count", "total_cost", "last_message_at",
    ),
    related=(
        Related(
            "conversation_history", via="conversation_id", label="Messages", sort="seq",
            fields=("role", "content", "created_at", "feedback", "tokens"),
        ),
        Related(
            "memory_entries", via="conversation_id", label="Captured from it", sort="-created_at",
            fields=("status", "content", "importance", "consolidated_into_id"),
        ),
        Related(
            "memory_recalls", via="conversation_id", label="Looked up for it", sort="-created_at",
            fields=("found", "used", "query", "strategy", "top_score", "latency_ms"),
        ),
        Related(
            "ai_calls", via="conversation_id", label="Model calls", sort="-started_at",
            fields=("started_at", "operation", "model_used", "status", "input_tokens", "output_tokens", "total_cost"),
        ),
    ),
    lifecycle=Lifecycle(
        field="status",
        initial="open",
        transitions=(
            Transition(
                "hand_over", "Hand over to a person", ("open",), "waiting_human", "conversations.handoff",
                asks=("handoff_to_id",), guards=(somebody_here,), done="handed over",
            ),
            Transition(
                "take", "Take it over", ("waiting_human",), "open", "conversations.handoff", guards=(is_a_person,),
                effects=(to_me,), done="taken over",
            ),
            Transition(
                "close", "Close conversation", ("open", "waiting_human"), "closed", "conversations.close",
                asks=("summary",), done="closed",
            ),
            Transition(
                "reopen", "Reopen conversation", ("closed",), "open", "conversations.close", effects=(to_nobody,),
                done="reopened",
            ),
        ),
    ),
    actions=(
        Action(
            "give_back", "Give back to the agent", "conversations.handoff", to_nobody, when=held_by_a_person,
            done="given back to the agent",
        ),
        Action(
            "file", "File it", "conversations.write", filed, asks=("title", "customer_id", "lead_id"), requires=("title",),
            done="filed",
        ),
    ),
    sentences={
        "uq_conversations_tenant_id_thread_id": ("thread_id", "Another conversation has this thread already."),
        "ck_conversations_subject": ("subject_id", "Name both the kind of record and its number, or neither."),
    },
    fields=(
        Text("title", label="Conversation", edit=NEVER, longest=300, width="l"),
        Choice(
            "status", edit=NEVER, filter=True, labels={"waiting_human": "Waits for a person"},
            tones={"open": "info open", "waiting_human": "warn pause", "closed": "mute done"},
        ),
        Choice("channel", edit=NEVER, filter=True, labels=CHANNELS, width="s"),
        Reference("customer_id", label="Customer", to="customers", edit=NEVER, filter=True),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=NEVER, filter=True),
        Reference("handoff_to_id", label="Person in charge", to="app_users", as_="person", edit=NEVER, filter=True),
        Moment("last_message_at", label="Last message", edit=NEVER, filter=True),
        Count("message_count", label="Messages", edit=NEVER, filter=True, width="s"),
        Cost("total_cost", label="Cost", edit=NEVER, list=False, filter=True, width="s"),
        Text("summary", long=True, longest=4000, edit=NEVER, list=False, personal=True, group="What was said"),
        Text(
            "transcript", label="Transcript", long=True, edit=NEVER, list=False, sort=False, personal=True,
            group="What was said", expr=transcript,
        ),
        Reference("lead_id", label="Lead", to="leads", edit=NEVER, list=False, filter=True, group="Origin"),
        Reference(
            "app_user_id", label="Colleague in it", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
            group="Origin",
        ),
        SubjectLink("subject_id", label="About", list=False, group="Origin"),
        Code("thread_id", label="Thread", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("created_at", label="Begun", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
