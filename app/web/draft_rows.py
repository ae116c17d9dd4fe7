"""The rows behind drafts: one for a person and a form, which the database shows to nobody but that person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from app.core.db import reading
from app.engine.apply import transaction

MOST = 64_000
"""Characters of one draft; longer ones are not kept, and the person is told."""

_AUTHOR = text("SELECT set_config('console.author', :author, true)")
# One statement, so that a form pays one round trip for it: the author is named in the row that leads to the draft, hence
# before the database asks whose it is; were it ever the other way round, there would be no draft, not another's.
_FIND = text("""
SELECT mine.typed, mine.saved_at
FROM (SELECT CAST(set_config('console.author', :author, true) AS bigint) AS author OFFSET 0) AS asking
CROSS JOIN LATERAL (
    SELECT typed, saved_at FROM form_drafts
    WHERE app_user_id = asking.author AND address = :address AND expires_at > clock_timestamp()
) AS mine
""")
_KEEP = text("""
INSERT INTO form_drafts (app_user_id, address, typed) VALUES (:author, :address, CAST(:typed AS jsonb))
ON CONFLICT (app_user_id, address) DO UPDATE
SET typed = EXCLUDED.typed, saved_at = EXCLUDED.saved_at, expires_at = EXCLUDED.expires_at
RETURNING saved_at
""")
_FORGET = text("DELETE FROM form_drafts WHERE address = :address")


@dataclass(frozen=True)
class Draft:
    """What somebody typed and when."""

    typed: Mapping[str, str]
    saved_at: datetime

    @property
    def version(self) -> int | None:
        """The version of the record it was begun on."""
        text = self.typed.get("version", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@contextmanager
def _by(author: int) -> Iterator[Connection]:
    with transaction() as connection:
        connection.execute(_AUTHOR, {"author": str(author)})
        yield connection


def find(author: int, address: str) -> Draft | None:
    """The author's draft of the form at an address."""
    row = reading().execute(_FIND, {"author": str(author), "address": address}).first()
    return Draft(row.typed, row.saved_at) if row else None


def keep(author: int, address: str, typed: Mapping[str, str]) -> datetime | None:
    """Keep it in the place of an earlier one; when, or None for one that is too long to keep."""
    written = json.dumps(dict(typed), ensure_ascii=False).replace("\\u0000", "")
    if len(written) > MOST or len(address) > 1000:
        return None
    with _by(author) as connection:
        found: datetime = connection.execute(
            _KEEP, {"author": author, "address": address, "typed": written}
        ).scalar_one()
    return found


def forget(author: int, address: str) -> None:
    """Saved or thrown away: it is gone."""
    with _by(author) as connection:
        connection.execute(_FORGET, {"address": address})
