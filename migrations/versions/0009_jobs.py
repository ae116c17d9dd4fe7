"""Field work: jobs, their visits, and the touches around them."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("SELECT ungovern('jobs'), ungovern('job_visits'), ungovern('crm_activities')")
    op.execute("DROP TABLE crm_activities, job_visits, jobs")


TABLES = r"""
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_jobs PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_jobs_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text NOT NULL,
    title text NOT NULL,
    kind text NOT NULL DEFAULT 'service' CONSTRAINT ck_jobs_kind CHECK (kind IN ('service', 'production')),
    work_type text NOT NULL DEFAULT 'other'
        CONSTRAINT ck_jobs_work_type CHECK (work_type IN ('leak', 'scope', 'warranty', 'inspection',
            'maintenance', 'snow_removal', 'reroof', 'new_construction', 'metal', 'coating', 'non_billable',
            'other')),
    status text NOT NULL DEFAULT 'new'
        CONSTRAINT ck_jobs_status CHECK (status IN ('new', 'approved', 'scheduled', 'in_progress', 'on_hold',
            'completed', 'authorized', 'invoiced', 'closed', 'cancelled')),
    priority text NOT NULL DEFAULT 'normal'
        CONSTRAINT ck_jobs_priority CHECK (priority IN ('low', 'normal', 'high', 'emergency')),
    customer_id bigint NOT NULL CONSTRAINT fk_jobs_customer_id REFERENCES customers ON DELETE RESTRICT,
    property_id bigint CONSTRAINT fk_jobs_property_id REFERENCES properties ON DELETE RESTRICT,
    contact_id bigint CONSTRAINT fk_jobs_contact_id REFERENCES contacts ON DELETE SET NULL,
    estimate_id bigint CONSTRAINT fk_jobs_estimate_id REFERENCES estimates ON DELETE RESTRICT,
    order_id bigint,  -- → orders, when it comes
    subscription_id bigint,  -- → subscriptions, when it comes
    recall_of_job_id bigint CONSTRAINT fk_jobs_recall_of_job_id REFERENCES jobs ON DELETE SET NULL,
    project_manager_id bigint CONSTRAINT fk_jobs_project_manager_id REFERENCES app_users ON DELETE SET NULL,
    lead_tech_id bigint CONSTRAINT fk_jobs_lead_tech_id REFERENCES app_users ON DELETE SET NULL,
    sales_rep_id bigint CONSTRAINT fk_jobs_sales_rep_id REFERENCES app_users ON DELETE SET NULL,
    billing_method text NOT NULL DEFAULT 'time_materials'
        CONSTRAINT ck_jobs_billing_method CHECK (billing_method IN ('time_materials', 'fixed', 'progress',
            'warranty', 'none')),
    is_billable boolean NOT NULL DEFAULT true,
    nte_amount numeric(14,2),
    po_number text,
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_jobs_currency CHECK (currency ~ '^[A-Z]{3}$'),
    contract_value numeric(14,2) NOT NULL DEFAULT 0,
    approved_changes numeric(14,2) NOT NULL DEFAULT 0,
    est_cost numeric(14,2) NOT NULL DEFAULT 0,
    est_labor_hours numeric(10,2) NOT NULL DEFAULT 0,
    act_labor_hours numeric(10,2) NOT NULL DEFAULT 0,
    act_labor_cost numeric(14,2) NOT NULL DEFAULT 0,
    act_material_cost numeric(14,2) NOT NULL DEFAULT 0,
    act_other_cost numeric(14,2) NOT NULL DEFAULT 0,
    billed_total numeric(14,2) NOT NULL DEFAULT 0,
    percent_complete numeric(7,4) NOT NULL DEFAULT 0,
    requested_at timestamptz NOT NULL DEFAULT now(),
    due_by timestamptz,
    scheduled_start timestamptz,
    scheduled_end timestamptz,
    started_at timestamptz,
    completed_at timestamptz,
    authorized_at timestamptz,
    authorized_by bigint CONSTRAINT fk_jobs_authorized_by REFERENCES app_users ON DELETE SET NULL,
    invoiced_at timestamptz,
    closed_at timestamptz,
    cancelled_at timestamptz,
    cancel_reason text,
    hold_reason text
        CONSTRAINT ck_jobs_hold_reason CHECK (hold_reason IN ('weather', 'materials', 'customer', 'access',
            'permit', 'credit', 'crew', 'other')),
    held_from text,
    hold_until date,
    stage_entered_at timestamptz NOT NULL DEFAULT now(),
    signed_off_name text,
    signed_off_at timestamptz,
    completion_summary text,
    tags text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_jobs_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_jobs_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_jobs_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT uq_jobs_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_jobs_on_hold CHECK ((status = 'on_hold') = (hold_reason IS NOT NULL)),
    CONSTRAINT ck_jobs_cancelled CHECK (status <> 'cancelled' OR cancel_reason IS NOT NULL),
    CONSTRAINT ck_jobs_completed CHECK (
        status NOT IN ('completed', 'authorized', 'invoiced', 'closed') OR completed_at IS NOT NULL
    ),
    CONSTRAINT ck_jobs_percent_complete CHECK (percent_complete BETWEEN 0 AND 100),
    CONSTRAINT ck_jobs_scheduled_end CHECK (scheduled_end IS NULL OR scheduled_end >= scheduled_start),
    CONSTRAINT ck_jobs_not_billable CHECK (is_billable OR billing_method IN ('warranty', 'none')),
    CONSTRAINT ck_jobs_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_jobs_tenant_id_status_priority_due_by ON jobs (tenant_id, status, priority, due_by);
CREATE INDEX ix_jobs_tenant_id_completed_at_to_bill
    ON jobs (tenant_id, completed_at)
    WHERE status IN ('completed', 'authorized');
CREATE INDEX ix_jobs_customer_id_created_at ON jobs (customer_id, created_at DESC);
CREATE INDEX ix_jobs_property_id_created_at ON jobs (property_id, created_at DESC);
CREATE INDEX ix_jobs_lead_tech_id_scheduled_start ON jobs (lead_tech_id, scheduled_start);
CREATE INDEX ix_jobs_title_trgm ON jobs USING gin (title gin_trgm_ops);
CREATE INDEX ix_jobs_number_trgm ON jobs USING gin (number gin_trgm_ops);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_jobs_tenant_id_scheduled_start_id ON jobs (tenant_id, scheduled_start, id);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_jobs_tenant_id_requested_at_id ON jobs (tenant_id, requested_at, id);
CREATE INDEX ix_jobs_tenant_id_updated_at_id ON jobs (tenant_id, updated_at, id);
CREATE INDEX ix_jobs_tenant_id_number_id ON jobs (tenant_id, number, id);
CREATE INDEX ix_jobs_contact_id ON jobs (contact_id);
CREATE INDEX ix_jobs_estimate_id ON jobs (estimate_id);
CREATE INDEX ix_jobs_recall_of_job_id ON jobs (recall_of_job_id);
CREATE INDEX ix_jobs_project_manager_id ON jobs (project_manager_id);
CREATE INDEX ix_jobs_sales_rep_id ON jobs (sales_rep_id);
CREATE INDEX ix_jobs_authorized_by ON jobs (authorized_by);
CREATE INDEX ix_jobs_created_by ON jobs (created_by);
CREATE INDEX ix_jobs_updated_by ON jobs (updated_by);

CREATE TABLE job_visits (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_job_visits PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_job_visits_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    job_id bigint NOT NULL CONSTRAINT fk_job_visits_job_id REFERENCES jobs ON DELETE CASCADE,
    visit_no integer NOT NULL DEFAULT 1,
    status text NOT NULL DEFAULT 'scheduled'
        CONSTRAINT ck_job_visits_status CHECK (status IN ('scheduled', 'dispatched', 'working', 'paused', 'done',
            'no_access', 'cancelled')),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    crew_lead_id bigint CONSTRAINT fk_job_visits_crew_lead_id REFERENCES app_users ON DELETE SET NULL,
    crew_ids bigint[] NOT NULL DEFAULT '{}',
    arrived_at timestamptz,
    departed_at timestamptz,
    labor_hours numeric(8,2) NOT NULL DEFAULT 0,
    travel_hours numeric(8,2) NOT NULL DEFAULT 0,
    material_cost numeric(14,2) NOT NULL DEFAULT 0,
    findings text,
    work_performed text,
    needs_return boolean NOT NULL DEFAULT false,
    signature_name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_job_visits_job_id_visit_no UNIQUE (job_id, visit_no),
    CONSTRAINT ck_job_visits_ends_at CHECK (ends_at > starts_at),
    CONSTRAINT ck_job_visits_departed_at CHECK (departed_at IS NULL OR departed_at >= arrived_at),
    CONSTRAINT ck_job_visits_hours CHECK (labor_hours >= 0 AND travel_hours >= 0)
);
CREATE INDEX ix_job_visits_crew_lead_id_starts_at ON job_visits (crew_lead_id, starts_at);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_job_visits_tenant_id_starts_at_id ON job_visits (tenant_id, starts_at, id);

CREATE TABLE crm_activities (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_crm_activities PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_crm_activities_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    kind text NOT NULL
        CONSTRAINT ck_crm_activities_kind CHECK (kind IN ('call', 'email', 'sms', 'meeting', 'note',
            'site_visit', 'status_change', 'system')),
    direction text CONSTRAINT ck_crm_activities_direction CHECK (direction IN ('in', 'out')),
    subject text NOT NULL,
    body text,
    customer_id bigint CONSTRAINT fk_crm_activities_customer_id REFERENCES customers ON DELETE CASCADE,
    lead_id bigint,  -- → leads, when it comes
    contact_id bigint CONSTRAINT fk_crm_activities_contact_id REFERENCES contacts ON DELETE SET NULL,
    job_id bigint CONSTRAINT fk_crm_activities_job_id REFERENCES jobs ON DELETE SET NULL,
    app_user_id bigint CONSTRAINT fk_crm_activities_app_user_id REFERENCES app_users ON DELETE SET NULL,
    agent_id bigint CONSTRAINT fk_crm_activities_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    message_id bigint,  -- → message_outbox, when it comes
    occurred_at timestamptz NOT NULL DEFAULT now(),
    duration_minutes integer,
    outcome text,
    is_pinned boolean NOT NULL DEFAULT false,
    is_internal boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_crm_activities_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_crm_activities_updated_by REFERENCES app_users ON DELETE SET NULL,
    CONSTRAINT ck_crm_activities_customer_or_lead CHECK (num_nonnulls(customer_id, lead_id) >= 1)
);
CREATE INDEX ix_crm_activities_customer_id_occurred_at ON crm_activities (customer_id, occurred_at DESC);
CREATE INDEX ix_crm_activities_lead_id_occurred_at ON crm_activities (lead_id, occurred_at DESC);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_crm_activities_tenant_id_occurred_at_id ON crm_activities (tenant_id, occurred_at DESC, id DESC);
CREATE INDEX ix_crm_activities_contact_id ON crm_activities (contact_id);
CREATE INDEX ix_crm_activities_job_id ON crm_activities (job_id);
CREATE INDEX ix_crm_activities_app_user_id ON crm_activities (app_user_id);
CREATE INDEX ix_crm_activities_agent_id ON crm_activities (agent_id);
CREATE INDEX ix_crm_activities_created_by ON crm_activities (created_by);
CREATE INDEX ix_crm_activities_updated_by ON crm_activities (updated_by);
"""

LEDGER = """
SELECT govern('jobs');
SELECT govern('job_visits');
SELECT govern('crm_activities');
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs, job_visits, crm_activities TO console_app;
"""
