"""Imports: runs with their sheets, files and rows, where each record came from, and what a source and we both changed."""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    for step in (RUNS, SOURCES, RIGHTS):
        op.execute(step)


def downgrade() -> None:
    op.execute("""
        DROP TABLE source_conflicts, record_sources, import_mappings, import_sets, import_rows, import_parts,
            import_sheets, imports;
        DROP SEQUENCE import_rehearsal_numbers;
    """)


RUNS = """
CREATE TABLE imports (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_imports PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_imports_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    app_user_id bigint NOT NULL CONSTRAINT fk_imports_app_user_id REFERENCES app_users ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL DEFAULT 'file' CONSTRAINT ck_imports_kind CHECK (length(kind) BETWEEN 1 AND 40),
    source text NOT NULL CONSTRAINT ck_imports_source CHECK (length(source) BETWEEN 1 AND 80),
    title text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'draft' CONSTRAINT ck_imports_state CHECK (state IN ('draft', 'reading', 'rehearsing',
        'ready', 'applying', 'stopped', 'done', 'failed', 'cancelled')),
    why text,
    total integer NOT NULL DEFAULT 0,
    seen integer NOT NULL DEFAULT 0,
    creates integer NOT NULL DEFAULT 0,
    changes integer NOT NULL DEFAULT 0,
    already integer NOT NULL DEFAULT 0,
    conflicts integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    noted integer NOT NULL DEFAULT 0,
    applied integer NOT NULL DEFAULT 0,
    left_out integer NOT NULL DEFAULT 0,
    sha256 text CONSTRAINT ck_imports_sha256 CHECK (length(sha256) = 64),
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
COMMENT ON TABLE imports IS 'Runs that bring data in: one file, or several that belong together. Forgotten in time.';
CREATE INDEX ix_imports_app_user_id_id ON imports (app_user_id, id DESC);
CREATE INDEX ix_imports_tenant_id_id ON imports (tenant_id, id DESC);
CREATE INDEX ix_imports_expires_at ON imports (expires_at);

CREATE TABLE import_sheets (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_import_sheets PRIMARY KEY,
    import_id bigint NOT NULL CONSTRAINT fk_import_sheets_import_id REFERENCES imports ON DELETE CASCADE,
    position integer NOT NULL,
    table_name text NOT NULL,
    file_name text NOT NULL DEFAULT '',
    file_bytes bigint NOT NULL DEFAULT 0,
    file_sha256 text CONSTRAINT ck_import_sheets_file_sha256 CHECK (length(file_sha256) = 64),
    dialect jsonb NOT NULL DEFAULT '{}',
    header jsonb NOT NULL DEFAULT '[]',
    mapping jsonb NOT NULL DEFAULT '{}',
    mode text NOT NULL DEFAULT 'both' CONSTRAINT ck_import_sheets_mode CHECK (mode IN ('create', 'update', 'both')),
    key text NOT NULL DEFAULT '',
    blanks text NOT NULL DEFAULT 'leave' CONSTRAINT ck_import_sheets_blanks CHECK (blanks IN ('leave', 'clear')),
    CONSTRAINT uq_import_sheets_import_id_position UNIQUE (import_id, position)
);
COMMENT ON TABLE import_sheets IS 'One table''s rows in a run: from which file, and which column becomes which field.';

-- The file as it was sent, in pieces: the database is the one place all web processes and workers share.
CREATE TABLE import_parts (
    sheet_id bigint NOT NULL CONSTRAINT fk_import_parts_sheet_id REFERENCES import_sheets ON DELETE CASCADE,
    n integer NOT NULL,
    bytes bytea NOT NULL,
    CONSTRAINT pk_import_parts PRIMARY KEY (sheet_id, n)
);
ALTER TABLE import_parts ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE import_parts IS 'Uploaded files in pieces, kept until their rehearsal or its rows are forgotten.';

CREATE TABLE import_rows (
    sheet_id bigint NOT NULL CONSTRAINT fk_import_rows_sheet_id REFERENCES import_sheets ON DELETE CASCADE,
    n integer NOT NULL,
    row_no integer NOT NULL,
    source_key text,
    raw jsonb NOT NULL,
    given jsonb NOT NULL,
    outcome text NOT NULL DEFAULT 'waiting' CONSTRAINT ck_import_rows_outcome CHECK (outcome IN ('waiting', 'creates',
        'changes', 'conflicts', 'already', 'refused', 'applied', 'left_out')),
    todo boolean NOT NULL DEFAULT true,
    "column" text,
    why text,
    record_id bigint,
    version integer,
    before jsonb,
    after jsonb,
    later text[],
    clashes jsonb,
    CONSTRAINT pk_import_rows PRIMARY KEY (sheet_id, n)
);
COMMENT ON TABLE import_rows IS 'The rows of a run: as the file has them, as they were read, and what becomes of each.';
CREATE INDEX ix_import_rows_sheet_id_outcome_n ON import_rows (sheet_id, outcome, n);
CREATE INDEX ix_import_rows_sheet_id_todo ON import_rows (sheet_id, n) WHERE todo;
CREATE INDEX ix_import_rows_sheet_id_source_key ON import_rows (sheet_id, source_key);

CREATE TABLE import_sets (
    import_id bigint NOT NULL CONSTRAINT fk_import_sets_import_id REFERENCES imports ON DELETE CASCADE,
    change_set_id bigint NOT NULL,
    records integer NOT NULL,
    CONSTRAINT pk_import_sets PRIMARY KEY (import_id, change_set_id)
);
COMMENT ON TABLE import_sets IS 'The change sets a run made, one a batch; all but the first name the first.';
CREATE INDEX ix_import_sets_change_set_id ON import_sets (change_set_id);

-- A rehearsal takes no number of ours: it would keep the counter from everybody else until its end.
CREATE SEQUENCE import_rehearsal_numbers;

CREATE TABLE import_mappings (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_import_mappings PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_import_mappings_tenant_id REFERENCES tenants ON DELETE CASCADE,
    source text NOT NULL,
    table_name text NOT NULL,
    mapping jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT uq_import_mappings_tenant_id_source_table_name UNIQUE (tenant_id, source, table_name)
);
COMMENT ON TABLE import_mappings IS 'Which column became which field when a source was last brought in.';
"""

SOURCES = """
CREATE TABLE record_sources (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_record_sources PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_record_sources_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    source text NOT NULL,
    table_name text NOT NULL,
    source_key text NOT NULL,
    record_id bigint NOT NULL,
    raw jsonb NOT NULL,
    raw_sha256 text NOT NULL CONSTRAINT ck_record_sources_raw_sha256 CHECK (length(raw_sha256) = 64),
    said jsonb NOT NULL,
    import_id bigint CONSTRAINT fk_record_sources_import_id REFERENCES imports ON DELETE SET NULL,
    change_set_id bigint,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT uq_record_sources_key UNIQUE (tenant_id, source, table_name, source_key)
);
COMMENT ON TABLE record_sources IS 'Where a record came from: source, key and row there, and what it said last.';
CREATE INDEX ix_record_sources_table_name_record_id ON record_sources (table_name, record_id);
CREATE INDEX ix_record_sources_import_id ON record_sources (import_id);

CREATE TABLE source_conflicts (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_source_conflicts PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_source_conflicts_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    source text NOT NULL,
    table_name text NOT NULL,
    record_id bigint NOT NULL,
    "column" text NOT NULL,
    said_before jsonb,
    theirs jsonb,
    ours jsonb,
    state text NOT NULL DEFAULT 'open' CONSTRAINT ck_source_conflicts_state CHECK (state IN ('open', 'theirs', 'ours')),
    import_id bigint CONSTRAINT fk_source_conflicts_import_id REFERENCES imports ON DELETE SET NULL,
    decided_by bigint CONSTRAINT fk_source_conflicts_decided_by REFERENCES app_users ON DELETE SET NULL,
    decided_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT ck_source_conflicts_decided_at CHECK ((state = 'open') = (decided_at IS NULL))
);
COMMENT ON TABLE source_conflicts IS 'Fields a source and we both changed to different values; a person decides.';
CREATE UNIQUE INDEX uq_source_conflicts_open ON source_conflicts (tenant_id, source, table_name, record_id, "column")
    WHERE state = 'open';
CREATE INDEX ix_source_conflicts_tenant_id_state_id ON source_conflicts (tenant_id, state, id);
CREATE INDEX ix_source_conflicts_table_name_record_id ON source_conflicts (table_name, record_id);
CREATE INDEX ix_source_conflicts_import_id ON source_conflicts (import_id);
CREATE INDEX ix_source_conflicts_decided_by ON source_conflicts (decided_by);
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON imports, import_sheets, import_parts, import_rows, import_sets, import_mappings,
    record_sources, source_conflicts TO console_app;
GRANT USAGE ON SEQUENCE import_rehearsal_numbers TO console_app;
"""
