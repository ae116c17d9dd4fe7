"""Telephone numbers, kept as E.164."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import phonenumbers

from app.core import formats
from app.engine.fields.field import Invalid
from app.engine.fields.text import Text


@dataclass(frozen=True)
class Phone(Text):
    """Any way of writing a number is taken; a national one is read as of `country`."""

    personal: bool = True
    country: str = "US"
    longest: int = 40
    type: ClassVar[str] = "phone"

    def parse(self, typed: str) -> Any:
        try:
            number = phonenumbers.parse(super().parse(typed), self.country)
        except phonenumbers.NumberParseException:
            raise Invalid("Enter 10 digits, like 303-555-0142, or an international number starting with +.") from None
        if number.extension:
            raise Invalid(f"Leave out the extension (x{number.extension}) here; keep it in the notes.")
        if not phonenumbers.is_possible_number(number):
            raise Invalid("Enter 10 digits, like 303-555-0142, or an international number starting with +.")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def typed(self, value: Any) -> str:
        """Grouped, as on paper: ten digits in a row are easily misread."""
        return formats.phone(value) if value else ""

    def mask(self, value: Any) -> str | None:
        """The last two digits stay, so that a caller can be asked to confirm them."""
        return f"•••• ••{str(value)[-2:]}" if value else None
