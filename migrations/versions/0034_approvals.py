"""Approvals that are asked for and carried out: one more kind, who decides on roles, and a request nobody rewrites."""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    for step in (KINDS, AS_ASKED, ROLES):
        op.execute(step)


def downgrade() -> None:
    op.execute("GRANT UPDATE ON approval_requests TO console_app; DROP INDEX ix_approval_requests_to_carry_out;")
    op.execute("""
        DELETE FROM approval_requests WHERE kind = 'credit_hold';
        ALTER TABLE approval_requests DROP CONSTRAINT ck_approval_requests_kind;
        ALTER TABLE approval_requests ADD CONSTRAINT ck_approval_requests_kind CHECK (kind IN ('refund', 'write_off',
            'credit_note', 'estimate_margin', 'ai_action', 'rule_activation', 'agent_activation', 'bulk_fix', 'data_export',
            'board_decision', 'spend', 'role_grant'));
    """)


KINDS = """
ALTER TABLE approval_requests DROP CONSTRAINT ck_approval_requests_kind;
ALTER TABLE approval_requests ADD CONSTRAINT ck_approval_requests_kind CHECK (kind IN ('refund', 'write_off',
    'credit_note', 'estimate_margin', 'ai_action', 'rule_activation', 'agent_activation', 'bulk_fix', 'data_export',
    'board_decision', 'spend', 'role_grant', 'credit_hold'));
CREATE INDEX ix_approval_requests_to_carry_out ON approval_requests (decided_at) WHERE status = 'approved';
"""

# What was asked for stays as it was asked: the console's own role can move a request on, and rewrite none of it.
AS_ASKED = """
REVOKE UPDATE ON approval_requests FROM console_app;
GRANT UPDATE (status, decided_by, decided_at, decision_note, expires_at, executed_at, error)
    ON approval_requests TO console_app;
"""

# A company founded earlier: its administrators decide on each other's grants from now on.
ROLES = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM roles WHERE is_system ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.approvals',
            'Roles that give more than reading are given by two people', NULL, NULL, NULL, company);
        UPDATE roles SET permissions = ARRAY(
            SELECT DISTINCT one FROM unnest(roles.permissions || '{approvals.decide.roles}') AS one ORDER BY one)
        WHERE tenant_id = company AND is_system AND key = 'admin' AND NOT permissions @> '{approvals.decide.roles}';
    END LOOP;
END
$$;
"""
