"""Data quality: what is at stake in a problem, rules made on the screen, and how the looks at each rule went."""

from __future__ import annotations

from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.execute(FINDINGS)
    op.execute(TABLES)
    op.execute("SELECT govern('quality_rules'); SELECT keep_versions('quality_rules')")
    op.execute(RIGHTS)
    op.execute(ROLES)


def downgrade() -> None:
    op.execute("SELECT ungovern('quality_rules')")
    op.execute("DROP TABLE quality_rules, quality_looks")
    op.execute("DROP INDEX ix_data_quality_findings_tenant_id_rule_key_open, ix_data_quality_findings_rule_key_subject")
    op.execute("DROP TRIGGER keep_version ON data_quality_findings")
    op.execute("ALTER TABLE data_quality_findings DROP COLUMN amount, DROP COLUMN currency, DROP COLUMN note")
    op.execute("SELECT keep_versions('data_quality_findings')")


FINDINGS = """
ALTER TABLE data_quality_findings ADD COLUMN amount numeric(14,2), ADD COLUMN currency char(3)
        CONSTRAINT ck_data_quality_findings_currency CHECK (currency ~ '^[A-Z]{3}$'),
    ADD COLUMN note text;
COMMENT ON COLUMN data_quality_findings.amount IS 'Money at stake while the problem stands.';
COMMENT ON COLUMN data_quality_findings.note IS 'Why it still stands after somebody tried to put it right.';
SELECT keep_versions('data_quality_findings');
CREATE INDEX ix_data_quality_findings_tenant_id_rule_key_open ON data_quality_findings (tenant_id, rule_key)
    WHERE status = 'open';
CREATE INDEX ix_data_quality_findings_rule_key_subject
    ON data_quality_findings (tenant_id, rule_key, subject_type, subject_id);
"""

TABLES = """
CREATE TABLE quality_rules (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_quality_rules PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_quality_rules_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    title text NOT NULL CONSTRAINT ck_quality_rules_title CHECK (btrim(title) <> ''),
    about text,
    table_name text NOT NULL,
    conditions text NOT NULL CONSTRAINT ck_quality_rules_conditions CHECK (btrim(conditions) <> ''),
    severity text NOT NULL DEFAULT 'warn'
        CONSTRAINT ck_quality_rules_severity CHECK (severity IN ('info', 'warn', 'critical')),
    owner_id bigint CONSTRAINT fk_quality_rules_owner_id REFERENCES app_users ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_quality_rules_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_quality_rules_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz
);
COMMENT ON TABLE quality_rules IS 'Rules made on the data-quality page: the conditions of a list that should be empty.';
CREATE INDEX ix_quality_rules_tenant_id_title_id ON quality_rules (tenant_id, title, id);
CREATE INDEX ix_quality_rules_owner_id ON quality_rules (owner_id);
CREATE INDEX ix_quality_rules_created_by ON quality_rules (created_by);
CREATE INDEX ix_quality_rules_updated_by ON quality_rules (updated_by);

CREATE TABLE quality_looks (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_quality_looks PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_quality_looks_tenant_id REFERENCES tenants ON DELETE CASCADE,
    rule_key text NOT NULL,
    state text NOT NULL DEFAULT 'idle' CONSTRAINT ck_quality_looks_state CHECK (state IN ('idle', 'queued', 'running')),
    begun_at timestamptz,
    looked_at timestamptz,
    whole_at timestamptz,
    took_ms integer,
    found bigint NOT NULL DEFAULT 0,
    error text,
    error_at timestamptz,
    owner_id bigint CONSTRAINT fk_quality_looks_owner_id REFERENCES app_users ON DELETE SET NULL,
    CONSTRAINT uq_quality_looks_tenant_id_rule_key UNIQUE (tenant_id, rule_key)
);
COMMENT ON TABLE quality_looks IS 'Of each data rule in each company: when it was last looked at, how that went, who works it.';
CREATE INDEX ix_quality_looks_owner_id ON quality_looks (owner_id);
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE ON quality_rules, quality_looks TO console_app;
"""

# A company founded earlier: whoever plans crews or sells works the queues of their own records, as those of a new one do.
ROLES = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM roles WHERE is_system ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.quality',
            'Data quality came to the console: who plans crews or sells works the queues of their records', NULL, NULL,
            NULL, company);
        UPDATE roles SET permissions = roles.permissions || ARRAY['dq.read', 'dq.fix']
        WHERE tenant_id = company AND is_system AND key IN ('dispatcher', 'sales')
            AND NOT roles.permissions && ARRAY['dq.read', 'dq.*', '*.*'];
    END LOOP;
END
$$;
"""
