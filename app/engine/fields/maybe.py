"""Yes, no, or nobody said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.flag import Flag


@dataclass(frozen=True)
class Maybe(Flag):
    """A boolean that may be empty. A box could not show that, so it is chosen from three."""

    type: ClassVar[str] = "maybe"
    changes: ClassVar[tuple[str, ...]] = ("set", "clear")
    options: ClassVar[tuple[tuple[str, str], ...]] = (("true", "Yes"), ("false", "No"))

    def parse(self, typed: str) -> Any:
        return super().parse(typed) if typed.strip() else None
