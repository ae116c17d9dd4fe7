"""How a person's changes of single values are saved: each at once, or collected and together."""

from __future__ import annotations

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE user_profiles ADD COLUMN edits text NOT NULL DEFAULT 'once'"
        " CONSTRAINT ck_user_profiles_edits CHECK (edits IN ('once', 'collect'))"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE user_profiles DROP COLUMN edits")
