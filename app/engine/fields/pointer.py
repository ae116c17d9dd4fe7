"""A foreign key into a table nobody declared, by whatever column it points at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from app.engine.fields.field import Invalid
from app.engine.fields.reference import Reference


@dataclass(frozen=True)
class Pointer(Reference):
    """`target` and `by` say where it points; its value is a number or text, as that column's is."""

    number: bool = False
    type: ClassVar[str] = "pointer"
    changes: ClassVar[tuple[str, ...]] = ()

    def parse(self, typed: str) -> Any:
        if "\x00" in typed:
            raise Invalid("Pick a record from the list.")
        if not self.number:
            return typed
        plain = typed.strip()
        if not plain.removeprefix("-").isascii() or not plain.removeprefix("-").isdigit() or len(plain) > 19:
            raise Invalid(f"Pick a record from the list; “{typed[:40]}” is not one.")
        return int(plain)

    def href(self, value: Any) -> str | None:
        """The record itself, or the list narrowed to it where it is known by another key; None where there is no page."""
        if self.target is None:
            return None
        if self.target.opens_records and self.target.keys == (self.by,):
            return f"{self.target.path}/{self.target.key_of({self.by: value})}"
        return f"{self.target.path}?{self.by}={quote(str(value), safe='')}" if self.target.has(self.by) else None
