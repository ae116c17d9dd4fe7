"""Masked personal data is shown for a minute to roles that may ask for it; who saw what stands among the activities."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.execute(ROLES)


def downgrade() -> None:
    """The permission stays with the roles: it names nothing that an earlier console knows."""


ROLES = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM roles WHERE is_system ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.reveals',
            'Who works with people may see masked data of one record for a minute, with a reason', NULL, NULL, NULL, company);
        UPDATE roles SET permissions = ARRAY(
            SELECT DISTINCT one FROM unnest(roles.permissions || '{personal.reveal}') AS one ORDER BY one)
        WHERE tenant_id = company AND is_system AND key IN ('operations_manager', 'billing', 'ai_operator')
            AND NOT permissions @> '{personal.reveal}';
    END LOOP;
END
$$;
"""
