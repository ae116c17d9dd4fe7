"""The map as numbers: tables in columns, what is referred to left of what refers to it, lines led around the tables between.

The same tables give the same picture. Worked out here and written as SVG by a template, so that it needs no script, no
style of its own and no library, and every table on it is an ordinary link.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from app.screens.atlas.references import Node, Outline

HIGH, GAP, BETWEEN, THREAD = 34, 14, 76, 14
LETTER, LONGEST, LEAST_WIDE = 7.3, 34, 96
SWEEPS = 6
MOST = 160
"""Tables a picture holds; of a larger domain it shows the most connected and says so."""
ALONE_ACROSS = 4


@dataclass(frozen=True)
class Box:
    """A table: where it stands and what it says."""

    node: Node
    text: str
    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Drawing:
    """Boxes and lines in the units of a picture `width` by `height`."""

    boxes: tuple[Box, ...]
    lines: tuple[str, ...]
    """Path data, from the table that refers to the one referred to."""
    width: float
    height: float
    left_out: int
    alone_from: float | None
    """Where the tables begin that neither refer nor are referred to."""


@dataclass
class _Spot:
    """A table, or a bend of a line on its way past a column."""

    name: str
    layer: int
    real: bool
    place: float = 0
    y: float = 0
    beside: dict[int, list[_Spot]] = field(default_factory=lambda: {-1: [], 1: []})


def draw(outline: Outline) -> Drawing:
    """Lay the domain out. Deterministic: names decide every tie."""
    pairs = {(ref.source, ref.target) for ref in outline.refs if ref.source != ref.target} | {*outline.reads}
    degree: dict[str, int] = defaultdict(int)
    for pair in pairs:
        for name in pair:
            degree[name] += 1
    kept = sorted(outline.tables, key=lambda each: (-degree[each.qualified], each.qualified))[:MOST]
    nodes = {each.qualified: each for each in kept}
    pairs = {pair for pair in pairs if pair[0] in nodes and pair[1] in nodes}
    layers = _layers(sorted(name for name in nodes if degree[name]), sorted(pairs))
    columns, routes = _spots(layers, sorted(pairs))
    _order(columns)
    widths = [max((_wide(nodes[each.name]) for each in column if each.real), default=THREAD) for column in columns]
    lefts = [sum(widths[:place]) + BETWEEN * place for place in range(len(widths))]
    height = _heights(columns)
    boxes = [
        Box(nodes[each.name], _short(nodes[each.name].label), lefts[place], each.y, widths[place])
        for place, column in enumerate(columns)
        for each in column
        if each.real
    ]
    lines = [_line(route, lefts, widths) for route in routes]
    lines += [_loop(box) for box in boxes if any(r.source == r.target == box.node.qualified for r in outline.refs)]
    width = max((left + wide for left, wide in zip(lefts, widths, strict=True)), default=0.0)
    alone = [each for each in sorted(nodes.values(), key=lambda each: each.label) if not degree[each.qualified]]
    alone_from = height + (40 if boxes else 0) if alone else None
    if alone_from is not None:
        rest = _grid(alone, alone_from, width)
        boxes += rest
        width = max(width, *(box.x + box.width for box in rest))
        height = rest[-1].y + HIGH
    return Drawing(
        tuple(boxes), tuple(lines), round(width, 1), round(height, 1), len(outline.tables) - len(nodes), alone_from
    )


def _layers(names: list[str], pairs: list[tuple[str, str]]) -> dict[str, int]:
    """How far each table stands from those that refer to nothing; a circle of references is cut where it is first closed."""
    targets: dict[str, list[str]] = defaultdict(list)
    for source, target in pairs:
        targets[source].append(target)
    found: dict[str, int] = {}
    for start in names:
        open_ones: list[str] = []
        stack = [(start, False)]
        while stack:
            name, done = stack.pop()
            if done:
                open_ones.pop()
                found[name] = 1 + max((found[each] for each in targets[name] if each in found), default=-1)
            elif name not in found and name not in open_ones:
                open_ones.append(name)
                stack.append((name, True))
                stack += [(each, False) for each in reversed(targets[name]) if each not in found]
    return found


def _spots(layers: dict[str, int], pairs: list[tuple[str, str]]) -> tuple[list[list[_Spot]], list[list[_Spot]]]:
    """Columns of spots, and for each pair the spots its line passes; a line over several columns gets a spot in each."""
    columns: list[list[_Spot]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    spots = {name: _Spot(name, layer, True) for name, layer in sorted(layers.items())}
    for each in spots.values():
        columns[each.layer].append(each)
    routes = []
    for source, target in pairs:
        one, other = spots[source], spots[target]
        route, step = [one], -1 if other.layer < one.layer else 1
        for layer in range(one.layer + step, other.layer, step) if one.layer != other.layer else ():
            bend = _Spot(f"{source} {target}", layer, False)
            columns[layer].append(bend)
            route.append(bend)
        route.append(other)
        for here, there in pairwise(route):
            if here.layer != there.layer:
                side = 1 if there.layer > here.layer else -1
                here.beside[side].append(there)
                there.beside[-side].append(here)
        routes.append(route)
    return columns, routes


def _order(columns: list[list[_Spot]]) -> None:
    """Sort each column by where its neighbours stand, back and forth, so that lines cross less."""
    for column in columns:
        for place, each in enumerate(column):
            each.place = place
    for sweep in range(SWEEPS):
        side = -1 if sweep % 2 == 0 else 1
        for column in columns if side == -1 else reversed(columns):
            middle = {
                id(each): sum(one.place for one in each.beside[side]) / len(each.beside[side])
                for each in column
                if each.beside[side]
            }
            column.sort(key=lambda each: (middle.get(id(each), each.place), each.name))
            scale = 1 / max(len(column) - 1, 1)
            for place, each in enumerate(column):
                each.place = place * scale


def _heights(columns: list[list[_Spot]]) -> float:
    """Stack each column and centre it on the tallest; returns the height of all."""
    tall = [sum((HIGH if each.real else 0) + GAP for each in column) - GAP for column in columns]
    whole = max(tall, default=0)
    for column, own in zip(columns, tall, strict=True):
        y = (whole - own) / 2
        for each in column:
            each.y = y
            y += (HIGH if each.real else 0) + GAP
    return float(whole)


def _line(route: list[_Spot], lefts: list[float], widths: list[float]) -> str:
    points: list[tuple[float, float, float, float]] = []  # x where it comes in, x where it goes out, y, direction
    first, last = route[0], route[-1]
    back = last.layer < first.layer
    for each in route:
        left, right = lefts[each.layer], lefts[each.layer] + widths[each.layer]
        y = each.y + (HIGH / 2 if each.real else 0)
        points.append((right, left, y, -1) if back else (left, right, y, 1))
    if first.layer == last.layer:
        x, y, to = lefts[first.layer] + widths[first.layer], points[0][2], points[-1][2]
        return f"M{x:g} {y:g} C{x + 40:g} {y:g} {x + 40:g} {to:g} {x + 3:g} {to:g}"
    path = f"M{points[0][1]:g} {points[0][2]:g}"
    for (_in, out, y, way), (into, onward, to, _way) in pairwise(points):
        end = into - 3 * way if (into, onward, to, _way) == points[-1] else into
        bend = BETWEEN / 2 * way
        path += f" C{out + bend:g} {y:g} {into - bend:g} {to:g} {end:g} {to:g}"
        if (into, onward, to, _way) != points[-1]:
            path += f" L{onward:g} {to:g}"
    return path


def _loop(box: Box) -> str:
    x, y = box.x + box.width, box.y + HIGH / 2
    return f"M{x:g} {y - 6:g} C{x + 26:g} {y - 22:g} {x + 26:g} {y + 22:g} {x + 3:g} {y + 7:g}"


def _grid(nodes: list[Node], top: float, width: float) -> list[Box]:
    wide = max(_wide(each) for each in nodes)
    across = max(ALONE_ACROSS, int((width + GAP) // (wide + GAP)))
    return [
        Box(each, _short(each.label), place % across * (wide + GAP), top + place // across * (HIGH + GAP), wide)
        for place, each in enumerate(nodes)
    ]


def _wide(node: Node) -> float:
    return round(max(LEAST_WIDE, len(_short(node.label)) * LETTER + 34), 1)


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"
