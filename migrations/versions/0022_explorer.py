"""The explorer: which tables nobody declared may be edited, what their columns hold, and the ledger over any table and key."""

from __future__ import annotations

from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    schema = str(op.get_context().version_table_schema)
    quoted = op.get_bind().dialect.identifier_preparer.quote_identifier(schema)
    literal = "'" + schema.replace("'", "''") + "'"
    for step in (TABLES, RECORDING, GOVERNING, RIGHTS):
        op.execute(step.replace("{here}", quoted).replace("{ours}", literal))
    _read_everything()


def _read_everything() -> None:
    """Where this login may, let the application read every table there is, which is what the explorer is for.

    Where it may not, the explorer names the GRANT that is missing on the table somebody wants to see.
    """
    try:
        with op.get_bind().begin_nested():
            op.execute("GRANT pg_read_all_data TO console_app")
    except DBAPIError:
        return


def downgrade() -> None:
    op.execute("""
        SELECT ungovern_foreign(format('%I.%I', schema_name, table_name)::regclass)
        FROM governed_tables WHERE schema_name <> current_schema() AND keys IS NOT NULL;
        DROP FUNCTION govern_foreign(regclass, text[]), ungovern_foreign(regclass),
            record_here(regclass, text, text, jsonb, jsonb, text[]), record_foreign_changes(), record_foreign_truncate(),
            record_key(jsonb, text[]), ledger_text(anyelement);
        ALTER TABLE governed_tables DROP COLUMN keys, DROP COLUMN since_entry;
        SELECT ungovern('explorer_tables'); SELECT ungovern('explorer_columns');
        DROP TABLE explorer_tables, explorer_columns;
    """)


TABLES = """
-- What was decided about a table nobody declared: whether it is open for editing, and that the ledger was attached to it.
CREATE TABLE explorer_tables (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_explorer_tables PRIMARY KEY,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    editing_reason text,
    editing_by bigint CONSTRAINT fk_explorer_tables_editing_by REFERENCES app_users ON DELETE RESTRICT,
    editing_at timestamptz,
    governed_reason text,
    governed_by bigint CONSTRAINT fk_explorer_tables_governed_by REFERENCES app_users ON DELETE RESTRICT,
    governed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_explorer_tables_schema_name_table_name UNIQUE (schema_name, table_name),
    -- Nobody opens a table without a reason.
    CONSTRAINT ck_explorer_tables_editing CHECK (editing_at IS NULL OR editing_reason <> '')
);
CREATE INDEX ix_explorer_tables_editing_by ON explorer_tables (editing_by);
CREATE INDEX ix_explorer_tables_governed_by ON explorer_tables (governed_by);

-- What a column holds, once somebody has looked: anybody may see it, personal data, or a secret nobody sees.
CREATE TABLE explorer_columns (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_explorer_columns PRIMARY KEY,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    class text NOT NULL CONSTRAINT ck_explorer_columns_class CHECK (class IN ('open', 'personal', 'secret')),
    classified_by bigint CONSTRAINT fk_explorer_columns_classified_by REFERENCES app_users ON DELETE RESTRICT,
    classified_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_explorer_columns_schema_name_table_name_column_name UNIQUE (schema_name, table_name, column_name)
);
CREATE INDEX ix_explorer_columns_classified_by ON explorer_columns (classified_by);
SELECT govern('explorer_tables');
SELECT govern('explorer_columns');

ALTER TABLE governed_tables
    -- The columns by which the ledger names a record, where that is not "id".
    ADD COLUMN keys text[],
    -- Entries up to this one were made before the table was governed, and do not tell its whole story.
    ADD COLUMN since_entry bigint NOT NULL DEFAULT 0;
"""

# The same as record_changes, for tables with keys of their own. It stands apart so that ours, which are written all the
# time, keep their short way.
RECORDING = """
-- One column of a key as the ledger writes it: what jsonb makes of it, in UTC.
CREATE FUNCTION ledger_text(value anyelement) RETURNS text LANGUAGE sql STABLE SET search_path = '' SET timezone = 'UTC' AS $$
    SELECT to_jsonb(value) #>> '{}'
$$;

CREATE FUNCTION record_key(record jsonb, keys text[]) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT CASE WHEN cardinality(keys) = 1 THEN record ->> keys[1]
        ELSE (SELECT jsonb_agg(record ->> k ORDER BY n)::text FROM unnest(keys) WITH ORDINALITY AS key(k, n)) END
$$;

CREATE FUNCTION record_foreign_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET timezone = 'UTC' AS $$
DECLARE
    table_label CONSTANT text := TG_ARGV[0];
    keys CONSTANT text[] := TG_ARGV[1];
    secrets CONSTANT text[] := TG_ARGV[2];
    set_id bigint;
    opened_here boolean := false;
    written integer;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM new_rows LIMIT 1;
    ELSE
        PERFORM FROM old_rows LIMIT 1;
    END IF;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM {here}.governed_tables AS g
        WHERE g.schema_name = TG_TABLE_SCHEMA AND g.table_name = TG_TABLE_NAME) THEN
        RETURN NULL;
    END IF;
    SELECT id INTO set_id FROM {here}.change_sets
    WHERE id = nullif(current_setting('console.change_set', true), '')::bigint
        AND xid = pg_current_xact_id() AND seal_no IS NULL;
    IF NOT FOUND THEN
        INSERT INTO {here}.change_sets (actor_type, channel) VALUES ('outside', 'outside') RETURNING id INTO set_id;
        PERFORM set_config('console.change_set', set_id::text, true);
        opened_here := true;
    END IF;

    IF TG_OP = 'INSERT' THEN
        INSERT INTO {here}.change_entries (change_set_id, table_name, record_id, operation, after)
        SELECT set_id, table_label, {here}.record_key(r.now, keys), 'insert', {here}.masked(r.now, secrets)
        FROM (SELECT to_jsonb(n) AS now FROM new_rows AS n OFFSET 0) AS r;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {here}.change_entries (change_set_id, table_name, record_id, operation, before)
        SELECT set_id, table_label, {here}.record_key(r.was, keys), 'delete', {here}.masked(r.was, secrets)
        FROM (SELECT to_jsonb(o) AS was FROM old_rows AS o OFFSET 0) AS r;
    ELSE
        INSERT INTO {here}.change_entries (change_set_id, table_name, record_id, operation, before, after)
        SELECT set_id, table_label, coalesce(d.new_key, d.old_key),
            CASE WHEN d.was IS NULL THEN 'insert' WHEN d.now IS NULL THEN 'delete' ELSE 'update' END,
            {here}.masked(d.was - d.same, secrets), {here}.masked(d.now - d.same, secrets)
        FROM (
            SELECT r.*, ARRAY(SELECT c.key FROM jsonb_each(r.was) AS c WHERE c.value = r.now -> c.key) AS same
            FROM (
                SELECT o.was, n.now, o.key AS old_key, n.key AS new_key
                FROM (SELECT to_jsonb(x) AS was, {here}.record_key(to_jsonb(x), keys) AS key
                    FROM old_rows AS x OFFSET 0) AS o
                FULL JOIN (SELECT to_jsonb(x) AS now, {here}.record_key(to_jsonb(x), keys) AS key
                    FROM new_rows AS x OFFSET 0) AS n
                ON n.key = o.key
            ) AS r
            WHERE r.was IS DISTINCT FROM r.now
        ) AS d;
    END IF;
    GET DIAGNOSTICS written = ROW_COUNT;

    IF written > 0 THEN
        UPDATE {here}.change_sets SET entry_count = entry_count + written WHERE id = set_id;
    ELSIF opened_here THEN
        DELETE FROM {here}.change_sets WHERE id = set_id;
        PERFORM set_config('console.change_set', '', true);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION record_foreign_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET timezone = 'UTC' AS $$
DECLARE
    set_id bigint := {here}.open_change_set('outside', NULL, 'outside');
    written integer;
BEGIN
    EXECUTE format(
        'INSERT INTO {here}.change_entries (change_set_id, table_name, record_id, operation, before)
         SELECT $1, $2, {here}.record_key(r.was, $3), ''delete'', {here}.masked(r.was, $4)
         FROM (SELECT to_jsonb(o) AS was FROM %s AS o OFFSET 0) AS r', TG_RELID::regclass)
    USING set_id, TG_ARGV[0], TG_ARGV[1]::text[], TG_ARGV[2]::text[];
    GET DIAGNOSTICS written = ROW_COUNT;
    UPDATE {here}.change_sets SET entry_count = entry_count + written WHERE id = set_id;
    RETURN NULL;
END
$$;

-- One change the console made to a table that is open for editing but not governed. It counts only for the set this very
-- transaction opened, never for a table of ours, and does nothing where the triggers have recorded it already.
CREATE FUNCTION record_here(target regclass, record_id text, operation text, was jsonb, now jsonb, secrets text[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    set_id bigint;
    schema_name name;
    table_label text;
    same text[];
BEGIN
    SELECT n.nspname, n.nspname || '.' || c.relname INTO schema_name, table_label
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = target;
    IF table_label IS NULL OR schema_name = {ours} THEN
        RAISE EXCEPTION 'permission denied: the ledger records % by itself', target USING ERRCODE = '42501';
    END IF;
    IF EXISTS (SELECT FROM {here}.governed_tables AS g WHERE g.ledger_name = table_label)
        AND EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = target AND tgname = 'ledger_update' AND tgenabled <> 'D')
    THEN
        RETURN;
    END IF;
    SELECT s.id INTO set_id FROM {here}.change_sets AS s
    WHERE s.id = nullif(current_setting('console.change_set', true), '')::bigint
        AND s.xid = pg_current_xact_id() AND s.seal_no IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'permission denied: no change set is open in this transaction' USING ERRCODE = '42501';
    END IF;
    IF operation = 'update' THEN
        same := ARRAY(SELECT c.key FROM jsonb_each(was) AS c WHERE c.value = now -> c.key);
    END IF;
    IF operation = 'update' AND was - same = '{}' THEN
        RETURN;
    END IF;
    INSERT INTO {here}.change_entries (change_set_id, table_name, record_id, operation, before, after)
    VALUES (set_id, table_label, $2, $3,
        CASE WHEN operation <> 'insert' THEN {here}.masked(was - coalesce(same, '{}'), secrets) END,
        CASE WHEN operation <> 'delete' THEN {here}.masked(now - coalesce(same, '{}'), secrets) END);
    UPDATE {here}.change_sets SET entry_count = entry_count + 1 WHERE id = set_id;
END
$$;
"""

# Attaching the ledger to a table of another schema, and taking it off again: the one thing the console ever changes about
# a table that is not ours, and only on somebody's explicit order. Both act with the owner's rights, which must reach that
# far: `GRANT TRIGGER ON ... TO` the owner is what an administrator may have to add.
GOVERNING = """
CREATE FUNCTION ungovern_foreign(target regclass) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    attached name;
    gone boolean := true;
BEGIN
    IF (SELECT n.nspname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.oid = target) = {ours} THEN
        RAISE EXCEPTION 'permission denied: a table of the console keeps its ledger' USING ERRCODE = '42501';
    END IF;
    -- Whoever may attach a trigger may not drop it: that is for the table's owner. Until he does they stand idle.
    BEGIN
        FOREACH attached IN ARRAY ARRAY['ledger_insert', 'ledger_update', 'ledger_delete', 'ledger_truncate'] LOOP
            EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', attached, target);
        END LOOP;
    EXCEPTION WHEN insufficient_privilege THEN
        gone := false;
    END;
    DELETE FROM {here}.governed_tables AS g
    USING pg_catalog.pg_class AS c, pg_catalog.pg_namespace AS n
    WHERE c.oid = target AND n.oid = c.relnamespace AND g.schema_name = n.nspname AND g.table_name = c.relname;
    RETURN gone;
END
$$;

CREATE FUNCTION govern_foreign(target regclass, secrets text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    schema_name name;
    table_name name;
    keys text[];
    arguments text;
    moment text;
BEGIN
    SELECT n.nspname, c.relname INTO schema_name, table_name
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = target;
    IF schema_name = {ours} THEN
        RAISE EXCEPTION 'permission denied: a table of the console is governed by its migrations' USING ERRCODE = '42501';
    END IF;
    -- The primary key; else the smallest unique index that leaves nothing out and holds no empties.
    SELECT ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(att, n)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.att
            WHERE k.n <= x.indnkeyatts ORDER BY k.n) INTO keys
    FROM pg_catalog.pg_index AS x
    WHERE x.indrelid = target AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL
        AND NOT EXISTS (SELECT FROM unnest(x.indkey::int2[]) AS k(att) JOIN pg_catalog.pg_attribute AS a
            ON a.attrelid = x.indrelid AND a.attnum = k.att WHERE NOT a.attnotnull)
    ORDER BY x.indisprimary DESC, x.indnkeyatts, x.indexrelid LIMIT 1;
    IF keys IS NULL THEN
        RAISE EXCEPTION 'The table % has no key by which the ledger could name its records.', target USING ERRCODE = 'P0001';
    END IF;
    arguments := format('(%L, %L, %L)', schema_name || '.' || table_name, keys, secrets);
    EXECUTE format('CREATE OR REPLACE TRIGGER ledger_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION {here}.record_foreign_changes%s', target, arguments);
    EXECUTE format('CREATE OR REPLACE TRIGGER ledger_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows
        NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION {here}.record_foreign_changes%s', target, arguments);
    EXECUTE format('CREATE OR REPLACE TRIGGER ledger_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION {here}.record_foreign_changes%s', target, arguments);
    EXECUTE format('CREATE OR REPLACE TRIGGER ledger_truncate BEFORE TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION {here}.record_foreign_truncate%s', target, arguments);
    INSERT INTO {here}.governed_tables (schema_name, table_name, ledger_name, secrets, keys, since_entry)
    VALUES (schema_name, table_name, schema_name || '.' || table_name, secrets, keys,
        coalesce((SELECT max(id) FROM {here}.change_entries), 0))
    ON CONFLICT ON CONSTRAINT uq_governed_tables_schema_name_table_name
    DO UPDATE SET secrets = excluded.secrets, keys = excluded.keys;
END
$$;
"""

RIGHTS = """
REVOKE ALL ON FUNCTION record_foreign_changes(), record_foreign_truncate(), record_key(jsonb, text[]),
    record_here(regclass, text, text, jsonb, jsonb, text[]), govern_foreign(regclass, text[]), ungovern_foreign(regclass),
    ledger_text(anyelement) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_here(regclass, text, text, jsonb, jsonb, text[]), govern_foreign(regclass, text[]),
    ungovern_foreign(regclass), ledger_text(anyelement), record_key(jsonb, text[]) TO console_app;
GRANT SELECT, INSERT, UPDATE ON explorer_tables, explorer_columns TO console_app;
"""
