"""Whole numbers of any meaning: a count, a year, a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import Field, Invalid


@dataclass(frozen=True)
class Whole(Field):
    """An integer column of others, up to the size of its type, written without separators: it may well be a year."""

    bits: int = 64
    type: ClassVar[str] = "whole"
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "gt", "gte", "lt", "lte", "between", "in", "null")
    numeric: ClassVar[bool] = True

    def parse(self, typed: str) -> Any:
        plain = typed.strip().replace("−", "-").replace(",", "")
        digits = plain.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
            raise Invalid("Enter a whole number, like 12.")
        value = int(plain)
        most = 2 ** (self.bits - 1)
        if not -most <= value < most:
            raise Invalid(f"Enter a number from {-most} to {most - 1}.")
        return value
