"""Memories: what all agents know for good, with where it came from, how often it helped, and a strength that fades."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Computed,
    Float,
    LargeBinary,
    Numeric,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import TSVECTOR, aggregate_order_by, array
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import db
from app.domains.memory.remembering import HASH, agree, forget, joined, new_version, state_of
from app.engine.actions import Action
from app.engine.fields import (
    BULK,
    CREATE,
    INLINE,
    NEVER,
    Choice,
    Code,
    Count,
    Flag,
    Moment,
    Percent,
    Reference,
    Secret,
    SubjectLink,
    Tags,
    Text,
)
from app.engine.records import (
    PerhapsSubject,
    Record,
    Standard,
    bigint,
    choice,
    flag,
    integer,
    moment,
    probability,
    ref,
    text_,
    texts,
)
from app.engine.records import embedding as embedding_
from app.engine.resource import Related, Resource
from app.engine.states import Lifecycle, Moving, Transition

FADED = Decimal("0.05")
"""A memory weaker than this is let go, unless it is pinned."""


class AiMemory(Record, Standard, PerhapsSubject):
    __tablename__ = "ai_memories"
    content: Mapped[str] = text_()
    content_hash: Mapped[bytes] = mapped_column(LargeBinary, Computed(HASH, persisted=True))
    kind: Mapped[str] = choice("fact", "preference", "procedure", "episode", "relationship", "warning", default="fact")
    scope: Mapped[str] = choice("tenant", "customer", "property", "job", "user", "agent", default="tenant")
    state: Mapped[str] = choice("active", "superseded", "expired", "archived", "deleted", default="active")
    agent_id: Mapped[int | None] = ref("ai_agents", "N")
    cluster_id: Mapped[int | None] = ref("ai_memory_clusters", "N")
    superseded_by_id: Mapped[int | None] = ref("ai_memories", "N")
    importance: Mapped[Decimal] = probability("0.5")
    confidence: Mapped[Decimal] = probability("0.5")
    strength: Mapped[Decimal] = probability("1")
    decay_half_life_days: Mapped[int] = integer("90")
    pinned: Mapped[bool] = flag()
    sensitive: Mapped[bool] = flag()
    tags: Mapped[list[str]] = texts()
    embedding_model: Mapped[str | None] = text_()
    embedding: Mapped[Any] = embedding_()
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed("to_tsvector('english', content)", persisted=True))
    recall_count: Mapped[int] = bigint("0")
    useful_count: Mapped[int] = bigint("0")
    last_recalled_at: Mapped[datetime | None] = moment()
    expires_at: Mapped[datetime | None] = moment()
    verified_by: Mapped[int | None] = ref("app_users", "N")
    verified_at: Mapped[datetime | None] = moment()


ACTIVE = AiMemory.state == "active"


def strength_today() -> ColumnElement[Decimal]:
    """What is left of its strength: halved for every half-life since it was last recalled. A pinned one does not fade."""
    idle = func.extract("epoch", func.now() - func.coalesce(AiMemory.last_recalled_at, AiMemory.created_at)) / 86400.0
    left = func.power(0.5, cast(idle, Float) / AiMemory.decay_half_life_days)
    faded = case((AiMemory.pinned, AiMemory.strength), else_=AiMemory.strength * cast(func.least(left, 1), Numeric))
    return cast(faded, Numeric(5, 4))


def sources() -> ColumnElement[str]:
    """Where it came from, by the entries it was made of: "Conversation, Document"."""
    entries = db.metadata.tables["memory_entries"]
    kinds = select(func.initcap(entries.c.source).label("source")).where(entries.c.consolidated_into_id == AiMemory.id)
    each = kinds.correlate(AiMemory).distinct().subquery("sources")
    words = func.string_agg(each.c.source, aggregate_order_by(literal(", ", SqlText), each.c.source))
    return select(words).scalar_subquery()


def asked_for() -> ColumnElement[str]:
    """The latest questions it was an answer to."""
    recalls = db.metadata.tables["memory_recalls"]
    latest = (
        select(recalls.c.query, recalls.c.created_at)
        .where(recalls.c.tenant_id == AiMemory.tenant_id, recalls.c.returned_ids.op("@>")(array([AiMemory.id])))
        .order_by(recalls.c.created_at.desc())
        .limit(5)
        .correlate(AiMemory)
        .subquery("latest")
    )
    words = func.string_agg(latest.c.query, aggregate_order_by(literal("\n", SqlText), latest.c.created_at.desc()))
    return select(words).scalar_subquery()


def contradicted() -> ColumnElement[bool]:
    relations = db.metadata.tables["ai_memory_relationships"].c
    mine = or_(relations.from_memory_id == AiMemory.id, relations.to_memory_id == AiMemory.id)
    open_ones = select(1).where(mine, relations.kind == "contradicts", relations.resolved_at.is_(None))
    return and_(ACTIVE, open_ones.exists())


def says_otherwise(moving: Moving) -> str | None:
    if (moving.asked.get("content") or "").strip() == moving.record["content"]:
        return "These are the words it has already."
    return None


def corrected(moving: Moving) -> Mapping[str, Any]:
    """The old words stay as they were; a new memory takes their place."""
    memory, content = dict(moving.record), moving.asked["content"]
    return {
        "content": memory["content"],
        "superseded_by_id": lambda connection, actor: new_version(connection, actor, memory, content, moving.at),
    }


def another_that_stands(moving: Moving) -> str | None:
    chosen = moving.asked.get("superseded_by_id")
    if chosen is None:
        return None
    if chosen == moving.record["id"]:
        return "A memory cannot be merged into itself."
    if state_of(moving.connection, moving.record["tenant_id"], chosen) != "active":
        return "Choose a memory that is in use."
    return None


def merged(moving: Moving) -> Mapping[str, Any]:
    old, new = moving.record["id"], moving.asked["superseded_by_id"]
    return {"superseded_by_id": lambda connection, actor: joined(connection, actor, old, new)}


def in_use_again(moving: Moving) -> Mapping[str, Any]:
    """It begins again with some strength, or the next night would take it away again; a day that is over holds no more."""
    until = moving.record["expires_at"]
    return {
        "strength": max(moving.record["strength"], Decimal("0.5")),
        "expires_at": None if until and until <= moving.at else until,
    }


def has_faded(moving: Moving) -> str | None:
    until = moving.record["expires_at"]
    if until is not None and until <= moving.at:
        return None
    if moving.record["pinned"]:
        return "It is pinned, so it does not fade."
    left = moving.connection.scalar(select(strength_today()).where(AiMemory.id == moving.record["id"]))
    return (
        None if left is not None and left < FADED else f"It is stronger than {FADED} still, and its day has not come."
    )


def forgotten(moving: Moving) -> Mapping[str, Any]:
    key = moving.record["id"]
    return {
        "content": lambda connection, actor: forget(connection, actor, key),
        "superseded_by_id": None,
        "pinned": False,
        "tags": [],
        "embedding": None,
        "embedding_model": None,
    }


def made_by_moves(_: Mapping[str, Any]) -> bool:
    """Versions and sources come of correcting, merging and keeping, never of a form."""
    return True


def in_use(record: Mapping[str, Any]) -> str | None:
    return None if record.get("state") == "active" else "It is out of use."


def verified(moving: Moving) -> Mapping[str, Any]:
    return {
        "verified_by": moving.actor.app_user_id,
        "verified_at": moving.at,
        "confidence": max(moving.record["confidence"], Decimal("0.95")),
    }


ai_memories = Resource(
    AiMemory,
    title="content",
    label="Memories",
    singular="memory",
    icon="memory",
    nav=("Memory", 5),
    about="What the agents know for good and share: facts, preferences, procedures, warnings. Each fades unless it is"
    " recalled; correct it, merge it, pin it, or have it forgotten. Search finds words; Health says whether it finds meaning.",
    area="memory",
    search=("content",),
    sort="-created_at",
    opens="In use",
    badge="state",
    scopes={
        "In use": ACTIVE,
        "Never recalled": ACTIVE & (AiMemory.recall_count == 0),
        "Contradicted": lambda _actor: contradicted(),
        "Expiring": ACTIVE & (AiMemory.expires_at < func.now() + func.make_interval(0, 0, 0, 30)),
        "Pinned": ACTIVE & AiMemory.pinned,
        "Sensitive": ACTIVE & AiMemory.sensitive,
        "Nobody confirmed": ACTIVE & AiMemory.verified_at.is_(None) & (AiMemory.confidence < Decimal("0.7")),
        "Not recalled in 90 days": ACTIVE
        & (func.coalesce(AiMemory.last_recalled_at, AiMemory.created_at) < func.now() - func.make_interval(0, 0, 0, 90)),
        "Replaced": AiMemory.state == "superseded",
        "Forgotten": AiMemory.state == "deleted",
    },
    facts=(
        "kind", "subject_id", "strength_now", "confidence", "recall_count", "useful_count", "last_recalled_at", "cluster_id",
    ),
    related=(
        Related(
            "memory_entries", via="consolidated_into_id", label="Where it came from", sort="-created_at", closed=made_by_moves,
            fields=("source", "created_at", "content", "conversation_id", "decision_id"),
        ),
        Related(
            "ai_memory_relationships", via="from_memory_id", id="from", label="What it says of others", sort="-created_at",
            fields=("claim", "standing", "to_memory_id", "detected_by"),
        ),
        Related(
            "ai_memory_relationships", via="to_memory_id", id="to", label="What others say of it", sort="-created_at",
            fields=("claim", "standing", "from_memory_id", "detected_by"),
        ),
        Related(
            "ai_memory_feedback", via="memory_id", label="What people and agents think of it", sort="-created_at",
            fields=("finding", "verdict", "comment", "correction", "applied_at", "created_at"),
        ),
        Related(
            "ai_memories", via="superseded_by_id", label="Earlier versions", sort="-created_at", closed=made_by_moves,
            fields=("content", "state", "verified_by", "created_at"),
        ),
        Related(
            "agent_memories", via="ai_memory_id", label="Pinned in the blocks of", sort="position",
            fields=("name", "agent_id", "revision", "updated_at"),
        ),
    ),
    follow=(agree,),
    lifecycle=Lifecycle(
        field="state",
        initial="active",
        frozen=dict.fromkeys(("superseded", "archived", "expired", "deleted"), ("*",)),
        why_frozen="It is out of use; put it back in use first, or change the one that replaced it.",
        transitions=(
            Transition(
                "correct", "Correct it", ("active",), "superseded", "memory.write", asks=("content",),
                requires=("content",), guards=(says_otherwise,), effects=(corrected,), done="replaced by a new version",
            ),
            Transition(
                "merge", "Merge into another", ("active",), "superseded", "memory.merge", asks=("superseded_by_id",),
                requires=("superseded_by_id",), guards=(another_that_stands,), effects=(merged,), done="merged",
            ),
            Transition("archive", "Take out of use", ("active",), "archived", "memory.archive", done="taken out of use"),
            Transition(
                "restore", "Put back in use", ("archived", "expired"), "active", "memory.archive", effects=(in_use_again,),
                done="put back in use",
            ),
            Transition(
                "expire", "Let fade", ("active",), "expired", "memory.archive", guards=(has_faded,), by_system=True,
                done="faded",
            ),
            Transition(
                "forget", "Forget it", ("active", "superseded", "archived", "expired"), "deleted", "memory.forget",
                effects=(forgotten,), reason=True, danger=True, done="forgotten",
            ),
        ),
    ),
    actions=(Action("verify", "Confirm it", "memory.verify", verified, when=in_use, done="confirmed"),),
    sentences={
        "uq_ai_memories_scope_subject_type_subject_id_content_hash": (
            "content", "A memory in use says exactly this already; merge into that one.",
        ),
        "ck_ai_memories_decay_half_life_days": ("decay_half_life_days", "Enter 1 day or more."),
        "ck_ai_memories_superseded": ("state", "A replaced memory names the one that replaced it."),
        "ck_ai_memories_by_another": ("superseded_by_id", "A memory cannot be merged into itself."),
        "ck_ai_memories_subject": ("subject_id", "Name both the kind of record and its number, or neither."),
    },
    fields=(
        Text("content", label="Memory", long=True, required=True, longest=2000, edit=CREATE, personal=True, width="xl"),
        Choice(
            "kind", edit=INLINE | BULK, filter=True, width="s",
            tones={
                "fact": "mute dot", "preference": "info dot", "procedure": "accent dot", "episode": "mute dot",
                "relationship": "info dot", "warning": "warn warn",
            },
        ),
        SubjectLink("subject_id", label="About"),
        Choice("scope", edit=CREATE, filter=True, list=False, labels={"tenant": "Whole company"}, help="How far it reaches."),
        Choice(
            "state", edit=NEVER, filter=True, width="s", list=False,
            labels={"active": "In use", "superseded": "Replaced", "expired": "Faded", "archived": "Out of use",
                    "deleted": "Forgotten"},
            tones={
                "active": "ok done", "superseded": "info part", "expired": "mute pause", "archived": "mute off",
                "deleted": "danger off",
            },
        ),
        Percent("strength_now", label="Strength", edit=NEVER, share=True, sort=False, width="s", expr=strength_today,
                help="What is left of it today; it fades until it is recalled again."),
        Percent("confidence", edit=INLINE, share=True, most=1, filter=True, width="s", help="How sure it is: 0 to 1."),
        Count("recall_count", label="Recalls", edit=NEVER, filter=True, width="s"),
        Count("useful_count", label="Useful", edit=NEVER, filter=True, width="s", help="Recalls after which it was used."),
        Moment("last_recalled_at", label="Last recalled", edit=NEVER, filter=True),
        Text("source", label="Source", edit=NEVER, sort=False, width="s", expr=sources),
        Reference("cluster_id", label="Cluster", to="ai_memory_clusters", edit=INLINE | BULK, list=False, filter=True),
        Tags("tags", edit=INLINE | BULK, list=False, filter=True),
        Flag("pinned", edit=INLINE | BULK, list=False, filter=True, help="A pinned memory does not fade."),
        Flag("sensitive", edit=INLINE | BULK, list=False, filter=True, help="Not for conversations with the outside."),
        Text(
            "asked_for", label="Last recalled for", long=True, edit=NEVER, list=False, sort=False, personal=True,
            group="Use", expr=asked_for,
        ),
        Percent("importance", edit=INLINE | BULK, share=True, most=1, list=False, filter=True, group="Use", help="0 to 1."),
        Percent("strength", label="Strength when last recalled", edit=NEVER, share=True, list=False, filter=True, group="Use"),
        Count(
            "decay_half_life_days", label="Half-life in days", least=1, most=3650, edit=INLINE | BULK, list=False,
            filter=True, group="Use", help="After so many days without a recall half of its strength is left.",
        ),
        Moment("expires_at", label="Holds until", planned=True, edit=INLINE | BULK, list=False, filter=True, group="Use"),
        Reference("agent_id", label="Learned by", to="ai_agents", as_="agent", edit=CREATE, list=False, filter=True,
                  group="Origin"),
        Reference(
            "superseded_by_id", label="Replaced by", to="ai_memories", edit=NEVER, list=False, filter=True, group="Origin",
        ),
        Reference("verified_by", label="Confirmed by", to="app_users", as_="person", edit=NEVER, list=False, filter=True,
                  group="Origin"),
        Moment("verified_at", label="Confirmed", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("subject_type", label="About a", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("created_at", label="Learned", edit=NEVER, list=False, filter=True, group="Origin"),
        Moment("updated_at", label="Changed", edit=NEVER, list=False, filter=True, group="Origin"),
        Code("embedding_model", label="Embedded with", edit=NEVER, list=False, filter=True, group="Search by meaning"),
        Secret("content_hash", label="Digest", group="Search by meaning"),
    ),
)  # fmt: skip
