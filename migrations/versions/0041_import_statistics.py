"""Statistics of import rows once they are in: a plan made for a table believed empty takes minutes over a large file."""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    here = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    op.execute(ANALYZED.replace("{here}", str(here)))


def downgrade() -> None:
    op.execute("DROP FUNCTION analyze_import_rows();")


# Only its owner may analyse a table.
ANALYZED = """
CREATE FUNCTION analyze_import_rows() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    ANALYZE {here}.import_rows (sheet_id, n, outcome, todo);
END
$$;
REVOKE ALL ON FUNCTION analyze_import_rows() FROM public;
GRANT EXECUTE ON FUNCTION analyze_import_rows() TO console_app;
"""
