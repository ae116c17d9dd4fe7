"""What was committed since a moment is found by the transaction it was committed in, and not by walking the ledger."""

from __future__ import annotations

from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    op.execute("CREATE INDEX ix_change_sets_xid ON change_sets (xid)")


def downgrade() -> None:
    op.execute("DROP INDEX ix_change_sets_xid")
