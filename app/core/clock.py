"""What time it is, asked in one place so that every page of a request agrees and tests can travel."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_frozen: datetime | None = None


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _frozen or datetime.now(UTC)


def today(zone: str) -> date:
    """The calendar day in `zone` (an IANA name): what "due today" means to the person asking."""
    return now().astimezone(zone_of(zone)).date()


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name; an unknown one falls back to UTC rather than fail a page over a setting."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Hold the clock at `moment` for the duration; for simulations and tests."""
    global _frozen
    before, _frozen = _frozen, moment
    try:
        yield
    finally:
        _frozen = before
