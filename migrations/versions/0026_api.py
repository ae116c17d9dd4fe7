"""The API: how often each key and person calls, and the answers kept so that a repeated request has one effect."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("DROP TABLE idempotent_requests, api_uses")


# Counted at every request, so nothing of it goes to the write-ahead log: after a crash counting begins anew, and what is
# lost is a few minutes of figures. What lasts is written to user_api_keys now and then.
TABLES = r"""
CREATE UNLOGGED TABLE api_uses (
    who text CONSTRAINT pk_api_uses PRIMARY KEY,
    minute timestamptz NOT NULL,
    used integer NOT NULL DEFAULT 0,
    before integer NOT NULL DEFAULT 0,
    unwritten bigint NOT NULL DEFAULT 0,
    used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_from inet,
    written_at timestamptz
);
COMMENT ON TABLE api_uses IS
    'Requests of each key and person in this minute and the one before, and uses not yet written to the key.';

CREATE TABLE idempotent_requests (
    who text NOT NULL,
    key text NOT NULL,
    claim uuid NOT NULL,
    fingerprint bytea NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    status integer,
    location text,
    answer bytea,
    CONSTRAINT pk_idempotent_requests PRIMARY KEY (who, key),
    CONSTRAINT ck_idempotent_requests_answered CHECK ((status IS NULL) = (answer IS NULL))
);
COMMENT ON TABLE idempotent_requests IS
    'Requests sent with an Idempotency-Key and their sealed answers, for a day; without an answer it is under way, or died.';
CREATE INDEX ix_idempotent_requests_claimed_at ON idempotent_requests (claimed_at);
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON api_uses, idempotent_requests TO console_app;
"""
