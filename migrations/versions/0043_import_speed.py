"""Imports at half the work: the hash of a row is the database's own, and an invoice's lines are judged by the statement."""

from __future__ import annotations

from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    here = op.get_bind().dialect.identifier_preparer.quote_identifier(schema)
    op.execute(HASHES.replace("{here}", here))
    op.execute(LINES)


def downgrade() -> None:
    op.execute(ROW_BY_ROW)
    op.execute("""
        ALTER TABLE record_sources ALTER COLUMN raw_sha256 DROP EXPRESSION;
        DROP FUNCTION fingerprint(jsonb);
    """)


# jsonb has one order of its keys, whatever order the file's columns have.
HASHES = """
CREATE FUNCTION fingerprint(raw jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(raw::text, 'UTF8')), 'hex');
ALTER TABLE record_sources DROP COLUMN raw_sha256;
ALTER TABLE record_sources ADD COLUMN raw_sha256 text NOT NULL GENERATED ALWAYS AS ({here}.fingerprint(raw)) STORED
    CONSTRAINT ck_record_sources_raw_sha256 CHECK (length(raw_sha256) = 64);
"""

# Once for each invoice a statement touches, not for each of its lines; an import brings lines by the thousand.
LINES = """
DROP TRIGGER frozen ON invoice_lines;
DROP TRIGGER frozen_update ON invoice_lines;
CREATE OR REPLACE FUNCTION keep_finalized_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    touched bigint[];
    finalized text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        touched := ARRAY(SELECT DISTINCT invoice_id FROM new_rows);
    ELSIF TG_OP = 'DELETE' THEN
        touched := ARRAY(SELECT DISTINCT invoice_id FROM old_rows);
    ELSE
        -- A product that leaves the price book lets go of the line; the line itself stands.
        touched := ARRAY(
            SELECT unnest(ARRAY[o.invoice_id, n.invoice_id]) FROM old_rows AS o FULL JOIN new_rows AS n ON n.id = o.id
            WHERE to_jsonb(o) - '{product_id,order_line_id,estimate_line_id,job_visit_id,version,updated_at}'::text[]
                IS DISTINCT FROM
                to_jsonb(n) - '{product_id,order_line_id,estimate_line_id,job_visit_id,version,updated_at}'::text[]
        );
    END IF;
    SELECT coalesce(number, id::text) INTO finalized
    FROM invoices
    WHERE id = ANY (touched) AND finalized_at IS NOT NULL
        AND NOT (TG_OP = 'INSERT' AND version = 1 AND xmin = pg_current_xact_id()::xid)
        AND (TG_OP = 'UPDATE' OR NOT arrives_or_leaves('invoices', id))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Invoice % is finalised: its lines do not change. Correct it with a credit note.', finalized
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER frozen_insert AFTER INSERT ON invoice_lines REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_finalized_lines();
CREATE TRIGGER frozen_update AFTER UPDATE ON invoice_lines REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_finalized_lines();
CREATE TRIGGER frozen_delete AFTER DELETE ON invoice_lines REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_finalized_lines();
"""

ROW_BY_ROW = """
DROP TRIGGER frozen_insert ON invoice_lines;
DROP TRIGGER frozen_update ON invoice_lines;
DROP TRIGGER frozen_delete ON invoice_lines;
CREATE OR REPLACE FUNCTION keep_finalized_lines() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    parents bigint[] := ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN OLD.invoice_id END,
                              CASE WHEN TG_OP <> 'DELETE' THEN NEW.invoice_id END];
    finalized text;
BEGIN
    SELECT coalesce(number, id::text) INTO finalized
    FROM invoices
    WHERE id = ANY (parents) AND finalized_at IS NOT NULL
        AND NOT (TG_OP = 'INSERT' AND version = 1 AND xmin = pg_current_xact_id()::xid)
        AND (TG_OP = 'UPDATE' OR NOT arrives_or_leaves('invoices', id))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Invoice % is finalised: its lines do not change. Correct it with a credit note.', finalized
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER frozen BEFORE INSERT OR DELETE ON invoice_lines FOR EACH ROW EXECUTE FUNCTION keep_finalized_lines();
CREATE TRIGGER frozen_update BEFORE UPDATE ON invoice_lines FOR EACH ROW
WHEN (
    to_jsonb(OLD) - '{product_id,order_line_id,estimate_line_id,job_visit_id,version,updated_at}'::text[]
    IS DISTINCT FROM
    to_jsonb(NEW) - '{product_id,order_line_id,estimate_line_id,job_visit_id,version,updated_at}'::text[]
)
EXECUTE FUNCTION keep_finalized_lines();
"""
