"""The SQL desk: queries people keep, every statement ever sent, and selections of records the server keeps."""

from __future__ import annotations

from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    for step in (TABLES, ENDED, LEDGER, RIGHTS, ROLES):
        op.execute(step)


def downgrade() -> None:
    op.execute("""
        SELECT ungovern('sql_queries');
        DROP TABLE kept_selections, sql_runs, sql_queries;
        DROP FUNCTION keep_sql_run();
    """)


TABLES = """
CREATE TABLE sql_queries (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_sql_queries PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_sql_queries_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    app_user_id bigint NOT NULL CONSTRAINT fk_sql_queries_app_user_id REFERENCES app_users ON DELETE CASCADE,
    name text NOT NULL CONSTRAINT ck_sql_queries_name CHECK (length(name) BETWEEN 1 AND 80),
    about text CONSTRAINT ck_sql_queries_about CHECK (length(about) <= 500),
    statement text NOT NULL CONSTRAINT ck_sql_queries_statement CHECK (length(statement) BETWEEN 1 AND 20000),
    parameters text[] NOT NULL DEFAULT '{}',
    shared boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_sql_queries_tenant_id_app_user_id_name UNIQUE (tenant_id, app_user_id, name)
);
COMMENT ON TABLE sql_queries IS 'Queries of the SQL desk kept under a name; shared ones are open to all who may ask there.';
CREATE INDEX ix_sql_queries_tenant_id_name_id ON sql_queries (tenant_id, name, id);
CREATE INDEX ix_sql_queries_app_user_id ON sql_queries (app_user_id);

CREATE TABLE sql_runs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_sql_runs PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_sql_runs_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    app_user_id bigint CONSTRAINT fk_sql_runs_app_user_id REFERENCES app_users ON DELETE SET NULL,
    query_id bigint CONSTRAINT fk_sql_runs_query_id REFERENCES sql_queries ON DELETE SET NULL,
    kind text NOT NULL CONSTRAINT ck_sql_runs_kind CHECK (kind IN ('run', 'explain')),
    statement text NOT NULL,
    shape text NOT NULL,
    parameters jsonb NOT NULL DEFAULT '{}',
    tables text[] NOT NULL DEFAULT '{}',
    masked text[] NOT NULL DEFAULT '{}',
    outcome text NOT NULL CONSTRAINT ck_sql_runs_outcome
        CHECK (outcome IN ('running', 'done', 'cut', 'refused', 'failed', 'cancelled', 'timed_out')),
    why text,
    row_count bigint,
    duration_ms integer,
    time_limit integer NOT NULL,
    permit bytea,
    ticket text,
    beat_at timestamptz,
    stop_asked boolean NOT NULL DEFAULT false,
    ended_at timestamptz,
    request_id text,
    CONSTRAINT ck_sql_runs_ended_at CHECK ((outcome = 'running') = (ended_at IS NULL)),
    CONSTRAINT ck_sql_runs_permit CHECK (ended_at IS NULL OR permit IS NULL)
);
COMMENT ON TABLE sql_runs IS 'Every statement sent at the SQL desk, also those refused; one that runs is leave to read.';
CREATE INDEX ix_sql_runs_tenant_id_created_at_id ON sql_runs (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_sql_runs_app_user_id_created_at_id ON sql_runs (app_user_id, created_at DESC, id DESC);
CREATE INDEX ix_sql_runs_query_id_created_at ON sql_runs (query_id, created_at DESC);
CREATE UNIQUE INDEX uq_sql_runs_permit ON sql_runs (permit) WHERE permit IS NOT NULL;
CREATE INDEX ix_sql_runs_ticket ON sql_runs (ticket) WHERE ended_at IS NULL AND ticket IS NOT NULL;
CREATE INDEX ix_sql_runs_running ON sql_runs (created_at) WHERE ended_at IS NULL;

CREATE TABLE kept_selections (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_kept_selections PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_kept_selections_tenant_id REFERENCES tenants ON DELETE CASCADE,
    app_user_id bigint NOT NULL CONSTRAINT fk_kept_selections_app_user_id REFERENCES app_users ON DELETE CASCADE,
    table_name text NOT NULL,
    keys bigint[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE kept_selections IS 'Records picked from a result and opened as a list of just those; forgotten after a month.';
CREATE INDEX ix_kept_selections_app_user_id_created_at ON kept_selections (app_user_id, created_at);
CREATE INDEX ix_kept_selections_tenant_id ON kept_selections (tenant_id);
"""

# What was sent and what came of it is evidence: an ended run is never rewritten, only its query may be forgotten.
ENDED = """
CREATE FUNCTION keep_sql_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'What was sent at the SQL desk is not rewritten.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER keep_sql_run BEFORE UPDATE ON sql_runs FOR EACH ROW
    WHEN (OLD.ended_at IS NOT NULL AND (to_jsonb(OLD) - '{query_id,app_user_id}'::text[])
        IS DISTINCT FROM (to_jsonb(NEW) - '{query_id,app_user_id}'::text[]))
    EXECUTE FUNCTION keep_sql_run();
"""

LEDGER = """
SELECT govern('sql_queries');
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON sql_queries TO console_app;
GRANT SELECT, INSERT ON sql_runs TO console_app;
GRANT UPDATE (outcome, why, row_count, duration_ms, permit, beat_at, stop_asked, ended_at) ON sql_runs TO console_app;
GRANT SELECT, INSERT, DELETE ON kept_selections TO console_app;
"""

# A company founded earlier: its engineers may ask as those of a new one do.
ROLES = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM roles WHERE is_system ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.sql',
            'The SQL desk came to the console: administrators may ask there', NULL, NULL, NULL, company);
        UPDATE roles SET permissions = roles.permissions || ARRAY['sql.*']
        WHERE tenant_id = company AND is_system AND key = 'admin' AND NOT roles.permissions && ARRAY['sql.*', '*.*'];
    END LOOP;
END
$$;
"""
