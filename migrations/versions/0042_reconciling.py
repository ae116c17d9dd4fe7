"""A whole export brought in as one run: notes on its rows, what was not taken on record, and the undo of all of it."""

from __future__ import annotations

from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    schema = op.get_context().version_table_schema
    here = op.get_bind().dialect.identifier_preparer.quote_identifier(schema)
    for step in (RUNS, CONFLICTS, ARRIVAL, ROLES):
        op.execute(step.replace("{here}", here))


def downgrade() -> None:
    op.execute("""
        SELECT ungovern('source_conflicts');
        DROP TRIGGER keep_version ON source_conflicts;
        DROP INDEX ix_source_conflicts_tenant_id_created_at_id;
        ALTER TABLE source_conflicts DROP COLUMN version, DROP COLUMN updated_at;
        ALTER TABLE import_refusals DROP COLUMN import_id;
        ALTER TABLE import_rows DROP COLUMN notes;
        ALTER TABLE imports DROP COLUMN facts;
    """)
    op.execute(AS_BEFORE)


RUNS = """
ALTER TABLE imports ADD COLUMN facts jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN imports.facts IS 'What a guided run found out about the files it was given.';
ALTER TABLE import_rows ADD COLUMN notes jsonb;
COMMENT ON COLUMN import_rows.notes IS 'Cells that could not be taken from a row that is taken: pairs of column and why.';
ALTER TABLE import_refusals
    ADD COLUMN import_id bigint CONSTRAINT fk_import_refusals_import_id REFERENCES imports ON DELETE SET NULL;
CREATE INDEX ix_import_refusals_import_id ON import_refusals (import_id);
"""

# Somebody's decision about a field both changed is a change like any other: in the ledger, and taken back with it.
CONFLICTS = """
ALTER TABLE source_conflicts ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN version integer NOT NULL DEFAULT 1;
CREATE INDEX ix_source_conflicts_tenant_id_created_at_id ON source_conflicts (tenant_id, created_at DESC, id DESC);
SELECT govern('source_conflicts');
"""

# An invoice that an import brings in finalised gets its lines from the same import, in whichever of its transactions; and
# undoing that import takes away what it brought. For everybody else, and afterwards, what went out stays.
ARRIVAL = r"""
CREATE FUNCTION arrives_or_leaves(label text, record bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    here change_sets;
    made change_sets;
BEGIN
    -- Step by step, each by an index: a ledger being filled by the thousand has no statistics to plan a join by.
    SELECT * INTO here FROM change_sets
    WHERE id = nullif(current_setting('console.change_set', true), '')::bigint AND xid = pg_current_xact_id();
    IF here.undoes_id IS NOT NULL THEN
        SELECT * INTO here FROM change_sets WHERE id = here.undoes_id;
    END IF;
    IF here.channel IS DISTINCT FROM 'import' THEN
        RETURN false;
    END IF;
    SELECT * INTO made FROM change_sets WHERE id = (
        SELECT change_set_id FROM change_entries
        WHERE table_name = label AND record_id = record::text AND operation = 'insert' LIMIT 1);
    RETURN made.channel = 'import' AND coalesce(here.group_id, here.id) = coalesce(made.group_id, made.id);
END
$$;
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
CREATE OR REPLACE FUNCTION refuse_changed_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF arrives_or_leaves('invoices', OLD.id) THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.customer_id IS DISTINCT FROM NEW.customer_id
            AND ROW (OLD.finalized_at, OLD.number, OLD.kind, OLD.credit_of_id, OLD.issue_date, OLD.currency, OLD.subtotal,
                OLD.discount_total, OLD.tax_total, OLD.total, OLD.retainage_pct, OLD.retainage_withheld, OLD.billing_snapshot)
            IS NOT DISTINCT FROM ROW (NEW.finalized_at, NEW.number, NEW.kind, NEW.credit_of_id, NEW.issue_date, NEW.currency,
                NEW.subtotal, NEW.discount_total, NEW.tax_total, NEW.total, NEW.retainage_pct, NEW.retainage_withheld,
                NEW.billing_snapshot)
            AND EXISTS (
                SELECT FROM change_sets AS s WHERE s.id = nullif(current_setting('console.change_set', true), '')::bigint
                    AND s.xid = pg_current_xact_id() AND (s.action = 'customer.merge' OR s.undoes_id IS NOT NULL)
            )
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'Invoice % is finalised: its amounts do not change. Correct it with a credit note.',
        coalesce(OLD.number, OLD.id::text) USING ERRCODE = 'restrict_violation';
END
$$;
-- What was posted is reversed, never deleted, and the application cannot; but what the import brought that is being undone
-- at this moment goes again, and nothing else does.
CREATE FUNCTION take_away_arrived(label text, those bigint[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {here}, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM governed_tables WHERE ledger_name = label)
        OR EXISTS (SELECT FROM unnest(those) AS one (id) WHERE NOT arrives_or_leaves(label, one.id)) THEN
        RAISE EXCEPTION 'It did not come with the import that is being undone.' USING ERRCODE = 'restrict_violation';
    END IF;
    EXECUTE format('DELETE FROM %I WHERE id = ANY($1)', label) USING those;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
REVOKE ALL ON FUNCTION take_away_arrived(text, bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_away_arrived(text, bigint[]) TO console_app;
"""

# A company founded earlier: its operations managers may run it as those of a new one do.
ROLES = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM roles WHERE is_system ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.guided',
            'Whole exports come in by a guided run: operations managers may run it', NULL, NULL, NULL, company);
        UPDATE roles SET permissions = roles.permissions || ARRAY['imports.guided']
        WHERE tenant_id = company AND is_system AND key = 'operations_manager'
            AND NOT roles.permissions && ARRAY['imports.guided', 'imports.*', '*.*'];
    END LOOP;
END
$$;
"""

AS_BEFORE = r"""
CREATE OR REPLACE FUNCTION refuse_changed_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.customer_id IS DISTINCT FROM NEW.customer_id
            AND ROW (OLD.finalized_at, OLD.number, OLD.kind, OLD.credit_of_id, OLD.issue_date, OLD.currency, OLD.subtotal,
                OLD.discount_total, OLD.tax_total, OLD.total, OLD.retainage_pct, OLD.retainage_withheld, OLD.billing_snapshot)
            IS NOT DISTINCT FROM ROW (NEW.finalized_at, NEW.number, NEW.kind, NEW.credit_of_id, NEW.issue_date, NEW.currency,
                NEW.subtotal, NEW.discount_total, NEW.tax_total, NEW.total, NEW.retainage_pct, NEW.retainage_withheld,
                NEW.billing_snapshot)
            AND EXISTS (
                SELECT FROM change_sets AS s WHERE s.id = nullif(current_setting('console.change_set', true), '')::bigint
                    AND s.xid = pg_current_xact_id() AND (s.action = 'customer.merge' OR s.undoes_id IS NOT NULL)
            )
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'Invoice % is finalised: its amounts do not change. Correct it with a credit note.',
        coalesce(OLD.number, OLD.id::text) USING ERRCODE = 'restrict_violation';
END
$$;
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
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Invoice % is finalised: its lines do not change. Correct it with a credit note.', finalized
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
DROP FUNCTION take_away_arrived(text, bigint[]);
DROP FUNCTION arrives_or_leaves(text, bigint);
"""
