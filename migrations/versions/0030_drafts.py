"""Drafts: what somebody typed into a form and did not save yet, seen by them alone; and whether single keys act for them."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    for step in (TABLE, THEIRS_ALONE, RIGHTS, KEYS):
        op.execute(step)


def downgrade() -> None:
    op.execute("ALTER TABLE user_profiles DROP COLUMN single_keys; DROP TABLE form_drafts;")


TABLE = """
CREATE TABLE form_drafts (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_form_drafts PRIMARY KEY,
    app_user_id bigint NOT NULL CONSTRAINT fk_form_drafts_app_user_id REFERENCES app_users ON DELETE CASCADE,
    address text NOT NULL CONSTRAINT ck_form_drafts_address CHECK (length(address) BETWEEN 1 AND 1000),
    typed jsonb NOT NULL CONSTRAINT ck_form_drafts_typed CHECK (jsonb_typeof(typed) = 'object'),
    saved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '14 days',
    CONSTRAINT uq_form_drafts_app_user_id_address UNIQUE (app_user_id, address)
);
CREATE INDEX ix_form_drafts_expires_at ON form_drafts (expires_at);
COMMENT ON TABLE form_drafts IS 'Forms begun and not saved, by person and address; the database shows each to its author alone.';
"""

# No page, export, key or query of the console's role reaches another's draft, whatever permission is behind it: the
# author is named within the transaction. The round that forgets what has expired names itself, and sees only that.
THEIRS_ALONE = """
ALTER TABLE form_drafts ENABLE ROW LEVEL SECURITY;
ALTER TABLE form_drafts FORCE ROW LEVEL SECURITY;
CREATE POLICY author ON form_drafts
    USING (app_user_id::text = current_setting('console.author', true))
    WITH CHECK (app_user_id::text = current_setting('console.author', true));
CREATE POLICY expired ON form_drafts
    USING (current_setting('console.author', true) = 'expired' AND expires_at < clock_timestamp());
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON form_drafts TO console_app;
"""

KEYS = """
ALTER TABLE user_profiles ADD COLUMN single_keys boolean NOT NULL DEFAULT true;
"""
