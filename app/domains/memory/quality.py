"""What may be wrong with what agents remember: data rule 22."""

from __future__ import annotations

from sqlalchemy import select

from app.core.db import db
from app.engine.plan import Change
from app.engine.quality.rules import Fixed, Fixing, Only, rule
from app.engine.quality.subjects import missing, named_in


@rule(
    "DQ-22", "Memory about nothing any more", "ai_memories", owner="ai_operator",
    whole="What it is about may go without the memory being touched, so every memory is looked at.",
)  # fmt: skip
def about_nothing(only: Only) -> str:
    """In use, and what it is about is merged or gone, or its cluster rests: agents act on it in the wrong place."""
    gone = missing("m", named_in(only.connection, "ai_memories"), "x.merged_into_id IS NOT NULL")
    return f"""
        SELECT m.id, jsonb_build_object('about', CASE WHEN s.gone THEN m.subject_type || ' ' || m.subject_id END,
            'cluster', CASE WHEN c.status <> 'active' THEN c.status END) AS details
        FROM ai_memories m LEFT JOIN ai_memory_clusters c ON c.id = m.cluster_id
            CROSS JOIN LATERAL (SELECT coalesce({gone}, false) AS gone) s
        WHERE m.tenant_id = :tenant AND m.state = 'active' AND (s.gone OR c.status <> 'active') {only("m.id")}"""


@about_nothing.fix("point", "Point it to what is there, or rest it", "memory.write", "memory.archive")
def point(fixing: Fixing) -> Fixed:
    """To the record or cluster the old one was merged into; without one it is taken out of use."""
    memory, after, words = fixing.record, {}, []
    if memory["subject_id"] is not None:
        there, known = _survivor(fixing, memory["subject_type"], memory["subject_id"])
        if there is None and not known:
            return Fixed("It is taken out of use: what it is about is gone.", (_rest(fixing),))
        if there is not None and there != memory["subject_id"]:
            after["subject_id"] = there
            words.append("the record that took its place")
    if memory["cluster_id"] is not None:
        cluster, known = _survivor(fixing, "ai_memory_clusters", memory["cluster_id"])
        if cluster is None or not known:
            return Fixed("It is taken out of use: its cluster rests.", (_rest(fixing),))
        if cluster != memory["cluster_id"]:
            after["cluster_id"] = cluster
            words.append("the cluster that took the old one in")
        else:
            rows = db.metadata.tables["ai_memory_clusters"].c
            status = fixing.connection.execute(select(rows.status).where(rows.id == cluster)).scalar()
            if status != "active":
                return Fixed("It is taken out of use: its cluster rests.", (_rest(fixing),))
    return Fixed(
        f"It points to {' and '.join(words) or 'what is there'}.", (fixing.change("ai_memories", memory, **after),)
    )


def _rest(fixing: Fixing) -> Change:
    return fixing.change("ai_memories", fixing.record, state="archived")


def _survivor(fixing: Fixing, name: str, key: int) -> tuple[int | None, bool]:
    """Where a chain of merges ends, and whether the record was there at all."""
    rows = db.metadata.tables.get(name)
    if rows is None:
        return None, False
    seen = set[int]()
    while key not in seen:
        seen.add(key)
        row = fixing.connection.execute(select(rows).where(rows.c.id == key)).mappings().first()
        if row is None:
            return None, False
        if row.get("merged_into_id") is None:
            return key, True
        key = row["merged_into_id"]
    return None, True
