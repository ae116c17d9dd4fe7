"""Points in time: stored in UTC, typed and shown in the viewer's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from app.engine.fields.field import Field, Invalid


@dataclass(frozen=True)
class Moment(Field):
    """A moment; a form's value carries no zone and is read in the viewer's (see engine/forms.py)."""

    planned: bool = False
    """Lies ahead: shown as "Tue Aug 19, 6:30 am", not "in 4 d"."""
    due: bool = False
    type: ClassVar[str] = "moment"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "gt", "gte", "lt", "lte", "between", "null")
    changes: ClassVar[tuple[str, ...]] = ("set", "shift", "copy", "clear")

    def parse(self, typed: str) -> Any:
        try:
            value = datetime.fromisoformat(typed.strip())
        except ValueError:
            raise Invalid("Enter a date and time, like 2026-11-20T14:30.") from None
        return value if value.tzinfo else value.replace(tzinfo=UTC)

    def typed(self, value: Any) -> str:
        return "" if value is None else value.isoformat()

    def out(self, value: Any) -> Any:
        return None if value is None else value.isoformat()
