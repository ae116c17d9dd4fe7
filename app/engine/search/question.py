"""What a person typed into the search, read: a number, a telephone number, an e-mail address, or words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.engine.fields import Invalid, Phone
from app.engine.filters import like
from app.engine.refusals import BadQuery

LONGEST = 200
MOST_WORDS = 5
SHORT = 3
"""Fewer letters than these have no trigram of their own, so no index finds them in the middle of a text."""
TITLE = 60
"""So many characters of a title are indexed by how they begin (migration 0027)."""

NATIONAL = 10
"""Digits of a whole number without its country; fewer are the end of one, or its middle."""

_NUMBER = re.compile(r"[A-Za-z]{0,6}[-# ]?\d{1,15}")
_PHONE = re.compile(r"\+?[\d\s().\-/]{4,24}")
_E_MAIL = re.compile(r"\S+@\S*")


@dataclass(frozen=True)
class Question:
    """The words of a search with what they could be besides words."""

    text: str

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Each must occur; the first few say enough."""
        return tuple(dict.fromkeys(self.text.lower().split()))[:MOST_WORDS]

    @cached_property
    def long(self) -> tuple[str, ...]:
        return tuple(word for word in self.words if len(word) >= SHORT)

    @cached_property
    def code(self) -> bool:
        """Whether this reads like the number of a record: 1042, C-00417, inv 10482."""
        return _NUMBER.fullmatch(self.text) is not None

    @property
    def lettered(self) -> bool:
        """Whether it is the number of a record with the letters before it: C-00417."""
        return self.code and not self.text[:1].isdigit() and self.text[:1] != "#"

    @cached_property
    def digits(self) -> str:
        return "".join(char for char in self.text if char.isdigit()) if self.text.isascii() else ""

    @cached_property
    def key(self) -> int | None:
        """The number as the database counts records, where it is nothing but a number."""
        bare = self.text.removeprefix("#")
        return int(bare) if bare.isascii() and bare.isdigit() and len(bare) < 18 else None

    @cached_property
    def phone(self) -> str | None:
        """The digits to look for in numbers kept as E.164, from at least four of them however they were grouped."""
        if not _PHONE.fullmatch(self.text) or not 4 <= len(self.digits) <= 15:
            return None
        if len(self.digits) < NATIONAL and not self.text.startswith("+"):
            return self.digits
        try:
            return str(Phone("phone").parse(self.text)).removeprefix("+")
        except Invalid:
            return self.digits

    @property
    def grouped(self) -> bool:
        """Whether it is a telephone number and nothing else: many digits with something between them."""
        return self.phone is not None and len(self.digits) >= 7 and not self.code

    @cached_property
    def e_mail(self) -> bool:
        return _E_MAIL.fullmatch(self.text) is not None

    def occurs_in(self, value: str) -> bool:
        """Whether a value has one of the words in it, or the telephone number."""
        low = value.lower()
        return any(word in low for word in self.long) or (self.phone is not None and self.phone in value)

    @property
    def shape(self) -> tuple[Any, ...]:
        """What decides the statement apart from the values."""
        return (self.code, self.phone is not None, self.grouped, self.e_mail, len(self.long))

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The values for the parameters of the statement."""
        whole = " ".join(self.text.split())
        given: dict[str, Any] = {
            "whole": whole.lower()[:TITLE],
            "beyond": whole.lower()[:TITLE] + chr(0x10FFFF),
            "start": like(whole, anywhere=False),
            "inner": like(f" {whole}"),
            "code": [whole, whole.upper(), whole.lower(), whole.upper().replace(" ", "-")],
            "digits": self.digits.lstrip("0") or self.digits,
            "letters": like("".join(char for char in whole.upper() if char.isalpha()), anywhere=False),
            "tail": f"%{self.digits}" if self.digits else None,
            "every": [like(word) for word in self.words],
            "plain": whole,
            "key": self.key,
        }
        for place, word in enumerate(self.long):
            given[f"w{place}"] = like(word)
        if self.phone:
            given |= {"phone": f"%{self.phone}%", "e164": f"+{self.phone}"}
        return given


def read(text: str) -> Question:
    """Raises BadQuery for what cannot be searched for at all."""
    if "\x00" in text or len(text) > LONGEST:
        raise BadQuery(f"Search for at most {LONGEST} ordinary characters.")
    return Question(" ".join(text.split()))
