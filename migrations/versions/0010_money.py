"""Invoices, payments, and which payment settled which invoice."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(FROZEN)
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("SELECT ungovern('invoices'), ungovern('invoice_lines')")
    op.execute("SELECT ungovern('payments'), ungovern('payment_allocations')")
    op.execute("DROP TABLE payment_allocations, payments, invoice_lines, invoices")
    op.execute("DROP FUNCTION refuse_changed_invoice(); DROP FUNCTION keep_finalized_lines();")


TABLES = r"""
CREATE TABLE invoices (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_invoices PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_invoices_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text,
    kind text NOT NULL DEFAULT 'invoice' CONSTRAINT ck_invoices_kind CHECK (kind IN ('invoice', 'credit_note')),
    billing_kind text NOT NULL DEFAULT 'standard'
        CONSTRAINT ck_invoices_billing_kind CHECK (billing_kind IN ('standard', 'deposit', 'progress', 'final',
            'retainage_release', 'subscription')),
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_invoices_status CHECK (status IN ('draft', 'open', 'paid', 'void', 'uncollectible')),
    credit_of_id bigint CONSTRAINT fk_invoices_credit_of_id REFERENCES invoices ON DELETE RESTRICT,
    customer_id bigint NOT NULL CONSTRAINT fk_invoices_customer_id REFERENCES customers ON DELETE RESTRICT,
    job_id bigint CONSTRAINT fk_invoices_job_id REFERENCES jobs ON DELETE RESTRICT,
    order_id bigint,  -- → orders, when it comes
    subscription_id bigint,  -- → subscriptions, when it comes
    estimate_id bigint CONSTRAINT fk_invoices_estimate_id REFERENCES estimates ON DELETE RESTRICT,
    property_id bigint CONSTRAINT fk_invoices_property_id REFERENCES properties ON DELETE RESTRICT,
    contact_id bigint CONSTRAINT fk_invoices_contact_id REFERENCES contacts ON DELETE SET NULL,
    billing_snapshot jsonb,
    issue_date date,
    due_date date,
    terms_days integer NOT NULL DEFAULT 30,
    po_number text,
    period_start date,
    period_end date,
    application_no integer,
    percent_complete numeric(7,4),
    retainage_pct numeric(7,4) NOT NULL DEFAULT 0,
    retainage_withheld numeric(14,2) NOT NULL DEFAULT 0,
    amount_paid numeric(14,2) NOT NULL DEFAULT 0,
    amount_credited numeric(14,2) NOT NULL DEFAULT 0,
    amount_written_off numeric(14,2) NOT NULL DEFAULT 0,
    balance numeric(14,2)
        GENERATED ALWAYS AS (total - retainage_withheld - amount_paid - amount_credited - amount_written_off) STORED,
    finalized_at timestamptz,
    sent_at timestamptz,
    viewed_at timestamptz,
    paid_at timestamptz,
    voided_at timestamptz,
    void_reason text,
    uncollectible_at timestamptz,
    dispute_status text NOT NULL DEFAULT 'none'
        CONSTRAINT ck_invoices_dispute_status CHECK (dispute_status IN ('none', 'open', 'won', 'lost')),
    dispute_note text,
    promise_to_pay_on date,
    dunning_level integer NOT NULL DEFAULT 0,
    last_reminder_at timestamptz,
    memo text,
    internal_note text,
    public_id uuid NOT NULL DEFAULT uuidv7(),
    pdf_document_id bigint,  -- → documents, when it comes
    stripe_invoice_id text,
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_invoices_currency CHECK (currency ~ '^[A-Z]{3}$'),
    subtotal numeric(14,2) NOT NULL DEFAULT 0,
    discount_total numeric(14,2) NOT NULL DEFAULT 0,
    tax_total numeric(14,2) NOT NULL DEFAULT 0,
    total numeric(14,2) NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_invoices_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_invoices_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_invoices_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT uq_invoices_public_id UNIQUE (public_id),
    CONSTRAINT uq_invoices_stripe_invoice_id UNIQUE (stripe_invoice_id),
    CONSTRAINT uq_invoices_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_invoices_finalized CHECK (status = 'draft' OR (number IS NOT NULL AND issue_date IS NOT NULL
            AND due_date IS NOT NULL AND finalized_at IS NOT NULL)),
    CONSTRAINT ck_invoices_due_date CHECK (due_date >= issue_date),
    CONSTRAINT ck_invoices_total CHECK (total = subtotal - discount_total + tax_total),
    CONSTRAINT ck_invoices_amounts CHECK (total >= 0 AND amount_paid >= 0 AND amount_credited >= 0
            AND amount_written_off >= 0 AND retainage_withheld BETWEEN 0 AND total),
    CONSTRAINT ck_invoices_balance CHECK (balance >= 0),
    CONSTRAINT ck_invoices_paid CHECK (status <> 'paid' OR balance = 0),
    CONSTRAINT ck_invoices_void CHECK (status <> 'void' OR (void_reason IS NOT NULL AND amount_paid = 0
            AND amount_credited = 0)),
    CONSTRAINT ck_invoices_credit_of_id CHECK (credit_of_id IS NULL OR kind = 'credit_note'),
    CONSTRAINT ck_invoices_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE UNIQUE INDEX uq_invoices_subscription_id_period_start
    ON invoices (subscription_id, period_start)
    WHERE kind = 'invoice' AND status <> 'void';
CREATE INDEX ix_invoices_tenant_id_status_due_date ON invoices (tenant_id, status, due_date);
CREATE INDEX ix_invoices_tenant_id_due_date_open
    ON invoices (tenant_id, due_date)
    WHERE status = 'open' AND kind = 'invoice';
CREATE INDEX ix_invoices_customer_id_issue_date ON invoices (customer_id, issue_date DESC);
CREATE INDEX ix_invoices_job_id ON invoices (job_id);
CREATE INDEX ix_invoices_number_trgm ON invoices USING gin (number gin_trgm_ops);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_invoices_tenant_id_issue_date_id ON invoices (tenant_id, issue_date DESC, id DESC);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_invoices_tenant_id_updated_at_id ON invoices (tenant_id, updated_at, id);
CREATE INDEX ix_invoices_tenant_id_number_id ON invoices (tenant_id, number, id);
CREATE INDEX ix_invoices_tenant_id_due_date_id ON invoices (tenant_id, due_date, id);
CREATE INDEX ix_invoices_tenant_id_total_id ON invoices (tenant_id, total, id);
CREATE INDEX ix_invoices_tenant_id_balance_id ON invoices (tenant_id, balance, id);
CREATE INDEX ix_invoices_credit_of_id ON invoices (credit_of_id);
CREATE INDEX ix_invoices_estimate_id ON invoices (estimate_id);
CREATE INDEX ix_invoices_property_id ON invoices (property_id);
CREATE INDEX ix_invoices_contact_id ON invoices (contact_id);
CREATE INDEX ix_invoices_created_by ON invoices (created_by);
CREATE INDEX ix_invoices_updated_by ON invoices (updated_by);

CREATE TABLE invoice_lines (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_invoice_lines PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_invoice_lines_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    invoice_id bigint NOT NULL CONSTRAINT fk_invoice_lines_invoice_id REFERENCES invoices ON DELETE CASCADE,
    position integer NOT NULL DEFAULT 0,
    product_id bigint CONSTRAINT fk_invoice_lines_product_id REFERENCES products ON DELETE SET NULL,
    description text NOT NULL,
    quantity numeric(14,4) NOT NULL DEFAULT 1,
    unit text NOT NULL DEFAULT 'each',
    unit_price numeric(14,2) NOT NULL DEFAULT 0,
    unit_cost numeric(14,2),
    discount_amount numeric(14,2) NOT NULL DEFAULT 0,
    tax_rate numeric(7,4) NOT NULL DEFAULT 0,
    tax_amount numeric(14,2) NOT NULL DEFAULT 0,
    line_total numeric(14,2) NOT NULL DEFAULT 0,
    cost_type text NOT NULL DEFAULT 'material'
        CONSTRAINT ck_invoice_lines_cost_type CHECK (cost_type IN ('labor', 'material', 'travel', 'equipment',
            'subcontract', 'other')),
    order_line_id bigint,  -- → order_lines, when it comes
    estimate_line_id bigint CONSTRAINT fk_invoice_lines_estimate_line_id REFERENCES estimate_lines ON DELETE SET NULL,
    job_visit_id bigint CONSTRAINT fk_invoice_lines_job_visit_id REFERENCES job_visits ON DELETE SET NULL,
    period_start date,
    period_end date,
    revenue_category text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_invoice_lines_quantity CHECK (quantity <> 0)
);
CREATE INDEX ix_invoice_lines_invoice_id_position ON invoice_lines (invoice_id, position);
CREATE INDEX ix_invoice_lines_tenant_id ON invoice_lines (tenant_id);
CREATE INDEX ix_invoice_lines_estimate_line_id ON invoice_lines (estimate_line_id);
CREATE INDEX ix_invoice_lines_job_visit_id ON invoice_lines (job_visit_id);
CREATE INDEX ix_invoice_lines_product_id ON invoice_lines (product_id);

CREATE TABLE payments (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_payments PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_payments_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text NOT NULL,
    customer_id bigint NOT NULL CONSTRAINT fk_payments_customer_id REFERENCES customers ON DELETE RESTRICT,
    direction text NOT NULL DEFAULT 'in' CONSTRAINT ck_payments_direction CHECK (direction IN ('in', 'refund')),
    refund_of_id bigint CONSTRAINT fk_payments_refund_of_id REFERENCES payments ON DELETE RESTRICT,
    method text NOT NULL
        CONSTRAINT ck_payments_method CHECK (method IN ('check', 'ach', 'card', 'wire', 'cash', 'lockbox',
            'other')),
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT ck_payments_status CHECK (status IN ('pending', 'succeeded', 'failed', 'bounced', 'disputed',
            'cancelled')),
    amount numeric(14,2) NOT NULL,
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_payments_currency CHECK (currency ~ '^[A-Z]{3}$'),
    fee numeric(14,2) NOT NULL DEFAULT 0,
    amount_allocated numeric(14,2) NOT NULL DEFAULT 0,
    amount_refunded numeric(14,2) NOT NULL DEFAULT 0,
    unallocated numeric(14,2) GENERATED ALWAYS AS (amount - amount_allocated - amount_refunded) STORED,
    received_on date NOT NULL,
    deposited_on date,
    reference text,
    processor text,
    processor_payment_id text,
    idempotency_key text,
    failure_code text,
    failure_message text,
    approval_request_id bigint,  -- → approval_requests, when it comes
    memo text,
    reconciled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_payments_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_payments_updated_by REFERENCES app_users ON DELETE SET NULL,
    external_source text,
    external_id text,
    CONSTRAINT uq_payments_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT uq_payments_processor_processor_payment_id UNIQUE (processor, processor_payment_id),
    CONSTRAINT uq_payments_tenant_id_idempotency_key UNIQUE (tenant_id, idempotency_key),
    CONSTRAINT uq_payments_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_payments_amount CHECK (amount > 0 AND fee >= 0),
    CONSTRAINT ck_payments_allocated CHECK (amount_allocated >= 0 AND amount_refunded >= 0
            AND amount_allocated + amount_refunded <= amount),
    CONSTRAINT ck_payments_refund CHECK ((direction = 'refund') = (refund_of_id IS NOT NULL)),
    CONSTRAINT ck_payments_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_payments_tenant_id_status_received_on ON payments (tenant_id, status, received_on DESC);
CREATE INDEX ix_payments_customer_id_received_on ON payments (customer_id, received_on DESC);
CREATE INDEX ix_payments_tenant_id_received_on_unallocated
    ON payments (tenant_id, received_on)
    WHERE status = 'succeeded' AND unallocated > 0;
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_payments_tenant_id_received_on_id ON payments (tenant_id, received_on DESC, id DESC);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_payments_tenant_id_number_id ON payments (tenant_id, number, id);
CREATE INDEX ix_payments_tenant_id_amount_id ON payments (tenant_id, amount, id);
CREATE INDEX ix_payments_refund_of_id ON payments (refund_of_id);
CREATE INDEX ix_payments_created_by ON payments (created_by);
CREATE INDEX ix_payments_updated_by ON payments (updated_by);

CREATE TABLE payment_allocations (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_payment_allocations PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_payment_allocations_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    invoice_id bigint NOT NULL CONSTRAINT fk_payment_allocations_invoice_id REFERENCES invoices ON DELETE RESTRICT,
    kind text NOT NULL
        CONSTRAINT ck_payment_allocations_kind CHECK (kind IN ('payment', 'credit', 'write_off', 'discount')),
    payment_id bigint CONSTRAINT fk_payment_allocations_payment_id REFERENCES payments ON DELETE RESTRICT,
    credit_note_id bigint CONSTRAINT fk_payment_allocations_credit_note_id REFERENCES invoices ON DELETE RESTRICT,
    amount numeric(14,2) NOT NULL,
    allocated_on date NOT NULL,
    allocated_by bigint CONSTRAINT fk_payment_allocations_allocated_by REFERENCES app_users ON DELETE RESTRICT,
    approval_request_id bigint,  -- → approval_requests, when it comes
    reversed_at timestamptz,
    reversed_by bigint CONSTRAINT fk_payment_allocations_reversed_by REFERENCES app_users ON DELETE RESTRICT,
    reversal_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_payment_allocations_amount CHECK (amount > 0),
    CONSTRAINT ck_payment_allocations_payment CHECK ((kind = 'payment') = (payment_id IS NOT NULL)),
    CONSTRAINT ck_payment_allocations_credit CHECK ((kind = 'credit') = (credit_note_id IS NOT NULL)),
    CONSTRAINT ck_payment_allocations_credit_note_id CHECK (credit_note_id <> invoice_id),
    CONSTRAINT ck_payment_allocations_reversal CHECK ((reversed_at IS NULL) = (reversal_reason IS NULL))
);
CREATE INDEX ix_payment_allocations_invoice_id_standing ON payment_allocations (invoice_id) WHERE reversed_at IS NULL;
CREATE INDEX ix_payment_allocations_payment_id_standing ON payment_allocations (payment_id) WHERE reversed_at IS NULL;
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_payment_allocations_tenant_id_allocated_on_id
    ON payment_allocations (tenant_id, allocated_on DESC, id DESC);
CREATE INDEX ix_payment_allocations_invoice_id ON payment_allocations (invoice_id);
CREATE INDEX ix_payment_allocations_payment_id ON payment_allocations (payment_id);
CREATE INDEX ix_payment_allocations_credit_note_id ON payment_allocations (credit_note_id);
CREATE INDEX ix_payment_allocations_allocated_by ON payment_allocations (allocated_by);
CREATE INDEX ix_payment_allocations_reversed_by ON payment_allocations (reversed_by);
"""

# What a customer was billed is corrected by a credit note, never by an edit, whoever edits.
FROZEN = r"""
CREATE FUNCTION refuse_changed_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Invoice % is finalised: its amounts do not change. Correct it with a credit note.',
        coalesce(OLD.number, OLD.id::text) USING ERRCODE = 'restrict_violation';
END
$$;
-- Status, payments, dates of sending and the like may move; what was billed, to whom and when may not.
CREATE TRIGGER frozen BEFORE UPDATE ON invoices FOR EACH ROW
WHEN (
    OLD.finalized_at IS NOT NULL AND (
        OLD.finalized_at IS DISTINCT FROM NEW.finalized_at
        OR OLD.number IS DISTINCT FROM NEW.number
        OR OLD.kind IS DISTINCT FROM NEW.kind
        OR OLD.credit_of_id IS DISTINCT FROM NEW.credit_of_id
        OR OLD.customer_id IS DISTINCT FROM NEW.customer_id
        OR OLD.issue_date IS DISTINCT FROM NEW.issue_date
        OR OLD.currency IS DISTINCT FROM NEW.currency
        OR OLD.subtotal IS DISTINCT FROM NEW.subtotal
        OR OLD.discount_total IS DISTINCT FROM NEW.discount_total
        OR OLD.tax_total IS DISTINCT FROM NEW.tax_total
        OR OLD.total IS DISTINCT FROM NEW.total
        OR OLD.retainage_pct IS DISTINCT FROM NEW.retainage_pct
        OR OLD.retainage_withheld IS DISTINCT FROM NEW.retainage_withheld
        OR OLD.billing_snapshot IS DISTINCT FROM NEW.billing_snapshot
    )
)
EXECUTE FUNCTION refuse_changed_invoice();
CREATE TRIGGER kept BEFORE DELETE ON invoices FOR EACH ROW
WHEN (OLD.finalized_at IS NOT NULL)
EXECUTE FUNCTION refuse_changed_invoice();

-- An invoice that arrives finalised (an import) gets its lines in the transaction that inserts it: its row then
-- is of this transaction and still in its first version. Later, and for every other invoice, lines stand.
CREATE FUNCTION keep_finalized_lines() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER frozen BEFORE INSERT OR DELETE ON invoice_lines FOR EACH ROW EXECUTE FUNCTION keep_finalized_lines();
-- A product that leaves the price book lets go of the line; the line itself stands.
CREATE TRIGGER frozen_update BEFORE UPDATE ON invoice_lines FOR EACH ROW
WHEN (
    to_jsonb(OLD) - '{product_id,order_line_id,estimate_line_id,job_visit_id,version,updated_at}'::text[]
    IS DISTINCT FROM
    to_jsonb(NEW) - '{product_id,order_line_id,estimate_line_id,job_visit_id,version,updated_at}'::text[]
)
EXECUTE FUNCTION keep_finalized_lines();
"""

LEDGER = """
SELECT govern('invoices');
SELECT govern('invoice_lines');
SELECT govern('payments');
SELECT govern('payment_allocations');
"""

RIGHTS = """
-- Drafts may be deleted; the trigger keeps the others.
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices, invoice_lines, payments TO console_app;
-- An allocation is never edited: it is reversed.
GRANT SELECT, INSERT, UPDATE (reversed_at, reversed_by, reversal_reason) ON payment_allocations TO console_app;
"""
