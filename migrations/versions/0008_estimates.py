"""The price book and the proposals priced from it."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("SELECT ungovern('products'), ungovern('estimates'), ungovern('estimate_lines')")
    op.execute("DROP TABLE estimate_lines, estimates, products")


TABLES = r"""
CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_products PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_products_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    sku text NOT NULL,
    name text NOT NULL,
    description text,
    kind text NOT NULL
        CONSTRAINT ck_products_kind CHECK (kind IN ('material', 'labor', 'service', 'equipment', 'subcontract',
            'plan', 'fee')),
    category text,
    status text NOT NULL DEFAULT 'active'
        CONSTRAINT ck_products_status CHECK (status IN ('draft', 'active', 'discontinued')),
    unit text NOT NULL DEFAULT 'each'
        CONSTRAINT ck_products_unit CHECK (unit IN ('each', 'sq', 'sqft', 'lf', 'hour', 'day', 'roll', 'bundle',
            'gal', 'month', 'year')),
    unit_price numeric(14,2) NOT NULL,
    unit_cost numeric(14,2),
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_products_currency CHECK (currency ~ '^[A-Z]{3}$'),
    taxable boolean NOT NULL DEFAULT true,
    waste_pct numeric(7,4) NOT NULL DEFAULT 0,
    coverage_per_unit numeric(14,4),
    price_reviewed_on date,
    attributes jsonb NOT NULL DEFAULT '{}',
    is_public boolean NOT NULL DEFAULT false,
    public_id uuid NOT NULL DEFAULT uuidv7(),
    public_slug text,
    image_file_id bigint,  -- → file_metadata, when it comes
    billing_interval text
        CONSTRAINT ck_products_billing_interval CHECK (billing_interval IN ('month', 'quarter', 'half_year',
            'year')),
    stripe_product_id text,
    stripe_price_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_products_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_products_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_products_tenant_id_sku UNIQUE (tenant_id, sku),
    CONSTRAINT uq_products_tenant_id_public_slug UNIQUE (tenant_id, public_slug),
    CONSTRAINT uq_products_public_id UNIQUE (public_id),
    CONSTRAINT uq_products_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_products_prices CHECK (unit_price >= 0 AND unit_cost >= 0),
    CONSTRAINT ck_products_public CHECK (NOT is_public OR (status = 'active' AND public_slug IS NOT NULL)),
    CONSTRAINT ck_products_plan_interval CHECK (billing_interval IS NULL OR kind = 'plan'),
    CONSTRAINT ck_products_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_products_tenant_id_status_kind_name ON products (tenant_id, status, kind, name);
CREATE INDEX ix_products_name_trgm ON products USING gin (name gin_trgm_ops);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_products_tenant_id_name_id ON products (tenant_id, name, id);
CREATE INDEX ix_products_tenant_id_sku_id ON products (tenant_id, sku, id);
CREATE INDEX ix_products_created_by ON products (created_by);
CREATE INDEX ix_products_updated_by ON products (updated_by);

CREATE TABLE estimates (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_estimates PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_estimates_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text NOT NULL,
    revision_no integer NOT NULL DEFAULT 1,
    revised_from_id bigint CONSTRAINT fk_estimates_revised_from_id REFERENCES estimates ON DELETE SET NULL,
    title text NOT NULL,
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_estimates_status CHECK (status IN ('draft', 'internal_review', 'sent', 'viewed',
            'accepted', 'declined', 'expired', 'superseded')),
    customer_id bigint CONSTRAINT fk_estimates_customer_id REFERENCES customers ON DELETE RESTRICT,
    lead_id bigint,  -- → leads, when it comes
    property_id bigint CONSTRAINT fk_estimates_property_id REFERENCES properties ON DELETE SET NULL,
    contact_id bigint CONSTRAINT fk_estimates_contact_id REFERENCES contacts ON DELETE SET NULL,
    estimator_id bigint CONSTRAINT fk_estimates_estimator_id REFERENCES app_users ON DELETE SET NULL,
    source text NOT NULL DEFAULT 'manual'
        CONSTRAINT ck_estimates_source CHECK (source IN ('manual', 'ai', 'template', 'import')),
    ai_decision_id bigint CONSTRAINT fk_estimates_ai_decision_id REFERENCES ai_decision_logs ON DELETE SET NULL,
    approval_request_id bigint,  -- → approval_requests, when it comes
    scope_text text,
    exclusions text,
    terms_text text,
    roof_area_sqft numeric(12,2),
    waste_pct numeric(7,4) NOT NULL DEFAULT 0,
    overhead_pct numeric(7,4) NOT NULL DEFAULT 0,
    profit_pct numeric(7,4) NOT NULL DEFAULT 0,
    contingency_pct numeric(7,4) NOT NULL DEFAULT 0,
    deposit_pct numeric(7,4) NOT NULL DEFAULT 0,
    cost_total numeric(14,2) NOT NULL DEFAULT 0,
    margin_pct numeric
        GENERATED ALWAYS AS (
            CASE WHEN total - tax_total > 0
            THEN round((total - tax_total - cost_total) / (total - tax_total) * 100, 2) END
        ) STORED,
    public_id uuid NOT NULL DEFAULT uuidv7(),
    issued_on date,
    valid_until date,
    sent_at timestamptz,
    viewed_at timestamptz,
    view_count integer NOT NULL DEFAULT 0,
    accepted_at timestamptz,
    accepted_by_name text,
    accepted_ip inet,
    declined_at timestamptz,
    decline_reason text,
    converted_at timestamptz,
    pdf_document_id bigint,  -- → documents, when it comes
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_estimates_currency CHECK (currency ~ '^[A-Z]{3}$'),
    subtotal numeric(14,2) NOT NULL DEFAULT 0,
    discount_total numeric(14,2) NOT NULL DEFAULT 0,
    tax_total numeric(14,2) NOT NULL DEFAULT 0,
    total numeric(14,2) NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_estimates_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_estimates_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_estimates_tenant_id_number_revision_no UNIQUE (tenant_id, number, revision_no),
    CONSTRAINT uq_estimates_public_id UNIQUE (public_id),
    CONSTRAINT uq_estimates_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_estimates_customer_or_lead CHECK (num_nonnulls(customer_id, lead_id) >= 1),
    CONSTRAINT ck_estimates_accepted CHECK (status <> 'accepted' OR (accepted_at IS NOT NULL
            AND accepted_by_name IS NOT NULL)),
    CONSTRAINT ck_estimates_valid_until CHECK (valid_until IS NULL OR issued_on IS NULL OR valid_until >= issued_on),
    CONSTRAINT ck_estimates_total CHECK (total = subtotal - discount_total + tax_total),
    CONSTRAINT ck_estimates_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_estimates_tenant_id_status_valid_until ON estimates (tenant_id, status, valid_until);
CREATE INDEX ix_estimates_tenant_id_estimator_id_status ON estimates (tenant_id, estimator_id, status);
CREATE INDEX ix_estimates_customer_id_created_at ON estimates (customer_id, created_at DESC);
CREATE INDEX ix_estimates_title_trgm ON estimates USING gin (title gin_trgm_ops);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_estimates_tenant_id_created_at_id ON estimates (tenant_id, created_at, id);
CREATE INDEX ix_estimates_tenant_id_updated_at_id ON estimates (tenant_id, updated_at, id);
CREATE INDEX ix_estimates_tenant_id_number_id ON estimates (tenant_id, number, id);
CREATE INDEX ix_estimates_tenant_id_total_id ON estimates (tenant_id, total, id);
CREATE INDEX ix_estimates_revised_from_id ON estimates (revised_from_id);
CREATE INDEX ix_estimates_property_id ON estimates (property_id);
CREATE INDEX ix_estimates_contact_id ON estimates (contact_id);
CREATE INDEX ix_estimates_estimator_id ON estimates (estimator_id);
CREATE INDEX ix_estimates_ai_decision_id ON estimates (ai_decision_id);
CREATE INDEX ix_estimates_created_by ON estimates (created_by);
CREATE INDEX ix_estimates_updated_by ON estimates (updated_by);

CREATE TABLE estimate_lines (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_estimate_lines PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_estimate_lines_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    estimate_id bigint NOT NULL CONSTRAINT fk_estimate_lines_estimate_id REFERENCES estimates ON DELETE CASCADE,
    position integer NOT NULL DEFAULT 0,
    product_id bigint CONSTRAINT fk_estimate_lines_product_id REFERENCES products ON DELETE SET NULL,
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
        CONSTRAINT ck_estimate_lines_cost_type CHECK (cost_type IN ('labor', 'material', 'travel', 'equipment',
            'subcontract', 'other')),
    section text,
    roof_section_id bigint,  -- → roof_sections, when it comes
    is_optional boolean NOT NULL DEFAULT false,
    is_selected boolean NOT NULL DEFAULT true,
    ai_rationale text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_estimate_lines_quantity CHECK (quantity <> 0)
);
CREATE INDEX ix_estimate_lines_estimate_id_position ON estimate_lines (estimate_id, position);
CREATE INDEX ix_estimate_lines_tenant_id ON estimate_lines (tenant_id);
CREATE INDEX ix_estimate_lines_product_id ON estimate_lines (product_id);
"""

LEDGER = """
SELECT govern('products');
SELECT govern('estimates');
SELECT govern('estimate_lines');
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON products, estimates, estimate_lines TO console_app;
"""
