"""Saved views: density, rows and who a shared one opens for; the columns a person has of a list; nobody else's read."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    for step in (COLUMNS, PAIRS, ROLES):
        op.execute(step)


def downgrade() -> None:
    op.execute(BACK)


COLUMNS = """
ALTER TABLE saved_views
    ADD COLUMN kind text NOT NULL DEFAULT 'view'
        CONSTRAINT ck_saved_views_kind CHECK (kind IN ('view', 'layout')),
    ADD COLUMN density text
        CONSTRAINT ck_saved_views_density CHECK (density IN ('comfortable', 'compact', 'roomy')),
    ADD COLUMN rows_per_page integer
        CONSTRAINT ck_saved_views_rows_per_page CHECK (rows_per_page BETWEEN 10 AND 200),
    ADD COLUMN role_keys text[] NOT NULL DEFAULT '{}',
    ALTER COLUMN filters SET DEFAULT '[]',
    -- A layout is how one person has a list where no view is open; a role begins with shared views only.
    ADD CONSTRAINT ck_saved_views_layout CHECK (kind = 'view' OR app_user_id IS NOT NULL),
    ADD CONSTRAINT ck_saved_views_role_keys CHECK (role_keys = '{}' OR app_user_id IS NULL);
"""

# What a view asks is kept as the address writes it: pairs in their order, a name as often as it is asked.
PAIRS = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM saved_views ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.views',
            'Saved views keep their filters as the address of a list writes them', NULL, NULL, NULL, company);
        UPDATE saved_views SET filters = coalesce(
            (SELECT jsonb_agg(jsonb_build_array(key, value) ORDER BY key) FROM jsonb_each_text(filters)), '[]')
        WHERE tenant_id = company AND jsonb_typeof(filters) = 'object';
    END LOOP;
END
$$;
"""

# Reading every view is for who looks after them; all others read their own and the shared ones.
ROLES = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM roles WHERE is_system ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.views',
            'A view somebody keeps for herself is hers alone', NULL, NULL, NULL, company);
        UPDATE roles SET permissions = ARRAY(
            SELECT DISTINCT one FROM unnest(array_remove(roles.permissions, 'views.read') || ARRAY['views.own']) AS one
            ORDER BY one)
        WHERE tenant_id = company AND is_system AND 'views.read' = ANY (permissions);
    END LOOP;
END
$$;
"""

BACK = """
DO $$
DECLARE
    company bigint;
BEGIN
    FOR company IN SELECT DISTINCT tenant_id FROM roles WHERE is_system ORDER BY 1 LOOP
        PERFORM open_change_set('system', NULL, 'system', 'migrate.views', 'Saved views as they were before', NULL, NULL,
            NULL, company);
        UPDATE roles SET permissions = permissions || ARRAY['views.read']
        WHERE tenant_id = company AND is_system AND 'views.own' = ANY (permissions);
        DELETE FROM saved_views WHERE tenant_id = company AND kind = 'layout';
        UPDATE saved_views SET filters = coalesce(
            (SELECT jsonb_object_agg(pair->>0, pair->>1) FROM jsonb_array_elements(filters) AS pair), '{}')
        WHERE tenant_id = company AND jsonb_typeof(filters) = 'array';
    END LOOP;
END
$$;
ALTER TABLE saved_views
    DROP COLUMN kind, DROP COLUMN density, DROP COLUMN rows_per_page, DROP COLUMN role_keys,
    ALTER COLUMN filters SET DEFAULT '{}';
"""
