"""The atlas: what the worker read of every table over time, and the survey that the list of all tables shows."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("DROP TABLE atlas_surveys, atlas_entries, table_readings")


# Nothing here belongs to a company: it is about the database, theirs and ours alike. Only what changed is read in anew,
# so that a table nobody writes costs a row a day.
TABLES = r"""
CREATE TABLE table_readings (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_table_readings PRIMARY KEY,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    rows_estimate bigint,
    bytes bigint,
    inserts bigint NOT NULL DEFAULT 0,
    updates bigint NOT NULL DEFAULT 0,
    deletes bigint NOT NULL DEFAULT 0,
    seq_scans bigint NOT NULL DEFAULT 0,
    idx_scans bigint NOT NULL DEFAULT 0,
    is_empty boolean,
    newest_at timestamptz,
    newest_from text,
    highest_key numeric(40,0),
    fault text,
    probes bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE table_readings IS 'Counters and newest rows of every table, read by the worker; kept for three weeks.';
COMMENT ON COLUMN table_readings.probes IS 'How often the console itself has read this table, to be taken off its reads.';
CREATE INDEX ix_table_readings_schema_name_table_name_taken_at ON table_readings (schema_name, table_name, taken_at DESC);
CREATE INDEX ix_table_readings_taken_at_id ON table_readings (taken_at, id);

CREATE TABLE atlas_entries (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_atlas_entries PRIMARY KEY,
    qualified text NOT NULL CONSTRAINT uq_atlas_entries_qualified UNIQUE,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    domain text NOT NULL,
    kind text NOT NULL CONSTRAINT ck_atlas_entries_kind
        CHECK (kind IN ('table', 'partitioned', 'partition', 'view', 'matview', 'foreign')),
    verdict text NOT NULL CONSTRAINT ck_atlas_entries_verdict
        CHECK (verdict IN ('live', 'quiet', 'empty', 'look_alike', 'broken')),
    evidence text NOT NULL,
    about text,
    rows_estimate bigint,
    bytes bigint,
    column_count integer NOT NULL DEFAULT 0,
    last_write_at timestamptz,
    last_write_from text,
    writes_per_day numeric(14,1),
    reads bigint,
    refs_out integer NOT NULL DEFAULT 0,
    refs_in integer NOT NULL DEFAULT 0,
    unused_indexes integer NOT NULL DEFAULT 0,
    missing_indexes integer NOT NULL DEFAULT 0,
    look_alikes text[] NOT NULL DEFAULT '{}',
    is_declared boolean NOT NULL DEFAULT false,
    is_governed boolean NOT NULL DEFAULT false,
    is_ours boolean NOT NULL DEFAULT false,
    is_readable boolean NOT NULL DEFAULT false,
    automations integer NOT NULL DEFAULT 0,
    shown_on text,
    owner text,
    extension text,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    surveyed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE atlas_entries IS
    'Every table of the database as last surveyed; computed, and computed again when the schema changes.';
CREATE INDEX ix_atlas_entries_verdict ON atlas_entries (verdict);

CREATE TABLE atlas_surveys (
    id integer CONSTRAINT pk_atlas_surveys PRIMARY KEY CONSTRAINT ck_atlas_surveys_one CHECK (id = 1),
    signature text NOT NULL,
    surveyed_at timestamptz NOT NULL,
    read_at timestamptz
);
COMMENT ON TABLE atlas_surveys IS
    'When the atlas was last computed, for which state of the schema, from readings of which moment.';
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON table_readings, atlas_entries, atlas_surveys TO console_app;
"""
