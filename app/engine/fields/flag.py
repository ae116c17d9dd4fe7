"""Yes or no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import Field, Invalid

_TRUE = {"true", "yes", "y", "1", "on", "t"}
_FALSE = {"false", "no", "n", "0", "off", "f", ""}


@dataclass(frozen=True)
class Flag(Field):
    """A box to tick. An unticked box sends nothing, so in a form absence means no."""

    yes: str = "Yes"
    no: str = "No"
    type: ClassVar[str] = "flag"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "null")
    changes: ClassVar[tuple[str, ...]] = ("set",)

    def parse(self, typed: str) -> Any:
        word = typed.strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise Invalid("Answer yes or no.")

    def typed(self, value: Any) -> str:
        return "" if value is None else "true" if value else "false"
