"""The stretches of days a sum can be asked over, each with the one before that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from app.core.formats import MONTHS

PERIODS = (("today", "Today"), ("7d", "7 days"), ("month", "Month to date"), ("quarter", "Quarter"))


@dataclass(frozen=True)
class Period:
    """Days `since` to `until`, both included, and as many days before to compare with."""

    key: str
    since: date
    until: date
    before_since: date
    before_until: date
    versus: str
    """What it is compared with, in words: "vs Oct 1 to 25"."""

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1


def period(key: str, today: date) -> Period:
    """The period of that name; month to date where there is none, as on a first visit."""
    if key == "today":
        yesterday = today - timedelta(days=1)
        return Period(key, today, today, yesterday, yesterday, "vs yesterday")
    if key == "7d":
        since = today - timedelta(days=6)
        return Period(key, since, today, since - timedelta(days=7), today - timedelta(days=7), "vs the 7 days before")
    if key == "quarter":
        since = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
        return _to_date(key, since, _months_back(since, 3), today, "vs last quarter to date")
    since = today.replace(day=1)
    before = _months_back(since, 1)
    last = _same_stretch(since, before, today)
    return _to_date("month", since, before, today, f"vs {MONTHS[before.month - 1]} 1 to {last.day}")


def _to_date(key: str, since: date, before: date, today: date, versus: str) -> Period:
    return Period(key, since, today, before, _same_stretch(since, before, today), versus)


def _same_stretch(since: date, before: date, today: date) -> date:
    """As many days into the earlier period, but never past its end: the 31st has no like in a month of 30."""
    return min(before + (today - since), since - timedelta(days=1))


def _months_back(first: date, months: int) -> date:
    index = first.year * 12 + first.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)
