"""Dates as people ask for them: `today`, `-7d`, `month`, `-1month`, in the zone of whoever asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from app.core.clock import now, today, zone_of
from app.engine.refusals import BadQuery

_OFFSET = re.compile(r"([+-]\d{1,4})(d|w|month|year|h)")
_SPAN = re.compile(r"(today|yesterday|tomorrow|week|month|year|now)")


@dataclass(frozen=True)
class Span:
    """A stretch of time as local days [start, end), or one instant where both are the same moment."""

    start: date | datetime
    end: date | datetime

    def moments(self, zone: str) -> tuple[datetime, datetime]:
        """The same stretch as aware datetimes in UTC, for timestamptz columns."""
        return _midnight(self.start, zone), _midnight(self.end, zone)


def _midnight(value: date | datetime, zone: str) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.combine(value, time(), zone_of(zone)).astimezone(UTC)
    except OverflowError:  # midnight of the first day lies before the calendar, east of Greenwich
        raise BadQuery(f"{value.isoformat()} lies outside the calendar.") from None


def span(text: str, zone: str, calendar_day: bool = False) -> Span:
    """Read one date word, offset or ISO value. `calendar_day` says the column is a date, so a clock makes no sense there.

    `month` is this calendar month, `-1month` the one before; `-7d` is the day seven days ago; `-24h` an instant.
    Raises BadQuery with a sentence.
    """
    word = text.strip()
    here = today(zone)
    if _SPAN.fullmatch(word):
        return _named(word, here)
    offset = _OFFSET.fullmatch(word)
    if offset:
        return _offset(int(offset[1]), offset[2], here)
    try:
        if len(word) <= 10:
            day = date.fromisoformat(word)
            return Span(day, day + timedelta(days=1))
        instant = datetime.fromisoformat(word.replace(" ", "+") if word.count(" ") == 1 and "T" in word else word)
        instant = (instant if instant.tzinfo else instant.replace(tzinfo=zone_of(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadQuery(f"“{word[:40]}” is not a date; write 2026-11-20, today, -7d, month or -1month.") from None
    if calendar_day:
        raise BadQuery(f"“{word[:40]}” has a time of day, but this field holds days only.")
    return Span(instant, instant)


_SAID = {"now": "now", "week": "this week", "month": "this month", "year": "this year"}
_UNITS = {"h": "hour", "d": "day", "w": "week", "month": "month", "year": "year"}


def said(text: str) -> str:
    """A date word as people say it: `-30d` is "30 days ago", `-1month` "last month", `week` "this week"."""
    offset = _OFFSET.fullmatch(text.strip())
    if not offset:
        return _SAID.get(text.strip(), text.strip())
    amount, unit = int(offset[1]), _UNITS[offset[2]]
    if abs(amount) == 1 and unit in ("month", "year"):
        return f"{'last' if amount < 0 else 'next'} {unit}"
    words = f"{abs(amount)} {unit}{'' if abs(amount) == 1 else 's'}"
    return f"{words} ago" if amount < 0 else f"in {words}"


def _named(word: str, here: date) -> Span:
    if word == "now":
        return Span(now(), now())
    if word == "week":
        start = here - timedelta(days=here.weekday())
        return Span(start, start + timedelta(days=7))
    if word == "month":
        return Span(here.replace(day=1), _months(here.replace(day=1), 1))
    if word == "year":
        return Span(date(here.year, 1, 1), date(here.year + 1, 1, 1))
    start = here + timedelta(days={"today": 0, "yesterday": -1, "tomorrow": 1}[word])
    return Span(start, start + timedelta(days=1))


def _offset(amount: int, unit: str, here: date) -> Span:
    try:
        if unit == "h":
            instant = now() + timedelta(hours=amount)
            return Span(instant, instant)
        if unit in ("d", "w"):
            start = here + timedelta(days=amount * (7 if unit == "w" else 1))
            return Span(start, start + timedelta(days=1))
        if unit == "month":
            start = _months(here.replace(day=1), amount)
            return Span(start, _months(start, 1))
        return Span(date(here.year + amount, 1, 1), date(here.year + amount + 1, 1, 1))
    except (ValueError, OverflowError):
        raise BadQuery(f"“{amount:+d}{unit}” lies outside the calendar.") from None


def _months(start: date, amount: int) -> date:
    months = start.year * 12 + start.month - 1 + amount
    return date(months // 12, months % 12 + 1, 1)
