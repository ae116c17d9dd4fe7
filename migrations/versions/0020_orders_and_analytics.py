"""Orders, recurring agreements, audiences and campaigns; events, experiments and the agents' figures."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute(UNGOVERN)
    op.execute("""
        DROP TABLE agent_performance, ai_performance, ab_test_results, analytics_events, ad_campaigns, landing_pages,
            ab_tests, subscriptions, order_lines, orders, customer_segments, lead_scoring_rules
    """)


TABLES = r"""
CREATE TABLE lead_scoring_rules (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_lead_scoring_rules PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_lead_scoring_rules_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    name text NOT NULL,
    dimension text NOT NULL
        CONSTRAINT ck_lead_scoring_rules_dimension CHECK (dimension IN ('fit', 'engagement', 'penalty')),
    expression jsonb NOT NULL,
    points integer NOT NULL,
    max_points integer,
    half_life_days integer,
    is_active boolean NOT NULL DEFAULT true,
    position integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_lead_scoring_rules_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_lead_scoring_rules_updated_by REFERENCES app_users ON DELETE SET NULL,
    CONSTRAINT uq_lead_scoring_rules_tenant_id_name UNIQUE (tenant_id, name),
    CONSTRAINT ck_lead_scoring_rules_points CHECK (points BETWEEN -100 AND 100),
    CONSTRAINT ck_lead_scoring_rules_half_life_days CHECK (half_life_days IS NULL OR dimension = 'engagement')
);
CREATE INDEX ix_lead_scoring_rules_created_by ON lead_scoring_rules (created_by);
CREATE INDEX ix_lead_scoring_rules_updated_by ON lead_scoring_rules (updated_by);

CREATE TABLE customer_segments (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_customer_segments PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_customer_segments_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL DEFAULT 'rule' CONSTRAINT ck_customer_segments_kind CHECK (kind IN ('rule', 'rfm', 'tag')),
    filter jsonb NOT NULL DEFAULT '{}',
    member_count integer NOT NULL DEFAULT 0,
    refreshed_at timestamptz,
    color text,
    owner_id bigint CONSTRAINT fk_customer_segments_owner_id REFERENCES app_users ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_customer_segments_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_customer_segments_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_customer_segments_tenant_id_key UNIQUE (tenant_id, key)
);
CREATE INDEX ix_customer_segments_owner_id ON customer_segments (owner_id);
CREATE INDEX ix_customer_segments_created_by ON customer_segments (created_by);
CREATE INDEX ix_customer_segments_updated_by ON customer_segments (updated_by);

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_orders PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_orders_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text NOT NULL,
    kind text NOT NULL DEFAULT 'service'
        CONSTRAINT ck_orders_kind CHECK (kind IN ('service', 'material', 'product', 'plan')),
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_orders_status CHECK (status IN ('draft', 'confirmed', 'on_hold', 'in_fulfilment',
            'fulfilled', 'closed', 'cancelled')),
    channel text NOT NULL DEFAULT 'console'
        CONSTRAINT ck_orders_channel CHECK (channel IN ('console', 'public_site', 'api', 'import')),
    customer_id bigint NOT NULL CONSTRAINT fk_orders_customer_id REFERENCES customers ON DELETE RESTRICT,
    estimate_id bigint CONSTRAINT fk_orders_estimate_id REFERENCES estimates ON DELETE RESTRICT,
    property_id bigint CONSTRAINT fk_orders_property_id REFERENCES properties ON DELETE RESTRICT,
    contact_id bigint CONSTRAINT fk_orders_contact_id REFERENCES contacts ON DELETE SET NULL,
    sales_rep_id bigint CONSTRAINT fk_orders_sales_rep_id REFERENCES app_users ON DELETE SET NULL,
    po_number text,
    confirmed_at timestamptz,
    needed_by date,
    fulfilled_at timestamptz,
    closed_at timestamptz,
    cancelled_at timestamptz,
    cancel_reason text,
    hold_reason text,
    invoiced_total numeric(14,2) NOT NULL DEFAULT 0,
    notes text,
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_orders_currency CHECK (currency ~ '^[A-Z]{3}$'),
    subtotal numeric(14,2) NOT NULL DEFAULT 0,
    discount_total numeric(14,2) NOT NULL DEFAULT 0,
    tax_total numeric(14,2) NOT NULL DEFAULT 0,
    total numeric(14,2) NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_orders_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_orders_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_orders_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT ck_orders_total CHECK (total = subtotal - discount_total + tax_total),
    CONSTRAINT ck_orders_cancelled CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL)),
    CONSTRAINT ck_orders_on_hold CHECK ((status = 'on_hold') = (hold_reason IS NOT NULL)),
    CONSTRAINT uq_orders_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_orders_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_orders_tenant_id_status_needed_by ON orders (tenant_id, status, needed_by);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_orders_tenant_id_created_at_id ON orders (tenant_id, created_at, id);
CREATE INDEX ix_orders_tenant_id_needed_by_id ON orders (tenant_id, needed_by, id);
CREATE INDEX ix_orders_tenant_id_total_id ON orders (tenant_id, total, id);
CREATE INDEX ix_orders_customer_id_created_at ON orders (customer_id, created_at DESC);
CREATE INDEX ix_orders_estimate_id ON orders (estimate_id);
CREATE INDEX ix_orders_property_id ON orders (property_id);
CREATE INDEX ix_orders_contact_id ON orders (contact_id);
CREATE INDEX ix_orders_sales_rep_id ON orders (sales_rep_id);
CREATE INDEX ix_orders_created_by ON orders (created_by);
CREATE INDEX ix_orders_updated_by ON orders (updated_by);

CREATE TABLE order_lines (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_order_lines PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_order_lines_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    order_id bigint NOT NULL CONSTRAINT fk_order_lines_order_id REFERENCES orders ON DELETE CASCADE,
    position integer NOT NULL DEFAULT 0,
    product_id bigint CONSTRAINT fk_order_lines_product_id REFERENCES products ON DELETE SET NULL,
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
        CONSTRAINT ck_order_lines_cost_type CHECK (cost_type IN ('labor', 'material', 'travel', 'equipment',
            'subcontract', 'other')),
    estimate_line_id bigint CONSTRAINT fk_order_lines_estimate_line_id REFERENCES estimate_lines ON DELETE SET NULL,
    fulfilled_qty numeric(14,4) NOT NULL DEFAULT 0,
    invoiced_qty numeric(14,4) NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_order_lines_fulfilled_qty CHECK (fulfilled_qty BETWEEN 0 AND quantity),
    CONSTRAINT ck_order_lines_quantity CHECK (quantity <> 0)
);
CREATE INDEX ix_order_lines_order_id_position ON order_lines (order_id, position);
CREATE INDEX ix_order_lines_tenant_id_id ON order_lines (tenant_id, id);
CREATE INDEX ix_order_lines_product_id ON order_lines (product_id);
CREATE INDEX ix_order_lines_estimate_line_id ON order_lines (estimate_line_id);

CREATE TABLE subscriptions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_subscriptions PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_subscriptions_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL DEFAULT 'service_agreement'
        CONSTRAINT ck_subscriptions_kind CHECK (kind IN ('service_agreement', 'software', 'retainer')),
    status text NOT NULL DEFAULT 'incomplete'
        CONSTRAINT ck_subscriptions_status CHECK (status IN ('incomplete', 'incomplete_expired', 'trialing',
            'active', 'past_due', 'unpaid', 'paused', 'cancelled')),
    customer_id bigint NOT NULL CONSTRAINT fk_subscriptions_customer_id REFERENCES customers ON DELETE RESTRICT,
    property_id bigint CONSTRAINT fk_subscriptions_property_id REFERENCES properties ON DELETE RESTRICT,
    product_id bigint CONSTRAINT fk_subscriptions_product_id REFERENCES products ON DELETE RESTRICT,
    quantity numeric(14,4) NOT NULL DEFAULT 1,
    unit_amount numeric(14,2) NOT NULL,
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_subscriptions_currency CHECK (currency ~ '^[A-Z]{3}$'),
    discount_pct numeric(7,4) NOT NULL DEFAULT 0,
    interval_unit text NOT NULL DEFAULT 'month'
        CONSTRAINT ck_subscriptions_interval_unit CHECK (interval_unit IN ('week', 'month', 'year')),
    interval_count integer NOT NULL DEFAULT 1,
    mrr numeric(14,2) GENERATED ALWAYS AS (
        round(quantity * unit_amount * (1 - discount_pct / 100) * CASE interval_unit WHEN 'week' THEN 52.0 / 12 WHEN
        'month' THEN 1 ELSE 1.0 / 12 END / interval_count, 2)
    ) STORED,
    collection text NOT NULL DEFAULT 'send_invoice'
        CONSTRAINT ck_subscriptions_collection CHECK (collection IN ('auto_charge', 'send_invoice')),
    starts_on date NOT NULL,
    trial_ends_at timestamptz,
    current_period_start date,
    current_period_end date,
    next_invoice_on date,
    ends_on date,
    auto_renew boolean NOT NULL DEFAULT true,
    visits_per_year integer,
    next_visit_on date,
    last_visit_on date,
    paused_at timestamptz,
    resume_on date,
    cancel_at_period_end boolean NOT NULL DEFAULT false,
    cancelled_at timestamptz,
    cancel_reason text
        CONSTRAINT ck_subscriptions_cancel_reason CHECK (cancel_reason IN ('price', 'service_quality',
            'sold_property', 'no_longer_needed', 'non_payment', 'competitor', 'term_ended', 'other')),
    dunning_step integer NOT NULL DEFAULT 0,
    payment_failed_at timestamptz,
    stripe_subscription_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_subscriptions_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_subscriptions_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_subscriptions_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT uq_subscriptions_stripe_subscription_id UNIQUE (stripe_subscription_id),
    CONSTRAINT ck_subscriptions_interval_count CHECK (interval_count BETWEEN 1 AND 36),
    CONSTRAINT ck_subscriptions_amounts CHECK (unit_amount >= 0 AND quantity > 0 AND discount_pct BETWEEN 0
        AND 100),
    CONSTRAINT ck_subscriptions_period CHECK (current_period_end IS NULL OR current_period_end >
        current_period_start),
    CONSTRAINT ck_subscriptions_cancelled CHECK (status <> 'cancelled' OR (cancelled_at IS NOT NULL AND
        cancel_reason IS NOT NULL)),
    CONSTRAINT uq_subscriptions_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_subscriptions_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_subscriptions_tenant_id_status_next_invoice_on ON subscriptions (tenant_id, status, next_invoice_on);
CREATE INDEX ix_subscriptions_tenant_id_next_visit_on_open ON subscriptions (tenant_id, next_visit_on)
    WHERE status IN ('active', 'past_due');
CREATE INDEX ix_subscriptions_tenant_id_name_id ON subscriptions (tenant_id, name, id);
CREATE INDEX ix_subscriptions_tenant_id_next_invoice_on_id ON subscriptions (tenant_id, next_invoice_on, id);
CREATE INDEX ix_subscriptions_tenant_id_mrr_id ON subscriptions (tenant_id, mrr, id);
CREATE INDEX ix_subscriptions_customer_id ON subscriptions (customer_id);
CREATE INDEX ix_subscriptions_property_id ON subscriptions (property_id);
CREATE INDEX ix_subscriptions_product_id ON subscriptions (product_id);
CREATE INDEX ix_subscriptions_created_by ON subscriptions (created_by);
CREATE INDEX ix_subscriptions_updated_by ON subscriptions (updated_by);

CREATE TABLE ab_tests (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ab_tests PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ab_tests_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    name text NOT NULL,
    hypothesis text NOT NULL,
    surface text NOT NULL
        CONSTRAINT ck_ab_tests_surface CHECK (surface IN ('landing_page', 'email', 'sms', 'estimate',
            'ai_prompt', 'console')),
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_ab_tests_status CHECK (status IN ('draft', 'running', 'paused', 'stopped', 'concluded')),
    variants jsonb NOT NULL,
    traffic_pct numeric(7,4) NOT NULL DEFAULT 100,
    unit text NOT NULL DEFAULT 'anonymous_id'
        CONSTRAINT ck_ab_tests_unit CHECK (unit IN ('anonymous_id', 'lead', 'customer', 'app_user', 'decision')),
    salt text NOT NULL,
    primary_metric text NOT NULL,
    metric_kind text NOT NULL DEFAULT 'proportion'
        CONSTRAINT ck_ab_tests_metric_kind CHECK (metric_kind IN ('proportion', 'mean')),
    guardrail_metrics text[] NOT NULL DEFAULT '{}',
    mde_pct numeric(7,4),
    alpha numeric(5,4) NOT NULL DEFAULT 0.05,
    power numeric(5,4) NOT NULL DEFAULT 0.8,
    min_sample_per_variant integer NOT NULL DEFAULT 100,
    planned_days integer NOT NULL DEFAULT 14,
    owner_id bigint CONSTRAINT fk_ab_tests_owner_id REFERENCES app_users ON DELETE SET NULL,
    started_at timestamptz,
    stopped_at timestamptz,
    winner text,
    decision text
        CONSTRAINT ck_ab_tests_decision CHECK (decision IN ('ship', 'rollback', 'iterate', 'inconclusive')),
    conclusion text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_ab_tests_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_ab_tests_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_ab_tests_tenant_id_key UNIQUE (tenant_id, key),
    CONSTRAINT ck_ab_tests_variants CHECK (jsonb_typeof(variants) = 'array' AND jsonb_array_length(variants) >= 2),
    CONSTRAINT ck_ab_tests_alpha CHECK (alpha > 0 AND alpha < 0.5 AND power > 0.5 AND power < 1),
    CONSTRAINT ck_ab_tests_concluded CHECK (status <> 'concluded' OR decision IS NOT NULL)
);
CREATE INDEX ix_ab_tests_tenant_id_status_started_at ON ab_tests (tenant_id, status, started_at DESC);
CREATE INDEX ix_ab_tests_tenant_id_created_at_id ON ab_tests (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_ab_tests_owner_id ON ab_tests (owner_id);
CREATE INDEX ix_ab_tests_created_by ON ab_tests (created_by);
CREATE INDEX ix_ab_tests_updated_by ON ab_tests (updated_by);

CREATE TABLE landing_pages (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_landing_pages PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_landing_pages_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    slug text NOT NULL,
    title text NOT NULL,
    headline text NOT NULL,
    body_html text,
    form_fields jsonb NOT NULL DEFAULT '[]',
    thank_you_text text,
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_landing_pages_status CHECK (status IN ('draft', 'published', 'archived')),
    published_at timestamptz,
    service_interest text,
    ab_test_id bigint CONSTRAINT fk_landing_pages_ab_test_id REFERENCES ab_tests ON DELETE SET NULL,
    views bigint NOT NULL DEFAULT 0,
    submissions bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_landing_pages_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_landing_pages_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_landing_pages_tenant_id_slug UNIQUE (tenant_id, slug),
    CONSTRAINT ck_landing_pages_slug CHECK (slug ~ '^[a-z0-9-]{1,80}$'),
    CONSTRAINT ck_landing_pages_published CHECK (status <> 'published' OR published_at IS NOT NULL)
);
CREATE INDEX ix_landing_pages_ab_test_id ON landing_pages (ab_test_id);
CREATE INDEX ix_landing_pages_created_by ON landing_pages (created_by);
CREATE INDEX ix_landing_pages_updated_by ON landing_pages (updated_by);

CREATE TABLE ad_campaigns (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ad_campaigns PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ad_campaigns_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    platform text NOT NULL DEFAULT 'google_ads'
        CONSTRAINT ck_ad_campaigns_platform CHECK (platform IN ('google_ads', 'meta', 'bing', 'other')),
    name text NOT NULL,
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_ad_campaigns_status CHECK (status IN ('draft', 'enabled', 'paused', 'removed')),
    objective text,
    landing_page_id bigint CONSTRAINT fk_ad_campaigns_landing_page_id REFERENCES landing_pages ON DELETE SET NULL,
    daily_budget numeric(14,2),
    max_daily_budget numeric(14,2),
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_ad_campaigns_currency CHECK (currency ~ '^[A-Z]{3}$'),
    target_cpl numeric(14,2),
    automation_mode text NOT NULL DEFAULT 'suggest'
        CONSTRAINT ck_ad_campaigns_automation_mode CHECK (automation_mode IN ('manual', 'suggest',
            'auto_with_caps')),
    pending_change jsonb,
    started_on date,
    ended_on date,
    last_synced_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_ad_campaigns_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_ad_campaigns_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_ad_campaigns_tenant_id_platform_name UNIQUE (tenant_id, platform, name),
    CONSTRAINT ck_ad_campaigns_daily_budget CHECK (daily_budget >= 0),
    CONSTRAINT ck_ad_campaigns_within_cap CHECK (max_daily_budget IS NULL OR daily_budget <= max_daily_budget),
    CONSTRAINT ck_ad_campaigns_capped CHECK (automation_mode <> 'auto_with_caps' OR max_daily_budget
        IS NOT NULL),
    CONSTRAINT uq_ad_campaigns_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_ad_campaigns_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_ad_campaigns_tenant_id_status ON ad_campaigns (tenant_id, status);
CREATE INDEX ix_ad_campaigns_landing_page_id ON ad_campaigns (landing_page_id);
CREATE INDEX ix_ad_campaigns_created_by ON ad_campaigns (created_by);
CREATE INDEX ix_ad_campaigns_updated_by ON ad_campaigns (updated_by);

CREATE TABLE analytics_events (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_analytics_events PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_analytics_events_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    event_uuid uuid NOT NULL DEFAULT uuidv7(),
    name text NOT NULL,
    source text NOT NULL DEFAULT 'console'
        CONSTRAINT ck_analytics_events_source CHECK (source IN ('console', 'landing_page', 'public_site', 'api',
            'agent', 'system')),
    occurred_at timestamptz NOT NULL DEFAULT now(),
    app_user_id bigint CONSTRAINT fk_analytics_events_app_user_id REFERENCES app_users ON DELETE RESTRICT,
    customer_id bigint CONSTRAINT fk_analytics_events_customer_id REFERENCES customers ON DELETE SET NULL,
    lead_id bigint CONSTRAINT fk_analytics_events_lead_id REFERENCES leads ON DELETE SET NULL,
    anonymous_id text,
    path text,
    referrer text,
    utm jsonb,
    props jsonb NOT NULL DEFAULT '{}',
    value numeric(18,4),
    ab_test_id bigint CONSTRAINT fk_analytics_events_ab_test_id REFERENCES ab_tests ON DELETE SET NULL,
    ab_variant text,
    ip_hash bytea,
    user_agent text,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_analytics_events_event_uuid UNIQUE (event_uuid),
    CONSTRAINT ck_analytics_events_ab_test_id CHECK ((ab_test_id IS NULL) = (ab_variant IS NULL)),
    CONSTRAINT ck_analytics_events_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_analytics_events_tenant_id_name_occurred_at ON analytics_events (tenant_id, name, occurred_at DESC);
CREATE INDEX ix_analytics_events_ab_test_id_ab_variant_occurred_at
    ON analytics_events (ab_test_id, ab_variant, occurred_at);
CREATE INDEX ix_analytics_events_anonymous_id_occurred_at ON analytics_events (anonymous_id, occurred_at);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_analytics_events_tenant_id_occurred_at_id
    ON analytics_events (tenant_id, occurred_at DESC, id DESC);
CREATE INDEX ix_analytics_events_occurred_at_brin ON analytics_events USING brin (occurred_at);
CREATE INDEX ix_analytics_events_tenant_id_subject_type_subject_id
    ON analytics_events (tenant_id, subject_type, subject_id);
CREATE INDEX ix_analytics_events_app_user_id ON analytics_events (app_user_id);
CREATE INDEX ix_analytics_events_customer_id ON analytics_events (customer_id);
CREATE INDEX ix_analytics_events_lead_id ON analytics_events (lead_id);

CREATE TABLE ab_test_results (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ab_test_results PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ab_test_results_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    ab_test_id bigint NOT NULL CONSTRAINT fk_ab_test_results_ab_test_id REFERENCES ab_tests ON DELETE CASCADE,
    variant text NOT NULL,
    metric text NOT NULL,
    as_of date NOT NULL,
    is_control boolean NOT NULL DEFAULT false,
    exposures integer NOT NULL DEFAULT 0,
    conversions integer,
    sum_value numeric(20,6),
    sum_sq numeric(24,6),
    mean numeric(20,8),
    std_error numeric(20,8),
    uplift_pct numeric(12,4),
    ci_low numeric(12,4),
    ci_high numeric(12,4),
    p_value numeric(10,8),
    chance_to_beat numeric(5,4) CONSTRAINT ck_ab_test_results_chance_to_beat CHECK (chance_to_beat BETWEEN 0 AND 1),
    srm_p numeric(10,8),
    enough_data boolean NOT NULL DEFAULT false,
    is_final boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_ab_test_results_ab_test_id_variant_metric_as_of UNIQUE (ab_test_id, variant, metric, as_of),
    CONSTRAINT ck_ab_test_results_conversions CHECK (conversions IS NULL OR conversions BETWEEN 0 AND exposures),
    CONSTRAINT ck_ab_test_results_ci_low CHECK (ci_low IS NULL OR ci_low <= ci_high)
);
CREATE INDEX ix_ab_test_results_tenant_id_as_of_id ON ab_test_results (tenant_id, as_of DESC, id DESC);

CREATE TABLE ai_performance (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_performance PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_performance_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    bucket_start timestamptz NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    operation text NOT NULL,
    calls integer NOT NULL DEFAULT 0,
    errors integer NOT NULL DEFAULT 0,
    timeouts integer NOT NULL DEFAULT 0,
    rate_limited integer NOT NULL DEFAULT 0,
    cache_hits integer NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    total_cost numeric(14,6) NOT NULL DEFAULT 0,
    latency_p50_ms integer,
    latency_p95_ms integer,
    latency_p99_ms integer,
    ttft_p95_ms integer,
    feedback_up integer NOT NULL DEFAULT 0,
    feedback_down integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_ai_performance_bucket_start_provider_model_operation
        UNIQUE (tenant_id, bucket_start, provider, model, operation),
    CONSTRAINT ck_ai_performance_errors CHECK (errors <= calls)
);
CREATE INDEX ix_ai_performance_tenant_id_bucket_start_id ON ai_performance (tenant_id, bucket_start DESC, id DESC);

CREATE TABLE agent_performance (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_agent_performance PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_agent_performance_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    agent_id bigint NOT NULL CONSTRAINT fk_agent_performance_agent_id REFERENCES ai_agents ON DELETE CASCADE,
    day date NOT NULL,
    tasks_total integer NOT NULL DEFAULT 0,
    tasks_succeeded integer NOT NULL DEFAULT 0,
    tasks_failed integer NOT NULL DEFAULT 0,
    tasks_cancelled integer NOT NULL DEFAULT 0,
    decisions integer NOT NULL DEFAULT 0,
    decisions_auto integer NOT NULL DEFAULT 0,
    decisions_approved integer NOT NULL DEFAULT 0,
    decisions_rejected integer NOT NULL DEFAULT 0,
    decisions_overridden integer NOT NULL DEFAULT 0,
    reviewed integer NOT NULL DEFAULT 0,
    agreed integer NOT NULL DEFAULT 0,
    avg_confidence numeric(5,4) CONSTRAINT ck_agent_performance_avg_confidence CHECK (avg_confidence BETWEEN 0 AND 1),
    calibration_error numeric(5,4)
        CONSTRAINT ck_agent_performance_calibration_error CHECK (calibration_error BETWEEN 0 AND 1),
    latency_p95_ms integer,
    calls integer NOT NULL DEFAULT 0,
    total_cost numeric(14,6) NOT NULL DEFAULT 0,
    recalls integer NOT NULL DEFAULT 0,
    recall_hits integer NOT NULL DEFAULT 0,
    value_amount numeric(14,2),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_agent_performance_agent_id_day UNIQUE (agent_id, day),
    CONSTRAINT ck_agent_performance_tasks_succeeded CHECK (tasks_succeeded + tasks_failed + tasks_cancelled <=
        tasks_total),
    CONSTRAINT ck_agent_performance_agreed CHECK (agreed <= reviewed AND recall_hits <= recalls)
);
CREATE INDEX ix_agent_performance_tenant_id_day_id ON agent_performance (tenant_id, day DESC, id DESC);
"""

LEDGER = """
SELECT govern('lead_scoring_rules'), govern('customer_segments'), govern('orders'), govern('order_lines'),
    govern('subscriptions'), govern('ab_tests'), govern('landing_pages'), govern('ad_campaigns');
"""

UNGOVERN = """
SELECT ungovern('lead_scoring_rules'), ungovern('customer_segments'), ungovern('orders'), ungovern('order_lines'),
    ungovern('subscriptions'), ungovern('ab_tests'), ungovern('landing_pages'), ungovern('ad_campaigns')
"""

RIGHTS = """
-- DELETE so that a creation can be undone.
GRANT SELECT, INSERT, UPDATE, DELETE ON lead_scoring_rules, customer_segments, orders, order_lines, subscriptions,
    ab_tests, landing_pages, ad_campaigns TO console_app;
-- What only grows is added to and read.
GRANT SELECT, INSERT ON analytics_events, ab_test_results, ai_performance, agent_performance TO console_app;
GRANT UPDATE ON ab_test_results TO console_app;
GRANT UPDATE ON ai_performance TO console_app;
GRANT UPDATE ON agent_performance TO console_app;
"""
