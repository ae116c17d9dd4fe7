"""Seal a set while another of its group is being written: a number that could be referred to locks its row from whoever does.

A partial index cannot be referred to, so numbering a set no longer waits for batches that name it as their first.
"""

from __future__ import annotations

from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE change_sets DROP CONSTRAINT uq_change_sets_seal_no;
        CREATE UNIQUE INDEX uq_change_sets_seal_no ON change_sets (seal_no) WHERE seal_no IS NOT NULL;
    """)


def downgrade() -> None:
    op.execute("""
        DROP INDEX uq_change_sets_seal_no;
        ALTER TABLE change_sets ADD CONSTRAINT uq_change_sets_seal_no UNIQUE (seal_no);
    """)
