"""What one cell of the CenterPoint export means: nothing, words, a truth, an amount, a day, a ZIP, an address.

Every reader is pure and either gives the meaning or raises `Unreadable` with a sentence a clerk can act on. None
of them guesses: a date in an unknown style is not "probably May", and a telephone without its area code is not ours
to complete.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

NOTHING = frozenset({"", "-", "n/a", "none"})
YES = frozenset({"y", "yes", "1", "true"})
NO = frozenset({"n", "no", "0", "false"})

MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip

_AMOUNT = re.compile(r"(?a)\(?\$?\(?(?P<digits>\d{1,3}(?:,\d{3})+|\d+)(?P<cents>\.\d+)?\)?")
_ISO = re.compile(r"(?a)(\d{4})-(\d{1,2})-(\d{1,2})")
_US = re.compile(r"(?a)(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})")
_NAMED = re.compile(r"(?a)([A-Za-z]{3}) (\d{1,2}) (\d{4})")
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_EMAIL = re.compile(rf"[a-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})+")


class Unreadable(ValueError):
    """A cell whose meaning cannot be told; the message says what was expected."""


def words(raw: str | None) -> str | None:
    """Text without its outer blanks; None where the export writes one of its four ways of saying nothing."""
    text = (raw or "").strip()
    return None if text.lower() in NOTHING else text


def title(raw: str | None) -> str | None:
    """A name on one line: runs of blanks, which no one typed on purpose, become one."""
    text = words(raw)
    return " ".join(text.split()) if text else None


def truth(raw: str | None) -> bool:
    """Y, yes, 1 and TRUE against N, no, 0 and an empty cell. Anything else is not a truth."""
    text = (raw or "").strip().lower()
    if text in YES:
        return True
    if text in NO or text in NOTHING:
        return False
    raise Unreadable("neither a yes nor a no")


def money(raw: str | None) -> Decimal | None:
    """Dollars to the cent from `$1,234.50`, `1234.5` or `(250.00)`; parentheses or a leading minus mean negative."""
    text = words(raw)
    if text is None:
        return None
    negative = text.startswith("-") or (text.startswith(("(", "$(")) and text.endswith(")"))
    found = _AMOUNT.fullmatch(text.removeprefix("-").replace(" ", ""))
    if found is None or ("(" in text) != (")" in text):
        raise Unreadable("not an amount of dollars")
    amount = Decimal(found["digits"].replace(",", "") + (found["cents"] or ""))
    if amount != (cents := amount.quantize(Decimal("0.01"))):
        raise Unreadable("an amount finer than a cent")
    return -cents if negative else cents


@lru_cache(4096)
def number(raw: str | None) -> Decimal | None:
    """A plain quantity such as squares of roof or hours."""
    text = words(raw)
    if text is None:
        return None
    try:
        value = Decimal(text.replace(",", ""))
    except InvalidOperation:
        raise Unreadable("not a number") from None
    if not value.is_finite():
        raise Unreadable("not a number")
    return value


@lru_cache(8192)  # an export has tens of thousands of days and few thousand different ones
def day(raw: object) -> date | None:
    """A calendar day, US order, from `2024-09-13`, `09/13/2024`, `9/13/24` or `Sep 13 2024`.

    A spreadsheet's own date passes as it is. Two-digit years are of this century: the company was founded in it.
    """
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    text = words(None if raw is None else str(raw))
    if text is None:
        return None
    try:
        if found := _ISO.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _US.fullmatch(text):
            year = int(found[3])
            return date(year + 2000 if year < 100 else year, int(found[1]), int(found[2]))
        if (found := _NAMED.fullmatch(text)) and found[1].lower() in MONTHS:
            return date(int(found[3]), MONTHS[found[1].lower()], int(found[2]))
    except ValueError:
        pass
    raise Unreadable("not a date in any of the export's four styles")


def year(raw: str | None) -> int | None:
    """A year of installation; roofs older than 1850 or in the future beyond reason are slips of the keyboard."""
    text = words(raw)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{4}", text) or not 1850 <= int(text) <= 2100:
        raise Unreadable("not a year")
    return int(text)


def postal(raw: object) -> str | None:
    """A ZIP code with the leading zeros a spreadsheet took from it (1103 in Massachusetts is 01103)."""
    text = words(None if raw is None else str(raw))
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{3,5}(-[0-9]{4})?", text):
        raise Unreadable("not a ZIP code")
    code, dash, rest = text.partition("-")
    return code.zfill(5) + dash + rest


def email(raw: str | None) -> str | None:
    """An address a message could be sent to, in lower case."""
    text = words(raw)
    if text is None:
        return None
    address = text.lower()
    if len(address) > 254 or ".." in address or not _EMAIL.fullmatch(address):
        raise Unreadable("not an e-mail address")
    return address
