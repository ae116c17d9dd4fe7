"""Search over everything: an index for every column it looks into, and the words that names are made of.

All of a migration happens in one transaction, in which no index can be built beside running work. On a company of ordinary
size this takes a second or two. With millions of records, let the owner of the tables build these indexes beforehand with
CREATE INDEX CONCURRENTLY, under the same names; they are then left as they are.
"""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"

# Columns the earlier steps did not index by their trigrams, one index a table: each column of such an index serves alone.
WITHIN = {
    "customers": ("number", "email", "phone_e164", "bill_line1"),
    "contacts": ("email", "phone_e164", "mobile_e164"),
    "leads": ("number", "title", "email", "phone_e164"),
    "properties": ("city",),
    "roof_sections": ("name", "warranty_manufacturer"),
    "products": ("sku",),
    "estimates": ("number",),
    "invoices": ("po_number",),
    "orders": ("number", "po_number"),
    "payments": ("number", "reference"),
    "subscriptions": ("number", "name"),
    "crm_activities": ("subject",),
    "documents": ("number", "title", "signer_name"),
    "file_metadata": ("name", "folder"),
    "media_assets": ("caption",),
    "centerpoint_files": ("file_name", "centerpoint_id", "parent_external_id"),
    "user_tasks": ("number",),
    "ai_tasks": ("title",),
    "ai_consensus_decisions": ("question",),
    "ai_insights": ("title",),
    "ai_predictions": ("explanation",),
    "agent_memories": ("block", "value"),
    "message_outbox": ("subject", "to_address"),
    "contact_suppressions": ("address_norm",),
    "user_notifications": ("title",),
    "approval_requests": ("title",),
    "data_quality_findings": ("rule_key", "suggested_fix"),
    "error_groups": ("title", "culprit", "error_type"),
}

# How a title begins, in the order of its bytes whatever order the database keeps, so that any two ends of a stretch of
# titles are one walk; the head of long ones, since an index takes no text of any length.
START = {
    "customers": "name", "contacts": "full_name", "leads": "title", "properties": "name", "roof_sections": "name",
    "products": "name", "estimates": "title", "invoices": "number", "jobs": "title", "orders": "number", "payments": "number",
    "subscriptions": "name", "crm_activities": "subject", "documents": "title", "file_metadata": "name",
    "centerpoint_files": "file_name", "user_tasks": "title", "ai_tasks": "title", "ai_consensus_decisions": "question",
    "ai_insights": "title", "ai_predictions": "explanation", "ai_memories": "content", "memory_entries": "content",
    "conversations": "title", "message_outbox": "subject", "contact_suppressions": "address_norm",
    "user_notifications": "title", "approval_requests": "title", "error_groups": "title",
}  # fmt: skip

WORDS = """
CREATE TABLE search_words (
    tenant_id bigint NOT NULL CONSTRAINT fk_search_words_tenant_id REFERENCES tenants ON DELETE CASCADE,
    source text NOT NULL,
    word text NOT NULL,
    CONSTRAINT pk_search_words PRIMARY KEY (tenant_id, source, word)
);
COMMENT ON TABLE search_words IS 'Words that names are made of, by column: what a misspelt word was meant to be.';
CREATE INDEX ix_search_words_word_trgm ON search_words USING gin (word gin_trgm_ops);
CREATE TABLE search_sources (
    source text CONSTRAINT pk_search_sources PRIMARY KEY,
    last_id bigint NOT NULL,
    read_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE search_sources IS 'Up to which record the words of a column have been read.';
GRANT SELECT, INSERT, DELETE ON search_words TO console_app;
GRANT SELECT, INSERT, UPDATE ON search_sources TO console_app;
"""


def upgrade() -> None:
    for table, columns in WITHIN.items():
        listed = ", ".join(f"{each} gin_trgm_ops" for each in columns)
        op.execute(f"CREATE INDEX IF NOT EXISTS ix_{table}_search ON {table} USING gin ({listed})")
    for table, title in START.items():
        begins = f'(lower("left"({title}, 60)) COLLATE "C")'
        op.execute(f"CREATE INDEX IF NOT EXISTS ix_{table}_start ON {table} (tenant_id, {begins})")
    op.execute(WORDS)


def downgrade() -> None:
    op.execute("DROP TABLE search_sources, search_words")
    for table in START:
        op.execute(f"DROP INDEX ix_{table}_start")
    for table in WITHIN:
        op.execute(f"DROP INDEX ix_{table}_search")
