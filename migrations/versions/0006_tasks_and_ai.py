"""People's tasks, and what agents decided and called."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(FROZEN)
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("SELECT ungovern('user_tasks'), ungovern('ai_agents')")
    op.execute("SELECT ungovern('ai_model_prices'), ungovern('ai_decision_logs')")
    op.execute("ALTER TABLE change_sets DROP CONSTRAINT fk_change_sets_agent_id; DROP INDEX ix_change_sets_agent_id;")
    op.execute("DROP TABLE ai_calls, ai_decision_logs, ai_model_prices, ai_agents, user_tasks")
    op.execute("DROP FUNCTION refuse_reworded_decision(); DROP FUNCTION refuse_reopened_call();")


TABLES = r"""
CREATE TABLE user_tasks (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_user_tasks PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_user_tasks_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text NOT NULL,
    title text NOT NULL,
    description text,
    kind text NOT NULL DEFAULT 'todo'
        CONSTRAINT ck_user_tasks_kind CHECK (kind IN ('todo', 'call', 'email', 'meeting', 'inspection',
            'measure', 'follow_up', 'approval', 'data_fix')),
    status text NOT NULL DEFAULT 'todo'
        CONSTRAINT ck_user_tasks_status CHECK (status IN ('todo', 'in_progress', 'blocked', 'done', 'cancelled')),
    priority text NOT NULL DEFAULT 'normal'
        CONSTRAINT ck_user_tasks_priority CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    assignee_id bigint CONSTRAINT fk_user_tasks_assignee_id REFERENCES app_users ON DELETE SET NULL,
    due_at timestamptz,
    remind_at timestamptz,
    started_at timestamptz,
    completed_at timestamptz,
    completed_by bigint CONSTRAINT fk_user_tasks_completed_by REFERENCES app_users ON DELETE SET NULL,
    blocked_reason text,
    result_note text,
    parent_id bigint CONSTRAINT fk_user_tasks_parent_id REFERENCES user_tasks ON DELETE CASCADE,
    template_id bigint,  -- → task_templates, when it comes
    workflow_state_id bigint,  -- → workflow_states, when it comes
    source text NOT NULL DEFAULT 'manual'
        CONSTRAINT ck_user_tasks_source CHECK (source IN ('manual', 'template', 'workflow', 'automation', 'ai',
            'insight', 'data_quality')),
    checklist jsonb NOT NULL DEFAULT '[]',
    estimate_minutes integer,
    actual_minutes integer,
    tags text[] NOT NULL DEFAULT '{}',
    board_position numeric(20,10) NOT NULL DEFAULT 0,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_user_tasks_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_user_tasks_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_user_tasks_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT ck_user_tasks_done CHECK ((status = 'done') = (completed_at IS NOT NULL)),
    CONSTRAINT ck_user_tasks_blocked CHECK (status <> 'blocked' OR blocked_reason IS NOT NULL),
    CONSTRAINT ck_user_tasks_parent_id CHECK (parent_id <> id),
    CONSTRAINT ck_user_tasks_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_user_tasks_tenant_id_assignee_id_status_due_at ON user_tasks (tenant_id, assignee_id, status, due_at);
CREATE INDEX ix_user_tasks_tenant_id_due_at_open
    ON user_tasks (tenant_id, due_at)
    WHERE status IN ('todo', 'in_progress', 'blocked');
CREATE INDEX ix_user_tasks_title_trgm ON user_tasks USING gin (title gin_trgm_ops);
CREATE INDEX ix_user_tasks_tenant_id_subject_type_subject_id ON user_tasks (tenant_id, subject_type, subject_id);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_user_tasks_tenant_id_due_at_id ON user_tasks (tenant_id, due_at, id);
CREATE INDEX ix_user_tasks_tenant_id_updated_at_id ON user_tasks (tenant_id, updated_at, id);
CREATE INDEX ix_user_tasks_tenant_id_number_id ON user_tasks (tenant_id, number, id);
CREATE INDEX ix_user_tasks_assignee_id ON user_tasks (assignee_id);
CREATE INDEX ix_user_tasks_completed_by ON user_tasks (completed_by);
CREATE INDEX ix_user_tasks_parent_id ON user_tasks (parent_id);
CREATE INDEX ix_user_tasks_created_by ON user_tasks (created_by);
CREATE INDEX ix_user_tasks_updated_by ON user_tasks (updated_by);

CREATE TABLE ai_agents (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_agents PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_agents_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    kind text NOT NULL DEFAULT 'worker'
        CONSTRAINT ck_ai_agents_kind CHECK (kind IN ('assistant', 'worker', 'evaluator', 'board_member',
            'orchestrator')),
    description text,
    system_prompt text,
    provider text,
    model text,
    params jsonb NOT NULL DEFAULT '{}',
    tools text[] NOT NULL DEFAULT '{}',
    autonomy text NOT NULL DEFAULT 'suggest'
        CONSTRAINT ck_ai_agents_autonomy CHECK (autonomy IN ('suggest', 'approve', 'auto')),
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_ai_agents_status CHECK (status IN ('draft', 'active', 'paused', 'disabled', 'retired')),
    pause_reason text,
    owner_id bigint CONSTRAINT fk_ai_agents_owner_id REFERENCES app_users ON DELETE SET NULL,
    vote_weight numeric(6,3) NOT NULL DEFAULT 1,
    daily_budget numeric(14,6),
    max_calls_per_min integer NOT NULL DEFAULT 60,
    max_consecutive_failures integer NOT NULL DEFAULT 5,
    consecutive_failures integer NOT NULL DEFAULT 0,
    last_run_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_ai_agents_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_ai_agents_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_ai_agents_tenant_id_key UNIQUE (tenant_id, key),
    CONSTRAINT ck_ai_agents_limits CHECK (vote_weight >= 0 AND max_calls_per_min > 0),
    CONSTRAINT ck_ai_agents_active_owner CHECK (status <> 'active' OR owner_id IS NOT NULL)
);
CREATE INDEX ix_ai_agents_tenant_id_status_name ON ai_agents (tenant_id, status, name);
CREATE INDEX ix_ai_agents_owner_id ON ai_agents (owner_id);
CREATE INDEX ix_ai_agents_created_by ON ai_agents (created_by);
CREATE INDEX ix_ai_agents_updated_by ON ai_agents (updated_by);

CREATE TABLE ai_model_prices (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_model_prices PRIMARY KEY,
    provider text NOT NULL,
    model text NOT NULL,
    input_per_mtok numeric(14,6) NOT NULL,
    output_per_mtok numeric(14,6) NOT NULL,
    cached_input_per_mtok numeric(14,6),
    valid_from date NOT NULL,
    valid_to date,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_ai_model_prices_provider_model_valid_from UNIQUE (provider, model, valid_from),
    CONSTRAINT ck_ai_model_prices_prices CHECK (input_per_mtok >= 0 AND output_per_mtok >= 0),
    CONSTRAINT ck_ai_model_prices_valid_to CHECK (valid_to IS NULL OR valid_to > valid_from)
);

CREATE TABLE ai_decision_logs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_decision_logs PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_decision_logs_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    agent_id bigint NOT NULL CONSTRAINT fk_ai_decision_logs_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    kind text NOT NULL,
    trigger text NOT NULL
        CONSTRAINT ck_ai_decision_logs_trigger CHECK (trigger IN ('user', 'schedule', 'automation', 'event',
            'board', 'agent')),
    question text NOT NULL,
    inputs jsonb NOT NULL DEFAULT '{}',
    options jsonb NOT NULL DEFAULT '[]',
    chosen text,
    reasoning text,
    confidence numeric(5,4) CONSTRAINT ck_ai_decision_logs_confidence CHECK (confidence BETWEEN 0 AND 1),
    risk text NOT NULL DEFAULT 'low' CONSTRAINT ck_ai_decision_logs_risk CHECK (risk IN ('low', 'medium', 'high')),
    status text NOT NULL DEFAULT 'proposed'
        CONSTRAINT ck_ai_decision_logs_status CHECK (status IN ('proposed', 'pending_approval', 'executed',
            'rejected', 'overridden', 'failed', 'reverted')),
    action_taken jsonb,
    decided_at timestamptz NOT NULL DEFAULT now(),
    pathway_id bigint,  -- → ai_neural_pathways, when it comes
    activations jsonb,
    consensus_decision_id bigint,  -- → ai_consensus_decisions, when it comes
    approval_request_id bigint,  -- → approval_requests, when it comes
    ai_task_id bigint,  -- → ai_tasks, when it comes
    memory_ids bigint[] NOT NULL DEFAULT '{}',
    trace_id text,
    model text,
    call_count integer NOT NULL DEFAULT 0,
    input_tokens integer NOT NULL DEFAULT 0,
    output_tokens integer NOT NULL DEFAULT 0,
    total_cost numeric(14,6) NOT NULL DEFAULT 0,
    latency_ms integer,
    error text,
    reviewed_by bigint CONSTRAINT fk_ai_decision_logs_reviewed_by REFERENCES app_users ON DELETE SET NULL,
    reviewed_at timestamptz,
    review_verdict text
        CONSTRAINT ck_ai_decision_logs_review_verdict CHECK (review_verdict IN ('agree', 'disagree', 'unsure')),
    review_note text,
    overridden_to text,
    outcome text NOT NULL DEFAULT 'unknown'
        CONSTRAINT ck_ai_decision_logs_outcome CHECK (outcome IN ('unknown', 'good', 'neutral', 'bad')),
    outcome_value numeric(14,2),
    outcome_noted_at timestamptz,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_ai_decision_logs_review CHECK ((reviewed_at IS NULL) = (review_verdict IS NULL)),
    CONSTRAINT ck_ai_decision_logs_overridden CHECK (status <> 'overridden' OR overridden_to IS NOT NULL),
    CONSTRAINT ck_ai_decision_logs_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_ai_decision_logs_agent_id_decided_at ON ai_decision_logs (agent_id, decided_at DESC);
CREATE INDEX ix_ai_decision_logs_tenant_id_status_decided_at ON ai_decision_logs (tenant_id, status, decided_at DESC);
CREATE INDEX ix_ai_decision_logs_tenant_id_kind_decided_at ON ai_decision_logs (tenant_id, kind, decided_at DESC);
CREATE INDEX ix_ai_decision_logs_trace_id ON ai_decision_logs (trace_id);
CREATE INDEX ix_ai_decision_logs_tenant_id_decided_at_unreviewed
    ON ai_decision_logs (tenant_id, decided_at DESC)
    WHERE reviewed_at IS NULL AND risk <> 'low';
CREATE INDEX ix_ai_decision_logs_tenant_id_subject_type_subject_id
    ON ai_decision_logs (tenant_id, subject_type, subject_id);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_ai_decision_logs_tenant_id_decided_at_id ON ai_decision_logs (tenant_id, decided_at DESC, id DESC);
CREATE INDEX ix_ai_decision_logs_reviewed_by ON ai_decision_logs (reviewed_by);

CREATE TABLE ai_calls (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_calls PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_calls_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    trace_id text NOT NULL,
    span_id text NOT NULL,
    parent_span_id text,
    agent_id bigint CONSTRAINT fk_ai_calls_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    decision_id bigint CONSTRAINT fk_ai_calls_decision_id REFERENCES ai_decision_logs ON DELETE SET NULL,
    ai_task_id bigint,  -- → ai_tasks, when it comes
    conversation_id bigint,  -- → conversations, when it comes
    operation text NOT NULL DEFAULT 'chat'
        CONSTRAINT ck_ai_calls_operation CHECK (operation IN ('chat', 'completion', 'embedding', 'tool',
            'rerank', 'retrieval', 'moderation')),
    provider text NOT NULL,
    model_requested text NOT NULL,
    model_used text,
    prompt_name text,
    prompt_version text,
    params jsonb NOT NULL DEFAULT '{}',
    input jsonb,
    output jsonb,
    redacted_at timestamptz,
    input_tokens integer NOT NULL DEFAULT 0,
    output_tokens integer NOT NULL DEFAULT 0,
    cached_tokens integer NOT NULL DEFAULT 0,
    reasoning_tokens integer NOT NULL DEFAULT 0,
    price_id bigint CONSTRAINT fk_ai_calls_price_id REFERENCES ai_model_prices ON DELETE RESTRICT,
    input_cost numeric(14,6) NOT NULL DEFAULT 0,
    output_cost numeric(14,6) NOT NULL DEFAULT 0,
    total_cost numeric(14,6) NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    latency_ms integer,
    ttft_ms integer,
    status text NOT NULL DEFAULT 'running'
        CONSTRAINT ck_ai_calls_status CHECK (status IN ('running', 'ok', 'error', 'timeout', 'rate_limited',
            'cancelled', 'blocked')),
    finish_reason text,
    error_type text,
    error text,
    retry_count integer NOT NULL DEFAULT 0,
    cache_hit boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_ai_calls_trace_id_span_id UNIQUE (trace_id, span_id),
    CONSTRAINT ck_ai_calls_amounts CHECK (input_tokens >= 0 AND output_tokens >= 0 AND total_cost >= 0)
);
CREATE INDEX ix_ai_calls_agent_id_started_at ON ai_calls (agent_id, started_at DESC);
CREATE INDEX ix_ai_calls_tenant_id_model_used_started_at ON ai_calls (tenant_id, model_used, started_at DESC);
CREATE INDEX ix_ai_calls_tenant_id_started_at_failed
    ON ai_calls (tenant_id, started_at DESC)
    WHERE status NOT IN ('ok', 'running');
CREATE INDEX ix_ai_calls_started_at_brin ON ai_calls USING brin (started_at);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_ai_calls_tenant_id_started_at_id ON ai_calls (tenant_id, started_at DESC, id DESC);
CREATE INDEX ix_ai_calls_decision_id ON ai_calls (decision_id);
CREATE INDEX ix_ai_calls_price_id ON ai_calls (price_id);
"""

# A decision that could be reworded after its outcome is known would prove nothing.
FROZEN = r"""
ALTER TABLE change_sets
    ADD CONSTRAINT fk_change_sets_agent_id FOREIGN KEY (agent_id) REFERENCES ai_agents ON DELETE RESTRICT;
CREATE INDEX ix_change_sets_agent_id ON change_sets (agent_id) WHERE agent_id IS NOT NULL;

CREATE FUNCTION refuse_reworded_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Decision % is a record: its question, inputs, options, choice and reasoning do not change.', OLD.id
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER frozen BEFORE UPDATE ON ai_decision_logs FOR EACH ROW
WHEN (
    OLD.agent_id IS DISTINCT FROM NEW.agent_id
    OR OLD.question IS DISTINCT FROM NEW.question
    OR OLD.inputs IS DISTINCT FROM NEW.inputs
    OR OLD.options IS DISTINCT FROM NEW.options
    OR OLD.chosen IS DISTINCT FROM NEW.chosen
    OR OLD.reasoning IS DISTINCT FROM NEW.reasoning
)
EXECUTE FUNCTION refuse_reworded_decision();

CREATE FUNCTION refuse_reopened_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Call % has ended: only its input and output may still be redacted.', OLD.id
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER frozen BEFORE UPDATE ON ai_calls FOR EACH ROW
WHEN (
    OLD.status <> 'running' AND (
        to_jsonb(OLD) - '{input,output,redacted_at,decision_id}'::text[]
        IS DISTINCT FROM to_jsonb(NEW) - '{input,output,redacted_at,decision_id}'::text[]
    )
)
EXECUTE FUNCTION refuse_reopened_call();
"""

LEDGER = """
SELECT govern('user_tasks');
SELECT govern('ai_agents');
SELECT govern('ai_model_prices');
-- Decisions arrive by the thousand and are a record in themselves; what people make of them is governed.
SELECT govern('ai_decision_logs', inserts => false);
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON user_tasks, ai_agents, ai_model_prices TO console_app;
GRANT SELECT, INSERT ON ai_decision_logs, ai_calls TO console_app;
GRANT UPDATE (
    status, action_taken, consensus_decision_id, approval_request_id, ai_task_id, call_count, input_tokens,
    output_tokens, total_cost, latency_ms, error, reviewed_by, reviewed_at, review_verdict, review_note,
    overridden_to, outcome, outcome_value, outcome_noted_at, updated_at, version
) ON ai_decision_logs TO console_app;
GRANT UPDATE (
    decision_id, model_used, input, output, redacted_at, input_tokens, output_tokens, cached_tokens,
    reasoning_tokens, price_id, input_cost, output_cost, total_cost, latency_ms, ttft_ms, status, finish_reason,
    error_type, error, retry_count, cache_hit
) ON ai_calls TO console_app;
"""
