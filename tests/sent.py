"""What a page sends to the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is sent to the database meanwhile; counted at the driver, since lists go past SQLAlchemy."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: Any, query: Any, *rest: Any, **named: Any) -> Any:
        sent.append(str(query))
        return execute(cursor, query, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", counted)
        yield sent


def kept_a_while(statement: str) -> bool:
    """Whether its answer serves many pages, and which page asks it anew is a matter of the clock: how many rows a table has
    about, the light in the bar, and the number of problems in the navigation."""
    problems = "SELECT count(*) AS count_1 \nFROM data_quality_findings"
    return statement.startswith(("EXPLAIN", problems)) or "AS last" in statement
