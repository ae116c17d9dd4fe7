"""Messages: what was said in each conversation, in order, by whom, with which tools, and whether it helped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Computed
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.engine.actions import Action
from app.engine.fields import NEVER, Choice, Count, Json, Moment, Reference, Text
from app.engine.records import Log, Record, choice, integer, json_, moment, ref, text_
from app.engine.resource import Related, Resource
from app.engine.states import Moving
from app.engine.wording import items, pairs


class ConversationMessage(Record, Log):
    __tablename__ = "conversation_history"
    conversation_id: Mapped[int] = ref("conversations", "C")
    seq: Mapped[int] = integer()
    role: Mapped[str] = choice("system", "user", "assistant", "tool", "human_agent", "customer")
    content: Mapped[str] = text_()
    agent_id: Mapped[int | None] = ref("ai_agents", "R")
    app_user_id: Mapped[int | None] = ref("app_users", "R")
    contact_id: Mapped[int | None] = ref("contacts", "N")
    tool_calls: Mapped[Any] = json_(nullable=True)
    tool_result: Mapped[Any] = json_(nullable=True)
    ai_call_id: Mapped[int | None] = ref("ai_calls", "N")
    tokens: Mapped[int] = integer("0")
    feedback: Mapped[str | None] = choice("up", "down")
    feedback_note: Mapped[str | None] = text_()
    redacted_at: Mapped[datetime | None] = moment()
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed("to_tsvector('english', content)", persisted=True))


REMOVED = "[Removed]"


def an_answer(record: Mapping[str, Any]) -> str | None:
    if record.get("role") != "assistant":
        return "Only what an agent said is judged."
    return already_removed(record)


def already_removed(record: Mapping[str, Any]) -> str | None:
    return None if record.get("redacted_at") is None else "Its words have been removed."


def helped(_: Moving) -> Mapping[str, Any]:
    return {"feedback": "up", "feedback_note": None}


def missed(moving: Moving) -> Mapping[str, Any]:
    return {"feedback": "down", "feedback_note": moving.asked["feedback_note"]}


def removed(moving: Moving) -> Mapping[str, Any]:
    """The words go, the row stays: that something was said, when and by whom, is no secret."""
    return {"content": REMOVED, "tool_calls": None, "tool_result": None, "redacted_at": moving.at}


conversation_history = Resource(
    ConversationMessage,
    title="content",
    label="Messages",
    singular="message",
    icon="note",
    nav=("Memory", 15),
    about="Every message of every conversation as it was sent. Say whether an answer helped; remove words nobody should keep.",
    area="conversations",
    read_only="What was said is kept as it was said; its words can only be removed, with the reason in the history.",
    create=False,
    search=("content",),
    sort="-created_at",
    badge="role",
    scopes={
        "From customers": ConversationMessage.role == "customer",
        "Answers of agents": ConversationMessage.role == "assistant",
        "Helped": ConversationMessage.feedback == "up",
        "Did not help": ConversationMessage.feedback == "down",
        "With tools": ConversationMessage.role == "tool",
        "Removed": ConversationMessage.redacted_at.is_not(None),
    },
    facts=("conversation_id", "seq", "created_at", "agent_id", "app_user_id", "contact_id", "tokens", "feedback"),
    related=(
        Related(
            "memory_entries", via="message_id", label="Captured from it", sort="-created_at",
            fields=("content", "status", "importance", "consolidated_into_id"),
        ),
    ),
    actions=(
        Action("helped", "It helped", "conversations.write", helped, when=an_answer, done="marked as helpful"),
        Action(
            "missed", "It did not help", "conversations.write", missed, when=an_answer, asks=("feedback_note",),
            requires=("feedback_note",), done="marked as not helpful",
        ),
        Action(
            "redact", "Remove the words", "conversations.redact", removed, when=already_removed, reason=True, danger=True,
            done="removed",
        ),
    ),
    sentences={
        "uq_conversation_history_conversation_id_seq": ("seq", "The conversation has a message at this place already."),
    },
    fields=(
        Text("content", label="Message", long=True, edit=NEVER, personal=True, width="xl"),
        Choice(
            "role", label="Said by", edit=NEVER, filter=True, width="s",
            labels={"system": "Instruction", "user": "Colleague", "assistant": "Agent", "human_agent": "We"},
            tones={
                "assistant": "ai ai", "customer": "accent dot", "human_agent": "info dot", "user": "info dot",
                "tool": "mute dot", "system": "mute dot",
            },
        ),
        Reference("conversation_id", label="Conversation", to="conversations", edit=NEVER, filter=True, width="l"),
        Moment("created_at", label="Said", edit=NEVER, filter=True),
        Reference("agent_id", label="Agent", to="ai_agents", as_="agent", edit=NEVER, list=False, filter=True),
        Reference("app_user_id", label="Colleague", to="app_users", as_="person", edit=NEVER, list=False, filter=True),
        Reference("contact_id", label="Contact", to="contacts", edit=NEVER, list=False, filter=True),
        Choice(
            "feedback", label="Judged", edit=NEVER, filter=True, width="s", labels={"up": "Helped", "down": "Did not help"},
            tones={"up": "ok done", "down": "danger fail"},
        ),
        Count("tokens", edit=NEVER, filter=True, width="s"),
        Count("seq", label="Place", edit=NEVER, filter=True, list=False),
        Text("feedback_note", label="What was wrong", long=True, edit=NEVER, list=False),
        Text(
            "tools_asked", label="Tools asked", long=True, edit=NEVER, list=False, sort=False, group="Tools",
            expr=lambda: items(ConversationMessage.__table__.c.tool_calls, "tool", "what"),
        ),
        Text(
            "tool_said", label="What the tool said", long=True, edit=NEVER, list=False, sort=False, personal=True,
            group="Tools", expr=lambda: pairs(ConversationMessage.__table__.c.tool_result),
        ),
        Reference("ai_call_id", label="Model call", to="ai_calls", as_="code", edit=NEVER, list=False, filter=True,
                  group="Tools"),
        Json("tool_calls", label="Tools asked, as data", edit=NEVER, group="Tools"),
        Json("tool_result", label="Result, as data", edit=NEVER, personal=True, group="Tools"),
        Moment("redacted_at", label="Words removed", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
