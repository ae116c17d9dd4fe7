"""Calendar days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from app.engine.fields.field import Field, Invalid


@dataclass(frozen=True)
class Date(Field):
    """A day without a clock; typed by the browser's own date input as 2026-11-20."""

    due: bool = False
    """A day that turns red once it has passed, while the record still waits for something."""
    type: ClassVar[str] = "date"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "gt", "gte", "lt", "lte", "between", "null")
    changes: ClassVar[tuple[str, ...]] = ("set", "shift", "copy", "clear")

    def parse(self, typed: str) -> Any:
        try:
            return date.fromisoformat(typed.strip())
        except ValueError:
            raise Invalid("Enter a date as year-month-day, like 2026-11-20.") from None

    def typed(self, value: Any) -> str:
        return "" if value is None else value.isoformat()

    def out(self, value: Any) -> Any:
        return None if value is None else value.isoformat()
