"""What may be wrong between tables of any domain: data rules 24 and 25."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.engine.quality.rules import Fixed, Fixing, Only, rule
from app.engine.quality.subjects import missing, named_in
from app.engine.refusals import NotAllowed
from app.engine.registry import REGISTRY

ABOUT_RECORDS = (
    "user_tasks", "documents", "file_metadata", "ai_tasks", "ai_insights", "ai_predictions", "ai_decision_logs",
    "ai_board_sessions", "ai_memories", "memory_entries", "conversations", "message_outbox", "workflow_instances",
    "automation_runs", "compliance_items", "approval_requests",
)  # fmt: skip
"""Tables whose rows name the record they are about by table and key, where no foreign key watches over it."""


@rule(
    "DQ-24", "Link to a record that is gone", *ABOUT_RECORDS,
    whole="What a row is about may go without the row being touched, so every row is looked at.", timeout_ms=300_000,
)  # fmt: skip
def dangling(only: Only) -> str:
    """It says what it is about, and that is not there: whoever opens it stands before nothing."""
    return " UNION ALL ".join(
        f"SELECT r.id, '{name}' AS subject_type, jsonb_build_object('about', r.subject_type || ' ' || r.subject_id)"
        f" AS details FROM {name} r WHERE r.tenant_id = :tenant"
        f" AND {missing('r', named_in(only.connection, name))} {only('r.id')}"
        for name in ABOUT_RECORDS
    )


@dangling.fix("clear", "Link it anew, or clear the link")
def clear(fixing: Fixing) -> Fixed:
    """To the record that carries the same external id today; where there is none the link is cleared, if it may be empty."""
    resource, record = fixing.resource, fixing.record
    if not fixing.actor.may(resource.permission("write")):
        raise NotAllowed(f"Your role does not change {resource.plural.lower()}.")
    there = _same_external_id(fixing, record["subject_type"], record["subject_id"])
    if there is not None:
        return Fixed(
            "It is linked to the record of the same id there.",
            (fixing.change(resource.name, record, subject_id=there),),
        )
    if not resource.table.c["subject_id"].nullable:
        raise NotAllowed(f"A {resource.one} is always about something; archive or delete it instead.")
    changed = fixing.change(resource.name, record, subject_type=None, subject_id=None)
    return Fixed("The link is cleared; the rest of it stays.", (changed,))


def _same_external_id(fixing: Fixing, name: str, key: int) -> int | None:
    """The record that came after a deleted one from the same source, as the history knows its id there."""
    resource = REGISTRY.get(name)
    if resource is None or "external_id" not in resource.table.c:
        return None
    asked: dict[str, Any] = {"table": name, "key": str(key)}
    was = fixing.connection.execute(_DELETED, asked).first()
    if was is None or was.source is None:
        return None
    rows = resource.table.c
    found = fixing.connection.execute(
        resource.table.select()
        .with_only_columns(rows.id)
        .where(
            rows.tenant_id == fixing.actor.tenant_id,
            rows.external_source == was.source,
            rows.external_id == was.external,
        )
    )
    return found.scalar()


@rule(
    "DQ-25", "Record of another company referred to", *ABOUT_RECORDS, severity="critical", group="numbers", owner="owner",
    whole="The database itself is asked which columns refer to what, and all of them are looked at.", timeout_ms=600_000,
    unfixed="Nothing is pressed here: one company's record shows another's. Look at both rows and find out how it came to be.",
)  # fmt: skip
def across_companies(only: Only) -> str:
    """Worked out from the foreign keys there are (pg_constraint): a row points at one of another company."""
    if only.connection.execute(_COMPANIES).scalar_one() < 2:
        return "SELECT NULL::bigint AS id WHERE false"
    parts = []
    for child, column, parent in only.connection.execute(_KEYS):
        if child in REGISTRY and parent in REGISTRY and not _owned_elsewhere(child):
            parts.append(
                f"SELECT c.id, '{child}' AS subject_type, jsonb_build_object('{column}', '{parent} ' || p.id, 'company',"
                f' p.tenant_id) AS details FROM {child} c JOIN {parent} p ON p.id = c."{column}"'
                f" WHERE c.tenant_id = :tenant AND p.tenant_id <> c.tenant_id {only('c.id')}"
            )
    return " UNION ALL ".join(parts)


def _owned_elsewhere(name: str) -> bool:
    """Whether a table's name is not plain enough to be written into a statement; none of ours is."""
    return not name.replace("_", "").isalnum()


_COMPANIES = text("SELECT count(*) FROM (SELECT FROM tenants LIMIT 2) t")
_KEYS = text("""
SELECT child.relname, a.attname, parent.relname
FROM pg_constraint k JOIN pg_class child ON child.oid = k.conrelid JOIN pg_class parent ON parent.oid = k.confrelid
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND child.relnamespace = current_schema()::regnamespace
    AND parent.relnamespace = child.relnamespace
    AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = child.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped)
    AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = parent.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped)
ORDER BY 1, 2
""")
_DELETED = text("""
SELECT before ->> 'external_source' AS source, before ->> 'external_id' AS external FROM change_entries
WHERE table_name = :table AND record_id = :key AND operation = 'delete' ORDER BY id DESC LIMIT 1
""")
