"""Audits: the reports of what this platform really has, built, reaches, uses and runs; kept as they were taken."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    schema = op.get_context().version_table_schema or "public"
    quoted = op.get_bind().dialect.identifier_preparer.quote_identifier(schema)
    for step in (TABLE, KEPT, PRUNING, RIGHTS):
        op.execute(step.replace("{here}", quoted))


def downgrade() -> None:
    op.execute("DROP FUNCTION prune_audits(); DROP TABLE system_audits; DROP FUNCTION keep_audit();")


# The figures stand beside the report, so that the list of reports and a line over time need not open one.
TABLE = """
CREATE TABLE system_audits (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_system_audits PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_system_audits_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    trigger text NOT NULL CONSTRAINT ck_system_audits_trigger CHECK (trigger IN ('nightly', 'manual')),
    taken_by bigint CONSTRAINT fk_system_audits_taken_by REFERENCES app_users ON DELETE RESTRICT,
    revision text NOT NULL,
    took_ms integer,
    tables_live integer NOT NULL DEFAULT 0,
    tables_quiet integer NOT NULL DEFAULT 0,
    tables_empty integer NOT NULL DEFAULT 0,
    tables_look_alike integer NOT NULL DEFAULT 0,
    tables_broken integer NOT NULL DEFAULT 0,
    features_built integer NOT NULL DEFAULT 0,
    features_reachable integer NOT NULL DEFAULT 0,
    features_used integer NOT NULL DEFAULT 0,
    jobs_declared integer NOT NULL DEFAULT 0,
    jobs_failing integer NOT NULL DEFAULT 0,
    operations_declared integer,
    operations_answering integer,
    report jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE system_audits IS 'Reports of the system audit; never changed once kept, thinned out with age.';
CREATE INDEX ix_system_audits_tenant_id_taken_at_id ON system_audits (tenant_id, taken_at DESC, id DESC);
CREATE INDEX ix_system_audits_taken_by ON system_audits (taken_by);
"""

# A report that could be edited afterwards would prove nothing.
KEPT = """
CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A kept audit report is not changed; run a new audit.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER keep_audit BEFORE UPDATE ON system_audits FOR EACH ROW EXECUTE FUNCTION keep_audit();
"""

# Every report for sixty days, then the last one of each week for two years, then the last of each month.
PRUNING = """
CREATE FUNCTION prune_audits() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    WITH gone AS (
        DELETE FROM {here}.system_audits a
        USING {here}.system_audits b
        WHERE a.tenant_id = b.tenant_id AND b.taken_at > a.taken_at
          AND a.taken_at < clock_timestamp() - interval '60 days'
          AND CASE WHEN a.taken_at < clock_timestamp() - interval '2 years'
              THEN date_trunc('month', a.taken_at) = date_trunc('month', b.taken_at)
              ELSE date_trunc('week', a.taken_at) = date_trunc('week', b.taken_at) END
        RETURNING a.id
    )
    SELECT count(DISTINCT id)::integer FROM gone
$$;
REVOKE ALL ON FUNCTION prune_audits() FROM PUBLIC;
"""

RIGHTS = """
GRANT SELECT, INSERT ON system_audits TO console_app;
GRANT EXECUTE ON FUNCTION prune_audits() TO console_app;
"""
