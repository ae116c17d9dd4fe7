"""Open shapes: provider payloads, rule expressions, snapshots."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import Field, Invalid


@dataclass(frozen=True)
class Json(Field):
    """A jsonb column, edited as text and kept only when it parses."""

    list: bool = False
    sort: bool = False
    type: ClassVar[str] = "json"
    changes: ClassVar[tuple[str, ...]] = ()
    operators: ClassVar[tuple[str, ...]] = ("null",)

    def parse(self, typed: str) -> Any:
        try:
            return json.loads(typed)
        except json.JSONDecodeError as fault:
            raise Invalid(f"This is not valid JSON: line {fault.lineno}, column {fault.colno}.") from None

    def typed(self, value: Any) -> str:
        return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)

    def out(self, value: Any) -> Any:
        return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)

    @property
    def textual(self) -> bool:
        return True
