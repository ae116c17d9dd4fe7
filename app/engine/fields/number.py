"""Numbers with a meaning: money, model cost, counts, percentages, quantities and durations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, ClassVar

from app.engine.fields.field import Field, Invalid

_DECOR = re.compile(r"[\s,$€£%]")


@dataclass(frozen=True)
class Number(Field):
    """Reads "1,234.50", "$1,234.50" and "(250.00)"; rounds to nothing: too many decimals are refused, not cut."""

    least: Decimal | int | None = None
    most: Decimal | int | None = None
    places: int = 2
    unit: str = ""
    type: ClassVar[str] = "number"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "gt", "gte", "lt", "lte", "between", "in", "null")
    numeric: ClassVar[bool] = True
    changes: ClassVar[tuple[str, ...]] = ("set", "add", "subtract", "raise", "lower", "copy", "clear")

    def parse(self, typed: str) -> Any:
        plain = _DECOR.sub("", typed.replace("−", "-"))
        if plain.startswith("(") and plain.endswith(")"):
            plain = f"-{plain[1:-1]}"
        try:
            value = Decimal(plain)
        except InvalidOperation:
            raise Invalid(f"Enter a number, like {self.example}.") from None
        if not value.is_finite():
            raise Invalid(f"Enter a number, like {self.example}.")
        if abs(value) >= Decimal(10) ** 15:
            raise Invalid("That number is too large to keep.")
        if value != value.quantize(Decimal(1).scaleb(-self.places), rounding=ROUND_HALF_UP):
            raise Invalid(f"Use at most {self.places} decimals." if self.places else "Enter a whole number.")
        if self.least is not None and value < self.least:
            raise Invalid(f"Enter {self.least} or more.")
        if self.most is not None and value > self.most:
            raise Invalid(f"Enter {self.most} or less.")
        return value

    def typed(self, value: Any) -> str:
        if value is None:
            return ""
        return f"{value:f}" if isinstance(value, Decimal) else str(value)

    @property
    def example(self) -> str:
        return "1,250.00" if self.places else "12"


@dataclass(frozen=True)
class Money(Number):
    """An amount in the record's currency (numeric(14,2)); never a float."""

    currency: str = "currency"
    """The field that names the currency, where the table has one."""
    type: ClassVar[str] = "money"


@dataclass(frozen=True)
class Cost(Number):
    """Unit costs in US dollars with six decimals: a model call costs $0.0412."""

    places: int = 6
    type: ClassVar[str] = "cost"


@dataclass(frozen=True)
class Count(Number):
    """A whole number of things."""

    places: int = 0
    type: ClassVar[str] = "count"

    def parse(self, typed: str) -> Any:
        return int(super().parse(typed))


@dataclass(frozen=True)
class Percent(Number):
    """0 to 100; with `share`, a stored 0 to 1 that people read and type as it is stored."""

    places: int = 4
    least: Decimal | int | None = 0
    most: Decimal | int | None = 100
    share: bool = False
    type: ClassVar[str] = "percent"

    def typed(self, value: Any) -> str:
        return _trimmed(super().typed(value))


@dataclass(frozen=True)
class Quantity(Number):
    """A measured amount with its unit in the head of the column."""

    places: int = 4
    type: ClassVar[str] = "quantity"

    def typed(self, value: Any) -> str:
        return _trimmed(super().typed(value))


def _trimmed(text: str) -> str:
    """Without the zeros a numeric column pads with: nobody types 40.0000."""
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class Duration(Count):
    """Milliseconds, shown as 38 ms, 2.33 s, 14 min."""

    type: ClassVar[str] = "duration"
