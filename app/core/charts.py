"""Small charts as numbers: worked out here, written as SVG by a template, so that no script and no style is needed."""

from collections.abc import Sequence
from typing import NamedTuple

Number = int | float


class Spark(NamedTuple):
    """A trend line in a box: `line` and `area` are path data, `x` and `y` where it ends."""

    line: str
    area: str
    x: float
    y: float


class Bar(NamedTuple):
    """One bar of a chart, or one part of a stacked bar, in the units of its box."""

    x: float
    y: float
    width: float
    height: float
    share: float


def spark(values: Sequence[Number], width: float = 72, height: float = 22) -> Spark | None:
    """A line that shows only the trend, its own lowest and highest value at the edges. None below two points."""
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    span = (high - low) or 1
    inset, floor = 3, height - 3
    step = (width - inset) / (len(values) - 1)
    points = [(i * step, floor - (value - low) / span * (floor - inset)) for i, value in enumerate(values)]
    if high == low:
        points = [(x, height / 2) for x, _ in points]
    line = "M" + " ".join(f"{x:.1f} {y:.1f}" for x, y in points)
    x, y = points[-1]
    return Spark(line, f"{line} L{x:.1f} {height:g} L0 {height:g}Z", round(x, 1), round(y, 1))


def bars(values: Sequence[Number], width: float = 72, height: float = 22, gap: float = 0.25) -> list[Bar]:
    """Columns standing on zero; `gap` is the share of a column left empty. A value above zero is never invisible."""
    if not values:
        return []
    high = max(*values, 0) or 1
    step = width / len(values)
    shares = [max(value, 0) / high for value in values]
    tall = [max(share * height, 1) if share else 0 for share in shares]
    return [
        Bar(round(i * step, 1), round(height - h, 1), round(step * (1 - gap), 1), round(h, 1), shares[i])
        for i, h in enumerate(tall)
    ]


def stack(values: Sequence[Number], width: float = 1000, gap: float = 3, least: float = 6) -> list[Bar]:
    """Parts of a whole side by side, as the ages of what is owed. Zero takes no room; little stays visible."""
    total = sum(max(value, 0) for value in values)
    if not total:
        return [Bar(0, 0, 0, 1, 0) for _ in values]
    shown = sum(1 for value in values if value > 0)
    room = width - gap * (shown - 1)
    wanted = [max(room * max(value, 0) / total, least) if value > 0 else 0 for value in values]
    scale = room / sum(wanted)
    parts, x = [], 0.0
    for value, wide in zip(values, wanted, strict=True):
        parts.append(Bar(round(x, 1), 0, round(wide * scale, 1), 1, max(value, 0) / total))
        if wide:
            x += wide * scale + gap
    return parts


def whole_percent(value: Number, total: Number) -> int:
    """The class number of a bar, `w-59`: whole percent from 0 to 100, and at least 1 for anything there is."""
    if not total or value <= 0:
        return 0
    return min(100, max(1, round(value / total * 100)))
