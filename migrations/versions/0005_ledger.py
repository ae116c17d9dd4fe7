"""The ledger: every change of a governed table, by whatever program, with who, why, before and after."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # Functions that act with the owner's rights look nothing up by search path, so they name the schema in full.
    schema = op.get_context().version_table_schema
    quoted = op.get_bind().dialect.identifier_preparer.quote_identifier(schema)
    for step in (TABLES, OPENING, RECORDING, GOVERNING, GOVERNED, RIGHTS):
        op.execute(step.replace("{here}", quoted))


def downgrade() -> None:
    op.execute("""
        SELECT ungovern(governed) FROM (
            SELECT format('%s.%I', schema_name, table_name)::regclass AS governed FROM governed_tables
        ) AS t;
        DROP FUNCTION ungovern(regclass);
        DROP FUNCTION govern(regclass, text[], boolean);
        DROP FUNCTION record_changes();
        DROP FUNCTION record_truncate();
        DROP FUNCTION masked(jsonb, text[]);
        DROP FUNCTION open_change_set;
        DROP TABLE governed_tables, change_entries, change_sets;
    """)


TABLES = """
-- Who changed what belongs together, from where, why; sealed in order by a chain of digests (next migration step).
CREATE TABLE change_sets (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_change_sets PRIMARY KEY,
    tenant_id bigint CONSTRAINT fk_change_sets_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_type text NOT NULL
        CONSTRAINT ck_change_sets_actor_type CHECK (actor_type IN ('user', 'agent', 'api_key', 'system', 'outside')),
    app_user_id bigint CONSTRAINT fk_change_sets_app_user_id REFERENCES app_users ON DELETE RESTRICT,
    agent_id bigint,  -- → ai_agents, when it comes
    api_key_id bigint,  -- → user_api_keys, when it comes
    impersonator_id bigint CONSTRAINT fk_change_sets_impersonator_id REFERENCES app_users ON DELETE RESTRICT,
    channel text NOT NULL
        CONSTRAINT ck_change_sets_channel CHECK (channel IN ('console', 'api', 'import', 'automation', 'agent',
            'system', 'outside')),
    action text,
    reason text,
    request_id text,
    ip inet,
    undoes_id bigint CONSTRAINT fk_change_sets_undoes_id REFERENCES change_sets ON DELETE RESTRICT,
    -- What the server itself knows of the writer, whatever the writer says.
    db_role text NOT NULL DEFAULT session_user,
    application_name text NOT NULL DEFAULT current_setting('application_name'),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    entry_count integer NOT NULL DEFAULT 0,
    seal_no bigint,
    prev_hash bytea,
    row_hash bytea,
    sealed_at timestamptz,
    CONSTRAINT uq_change_sets_seal_no UNIQUE (seal_no),
    -- Nobody acts without a name: a set of a person, agent or key says which.
    CONSTRAINT ck_change_sets_actor CHECK (num_nonnulls(app_user_id, agent_id, api_key_id)
        = CASE WHEN actor_type IN ('system', 'outside') THEN 0 ELSE 1 END),
    CONSTRAINT ck_change_sets_sealed CHECK (num_nonnulls(seal_no, row_hash, sealed_at) IN (0, 3))
);
-- Change history, newest first: of a company, of a person, of an action.
CREATE INDEX ix_change_sets_tenant_id_created_at_id ON change_sets (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_change_sets_app_user_id_created_at ON change_sets (app_user_id, created_at DESC);
CREATE INDEX ix_change_sets_tenant_id_action_created_at ON change_sets (tenant_id, action, created_at DESC);
CREATE INDEX ix_change_sets_created_at_brin ON change_sets USING brin (created_at);
CREATE INDEX ix_change_sets_impersonator_id ON change_sets (impersonator_id) WHERE impersonator_id IS NOT NULL;
CREATE INDEX ix_change_sets_undoes_id ON change_sets (undoes_id) WHERE undoes_id IS NOT NULL;
-- The sealer's queue.
CREATE INDEX ix_change_sets_id_unsealed ON change_sets (id) WHERE seal_no IS NULL;

-- One record's change: on insert and delete the whole row, on update the changed columns only.
-- No foreign key to the set: 50,000 look-ups of one row in a bulk change; the chain proves the bond instead.
CREATE TABLE change_entries (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_change_entries PRIMARY KEY,
    change_set_id bigint NOT NULL,
    tenant_id bigint,
    table_name text NOT NULL,
    record_id text NOT NULL,
    operation text NOT NULL
        CONSTRAINT ck_change_entries_operation CHECK (operation IN ('insert', 'update', 'delete')),
    before jsonb,
    after jsonb,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT ck_change_entries_sides CHECK ((operation = 'insert') = (before IS NULL)
        AND (operation = 'delete') = (after IS NULL))
);
-- A record's history, newest first; the entries of a set.
CREATE INDEX ix_change_entries_table_name_record_id_id ON change_entries (table_name, record_id, id DESC);
CREATE INDEX ix_change_entries_change_set_id_id ON change_entries (change_set_id, id);

-- Which tables are governed, and how.
CREATE TABLE governed_tables (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_governed_tables PRIMARY KEY,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    ledger_name text NOT NULL,
    tenant_column text,
    secrets text[] NOT NULL DEFAULT '{}',
    inserts boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_governed_tables_schema_name_table_name UNIQUE (schema_name, table_name)
);
"""

# A set belongs to the transaction that opened it. The setting only carries its number: to record_changes below, the
# number of another transaction's set, or of a sealed one, counts for nothing, so that no writer can slip its changes
# under another's name.
OPENING = """
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
"""

# One INSERT ... SELECT for each statement, however many rows it touched. Arguments: the table's name in the ledger,
# its tenant column, and the columns whose values never enter the ledger. UTC, so that a moment always reads the same.
# OFFSET 0 turns each row into jsonb once; without it the planner would repeat that for every key it looks at. One plan
# serves one row as well as 50,000, so it is made once per connection.
RECORDING = """
CREATE FUNCTION masked(record jsonb, secrets text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT record || coalesce(jsonb_object_agg(key, '[secret]'), '{}')
    FROM unnest(secrets) AS key
    WHERE record ? key AND record -> key NOT IN ('null', '[]')
$$;

CREATE FUNCTION record_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = '' SET timezone = 'UTC' SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    table_label CONSTANT text := TG_ARGV[0];
    tenant_column CONSTANT text := TG_ARGV[1];
    secrets CONSTANT text[] := nullif(TG_ARGV[2], '{}');
    set_id bigint;
    opened_here boolean := false;
    written integer;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM new_rows LIMIT 1;
    ELSE
        PERFORM FROM old_rows LIMIT 1;
    END IF;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT id INTO set_id FROM {here}.change_sets
    WHERE id = nullif(current_setting('console.change_set', true), '')::bigint
        AND xid = pg_current_xact_id() AND seal_no IS NULL;
    IF NOT FOUND THEN
        -- psql, a script, another program: nobody opened a set, so the ledger opens one itself.
        INSERT INTO {here}.change_sets (actor_type, channel) VALUES ('outside', 'outside') RETURNING id INTO set_id;
        PERFORM set_config('console.change_set', set_id::text, true);
        opened_here := true;
    END IF;

    IF TG_OP = 'INSERT' THEN
        INSERT INTO {here}.change_entries (change_set_id, tenant_id, table_name, record_id, operation, after)
        SELECT set_id, (r.now ->> tenant_column)::bigint, table_label, r.now ->> 'id', 'insert',
            CASE WHEN secrets IS NULL THEN r.now ELSE {here}.masked(r.now, secrets) END
        FROM (SELECT to_jsonb(n) AS now FROM new_rows AS n OFFSET 0) AS r;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {here}.change_entries (change_set_id, tenant_id, table_name, record_id, operation, before)
        SELECT set_id, (r.was ->> tenant_column)::bigint, table_label, r.was ->> 'id', 'delete',
            CASE WHEN secrets IS NULL THEN r.was ELSE {here}.masked(r.was, secrets) END
        FROM (SELECT to_jsonb(o) AS was FROM old_rows AS o OFFSET 0) AS r;
    ELSE
        -- A FULL JOIN, because an update may also give a record another key: one leaves, one arrives.
        INSERT INTO {here}.change_entries (change_set_id, tenant_id, table_name, record_id, operation, before, after)
        SELECT set_id, (coalesce(d.now, d.was) ->> tenant_column)::bigint, table_label,
            coalesce(d.now, d.was) ->> 'id',
            CASE WHEN d.was IS NULL THEN 'insert' WHEN d.now IS NULL THEN 'delete' ELSE 'update' END,
            CASE WHEN secrets IS NULL THEN d.was - d.same ELSE {here}.masked(d.was - d.same, secrets) END,
            CASE WHEN secrets IS NULL THEN d.now - d.same ELSE {here}.masked(d.now - d.same, secrets) END
        FROM (
            SELECT r.was, r.now,
                ARRAY(SELECT c.key FROM jsonb_each(r.was) AS c WHERE c.value = r.now -> c.key) AS same
            FROM (
                SELECT to_jsonb(o) AS was, to_jsonb(n) AS now
                FROM old_rows AS o FULL JOIN new_rows AS n ON n.id = o.id
                OFFSET 0
            ) AS r
            WHERE r.was IS DISTINCT FROM r.now
            OFFSET 0
        ) AS d;
    END IF;
    GET DIAGNOSTICS written = ROW_COUNT;

    IF written > 0 THEN
        UPDATE {here}.change_sets AS s
        SET entry_count = entry_count + written,
            tenant_id = CASE WHEN opened_here
                THEN (SELECT e.tenant_id FROM {here}.change_entries AS e WHERE e.change_set_id = set_id LIMIT 1)
                ELSE s.tenant_id END
        WHERE s.id = set_id;
    ELSIF opened_here THEN
        DELETE FROM {here}.change_sets WHERE id = set_id;
        PERFORM set_config('console.change_set', '', true);
    END IF;
    RETURN NULL;
END
$$;

-- TRUNCATE shows no rows to a trigger afterwards, so they are recorded before they go. Only the owner can truncate.
CREATE FUNCTION record_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET timezone = 'UTC' AS $$
DECLARE
    set_id bigint := {here}.open_change_set('outside', NULL, 'outside');
    written integer;
BEGIN
    EXECUTE format(
        'INSERT INTO {here}.change_entries (change_set_id, tenant_id, table_name, record_id, operation, before)
         SELECT $1, (r.was ->> $2)::bigint, $3, r.was ->> ''id'', ''delete'', {here}.masked(r.was, $4)
         FROM (SELECT to_jsonb(o) AS was FROM %s AS o OFFSET 0) AS r', TG_RELID::regclass)
    USING set_id, TG_ARGV[1], TG_ARGV[0], TG_ARGV[2]::text[];
    GET DIAGNOSTICS written = ROW_COUNT;
    UPDATE {here}.change_sets SET entry_count = entry_count + written WHERE id = set_id;
    RETURN NULL;
END
$$;
"""

# Attach the ledger and the version counter to a table; again after its columns changed. `secrets` are columns whose
# values stay out of the ledger; `inserts => false` is for a log whose rows are a record in themselves.
GOVERNING = """
CREATE FUNCTION ungovern(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    attached name;
BEGIN
    FOREACH attached IN ARRAY ARRAY['ledger_insert', 'ledger_update', 'ledger_delete', 'ledger_truncate'] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', attached, target);
    END LOOP;
    DELETE FROM governed_tables AS g
    USING pg_class AS c
    WHERE c.oid = target AND g.schema_name = c.relnamespace::regnamespace::text AND g.table_name = c.relname;
END
$$;

CREATE FUNCTION govern(target regclass, secrets text[] DEFAULT '{}', inserts boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    schema_name text;
    table_name text;
    ledger_name text;
    tenant_column text := '';
    arguments text;
BEGIN
    SELECT c.relnamespace::regnamespace::text, c.relname INTO schema_name, table_name
    FROM pg_class AS c WHERE c.oid = target;
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = 'id' AND NOT attisdropped) THEN
        RAISE EXCEPTION 'The table % has no column "id", by which the ledger names its records.', target;
    END IF;
    ledger_name := table_name;
    IF schema_name <> quote_ident(current_schema()) THEN
        ledger_name := schema_name || '.' || table_name;
    ELSIF table_name = 'tenants' THEN
        tenant_column := 'id';
    ELSIF EXISTS (SELECT FROM pg_attribute WHERE attrelid = target AND attname = 'tenant_id' AND NOT attisdropped) THEN
        tenant_column := 'tenant_id';
    END IF;
    arguments := format('(%L, %L, %L)', ledger_name, tenant_column, secrets);

    PERFORM ungovern(target);
    PERFORM keep_versions(target);
    IF inserts THEN
        EXECUTE format('CREATE TRIGGER ledger_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION record_changes%s', target, arguments);
    END IF;
    EXECUTE format('CREATE TRIGGER ledger_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows
        NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION record_changes%s', target, arguments);
    EXECUTE format('CREATE TRIGGER ledger_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION record_changes%s', target, arguments);
    EXECUTE format('CREATE TRIGGER ledger_truncate BEFORE TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION record_truncate%s', target, arguments);
    INSERT INTO governed_tables (schema_name, table_name, ledger_name, tenant_column, secrets, inserts)
    VALUES (schema_name, table_name, ledger_name, nullif(tenant_column, ''), secrets, inserts);
END
$$;
"""

GOVERNED = """
SELECT govern('tenants');
SELECT govern('users', secrets => '{password_hash,mfa_secret_enc,mfa_recovery_hashes}');
SELECT govern('app_users');
SELECT govern('roles');
SELECT govern('app_user_roles');
SELECT govern('user_profiles');
SELECT govern('saved_views');
"""

# The application reads the ledger and writes it only through what it does to governed tables.
RIGHTS = """
REVOKE ALL ON FUNCTION open_change_set, record_changes(), record_truncate(), masked(jsonb, text[]),
    govern(regclass, text[], boolean), ungovern(regclass) FROM PUBLIC;
GRANT SELECT ON change_sets, change_entries, governed_tables TO console_app;
GRANT EXECUTE ON FUNCTION open_change_set TO console_app;
"""
