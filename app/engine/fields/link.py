"""A word that leads to a further page about the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import NEVER, Edit, Field


@dataclass(frozen=True)
class Link(Field):
    """The value completes the address; a key does, so nothing in it needs to be escaped. Neither filtered nor sorted by."""

    edit: Edit = NEVER
    sort: bool = False
    base: str = ""
    words: str = "Open"
    type: ClassVar[str] = "link"
    changes: ClassVar[tuple[str, ...]] = ()
    operators: ClassVar[tuple[str, ...]] = ()

    def address(self, value: Any) -> str:
        return f"{self.base}{value}"

    def out(self, value: Any) -> Any:
        return None if value is None else self.address(value)
