"""Undo at any size: sets that were applied together, undos that are under way, and the ways by which the history is searched."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    quoted = op.get_bind().dialect.identifier_preparer.quote_identifier(schema)
    for step in (GROUPS, WAYS, RUNS, RIGHTS):
        op.execute(step.replace("{here}", quoted))


def downgrade() -> None:
    op.execute("""
        DROP TABLE undo_left, undo_runs;
        DROP INDEX ix_change_entries_table_name_change_set_id, ix_change_entries_table_name_id_deleted,
            ix_change_entries_id_deleted, ix_change_sets_tenant_id_id, ix_change_sets_app_user_id_id,
            ix_change_sets_tenant_id_channel_id, ix_change_sets_api_key_id_id;
        ALTER TABLE change_sets DROP COLUMN group_id;
    """)
    schema = op.get_context().version_table_schema
    quoted = op.get_bind().dialect.identifier_preparer.quote_identifier(schema)
    op.execute(UNGROUPED.replace("{here}", quoted))


# What is applied in batches is several sets, each whole by itself. All but the first name the first. Sets of before have
# none, and a digest leaves out what a set does not say, so no seal is touched.
GROUPS = """
ALTER TABLE change_sets ADD COLUMN group_id bigint
    CONSTRAINT fk_change_sets_group_id REFERENCES change_sets ON DELETE RESTRICT;
COMMENT ON COLUMN change_sets.group_id IS 'The first of the sets that were applied together in batches, on all the others.';
CREATE INDEX ix_change_sets_group_id_id ON change_sets (group_id, id) WHERE group_id IS NOT NULL;

DROP FUNCTION open_change_set;
CREATE FUNCTION open_change_set(
    actor_type text,
    app_user_id bigint,
    channel text,
    action text DEFAULT NULL,
    reason text DEFAULT NULL,
    request_id text DEFAULT NULL,
    ip inet DEFAULT NULL,
    undoes_id bigint DEFAULT NULL,
    tenant_id bigint DEFAULT NULL,
    agent_id bigint DEFAULT NULL,
    api_key_id bigint DEFAULT NULL,
    impersonator_id bigint DEFAULT NULL,
    group_id bigint DEFAULT NULL
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    opened bigint;
BEGIN
    INSERT INTO {here}.change_sets (actor_type, app_user_id, channel, action, reason, request_id, ip, undoes_id,
        tenant_id, agent_id, api_key_id, impersonator_id, group_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, 0), $10, $11, $12, $13)
    RETURNING id INTO opened;
    PERFORM set_config('console.change_set', opened::text, true);
    RETURN opened;
END
$$;
REVOKE ALL ON FUNCTION open_change_set FROM PUBLIC;
"""

UNGROUPED = """
DROP FUNCTION open_change_set;
CREATE FUNCTION open_change_set(
    actor_type text,
    app_user_id bigint,
    channel text,
    action text DEFAULT NULL,
    reason text DEFAULT NULL,
    request_id text DEFAULT NULL,
    ip inet DEFAULT NULL,
    undoes_id bigint DEFAULT NULL,
    tenant_id bigint DEFAULT NULL,
    agent_id bigint DEFAULT NULL,
    api_key_id bigint DEFAULT NULL,
    impersonator_id bigint DEFAULT NULL
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    opened bigint;
BEGIN
    INSERT INTO {here}.change_sets (actor_type, app_user_id, channel, action, reason, request_id, ip, undoes_id,
        tenant_id, agent_id, api_key_id, impersonator_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, 0), $10, $11, $12)
    RETURNING id INTO opened;
    PERFORM set_config('console.change_set', opened::text, true);
    RETURN opened;
END
$$;
REVOKE ALL ON FUNCTION open_change_set FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_change_set TO console_app;
"""

# The history is read newest first, by the number of the set: of a company, a person, a key, a channel, a table; and what
# was deleted, of a table and in all. The numbers of one set stand side by side, so such an index stays small.
WAYS = """
CREATE INDEX ix_change_sets_tenant_id_id ON change_sets (tenant_id, id DESC);
CREATE INDEX ix_change_sets_app_user_id_id ON change_sets (app_user_id, id DESC) WHERE app_user_id IS NOT NULL;
CREATE INDEX ix_change_sets_api_key_id_id ON change_sets (api_key_id, id DESC) WHERE api_key_id IS NOT NULL;
CREATE INDEX ix_change_sets_tenant_id_channel_id ON change_sets (tenant_id, channel, id DESC);
CREATE INDEX ix_change_entries_table_name_change_set_id ON change_entries (table_name, change_set_id);
CREATE INDEX ix_change_entries_table_name_id_deleted ON change_entries (table_name, id DESC) WHERE operation = 'delete';
CREATE INDEX ix_change_entries_id_deleted ON change_entries (id DESC) WHERE operation = 'delete';
"""

# An undo too large to wait for. Each batch is a change set of its own and moves `at_set` and `at_entry` in the same
# transaction, so that whoever goes on, after a stop or a crash, goes on exactly there.
RUNS = """
CREATE TABLE undo_runs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_undo_runs PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_undo_runs_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    app_user_id bigint NOT NULL CONSTRAINT fk_undo_runs_app_user_id REFERENCES app_users ON DELETE RESTRICT,
    change_set_id bigint NOT NULL CONSTRAINT fk_undo_runs_change_set_id REFERENCES change_sets ON DELETE RESTRICT,
    set_ids bigint[] NOT NULL,
    reason text NOT NULL,
    request_id text,
    status text NOT NULL DEFAULT 'waiting'
        CONSTRAINT ck_undo_runs_status CHECK (status IN ('waiting', 'running', 'done', 'stopped', 'failed')),
    why text,
    attempt integer NOT NULL DEFAULT 0,
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    entries bigint NOT NULL DEFAULT 0,
    at_set integer NOT NULL DEFAULT 0,
    at_entry bigint,
    entries_done bigint NOT NULL DEFAULT 0,
    records_restored bigint NOT NULL DEFAULT 0,
    records_left bigint NOT NULL DEFAULT 0,
    group_id bigint CONSTRAINT fk_undo_runs_group_id REFERENCES change_sets ON DELETE RESTRICT
);
COMMENT ON TABLE undo_runs IS 'Undos of large changes: how far each is, what it restored and what it left alone.';
COMMENT ON COLUMN undo_runs.set_ids IS 'The sets to undo, the last one first.';
COMMENT ON COLUMN undo_runs.at_set IS 'How many of them are undone already; at_entry: down to which entry the next one is.';
COMMENT ON COLUMN undo_runs.group_id IS 'The first change set this undo wrote; the others name it.';
CREATE INDEX ix_undo_runs_tenant_id_id ON undo_runs (tenant_id, id DESC);
CREATE INDEX ix_undo_runs_app_user_id ON undo_runs (app_user_id);
CREATE INDEX ix_undo_runs_change_set_id ON undo_runs (change_set_id);
CREATE INDEX ix_undo_runs_group_id ON undo_runs (group_id) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX uq_undo_runs_open ON undo_runs (change_set_id) WHERE status IN ('waiting', 'running');

CREATE TABLE undo_left (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_undo_left PRIMARY KEY,
    undo_run_id bigint NOT NULL CONSTRAINT fk_undo_left_undo_run_id REFERENCES undo_runs ON DELETE CASCADE,
    table_name text NOT NULL,
    record_id text NOT NULL,
    field text,
    why text NOT NULL
);
COMMENT ON TABLE undo_left IS 'What each large undo left as it is, by record and field, and why.';
CREATE INDEX ix_undo_left_undo_run_id_id ON undo_left (undo_run_id, id);
"""

RIGHTS = """
GRANT EXECUTE ON FUNCTION open_change_set TO console_app;
GRANT SELECT, INSERT, UPDATE ON undo_runs TO console_app;
GRANT SELECT, INSERT ON undo_left TO console_app;
"""
