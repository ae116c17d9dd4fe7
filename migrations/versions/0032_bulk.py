"""Bulk fixes: plans that were rehearsed, the rows sealed into each with what becomes of them, and the change sets they made."""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    for step in (TABLES, RIGHTS):
        op.execute(step)


def downgrade() -> None:
    op.execute("DROP TABLE bulk_plan_sets, bulk_plan_rows, bulk_plans;")


TABLES = """
CREATE TABLE bulk_plans (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_bulk_plans PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_bulk_plans_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    app_user_id bigint NOT NULL CONSTRAINT fk_bulk_plans_app_user_id REFERENCES app_users ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    table_name text NOT NULL,
    address text NOT NULL,
    selected text NOT NULL CONSTRAINT ck_bulk_plans_selected CHECK (selected IN ('all', 'these')),
    edits jsonb,
    title text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'draft' CONSTRAINT ck_bulk_plans_state CHECK (state IN ('draft', 'rehearsing', 'ready',
        'applying', 'stopped', 'done', 'failed', 'cancelled')),
    why text,
    total integer NOT NULL,
    seen integer NOT NULL DEFAULT 0,
    changing integer NOT NULL DEFAULT 0,
    already integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    applied integer NOT NULL DEFAULT 0,
    left_out integer NOT NULL DEFAULT 0,
    effects jsonb NOT NULL DEFAULT '{}',
    sha256 text CONSTRAINT ck_bulk_plans_sha256 CHECK (length(sha256) = 64),
    rehearsed_at timestamptz,
    reason text,
    request_id text,
    ip inet,
    attempt integer NOT NULL DEFAULT 0,
    stop_asked boolean NOT NULL DEFAULT false,
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '24 hours'
);
COMMENT ON TABLE bulk_plans IS 'Fixes of many records: what was chosen, what was rehearsed, what was applied. Forgotten in time.';
CREATE INDEX ix_bulk_plans_app_user_id_id ON bulk_plans (app_user_id, id DESC);
CREATE INDEX ix_bulk_plans_tenant_id_id ON bulk_plans (tenant_id, id DESC);
CREATE INDEX ix_bulk_plans_expires_at ON bulk_plans (expires_at);

-- The selection as it was sealed, a row a record; then what the rehearsal found and what came of it. Values of hidden
-- columns are in no plan, since nobody can write them in bulk.
CREATE TABLE bulk_plan_rows (
    plan_id bigint NOT NULL CONSTRAINT fk_bulk_plan_rows_plan_id REFERENCES bulk_plans ON DELETE CASCADE,
    n integer NOT NULL,
    record_id bigint NOT NULL,
    version integer,
    outcome text NOT NULL DEFAULT 'waiting' CONSTRAINT ck_bulk_plan_rows_outcome
        CHECK (outcome IN ('waiting', 'changes', 'already', 'refused', 'applied', 'left_out')),
    kind text CONSTRAINT ck_bulk_plan_rows_kind
        CHECK (kind IN ('rule', 'state', 'permission', 'constraint', 'moved', 'gone', 'busy')),
    why text,
    before jsonb,
    after jsonb,
    given text[],
    CONSTRAINT pk_bulk_plan_rows PRIMARY KEY (plan_id, n)
) WITH (fillfactor = 70);
COMMENT ON TABLE bulk_plan_rows IS 'The records of each bulk plan with the version they were rehearsed at, before and after.';
CREATE INDEX ix_bulk_plan_rows_plan_id_outcome_n ON bulk_plan_rows (plan_id, outcome, n);

CREATE TABLE bulk_plan_sets (
    plan_id bigint NOT NULL CONSTRAINT fk_bulk_plan_sets_plan_id REFERENCES bulk_plans ON DELETE CASCADE,
    change_set_id bigint NOT NULL,
    records integer NOT NULL,
    CONSTRAINT pk_bulk_plan_sets PRIMARY KEY (plan_id, change_set_id)
);
COMMENT ON TABLE bulk_plan_sets IS 'The change sets a bulk plan made, one a batch; all but the first name the first.';
CREATE INDEX ix_bulk_plan_sets_change_set_id ON bulk_plan_sets (change_set_id);
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON bulk_plans, bulk_plan_rows, bulk_plan_sets TO console_app;
"""
