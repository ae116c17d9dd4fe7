"""Text as it stands in a table of others: nothing about it is put right, since their program may mean it that way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import Invalid
from app.engine.fields.text import Text


@dataclass(frozen=True)
class Verbatim(Text):
    """Kept blank for blank; only what PostgreSQL cannot hold is refused."""

    operators: tuple[str, ...] = Text.operators  # type: ignore[misc]
    type: ClassVar[str] = "text"
    changes: ClassVar[tuple[str, ...]] = ()

    def parse(self, typed: str) -> Any:
        if "\x00" in typed:
            raise Invalid("Remove the null characters; the database cannot keep them.")
        value = typed.replace("\r\n", "\n")
        if len(value) > self.longest:
            raise Invalid(f"Use at most {self.longest:,} characters; this has {len(value):,}.")
        return value
