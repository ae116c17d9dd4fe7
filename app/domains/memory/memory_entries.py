"""Captured: everything observed that might be worth remembering, until it becomes a memory or is let go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Computed, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from app.domains.memory.remembering import HASH, remembered
from app.engine.fields import (
    BULK,
    CREATE,
    INLINE,
    NEVER,
    Choice,
    Code,
    Moment,
    Percent,
    Reference,
    Secret,
    SubjectLink,
    Tags,
    Text,
)
from app.engine.records import PerhapsSubject, Record, Standard, choice, moment, probability, ref, text_, texts
from app.engine.records import embedding as embedding_
from app.engine.resource import Resource
from app.engine.states import Lifecycle, Moving, Transition


class MemoryEntry(Record, Standard, PerhapsSubject):
    __tablename__ = "memory_entries"
    source: Mapped[str] = choice("conversation", "decision", "document", "user", "import", "automation", "observation")
    content: Mapped[str] = text_()
    content_hash: Mapped[bytes] = mapped_column(LargeBinary, Computed(HASH, persisted=True))
    conversation_id: Mapped[int | None] = ref("conversations", "N")
    message_id: Mapped[int | None] = ref("conversation_history", "N")
    decision_id: Mapped[int | None] = ref("ai_decision_logs", "N")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    app_user_id: Mapped[int | None] = ref("app_users", "N")
    importance: Mapped[Decimal] = probability("0.5")
    status: Mapped[str] = choice("captured", "consolidated", "discarded", "quarantined", default="captured")
    consolidated_into_id: Mapped[int | None] = ref("ai_memories", "N")
    pii_flags: Mapped[list[str]] = texts()
    embedding_model: Mapped[str | None] = text_()
    embedding: Mapped[Any] = embedding_()
    expires_at: Mapped[datetime | None] = moment()
    processed_at: Mapped[datetime | None] = moment()


WAITING = MemoryEntry.status == "captured"


def kept(moving: Moving) -> Mapping[str, Any]:
    """A memory of its own, with the entry's words; or the memory that says the same already."""
    entry = moving.record
    return {
        "consolidated_into_id": lambda connection, actor: remembered(connection, actor, entry, moving.at),
        "processed_at": moving.at,
    }


def processed(moving: Moving) -> Mapping[str, Any]:
    return {"processed_at": moving.at}


def waiting_again(_: Moving) -> Mapping[str, Any]:
    return {"processed_at": None, "consolidated_into_id": None}


memory_entries = Resource(
    MemoryEntry,
    title="content",
    label="Captured",
    singular="captured entry",
    icon="inbox",
    nav=("Memory", 30),
    about="What was noticed and might be worth remembering: from conversations, decisions, documents and people. The worker"
    " makes memories of it; keep, set aside or let go by hand what should not wait.",
    area="memory",
    search=("content",),
    sort="-created_at",
    opens="Waiting",
    scopes={
        "Waiting": WAITING,
        "Quarantined": MemoryEntry.status == "quarantined",
        "With personal data": func.cardinality(MemoryEntry.pii_flags) > 0,
        "Waiting over a day": WAITING & (MemoryEntry.created_at < func.now() - func.make_interval(0, 0, 0, 1)),
        "Became memories": MemoryEntry.status == "consolidated",
        "Let go": MemoryEntry.status == "discarded",
    },
    facts=("source", "importance", "conversation_id", "decision_id", "agent_id", "consolidated_into_id", "processed_at"),
    lifecycle=Lifecycle(
        field="status",
        initial="captured",
        stages=("captured", "consolidated"),
        frozen={"consolidated": ("*",), "discarded": ("*",)},
        why_frozen="It has been dealt with; take it back first, or change the memory made of it.",
        transitions=(
            Transition(
                "keep", "Make a memory of it", ("captured", "quarantined"), "consolidated", "memory.consolidate",
                effects=(kept,), done="made into a memory",
            ),
            Transition(
                "join", "Add to a memory", ("captured", "quarantined"), "consolidated", "memory.consolidate",
                asks=("consolidated_into_id",), requires=("consolidated_into_id",), effects=(processed,),
                done="added to that memory",
            ),
            Transition(
                "quarantine", "Set aside", ("captured",), "quarantined", "memory.consolidate", reason=True,
                effects=(processed,), done="set aside",
            ),
            Transition(
                "discard", "Let go", ("captured", "quarantined"), "discarded", "memory.consolidate", effects=(processed,),
                danger=True, done="let go",
            ),
            Transition(
                "take_back", "Take back", ("quarantined", "discarded"), "captured", "memory.consolidate",
                effects=(waiting_again,), done="taken back",
            ),
        ),
    ),
    defaults={"source": "user", "app_user_id": lambda actor: actor.app_user_id},
    sentences={
        "ck_memory_entries_content": ("content", "Write between 1 and 20,000 characters."),
        "ck_memory_entries_processed": ("status", "Only the buttons make a memory of it."),
        "ck_memory_entries_subject": ("subject_id", "Name both the kind of record and its number, or neither."),
    },
    fields=(
        Text("content", label="Captured", long=True, required=True, edit=CREATE, personal=True, width="xl"),
        Choice(
            "status", edit=NEVER, filter=True, width="s",
            labels={"captured": "Waiting", "consolidated": "Remembered", "discarded": "Let go"},
            tones={
                "captured": "ai ai", "consolidated": "ok done", "discarded": "mute off", "quarantined": "danger pause",
            },
        ),
        Choice("source", edit=CREATE, filter=True, width="s", labels={"user": "A person"}),
        Reference("agent_id", label="Captured by", to="ai_agents", as_="agent", edit=CREATE, filter=True),
        SubjectLink("subject_id", label="About"),
        Percent("importance", edit=INLINE | BULK, share=True, most=1, filter=True, width="s", help="0 to 1."),
        Tags("pii_flags", label="Personal data in it", edit=INLINE, filter=True),
        Moment("created_at", label="Captured on", edit=NEVER, filter=True),
        Reference(
            "consolidated_into_id", label="Memory", to="ai_memories", edit=NEVER, list=False, filter=True,
        ),
        Moment("processed_at", label="Dealt with", edit=NEVER, list=False, filter=True),
        Moment("expires_at", label="Forgotten on", planned=True, edit=INLINE | BULK, list=False, filter=True),
        Reference(
            "conversation_id", label="Conversation", to="conversations", edit=CREATE, list=False, filter=True,
            group="Origin",
        ),
        Reference(
            "message_id", label="Message", to="conversation_history", edit=CREATE, list=False, filter=True, group="Origin",
        ),
        Reference(
            "decision_id", label="Decision", to="ai_decision_logs", edit=CREATE, list=False, filter=True, group="Origin",
        ),
        Reference(
            "app_user_id", label="Noted by", to="app_users", as_="person", edit=CREATE, list=False, filter=True,
            group="Origin",
        ),
        Code("embedding_model", label="Embedded with", edit=NEVER, list=False, filter=True, group="Search by meaning"),
        Secret("content_hash", label="Digest", group="Search by meaning"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
    ),
)  # fmt: skip
