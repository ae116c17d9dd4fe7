"""Copies taken out: who took which list as a file, what was in it, and the files made in the background until they expire."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    for step in (TABLES, KEPT, RIGHTS, ROLES):
        op.execute(step)


def downgrade() -> None:
    op.execute("DROP TABLE data_export_pieces, data_export_keys, data_exports; DROP FUNCTION keep_data_export();")


TABLES = """
CREATE TABLE data_exports (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_data_exports PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_data_exports_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    app_user_id bigint CONSTRAINT fk_data_exports_app_user_id REFERENCES app_users ON DELETE RESTRICT,
    table_name text NOT NULL,
    label text NOT NULL,
    address text NOT NULL,
    filters text[] NOT NULL DEFAULT '{}',
    selected text NOT NULL CONSTRAINT ck_data_exports_selected CHECK (selected IN ('all', 'page', 'these')),
    format text NOT NULL CONSTRAINT ck_data_exports_format CHECK (format IN ('csv', 'xlsx', 'json')),
    columns text[] NOT NULL DEFAULT '{}',
    masked text[] NOT NULL DEFAULT '{}',
    own_rows boolean NOT NULL DEFAULT false,
    platform_rows boolean NOT NULL DEFAULT false,
    file_name text NOT NULL,
    in_background boolean NOT NULL DEFAULT false,
    status text NOT NULL CONSTRAINT ck_data_exports_status
        CHECK (status IN ('waiting', 'running', 'done', 'broken_off', 'failed', 'cancelled')),
    why text,
    rows_expected bigint,
    row_count bigint NOT NULL DEFAULT 0,
    byte_count bigint NOT NULL DEFAULT 0,
    sha256 text CONSTRAINT ck_data_exports_sha256 CHECK (length(sha256) = 64),
    request_id text,
    attempt integer NOT NULL DEFAULT 0,
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    expires_at timestamptz
);
COMMENT ON TABLE data_exports IS 'Manifests of every file a list was taken out as; never changed once the file is complete.';
CREATE INDEX ix_data_exports_tenant_id_created_at_id ON data_exports (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_data_exports_app_user_id_created_at_id ON data_exports (app_user_id, created_at DESC, id DESC);
CREATE INDEX ix_data_exports_open ON data_exports (beat_at) WHERE status IN ('waiting', 'running');

-- Which records a file held: keys by their upper bits, each container compressed.
CREATE TABLE data_export_keys (
    data_export_id bigint NOT NULL CONSTRAINT fk_data_export_keys_data_export_id REFERENCES data_exports ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT ck_data_export_keys_kind CHECK (kind IN ('number', 'word')),
    container bigint NOT NULL,
    held bytea NOT NULL,
    CONSTRAINT pk_data_export_keys PRIMARY KEY (data_export_id, kind, container)
);
COMMENT ON TABLE data_export_keys IS 'Which records each export held, so that one can ask who took a copy of one of them.';
CREATE INDEX ix_data_export_keys_container_kind ON data_export_keys (container, kind);
ALTER TABLE data_export_keys ALTER COLUMN held SET STORAGE EXTERNAL;

-- The files themselves, in the one place every web process and worker reaches, on however many machines they run.
CREATE TABLE data_export_pieces (
    data_export_id bigint NOT NULL CONSTRAINT fk_data_export_pieces_data_export_id REFERENCES data_exports ON DELETE CASCADE,
    number integer NOT NULL,
    piece bytea NOT NULL,
    CONSTRAINT pk_data_export_pieces PRIMARY KEY (data_export_id, number)
);
COMMENT ON TABLE data_export_pieces IS 'Files made in the background, in compressed pieces, until they expire.';
ALTER TABLE data_export_pieces ALTER COLUMN piece SET STORAGE EXTERNAL;
"""

# A manifest that could be edited afterwards would prove nothing.
KEPT = """
CREATE FUNCTION keep_data_export() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The manifest of a file that was taken out is not changed.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER keep_data_export BEFORE UPDATE ON data_exports FOR EACH ROW
    WHEN (OLD.status NOT IN ('waiting', 'running')) EXECUTE FUNCTION keep_data_export();
"""

RIGHTS = """
GRANT SELECT, INSERT ON data_exports, data_export_keys TO console_app;
GRANT UPDATE (status, why, rows_expected, row_count, byte_count, sha256, attempt, beat_at, finished_at, expires_at, file_name)
    ON data_exports TO console_app;
GRANT SELECT, INSERT, DELETE ON data_export_pieces TO console_app;
"""

# A company founded earlier: its roles get what a new company's begin with, and keep all else.
ROLES = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM roles WHERE is_system ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.exports',
            'Every file taken out has a manifest: its owner and those who watch over copies may read it', NULL, NULL, NULL,
            company);
        UPDATE roles SET permissions = ARRAY(
            SELECT DISTINCT one FROM unnest(roles.permissions || given.permissions) AS one ORDER BY one)
        FROM (VALUES
            ('admin', ARRAY['exports.*', 'exports.own', 'exports.reveal']),
            ('operations_manager', ARRAY['exports.own', 'exports.reveal']),
            ('dispatcher', ARRAY['exports.own', 'exports.reveal']),
            ('sales', ARRAY['exports.own', 'exports.reveal']),
            ('billing', ARRAY['exports.own', 'exports.reveal']),
            ('ai_operator', ARRAY['exports.own', 'exports.reveal']))
            AS given (key, permissions)
        WHERE roles.tenant_id = company AND roles.is_system AND roles.key = given.key
            AND NOT roles.permissions @> given.permissions;
    END LOOP;
END
$$;
"""
