"""How the console is doing: checks, problems, their occurrences, measurements."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(PRUNING.replace("{here}", quoted_schema()))
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("SELECT ungovern('error_groups')")
    op.execute("DROP TABLE metrics, error_logs, error_groups, system_health")
    op.execute("DROP FUNCTION prune_log(text, timestamptz, integer)")


def quoted_schema() -> str:
    schema = op.get_context().version_table_schema
    return op.get_bind().dialect.identifier_preparer.quote_identifier(schema)


TABLES = r"""
CREATE TABLE system_health (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_system_health PRIMARY KEY,
    tenant_id bigint CONSTRAINT fk_system_health_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    check_key text NOT NULL,
    group_key text NOT NULL
        CONSTRAINT ck_system_health_group_key CHECK (group_key IN ('app', 'db', 'queue', 'cron', 'integration',
            'ai', 'storage', 'security', 'data', 'reality')),
    status text NOT NULL CONSTRAINT ck_system_health_status CHECK (status IN ('ok', 'warn', 'crit', 'unknown')),
    value numeric(18,4),
    unit text,
    warn_at numeric(18,4),
    crit_at numeric(18,4),
    message text,
    details jsonb NOT NULL DEFAULT '{}',
    latency_ms integer,
    checked_at timestamptz NOT NULL DEFAULT now(),
    changed boolean NOT NULL DEFAULT false,
    acked_by bigint CONSTRAINT fk_system_health_acked_by REFERENCES app_users ON DELETE SET NULL,
    acked_at timestamptz,
    muted_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_system_health_check_key_checked_at ON system_health (check_key, checked_at DESC);
CREATE INDEX ix_system_health_group_key_status_checked_at ON system_health (group_key, status, checked_at DESC);
CREATE INDEX ix_system_health_checked_at_changed ON system_health (checked_at DESC) WHERE changed;
CREATE INDEX ix_system_health_checked_at_brin ON system_health USING brin (checked_at);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_system_health_tenant_id_checked_at_id ON system_health (tenant_id, checked_at DESC, id DESC);
CREATE INDEX ix_system_health_acked_by ON system_health (acked_by);

CREATE TABLE error_groups (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_error_groups PRIMARY KEY,
    tenant_id bigint CONSTRAINT fk_error_groups_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    fingerprint text NOT NULL,
    title text NOT NULL,
    culprit text,
    error_type text NOT NULL,
    source text NOT NULL
        CONSTRAINT ck_error_groups_source CHECK (source IN ('web', 'worker', 'agent', 'automation',
            'integration', 'browser')),
    level text NOT NULL DEFAULT 'error'
        CONSTRAINT ck_error_groups_level CHECK (level IN ('warning', 'error', 'fatal')),
    status text NOT NULL DEFAULT 'unresolved'
        CONSTRAINT ck_error_groups_status CHECK (status IN ('unresolved', 'resolved', 'ignored')),
    substatus text
        CONSTRAINT ck_error_groups_substatus CHECK (substatus IN ('new', 'ongoing', 'regressed', 'escalating',
            'until_escalating', 'forever')),
    assignee_id bigint CONSTRAINT fk_error_groups_assignee_id REFERENCES app_users ON DELETE SET NULL,
    task_id bigint CONSTRAINT fk_error_groups_task_id REFERENCES user_tasks ON DELETE SET NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    event_count bigint NOT NULL DEFAULT 0,
    user_count integer NOT NULL DEFAULT 0,
    first_release text,
    last_release text,
    resolved_at timestamptz,
    resolved_by bigint CONSTRAINT fk_error_groups_resolved_by REFERENCES app_users ON DELETE SET NULL,
    resolved_in_release text,
    ignore_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_error_groups_tenant_id_fingerprint UNIQUE NULLS NOT DISTINCT (tenant_id, fingerprint),
    CONSTRAINT ck_error_groups_resolved CHECK ((status = 'resolved') = (resolved_at IS NOT NULL))
);
CREATE INDEX ix_error_groups_status_last_seen_at ON error_groups (status, last_seen_at DESC);
CREATE INDEX ix_error_groups_tenant_id_status_event_count ON error_groups (tenant_id, status, event_count DESC);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_error_groups_tenant_id_last_seen_at_id ON error_groups (tenant_id, last_seen_at DESC, id DESC);
CREATE INDEX ix_error_groups_assignee_id ON error_groups (assignee_id);
CREATE INDEX ix_error_groups_task_id ON error_groups (task_id);
CREATE INDEX ix_error_groups_resolved_by ON error_groups (resolved_by);

CREATE TABLE error_logs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_error_logs PRIMARY KEY,
    tenant_id bigint CONSTRAINT fk_error_logs_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    group_id bigint NOT NULL CONSTRAINT fk_error_logs_group_id REFERENCES error_groups ON DELETE CASCADE,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    level text NOT NULL DEFAULT 'error' CONSTRAINT ck_error_logs_level CHECK (level IN ('warning', 'error', 'fatal')),
    error_type text NOT NULL,
    message text NOT NULL,
    stacktrace text,
    frames jsonb,
    request_id text,
    method text,
    path text,
    status_code integer,
    app_user_id bigint CONSTRAINT fk_error_logs_app_user_id REFERENCES app_users ON DELETE RESTRICT,
    agent_id bigint CONSTRAINT fk_error_logs_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    scheduled_task_id bigint,  -- → scheduled_tasks, when it comes
    automation_run_id bigint,  -- → automation_runs, when it comes
    release text,
    environment text NOT NULL DEFAULT 'production',
    context jsonb NOT NULL DEFAULT '{}',
    ip inet,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_error_logs_group_id_occurred_at ON error_logs (group_id, occurred_at DESC);
CREATE INDEX ix_error_logs_request_id ON error_logs (request_id);
CREATE INDEX ix_error_logs_occurred_at_brin ON error_logs USING brin (occurred_at);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_error_logs_tenant_id_occurred_at_id ON error_logs (tenant_id, occurred_at DESC, id DESC);
CREATE INDEX ix_error_logs_app_user_id ON error_logs (app_user_id);
CREATE INDEX ix_error_logs_agent_id ON error_logs (agent_id);

CREATE TABLE metrics (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_metrics PRIMARY KEY,
    tenant_id bigint CONSTRAINT fk_metrics_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    name text NOT NULL,
    bucket text NOT NULL CONSTRAINT ck_metrics_bucket CHECK (bucket IN ('minute', 'hour', 'day', 'month')),
    bucket_start timestamptz NOT NULL,
    dims jsonb NOT NULL DEFAULT '{}',
    dims_key text GENERATED ALWAYS AS (md5(dims::text)) STORED,
    kind text NOT NULL DEFAULT 'gauge' CONSTRAINT ck_metrics_kind CHECK (kind IN ('counter', 'gauge', 'histogram')),
    value numeric(20,6) NOT NULL,
    sample_count bigint,
    min_value numeric(20,6),
    max_value numeric(20,6),
    p50 numeric(20,6),
    p95 numeric(20,6),
    p99 numeric(20,6),
    unit text,
    computed_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_metrics_tenant_id_name_bucket_bucket_start_dims_key
        UNIQUE NULLS NOT DISTINCT (tenant_id, name, bucket, bucket_start, dims_key)
);
CREATE INDEX ix_metrics_name_bucket_bucket_start ON metrics (name, bucket, bucket_start DESC);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_metrics_tenant_id_bucket_start_id ON metrics (tenant_id, bucket_start DESC, id DESC);
"""

# The application may not delete from logs; it may ask for what retention has released, batch by batch.
PRUNING = r"""
CREATE FUNCTION prune_log(log text, before timestamptz, batch integer DEFAULT 5000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    part record;
    gone integer;
    pruned integer := 0;
BEGIN
    -- The shortest time each log is kept, whoever asks.
    FOR part IN
        SELECT moment, condition, shortest
        FROM (VALUES
            ('metrics', 'bucket_start', $c$bucket = 'minute'$c$, interval '7 days'),
            ('metrics', 'bucket_start', $c$bucket = 'hour'$c$, interval '90 days'),
            ('metrics', 'bucket_start', 'true', interval '1100 days'),
            ('system_health', 'checked_at', 'NOT changed', interval '30 days'),
            ('system_health', 'checked_at', 'true', interval '400 days'),
            ('error_logs', 'occurred_at', 'true', interval '90 days'),
            ('user_sessions', 'started_at', 'true', interval '400 days')
        ) AS kept (log_name, moment, condition, shortest)
        WHERE log_name = log
    LOOP
        EXECUTE format(
            'DELETE FROM {here}.%1$I WHERE id IN (SELECT id FROM {here}.%1$I WHERE %2$I < $1 AND %3$s LIMIT $2)',
            log, part.moment, part.condition
        ) USING least(before, clock_timestamp() - part.shortest), batch - pruned;
        GET DIAGNOSTICS gone = ROW_COUNT;
        pruned := pruned + gone;
    END LOOP;
    IF NOT FOUND THEN
        RAISE EXCEPTION '"%" is not a log that is pruned.', log;
    END IF;
    RETURN pruned;
END
$$;
REVOKE ALL ON FUNCTION prune_log(text, timestamptz, integer) FROM PUBLIC;
"""

LEDGER = """
SELECT govern('error_groups');
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE ON error_groups TO console_app;
GRANT SELECT, INSERT ON system_health, error_logs, metrics TO console_app;
GRANT UPDATE (acked_by, acked_at, muted_until) ON system_health TO console_app;
-- The open bucket of a series.
GRANT UPDATE (value, sample_count, min_value, max_value, p50, p95, p99, unit, computed_at) ON metrics TO console_app;
GRANT EXECUTE ON FUNCTION prune_log(text, timestamptz, integer) TO console_app;
"""
