"""Duplicates and merging: what is compared of each record, pairs that may be one, answers that they are not, merges planned."""

from __future__ import annotations

from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    for step in (INTO, TABLES, LEDGER, INVOICES, RIGHTS):
        op.execute(step)


def downgrade() -> None:
    op.execute(FROZEN)
    op.execute("""
        SELECT ungovern('not_duplicates');
        DROP TABLE merge_groups, merge_runs, not_duplicates, duplicate_pairs, duplicate_keys, duplicate_records,
            duplicate_scopes;
        ALTER TABLE contacts DROP COLUMN merged_into_id;
        ALTER TABLE properties DROP COLUMN merged_into_id;
        ALTER TABLE leads DROP COLUMN merged_into_id;
    """)


# As customers have had it from the beginning.
INTO = """
ALTER TABLE contacts ADD COLUMN merged_into_id bigint
    CONSTRAINT fk_contacts_merged_into_id REFERENCES contacts ON DELETE SET NULL
    CONSTRAINT ck_contacts_merged_into_id CHECK (merged_into_id <> id);
ALTER TABLE properties ADD COLUMN merged_into_id bigint
    CONSTRAINT fk_properties_merged_into_id REFERENCES properties ON DELETE SET NULL
    CONSTRAINT ck_properties_merged_into_id CHECK (merged_into_id <> id);
ALTER TABLE leads ADD COLUMN merged_into_id bigint
    CONSTRAINT fk_leads_merged_into_id REFERENCES leads ON DELETE SET NULL
    CONSTRAINT ck_leads_merged_into_id CHECK (merged_into_id <> id);
CREATE INDEX ix_contacts_merged_into_id ON contacts (merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX ix_properties_merged_into_id ON properties (merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX ix_leads_merged_into_id ON leads (merged_into_id) WHERE merged_into_id IS NOT NULL;
"""

TABLES = """
CREATE TABLE duplicate_scopes (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_duplicate_scopes PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_duplicate_scopes_tenant_id REFERENCES tenants ON DELETE CASCADE,
    table_name text NOT NULL,
    rules integer NOT NULL DEFAULT 0,
    -- Records changed up to here have been read.
    read_to timestamptz,
    state text NOT NULL DEFAULT 'idle' CONSTRAINT ck_duplicate_scopes_state CHECK (state IN ('idle', 'looking', 'failed')),
    why text,
    attempt integer NOT NULL DEFAULT 0,
    began_at timestamptz,
    beat_at timestamptz,
    ended_at timestamptz,
    records_read bigint NOT NULL DEFAULT 0,
    pairs_weighed bigint NOT NULL DEFAULT 0,
    CONSTRAINT uq_duplicate_scopes_tenant_id_table_name UNIQUE (tenant_id, table_name)
);
COMMENT ON TABLE duplicate_scopes IS 'How far each table of each company has been looked through for duplicates.';

-- What is compared of each record, as it is compared.
CREATE TABLE duplicate_records (
    scope_id bigint NOT NULL CONSTRAINT fk_duplicate_records_scope_id REFERENCES duplicate_scopes ON DELETE CASCADE,
    record_id bigint NOT NULL,
    basis bytea NOT NULL,
    fresh boolean NOT NULL DEFAULT true,
    name text NOT NULL,
    phones text NOT NULL,
    emails text NOT NULL,
    street text NOT NULL,
    postal text NOT NULL,
    city text NOT NULL,
    beside text NOT NULL,
    CONSTRAINT pk_duplicate_records PRIMARY KEY (scope_id, record_id)
);
COMMENT ON TABLE duplicate_records IS 'What is compared of each record when duplicates are looked for; made anew at will.';
CREATE INDEX ix_duplicate_records_fresh ON duplicate_records (scope_id, record_id) WHERE fresh;

CREATE TABLE duplicate_keys (
    scope_id bigint NOT NULL CONSTRAINT fk_duplicate_keys_scope_id REFERENCES duplicate_scopes ON DELETE CASCADE,
    key bigint NOT NULL,
    record_id bigint NOT NULL
);
COMMENT ON TABLE duplicate_keys IS 'Digests of single traits; records that share one are weighed against each other.';
CREATE INDEX ix_duplicate_keys_scope_id_key ON duplicate_keys (scope_id, key) INCLUDE (record_id);
CREATE INDEX ix_duplicate_keys_scope_id_record_id ON duplicate_keys (scope_id, record_id);

CREATE TABLE duplicate_pairs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_duplicate_pairs PRIMARY KEY,
    scope_id bigint NOT NULL CONSTRAINT fk_duplicate_pairs_scope_id REFERENCES duplicate_scopes ON DELETE CASCADE,
    left_id bigint NOT NULL,
    right_id bigint NOT NULL,
    score numeric(4,3) NOT NULL CONSTRAINT ck_duplicate_pairs_score CHECK (score BETWEEN 0 AND 1),
    why text[] NOT NULL,
    exact boolean NOT NULL,
    -- Of both records, what the score rests on.
    basis bytea NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT ck_duplicate_pairs_order CHECK (left_id < right_id),
    CONSTRAINT uq_duplicate_pairs_scope_id_left_id_right_id UNIQUE (scope_id, left_id, right_id)
);
COMMENT ON TABLE duplicate_pairs IS 'Two records that may be one and the same, how alike they are and by what.';
CREATE INDEX ix_duplicate_pairs_scope_id_score_id ON duplicate_pairs (scope_id, score DESC, id);
CREATE INDEX ix_duplicate_pairs_scope_id_right_id ON duplicate_pairs (scope_id, right_id);

CREATE TABLE not_duplicates (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_not_duplicates PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_not_duplicates_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    table_name text NOT NULL,
    left_id bigint NOT NULL,
    right_id bigint NOT NULL,
    basis text NOT NULL,
    reason text CONSTRAINT ck_not_duplicates_reason CHECK (length(reason) <= 1000),
    decided_by bigint CONSTRAINT fk_not_duplicates_decided_by REFERENCES app_users ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_not_duplicates_order CHECK (left_id < right_id),
    CONSTRAINT uq_not_duplicates_table_name_left_id_right_id UNIQUE (tenant_id, table_name, left_id, right_id)
);
COMMENT ON TABLE not_duplicates IS 'Answers that two records are not the same, by whom and why; until they change.';
CREATE INDEX ix_not_duplicates_decided_by ON not_duplicates (decided_by);
CREATE INDEX ix_not_duplicates_tenant_id_table_name_id ON not_duplicates (tenant_id, table_name, id DESC);

CREATE TABLE merge_runs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_merge_runs PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_merge_runs_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    app_user_id bigint NOT NULL CONSTRAINT fk_merge_runs_app_user_id REFERENCES app_users ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    table_name text NOT NULL,
    state text NOT NULL DEFAULT 'rehearsing' CONSTRAINT ck_merge_runs_state
        CHECK (state IN ('rehearsing', 'ready', 'applying', 'stopped', 'done', 'failed', 'cancelled')),
    why text,
    total integer NOT NULL,
    seen integer NOT NULL DEFAULT 0,
    merged integer NOT NULL DEFAULT 0,
    left_out integer NOT NULL DEFAULT 0,
    sha256 text CONSTRAINT ck_merge_runs_sha256 CHECK (length(sha256) = 64),
    reason text,
    request_id text,
    ip inet,
    attempt integer NOT NULL DEFAULT 0,
    stop_asked boolean NOT NULL DEFAULT false,
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '24 hours'
);
COMMENT ON TABLE merge_runs IS 'Merges too many to wait for: rehearsed by the worker, then applied as they were shown.';
CREATE INDEX ix_merge_runs_app_user_id_id ON merge_runs (app_user_id, id DESC);
CREATE INDEX ix_merge_runs_tenant_id_id ON merge_runs (tenant_id, id DESC);
CREATE INDEX ix_merge_runs_expires_at ON merge_runs (expires_at);

CREATE TABLE merge_groups (
    run_id bigint NOT NULL CONSTRAINT fk_merge_groups_run_id REFERENCES merge_runs ON DELETE CASCADE,
    n integer NOT NULL,
    kept_id bigint NOT NULL,
    other_ids bigint[] NOT NULL,
    choices jsonb NOT NULL DEFAULT '{}',
    outcome text NOT NULL DEFAULT 'waiting' CONSTRAINT ck_merge_groups_outcome
        CHECK (outcome IN ('waiting', 'merges', 'refused', 'merged', 'left_out')),
    why text,
    moves integer NOT NULL DEFAULT 0,
    sha256 text,
    change_set_id bigint,
    CONSTRAINT pk_merge_groups PRIMARY KEY (run_id, n)
);
COMMENT ON TABLE merge_groups IS 'The records each planned merge makes one, and what came of it.';
CREATE INDEX ix_merge_groups_run_id_outcome_n ON merge_groups (run_id, outcome, n);
"""

LEDGER = "SELECT govern('not_duplicates')"

# Whom an invoice was billed to stands in its snapshot and does not change. Which of our records that customer is may, when
# two of them turn out to be one: by a merge the ledger knows as such, and by taking that back.
INVOICES = """
CREATE OR REPLACE FUNCTION refuse_changed_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.customer_id IS DISTINCT FROM NEW.customer_id
            AND ROW (OLD.finalized_at, OLD.number, OLD.kind, OLD.credit_of_id, OLD.issue_date, OLD.currency, OLD.subtotal,
                OLD.discount_total, OLD.tax_total, OLD.total, OLD.retainage_pct, OLD.retainage_withheld, OLD.billing_snapshot)
            IS NOT DISTINCT FROM ROW (NEW.finalized_at, NEW.number, NEW.kind, NEW.credit_of_id, NEW.issue_date, NEW.currency,
                NEW.subtotal, NEW.discount_total, NEW.tax_total, NEW.total, NEW.retainage_pct, NEW.retainage_withheld,
                NEW.billing_snapshot)
            AND EXISTS (
                SELECT FROM change_sets AS s WHERE s.id = nullif(current_setting('console.change_set', true), '')::bigint
                    AND s.xid = pg_current_xact_id() AND (s.action = 'customer.merge' OR s.undoes_id IS NOT NULL)
            )
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'Invoice % is finalised: its amounts do not change. Correct it with a credit note.',
        coalesce(OLD.number, OLD.id::text) USING ERRCODE = 'restrict_violation';
END
$$;
"""

FROZEN = """
CREATE OR REPLACE FUNCTION refuse_changed_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Invoice % is finalised: its amounts do not change. Correct it with a credit note.',
        coalesce(OLD.number, OLD.id::text) USING ERRCODE = 'restrict_violation';
END
$$;
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON duplicate_scopes, duplicate_records, duplicate_keys, duplicate_pairs, not_duplicates,
    merge_runs, merge_groups TO console_app;
"""
