"""The queue of background work, in our schema, so that a change and the job it asks for commit together."""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    # Many statements with colons and percent signs of their own: sent as they are, without looking for parameters.
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(SchemaManager.get_schema())
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute(REMOVE)


RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers,
    procrastinate_workers TO console_app;
GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq, procrastinate_periodic_defers_id_seq
    TO console_app;
"""

# Whatever the library named with its prefix in our schema, and nothing else.
REMOVE = """
DO $$
DECLARE
    made record;
BEGIN
    DROP TABLE procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs, procrastinate_workers CASCADE;
    FOR made IN
        SELECT p.oid::regprocedure AS signature FROM pg_proc AS p
        WHERE p.pronamespace = quote_ident(current_schema())::regnamespace AND p.proname LIKE 'procrastinate\\_%'
    LOOP
        EXECUTE format('DROP FUNCTION %s', made.signature);
    END LOOP;
    FOR made IN
        SELECT t.oid::regtype AS name FROM pg_type AS t
        WHERE t.typnamespace = quote_ident(current_schema())::regnamespace AND t.typname LIKE 'procrastinate\\_%'
            AND t.typtype IN ('c', 'e')
    LOOP
        EXECUTE format('DROP TYPE %s', made.name);
    END LOOP;
END
$$;
"""
