"""Values the console keeps but never shows: hashes, keys, tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import NEVER, Edit, Field


@dataclass(frozen=True)
class Secret(Field):
    """Never selected: the engine asks the database only whether something is set."""

    edit: Edit = NEVER
    list: bool = False
    sort: bool = False
    type: ClassVar[str] = "secret"
    changes: ClassVar[tuple[str, ...]] = ()
    operators: ClassVar[tuple[str, ...]] = ("null",)

    def out(self, value: Any) -> Any:
        return "set" if value else None
