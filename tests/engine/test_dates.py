"""Dates as people ask for them, in the zone of whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from app.core import clock
from app.engine.dates import span
from app.engine.refusals import BadQuery

DENVER, TOKYO = "America/Denver", "Asia/Tokyo"


@pytest.fixture(autouse=True)
def evening() -> Iterator[None]:
    """8 in the evening of March 31 in Denver; already April in Greenwich and in Tokyo."""
    with clock.at(datetime(2026, 4, 1, 2, tzinfo=UTC)):
        yield


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("today", date(2026, 3, 31), date(2026, 3, 31)),
        ("yesterday", date(2026, 3, 30), date(2026, 3, 30)),
        ("tomorrow", date(2026, 4, 1), date(2026, 4, 1)),
        ("-7d", date(2026, 3, 24), date(2026, 3, 24)),
        ("+1d", date(2026, 4, 1), date(2026, 4, 1)),
        ("-2w", date(2026, 3, 17), date(2026, 3, 17)),
        ("week", date(2026, 3, 30), date(2026, 4, 5)),
        ("month", date(2026, 3, 1), date(2026, 3, 31)),
        ("-1month", date(2026, 2, 1), date(2026, 2, 28)),
        ("-13month", date(2025, 2, 1), date(2025, 2, 28)),
        ("year", date(2026, 1, 1), date(2026, 12, 31)),
        ("-1year", date(2025, 1, 1), date(2025, 12, 31)),
        ("2024-02-29", date(2024, 2, 29), date(2024, 2, 29)),
        (" today ", date(2026, 3, 31), date(2026, 3, 31)),
    ],
)
def test_a_word_is_a_stretch_of_whole_days(words: str, first: date, last: date) -> None:
    found = span(words, DENVER)
    assert (found.start, found.end - timedelta(days=1)) == (first, last)


def test_today_is_the_asker_s_today() -> None:
    assert span("today", TOKYO).start == date(2026, 4, 1)
    assert span("month", TOKYO).start == date(2026, 4, 1)


def test_a_day_has_the_hours_its_zone_gives_it() -> None:
    start, end = span("2026-03-08", DENVER).moments(DENVER)  # clocks go forward
    assert (end - start) == timedelta(hours=23)
    start, end = span("2026-11-01", DENVER).moments(DENVER)  # and back
    assert (end - start) == timedelta(hours=25)
    assert span("today", DENVER).moments(DENVER)[0] == datetime(2026, 3, 31, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "at"),
    [
        ("now", datetime(2026, 4, 1, 2, tzinfo=UTC)),
        ("-24h", datetime(2026, 3, 31, 2, tzinfo=UTC)),
        ("2026-03-31T20:00", datetime(2026, 4, 1, 2, tzinfo=UTC)),
        ("2026-03-31T20:00Z", datetime(2026, 3, 31, 20, tzinfo=UTC)),
        ("2026-03-31T20:00+02:00", datetime(2026, 3, 31, 18, tzinfo=UTC)),
        ("2026-03-31T20:00 02:00", datetime(2026, 3, 31, 18, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_the_asker_s_zone_unless_it_says_its_own(words: str, at: datetime) -> None:
    found = span(words, DENVER)
    assert found.start == found.end == at


def test_a_field_of_days_has_no_use_for_a_clock() -> None:
    with pytest.raises(BadQuery, match="holds days only"):
        span("2026-03-31T20:00", DENVER, calendar_day=True)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "soon",
        "2026-02-30",
        "31.03.2026",
        "-7",
        "7d",
        "-7x",
        "--7d",
        "-99999d",
        "+9999year",
        "0000-00-00",
        "today; drop",
        "0001-01-01T00:00+05:00",
        "9999-12-31T23:59-07:00",
        "\u0661d",
    ],
)
def test_anything_else_is_refused_in_words(words: str) -> None:
    with pytest.raises(BadQuery, match=r"\.$"):
        span(words, DENVER)


def test_the_first_day_of_the_calendar_east_of_greenwich_is_refused_and_not_an_error() -> None:
    with pytest.raises(BadQuery, match="outside the calendar"):
        span("0001-01-01", TOKYO).moments(TOKYO)
