"""Leads: enquiries from the first word to won or lost, which estimates and activities can now point at."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(POINTING)
    op.execute(LEDGER)
    op.execute(RIGHTS)
    op.execute(ROLES)


def downgrade() -> None:
    op.execute("UPDATE crm_activities SET lead_id = NULL WHERE lead_id IS NOT NULL AND customer_id IS NOT NULL")
    # What hangs on a lead alone goes with it, and an estimate for nobody else stops us: the keys say so.
    op.execute("DELETE FROM leads")
    op.execute("ALTER TABLE crm_activities DROP CONSTRAINT fk_crm_activities_lead_id")
    op.execute("ALTER TABLE estimates DROP CONSTRAINT fk_estimates_lead_id; DROP INDEX ix_estimates_lead_id")
    op.execute("SELECT ungovern('leads')")
    op.execute("DROP TABLE leads")


TABLES = r"""
CREATE TABLE leads (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_leads PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_leads_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text NOT NULL,
    title text NOT NULL,
    status text NOT NULL DEFAULT 'new'
        CONSTRAINT ck_leads_status CHECK (status IN ('new', 'contacted', 'qualified', 'quoted', 'won', 'lost',
            'disqualified', 'nurture')),
    source text NOT NULL DEFAULT 'other'
        CONSTRAINT ck_leads_source CHECK (source IN ('web_form', 'landing_page', 'google_ads', 'phone', 'referral',
            'repeat', 'walk_in', 'partner', 'import', 'ai_outreach', 'other')),
    campaign_id bigint,  -- → ad_campaigns, when it comes
    landing_page_id bigint,  -- → landing_pages, when it comes
    utm jsonb NOT NULL DEFAULT '{}',
    gclid text,
    customer_id bigint CONSTRAINT fk_leads_customer_id REFERENCES customers ON DELETE SET NULL,
    property_id bigint CONSTRAINT fk_leads_property_id REFERENCES properties ON DELETE SET NULL,
    referred_by_id bigint CONSTRAINT fk_leads_referred_by_id REFERENCES customers ON DELETE SET NULL,
    owner_id bigint CONSTRAINT fk_leads_owner_id REFERENCES app_users ON DELETE SET NULL,
    duplicate_of_id bigint CONSTRAINT fk_leads_duplicate_of_id REFERENCES leads ON DELETE SET NULL,
    contact_name text NOT NULL,
    company_name text,
    email text,
    email_norm text GENERATED ALWAYS AS (lower(btrim(email))) STORED,
    phone_e164 text,
    site_address text,
    site_city text,
    site_region text,
    site_postal text,
    service_interest text NOT NULL DEFAULT 'other'
        CONSTRAINT ck_leads_service_interest CHECK (service_interest IN ('leak_repair', 'maintenance', 'inspection',
            'reroof', 'new_construction', 'coating', 'emergency', 'other')),
    urgency text NOT NULL DEFAULT 'normal'
        CONSTRAINT ck_leads_urgency CHECK (urgency IN ('low', 'normal', 'high', 'emergency')),
    roof_area_sqft numeric(12,2),
    estimated_value numeric(14,2),
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_leads_currency CHECK (currency ~ '^[A-Z]{3}$'),
    probability_pct numeric(7,4) NOT NULL DEFAULT 0,
    expected_close_on date,
    notes text,
    fit_score integer NOT NULL DEFAULT 0,
    engagement_score integer NOT NULL DEFAULT 0,
    score integer NOT NULL DEFAULT 0,
    grade char(2),
    score_breakdown jsonb NOT NULL DEFAULT '[]',
    score_override integer,
    score_override_reason text,
    scored_at timestamptz,
    stage_entered_at timestamptz NOT NULL DEFAULT now(),
    first_response_at timestamptz,
    qualified_at timestamptz,
    quoted_at timestamptz,
    won_at timestamptz,
    lost_at timestamptz,
    lost_reason text
        CONSTRAINT ck_leads_lost_reason CHECK (lost_reason IN ('price', 'timing', 'competitor', 'no_response',
            'not_a_fit', 'duplicate', 'out_of_area', 'project_cancelled', 'other')),
    competitor text,
    next_action_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_leads_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_leads_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_leads_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT uq_leads_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_leads_lost CHECK ((status IN ('lost', 'disqualified')) = (lost_reason IS NOT NULL)),
    CONSTRAINT ck_leads_won CHECK (status <> 'won' OR (won_at IS NOT NULL AND customer_id IS NOT NULL)),
    CONSTRAINT ck_leads_scores CHECK (score BETWEEN 0 AND 100 AND fit_score BETWEEN 0 AND 100
        AND engagement_score BETWEEN 0 AND 100),
    CONSTRAINT ck_leads_probability_pct CHECK (probability_pct BETWEEN 0 AND 100),
    CONSTRAINT ck_leads_score_override CHECK (score_override IS NULL OR score_override_reason IS NOT NULL),
    CONSTRAINT ck_leads_duplicate_of_id CHECK (duplicate_of_id <> id),
    CONSTRAINT ck_leads_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_leads_tenant_id_status_score ON leads (tenant_id, status, score DESC);
CREATE INDEX ix_leads_tenant_id_owner_id_status_next_action_at ON leads (tenant_id, owner_id, status, next_action_at);
CREATE INDEX ix_leads_tenant_id_source_created_at ON leads (tenant_id, source, created_at);
CREATE INDEX ix_leads_tenant_id_email_norm ON leads (tenant_id, email_norm);
CREATE INDEX ix_leads_tenant_id_phone_e164 ON leads (tenant_id, phone_e164);
CREATE INDEX ix_leads_contact_name_trgm ON leads USING gin (contact_name gin_trgm_ops);
CREATE INDEX ix_leads_company_name_trgm ON leads USING gin (company_name gin_trgm_ops);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_leads_tenant_id_created_at_id ON leads (tenant_id, created_at DESC, id DESC);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_leads_tenant_id_score_id ON leads (tenant_id, score, id);
CREATE INDEX ix_leads_tenant_id_estimated_value_id ON leads (tenant_id, estimated_value, id);
CREATE INDEX ix_leads_customer_id ON leads (customer_id);
CREATE INDEX ix_leads_property_id ON leads (property_id);
CREATE INDEX ix_leads_referred_by_id ON leads (referred_by_id);
CREATE INDEX ix_leads_owner_id ON leads (owner_id);
CREATE INDEX ix_leads_duplicate_of_id ON leads (duplicate_of_id);
CREATE INDEX ix_leads_created_by ON leads (created_by);
CREATE INDEX ix_leads_updated_by ON leads (updated_by);
"""

POINTING = """
CREATE INDEX ix_estimates_lead_id ON estimates (lead_id);
ALTER TABLE estimates
    ADD CONSTRAINT fk_estimates_lead_id FOREIGN KEY (lead_id) REFERENCES leads ON DELETE SET NULL;
ALTER TABLE crm_activities
    ADD CONSTRAINT fk_crm_activities_lead_id FOREIGN KEY (lead_id) REFERENCES leads ON DELETE CASCADE;
"""

LEDGER = """
SELECT govern('leads');
"""

RIGHTS = """
-- DELETE only so that a creation can be undone; the console archives.
GRANT SELECT, INSERT, UPDATE, DELETE ON leads TO console_app;
"""

# A company founded before there were leads: its roles get what a new company's begin with, and keep all else.
ROLES = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM roles WHERE is_system ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.leads',
            'Leads came to the console: the roles that work them may', NULL, NULL, NULL, company);
        UPDATE roles SET permissions = roles.permissions || given.permissions
        FROM (VALUES ('sales', ARRAY['leads.*']), ('operations_manager', ARRAY['leads.read', 'leads.reveal']),
            ('viewer', ARRAY['leads.read']), ('worker', ARRAY['leads.create', 'leads.quote', 'leads.win']))
            AS given (key, permissions)
        WHERE roles.tenant_id = company AND roles.is_system AND roles.key = given.key
            AND NOT roles.permissions && given.permissions;
    END LOOP;
END
$$;
"""
