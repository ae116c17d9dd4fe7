"""What lists need: saved views, human numbers, and the rows an import could not take."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(VERSIONS)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("DROP TABLE import_refusals, number_sequences, saved_views")


TABLES = r"""
CREATE TABLE saved_views (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_saved_views PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_saved_views_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    app_user_id bigint CONSTRAINT fk_saved_views_app_user_id REFERENCES app_users ON DELETE CASCADE,
    screen text NOT NULL,
    name text NOT NULL,
    filters jsonb NOT NULL DEFAULT '{}',
    columns text[] NOT NULL DEFAULT '{}',
    sort text[] NOT NULL DEFAULT '{}',
    is_default boolean NOT NULL DEFAULT false,
    position integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_saved_views_tenant_id_screen_app_user_id_name
        UNIQUE NULLS NOT DISTINCT (tenant_id, screen, app_user_id, name)
);
CREATE UNIQUE INDEX uq_saved_views_tenant_id_screen_app_user_id
    ON saved_views (tenant_id, screen, app_user_id) NULLS NOT DISTINCT
    WHERE is_default;
CREATE INDEX ix_saved_views_app_user_id ON saved_views (app_user_id);

CREATE TABLE number_sequences (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_number_sequences PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_number_sequences_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    kind text NOT NULL
        CONSTRAINT ck_number_sequences_kind CHECK (kind IN ('customer', 'lead', 'estimate', 'job', 'order',
            'invoice', 'credit_note', 'payment', 'subscription', 'user_task', 'board_session', 'cycle',
            'document')),
    prefix text NOT NULL DEFAULT '',
    padding integer NOT NULL DEFAULT 5,
    next_value bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_number_sequences_tenant_id_kind UNIQUE (tenant_id, kind),
    CONSTRAINT ck_number_sequences_next_value CHECK (next_value > 0 AND padding BETWEEN 1 AND 12)
);

-- What an import could not take, with file, row and reason: never forced in, never dropped silently.
CREATE TABLE import_refusals (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_import_refusals PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_import_refusals_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    source text NOT NULL,
    file text NOT NULL,
    row_no integer,
    record_key text,
    reason text NOT NULL,
    raw jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
-- The page of refusals, newest first, and those of one file.
CREATE INDEX ix_import_refusals_tenant_id_created_at_id ON import_refusals (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_import_refusals_tenant_id_source_file_row_no ON import_refusals (tenant_id, source, file, row_no);
"""

VERSIONS = """
SELECT keep_versions('saved_views');
SELECT keep_versions('number_sequences');
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON saved_views TO console_app;
GRANT SELECT, INSERT, UPDATE ON number_sequences TO console_app;
GRANT SELECT, INSERT, DELETE ON import_refusals TO console_app;
"""
