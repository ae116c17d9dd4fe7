"""The ledger of large updates: only the columns that changed become JSON, which is a fifth of the work."""

from __future__ import annotations

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    _put(RECORDING)


def downgrade() -> None:
    _put(BEFORE)


def _put(function: str) -> None:
    schema = op.get_context().version_table_schema
    quoted = op.get_bind().dialect.identifier_preparer.quote_identifier(schema)
    op.execute(function.replace("{here}", quoted))


# What it writes is the same in either way. Types whose equality is not that of their JSON are compared as JSON, and so is
# every type that is not PostgreSQL's own, whose operators this function, which looks nothing up by path, would not find.
RECORDING = r"""
CREATE OR REPLACE FUNCTION record_changes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = '' SET timezone = 'UTC' SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    table_label CONSTANT text := TG_ARGV[0];
    tenant_column CONSTANT text := TG_ARGV[1];
    secrets CONSTANT text[] := nullif(TG_ARGV[2], '{}');
    set_id bigint;
    opened_here boolean := false;
    written integer := 0;
    changed text[];
    kept bigint;
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
        GET DIAGNOSTICS written = ROW_COUNT;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {here}.change_entries (change_set_id, tenant_id, table_name, record_id, operation, before)
        SELECT set_id, (r.was ->> tenant_column)::bigint, table_label, r.was ->> 'id', 'delete',
            CASE WHEN secrets IS NULL THEN r.was ELSE {here}.masked(r.was, secrets) END
        FROM (SELECT to_jsonb(o) AS was FROM old_rows AS o OFFSET 0) AS r;
        GET DIAGNOSTICS written = ROW_COUNT;
    ELSIF (SELECT count(*) FROM (SELECT FROM new_rows LIMIT 200) AS few) = 200 THEN
        -- Many rows: first which columns changed at all, compared as they are; only those become JSON.
        EXECUTE (
            SELECT 'SELECT count(*), array_remove(ARRAY['
                || string_agg(format(
                    CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace AND t.typname = ANY (
                        '{text,varchar,int2,int4,int8,bool,timestamptz,date,numeric,uuid,jsonb}')
                    THEN 'CASE WHEN bool_or(o.%1$I IS DISTINCT FROM n.%1$I) THEN %1$L END'
                    ELSE 'CASE WHEN bool_or(to_jsonb(o.%1$I) IS DISTINCT FROM to_jsonb(n.%1$I)) THEN %1$L END' END,
                    a.attname), ', ')
                || '], NULL) FROM old_rows AS o JOIN new_rows AS n ON n.id = o.id'
            FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
            WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped
        ) INTO kept, changed;
        IF kept <> (SELECT count(*) FROM new_rows) OR cardinality(changed) > 40 OR kept IS NULL THEN
            changed := NULL;  -- keys that changed, or nearly everything: the long way
        END IF;
    END IF;

    IF TG_OP <> 'UPDATE' THEN
        NULL;
    ELSIF cardinality(changed) > 0 THEN
        EXECUTE format(
            'INSERT INTO {here}.change_entries (change_set_id, tenant_id, table_name, record_id, operation, before, after)
            SELECT $1, %s, $2, d.id::text, ''update'',
                CASE WHEN $3 IS NULL THEN d.was - d.same ELSE {here}.masked(d.was - d.same, $3) END,
                CASE WHEN $3 IS NULL THEN d.now - d.same ELSE {here}.masked(d.now - d.same, $3) END
            FROM (
                SELECT r.*, ARRAY(SELECT c.key FROM jsonb_each(r.was) AS c WHERE c.value = r.now -> c.key) AS same
                FROM (
                    SELECT n.id, %s, jsonb_build_object(%s) AS was, jsonb_build_object(%s) AS now
                    FROM old_rows AS o JOIN new_rows AS n ON n.id = o.id
                    OFFSET 0
                ) AS r
                WHERE r.was IS DISTINCT FROM r.now
                OFFSET 0
            ) AS d',
            CASE WHEN tenant_column = '' THEN 'NULL' ELSE 'd.tenant' END,
            CASE WHEN tenant_column = '' THEN 'NULL AS tenant' ELSE format('n.%I AS tenant', tenant_column) END,
            (SELECT string_agg(format('%1$L, o.%1$I', name), ', ') FROM unnest(changed) AS name),
            (SELECT string_agg(format('%1$L, n.%1$I', name), ', ') FROM unnest(changed) AS name)
        ) USING set_id, table_label, secrets;
        GET DIAGNOSTICS written = ROW_COUNT;
    ELSIF changed IS NULL THEN
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
        GET DIAGNOSTICS written = ROW_COUNT;
    END IF;

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
"""

BEFORE = """
CREATE OR REPLACE FUNCTION record_changes() RETURNS trigger
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
"""
