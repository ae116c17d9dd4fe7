"""The chart of a result: one column across, one or more numbers up; as a line over time or numbers, else as bars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from app.core.charts import whole_percent
from app.engine.desk.running import Result

MOST_BARS = 40
KINDS = (("bar", "Bars"), ("line", "Line"))


@dataclass(frozen=True)
class Chart:
    """What a template draws, and a sentence of what it shows."""

    kind: str
    label: str
    sentence: str
    across: tuple[float, ...] = ()
    up: tuple[float, ...] = ()
    is_time: bool = False
    bars: tuple[tuple[str, str, int, bool], ...] = ()
    """(what it stands for, the number as it came, percent of the largest, below zero)"""
    left_out: int = 0


def places_of(result: Result, across: str, up: str) -> tuple[int, int | None]:
    """Which columns go across and up: those asked for, as far as this result has them, else the first that suit."""
    known = {str(place): place for place in range(len(result.columns))}
    base = known.get(across, 0)
    numbers = [place for place, column in enumerate(result.columns) if column.numeric and not column.masked]
    measure = known.get(up)
    if measure not in numbers or (measure == base and len(numbers) > 1):
        measure = next((place for place in numbers if place != base), numbers[0] if numbers else None)
    return base, measure


def draw(result: Result, kind: str, places: tuple[int, int | None]) -> Chart | str:
    """The chart of two columns by their places, or a sentence that says why there is none."""
    if places[1] is None:
        return "No column holds numbers, so there is nothing that can go up."
    base, measure = result.columns[places[0]], result.columns[places[1]]
    if base.masked:
        return "A masked column cannot be drawn."
    pairs = [
        (row[places[0]], row[places[1]])
        for row in result.rows
        if row[places[1]] is not None and _number(row[places[1]])
    ]
    if not pairs:
        return "There is nothing to draw: no row has a number."
    label = f"{measure.name} by {base.name}"
    if kind == "line":
        if not (base.numeric or base.temporal):
            return f"A line needs time or numbers across, and “{base.name}” is {base.type}; draw bars instead."
        points = sorted((x, float(y or 0)) for each, y in pairs if (x := _place(each, base.temporal)) is not None)
        if len(points) < 2:
            return "A line needs two rows or more."
        low, high = min(y for _, y in points), max(y for _, y in points)
        return Chart(
            "line", label, f"{label}: {len(points):,} points, lowest {low:g}, highest {high:g}.",
            tuple(x for x, _ in points), tuple(y for _, y in points), base.temporal,
        )  # fmt: skip
    shown = pairs[:MOST_BARS]
    largest = max(abs(float(y or 0)) for _, y in shown)
    bars = tuple(
        (
            "NULL" if x is None else x[:80] or "(empty)",
            str(y),
            whole_percent(abs(float(y or 0)), largest),
            float(y or 0) < 0,
        )
        for x, y in shown
    )
    return Chart("bar", label, f"{label}: {len(bars)} bars.", bars=bars, left_out=len(pairs) - len(shown))


def _number(value: str | None) -> bool:
    try:
        return value is not None and abs(float(value)) < float("inf")
    except ValueError:
        return False


def _place(value: str | None, is_time: bool) -> float | None:
    """Unix seconds of a moment, or the number itself."""
    if value is None:
        return None
    try:
        if not is_time:
            return float(value)
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
