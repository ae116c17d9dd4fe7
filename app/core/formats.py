"""How the console writes money, counts, times and names: one spelling everywhere, cheap enough for 500 cells a request.

All functions are pure and take None as "nothing known": they answer an empty string, and the page says "none".
"""

import datetime as dt
from decimal import Decimal
from functools import lru_cache

import phonenumbers

from app.core.clock import zone_of

Number = float | Decimal

MINUS = "\N{MINUS SIGN}"
DOT = "\N{BULLET}"
TINY = 0.00005
SYMBOLS = {"USD": "$", "CAD": "CA$", "EUR": "€", "GBP": "£", "MXN": "MX$"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONG_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONG_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def money(value: Number | None, currency: str = "USD", style: str = "grid") -> str:
    """An amount: `grid` $38,260.00, `key` $284,910 for key figures, `short` $540K for pipelines. Minus is a minus."""
    if value is None:
        return ""
    sign = ""
    if value < 0:
        sign, value = MINUS, -value
    symbol = SYMBOLS.get(currency) or currency + "\N{NO-BREAK SPACE}"
    if style == "short" and value >= 1000:
        return f"{sign}{symbol}{_short(float(value))}"
    if style != "grid" and (value >= 1000 or value == int(value)):
        return f"{sign}{symbol}{value:,.0f}"
    return f"{sign}{symbol}{value:,.2f}"


def _short(value: float) -> str:
    """540K, 3.42M: three figures are as much as a pipeline deserves."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= size * 0.9995:
            scaled = value / size
            return (f"{scaled:.2f}" if scaled < 10 and size > 1e3 else f"{scaled:.0f}") + letter
    return f"{value:.0f}"


def cost(value: Number | None) -> str:
    """What a model call cost in US dollars: four decimals below a dollar, $0.0412, since most cost less than a cent."""
    if value is None:
        return ""
    if 0 < value < 1:
        return f"${value:.4f}" if value >= TINY else "<$0.0001"
    return f"${value:,.2f}"


def count(value: int | None, about: bool = False) -> str:
    """1,089; an estimate says "about 87". Work to do is never rounded to 1.1k."""
    if value is None:
        return ""
    return f"about {value:,}" if about else f"{value:,}"


def percent(ratio: Number | None, uptime: bool = False) -> str:
    """A share of one as 8.2%; from ten up without decimals, except for uptime, where 99.98% is the point."""
    if ratio is None:
        return ""
    value = float(ratio) * 100
    if uptime:
        return "100%" if value >= 100 else f"{min(value, 99.99):.2f}%"
    return f"{value:.0f}%" if abs(value) >= 9.95 else f"{value:.1f}%"


def quantity(value: Number | None, unit: str = "") -> str:
    """How much of something: 2,110 sq, 118.5; zeros behind the point say nothing and are left out."""
    if value is None:
        return ""
    text = f"{value:,.4f}".rstrip("0").rstrip(".")
    return f"{text} {unit}" if unit else text


def relative(moment: dt.datetime | None, now: dt.datetime, zone: str = "UTC") -> str:
    """How long ago or how soon: "28 min ago", "Yesterday", "5 mo ago", "in 13 min". `zone` says what yesterday is."""
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    if seconds < 0:
        return _soon(-seconds, moment, now, zone)
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    if seconds < 86400:
        return f"{seconds // 3600:.0f} h ago"
    days = seconds // 86400
    if days < 2:
        tz = zone_of(zone)
        days = (now.astimezone(tz).date() - moment.astimezone(tz).date()).days
        return "Yesterday" if days == 1 else f"{days} d ago"
    if days < 14:
        return f"{days:.0f} d ago"
    if days < 56:
        return f"{days // 7:.0f} wk ago"
    if days < 365:
        return f"{days // 30.44:.0f} mo ago"
    return f"{days // 365.25 or 1:.0f} y ago"


def _soon(seconds: float, moment: dt.datetime, now: dt.datetime, zone: str) -> str:
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"in {seconds // 60:.0f} min"
    if seconds < 86400:
        return f"in {seconds // 3600:.0f} h"
    tz = zone_of(zone)
    days = (moment.astimezone(tz).date() - now.astimezone(tz).date()).days
    return "Tomorrow" if days == 1 else f"in {days} d"


def planned(moment: dt.datetime | None, now: dt.datetime, zone: str) -> str:
    """A date to keep: "Tue Aug 19, 6:30 am"; the year only when it is not this one."""
    if moment is None:
        return ""
    local = moment.astimezone(zone_of(zone))
    year = "" if local.year == now.astimezone(zone_of(zone)).year else f", {local.year}"
    return f"{WEEKDAYS[local.weekday()]} {MONTHS[local.month - 1]} {local.day}{year}, {_clock(local)}"


def absolute(moment: dt.datetime | None, zone: str) -> str:
    """The whole truth, for hover and focus: "Aug 14, 2025, 2:17 pm MDT"."""
    if moment is None:
        return ""
    local = moment.astimezone(zone_of(zone))
    return f"{MONTHS[local.month - 1]} {local.day}, {local.year}, {_clock(local)} {local.tzname()}"


def clock(moment: dt.datetime | None, zone: str) -> str:
    """The time of day alone, under a heading that gives the day: "4:31 pm"."""
    return "" if moment is None else _clock(moment.astimezone(zone_of(zone)))


def _clock(local: dt.datetime) -> str:
    hour = local.hour % 12 or 12
    return f"{hour}:{local.minute:02d} {'am' if local.hour < 12 else 'pm'}"


def date(value: dt.date | None, today: dt.date | None = None) -> str:
    """A calendar day: "Jul 11, 2025"; given `today`, the year only when it is not this one."""
    if value is None:
        return ""
    if today is not None and value.year == today.year:
        return f"{MONTHS[value.month - 1]} {value.day}"
    return f"{MONTHS[value.month - 1]} {value.day}, {value.year}"


def day(value: dt.date, today: dt.date) -> str:
    """The heading over what happened on one day: "Today", "Yesterday", "Friday, August 15"."""
    if value == today:
        return "Today"
    if (today - value).days == 1:
        return "Yesterday"
    year = "" if value.year == today.year else f", {value.year}"
    return f"{LONG_WEEKDAYS[value.weekday()]}, {LONG_MONTHS[value.month - 1]} {value.day}{year}"


def iso(value: dt.date | None) -> str:
    """ISO 8601, for `datetime` attributes, exports and logs."""
    return "" if value is None else value.isoformat()


def duration_ms(milliseconds: Number | None) -> str:
    """How long something took: 38 ms, 2.33 s, 41 s, 14 min, 6 h, 3 d."""
    if milliseconds is None:
        return ""
    ms = float(milliseconds)
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 9_995:
        return f"{ms / 1000:.2f} s"
    if ms < 59_500:
        return f"{ms / 1000:.0f} s"
    if ms < 3_570_000:
        return f"{ms / 60_000:.0f} min"
    return f"{ms / 3_600_000:.0f} h" if ms < 172_800_000 else f"{ms / 86_400_000:.0f} d"


def size(octets: int | None) -> str:
    """A file or table: 820 KB, 14.2 MB, 3.1 GB, in steps of 1,024 as PostgreSQL counts."""
    if octets is None:
        return ""
    value = float(octets)
    if value < 1024:
        return f"{value:.0f} B"
    for unit in ("KB", "MB", "GB", "TB"):
        value /= 1024
        if value < 1023.5 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "KB" or value >= 99.95 else f"{value:.1f} {unit}"
    raise AssertionError("the last unit takes every size")


def phone(stored: str | None) -> str:
    """A stored E.164 number as people read it: +1 303-555-0142. What is no number is shown as it is."""
    if not stored:
        return ""
    if len(stored) == 12 and stored.startswith("+1"):
        return f"+1 {stored[2:5]}-{stored[5:8]}-{stored[8:]}"
    return _foreign_phone(stored)


@lru_cache(maxsize=4096)
def _foreign_phone(stored: str) -> str:
    try:
        number = phonenumbers.parse(stored)
    except phonenumbers.NumberParseException:
        return stored
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def masked_phone(stored: str | None) -> str:
    """A phone number for people who may not see it: the country, then nothing but the last two digits."""
    if not stored:
        return ""
    if len(stored) == 12 and stored.startswith("+1"):
        return f"+1 {DOT * 3}-{DOT * 3}-{DOT * 2}{stored[-2:]}"
    return masked_tail(stored, 2)


def masked_email(address: str | None) -> str:
    """An e-mail address for people who may not see it: the first letter and the domain."""
    if not address:
        return ""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}{DOT * 6}@{domain}" if at else DOT * 6


def masked_tail(text: str | None, keep: int = 4) -> str:
    """A number for people who may not see it, as a tax ID: its last characters, never more than a third of them."""
    if not text:
        return ""
    shown = min(keep, len(text) // 3)
    return DOT * 5 + (text[-shown:] if shown else "")


def initials(name: str | None) -> str:
    """Two letters for a person's round mark: "Marcus Okafor" is MO."""
    words = [word for word in (name or "").split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else words[0][1:2])).upper()
