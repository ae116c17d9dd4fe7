"""The large line chart of one figure over time: scaled into a box, broken where nothing is known, its limits drawn in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Limit(NamedTuple):
    """A threshold as a horizontal line: where it lies and what it says."""

    y: float
    word: str


class Trend(NamedTuple):
    """Path data and marks in the units of the box. `lines` has one path for each stretch without a gap."""

    lines: list[str]
    dots: list[tuple[float, float]]
    limits: list[Limit]
    scale: list[tuple[float, float]]
    width: float
    height: float


def trend(
    points: Sequence[tuple[int, float]],
    slots: int,
    limits: Iterable[tuple[float, str]] = (),
    width: float = 960,
    height: float = 180,
) -> Trend | None:
    """`points` are (slot from 1 to `slots`, value). A missing slot breaks the line: what was not measured is not drawn.

    The scale begins at zero and reaches the highest value; a limit is drawn where it is at most twice as high,
    so that a far-away limit does not press the line flat. None without a point.
    """
    if not points:
        return None
    high = max(value for _, value in points)
    near = [(limit, word) for limit, word in limits if limit <= max(high * 2, 1e-9)]
    top = _round_up(max([high, *(limit for limit, _ in near)]) * 1.05)
    step = width / max(slots - 1, 1)

    def at(slot: int, value: float) -> tuple[float, float]:
        return round((slot - 1) * step, 1), round(height - max(value, 0) / top * height, 1)

    stretches: list[list[tuple[float, float]]] = []
    before: int | None = None
    for slot, value in points:
        if before is None or slot > before + 1:
            stretches.append([])
        stretches[-1].append(at(slot, value))
        before = slot
    lines = ["M" + " ".join(f"{x:g} {y:g}" for x, y in stretch) for stretch in stretches if len(stretch) > 1]
    dots = [stretch[0] for stretch in stretches if len(stretch) == 1]
    drawn = [Limit(at(1, limit)[1], word) for limit, word in near]
    return Trend(lines, dots, drawn, [(at(1, share * top)[1], share * top) for share in (0, 0.5)], width, height)


def _round_up(value: float) -> float:
    """The next value a person would choose as the end of a scale, so that its half is round too."""
    if value <= 0:
        return 1
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if step * size >= value - 1e-12)
