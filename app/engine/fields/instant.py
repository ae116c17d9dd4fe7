"""Days and moments of tables nobody declared: PostgreSQL also knows infinity, the year 12024 and 44 BC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.date import Date
from app.engine.fields.field import Invalid
from app.engine.fields.moment import Moment


def _kept(typed: str) -> str:
    if "\x00" in typed or len(typed) > 80:
        raise Invalid("Enter a date, like 2026-11-20, or a moment, like 2026-11-20 14:30.")
    return typed.strip()


@dataclass(frozen=True)
class Day(Date):
    """A date or a clock without a zone: its text travels, so that no value is out of reach; filtered like any date."""

    type: ClassVar[str] = "day"

    def parse(self, typed: str) -> Any:
        return _kept(typed)

    def typed(self, value: Any) -> str:
        return "" if value is None else str(value)

    def out(self, value: Any) -> Any:
        return value


@dataclass(frozen=True)
class Instant(Moment):
    """A moment as text; shown like any moment wherever Python's calendar reaches."""

    type: ClassVar[str] = "instant"

    def parse(self, typed: str) -> Any:
        return _kept(typed)

    def typed(self, value: Any) -> str:
        return "" if value is None else str(value)

    def out(self, value: Any) -> Any:
        return value
