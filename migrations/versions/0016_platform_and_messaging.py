"""Notices, approvals and obligations; keys of programs; connections, messages and webhooks."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute(UNGOVERN)
    op.execute("""
        DROP TABLE contact_suppressions, message_outbox, message_templates, webhook_deliveries, webhook_endpoints,
            inbound_events, integrations, data_quality_findings, compliance_items, approval_requests,
            user_activities, user_notifications, user_api_keys
    """)


TABLES = r"""
CREATE TABLE user_api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_user_api_keys PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_user_api_keys_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    app_user_id bigint NOT NULL CONSTRAINT fk_user_api_keys_app_user_id REFERENCES app_users ON DELETE CASCADE,
    name text NOT NULL,
    prefix text NOT NULL,
    key_hash bytea NOT NULL,
    scopes text[] NOT NULL DEFAULT '{}',
    allowed_ips text[],
    rate_limit_per_min integer NOT NULL DEFAULT 120,
    status text NOT NULL DEFAULT 'active' CONSTRAINT ck_user_api_keys_status CHECK (status IN ('active', 'revoked')),
    expires_at timestamptz,
    last_used_at timestamptz,
    last_used_ip inet,
    use_count bigint NOT NULL DEFAULT 0,
    revoked_at timestamptz,
    revoked_by bigint CONSTRAINT fk_user_api_keys_revoked_by REFERENCES app_users ON DELETE SET NULL,
    rotated_from_id bigint CONSTRAINT fk_user_api_keys_rotated_from_id REFERENCES user_api_keys ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_user_api_keys_prefix UNIQUE (prefix),
    CONSTRAINT uq_user_api_keys_key_hash UNIQUE (key_hash),
    CONSTRAINT ck_user_api_keys_rate_limit_per_min CHECK (rate_limit_per_min > 0),
    CONSTRAINT ck_user_api_keys_revoked CHECK ((status = 'revoked') = (revoked_at IS NOT NULL))
);
CREATE INDEX ix_user_api_keys_tenant_id_status_last_used_at ON user_api_keys (tenant_id, status, last_used_at DESC);
-- With id, so that paging by key walks it at any depth; so for the default order of every table below.
CREATE INDEX ix_user_api_keys_tenant_id_created_at_id ON user_api_keys (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_user_api_keys_app_user_id ON user_api_keys (app_user_id);
CREATE INDEX ix_user_api_keys_revoked_by ON user_api_keys (revoked_by);
CREATE INDEX ix_user_api_keys_rotated_from_id ON user_api_keys (rotated_from_id);

CREATE TABLE user_notifications (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_user_notifications PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_user_notifications_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    app_user_id bigint NOT NULL CONSTRAINT fk_user_notifications_app_user_id REFERENCES app_users ON DELETE CASCADE,
    kind text NOT NULL,
    severity text NOT NULL DEFAULT 'info'
        CONSTRAINT ck_user_notifications_severity CHECK (severity IN ('info', 'success', 'warning', 'critical')),
    title text NOT NULL,
    body text,
    link text,
    channels text[] NOT NULL DEFAULT '{in_app}',
    dedupe_key text,
    repeat_count integer NOT NULL DEFAULT 1,
    read_at timestamptz,
    dismissed_at timestamptz,
    snoozed_until timestamptz,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_user_notifications_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE UNIQUE INDEX uq_user_notifications_app_user_id_dedupe_key ON user_notifications (app_user_id, dedupe_key)
    WHERE dismissed_at IS NULL;
CREATE INDEX ix_user_notifications_app_user_id_created_at_open ON user_notifications (app_user_id, created_at DESC)
    WHERE read_at IS NULL AND dismissed_at IS NULL;
CREATE INDEX ix_user_notifications_tenant_id_subject_type_subject_id
    ON user_notifications (tenant_id, subject_type, subject_id);
CREATE INDEX ix_user_notifications_tenant_id_created_at_id ON user_notifications (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_user_notifications_app_user_id_created_at_id
    ON user_notifications (app_user_id, created_at DESC, id DESC);

CREATE TABLE user_activities (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_user_activities PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_user_activities_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    app_user_id bigint CONSTRAINT fk_user_activities_app_user_id REFERENCES app_users ON DELETE RESTRICT,
    kind text NOT NULL
        CONSTRAINT ck_user_activities_kind CHECK (kind IN ('login', 'logout', 'view', 'search', 'create',
            'update', 'delete', 'export', 'import', 'bulk_action', 'impersonate', 'ai_command', 'settings')),
    screen text,
    summary text NOT NULL,
    duration_ms integer,
    request_id text,
    ip inet,
    meta jsonb NOT NULL DEFAULT '{}',
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_user_activities_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_user_activities_tenant_id_created_at_id ON user_activities (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_user_activities_app_user_id_created_at ON user_activities (app_user_id, created_at DESC);
CREATE INDEX ix_user_activities_tenant_id_kind_created_at ON user_activities (tenant_id, kind, created_at DESC);
CREATE INDEX ix_user_activities_tenant_id_subject_type_subject_id
    ON user_activities (tenant_id, subject_type, subject_id);

CREATE TABLE approval_requests (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_approval_requests PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_approval_requests_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    kind text NOT NULL
        CONSTRAINT ck_approval_requests_kind CHECK (kind IN ('refund', 'write_off', 'credit_note',
            'estimate_margin', 'ai_action', 'rule_activation', 'agent_activation', 'bulk_fix', 'data_export',
            'board_decision', 'spend', 'role_grant')),
    title text NOT NULL,
    payload jsonb NOT NULL,
    payload_hash bytea NOT NULL,
    amount numeric(14,2),
    currency char(3) CONSTRAINT ck_approval_requests_currency CHECK (currency ~ '^[A-Z]{3}$'),
    risk text NOT NULL DEFAULT 'medium'
        CONSTRAINT ck_approval_requests_risk CHECK (risk IN ('low', 'medium', 'high')),
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT ck_approval_requests_status CHECK (status IN ('pending', 'approved', 'rejected', 'expired',
            'cancelled', 'executed', 'failed')),
    requested_by bigint CONSTRAINT fk_approval_requests_requested_by REFERENCES app_users ON DELETE SET NULL,
    requested_by_agent_id bigint
        CONSTRAINT fk_approval_requests_requested_by_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    approver_permission text NOT NULL,
    decided_by bigint CONSTRAINT fk_approval_requests_decided_by REFERENCES app_users ON DELETE SET NULL,
    decided_at timestamptz,
    decision_note text,
    expires_at timestamptz,
    executed_at timestamptz,
    error text,
    subject_type text NOT NULL,
    subject_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_approval_requests_one_asks CHECK (num_nonnulls(requested_by, requested_by_agent_id) <= 1),
    CONSTRAINT ck_approval_requests_four_eyes CHECK (decided_by IS NULL OR decided_by IS DISTINCT FROM requested_by),
    CONSTRAINT ck_approval_requests_decided CHECK (status NOT IN ('approved', 'rejected') OR decided_at IS NOT NULL)
);
CREATE INDEX ix_approval_requests_tenant_id_status_created_at ON approval_requests (tenant_id, status, created_at);
CREATE INDEX ix_approval_requests_tenant_id_created_at_id
    ON approval_requests (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_approval_requests_expires_at_open ON approval_requests (expires_at) WHERE status = 'pending';
CREATE INDEX ix_approval_requests_tenant_id_subject_type_subject_id
    ON approval_requests (tenant_id, subject_type, subject_id);
CREATE INDEX ix_approval_requests_requested_by ON approval_requests (requested_by);
CREATE INDEX ix_approval_requests_requested_by_agent_id ON approval_requests (requested_by_agent_id);
CREATE INDEX ix_approval_requests_decided_by ON approval_requests (decided_by);

CREATE TABLE compliance_items (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_compliance_items PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_compliance_items_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    code text NOT NULL,
    title text NOT NULL,
    category text NOT NULL
        CONSTRAINT ck_compliance_items_category CHECK (category IN ('safety', 'licence', 'insurance', 'tax',
            'privacy', 'security', 'contract', 'ai_governance')),
    owner_id bigint CONSTRAINT fk_compliance_items_owner_id REFERENCES app_users ON DELETE SET NULL,
    status text NOT NULL DEFAULT 'not_started'
        CONSTRAINT ck_compliance_items_status CHECK (status IN ('not_started', 'in_progress', 'compliant',
            'at_risk', 'non_compliant', 'waived')),
    due_on date,
    review_every_months integer,
    last_reviewed_at timestamptz,
    evidence_document_id bigint
        CONSTRAINT fk_compliance_items_evidence_document_id REFERENCES documents ON DELETE SET NULL,
    waiver_reason text,
    notes text,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_compliance_items_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_compliance_items_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_compliance_items_tenant_id_code UNIQUE (tenant_id, code),
    CONSTRAINT ck_compliance_items_waived CHECK (status <> 'waived' OR waiver_reason IS NOT NULL),
    CONSTRAINT ck_compliance_items_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_compliance_items_tenant_id_status_due_on ON compliance_items (tenant_id, status, due_on);
CREATE INDEX ix_compliance_items_tenant_id_due_on_id ON compliance_items (tenant_id, due_on, id);
CREATE INDEX ix_compliance_items_tenant_id_subject_type_subject_id
    ON compliance_items (tenant_id, subject_type, subject_id);
CREATE INDEX ix_compliance_items_owner_id ON compliance_items (owner_id);
CREATE INDEX ix_compliance_items_evidence_document_id ON compliance_items (evidence_document_id);
CREATE INDEX ix_compliance_items_created_by ON compliance_items (created_by);
CREATE INDEX ix_compliance_items_updated_by ON compliance_items (updated_by);

CREATE TABLE data_quality_findings (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_data_quality_findings PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_data_quality_findings_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    rule_key text NOT NULL,
    severity text NOT NULL DEFAULT 'warn'
        CONSTRAINT ck_data_quality_findings_severity CHECK (severity IN ('info', 'warn', 'critical')),
    details jsonb NOT NULL DEFAULT '{}',
    suggested_fix text,
    status text NOT NULL DEFAULT 'open'
        CONSTRAINT ck_data_quality_findings_status CHECK (status IN ('open', 'fixed', 'ignored',
            'auto_resolved')),
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    fixed_by bigint CONSTRAINT fk_data_quality_findings_fixed_by REFERENCES app_users ON DELETE SET NULL,
    fixed_at timestamptz,
    fix_audit_id bigint CONSTRAINT fk_data_quality_findings_fix_audit_id REFERENCES change_sets ON DELETE RESTRICT,
    ignored_until timestamptz,
    ignore_reason text,
    subject_type text NOT NULL,
    subject_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_data_quality_findings_ignored CHECK (status <> 'ignored' OR ignore_reason IS NOT NULL)
);
CREATE UNIQUE INDEX uq_data_quality_findings_rule_key_subject_type_subject_id
    ON data_quality_findings (tenant_id, rule_key, subject_type, subject_id)
    WHERE status = 'open';
CREATE INDEX ix_data_quality_findings_tenant_id_status_severity_last_seen_at
    ON data_quality_findings (tenant_id, status, severity, last_seen_at DESC);
CREATE INDEX ix_data_quality_findings_tenant_id_last_seen_at_id
    ON data_quality_findings (tenant_id, last_seen_at DESC, id DESC);
CREATE INDEX ix_data_quality_findings_tenant_id_subject_type_subject_id
    ON data_quality_findings (tenant_id, subject_type, subject_id);
CREATE INDEX ix_data_quality_findings_fixed_by ON data_quality_findings (fixed_by);
CREATE INDEX ix_data_quality_findings_fix_audit_id ON data_quality_findings (fix_audit_id);

CREATE TABLE integrations (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_integrations PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_integrations_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    kind text NOT NULL
        CONSTRAINT ck_integrations_kind CHECK (kind IN ('stripe', 'slack', 'smtp', 'sms', 'google_ads',
            'centerpoint', 'quickbooks', 'llm_provider', 'storage', 'redis')),
    name text NOT NULL,
    mode text NOT NULL DEFAULT 'simulated'
        CONSTRAINT ck_integrations_mode CHECK (mode IN ('live', 'test', 'simulated')),
    status text NOT NULL DEFAULT 'not_configured'
        CONSTRAINT ck_integrations_status CHECK (status IN ('not_configured', 'connected', 'degraded', 'error',
            'disabled')),
    config jsonb NOT NULL DEFAULT '{}',
    secret_enc bytea,
    secret_last4 text,
    scopes text[] NOT NULL DEFAULT '{}',
    last_ok_at timestamptz,
    last_error_at timestamptz,
    last_error text,
    last_sync_at timestamptz,
    sync_cursor text,
    rate_limited_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_integrations_tenant_id_kind_name UNIQUE (tenant_id, kind, name)
);
CREATE INDEX ix_integrations_tenant_id_status ON integrations (tenant_id, status);
CREATE INDEX ix_integrations_tenant_id_name_id ON integrations (tenant_id, name, id);

CREATE TABLE inbound_events (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_inbound_events PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_inbound_events_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    integration_id bigint NOT NULL
        CONSTRAINT fk_inbound_events_integration_id REFERENCES integrations ON DELETE RESTRICT,
    provider_event_id text NOT NULL,
    event_type text NOT NULL,
    payload jsonb NOT NULL,
    signature_ok boolean NOT NULL,
    status text NOT NULL DEFAULT 'received'
        CONSTRAINT ck_inbound_events_status CHECK (status IN ('received', 'processing', 'processed', 'ignored',
            'failed')),
    attempts integer NOT NULL DEFAULT 0,
    error text,
    processed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_inbound_events_integration_id_provider_event_id UNIQUE (integration_id, provider_event_id)
);
CREATE INDEX ix_inbound_events_tenant_id_status_created_at ON inbound_events (tenant_id, status, created_at DESC);
CREATE INDEX ix_inbound_events_tenant_id_created_at_id ON inbound_events (tenant_id, created_at DESC, id DESC);

CREATE TABLE webhook_endpoints (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_webhook_endpoints PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_webhook_endpoints_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    url text NOT NULL,
    description text,
    events text[] NOT NULL DEFAULT '{}',
    secret_enc bytea NOT NULL,
    previous_secret_enc bytea,
    secret_rotated_at timestamptz,
    status text NOT NULL DEFAULT 'enabled'
        CONSTRAINT ck_webhook_endpoints_status CHECK (status IN ('enabled', 'disabled', 'auto_disabled')),
    failure_streak integer NOT NULL DEFAULT 0,
    first_failure_at timestamptz,
    disabled_at timestamptz,
    rate_limit_per_min integer NOT NULL DEFAULT 60,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_webhook_endpoints_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_webhook_endpoints_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT ck_webhook_endpoints_url CHECK (url ~ '^https://')
);
CREATE INDEX ix_webhook_endpoints_tenant_id_status ON webhook_endpoints (tenant_id, status);
CREATE INDEX ix_webhook_endpoints_tenant_id_url_id ON webhook_endpoints (tenant_id, url, id);
CREATE INDEX ix_webhook_endpoints_created_by ON webhook_endpoints (created_by);
CREATE INDEX ix_webhook_endpoints_updated_by ON webhook_endpoints (updated_by);

CREATE TABLE webhook_deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_webhook_deliveries PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_webhook_deliveries_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    endpoint_id bigint NOT NULL
        CONSTRAINT fk_webhook_deliveries_endpoint_id REFERENCES webhook_endpoints ON DELETE CASCADE,
    event_id uuid NOT NULL DEFAULT uuidv7(),
    event_type text NOT NULL,
    payload jsonb NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CONSTRAINT ck_webhook_deliveries_status CHECK (status IN ('pending', 'delivering', 'delivered',
            'failed', 'exhausted', 'cancelled')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    last_status_code integer,
    last_latency_ms integer,
    last_response_excerpt text,
    last_error text,
    delivered_at timestamptz,
    attempt_log jsonb NOT NULL DEFAULT '[]',
    replay_of_id bigint CONSTRAINT fk_webhook_deliveries_replay_of_id REFERENCES webhook_deliveries ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_webhook_deliveries_endpoint_id_event_id UNIQUE (endpoint_id, event_id),
    CONSTRAINT ck_webhook_deliveries_attempts CHECK (attempts BETWEEN 0 AND 20)
);
CREATE INDEX ix_webhook_deliveries_next_attempt_at_open ON webhook_deliveries (next_attempt_at)
    WHERE status IN ('pending', 'failed');
CREATE INDEX ix_webhook_deliveries_tenant_id_status_created_at
    ON webhook_deliveries (tenant_id, status, created_at DESC);
CREATE INDEX ix_webhook_deliveries_tenant_id_created_at_id ON webhook_deliveries (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_webhook_deliveries_endpoint_id_created_at_id
    ON webhook_deliveries (endpoint_id, created_at DESC, id DESC);
CREATE INDEX ix_webhook_deliveries_replay_of_id ON webhook_deliveries (replay_of_id);

CREATE TABLE message_templates (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_message_templates PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_message_templates_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    channel text NOT NULL
        CONSTRAINT ck_message_templates_channel CHECK (channel IN ('email', 'sms', 'slack', 'in_app')),
    name text NOT NULL,
    category text NOT NULL DEFAULT 'transactional'
        CONSTRAINT ck_message_templates_category CHECK (category IN ('transactional', 'marketing', 'internal')),
    locale text NOT NULL DEFAULT 'en-US',
    version_no integer NOT NULL DEFAULT 1,
    subject text,
    body text NOT NULL,
    variables text[] NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_message_templates_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_message_templates_updated_by REFERENCES app_users ON DELETE SET NULL,
    CONSTRAINT uq_message_templates_tenant_id_key_channel_locale_version_no
        UNIQUE (tenant_id, key, channel, locale, version_no),
    CONSTRAINT ck_message_templates_subject CHECK (channel <> 'email' OR subject IS NOT NULL)
);
CREATE UNIQUE INDEX uq_message_templates_tenant_id_key_channel_locale
    ON message_templates (tenant_id, key, channel, locale)
    WHERE is_active;
CREATE INDEX ix_message_templates_tenant_id_name_id ON message_templates (tenant_id, name, id);
CREATE INDEX ix_message_templates_created_by ON message_templates (created_by);
CREATE INDEX ix_message_templates_updated_by ON message_templates (updated_by);

CREATE TABLE message_outbox (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_message_outbox PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_message_outbox_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    channel text NOT NULL CONSTRAINT ck_message_outbox_channel CHECK (channel IN ('email', 'sms', 'slack')),
    category text NOT NULL DEFAULT 'transactional'
        CONSTRAINT ck_message_outbox_category CHECK (category IN ('transactional', 'marketing', 'internal')),
    template_id bigint CONSTRAINT fk_message_outbox_template_id REFERENCES message_templates ON DELETE SET NULL,
    to_address text NOT NULL,
    to_norm text NOT NULL,
    contact_id bigint CONSTRAINT fk_message_outbox_contact_id REFERENCES contacts ON DELETE SET NULL,
    app_user_id bigint CONSTRAINT fk_message_outbox_app_user_id REFERENCES app_users ON DELETE SET NULL,
    customer_id bigint CONSTRAINT fk_message_outbox_customer_id REFERENCES customers ON DELETE SET NULL,
    subject text,
    body_text text NOT NULL,
    body_html text,
    variables jsonb NOT NULL DEFAULT '{}',
    integration_id bigint CONSTRAINT fk_message_outbox_integration_id REFERENCES integrations ON DELETE SET NULL,
    automation_run_id bigint,  -- runs come with 0017, the constraint with 0021
    status text NOT NULL DEFAULT 'queued'
        CONSTRAINT ck_message_outbox_status CHECK (status IN ('queued', 'held', 'sending', 'sent', 'delivered',
            'temporary_failure', 'permanent_failure', 'technical_failure', 'suppressed', 'cancelled')),
    attempts integer NOT NULL DEFAULT 0,
    send_after timestamptz,
    next_attempt_at timestamptz,
    sent_at timestamptz,
    delivered_at timestamptz,
    opened_at timestamptz,
    clicked_at timestamptz,
    provider_message_id text,
    segments integer,
    unit_cost numeric(14,6),
    error_code text,
    error text,
    dedupe_key text,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_message_outbox_tenant_id_dedupe_key UNIQUE (tenant_id, dedupe_key),
    CONSTRAINT uq_message_outbox_integration_id_provider_message_id UNIQUE (integration_id, provider_message_id),
    CONSTRAINT ck_message_outbox_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_message_outbox_next_attempt_at_id_open ON message_outbox (next_attempt_at, id)
    WHERE status IN ('queued', 'temporary_failure');
CREATE INDEX ix_message_outbox_tenant_id_status_created_at ON message_outbox (tenant_id, status, created_at DESC);
CREATE INDEX ix_message_outbox_tenant_id_channel_created_at ON message_outbox (tenant_id, channel, created_at DESC);
CREATE INDEX ix_message_outbox_tenant_id_created_at_id ON message_outbox (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_message_outbox_to_norm_created_at ON message_outbox (to_norm, created_at DESC);
CREATE INDEX ix_message_outbox_tenant_id_subject_type_subject_id
    ON message_outbox (tenant_id, subject_type, subject_id);
CREATE INDEX ix_message_outbox_template_id ON message_outbox (template_id);
CREATE INDEX ix_message_outbox_contact_id ON message_outbox (contact_id);
CREATE INDEX ix_message_outbox_app_user_id ON message_outbox (app_user_id);
CREATE INDEX ix_message_outbox_customer_id_created_at_id ON message_outbox (customer_id, created_at DESC, id DESC);
CREATE INDEX ix_message_outbox_automation_run_id ON message_outbox (automation_run_id);

CREATE TABLE contact_suppressions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_contact_suppressions PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_contact_suppressions_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    channel text NOT NULL CONSTRAINT ck_contact_suppressions_channel CHECK (channel IN ('email', 'sms')),
    address_norm text NOT NULL,
    scope text NOT NULL DEFAULT 'marketing'
        CONSTRAINT ck_contact_suppressions_scope CHECK (scope IN ('all', 'marketing')),
    reason text NOT NULL
        CONSTRAINT ck_contact_suppressions_reason CHECK (reason IN ('unsubscribe', 'stop_keyword',
            'hard_bounce', 'complaint', 'invalid', 'manual')),
    source_message_id bigint
        CONSTRAINT fk_contact_suppressions_source_message_id REFERENCES message_outbox ON DELETE SET NULL,
    lifted_at timestamptz,
    lifted_by bigint CONSTRAINT fk_contact_suppressions_lifted_by REFERENCES app_users ON DELETE SET NULL,
    lift_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_contact_suppressions_lifted CHECK ((lifted_at IS NULL) = (lift_reason IS NULL))
);
CREATE UNIQUE INDEX uq_contact_suppressions_tenant_id_channel_address_norm_scope
    ON contact_suppressions (tenant_id, channel, address_norm, scope)
    WHERE lifted_at IS NULL;
CREATE INDEX ix_contact_suppressions_tenant_id_created_at_id
    ON contact_suppressions (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_contact_suppressions_source_message_id ON contact_suppressions (source_message_id);
CREATE INDEX ix_contact_suppressions_lifted_by ON contact_suppressions (lifted_by);
"""

LEDGER = """
SELECT govern('user_api_keys', '{key_hash}'), govern('user_notifications'), govern('approval_requests'),
    govern('compliance_items'), govern('data_quality_findings'), govern('integrations', '{secret_enc}'),
    govern('inbound_events'), govern('webhook_endpoints', '{secret_enc,previous_secret_enc}'),
    govern('webhook_deliveries'), govern('message_templates'), govern('message_outbox'),
    govern('contact_suppressions');
"""

UNGOVERN = """
SELECT ungovern('user_api_keys'), ungovern('user_notifications'), ungovern('approval_requests'),
    ungovern('compliance_items'), ungovern('data_quality_findings'), ungovern('integrations'),
    ungovern('inbound_events'), ungovern('webhook_endpoints'), ungovern('webhook_deliveries'),
    ungovern('message_templates'), ungovern('message_outbox'), ungovern('contact_suppressions')
"""

RIGHTS = """
-- DELETE so that a creation can be undone.
GRANT SELECT, INSERT, UPDATE, DELETE ON user_api_keys, user_notifications, approval_requests, compliance_items,
    data_quality_findings, integrations, inbound_events, webhook_endpoints,
    webhook_deliveries, message_templates, message_outbox, contact_suppressions TO console_app;
-- What only grows is added to and read.
GRANT SELECT, INSERT ON user_activities TO console_app;
"""
