"""Conversations, and what agents remember of them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    embedding = vector()
    op.execute(TABLES % {"vector": embedding})
    if embedding != PLAIN:
        op.execute(BY_MEANING)
    op.execute(BLOCKS)
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute(UNGOVERN)
    op.execute("""
        DROP TABLE persistent_context, memory_sync, agent_memories, ai_memory_feedback, memory_recalls,
            ai_memory_relationships, memory_entries, ai_memories, ai_memory_clusters, conversation_history,
            conversations;
        DROP FUNCTION keep_block_history();
    """)


PLAIN = "real[]"


def vector() -> str:
    """The type of an embedding: pgvector's; plain numbers where the server lacks it, and search by meaning is off."""
    bind = op.get_bind()
    if bind.scalar(text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")) is None:
        if bind.scalar(text("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")) is None:
            return PLAIN
        try:
            with bind.begin_nested():
                op.execute("CREATE EXTENSION vector SCHEMA public")
        except DBAPIError:  # this login may not
            return PLAIN
    # An extension in a schema we do not look into is as good as none.
    return PLAIN if bind.scalar(text("SELECT to_regtype('vector')")) is None else "vector(384)"


TABLES = r"""
CREATE TABLE conversations (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_conversations PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_conversations_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    channel text NOT NULL DEFAULT 'console'
        CONSTRAINT ck_conversations_channel CHECK (channel IN ('console', 'email', 'sms', 'slack', 'web_chat',
            'voice', 'board', 'api')),
    title text,
    status text NOT NULL DEFAULT 'open'
        CONSTRAINT ck_conversations_status CHECK (status IN ('open', 'waiting_human', 'closed')),
    app_user_id bigint CONSTRAINT fk_conversations_app_user_id REFERENCES app_users ON DELETE SET NULL,
    agent_id bigint CONSTRAINT fk_conversations_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    customer_id bigint CONSTRAINT fk_conversations_customer_id REFERENCES customers ON DELETE SET NULL,
    lead_id bigint CONSTRAINT fk_conversations_lead_id REFERENCES leads ON DELETE SET NULL,
    handoff_to_id bigint CONSTRAINT fk_conversations_handoff_to_id REFERENCES app_users ON DELETE SET NULL,
    thread_id text,
    summary text,
    message_count integer NOT NULL DEFAULT 0,
    total_cost numeric(14,6) NOT NULL DEFAULT 0,
    last_message_at timestamptz,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_conversations_tenant_id_thread_id UNIQUE (tenant_id, thread_id),
    CONSTRAINT ck_conversations_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_conversations_tenant_id_status_last_message_at
    ON conversations (tenant_id, status, last_message_at DESC);
CREATE INDEX ix_conversations_tenant_id_last_message_at_id ON conversations (tenant_id, last_message_at, id);
CREATE INDEX ix_conversations_title_trgm ON conversations USING gin (title gin_trgm_ops);
CREATE INDEX ix_conversations_summary_trgm ON conversations USING gin (summary gin_trgm_ops);
CREATE INDEX ix_conversations_customer_id_last_message_at ON conversations (customer_id, last_message_at DESC);
CREATE INDEX ix_conversations_tenant_id_subject_type_subject_id
    ON conversations (tenant_id, subject_type, subject_id);
CREATE INDEX ix_conversations_app_user_id ON conversations (app_user_id);
CREATE INDEX ix_conversations_agent_id ON conversations (agent_id);
CREATE INDEX ix_conversations_lead_id ON conversations (lead_id);
CREATE INDEX ix_conversations_handoff_to_id ON conversations (handoff_to_id);

CREATE TABLE conversation_history (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_conversation_history PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_conversation_history_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    conversation_id bigint NOT NULL
        CONSTRAINT fk_conversation_history_conversation_id REFERENCES conversations ON DELETE CASCADE,
    seq integer NOT NULL,
    role text NOT NULL
        CONSTRAINT ck_conversation_history_role CHECK (role IN ('system', 'user', 'assistant', 'tool',
            'human_agent', 'customer')),
    content text NOT NULL,
    agent_id bigint CONSTRAINT fk_conversation_history_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    app_user_id bigint CONSTRAINT fk_conversation_history_app_user_id REFERENCES app_users ON DELETE RESTRICT,
    contact_id bigint CONSTRAINT fk_conversation_history_contact_id REFERENCES contacts ON DELETE SET NULL,
    tool_calls jsonb,
    tool_result jsonb,
    ai_call_id bigint CONSTRAINT fk_conversation_history_ai_call_id REFERENCES ai_calls ON DELETE SET NULL,
    tokens integer NOT NULL DEFAULT 0,
    feedback text CONSTRAINT ck_conversation_history_feedback CHECK (feedback IN ('up', 'down')),
    feedback_note text,
    redacted_at timestamptz,
    search tsvector GENERATED ALWAYS AS (to_tsvector('english', content)) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_conversation_history_conversation_id_seq UNIQUE (conversation_id, seq)
);
CREATE INDEX ix_conversation_history_search_gin ON conversation_history USING gin (search);
CREATE INDEX ix_conversation_history_content_trgm ON conversation_history USING gin (content gin_trgm_ops);
CREATE INDEX ix_conversation_history_tenant_id_created_at_id ON conversation_history (tenant_id, created_at, id);
CREATE INDEX ix_conversation_history_agent_id ON conversation_history (agent_id);
CREATE INDEX ix_conversation_history_app_user_id ON conversation_history (app_user_id);
CREATE INDEX ix_conversation_history_contact_id ON conversation_history (contact_id);
CREATE INDEX ix_conversation_history_ai_call_id ON conversation_history (ai_call_id);

CREATE TABLE ai_memory_clusters (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_memory_clusters PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_memory_clusters_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    label text NOT NULL,
    summary text,
    topic text,
    centroid %(vector)s,
    member_count integer NOT NULL DEFAULT 0,
    cohesion numeric(5,4) CONSTRAINT ck_ai_memory_clusters_cohesion CHECK (cohesion BETWEEN 0 AND 1),
    algorithm text NOT NULL DEFAULT 'manual',
    status text NOT NULL DEFAULT 'active'
        CONSTRAINT ck_ai_memory_clusters_status CHECK (status IN ('active', 'merged', 'archived')),
    merged_into_id bigint
        CONSTRAINT fk_ai_memory_clusters_merged_into_id REFERENCES ai_memory_clusters ON DELETE SET NULL,
    rebuilt_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_ai_memory_clusters_tenant_id_label UNIQUE (tenant_id, label),
    CONSTRAINT ck_ai_memory_clusters_merged CHECK ((status = 'merged') = (merged_into_id IS NOT NULL))
);
CREATE INDEX ix_ai_memory_clusters_tenant_id_status_member_count
    ON ai_memory_clusters (tenant_id, status, member_count DESC);
CREATE INDEX ix_ai_memory_clusters_tenant_id_member_count_id ON ai_memory_clusters (tenant_id, member_count, id);
CREATE INDEX ix_ai_memory_clusters_merged_into_id ON ai_memory_clusters (merged_into_id);

CREATE TABLE ai_memories (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_memories PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_memories_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    content text NOT NULL,
    content_hash bytea NOT NULL
        GENERATED ALWAYS AS (sha256(decode(replace(content, '\', '\\'), 'escape'))) STORED,
    kind text NOT NULL DEFAULT 'fact'
        CONSTRAINT ck_ai_memories_kind CHECK (kind IN ('fact', 'preference', 'procedure', 'episode',
            'relationship', 'warning')),
    scope text NOT NULL DEFAULT 'tenant'
        CONSTRAINT ck_ai_memories_scope CHECK (scope IN ('tenant', 'customer', 'property', 'job', 'user',
            'agent')),
    state text NOT NULL DEFAULT 'active'
        CONSTRAINT ck_ai_memories_state CHECK (state IN ('active', 'superseded', 'expired', 'archived',
            'deleted')),
    agent_id bigint CONSTRAINT fk_ai_memories_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    cluster_id bigint CONSTRAINT fk_ai_memories_cluster_id REFERENCES ai_memory_clusters ON DELETE SET NULL,
    superseded_by_id bigint CONSTRAINT fk_ai_memories_superseded_by_id REFERENCES ai_memories ON DELETE SET NULL,
    importance numeric(5,4) NOT NULL DEFAULT 0.5
        CONSTRAINT ck_ai_memories_importance CHECK (importance BETWEEN 0 AND 1),
    confidence numeric(5,4) NOT NULL DEFAULT 0.5
        CONSTRAINT ck_ai_memories_confidence CHECK (confidence BETWEEN 0 AND 1),
    strength numeric(5,4) NOT NULL DEFAULT 1 CONSTRAINT ck_ai_memories_strength CHECK (strength BETWEEN 0 AND 1),
    decay_half_life_days integer NOT NULL DEFAULT 90,
    pinned boolean NOT NULL DEFAULT false,
    sensitive boolean NOT NULL DEFAULT false,
    tags text[] NOT NULL DEFAULT '{}',
    embedding_model text,
    embedding %(vector)s,
    search tsvector GENERATED ALWAYS AS (to_tsvector('english', content)) STORED,
    recall_count bigint NOT NULL DEFAULT 0,
    useful_count bigint NOT NULL DEFAULT 0,
    last_recalled_at timestamptz,
    expires_at timestamptz,
    verified_by bigint CONSTRAINT fk_ai_memories_verified_by REFERENCES app_users ON DELETE SET NULL,
    verified_at timestamptz,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_ai_memories_superseded CHECK ((state = 'superseded') = (superseded_by_id IS NOT NULL)),
    CONSTRAINT ck_ai_memories_decay_half_life_days CHECK (decay_half_life_days > 0),
    CONSTRAINT ck_ai_memories_by_another CHECK (superseded_by_id <> id),
    CONSTRAINT ck_ai_memories_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE UNIQUE INDEX uq_ai_memories_scope_subject_type_subject_id_content_hash
    ON ai_memories (tenant_id, scope, subject_type, subject_id, content_hash) NULLS NOT DISTINCT
    WHERE state = 'active';
CREATE INDEX ix_ai_memories_search_gin ON ai_memories USING gin (search);
CREATE INDEX ix_ai_memories_content_trgm ON ai_memories USING gin (content gin_trgm_ops);
CREATE INDEX ix_ai_memories_tags_gin ON ai_memories USING gin (tags);
CREATE INDEX ix_ai_memories_tenant_id_state_strength ON ai_memories (tenant_id, state, strength DESC);
CREATE INDEX ix_ai_memories_tenant_id_cluster_id ON ai_memories (tenant_id, cluster_id);
CREATE INDEX ix_ai_memories_tenant_id_created_at_id ON ai_memories (tenant_id, created_at, id);
CREATE INDEX ix_ai_memories_tenant_id_updated_at_id ON ai_memories (tenant_id, updated_at, id);
CREATE INDEX ix_ai_memories_tenant_id_recall_count_id ON ai_memories (tenant_id, recall_count, id);
CREATE INDEX ix_ai_memories_tenant_id_last_recalled_at_id ON ai_memories (tenant_id, last_recalled_at, id);
CREATE INDEX ix_ai_memories_tenant_id_subject_type_subject_id ON ai_memories (tenant_id, subject_type, subject_id);
CREATE INDEX ix_ai_memories_agent_id ON ai_memories (agent_id);
CREATE INDEX ix_ai_memories_cluster_id ON ai_memories (cluster_id);
CREATE INDEX ix_ai_memories_superseded_by_id ON ai_memories (superseded_by_id);
CREATE INDEX ix_ai_memories_verified_by ON ai_memories (verified_by);

CREATE TABLE memory_entries (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_memory_entries PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_memory_entries_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    source text NOT NULL
        CONSTRAINT ck_memory_entries_source CHECK (source IN ('conversation', 'decision', 'document', 'user',
            'import', 'automation', 'observation')),
    content text NOT NULL,
    content_hash bytea NOT NULL
        GENERATED ALWAYS AS (sha256(decode(replace(content, '\', '\\'), 'escape'))) STORED,
    conversation_id bigint CONSTRAINT fk_memory_entries_conversation_id REFERENCES conversations ON DELETE SET NULL,
    message_id bigint CONSTRAINT fk_memory_entries_message_id REFERENCES conversation_history ON DELETE SET NULL,
    decision_id bigint CONSTRAINT fk_memory_entries_decision_id REFERENCES ai_decision_logs ON DELETE SET NULL,
    agent_id bigint CONSTRAINT fk_memory_entries_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    app_user_id bigint CONSTRAINT fk_memory_entries_app_user_id REFERENCES app_users ON DELETE SET NULL,
    importance numeric(5,4) NOT NULL DEFAULT 0.5
        CONSTRAINT ck_memory_entries_importance CHECK (importance BETWEEN 0 AND 1),
    status text NOT NULL DEFAULT 'captured'
        CONSTRAINT ck_memory_entries_status CHECK (status IN ('captured', 'consolidated', 'discarded',
            'quarantined')),
    consolidated_into_id bigint
        CONSTRAINT fk_memory_entries_consolidated_into_id REFERENCES ai_memories ON DELETE SET NULL,
    pii_flags text[] NOT NULL DEFAULT '{}',
    embedding_model text,
    embedding %(vector)s,
    expires_at timestamptz,
    processed_at timestamptz,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_memory_entries_content CHECK (char_length(content) BETWEEN 1 AND 20000),
    CONSTRAINT ck_memory_entries_processed CHECK (status <> 'consolidated' OR processed_at IS NOT NULL),
    CONSTRAINT ck_memory_entries_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_memory_entries_tenant_id_status_created_at ON memory_entries (tenant_id, status, created_at);
CREATE INDEX ix_memory_entries_tenant_id_created_at_id ON memory_entries (tenant_id, created_at, id);
CREATE INDEX ix_memory_entries_content_trgm ON memory_entries USING gin (content gin_trgm_ops);
CREATE INDEX ix_memory_entries_tenant_id_content_hash ON memory_entries (tenant_id, content_hash);
CREATE INDEX ix_memory_entries_tenant_id_subject_type_subject_id
    ON memory_entries (tenant_id, subject_type, subject_id);
CREATE INDEX ix_memory_entries_conversation_id ON memory_entries (conversation_id);
CREATE INDEX ix_memory_entries_message_id ON memory_entries (message_id);
CREATE INDEX ix_memory_entries_decision_id ON memory_entries (decision_id);
CREATE INDEX ix_memory_entries_agent_id ON memory_entries (agent_id);
CREATE INDEX ix_memory_entries_app_user_id ON memory_entries (app_user_id);
CREATE INDEX ix_memory_entries_consolidated_into_id ON memory_entries (consolidated_into_id);

CREATE TABLE ai_memory_relationships (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_memory_relationships PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_memory_relationships_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    from_memory_id bigint NOT NULL
        CONSTRAINT fk_ai_memory_relationships_from_memory_id REFERENCES ai_memories ON DELETE CASCADE,
    to_memory_id bigint NOT NULL
        CONSTRAINT fk_ai_memory_relationships_to_memory_id REFERENCES ai_memories ON DELETE CASCADE,
    kind text NOT NULL
        CONSTRAINT ck_ai_memory_relationships_kind CHECK (kind IN ('supports', 'contradicts', 'supersedes',
            'duplicates', 'derived_from', 'related')),
    weight numeric(5,4) NOT NULL DEFAULT 0.5
        CONSTRAINT ck_ai_memory_relationships_weight CHECK (weight BETWEEN 0 AND 1),
    detected_by text NOT NULL DEFAULT 'job'
        CONSTRAINT ck_ai_memory_relationships_detected_by CHECK (detected_by IN ('agent', 'user', 'job')),
    resolved_at timestamptz,
    resolved_by bigint CONSTRAINT fk_ai_memory_relationships_resolved_by REFERENCES app_users ON DELETE SET NULL,
    resolution text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_ai_memory_relationships_from_memory_id_to_memory_id_kind
        UNIQUE (from_memory_id, to_memory_id, kind),
    CONSTRAINT ck_ai_memory_relationships_two CHECK (from_memory_id <> to_memory_id)
);
CREATE INDEX ix_ai_memory_relationships_tenant_id_created_at_open ON ai_memory_relationships (tenant_id, created_at)
    WHERE kind = 'contradicts' AND resolved_at IS NULL;
CREATE INDEX ix_ai_memory_relationships_tenant_id_created_at_id ON ai_memory_relationships (tenant_id, created_at, id);
CREATE INDEX ix_ai_memory_relationships_to_memory_id ON ai_memory_relationships (to_memory_id);
CREATE INDEX ix_ai_memory_relationships_resolved_by ON ai_memory_relationships (resolved_by);

CREATE TABLE memory_recalls (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_memory_recalls PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_memory_recalls_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    agent_id bigint CONSTRAINT fk_memory_recalls_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    call_id bigint CONSTRAINT fk_memory_recalls_call_id REFERENCES ai_calls ON DELETE SET NULL,
    conversation_id bigint CONSTRAINT fk_memory_recalls_conversation_id REFERENCES conversations ON DELETE SET NULL,
    query text NOT NULL,
    strategy text NOT NULL DEFAULT 'keyword'
        CONSTRAINT ck_memory_recalls_strategy CHECK (strategy IN ('keyword', 'vector', 'hybrid', 'graph',
            'key')),
    requested_k integer NOT NULL DEFAULT 5,
    returned_ids bigint[] NOT NULL DEFAULT '{}',
    used_ids bigint[] NOT NULL DEFAULT '{}',
    top_score numeric(10,6),
    latency_ms integer,
    cache_hit boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_memory_recalls_used_ids CHECK (used_ids <@ returned_ids)
);
CREATE INDEX ix_memory_recalls_tenant_id_created_at_id ON memory_recalls (tenant_id, created_at, id);
CREATE INDEX ix_memory_recalls_query_trgm ON memory_recalls USING gin (query gin_trgm_ops);
CREATE INDEX ix_memory_recalls_agent_id_created_at ON memory_recalls (agent_id, created_at DESC);
CREATE INDEX ix_memory_recalls_returned_ids_gin ON memory_recalls USING gin (returned_ids);
CREATE INDEX ix_memory_recalls_call_id ON memory_recalls (call_id);
CREATE INDEX ix_memory_recalls_conversation_id ON memory_recalls (conversation_id);

CREATE TABLE ai_memory_feedback (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_memory_feedback PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_memory_feedback_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    memory_id bigint NOT NULL CONSTRAINT fk_ai_memory_feedback_memory_id REFERENCES ai_memories ON DELETE CASCADE,
    recall_id bigint CONSTRAINT fk_ai_memory_feedback_recall_id REFERENCES memory_recalls ON DELETE SET NULL,
    app_user_id bigint CONSTRAINT fk_ai_memory_feedback_app_user_id REFERENCES app_users ON DELETE SET NULL,
    agent_id bigint CONSTRAINT fk_ai_memory_feedback_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    verdict text NOT NULL
        CONSTRAINT ck_ai_memory_feedback_verdict CHECK (verdict IN ('helpful', 'irrelevant', 'wrong',
            'outdated', 'harmful')),
    comment text,
    correction text,
    applied_at timestamptz,
    applied_change jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_ai_memory_feedback_one_judge CHECK (num_nonnulls(app_user_id, agent_id) <= 1)
);
CREATE INDEX ix_ai_memory_feedback_memory_id_created_at ON ai_memory_feedback (memory_id, created_at DESC);
CREATE INDEX ix_ai_memory_feedback_tenant_id_created_at_open ON ai_memory_feedback (tenant_id, created_at)
    WHERE applied_at IS NULL;
CREATE INDEX ix_ai_memory_feedback_tenant_id_created_at_id ON ai_memory_feedback (tenant_id, created_at, id);
CREATE INDEX ix_ai_memory_feedback_recall_id ON ai_memory_feedback (recall_id);
CREATE INDEX ix_ai_memory_feedback_app_user_id ON ai_memory_feedback (app_user_id);
CREATE INDEX ix_ai_memory_feedback_agent_id ON ai_memory_feedback (agent_id);

CREATE TABLE agent_memories (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_agent_memories PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_agent_memories_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    agent_id bigint NOT NULL CONSTRAINT fk_agent_memories_agent_id REFERENCES ai_agents ON DELETE CASCADE,
    block text NOT NULL,
    value text NOT NULL DEFAULT '',
    char_limit integer NOT NULL DEFAULT 4000,
    read_only boolean NOT NULL DEFAULT false,
    position integer NOT NULL DEFAULT 0,
    revision integer NOT NULL DEFAULT 1,
    previous_value text,
    changed_by_kind text NOT NULL DEFAULT 'user'
        CONSTRAINT ck_agent_memories_changed_by_kind CHECK (changed_by_kind IN ('user', 'agent', 'system')),
    ai_memory_id bigint CONSTRAINT fk_agent_memories_ai_memory_id REFERENCES ai_memories ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_agent_memories_agent_id_block UNIQUE (agent_id, block),
    CONSTRAINT ck_agent_memories_value CHECK (char_length(value) <= char_limit)
);
CREATE INDEX ix_agent_memories_tenant_id_agent_id_position_id ON agent_memories (tenant_id, agent_id, position, id);
CREATE INDEX ix_agent_memories_ai_memory_id ON agent_memories (ai_memory_id);

CREATE TABLE memory_sync (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_memory_sync PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_memory_sync_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    target text NOT NULL
        CONSTRAINT ck_memory_sync_target CHECK (target IN ('vector_index', 'redis_cache', 'external_memory',
            'embedding', 'warehouse')),
    direction text NOT NULL DEFAULT 'push'
        CONSTRAINT ck_memory_sync_direction CHECK (direction IN ('push', 'pull', 'both')),
    status text NOT NULL DEFAULT 'queued'
        CONSTRAINT ck_memory_sync_status CHECK (status IN ('queued', 'running', 'succeeded', 'partial',
            'failed')),
    cursor_from text,
    cursor_to text,
    scanned integer NOT NULL DEFAULT 0,
    upserted integer NOT NULL DEFAULT 0,
    deleted integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    lag_seconds integer,
    failures jsonb NOT NULL DEFAULT '[]',
    started_at timestamptz,
    finished_at timestamptz,
    error text,
    scheduled_task_id bigint CONSTRAINT fk_memory_sync_scheduled_task_id REFERENCES scheduled_tasks ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_memory_sync_counts CHECK (upserted + deleted + failed <= scanned)
);
CREATE UNIQUE INDEX uq_memory_sync_tenant_id_target ON memory_sync (tenant_id, target)
    WHERE status = 'running';
CREATE INDEX ix_memory_sync_tenant_id_target_created_at ON memory_sync (tenant_id, target, created_at DESC);
CREATE INDEX ix_memory_sync_tenant_id_created_at_id ON memory_sync (tenant_id, created_at, id);
CREATE INDEX ix_memory_sync_scheduled_task_id ON memory_sync (scheduled_task_id);

CREATE TABLE persistent_context (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_persistent_context PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_persistent_context_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    scope text NOT NULL
        CONSTRAINT ck_persistent_context_scope CHECK (scope IN ('tenant', 'user', 'agent', 'conversation',
            'customer', 'job', 'workflow')),
    scope_id bigint,
    key text NOT NULL,
    value jsonb NOT NULL,
    expires_at timestamptz,
    last_read_at timestamptz,
    read_count bigint NOT NULL DEFAULT 0,
    written_by bigint CONSTRAINT fk_persistent_context_written_by REFERENCES app_users ON DELETE SET NULL,
    written_by_agent_id bigint
        CONSTRAINT fk_persistent_context_written_by_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_persistent_context_tenant_id_scope_scope_id_key
        UNIQUE NULLS NOT DISTINCT (tenant_id, scope, scope_id, key),
    CONSTRAINT ck_persistent_context_belongs CHECK ((scope = 'tenant') = (scope_id IS NULL))
);
CREATE INDEX ix_persistent_context_tenant_id_key_id ON persistent_context (tenant_id, key, id);
CREATE INDEX ix_persistent_context_expires_at_open ON persistent_context (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX ix_persistent_context_written_by ON persistent_context (written_by);
CREATE INDEX ix_persistent_context_written_by_agent_id ON persistent_context (written_by_agent_id);
"""

# Nearest neighbours by the angle between embeddings, where the server has the type for it.
BY_MEANING = """
CREATE INDEX ix_ai_memories_embedding_hnsw ON ai_memories USING hnsw (embedding vector_cosine_ops);
CREATE INDEX ix_memory_entries_embedding_hnsw ON memory_entries USING hnsw (embedding vector_cosine_ops);
"""

# An agent's blocks always stand in its prompt: whoever rewords one can go back a step, and it says who did it last.
BLOCKS = """
CREATE FUNCTION keep_block_history() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    actor text;
BEGIN
    SELECT actor_type INTO actor FROM change_sets
    WHERE id = nullif(current_setting('console.change_set', true), '')::bigint AND xid = pg_current_xact_id();
    NEW.revision := OLD.revision + 1;
    NEW.previous_value := OLD.value;
    NEW.changed_by_kind := CASE WHEN actor IN ('user', 'agent') THEN actor ELSE 'system' END;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_block_history BEFORE UPDATE ON agent_memories FOR EACH ROW
WHEN (OLD.value IS DISTINCT FROM NEW.value)
EXECUTE FUNCTION keep_block_history();
"""

LEDGER = """
SELECT govern('conversations'), govern('ai_memory_clusters'), govern('ai_memories'), govern('memory_entries'),
    govern('ai_memory_relationships'), govern('agent_memories'), govern('memory_sync'),
    govern('persistent_context'), govern('ai_memory_feedback');
-- What was said is a record in itself; only its removal and the thumbs people give it are history, without the words.
SELECT govern('conversation_history', secrets => '{content,search,tool_calls,tool_result}', inserts => false);
"""

UNGOVERN = """
SELECT ungovern('conversations'), ungovern('ai_memory_clusters'), ungovern('ai_memories'),
    ungovern('memory_entries'), ungovern('ai_memory_relationships'), ungovern('agent_memories'),
    ungovern('memory_sync'), ungovern('persistent_context'), ungovern('ai_memory_feedback'),
    ungovern('conversation_history')
"""

RIGHTS = """
-- DELETE so that a creation can be undone.
GRANT SELECT, INSERT, UPDATE, DELETE ON ai_memory_clusters, ai_memories, memory_entries,
    ai_memory_relationships, agent_memories, memory_sync, persistent_context TO console_app;
-- What was said stays: a conversation is closed, never deleted.
GRANT SELECT, INSERT, UPDATE ON conversations TO console_app;
-- What only grows is added to and read.
GRANT SELECT, INSERT ON conversation_history, memory_recalls, ai_memory_feedback TO console_app;
GRANT UPDATE (content, feedback, feedback_note, tool_calls, tool_result, redacted_at)
    ON conversation_history TO console_app;
GRANT UPDATE (used_ids) ON memory_recalls TO console_app;
-- A verdict's words go when its memory is forgotten.
GRANT UPDATE (comment, correction, applied_at, applied_change) ON ai_memory_feedback TO console_app;
"""
