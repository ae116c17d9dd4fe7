"""From a cell to a field's value: what is done to it first, in words, then the field's own reading of it.

Nothing is guessed: a date in an order nobody chose, or an amount that is none, is refused with the cell and the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import phonenumbers

from app.core.clock import zone_of
from app.engine.fields import Choice, Date, Field, Flag, Instant, Invalid, Json, Moment, Phone, Reference, Tags, Text
from app.engine.fields.number import Number

NOTHING = "N/A, NA, -, --, none, null"
"""What stands for an empty cell unless somebody says otherwise."""
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Reading:
    """How the cells of one file are read."""

    date_order: str = "mdy"
    """mdy, dmy or ymd: which part of 03/04/2026 is the month."""
    decimal: str = "point"
    """point: 1,234.50; comma: 1.234,50."""
    nothing: frozenset[str] = frozenset()
    """Words, in lower case, that mean an empty cell."""
    zone: str = "UTC"
    escaped: bool = True
    """Whether a leading apostrophe before = + - @ is one a program put there so that no spreadsheet runs the cell."""


@dataclass(frozen=True)
class Transformation:
    """Something done to a cell before its field reads it."""

    key: str
    words: str
    do: Callable[[str], str]


def _tidy(cell: str) -> str:
    return " ".join(cell.split())


def _first(cell: str) -> str:
    """The given name of "Smith, Ann" as of "Ann Smith"."""
    _last, comma, rest = cell.partition(",")
    if comma and rest.strip():
        return _tidy(rest)
    return cell.split()[0] if cell.split() else ""


def _rest(cell: str) -> str:
    last, comma, rest = cell.partition(",")
    if comma and rest.strip():
        return _tidy(last)
    return " ".join(cell.split()[1:])


_EXTENSION = re.compile(r"(?:[;,]?\s*ext(?:ension|n)?\.?|\s*x|\s*#)\s*[:.=]?\s*(\d{1,8})\s*$", re.IGNORECASE)


def _extension(cell: str) -> str:
    found = _EXTENSION.search(cell)
    return f"ext. {found[1]}" if found else ""


def _number_in(cell: str) -> str:
    found = re.search(r"-?\d[\d.,]*", cell)
    return found[0] if found else cell


_EVERY = (
    Transformation("tidy", "Blanks made single", _tidy),
    Transformation("first", "First name of a full name", _first),
    Transformation("rest", "Last name of a full name", _rest),
    Transformation("title", "Words With Capitals", lambda cell: _tidy(cell).title()),
    Transformation("upper", "CAPITALS", str.upper),
    Transformation("lower", "small letters", str.lower),
    Transformation("extension", "Only the extension of a phone number", _extension),
    Transformation("base", "Phone number without its extension", lambda cell: _EXTENSION.sub("", cell)),
    Transformation("number", "The number in it", _number_in),
    Transformation("filled", "Yes where anything stands", lambda cell: "yes" if cell.strip() else "no"),
)
BY_KEY: Mapping[str, Transformation] = {each.key: each for each in _EVERY}


def offered(declared: Field) -> tuple[Transformation, ...]:
    """What can be done to cells of this field."""
    if isinstance(declared, Phone):
        keys: tuple[str, ...] = ("base",)
    elif isinstance(declared, Number):
        keys = ("number",)
    elif isinstance(declared, Flag):
        keys = ("filled",)
    elif isinstance(declared, Text):
        keys = ("tidy", "first", "rest", "title", "upper", "lower", "extension")
    else:
        keys = ()
    return tuple(BY_KEY[key] for key in keys)


def plain(cell: str, reading: Reading) -> str:
    """A cell as its author meant it: without the apostrophe that keeps spreadsheets from running it; "" for nothing."""
    if reading.escaped and len(cell) > 1 and cell[0] == "'" and cell[1] in _DANGEROUS:
        cell = cell[1:]
    return "" if cell.strip().lower() in reading.nothing else cell


def value(declared: Field, cell: str, reading: Reading) -> Any:
    """What a cell that is not empty says in this field. Raises Invalid with a sentence."""
    if isinstance(declared, Moment) and not isinstance(declared, Instant):
        return _moment(declared, cell.strip(), reading)
    if isinstance(declared, Date):
        return declared.parse(_iso(cell.strip(), reading))
    if isinstance(declared, Number):
        return declared.parse(_amount(cell, reading))
    if isinstance(declared, Flag):
        return declared.parse(_TRUTHS.get(cell.strip().lower(), cell))
    if isinstance(declared, Choice):
        return declared.parse(_chosen(declared, cell.strip()))
    if isinstance(declared, Phone):
        return declared.parse(_phone(cell))
    if isinstance(declared, Tags):
        return declared.parse(cell.replace(";", ","))
    if isinstance(declared, Json | Reference):
        return declared.parse(cell.strip())
    return declared.parse(cell)


_TRUTHS = {
    "x": "yes", "✓": "yes", "✔": "yes", "ok": "yes", "checked": "yes", "active": "yes", "ja": "yes", "si": "yes", "sí": "yes",
    "-": "no", "unchecked": "no", "none": "no", "n/a": "no", "inactive": "no", "nein": "no",
}  # fmt: skip


def _chosen(declared: Choice, cell: str) -> str:
    """The stored word for one that reads alike: "Credit Hold", "credit-hold" and its label are credit_hold."""
    said = _alike(cell)
    for stored, words in declared.options:
        if said in (_alike(stored), _alike(words)):
            return stored
    if cell in declared.values:
        return cell
    raise Invalid("Give one of: " + ", ".join(words for _stored, words in declared.options) + ".")


def _alike(word: str) -> str:
    return re.sub(r"[\W_]+", " ", word.lower()).strip()


def _phone(cell: str) -> str:
    """National numbers typed with a trunk 1 or dots are the field's own to read; letters such as "tel:" are not."""
    return re.sub(r"^\s*(?:tel|phone|ph|cell|mobile|fax)\s*[:.]?\s*", "", cell, flags=re.IGNORECASE)


def _amount(cell: str, reading: Reading) -> str:
    """An amount with a point before its decimals and a minus before all of it."""
    text = re.sub(r"\b(?:USD|EUR|CAD|GBP)\b|[\s\u00a0\u202f']", "", cell, flags=re.IGNORECASE)
    if reading.decimal == "comma":
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"[^\d]*\d{1,3}(?:,\d{1,2}|,\d{4,})[^\d]*", text):
        raise Invalid("The comma in this number separates no thousands; say how decimals are written.")
    if text.endswith("-"):
        text = "-" + text[:-1]
    if re.fullmatch(r"[$€£]\(.*\)", text):
        text = f"({text[0]}{text[2:]}"
    return text


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PARTS = re.compile(r"(\d{1,4})[/.\-\s](\d{1,2})[/.\-\s](\d{1,4})")
_NAMED = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_DAY_NAMED = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[\s.-]+([A-Za-z]{3,9})\.?,?[\s.-]+(\d{2,4})")


def day(cell: str, reading: Reading) -> date:
    """A calendar day in the order that was chosen, or with its month by name. Raises Invalid."""
    try:
        if found := _PARTS.fullmatch(cell):
            first, second, third = (int(part) for part in found.groups())
            if len(found[1]) == 4:
                return date(first, second, third)
            if reading.date_order == "ymd":
                return date(_year(first), second, third)
            month, of_month = (second, first) if reading.date_order == "dmy" else (first, second)
            return date(_year(third), month, of_month)
        if found := _NAMED.fullmatch(cell):
            return date(int(found[3]), _month(found[1]), int(found[2]))
        if found := _DAY_NAMED.fullmatch(cell):
            return date(_year(int(found[3])), _month(found[2]), int(found[1]))
        return date.fromisoformat(cell)
    except ValueError:
        order = {"mdy": "month/day/year", "dmy": "day/month/year", "ymd": "year-month-day"}[reading.date_order]
        raise Invalid(f"“{cell[:40]}” is no date, read as {order}.") from None


def _year(number: int) -> int:
    """Two digits are of this century up to 69, as everybody's spreadsheet has it."""
    return number if number > 99 else number + (2000 if number < 70 else 1900)


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1


_CLOCK = re.compile(
    r"(?P<day>.+?)[T\s,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?\s*(?P<half>[ap])?\.?m?\.?",
    re.IGNORECASE,
)


def _iso(cell: str, reading: Reading) -> str:
    """A day as the field reads it; the clock of "3/4/2026 0:00" says nothing of a day."""
    if found := _CLOCK.fullmatch(cell):
        return day(found["day"], reading).isoformat()
    return day(cell, reading).isoformat()


def _moment(declared: Field, cell: str, reading: Reading) -> Any:
    """A moment; without a zone it is one on the wall of whoever brings it in, without a clock it is noon there."""
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        found = None
    if found is not None and found.tzinfo is not None:
        return declared.parse(cell)
    clock = _CLOCK.fullmatch(cell)
    if clock is None:
        at = datetime.combine(day(cell, reading), time(12))
    else:
        hour = int(clock["hour"])
        if clock["half"]:
            hour = hour % 12 + (12 if clock["half"].lower() == "p" else 0)
        try:
            at = datetime.combine(
                day(clock["day"], reading), time(hour, int(clock["minute"]), int(clock["second"] or 0))
            )
        except ValueError:
            raise Invalid(f"“{cell[:40]}” is no date and time.") from None
    return declared.parse(at.replace(tzinfo=zone_of(reading.zone)).astimezone(UTC).isoformat())


def is_phone_with_extension(cell: str, country: str = "US") -> bool:
    """Whether a sample is a telephone number with an extension."""
    try:
        return bool(phonenumbers.parse(cell, country).extension)
    except phonenumbers.NumberParseException:
        return False
