"""Telephone numbers as people typed them, in the one form a dialler, a search and a duplicate check agree on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from app.domains.crm.centerpoint.values import Unreadable, words


@dataclass(frozen=True)
class Phone:
    """A number in E.164 (`+13075550547`) and the extension behind it, which E.164 has no place for."""

    e164: str
    extension: str | None


@lru_cache(maxsize=8192)
def phone(raw: str | None, region: str = "US") -> Phone | None:
    """The number meant by any of the export's eight styles; `Unreadable` where it could not be dialled as it stands."""
    text = words(raw)
    if text is None:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise Unreadable("not a telephone number") from None
    if not phonenumbers.is_valid_number(number):
        raise Unreadable("not a telephone number that can be dialled")
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), number.extension or None)
