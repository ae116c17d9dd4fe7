"""E-mail addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from app.engine.fields.field import Invalid
from app.engine.fields.text import Text

# The shape the HTML standard gives <input type=email>, plus a dot in the domain: an internal host cannot be mailed from here.
SHAPE = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)


@dataclass(frozen=True)
class Email(Text):
    """One address; kept as typed but for the case of the domain."""

    personal: bool = True
    longest: int = 254
    type: ClassVar[str] = "email"

    def parse(self, typed: str) -> Any:
        value = super().parse(typed)
        if not SHAPE.fullmatch(value):
            raise Invalid("Enter an address like name@example.com.")
        local, _, domain = value.rpartition("@")
        return f"{local}@{domain.lower()}"

    def mask(self, value: Any) -> str | None:
        """First letter and domain, so that two contacts can be told apart."""
        if not value:
            return None
        local, _, domain = str(value).rpartition("@")
        return f"{local[:1]}••••@{domain}" if local else "••••"
