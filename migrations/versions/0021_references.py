"""References whose table came later than the column, and the permissions that came with the new tables."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute(REFERENCES)
    op.execute(INDEXES)
    op.execute(ROLES)


def downgrade() -> None:
    op.execute(LOOSEN)


REFERENCES = """
ALTER TABLE ai_calls
    ADD CONSTRAINT fk_ai_calls_ai_task_id FOREIGN KEY (ai_task_id) REFERENCES ai_tasks ON DELETE SET NULL,
    ADD CONSTRAINT fk_ai_calls_conversation_id
        FOREIGN KEY (conversation_id) REFERENCES conversations ON DELETE SET NULL;
ALTER TABLE ai_decision_logs
    ADD CONSTRAINT fk_ai_decision_logs_pathway_id
        FOREIGN KEY (pathway_id) REFERENCES ai_neural_pathways ON DELETE SET NULL,
    ADD CONSTRAINT fk_ai_decision_logs_consensus_decision_id
        FOREIGN KEY (consensus_decision_id) REFERENCES ai_consensus_decisions ON DELETE SET NULL,
    ADD CONSTRAINT fk_ai_decision_logs_approval_request_id
        FOREIGN KEY (approval_request_id) REFERENCES approval_requests ON DELETE SET NULL,
    ADD CONSTRAINT fk_ai_decision_logs_ai_task_id FOREIGN KEY (ai_task_id) REFERENCES ai_tasks ON DELETE SET NULL;
ALTER TABLE ai_improvement_cycles
    ADD CONSTRAINT fk_ai_improvement_cycles_ab_test_id
        FOREIGN KEY (ab_test_id) REFERENCES ab_tests ON DELETE SET NULL;
ALTER TABLE crm_activities
    ADD CONSTRAINT fk_crm_activities_message_id FOREIGN KEY (message_id) REFERENCES message_outbox ON DELETE SET NULL;
ALTER TABLE error_logs
    ADD CONSTRAINT fk_error_logs_scheduled_task_id
        FOREIGN KEY (scheduled_task_id) REFERENCES scheduled_tasks ON DELETE SET NULL,
    ADD CONSTRAINT fk_error_logs_automation_run_id
        FOREIGN KEY (automation_run_id) REFERENCES automation_runs ON DELETE SET NULL;
ALTER TABLE estimate_lines
    ADD CONSTRAINT fk_estimate_lines_roof_section_id
        FOREIGN KEY (roof_section_id) REFERENCES roof_sections ON DELETE SET NULL;
ALTER TABLE estimates
    ADD CONSTRAINT fk_estimates_approval_request_id
        FOREIGN KEY (approval_request_id) REFERENCES approval_requests ON DELETE SET NULL,
    ADD CONSTRAINT fk_estimates_pdf_document_id FOREIGN KEY (pdf_document_id) REFERENCES documents ON DELETE SET NULL;
ALTER TABLE invoice_lines
    ADD CONSTRAINT fk_invoice_lines_order_line_id
        FOREIGN KEY (order_line_id) REFERENCES order_lines ON DELETE SET NULL;
ALTER TABLE invoices
    ADD CONSTRAINT fk_invoices_order_id FOREIGN KEY (order_id) REFERENCES orders ON DELETE RESTRICT,
    ADD CONSTRAINT fk_invoices_subscription_id
        FOREIGN KEY (subscription_id) REFERENCES subscriptions ON DELETE RESTRICT,
    ADD CONSTRAINT fk_invoices_pdf_document_id FOREIGN KEY (pdf_document_id) REFERENCES documents ON DELETE SET NULL;
ALTER TABLE jobs
    ADD CONSTRAINT fk_jobs_order_id FOREIGN KEY (order_id) REFERENCES orders ON DELETE RESTRICT,
    ADD CONSTRAINT fk_jobs_subscription_id FOREIGN KEY (subscription_id) REFERENCES subscriptions ON DELETE SET NULL;
ALTER TABLE leads
    ADD CONSTRAINT fk_leads_campaign_id FOREIGN KEY (campaign_id) REFERENCES ad_campaigns ON DELETE SET NULL,
    ADD CONSTRAINT fk_leads_landing_page_id FOREIGN KEY (landing_page_id) REFERENCES landing_pages ON DELETE SET NULL;
ALTER TABLE message_outbox
    ADD CONSTRAINT fk_message_outbox_automation_run_id
        FOREIGN KEY (automation_run_id) REFERENCES automation_runs ON DELETE SET NULL;
ALTER TABLE payment_allocations
    ADD CONSTRAINT fk_payment_allocations_approval_request_id
        FOREIGN KEY (approval_request_id) REFERENCES approval_requests ON DELETE SET NULL;
ALTER TABLE payments
    ADD CONSTRAINT fk_payments_approval_request_id
        FOREIGN KEY (approval_request_id) REFERENCES approval_requests ON DELETE SET NULL;
ALTER TABLE products
    ADD CONSTRAINT fk_products_image_file_id FOREIGN KEY (image_file_id) REFERENCES file_metadata ON DELETE SET NULL;
ALTER TABLE user_profiles
    ADD CONSTRAINT fk_user_profiles_avatar_file_id
        FOREIGN KEY (avatar_file_id) REFERENCES file_metadata ON DELETE SET NULL;
ALTER TABLE user_tasks
    ADD CONSTRAINT fk_user_tasks_template_id FOREIGN KEY (template_id) REFERENCES task_templates ON DELETE SET NULL,
    ADD CONSTRAINT fk_user_tasks_workflow_state_id
        FOREIGN KEY (workflow_state_id) REFERENCES workflow_states ON DELETE SET NULL;
"""

INDEXES = """
CREATE INDEX ix_crm_activities_message_id ON crm_activities (message_id);
CREATE INDEX ix_error_logs_scheduled_task_id ON error_logs (scheduled_task_id);
CREATE INDEX ix_error_logs_automation_run_id ON error_logs (automation_run_id);
CREATE INDEX ix_estimate_lines_roof_section_id ON estimate_lines (roof_section_id);
CREATE INDEX ix_estimates_approval_request_id ON estimates (approval_request_id);
CREATE INDEX ix_estimates_pdf_document_id ON estimates (pdf_document_id);
CREATE INDEX ix_invoice_lines_order_line_id ON invoice_lines (order_line_id);
CREATE INDEX ix_invoices_order_id ON invoices (order_id);
CREATE INDEX ix_invoices_pdf_document_id ON invoices (pdf_document_id);
CREATE INDEX ix_jobs_order_id ON jobs (order_id);
CREATE INDEX ix_jobs_subscription_id ON jobs (subscription_id);
CREATE INDEX ix_leads_campaign_id ON leads (campaign_id);
CREATE INDEX ix_leads_landing_page_id ON leads (landing_page_id);
CREATE INDEX ix_payment_allocations_approval_request_id ON payment_allocations (approval_request_id);
CREATE INDEX ix_payments_approval_request_id ON payments (approval_request_id);
CREATE INDEX ix_products_image_file_id ON products (image_file_id);
CREATE INDEX ix_user_profiles_avatar_file_id ON user_profiles (avatar_file_id);
CREATE INDEX ix_user_tasks_template_id ON user_tasks (template_id);
CREATE INDEX ix_user_tasks_workflow_state_id ON user_tasks (workflow_state_id);
-- The two great logs refer to these seldom: only the rows that do are in the index.
CREATE INDEX ix_ai_calls_ai_task_id ON ai_calls (ai_task_id) WHERE ai_task_id IS NOT NULL;
CREATE INDEX ix_ai_calls_conversation_id ON ai_calls (conversation_id) WHERE conversation_id IS NOT NULL;
CREATE INDEX ix_ai_decision_logs_pathway_id ON ai_decision_logs (pathway_id) WHERE pathway_id IS NOT NULL;
CREATE INDEX ix_ai_decision_logs_consensus_decision_id ON ai_decision_logs (consensus_decision_id)
    WHERE consensus_decision_id IS NOT NULL;
CREATE INDEX ix_ai_decision_logs_approval_request_id ON ai_decision_logs (approval_request_id)
    WHERE approval_request_id IS NOT NULL;
CREATE INDEX ix_ai_decision_logs_ai_task_id ON ai_decision_logs (ai_task_id) WHERE ai_task_id IS NOT NULL;
"""

LOOSEN = """
DROP INDEX ix_ai_calls_ai_task_id;
DROP INDEX ix_ai_calls_conversation_id;
DROP INDEX ix_ai_decision_logs_pathway_id;
DROP INDEX ix_ai_decision_logs_consensus_decision_id;
DROP INDEX ix_ai_decision_logs_approval_request_id;
DROP INDEX ix_ai_decision_logs_ai_task_id;
DROP INDEX ix_crm_activities_message_id;
DROP INDEX ix_error_logs_scheduled_task_id;
DROP INDEX ix_error_logs_automation_run_id;
DROP INDEX ix_estimate_lines_roof_section_id;
DROP INDEX ix_estimates_approval_request_id;
DROP INDEX ix_estimates_pdf_document_id;
DROP INDEX ix_invoice_lines_order_line_id;
DROP INDEX ix_invoices_order_id;
DROP INDEX ix_invoices_pdf_document_id;
DROP INDEX ix_jobs_order_id;
DROP INDEX ix_jobs_subscription_id;
DROP INDEX ix_leads_campaign_id;
DROP INDEX ix_leads_landing_page_id;
DROP INDEX ix_payment_allocations_approval_request_id;
DROP INDEX ix_payments_approval_request_id;
DROP INDEX ix_products_image_file_id;
DROP INDEX ix_user_profiles_avatar_file_id;
DROP INDEX ix_user_tasks_template_id;
DROP INDEX ix_user_tasks_workflow_state_id;
ALTER TABLE ai_calls
    DROP CONSTRAINT fk_ai_calls_ai_task_id,
    DROP CONSTRAINT fk_ai_calls_conversation_id;
ALTER TABLE ai_decision_logs
    DROP CONSTRAINT fk_ai_decision_logs_pathway_id,
    DROP CONSTRAINT fk_ai_decision_logs_consensus_decision_id,
    DROP CONSTRAINT fk_ai_decision_logs_approval_request_id,
    DROP CONSTRAINT fk_ai_decision_logs_ai_task_id;
ALTER TABLE ai_improvement_cycles
    DROP CONSTRAINT fk_ai_improvement_cycles_ab_test_id;
ALTER TABLE crm_activities
    DROP CONSTRAINT fk_crm_activities_message_id;
ALTER TABLE error_logs
    DROP CONSTRAINT fk_error_logs_scheduled_task_id,
    DROP CONSTRAINT fk_error_logs_automation_run_id;
ALTER TABLE estimate_lines
    DROP CONSTRAINT fk_estimate_lines_roof_section_id;
ALTER TABLE estimates
    DROP CONSTRAINT fk_estimates_approval_request_id,
    DROP CONSTRAINT fk_estimates_pdf_document_id;
ALTER TABLE invoice_lines
    DROP CONSTRAINT fk_invoice_lines_order_line_id;
ALTER TABLE invoices
    DROP CONSTRAINT fk_invoices_order_id,
    DROP CONSTRAINT fk_invoices_subscription_id,
    DROP CONSTRAINT fk_invoices_pdf_document_id;
ALTER TABLE jobs
    DROP CONSTRAINT fk_jobs_order_id,
    DROP CONSTRAINT fk_jobs_subscription_id;
ALTER TABLE leads
    DROP CONSTRAINT fk_leads_campaign_id,
    DROP CONSTRAINT fk_leads_landing_page_id;
ALTER TABLE message_outbox
    DROP CONSTRAINT fk_message_outbox_automation_run_id;
ALTER TABLE payment_allocations
    DROP CONSTRAINT fk_payment_allocations_approval_request_id;
ALTER TABLE payments
    DROP CONSTRAINT fk_payments_approval_request_id;
ALTER TABLE products
    DROP CONSTRAINT fk_products_image_file_id;
ALTER TABLE user_profiles
    DROP CONSTRAINT fk_user_profiles_avatar_file_id;
ALTER TABLE user_tasks
    DROP CONSTRAINT fk_user_tasks_template_id,
    DROP CONSTRAINT fk_user_tasks_workflow_state_id;
"""

# A company founded earlier: its roles get what a new company's begin with for the new areas, and keep all else.
ROLES = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM roles WHERE is_system ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.areas',
            'The rest of the platform''s tables came to the console: the roles that work them may', NULL, NULL, NULL,
            company);
        UPDATE roles SET permissions = ARRAY(
            SELECT DISTINCT one FROM unnest(roles.permissions || given.permissions) AS one ORDER BY one)
        FROM (VALUES
            ('admin', ARRAY['notices.own', 'approvals.own', 'explorer.*', 'audits.*', 'integrations.*', 'apikeys.*',
                'webhooks.*', 'templates.*', 'messages.*', 'inbound.*', 'queue.*', 'cron.*', 'automations.read',
                'workflows.read', 'compliance.*', 'activity.*', 'notices.*', 'approvals.read', 'dq.read', 'events.read',
                'centerpoint.*', 'files.read', 'ai.performance.read']),
            ('operations_manager', ARRAY['notices.own', 'approvals.own', 'explorer.read', 'explorer.write',
                'explorer.manage', 'audits.read', 'orders.*', 'subscriptions.read', 'segments.*', 'task_templates.*',
                'workflows.*', 'automations.*', 'cron.*', 'queue.read', 'documents.*', 'files.*', 'centerpoint.*',
                'dq.*', 'approvals.*', 'approvals.decide.ops', 'compliance.*', 'messages.*', 'templates.read',
                'integrations.read', 'inbound.read', 'webhooks.read', 'ai.tasks.read', 'insights.*', 'predictions.read',
                'patterns.read', 'ai.performance.read', 'abtests.read', 'events.read', 'landing.read', 'ads.read',
                'lead_rules.read', 'activity.read', 'conversations.read', 'conversations.reveal', 'memory.read',
                'memory.reveal', 'apikeys.own']),
            ('dispatcher', ARRAY['notices.own', 'approvals.own', 'orders.read', 'documents.read', 'files.read',
                'files.create', 'messages.read', 'messages.send', 'messages.create', 'messages.reveal',
                'workflows.read', 'compliance.read']),
            ('sales', ARRAY['notices.own', 'approvals.own', 'orders.read', 'orders.create', 'orders.write',
                'orders.confirm', 'subscriptions.read', 'landing.*', 'ads.read', 'segments.*',
                'lead_rules.*', 'documents.*', 'files.read', 'files.create', 'files.write', 'files.reveal',
                'messages.read', 'messages.create', 'messages.send', 'messages.reveal', 'templates.read',
                'abtests.read', 'events.read', 'insights.read', 'predictions.read', 'conversations.read',
                'conversations.reveal', 'task_templates.read']),
            ('billing', ARRAY['notices.own', 'approvals.own', 'orders.read', 'orders.bill', 'orders.hold',
                'orders.close', 'subscriptions.*', 'documents.read', 'files.read', 'dq.read', 'dq.fix',
                'approvals.decide.billing', 'approvals.read', 'messages.read', 'messages.create', 'messages.send',
                'messages.reveal', 'templates.read', 'inbound.read', 'compliance.read', 'predictions.read',
                'insights.read', 'apikeys.own']),
            ('ai_operator', ARRAY['notices.own', 'approvals.own', 'explorer.read', 'ai.tasks.*', 'memory.*',
                'conversations.*', 'neural.*', 'boards.*', 'rules.*', 'cycles.*', 'patterns.*', 'predictions.*',
                'insights.*', 'ai.performance.read', 'abtests.*', 'approvals.read', 'approvals.decide.ai',
                'automations.read', 'workflows.read', 'queue.read', 'cron.read', 'events.read', 'integrations.read',
                'files.read', 'templates.read', 'messages.read', 'dq.read', 'compliance.read', 'apikeys.own']),
            ('viewer', ARRAY['orders.read', 'subscriptions.read', 'documents.read', 'files.read']),
            ('worker', ARRAY['orders.create', 'orders.confirm', 'orders.fulfil', 'orders.close',
                'subscriptions.start', 'subscriptions.settle', 'subscriptions.pause', 'subscriptions.cancel',
                'documents.send', 'documents.sign', 'workflows.start', 'workflows.run', 'automations.run',
                'ai.tasks.create', 'ai.tasks.run', 'predictions.create', 'predictions.resolve', 'insights.create',
                'messages.create', 'messages.send', 'boards.open', 'boards.vote', 'boards.conclude', 'centerpoint.sync',
                'audits.run', 'segments.refresh', 'landing.publish', 'approvals.execute', 'dq.resolve', 'integrations.report',
                'inbound.process', 'webhooks.deliver', 'memory.create', 'memory.consolidate', 'memory.archive', 'memory.sync',
                'conversations.handoff']))
            AS given (key, permissions)
        WHERE roles.tenant_id = company AND roles.is_system AND roles.key = given.key
            AND NOT roles.permissions @> given.permissions;
    END LOOP;
END
$$;
"""
