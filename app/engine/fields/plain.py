"""Values of types the console has no words for: shown and typed as PostgreSQL itself writes them, judged by it alone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from app.engine.fields.field import Field, Invalid

COMPARED = ("eq", "ne", "gt", "gte", "lt", "lte", "between", "in", "contains", "null")
MATCHED = ("contains", "null")
"""For types without an order, such as a point or a document: found by what their text holds."""


@dataclass(frozen=True)
class Plain(Field):
    """An interval, a range, a network address: its text travels, and the database says whether it can read it."""

    operators: tuple[str, ...] = COMPARED  # type: ignore[misc]
    long: bool = False
    longest: int = 100_000
    mono: bool = True
    kind: str = ""
    """The type as PostgreSQL names it, said beside the field."""
    type: ClassVar[str] = "plain"
    changes: ClassVar[tuple[str, ...]] = ()

    def parse(self, typed: str) -> Any:
        if "\x00" in typed:
            raise Invalid("Remove the null characters; the database cannot keep them.")
        if len(typed) > self.longest:
            raise Invalid(f"Use at most {self.longest:,} characters.")
        return typed.replace("\r\n", "\n")

    @property
    def textual(self) -> bool:
        return True


@dataclass(frozen=True)
class Exact(Plain):
    """A number kept digit by digit, NaN and infinity included, which a float or a rounded form would lose."""

    operators: tuple[str, ...] = ("eq", "ne", "gt", "gte", "lt", "lte", "between", "in", "null")  # type: ignore[misc]
    type: ClassVar[str] = "exact"
    numeric: ClassVar[bool] = True

    def parse(self, typed: str) -> Any:
        plain = typed.strip().replace("−", "-").replace(",", "")
        try:
            Decimal(plain)
        except InvalidOperation:
            raise Invalid("Enter a number, like 1250.5.") from None
        return plain

    def out(self, value: Any) -> Any:
        """A number for a spreadsheet, unless it is one no spreadsheet has."""
        if value is None:
            return None
        number = Decimal(value)
        return number if number.is_finite() else value

    @property
    def textual(self) -> bool:
        return False
