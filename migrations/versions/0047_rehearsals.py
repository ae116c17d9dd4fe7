"""Rehearsals the database itself will not keep, and which therefore need not enter what they write into the ledger."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0047"
down_revision = "0046"

_CHANNELS = ("console", "api", "import", "automation", "agent", "system", "outside")
_PATCHES = (
    ("    kept bigint;\nBEGIN\n", "    kept bigint;\n    rehearsed boolean;\nBEGIN\n"),
    ("    SELECT id INTO set_id FROM", "    SELECT id, channel = 'rehearsal' INTO set_id, rehearsed FROM"),
    (
        "    IF TG_OP = 'INSERT' THEN\n        INSERT INTO",
        "    IF rehearsed THEN\n        RETURN NULL;\n    END IF;\n    IF TG_OP = 'INSERT' THEN\n        INSERT INTO",
    ),
)


def upgrade() -> None:
    _admit(*_CHANNELS, "rehearsal")
    op.execute("""
        CREATE FUNCTION never_kept() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
        BEGIN
            RAISE EXCEPTION 'A rehearsal is taken back; nothing of it is kept.' USING ERRCODE = 'integrity_constraint_violation';
        END $$;
        CREATE CONSTRAINT TRIGGER never_kept AFTER INSERT OR UPDATE ON change_sets DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.channel = 'rehearsal') EXECUTE FUNCTION never_kept();
    """)
    _rewrite(_PATCHES)


def downgrade() -> None:
    _rewrite([(after, before) for before, after in _PATCHES])
    op.execute("DROP TRIGGER never_kept ON change_sets; DROP FUNCTION never_kept();")
    _admit(*_CHANNELS)


def _admit(*channels: str) -> None:
    listed = ", ".join(f"'{channel}'" for channel in channels)
    op.execute(f"""
        ALTER TABLE change_sets DROP CONSTRAINT ck_change_sets_channel;
        ALTER TABLE change_sets ADD CONSTRAINT ck_change_sets_channel CHECK (channel IN ({listed})) NOT VALID;
        ALTER TABLE change_sets VALIDATE CONSTRAINT ck_change_sets_channel;
    """)


def _rewrite(patches: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> None:
    """What the ledger's function does is said in 0033; here only what is different."""
    function = op.get_bind().execute(text("SELECT pg_get_functiondef('record_changes()'::regprocedure)")).scalar_one()
    for before, after in patches:
        assert function.count(before) == 1, before
        function = function.replace(before, after)
    op.get_bind().exec_driver_sql(function.replace("%", "%%"))
