"""A pointer to one record of another resource, shown by its title and picked by search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import Field, Invalid


@dataclass(frozen=True)
class Reference(Field):
    """The label is joined in the list's own statement; the picker searches, it never lists a whole table."""

    to: str = ""
    """Name of the resource pointed at."""
    as_: str = ""
    """How the label looks: "person" (round initials), "agent" (hexagon), "code" (mono) or plain."""
    target: Any = None
    """The resource pointed at, where it is none that a name finds: a table nobody declared."""
    by: str = "id"
    """The column there whose value stands here."""
    type: ClassVar[str] = "reference"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", "null")

    def parse(self, typed: str) -> Any:
        try:
            return int(typed)
        except ValueError:
            raise Invalid(f"Pick a record from the list; “{typed[:40]}” is not one.") from None
