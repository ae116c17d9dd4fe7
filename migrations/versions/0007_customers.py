"""Who pays, who answers the phone, and where the roofs are."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("SELECT ungovern('customers'), ungovern('properties'), ungovern('contacts')")
    op.execute("DROP TABLE contacts, properties, customers")


TABLES = r"""
CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_customers PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_customers_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text NOT NULL,
    name text NOT NULL,
    legal_name text,
    kind text NOT NULL DEFAULT 'company'
        CONSTRAINT ck_customers_kind CHECK (kind IN ('company', 'corporate', 'residential', 'contractor',
            'government', 'vendor')),
    status text NOT NULL DEFAULT 'prospect'
        CONSTRAINT ck_customers_status CHECK (status IN ('prospect', 'active', 'credit_hold', 'inactive',
            'merged')),
    parent_id bigint CONSTRAINT fk_customers_parent_id REFERENCES customers ON DELETE SET NULL,
    merged_into_id bigint CONSTRAINT fk_customers_merged_into_id REFERENCES customers ON DELETE RESTRICT,
    account_manager_id bigint CONSTRAINT fk_customers_account_manager_id REFERENCES app_users ON DELETE SET NULL,
    source text,
    tags text[] NOT NULL DEFAULT '{}',
    email text,
    phone_e164 text,
    website text,
    bill_line1 text,
    bill_line2 text,
    bill_city text,
    bill_region text,
    bill_postal text,
    bill_country char(2) NOT NULL DEFAULT 'US',
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_customers_currency CHECK (currency ~ '^[A-Z]{3}$'),
    payment_terms_days integer NOT NULL DEFAULT 30,
    credit_limit numeric(14,2),
    tax_exempt boolean NOT NULL DEFAULT false,
    tax_exempt_expires_on date,
    default_nte numeric(14,2),
    po_required boolean NOT NULL DEFAULT false,
    invoice_delivery text NOT NULL DEFAULT 'email'
        CONSTRAINT ck_customers_invoice_delivery CHECK (invoice_delivery IN ('email', 'portal', 'mail')),
    billing_instructions text,
    work_instructions text,
    name_norm text
        GENERATED ALWAYS AS (
            regexp_replace(lower(name), '\m(inc|llc|ltd|corp|co|company|the)\M|[^a-z0-9]', '', 'g')
        ) STORED,
    rfm_recency integer,
    rfm_frequency integer,
    rfm_monetary integer,
    rfm_segment text
        CONSTRAINT ck_customers_rfm_segment CHECK (rfm_segment IN ('champion', 'loyal', 'potential', 'new',
            'at_risk', 'lost')),
    rfm_scored_at timestamptz,
    lifetime_revenue numeric(14,2) NOT NULL DEFAULT 0,
    open_balance numeric(14,2) NOT NULL DEFAULT 0,
    last_job_at timestamptz,
    stripe_customer_id text,
    notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_customers_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_customers_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_customers_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT uq_customers_stripe_customer_id UNIQUE (stripe_customer_id),
    CONSTRAINT uq_customers_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_customers_payment_terms_days CHECK (payment_terms_days BETWEEN 0 AND 180),
    CONSTRAINT ck_customers_credit_limit CHECK (credit_limit >= 0),
    CONSTRAINT ck_customers_merged CHECK ((status = 'merged') = (merged_into_id IS NOT NULL)),
    CONSTRAINT ck_customers_merged_into_id CHECK (merged_into_id <> id),
    CONSTRAINT ck_customers_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_customers_tenant_id_status_name ON customers (tenant_id, status, name);
CREATE INDEX ix_customers_name_trgm ON customers USING gin (name gin_trgm_ops);
CREATE INDEX ix_customers_tenant_id_name_norm ON customers (tenant_id, name_norm);
CREATE INDEX ix_customers_tenant_id_phone_e164 ON customers (tenant_id, phone_e164);
CREATE INDEX ix_customers_tenant_id_account_manager_id_status ON customers (tenant_id, account_manager_id, status);
CREATE INDEX ix_customers_tenant_id_rfm_segment ON customers (tenant_id, rfm_segment);
CREATE INDEX ix_customers_tags ON customers USING gin (tags);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_customers_tenant_id_updated_at_id ON customers (tenant_id, updated_at, id);
CREATE INDEX ix_customers_tenant_id_name_id ON customers (tenant_id, name, id);
CREATE INDEX ix_customers_tenant_id_number_id ON customers (tenant_id, number, id);
CREATE INDEX ix_customers_tenant_id_open_balance_id ON customers (tenant_id, open_balance, id);
CREATE INDEX ix_customers_parent_id ON customers (parent_id);
CREATE INDEX ix_customers_merged_into_id ON customers (merged_into_id);
CREATE INDEX ix_customers_account_manager_id ON customers (account_manager_id);
CREATE INDEX ix_customers_created_by ON customers (created_by);
CREATE INDEX ix_customers_updated_by ON customers (updated_by);

CREATE TABLE properties (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_properties PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_properties_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    customer_id bigint NOT NULL CONSTRAINT fk_properties_customer_id REFERENCES customers ON DELETE RESTRICT,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active'
        CONSTRAINT ck_properties_status CHECK (status IN ('active', 'sold', 'demolished', 'inactive')),
    line1 text NOT NULL,
    line2 text,
    city text NOT NULL,
    region text NOT NULL,
    postal text NOT NULL,
    country char(2) NOT NULL DEFAULT 'US',
    lat numeric(9,6),
    lng numeric(9,6),
    building_type text,
    stories integer,
    roof_area_sqft numeric(12,2),
    roof_access text
        CONSTRAINT ck_properties_roof_access CHECK (roof_access IN ('ladder', 'hatch', 'stairs', 'lift')),
    access_notes text,
    safety_notes text,
    tax_rate numeric(7,4),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_properties_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_properties_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_properties_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_properties_roof_area_sqft CHECK (roof_area_sqft > 0),
    CONSTRAINT ck_properties_tax_rate CHECK (tax_rate BETWEEN 0 AND 25),
    CONSTRAINT ck_properties_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_properties_tenant_id_customer_id_name ON properties (tenant_id, customer_id, name);
CREATE INDEX ix_properties_name_trgm ON properties USING gin (name gin_trgm_ops);
CREATE INDEX ix_properties_line1_trgm ON properties USING gin (line1 gin_trgm_ops);
CREATE INDEX ix_properties_tenant_id_region_city ON properties (tenant_id, region, city);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_properties_tenant_id_name_id ON properties (tenant_id, name, id);
CREATE INDEX ix_properties_tenant_id_updated_at_id ON properties (tenant_id, updated_at, id);
CREATE INDEX ix_properties_customer_id ON properties (customer_id);
CREATE INDEX ix_properties_created_by ON properties (created_by);
CREATE INDEX ix_properties_updated_by ON properties (updated_by);

CREATE TABLE contacts (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_contacts PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_contacts_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    customer_id bigint CONSTRAINT fk_contacts_customer_id REFERENCES customers ON DELETE CASCADE,
    property_id bigint CONSTRAINT fk_contacts_property_id REFERENCES properties ON DELETE SET NULL,
    full_name text NOT NULL,
    title text,
    role text NOT NULL DEFAULT 'other'
        CONSTRAINT ck_contacts_role CHECK (role IN ('primary', 'billing', 'site', 'facility_manager', 'owner',
            'tenant', 'other')),
    is_primary boolean NOT NULL DEFAULT false,
    is_billing boolean NOT NULL DEFAULT false,
    email text,
    email_norm text GENERATED ALWAYS AS (lower(btrim(email))) STORED,
    phone_e164 text,
    mobile_e164 text,
    preferred_channel text NOT NULL DEFAULT 'email'
        CONSTRAINT ck_contacts_preferred_channel CHECK (preferred_channel IN ('email', 'phone', 'sms')),
    email_opt_in boolean NOT NULL DEFAULT true,
    sms_opt_in boolean NOT NULL DEFAULT false,
    sms_consent_at timestamptz,
    bounced_at timestamptz,
    notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_contacts_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_contacts_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_contacts_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_contacts_sms_consent CHECK (NOT sms_opt_in OR sms_consent_at IS NOT NULL),
    CONSTRAINT ck_contacts_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE UNIQUE INDEX uq_contacts_customer_id ON contacts (customer_id) WHERE is_primary AND archived_at IS NULL;
CREATE INDEX ix_contacts_full_name_trgm ON contacts USING gin (full_name gin_trgm_ops);
CREATE INDEX ix_contacts_tenant_id_email_norm ON contacts (tenant_id, email_norm);
CREATE INDEX ix_contacts_tenant_id_mobile_e164 ON contacts (tenant_id, mobile_e164);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_contacts_tenant_id_full_name_id ON contacts (tenant_id, full_name, id);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_contacts_tenant_id_updated_at_id ON contacts (tenant_id, updated_at, id);
CREATE INDEX ix_contacts_customer_id ON contacts (customer_id);
CREATE INDEX ix_contacts_property_id ON contacts (property_id);
CREATE INDEX ix_contacts_created_by ON contacts (created_by);
CREATE INDEX ix_contacts_updated_by ON contacts (updated_by);
"""

LEDGER = """
SELECT govern('customers');
SELECT govern('properties');
SELECT govern('contacts');
"""

RIGHTS = """
-- DELETE only so that a creation can be undone; the console archives.
GRANT SELECT, INSERT, UPDATE, DELETE ON customers, properties, contacts TO console_app;
"""
