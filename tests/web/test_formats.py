"""Formats say what DESIGN section 4 promises, to the character."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask

from app.core import charts, formats
from app.web import formats as web_formats

NOW = dt.datetime(2025, 8, 18, 17, 10, tzinfo=dt.UTC)  # Monday, 11:10 am in Denver
DENVER = "America/Denver"


def ago(**parts: float) -> dt.datetime:
    return NOW - dt.timedelta(**parts)


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        (Decimal("38260"), "grid", "$38,260.00"),
        (Decimal("-10000"), "grid", "−$10,000.00"),
        (Decimal("0"), "grid", "$0.00"),
        (Decimal("284910.44"), "key", "$284,910"),
        (Decimal("11.84"), "key", "$11.84"),
        (Decimal("540000"), "short", "$540K"),
        (Decimal("3420000"), "short", "$3.42M"),
        (Decimal("999999"), "short", "$1.00M"),
        (None, "grid", ""),
    ],
)
def test_money(value: Decimal | None, style: str, text: str) -> None:
    assert formats.money(value, style=style) == text


def test_money_of_other_countries() -> None:
    assert formats.money(Decimal("12.5"), "EUR") == "€12.50"
    assert formats.money(Decimal("12.5"), "CHF") == "CHF\N{NO-BREAK SPACE}12.50"


@pytest.mark.parametrize(
    ("value", "text"), [(Decimal("0.0412"), "$0.0412"), (0, "$0.00"), (Decimal("4.21"), "$4.21"), (1e-7, "<$0.0001")]
)
def test_cost(value: Decimal, text: str) -> None:
    assert formats.cost(value) == text


def test_counts_percents_quantities() -> None:
    assert formats.count(1089) == "1,089"
    assert formats.count(87, about=True) == "about 87"
    assert formats.percent(0.082) == "8.2%"
    assert formats.percent(0.5249) == "52%"
    assert formats.percent(0.9998, uptime=True) == "99.98%"
    assert formats.percent(0.99999, uptime=True) == "99.99%", "not quite always is not always"
    assert formats.quantity(Decimal("2110.0000"), "sq") == "2,110 sq"
    assert formats.quantity(Decimal("118.50")) == "118.5"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (ago(seconds=59), "now"),
        (ago(minutes=28), "28 min ago"),
        (ago(hours=4), "4 h ago"),
        (ago(hours=30), "Yesterday"),
        (ago(hours=42), "2 d ago"),
        (ago(days=11), "11 d ago"),
        (ago(days=21), "3 wk ago"),
        (ago(days=153), "5 mo ago"),
        (ago(days=800), "2 y ago"),
        (ago(minutes=-13), "in 13 min"),
        (ago(hours=-15), "in 15 h"),
        (ago(days=-1), "Tomorrow"),
        (None, ""),
    ],
)
def test_relative(moment: dt.datetime | None, text: str) -> None:
    assert formats.relative(moment, NOW, DENVER) == text


def test_moments() -> None:
    assert formats.absolute(dt.datetime(2025, 8, 14, 20, 17, tzinfo=dt.UTC), DENVER) == "Aug 14, 2025, 2:17 pm MDT"
    assert formats.planned(dt.datetime(2025, 8, 19, 12, 30, tzinfo=dt.UTC), NOW, DENVER) == "Tue Aug 19, 6:30 am"
    assert formats.planned(dt.datetime(2026, 1, 5, 7, 0, tzinfo=dt.UTC), NOW, DENVER) == "Mon Jan 5, 2026, 12:00 am"
    assert formats.absolute(dt.datetime(2025, 8, 14, 20, 17, tzinfo=dt.UTC), "Mars/Base") == "Aug 14, 2025, 8:17 pm UTC"
    assert formats.clock(dt.datetime(2025, 8, 15, 18, 0, tzinfo=dt.UTC), DENVER) == "12:00 pm"


def test_days() -> None:
    today = dt.date(2025, 8, 18)
    assert formats.date(dt.date(2025, 7, 11), today) == "Jul 11"
    assert formats.date(dt.date(2024, 9, 3), today) == "Sep 3, 2024"
    assert formats.date(dt.date(2025, 7, 11)) == "Jul 11, 2025"
    assert formats.day(today, today) == "Today"
    assert formats.day(dt.date(2025, 8, 15), today) == "Friday, August 15"


@pytest.mark.parametrize(
    ("ms", "text"),
    [(38, "38 ms"), (2330, "2.33 s"), (9_999, "10 s"), (41_000, "41 s"), (840_000, "14 min"), (21_600_000, "6 h")],
)
def test_durations(ms: int, text: str) -> None:
    assert formats.duration_ms(ms) == text


@pytest.mark.parametrize(("octets", "text"), [(512, "512 B"), (839_680, "820 KB"), (3_328_599_655, "3.1 GB")])
def test_sizes(octets: int, text: str) -> None:
    assert formats.size(octets) == text


def test_phones() -> None:
    assert formats.phone("+13035550142") == "+1 303-555-0142"
    assert formats.phone("+442079460958") == "+44 20 7946 0958"
    assert formats.phone("call the office") == "call the office"


def test_masks_give_away_no_more_than_promised() -> None:
    assert formats.masked_phone("+13035550142") == "+1 •••-•••-••42"
    assert formats.masked_email("renee@bluestem.example") == "r••••••@bluestem.example"
    assert formats.masked_email("not an address") == "••••••"
    assert formats.masked_tail("84-1234567") == "•••••567", "at most a third of it"
    assert formats.masked_tail("12") == "•••••"


def test_initials() -> None:
    assert formats.initials("Marcus Okafor") == "MO"
    assert formats.initials("Madonna") == "MA"
    assert formats.initials("") == "?"


def test_a_spark_ends_at_its_last_value() -> None:
    assert charts.spark([1]) is None
    drawn = charts.spark([0, 5, 10])
    assert drawn
    assert (drawn.x, drawn.y) == (69.0, 3.0)
    flat = charts.spark([4, 4, 4])
    assert flat
    assert flat.y == 11


def test_a_stack_fills_its_width_and_shows_what_is_little() -> None:
    parts = charts.stack([318_240, 112_300, 0, 1])
    assert parts[2].width == 0
    assert parts[3].width >= 5
    assert parts[-1].x + parts[-1].width == pytest.approx(1000, abs=1)
    assert sum(part.share for part in parts) == pytest.approx(1)
    assert charts.whole_percent(1, 5000) == 1
    assert charts.whole_percent(0, 5000) == 0


def test_static_addresses_change_with_the_files(tmp_path: Path) -> None:
    (tmp_path / "base.css").write_text("a { color: red }")
    app = Flask(__name__, static_folder=str(tmp_path), static_url_path="/static")
    web_formats.install(app)
    with app.test_request_context():
        url = web_formats.asset("base.css")
    client = app.test_client()
    assert client.get(url).headers["Cache-Control"] == web_formats.FOREVER
    assert client.get("/static/base.css").headers["Cache-Control"] == "no-cache"
    assert client.get("/static/v000000000000/base.css").headers["Cache-Control"] == "no-cache"
    before = web_formats.static_hash(tmp_path)
    (tmp_path / "base.css").write_text("a { color: blue }")
    assert web_formats.static_hash(tmp_path) != before
