"""Memory relations: what one memory says of another. Two that contradict each other are work for a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func
from sqlalchemy.orm import Mapped

from app.domains.memory.remembering import overrule, two_active
from app.engine.actions import Action
from app.engine.fields import CREATE, INLINE, NEVER, Choice, Moment, Percent, Reference, Text
from app.engine.records import Record, Standard, choice, moment, probability, ref, text_
from app.engine.resource import Resource
from app.engine.states import Moving


class AiMemoryRelationship(Record, Standard):
    __tablename__ = "ai_memory_relationships"
    from_memory_id: Mapped[int] = ref("ai_memories", "C")
    to_memory_id: Mapped[int] = ref("ai_memories", "C")
    kind: Mapped[str] = choice("supports", "contradicts", "supersedes", "duplicates", "derived_from", "related")
    weight: Mapped[Decimal] = probability("0.5")
    detected_by: Mapped[str] = choice("agent", "user", "job", default="job")
    resolved_at: Mapped[datetime | None] = moment()
    resolved_by: Mapped[int | None] = ref("app_users", "N")
    resolution: Mapped[str | None] = text_()


UNSETTLED = and_(AiMemoryRelationship.kind == "contradicts", AiMemoryRelationship.resolved_at.is_(None))

WORDS = {
    "supports": "Supports", "contradicts": "Contradicts", "supersedes": "Replaces", "duplicates": "Says the same as",
    "derived_from": "Follows from", "related": "Has to do with",
}  # fmt: skip


def claim() -> ColumnElement[str]:
    """ "Contradicts: memory 12 and memory 45", which names no memory's words to whoever may not read them."""
    words = case(WORDS, value=AiMemoryRelationship.kind)
    return func.concat(
        words, ": memory ", AiMemoryRelationship.from_memory_id, " and memory ", AiMemoryRelationship.to_memory_id
    )


def standing() -> ColumnElement[str]:
    return case(
        (UNSETTLED, "open"), (AiMemoryRelationship.resolved_at.is_not(None), "settled"), else_="none"
    )  # fmt: skip


def to_settle(record: Mapping[str, Any]) -> str | None:
    if record.get("kind") != "contradicts":
        return "Only contradictions are settled."
    return None if record.get("resolved_at") is None else "It has been settled already."


def first_holds(moving: Moving) -> Mapping[str, Any]:
    return chosen(moving, wrong="to_memory_id", right="from_memory_id", words="The first one holds.")


def second_holds(moving: Moving) -> Mapping[str, Any]:
    return chosen(moving, wrong="from_memory_id", right="to_memory_id", words="The second one holds.")


def chosen(moving: Moving, wrong: str, right: str, words: str) -> Mapping[str, Any]:
    """The one that holds replaces the other, in the same change."""
    two_active(moving.connection, moving.record)
    key, at = moving.record["id"], moving.at
    old, new = moving.record[wrong], moving.record[right]
    return {
        "resolution": moving.asked.get("resolution") or words,
        "resolved_at": at,
        "resolved_by": lambda connection, actor: overrule(connection, actor, key, old, new, at),
    }


def both_hold(moving: Moving) -> Mapping[str, Any]:
    return {
        "resolution": moving.asked["resolution"], "resolved_at": moving.at, "resolved_by": moving.actor.app_user_id,
    }  # fmt: skip


ai_memory_relationships = Resource(
    AiMemoryRelationship,
    title="claim",
    label="Memory relations",
    singular="memory relation",
    icon="link",
    nav=("Memory", 35),
    about="What memories say of each other: one supports, repeats or contradicts another. Where two contradict, say which holds.",
    area="memory",
    sort="-created_at",
    badge="standing",
    scopes={
        "Contradictions to settle": UNSETTLED,
        "Settled": AiMemoryRelationship.resolved_at.is_not(None),
        "The same twice": AiMemoryRelationship.kind == "duplicates",
        "Found by people": AiMemoryRelationship.detected_by == "user",
    },
    facts=("kind", "from_memory_id", "to_memory_id", "weight", "detected_by", "resolved_by", "resolved_at"),
    actions=(
        Action(
            "first_holds", "The first one holds", "memory.resolve", first_holds, when=to_settle, asks=("resolution",),
            done="settled for the first one",
        ),
        Action(
            "second_holds", "The second one holds", "memory.resolve", second_holds, when=to_settle, asks=("resolution",),
            done="settled for the second one",
        ),
        Action(
            "both_hold", "Both hold", "memory.resolve", both_hold, when=to_settle, asks=("resolution",),
            requires=("resolution",), done="settled: both hold",
        ),
    ),
    defaults={"detected_by": "user"},
    sentences={
        "uq_ai_memory_relationships_from_memory_id_to_memory_id_kind": (
            "to_memory_id", "These two are related in this way already.",
        ),
        "ck_ai_memory_relationships_two": ("to_memory_id", "Choose another memory; this is the same one."),
    },
    fields=(
        Text("claim", label="Relation", edit=NEVER, sort=False, expr=claim),
        Reference("from_memory_id", label="First memory", to="ai_memories", edit=CREATE, filter=True, width="l"),
        Choice(
            "kind", edit=CREATE, filter=True, list=False, labels=WORDS,
            tones={
                "supports": "ok dot", "contradicts": "danger warn", "supersedes": "info part", "duplicates": "warn dot",
                "derived_from": "mute dot", "related": "mute dot",
            },
        ),
        Reference("to_memory_id", label="Second memory", to="ai_memories", edit=CREATE, filter=True, width="l"),
        Choice(
            "standing", edit=NEVER, sort=False, values=("open", "settled", "none"), expr=standing, width="s",
            labels={"open": "To settle", "none": "Nothing to settle"},
            tones={"open": "warn open", "settled": "ok done", "none": "mute dot"},
        ),
        Percent("weight", label="How sure", edit=INLINE, share=True, most=1, filter=True, width="s", help="0 to 1."),
        Choice(
            "detected_by", label="Noticed by", edit=CREATE, filter=True, width="s",
            labels={"agent": "An agent", "user": "A person", "job": "The nightly look"},
        ),
        Moment("created_at", label="Noticed", edit=NEVER, filter=True),
        Text("resolution", label="How it was settled", long=True, edit=NEVER, list=False),
        Reference("resolved_by", label="Settled by", to="app_users", as_="person", edit=NEVER, list=False, filter=True),
        Moment("resolved_at", label="Settled", edit=NEVER, list=False, filter=True),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True),
    ),
)  # fmt: skip
