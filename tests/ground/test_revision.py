"""The revision read from the files is the one Alembic would name."""

from __future__ import annotations

from alembic.script import ScriptDirectory

from app.core.revision import MIGRATIONS, code_heads


def test_it_is_alembics_head() -> None:
    assert code_heads() == set(ScriptDirectory(str(MIGRATIONS)).get_heads())
    assert len(code_heads()) == 1, "two migrations follow the same one; merge them"
