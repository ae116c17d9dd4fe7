"""Seals on the ledger: a chain of digests over the change sets, so that no later edit of the history goes unnoticed."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    quoted = op.get_bind().dialect.identifier_preparer.quote_identifier(schema)
    for step in (HEAD, DIGEST, SEAL, VERIFY, REPLAY, RIGHTS):
        op.execute(step.replace("{here}", quoted))


def downgrade() -> None:
    op.execute("""
        DROP FUNCTION verify_ledger();
        DROP FUNCTION seal_change_sets(integer);
        DROP FUNCTION change_set_digests(bigint[]);
        DROP AGGREGATE merged(jsonb);
        DROP TABLE ledger_head;
        UPDATE change_sets SET seal_no = NULL, prev_hash = NULL, row_hash = NULL, sealed_at = NULL;
    """)


# How far the chain reaches, so that its end cannot be cut off unseen. `horizon`: the transactions that had ended when
# the last seal was set; a set that claims one of them and has no seal was smuggled in. '1:1:' is none at all.
HEAD = """
CREATE TABLE ledger_head (
    only_one boolean NOT NULL DEFAULT true CONSTRAINT pk_ledger_head PRIMARY KEY,
    seal_no bigint NOT NULL DEFAULT 0,
    row_hash bytea,
    horizon pg_snapshot NOT NULL DEFAULT '1:1:',
    sealed_at timestamptz,
    CONSTRAINT ck_ledger_head_only_one CHECK (only_one)
);
INSERT INTO ledger_head DEFAULT VALUES;
"""

# What a set says and what its entries say, in 32 bytes. jsonb writes keys in one order and UTC writes moments one
# way, so the same facts always give the same text; columns a set does not use leave it as it was before they existed.
DIGEST = """
CREATE FUNCTION change_set_digests(sets bigint[] DEFAULT NULL)
RETURNS TABLE (change_set_id bigint, entries bigint, digest bytea)
LANGUAGE sql STABLE SET search_path = '' SET timezone = 'UTC' AS $$
    SELECT s.id, coalesce(e.entries, 0), sha256(
        convert_to(
            jsonb_strip_nulls(to_jsonb(s) - '{seal_no,prev_hash,row_hash,sealed_at}'::text[])::text, 'UTF8'
        ) || coalesce(e.digests, '')
    )
    FROM {here}.change_sets AS s
    LEFT JOIN (
        SELECT c.change_set_id, count(*) AS entries, string_agg(
            sha256(convert_to(jsonb_build_array(
                c.id, c.tenant_id, c.table_name, c.record_id, c.operation, c.before, c.after, c.created_at
            )::text, 'UTF8')),
            '' ORDER BY c.id
        ) AS digests
        FROM {here}.change_entries AS c
        WHERE sets IS NULL OR c.change_set_id = ANY (sets)
        GROUP BY c.change_set_id
    ) AS e ON e.change_set_id = s.id
    WHERE sets IS NULL OR s.id = ANY (sets)
$$;
"""

# One sealer at a time, over what has been committed, in the order of the sets. A set is seen only when all of it is
# there, so writers never wait for the sealer nor it for them; those still at work come with the next call.
SEAL = """
CREATE FUNCTION seal_change_sets(most integer DEFAULT 5000) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' SET timezone = 'UTC' AS $$
DECLARE
    head {here}.ledger_head;
    seen pg_snapshot;
    waiting bigint[];
    link record;
    sealed integer := 0;
BEGIN
    SELECT * INTO head FROM {here}.ledger_head FOR UPDATE;
    IF pg_snapshot_xmax(head.horizon) > pg_snapshot_xmax(pg_current_snapshot()) THEN
        head.horizon := '1:1:';  -- restored into another server, which counts its transactions anew
    END IF;
    SELECT pg_current_snapshot(), array_agg(unsealed.id ORDER BY unsealed.id) INTO seen, waiting
    FROM (
        SELECT id FROM {here}.change_sets
        WHERE seal_no IS NULL AND xid <> pg_current_xact_id() AND NOT pg_visible_in_snapshot(xid, head.horizon)
        ORDER BY id LIMIT most + 1
    ) AS unsealed;
    IF waiting IS NULL THEN
        RETURN 0;
    END IF;
    IF cardinality(waiting) <= most THEN
        head.horizon := seen;
    END IF;
    FOR link IN
        SELECT change_set_id AS id, digest FROM {here}.change_set_digests(waiting[1:most]) ORDER BY change_set_id
    LOOP
        sealed := sealed + 1;
        UPDATE {here}.change_sets
        SET seal_no = head.seal_no + 1, prev_hash = head.row_hash, sealed_at = statement_timestamp(),
            row_hash = sha256(
                coalesce(head.row_hash, '') || link.digest
                || convert_to(format('%s %s', head.seal_no + 1, extract(epoch FROM statement_timestamp())), 'UTF8')
            )
        WHERE id = link.id
        RETURNING seal_no, row_hash INTO head.seal_no, head.row_hash;
    END LOOP;
    UPDATE {here}.ledger_head
    SET seal_no = head.seal_no, row_hash = head.row_hash, horizon = head.horizon, sealed_at = statement_timestamp();
    RETURN sealed;
END
$$;
"""

# Reads the whole ledger once and names the first link that does not hold, in words.
VERIFY = """
CREATE FUNCTION verify_ledger()
RETURNS TABLE (
    sets_checked bigint, entries_checked bigint, unsealed bigint, head_no bigint, head_hash bytea, broken text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' SET timezone = 'UTC' AS $$
DECLARE
    head {here}.ledger_head;
    link record;
    edited record;
BEGIN
    SELECT * INTO head FROM {here}.ledger_head;
    head_no := head.seal_no;
    head_hash := head.row_hash;
    SELECT count(*) FILTER (WHERE seal_no IS NOT NULL), count(*) FILTER (WHERE seal_no IS NULL)
    INTO sets_checked, unsealed FROM {here}.change_sets;
    SELECT count(*) INTO entries_checked FROM {here}.change_entries;

    SELECT * INTO link
    FROM (
        SELECT s.id, s.seal_no, s.entry_count, s.xid, s.prev_hash, s.row_hash, d.entries, s.xmin AS written_by,
            lag(s.seal_no, 1, 0::bigint) OVER chain AS no_before,
            lag(s.row_hash) OVER chain AS hash_before,
            sha256(
                coalesce(s.prev_hash, '') || d.digest
                || convert_to(format('%s %s', s.seal_no, extract(epoch FROM s.sealed_at)), 'UTF8')
            ) AS expected
        FROM {here}.change_sets AS s JOIN {here}.change_set_digests() AS d ON d.change_set_id = s.id
        WINDOW chain AS (ORDER BY s.seal_no NULLS LAST, s.id)
    ) AS chained
    WHERE CASE WHEN seal_no IS NULL
        THEN entries <> entry_count OR pg_visible_in_snapshot(xid, head.horizon)
            AND pg_snapshot_xmax(head.horizon) <= pg_snapshot_xmax(pg_current_snapshot())
        ELSE seal_no <> no_before + 1 OR prev_hash IS DISTINCT FROM hash_before OR entries <> entry_count
            OR row_hash IS DISTINCT FROM expected
        END
    ORDER BY seal_no NULLS LAST, id
    LIMIT 1;

    IF NOT FOUND THEN
        SELECT * INTO edited FROM {here}.change_entries AS e
        WHERE NOT EXISTS (SELECT FROM {here}.change_sets AS s WHERE s.id = e.change_set_id) ORDER BY id LIMIT 1;
        broken := CASE
            WHEN sets_checked <> head.seal_no OR head.row_hash IS DISTINCT FROM
                (SELECT row_hash FROM {here}.change_sets WHERE seal_no = head.seal_no)
            THEN format('The end of the chain is gone: seal %s was set and the last one found is %s.',
                head.seal_no, coalesce((SELECT max(seal_no) FROM {here}.change_sets), 0))
            WHEN edited.id IS NOT NULL
            THEN format('Entry %s (%s %s) belongs to change set %s, which is gone.',
                edited.id, edited.table_name, edited.record_id, edited.change_set_id)
            END;
        RETURN NEXT;
        RETURN;
    END IF;

    -- An entry written after its set was sealed gives itself away by the transaction that wrote it.
    SELECT * INTO edited FROM {here}.change_entries AS e
    WHERE e.change_set_id = link.id AND link.seal_no IS NOT NULL AND age(e.xmin) < age(link.written_by)
    ORDER BY e.id LIMIT 1;
    broken := CASE
        WHEN link.seal_no <> link.no_before + 1 THEN format('The change set with seal %s is gone.', link.no_before + 1)
        WHEN link.entries < link.entry_count
        THEN format('Change set %s recorded %s entries and has %s: entries were removed.',
            link.id, link.entry_count, link.entries)
        WHEN link.entries > link.entry_count
        THEN format('Change set %s recorded %s entries and has %s: entries were added.',
            link.id, link.entry_count, link.entries)
        WHEN link.seal_no IS NULL
        THEN format('Change set %s was put in after its time: its transaction had ended before the last seal.', link.id)
        WHEN edited.id IS NOT NULL
        THEN format('Entry %s of change set %s (%s %s) was edited after it was sealed.',
            edited.id, link.id, edited.table_name, edited.record_id)
        WHEN link.prev_hash IS DISTINCT FROM link.hash_before
        THEN format('Change set %s (seal %s) does not follow the one before it.', link.id, link.seal_no)
        ELSE format('Change set %s (seal %s), or an entry of it, was edited after it was sealed.',
            link.id, link.seal_no)
        END;
    RETURN NEXT;
END
$$;
"""

# Folds a record's entries into what the ledger knows of it: later values win.
REPLAY = """
CREATE AGGREGATE merged(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb, INITCOND = '{}');
"""

RIGHTS = """
REVOKE ALL ON FUNCTION change_set_digests(bigint[]), seal_change_sets(integer), verify_ledger() FROM PUBLIC;
GRANT SELECT ON ledger_head TO console_app;
GRANT EXECUTE ON FUNCTION seal_change_sets(integer), verify_ledger() TO console_app;
"""
