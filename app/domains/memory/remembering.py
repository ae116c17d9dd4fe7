"""What follows when a memory is made, corrected, overruled or forgotten: the other rows that must agree with it.

Everything here runs inside the unit of work of the move that asked for it, so it is recorded and undone with that move.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from app.core.db import db
from app.engine.access import Actor
from app.engine.refusals import NotAllowed

HASH = r"sha256(decode(replace(content, '\', '\\'), 'escape'))"
"""The digest by which the database knows two equal texts; the way over `decode` is one it holds for immutable."""

FORGOTTEN = "[Forgotten]"

SCOPES = {"customers": "customer", "properties": "property", "jobs": "job", "app_users": "user", "ai_agents": "agent"}
"""How far a memory about a record of that table reaches; about anything else it is the company's."""

COPIED = (
    "kind", "scope", "agent_id", "cluster_id", "importance", "decay_half_life_days", "pinned", "sensitive", "tags",
    "expires_at", "subject_type", "subject_id",
)  # fmt: skip


def remembered(connection: Connection, actor: Actor, entry: Mapping[str, Any], at: datetime) -> int:
    """The memory an entry becomes; where an active one says the same about the same record already, that one."""
    memories = db.metadata.tables["ai_memories"]
    scope = SCOPES.get(entry["subject_type"] or "", "tenant")
    same = connection.scalar(
        select(memories.c.id).where(
            memories.c.tenant_id == actor.tenant_id,
            memories.c.state == "active",
            memories.c.scope == scope,
            memories.c.subject_type.is_not_distinct_from(entry["subject_type"]),
            memories.c.subject_id.is_not_distinct_from(entry["subject_id"]),
            memories.c.content_hash == entry["content_hash"],
        )
    )
    if same is not None:
        return int(same)
    values = {name: entry[name] for name in ("content", "agent_id", "importance", "subject_type", "subject_id")}
    values |= {"scope": scope, "sensitive": bool(entry["pii_flags"]), "expires_at": entry["expires_at"]}
    if actor.app_user_id is not None:
        values |= {"verified_by": actor.app_user_id, "verified_at": at}
    made = insert(memories).values(tenant_id=actor.tenant_id, **values).returning(memories.c.id)
    return int(connection.execute(made).scalar_one())


def new_version(connection: Connection, actor: Actor, memory: Mapping[str, Any], content: str, at: datetime) -> int:
    """The memory in better words, which stands from now on; what pointed at the old one points at it."""
    memories, relations = db.metadata.tables["ai_memories"], db.metadata.tables["ai_memory_relationships"]
    values = {name: memory[name] for name in COPIED} | {"content": content, "tenant_id": actor.tenant_id}
    # Somebody looked at it and said what is right; the old text's successes prove nothing about the new one.
    values |= {"confidence": Decimal("0.9"), "verified_by": actor.app_user_id, "verified_at": at}
    key = int(connection.execute(insert(memories).values(**values).returning(memories.c.id)).scalar_one())
    connection.execute(
        insert(relations).values(
            tenant_id=actor.tenant_id, from_memory_id=key, to_memory_id=memory["id"], kind="supersedes", weight=1,
            detected_by="user",
        )
    )  # fmt: skip
    point_blocks(connection, memory["id"], key)
    return key


def point_blocks(connection: Connection, old: int, new: int | None) -> None:
    """Agents that had the old memory pinned in a block have the new one."""
    blocks = db.metadata.tables["agent_memories"]
    connection.execute(update(blocks).where(blocks.c.ai_memory_id == old).values(ai_memory_id=new))


def joined(connection: Connection, actor: Actor, old: int, new: int) -> int:
    """One memory taken into another: the link says why, and blocks follow. Returns the one that stays."""
    connection.execute(_DUPLICATE, {"tenant": actor.tenant_id, "old": old, "new": new})
    point_blocks(connection, old, new)
    return new


def overrule(connection: Connection, actor: Actor, relation: int, wrong: int, right: int, at: datetime) -> int | None:
    """Of two that contradict each other one holds. Returns who decided it."""
    memories = db.metadata.tables["ai_memories"]
    standing = (memories.c.id == wrong, memories.c.state == "active")
    connection.execute(update(memories).where(*standing).values(state="superseded", superseded_by_id=right))
    point_blocks(connection, wrong, right)
    recount(connection, actor.tenant_id)
    settle(connection, wrong, at, relation)
    return actor.app_user_id


def forget(connection: Connection, actor: Actor, key: int) -> str:
    """Take the words out of everything they were made of and out of every earlier version. Returns what stands instead."""
    given = {"tenant": actor.tenant_id, "key": key, "word": FORGOTTEN}
    for statement in (_FORGET_ENTRIES, _FORGET_FEEDBACK, _FORGET_VERSIONS):
        connection.execute(statement, given)
    point_blocks(connection, key, None)
    return FORGOTTEN


def carried_out(connection: Connection, actor: Actor, feedback: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """What a verdict does to its memory, and how to say it: stronger, weaker, in better words, or out of use."""
    memories = db.metadata.tables["ai_memories"]
    memory = connection.execute(select(memories).where(memories.c.id == feedback["memory_id"])).mappings().one()
    if memory["state"] != "active":
        return {"nothing": "the memory is not in use any more"}
    verdict, values, told = feedback["verdict"], {}, {}
    if verdict == "helpful":
        values = {
            "confidence": min(Decimal(1), memory["confidence"] + Decimal("0.05")),
            "strength": min(Decimal(1), memory["strength"] + Decimal("0.1")),
        }
    elif verdict == "irrelevant":
        values = {"strength": max(Decimal(0), memory["strength"] - Decimal("0.1"))}
    elif feedback["correction"] and verdict != "harmful":
        new = new_version(connection, actor, dict(memory), feedback["correction"], at)
        values, told = {"state": "superseded", "superseded_by_id": new}, {"replaced_by": new}
    else:
        values = {"state": "archived"}
    connection.execute(update(memories).where(memories.c.id == memory["id"]).values(**values))
    if "state" in values:
        recount(connection, actor.tenant_id)
        settle(connection, memory["id"], at)
    return told or {name: str(value) for name, value in values.items()}


def two_active(connection: Connection, relation: Mapping[str, Any]) -> None:
    """Raises NotAllowed where one of the two memories is out of use, so that there is nothing to choose between."""
    memories = db.metadata.tables["ai_memories"].c
    states = dict(
        connection.execute(
            select(memories.id, memories.state).where(
                memories.id.in_((relation["from_memory_id"], relation["to_memory_id"]))
            )
        ).all()  # type: ignore[arg-type]
    )
    if set(states.values()) != {"active"}:
        raise NotAllowed("One of the two is out of use already; say that both hold, or how it was settled.")


def state_of(connection: Connection, tenant_id: int, key: int) -> str | None:
    """The state of one of the company's memories; None where there is no such one."""
    memories = db.metadata.tables["ai_memories"].c
    found = select(memories.state).where(memories.id == key, memories.tenant_id == tenant_id)
    return connection.scalar(found)


def agree(connection: Connection, written: Mapping[str, Any]) -> None:
    """After a memory is written: clusters count who belongs to them, and what is out of use contradicts nothing."""
    if not {"state", "cluster_id"} & written.keys():
        return
    memories = db.metadata.tables["ai_memories"].c
    tenant = written.get("tenant_id") or connection.scalar(
        select(memories.tenant_id).where(memories.id == written["id"])
    )
    if tenant is None:  # deleted, and its values did not say whose it was
        return
    recount(connection, tenant)
    if written.get("state", "active") != "active":
        settle(connection, written["id"], None)


def recount(connection: Connection, tenant_id: int) -> None:
    """Bring the clusters' counts in line with the memories in use."""
    connection.execute(_RECOUNT, {"tenant": tenant_id})


def settle(connection: Connection, key: int, at: datetime | None, but: int = 0) -> None:
    """Close the open contradictions of a memory that is out of use, all `but` the one being settled."""
    connection.execute(_SETTLE, {"key": key, "at": at, "but": but})


_RECOUNT = text("""
    UPDATE ai_memory_clusters AS c SET member_count = counted.members
    FROM (
        SELECT k.id, count(m.id) AS members FROM ai_memory_clusters AS k
        LEFT JOIN ai_memories AS m ON m.cluster_id = k.id AND m.state = 'active'
        WHERE k.tenant_id = :tenant GROUP BY k.id
    ) AS counted
    WHERE c.id = counted.id AND c.member_count <> counted.members
""")
_SETTLE = text("""
    UPDATE ai_memory_relationships
    SET resolved_at = coalesce(CAST(:at AS timestamptz), clock_timestamp()), resolution = 'One of the two is out of use.'
    WHERE (from_memory_id = :key OR to_memory_id = :key) AND kind = 'contradicts' AND resolved_at IS NULL
        AND id <> :but
""")
_DUPLICATE = text("""
    INSERT INTO ai_memory_relationships (tenant_id, from_memory_id, to_memory_id, kind, weight, detected_by)
    VALUES (:tenant, :old, :new, 'duplicates', 1, 'user') ON CONFLICT DO NOTHING
""")
_FORGET_ENTRIES = text("""
    UPDATE memory_entries SET content = :word, status = 'discarded', pii_flags = '{}', embedding = NULL
    WHERE tenant_id = :tenant AND consolidated_into_id = :key
""")
_FORGET_FEEDBACK = text("""
    UPDATE ai_memory_feedback SET comment = NULL, correction = NULL
    WHERE memory_id = :key AND num_nonnulls(comment, correction) > 0
""")
_FORGET_VERSIONS = text("""
    WITH RECURSIVE earlier AS (
        SELECT id FROM ai_memories WHERE superseded_by_id = :key
        UNION SELECT m.id FROM ai_memories AS m JOIN earlier AS e ON m.superseded_by_id = e.id
    )
    UPDATE ai_memories AS m SET content = :word, state = 'deleted', superseded_by_id = NULL, tags = '{}', embedding = NULL
    FROM earlier WHERE m.id = earlier.id AND m.tenant_id = :tenant AND m.id <> :key
""")
