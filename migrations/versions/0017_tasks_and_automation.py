"""Automations with their runs, workflows with their steps, the queue behind both, and tasks for agents."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    schema = str(op.get_context().version_table_schema)
    quoted = op.get_bind().dialect.identifier_preparer.quote_identifier(schema)
    op.execute(TABLES)
    op.execute(LEDGER)
    op.execute(RECORDING.replace("{here}", quoted))
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute(UNGOVERN)
    op.execute("""
        DROP TABLE task_dependencies, ai_tasks, task_templates, workflow_automations, workflow_states,
            workflow_instances, workflow_definitions, ai_automation_rules, automation_runs, automations,
            automation_templates, scheduled_tasks, cron_jobs, workers;
        DROP FUNCTION record_asked();
    """)


TABLES = r"""
CREATE TABLE workers (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_workers PRIMARY KEY,
    name text NOT NULL,
    queues text[] NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'starting'
        CONSTRAINT ck_workers_status CHECK (status IN ('starting', 'idle', 'busy', 'draining', 'stopped')),
    started_at timestamptz NOT NULL DEFAULT now(),
    last_heartbeat_at timestamptz NOT NULL DEFAULT now(),
    jobs_done bigint NOT NULL DEFAULT 0,
    jobs_failed bigint NOT NULL DEFAULT 0,
    memory_mb integer,
    code_version text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_workers_name UNIQUE (name)
);
CREATE INDEX ix_workers_last_heartbeat_at ON workers (last_heartbeat_at);

CREATE TABLE cron_jobs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_cron_jobs PRIMARY KEY,
    tenant_id bigint CONSTRAINT fk_cron_jobs_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    name text NOT NULL,
    task_name text NOT NULL,
    args jsonb NOT NULL DEFAULT '{}',
    schedule text NOT NULL,
    timezone text NOT NULL DEFAULT 'UTC',
    enabled boolean NOT NULL DEFAULT true,
    status text NOT NULL DEFAULT 'new'
        CONSTRAINT ck_cron_jobs_status CHECK (status IN ('new', 'up', 'late', 'down', 'paused')),
    grace_seconds integer NOT NULL DEFAULT 300,
    max_runtime_seconds integer NOT NULL DEFAULT 3600,
    overlap text NOT NULL DEFAULT 'skip' CONSTRAINT ck_cron_jobs_overlap CHECK (overlap IN ('skip', 'queue')),
    catch_up boolean NOT NULL DEFAULT false,
    owner_id bigint CONSTRAINT fk_cron_jobs_owner_id REFERENCES app_users ON DELETE SET NULL,
    pause_reason text,
    next_run_at timestamptz,
    last_run_at timestamptz,
    last_success_at timestamptz,
    last_status text,
    last_duration_ms integer,
    consecutive_failures integer NOT NULL DEFAULT 0,
    alert_after_failures integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_cron_jobs_tenant_id_key UNIQUE NULLS NOT DISTINCT (tenant_id, key),
    CONSTRAINT ck_cron_jobs_grace_seconds CHECK (grace_seconds >= 0 AND max_runtime_seconds > 0)
);
CREATE INDEX ix_cron_jobs_next_run_at_open ON cron_jobs (next_run_at) WHERE enabled;
CREATE INDEX ix_cron_jobs_status_name ON cron_jobs (status, name);
CREATE INDEX ix_cron_jobs_owner_id ON cron_jobs (owner_id);

CREATE TABLE scheduled_tasks (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_scheduled_tasks PRIMARY KEY,
    tenant_id bigint CONSTRAINT fk_scheduled_tasks_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    queue text NOT NULL DEFAULT 'default',
    task_name text NOT NULL,
    args jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'queued'
        CONSTRAINT ck_scheduled_tasks_status CHECK (status IN ('queued', 'running', 'succeeded', 'failed',
            'cancelled', 'aborted', 'missed')),
    priority integer NOT NULL DEFAULT 0,
    run_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL DEFAULT 5,
    timeout_seconds integer NOT NULL DEFAULT 600,
    lock_key text,
    dedupe_key text,
    cron_job_id bigint CONSTRAINT fk_scheduled_tasks_cron_job_id REFERENCES cron_jobs ON DELETE CASCADE,
    scheduled_for timestamptz,
    queue_job_id bigint,
    requested_by bigint CONSTRAINT fk_scheduled_tasks_requested_by REFERENCES app_users ON DELETE SET NULL,
    worker_id bigint CONSTRAINT fk_scheduled_tasks_worker_id REFERENCES workers ON DELETE SET NULL,
    heartbeat_at timestamptz,
    abort_requested boolean NOT NULL DEFAULT false,
    started_at timestamptz,
    finished_at timestamptz,
    progress_pct numeric(7,4) NOT NULL DEFAULT 0,
    progress_note text,
    result jsonb,
    error_type text,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_scheduled_tasks_cron_job_id_scheduled_for UNIQUE (cron_job_id, scheduled_for),
    CONSTRAINT ck_scheduled_tasks_slot CHECK ((cron_job_id IS NULL) = (scheduled_for IS NULL)),
    CONSTRAINT ck_scheduled_tasks_running CHECK (status <> 'running' OR (worker_id IS NOT NULL AND started_at
        IS NOT NULL))
);
CREATE UNIQUE INDEX uq_scheduled_tasks_dedupe_key ON scheduled_tasks (dedupe_key)
    WHERE status = 'queued';
CREATE UNIQUE INDEX uq_scheduled_tasks_lock_key ON scheduled_tasks (lock_key)
    WHERE status = 'running';
CREATE INDEX ix_scheduled_tasks_queue_priority_run_at_id_open ON scheduled_tasks (queue, priority DESC, run_at, id)
    WHERE status = 'queued';
CREATE INDEX ix_scheduled_tasks_heartbeat_at_open ON scheduled_tasks (heartbeat_at) WHERE status = 'running';
CREATE INDEX ix_scheduled_tasks_status_created_at ON scheduled_tasks (status, created_at DESC);
CREATE INDEX ix_scheduled_tasks_task_name_created_at ON scheduled_tasks (task_name, created_at DESC);
CREATE INDEX ix_scheduled_tasks_tenant_id_created_at_id ON scheduled_tasks (tenant_id, created_at DESC, id DESC);
-- The console's own work belongs to no company; who sees both sees them in one order.
CREATE INDEX ix_scheduled_tasks_created_at_id ON scheduled_tasks (created_at DESC, id DESC);
-- One row for one job of the queue.
CREATE UNIQUE INDEX uq_scheduled_tasks_queue_job_id ON scheduled_tasks (queue_job_id);
CREATE INDEX ix_scheduled_tasks_requested_by ON scheduled_tasks (requested_by);
CREATE INDEX ix_scheduled_tasks_worker_id ON scheduled_tasks (worker_id);

CREATE TABLE automation_templates (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_automation_templates PRIMARY KEY,
    tenant_id bigint CONSTRAINT fk_automation_templates_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    name text NOT NULL,
    category text NOT NULL
        CONSTRAINT ck_automation_templates_category CHECK (category IN ('sales', 'billing', 'dispatch',
            'customer_comms', 'ai', 'data_quality', 'ops')),
    description text NOT NULL,
    definition jsonb NOT NULL,
    parameters jsonb NOT NULL DEFAULT '[]',
    is_active boolean NOT NULL DEFAULT true,
    install_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_automation_templates_tenant_id_key UNIQUE NULLS NOT DISTINCT (tenant_id, key)
);
CREATE INDEX ix_automation_templates_category_name_open ON automation_templates (category, name) WHERE is_active;

CREATE TABLE automations (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_automations PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_automations_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    name text NOT NULL,
    description text,
    template_id bigint CONSTRAINT fk_automations_template_id REFERENCES automation_templates ON DELETE SET NULL,
    trigger_kind text NOT NULL
        CONSTRAINT ck_automations_trigger_kind CHECK (trigger_kind IN ('event', 'schedule', 'webhook', 'manual',
            'threshold', 'ai_rule')),
    trigger_config jsonb NOT NULL DEFAULT '{}',
    conditions jsonb NOT NULL DEFAULT '[]',
    actions jsonb NOT NULL DEFAULT '[]',
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_automations_status CHECK (status IN ('draft', 'enabled', 'paused', 'auto_disabled')),
    disabled_reason text,
    owner_id bigint CONSTRAINT fk_automations_owner_id REFERENCES app_users ON DELETE SET NULL,
    dry_run boolean NOT NULL DEFAULT false,
    concurrency text NOT NULL DEFAULT 'skip'
        CONSTRAINT ck_automations_concurrency CHECK (concurrency IN ('allow', 'skip', 'queue')),
    max_runs_per_hour integer NOT NULL DEFAULT 60,
    timeout_seconds integer NOT NULL DEFAULT 300,
    max_attempts integer NOT NULL DEFAULT 3,
    auto_disable_after integer NOT NULL DEFAULT 3,
    consecutive_failures integer NOT NULL DEFAULT 0,
    success_count bigint NOT NULL DEFAULT 0,
    failure_count bigint NOT NULL DEFAULT 0,
    last_run_at timestamptz,
    last_status text,
    next_run_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_automations_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_automations_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_automations_tenant_id_key UNIQUE (tenant_id, key),
    CONSTRAINT ck_automations_disabled_reason CHECK (status <> 'auto_disabled' OR disabled_reason IS NOT NULL),
    CONSTRAINT ck_automations_actions CHECK (status <> 'enabled' OR jsonb_array_length(actions) > 0)
);
CREATE INDEX ix_automations_tenant_id_name_id ON automations (tenant_id, name, id);
CREATE INDEX ix_automations_tenant_id_status_name ON automations (tenant_id, status, name);
CREATE INDEX ix_automations_next_run_at_open ON automations (next_run_at) WHERE status = 'enabled';
CREATE INDEX ix_automations_template_id ON automations (template_id);
CREATE INDEX ix_automations_owner_id ON automations (owner_id);
CREATE INDEX ix_automations_created_by ON automations (created_by);
CREATE INDEX ix_automations_updated_by ON automations (updated_by);

CREATE TABLE automation_runs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_automation_runs PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_automation_runs_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    automation_id bigint NOT NULL CONSTRAINT fk_automation_runs_automation_id REFERENCES automations ON DELETE CASCADE,
    trigger text NOT NULL
        CONSTRAINT ck_automation_runs_trigger CHECK (trigger IN ('event', 'schedule', 'webhook', 'manual',
            'threshold', 'ai_rule', 'retry')),
    trigger_ref text,
    dedupe_key text,
    status text NOT NULL DEFAULT 'queued'
        CONSTRAINT ck_automation_runs_status CHECK (status IN ('queued', 'running', 'waiting', 'succeeded',
            'failed', 'skipped', 'cancelled', 'timed_out')),
    attempt integer NOT NULL DEFAULT 1,
    retry_of_id bigint CONSTRAINT fk_automation_runs_retry_of_id REFERENCES automation_runs ON DELETE SET NULL,
    dry_run boolean NOT NULL DEFAULT false,
    input jsonb NOT NULL DEFAULT '{}',
    steps jsonb NOT NULL DEFAULT '[]',
    output jsonb,
    records_changed integer NOT NULL DEFAULT 0,
    skip_reason text,
    error_type text,
    error text,
    started_by bigint CONSTRAINT fk_automation_runs_started_by REFERENCES app_users ON DELETE SET NULL,
    scheduled_task_id bigint
        CONSTRAINT fk_automation_runs_scheduled_task_id REFERENCES scheduled_tasks ON DELETE SET NULL,
    started_at timestamptz,
    finished_at timestamptz,
    duration_ms integer GENERATED ALWAYS AS ((extract(epoch from (finished_at - started_at)) * 1000)::int) STORED,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_automation_runs_automation_id_dedupe_key UNIQUE (automation_id, dedupe_key),
    CONSTRAINT ck_automation_runs_finished_at CHECK (finished_at IS NULL OR finished_at >= started_at),
    CONSTRAINT ck_automation_runs_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_automation_runs_tenant_id_created_at_id ON automation_runs (tenant_id, created_at DESC, id DESC);
-- How long they take: the slowest first.
CREATE INDEX ix_automation_runs_tenant_id_duration_ms_id ON automation_runs (tenant_id, duration_ms, id);
CREATE INDEX ix_automation_runs_automation_id_created_at ON automation_runs (automation_id, created_at DESC);
CREATE INDEX ix_automation_runs_tenant_id_status_created_at ON automation_runs (tenant_id, status, created_at DESC);
CREATE INDEX ix_automation_runs_tenant_id_subject_type_subject_id
    ON automation_runs (tenant_id, subject_type, subject_id);
CREATE INDEX ix_automation_runs_retry_of_id ON automation_runs (retry_of_id);
CREATE INDEX ix_automation_runs_started_by ON automation_runs (started_by);
CREATE INDEX ix_automation_runs_scheduled_task_id ON automation_runs (scheduled_task_id);

CREATE TABLE ai_automation_rules (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_automation_rules PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_automation_rules_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    name text NOT NULL,
    agent_id bigint NOT NULL CONSTRAINT fk_ai_automation_rules_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    instruction text NOT NULL,
    compiled jsonb,
    watch_event text NOT NULL,
    automation_id bigint CONSTRAINT fk_ai_automation_rules_automation_id REFERENCES automations ON DELETE SET NULL,
    action_allowlist text[] NOT NULL DEFAULT '{}',
    autonomy text NOT NULL DEFAULT 'approve'
        CONSTRAINT ck_ai_automation_rules_autonomy CHECK (autonomy IN ('suggest', 'approve', 'auto')),
    min_confidence numeric(5,4) NOT NULL DEFAULT 0.8
        CONSTRAINT ck_ai_automation_rules_min_confidence CHECK (min_confidence BETWEEN 0 AND 1),
    max_actions_per_day integer NOT NULL DEFAULT 50,
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_ai_automation_rules_status CHECK (status IN ('draft', 'shadow', 'active', 'paused',
            'retired')),
    shadow_until timestamptz,
    approved_by bigint CONSTRAINT fk_ai_automation_rules_approved_by REFERENCES app_users ON DELETE SET NULL,
    approved_at timestamptz,
    fired_count bigint NOT NULL DEFAULT 0,
    accepted_count bigint NOT NULL DEFAULT 0,
    rejected_count bigint NOT NULL DEFAULT 0,
    last_fired_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_ai_automation_rules_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_ai_automation_rules_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_ai_automation_rules_tenant_id_name UNIQUE (tenant_id, name),
    CONSTRAINT ck_ai_automation_rules_approved CHECK (status <> 'active' OR approved_at IS NOT NULL),
    CONSTRAINT ck_ai_automation_rules_action_allowlist CHECK (status <> 'active' OR cardinality(action_allowlist) > 0)
);
CREATE INDEX ix_ai_automation_rules_tenant_id_watch_event_open ON ai_automation_rules (tenant_id, watch_event)
    WHERE status IN ('shadow', 'active');
CREATE INDEX ix_ai_automation_rules_agent_id ON ai_automation_rules (agent_id);
CREATE INDEX ix_ai_automation_rules_automation_id ON ai_automation_rules (automation_id);
CREATE INDEX ix_ai_automation_rules_approved_by ON ai_automation_rules (approved_by);
CREATE INDEX ix_ai_automation_rules_created_by ON ai_automation_rules (created_by);
CREATE INDEX ix_ai_automation_rules_updated_by ON ai_automation_rules (updated_by);

CREATE TABLE workflow_definitions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_workflow_definitions PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_workflow_definitions_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    version_no integer NOT NULL DEFAULT 1,
    name text NOT NULL,
    description text,
    subject_type text,
    graph jsonb NOT NULL,
    checksum text,
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_workflow_definitions_status CHECK (status IN ('draft', 'published', 'retired')),
    published_at timestamptz,
    published_by bigint CONSTRAINT fk_workflow_definitions_published_by REFERENCES app_users ON DELETE SET NULL,
    timeout_minutes integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_workflow_definitions_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_workflow_definitions_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_workflow_definitions_tenant_id_key_version_no UNIQUE (tenant_id, key, version_no),
    CONSTRAINT ck_workflow_definitions_published CHECK (status <> 'published' OR published_at IS NOT NULL),
    CONSTRAINT ck_workflow_definitions_graph CHECK (jsonb_typeof(graph) = 'object')
);
CREATE UNIQUE INDEX uq_workflow_definitions_tenant_id_key ON workflow_definitions (tenant_id, key)
    WHERE status = 'published';
CREATE INDEX ix_workflow_definitions_tenant_id_status_name ON workflow_definitions (tenant_id, status, name);
CREATE INDEX ix_workflow_definitions_published_by ON workflow_definitions (published_by);
CREATE INDEX ix_workflow_definitions_created_by ON workflow_definitions (created_by);
CREATE INDEX ix_workflow_definitions_updated_by ON workflow_definitions (updated_by);

CREATE TABLE workflow_instances (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_workflow_instances PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_workflow_instances_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    definition_id bigint NOT NULL
        CONSTRAINT fk_workflow_instances_definition_id REFERENCES workflow_definitions ON DELETE RESTRICT,
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT ck_workflow_instances_status CHECK (status IN ('pending', 'running', 'waiting', 'suspended',
            'completed', 'failed', 'cancelled', 'terminated', 'timed_out')),
    current_node text,
    context jsonb NOT NULL DEFAULT '{}',
    correlation_key text,
    parent_instance_id bigint
        CONSTRAINT fk_workflow_instances_parent_instance_id REFERENCES workflow_instances ON DELETE SET NULL,
    started_by bigint CONSTRAINT fk_workflow_instances_started_by REFERENCES app_users ON DELETE SET NULL,
    automation_run_id bigint
        CONSTRAINT fk_workflow_instances_automation_run_id REFERENCES automation_runs ON DELETE SET NULL,
    started_at timestamptz,
    finished_at timestamptz,
    due_at timestamptz,
    retry_count integer NOT NULL DEFAULT 0,
    error text,
    end_reason text,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_workflow_instances_finished CHECK (status NOT IN ('completed', 'failed', 'cancelled',
        'terminated', 'timed_out') OR finished_at IS NOT NULL),
    CONSTRAINT ck_workflow_instances_terminated CHECK (status <> 'terminated' OR end_reason IS NOT NULL),
    CONSTRAINT ck_workflow_instances_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE UNIQUE INDEX uq_workflow_instances_definition_id_correlation_key
    ON workflow_instances (definition_id, correlation_key)
    WHERE status IN ('pending', 'running', 'waiting', 'suspended');
CREATE INDEX ix_workflow_instances_tenant_id_created_at_id ON workflow_instances (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_workflow_instances_tenant_id_due_at_id ON workflow_instances (tenant_id, due_at, id);
CREATE INDEX ix_workflow_instances_tenant_id_status_created_at
    ON workflow_instances (tenant_id, status, created_at DESC);
CREATE INDEX ix_workflow_instances_tenant_id_due_at_open ON workflow_instances (tenant_id, due_at)
    WHERE finished_at IS NULL;
CREATE INDEX ix_workflow_instances_tenant_id_subject_type_subject_id
    ON workflow_instances (tenant_id, subject_type, subject_id);
CREATE INDEX ix_workflow_instances_definition_id ON workflow_instances (definition_id);
CREATE INDEX ix_workflow_instances_parent_instance_id ON workflow_instances (parent_instance_id);
CREATE INDEX ix_workflow_instances_started_by ON workflow_instances (started_by);
CREATE INDEX ix_workflow_instances_automation_run_id ON workflow_instances (automation_run_id);

CREATE TABLE workflow_states (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_workflow_states PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_workflow_states_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    instance_id bigint NOT NULL
        CONSTRAINT fk_workflow_states_instance_id REFERENCES workflow_instances ON DELETE CASCADE,
    node_key text NOT NULL,
    node_kind text NOT NULL
        CONSTRAINT ck_workflow_states_node_kind CHECK (node_kind IN ('start', 'task', 'approval', 'wait',
            'decision', 'automation', 'agent', 'end')),
    visit integer NOT NULL DEFAULT 1,
    attempt integer NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'active'
        CONSTRAINT ck_workflow_states_status CHECK (status IN ('active', 'waiting', 'completed', 'failed',
            'skipped', 'timed_out', 'cancelled')),
    entered_at timestamptz NOT NULL DEFAULT now(),
    exited_at timestamptz,
    due_at timestamptz,
    outcome text,
    input jsonb NOT NULL DEFAULT '{}',
    output jsonb,
    error text,
    actor_id bigint CONSTRAINT fk_workflow_states_actor_id REFERENCES app_users ON DELETE SET NULL,
    agent_id bigint CONSTRAINT fk_workflow_states_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    wait_until timestamptz,
    wait_event text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_workflow_states_instance_id_node_key_visit UNIQUE (instance_id, node_key, visit),
    CONSTRAINT ck_workflow_states_exited CHECK ((status IN ('active', 'waiting')) = (exited_at IS NULL))
);
CREATE INDEX ix_workflow_states_instance_id_entered_at ON workflow_states (instance_id, entered_at);
CREATE INDEX ix_workflow_states_tenant_id_due_at_open ON workflow_states (tenant_id, due_at)
    WHERE exited_at IS NULL;
CREATE INDEX ix_workflow_states_wait_until_open ON workflow_states (wait_until) WHERE status = 'waiting';
CREATE INDEX ix_workflow_states_tenant_id_wait_event_open ON workflow_states (tenant_id, wait_event)
    WHERE status = 'waiting';
CREATE INDEX ix_workflow_states_tenant_id_entered_at_id ON workflow_states (tenant_id, entered_at DESC, id DESC);
CREATE INDEX ix_workflow_states_actor_id ON workflow_states (actor_id);
CREATE INDEX ix_workflow_states_agent_id ON workflow_states (agent_id);

CREATE TABLE workflow_automations (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_workflow_automations PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_workflow_automations_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    definition_id bigint NOT NULL
        CONSTRAINT fk_workflow_automations_definition_id REFERENCES workflow_definitions ON DELETE CASCADE,
    automation_id bigint NOT NULL
        CONSTRAINT fk_workflow_automations_automation_id REFERENCES automations ON DELETE CASCADE,
    hook text NOT NULL
        CONSTRAINT ck_workflow_automations_hook CHECK (hook IN ('starts_workflow', 'on_start', 'on_enter',
            'on_exit', 'on_complete', 'on_fail', 'on_sla_breach')),
    node_key text,
    condition jsonb,
    position integer NOT NULL DEFAULT 0,
    blocking boolean NOT NULL DEFAULT false,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_workflow_automations_binding
        UNIQUE NULLS NOT DISTINCT (definition_id, automation_id, hook, node_key),
    CONSTRAINT ck_workflow_automations_node_key CHECK (hook NOT IN ('on_enter', 'on_exit') OR node_key IS NOT NULL)
);
CREATE INDEX ix_workflow_automations_tenant_id ON workflow_automations (tenant_id);
CREATE INDEX ix_workflow_automations_automation_id ON workflow_automations (automation_id);

CREATE TABLE task_templates (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_task_templates PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_task_templates_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    name text NOT NULL,
    description text,
    applies_to text,
    trigger_event text,
    items jsonb NOT NULL DEFAULT '[]',
    is_active boolean NOT NULL DEFAULT true,
    use_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_task_templates_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_task_templates_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_task_templates_tenant_id_key UNIQUE (tenant_id, key),
    CONSTRAINT ck_task_templates_items CHECK (jsonb_typeof(items) = 'array')
);
CREATE INDEX ix_task_templates_tenant_id_trigger_event_open ON task_templates (tenant_id, trigger_event)
    WHERE is_active;
CREATE INDEX ix_task_templates_created_by ON task_templates (created_by);
CREATE INDEX ix_task_templates_updated_by ON task_templates (updated_by);

CREATE TABLE ai_tasks (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_tasks PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_tasks_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    agent_id bigint NOT NULL CONSTRAINT fk_ai_tasks_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    title text NOT NULL,
    instruction text NOT NULL,
    input jsonb NOT NULL DEFAULT '{}',
    output jsonb,
    status text NOT NULL DEFAULT 'queued'
        CONSTRAINT ck_ai_tasks_status CHECK (status IN ('queued', 'running', 'waiting_approval',
            'waiting_input', 'succeeded', 'failed', 'cancelled', 'timed_out')),
    priority integer NOT NULL DEFAULT 0,
    requested_by bigint CONSTRAINT fk_ai_tasks_requested_by REFERENCES app_users ON DELETE SET NULL,
    requested_by_agent_id bigint CONSTRAINT fk_ai_tasks_requested_by_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    parent_id bigint CONSTRAINT fk_ai_tasks_parent_id REFERENCES ai_tasks ON DELETE CASCADE,
    approval_request_id bigint
        CONSTRAINT fk_ai_tasks_approval_request_id REFERENCES approval_requests ON DELETE SET NULL,
    run_after timestamptz,
    deadline_at timestamptz,
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL DEFAULT 3,
    worker_id bigint CONSTRAINT fk_ai_tasks_worker_id REFERENCES workers ON DELETE SET NULL,
    heartbeat_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    progress_pct numeric(7,4) NOT NULL DEFAULT 0,
    thread_id text,
    checkpoint_id text,
    budget numeric(14,6),
    total_cost numeric(14,6) NOT NULL DEFAULT 0,
    error_type text,
    error text,
    result_quality text
        CONSTRAINT ck_ai_tasks_result_quality CHECK (result_quality IN ('good', 'acceptable', 'bad')),
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_ai_tasks_attempt CHECK (attempt <= max_attempts),
    CONSTRAINT ck_ai_tasks_finished CHECK (status NOT IN ('succeeded', 'failed', 'cancelled', 'timed_out') OR
        finished_at IS NOT NULL),
    CONSTRAINT ck_ai_tasks_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_ai_tasks_priority_id_open ON ai_tasks (priority DESC, id) WHERE status = 'queued';
CREATE INDEX ix_ai_tasks_tenant_id_created_at_id ON ai_tasks (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_ai_tasks_tenant_id_status_created_at ON ai_tasks (tenant_id, status, created_at DESC);
CREATE INDEX ix_ai_tasks_agent_id_created_at ON ai_tasks (agent_id, created_at DESC);
CREATE INDEX ix_ai_tasks_heartbeat_at_open ON ai_tasks (heartbeat_at) WHERE status = 'running';
CREATE INDEX ix_ai_tasks_tenant_id_subject_type_subject_id ON ai_tasks (tenant_id, subject_type, subject_id);
CREATE INDEX ix_ai_tasks_requested_by ON ai_tasks (requested_by);
CREATE INDEX ix_ai_tasks_requested_by_agent_id ON ai_tasks (requested_by_agent_id);
CREATE INDEX ix_ai_tasks_parent_id ON ai_tasks (parent_id);
CREATE INDEX ix_ai_tasks_approval_request_id ON ai_tasks (approval_request_id);
CREATE INDEX ix_ai_tasks_worker_id ON ai_tasks (worker_id);

CREATE TABLE task_dependencies (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_task_dependencies PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_task_dependencies_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    predecessor_user_task_id bigint
        CONSTRAINT fk_task_dependencies_predecessor_user_task_id REFERENCES user_tasks ON DELETE CASCADE,
    predecessor_ai_task_id bigint
        CONSTRAINT fk_task_dependencies_predecessor_ai_task_id REFERENCES ai_tasks ON DELETE CASCADE,
    successor_user_task_id bigint
        CONSTRAINT fk_task_dependencies_successor_user_task_id REFERENCES user_tasks ON DELETE CASCADE,
    successor_ai_task_id bigint
        CONSTRAINT fk_task_dependencies_successor_ai_task_id REFERENCES ai_tasks ON DELETE CASCADE,
    kind text NOT NULL DEFAULT 'finish_to_start'
        CONSTRAINT ck_task_dependencies_kind CHECK (kind IN ('finish_to_start', 'start_to_start',
            'finish_to_finish')),
    lag_minutes integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_task_dependencies_edge
        UNIQUE NULLS NOT DISTINCT (
            predecessor_user_task_id, predecessor_ai_task_id, successor_user_task_id, successor_ai_task_id
        ),
    CONSTRAINT ck_task_dependencies_predecessor CHECK (num_nonnulls(predecessor_user_task_id,
        predecessor_ai_task_id) = 1),
    CONSTRAINT ck_task_dependencies_successor CHECK (num_nonnulls(successor_user_task_id,
        successor_ai_task_id) = 1),
    CONSTRAINT ck_task_dependencies_itself CHECK (predecessor_user_task_id IS DISTINCT FROM
        successor_user_task_id OR predecessor_user_task_id IS NULL),
    CONSTRAINT ck_task_dependencies_itself_ai CHECK (predecessor_ai_task_id IS DISTINCT FROM
        successor_ai_task_id OR predecessor_ai_task_id IS NULL)
);
CREATE INDEX ix_task_dependencies_tenant_id_created_at_id ON task_dependencies (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_task_dependencies_predecessor_ai_task_id ON task_dependencies (predecessor_ai_task_id);
CREATE INDEX ix_task_dependencies_successor_user_task_id ON task_dependencies (successor_user_task_id);
CREATE INDEX ix_task_dependencies_successor_ai_task_id ON task_dependencies (successor_ai_task_id);
"""

LEDGER = """
SELECT govern('automation_templates'), govern('automations'), govern('automation_runs'),
    govern('ai_automation_rules'), govern('workflow_definitions'), govern('workflow_instances'),
    govern('workflow_states'), govern('workflow_automations'), govern('task_templates'), govern('ai_tasks'),
    govern('task_dependencies');
SELECT keep_versions('cron_jobs'), keep_versions('scheduled_tasks'), keep_versions('workers');
"""

# What the worker keeps of itself changes every few seconds and is a record in itself. What a person makes of it, through
# the console and with a reason, is history: those changes alone have a set open, and are recorded in it.
RECORDING = """
CREATE FUNCTION record_asked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET timezone = 'UTC' AS $$
DECLARE
    set_id bigint;
    written integer;
BEGIN
    SELECT id INTO set_id FROM {here}.change_sets
    WHERE id = nullif(current_setting('console.change_set', true), '')::bigint
        AND xid = pg_current_xact_id() AND seal_no IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO {here}.change_entries (change_set_id, tenant_id, table_name, record_id, operation, before, after)
    SELECT set_id, (d.now ->> 'tenant_id')::bigint, TG_TABLE_NAME, d.now ->> 'id', 'update', d.was - d.same, d.now - d.same
    FROM (
        SELECT r.was, r.now, ARRAY(SELECT c.key FROM jsonb_each(r.was) AS c WHERE c.value = r.now -> c.key) AS same
        FROM (
            SELECT to_jsonb(o) AS was, to_jsonb(n) AS now FROM old_rows AS o JOIN new_rows AS n ON n.id = o.id OFFSET 0
        ) AS r
        WHERE r.was IS DISTINCT FROM r.now
        OFFSET 0
    ) AS d;
    GET DIAGNOSTICS written = ROW_COUNT;
    UPDATE {here}.change_sets SET entry_count = entry_count + written WHERE id = set_id AND written > 0;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION record_asked() FROM PUBLIC;
CREATE TRIGGER ledger_asked AFTER UPDATE ON cron_jobs REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_asked();
CREATE TRIGGER ledger_asked AFTER UPDATE ON scheduled_tasks REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_asked();
CREATE TRIGGER ledger_asked AFTER UPDATE ON workers REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION record_asked();
"""

UNGOVERN = """
SELECT ungovern('automation_templates'), ungovern('automations'),
    ungovern('automation_runs'), ungovern('ai_automation_rules'), ungovern('workflow_definitions'),
    ungovern('workflow_instances'), ungovern('workflow_states'), ungovern('workflow_automations'),
    ungovern('task_templates'), ungovern('ai_tasks'), ungovern('task_dependencies')
"""

RIGHTS = """
-- DELETE so that a creation can be undone.
GRANT SELECT, INSERT, UPDATE, DELETE ON workers, cron_jobs, scheduled_tasks, automation_templates, automations,
    automation_runs, ai_automation_rules, workflow_definitions, workflow_instances,
    workflow_states, workflow_automations, task_templates, ai_tasks TO console_app;
-- What only grows is added to and read.
GRANT SELECT, INSERT ON task_dependencies TO console_app;
-- An edge is drawn or taken away, never bent.
GRANT DELETE ON task_dependencies TO console_app;
"""
