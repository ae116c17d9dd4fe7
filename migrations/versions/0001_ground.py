"""What every table stands on: trigram search, time-ordered public ids, the application's role, row versions."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

revision = "0001"
down_revision = None


def upgrade() -> None:
    need("pg_trgm", "SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'", "CREATE EXTENSION pg_trgm SCHEMA public")
    if not exists("SELECT 1 FROM pg_proc WHERE proname = 'uuidv7' AND pronamespace = 'pg_catalog'::regnamespace"):
        op.execute(UUIDV7)
    op.execute(APPLICATION_ROLE)
    if exists(APPLICATION) and not exists("SELECT 1 FROM pg_roles WHERE rolname = current_user AND rolsuper"):
        op.execute(SPEAK_AS_APPLICATION)
    op.execute(VERSIONS)
    op.execute(USE_SCHEMA)


def downgrade() -> None:
    # pg_trgm and console_app stay: other schemas and databases of the server may use them.
    op.execute("DROP FUNCTION keep_versions(regclass); DROP FUNCTION keep_version();")
    op.execute(DROP_UUIDV7)
    op.execute(LEAVE_SCHEMA)


def exists(question: str) -> bool:
    return op.get_bind().scalar(text(question)) is not None


def need(what: str, question: str, make: str) -> None:
    """Make what is missing; where this login may not, say in one sentence who can."""
    if exists(question):
        return
    try:
        with op.get_bind().begin_nested():
            op.execute(make)
    except DBAPIError as error:
        if exists(question):  # another console made it in the meantime
            return
        raise RuntimeError(
            f"The console needs {what}, and this login may not create it: run `{make}` as an administrator."
        ) from error


# Servers before 18: 48 bits of time in milliseconds, then the random bits of a version 4 uuid.
UUIDV7 = """
CREATE FUNCTION uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT (
        lpad(to_hex(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
        || '7'
        || substr(replace(gen_random_uuid()::text, '-', ''), 14)
    )::uuid
$$;
"""

APPLICATION = "SELECT 1 FROM pg_roles WHERE rolname = 'console_app'"
# Where this login may not create roles the console works with the rights it has: migrations/env.py then gives the
# application's grants to this login, and the health board names the promises that are weaker.
APPLICATION_ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'console_app') THEN
        CREATE ROLE console_app NOLOGIN;
    END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object THEN
    NULL;
END
$$;
"""

# The owner's login may act as the application, which is how the console connects when it has no second login.
SPEAK_AS_APPLICATION = """
DO $$
BEGIN
    EXECUTE format('GRANT console_app TO %I', current_user);
EXCEPTION WHEN insufficient_privilege THEN
    NULL;  -- an administrator made the role and decides who may act as it
END
$$;
"""

# The version guards against two people overwriting each other, so the database counts it, whoever writes.
# An update that changes nothing is no version. The columns are listed in the trigger because a BEFORE trigger
# cannot compare whole rows where some are generated: attach again after adding or dropping a column.
VERSIONS = """
CREATE FUNCTION keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE FUNCTION keep_versions(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changed text;
BEGIN
    EXECUTE format('DROP TRIGGER IF EXISTS keep_version ON %s', target);
    IF (SELECT count(*) FROM pg_attribute
        WHERE attrelid = target AND attname IN ('version', 'updated_at') AND NOT attisdropped) < 2 THEN
        RETURN;
    END IF;
    SELECT string_agg(format('OLD.%1$I IS DISTINCT FROM NEW.%1$I', attname), ' OR ' ORDER BY attnum)
    INTO changed
    FROM pg_attribute
    WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    EXECUTE format(
        'CREATE TRIGGER keep_version BEFORE UPDATE ON %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION keep_version()',
        target, changed
    );
END
$$;
REVOKE ALL ON FUNCTION keep_versions(regclass) FROM PUBLIC;
"""

DROP_UUIDV7 = """
DO $$
BEGIN
    EXECUTE format('DROP FUNCTION IF EXISTS %I.uuidv7()', current_schema());
END
$$;
"""

USE_SCHEMA = """
DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO console_app', current_schema());
    GRANT SELECT ON alembic_version TO console_app;  -- "is the schema ours?" is asked by /readyz and the health board
END
$$;
"""

LEAVE_SCHEMA = USE_SCHEMA.replace("GRANT", "REVOKE").replace(" TO console_app", " FROM console_app")
