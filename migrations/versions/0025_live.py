"""Live pages: the ledger tells of each set when it is committed; who serves streams, and who has which record open."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.execute(TELLING)
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("""
        DROP TABLE live_presences, live_listeners;
        DROP TRIGGER tell_change ON change_sets;
        DROP TRIGGER tell_end ON sessions;
        DROP FUNCTION tell_change(), tell_end();
    """)


# The number of the set alone: what is in it is read by who may, and a message is short however much was changed. It is
# sent when the transaction commits, once however many statements it had. `entry_count` is written after the entries and
# by nobody else, so sealing tells nothing.
TELLING = """
CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('console_live', TG_TABLE_SCHEMA || '/set/' || NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER tell_change AFTER UPDATE OF entry_count ON change_sets
    FOR EACH ROW WHEN (NEW.entry_count > OLD.entry_count) EXECUTE FUNCTION tell_change();

-- Whoever is signed out must hear nothing more; sessions are not in the ledger.
CREATE FUNCTION tell_end() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF EXISTS (SELECT FROM gone) THEN
        PERFORM pg_catalog.pg_notify('console_live', TG_TABLE_SCHEMA || '/session');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER tell_end AFTER DELETE ON sessions REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION tell_end();
"""

# Unlogged: after a crash nobody has anything open.
TABLES = """
CREATE UNLOGGED TABLE live_listeners (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_live_listeners PRIMARY KEY,
    name text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    listens boolean NOT NULL,
    streams integer NOT NULL DEFAULT 0,
    lag_ms integer
);
COMMENT ON TABLE live_listeners IS 'Web processes that serve open streams, with their signs of life.';
COMMENT ON COLUMN live_listeners.lag_ms IS 'How long the last probe took from the database to the process.';

CREATE UNLOGGED TABLE live_presences (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_live_presences PRIMARY KEY,
    listener_id bigint NOT NULL CONSTRAINT fk_live_presences_listener_id REFERENCES live_listeners ON DELETE CASCADE,
    tenant_id bigint NOT NULL CONSTRAINT fk_live_presences_tenant_id REFERENCES tenants ON DELETE CASCADE,
    app_user_id bigint NOT NULL CONSTRAINT fk_live_presences_app_user_id REFERENCES app_users ON DELETE CASCADE,
    table_name text NOT NULL,
    record_id text NOT NULL,
    edits boolean NOT NULL DEFAULT false,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE live_presences IS 'Who has which record open at this moment, by their open streams.';
CREATE INDEX ix_live_presences_table_name_record_id ON live_presences (table_name, record_id);
CREATE INDEX ix_live_presences_listener_id ON live_presences (listener_id);
CREATE INDEX ix_live_presences_tenant_id ON live_presences (tenant_id);
CREATE INDEX ix_live_presences_app_user_id ON live_presences (app_user_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON live_listeners, live_presences TO console_app;
"""
