"""The newest migrations that ship with this code, read from the files: no start should wait for Alembic just to compare."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_NAMED = re.compile(r"""^(revision|down_revision)\s*(?::[^=]+)?=\s*(.+)$""", re.MULTILINE)


@lru_cache(maxsize=1)
def code_heads() -> frozenset[str]:
    """Every revision that no other follows; one, unless two branches were never merged."""
    revisions: set[str] = set()
    followed: set[str] = set()
    for path in (MIGRATIONS / "versions").glob("*.py"):
        for name, value in _NAMED.findall(path.read_text("utf-8")):
            (revisions if name == "revision" else followed).update(re.findall(r"""["']([^"']+)["']""", value))
    return frozenset(revisions - followed)
