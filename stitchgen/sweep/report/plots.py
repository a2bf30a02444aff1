"""The plots of a report as SVG: every run as a point, and the metric against what a model costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

from stitchgen.sweep.report.table import Row, Table
from stitchgen.sweep.spec import BASELINE
from stitchgen.sweep.statistics import half_width

Point = tuple[float, float]
#: Left, top, right and bottom.
Box = tuple[float, float, float, float]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 360, 76, 16, 16, 56
SMALL = 400  # the width of one of several plots
DOT = 5  # the radius of a point among names
LETTER = 7.0  # the width of one, or a little more


class Frame:
    """A plane with axes: values to places, and the grid with its labels."""

    def __init__(self, width: int, x: Sequence[float] | None, y: Sequence[float]):
        self.width = width
        self.low, self.high = _range(y)
        self.left, self.right = _range(x) if x else (0.0, 1.0)

    def at(self, x: float, y: float) -> Point:
        across = (x - self.left) / (self.right - self.left)
        up = (y - self.low) / (self.high - self.low)
        place = LEFT + across * (self.width - LEFT - RIGHT)
        return place, HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def grid(self) -> list[str]:
        parts = []
        for value in ticks(self.low, self.high):
            _, y = self.at(self.left, value)
            parts.append(_line((LEFT, y), (self.width - RIGHT, y), "grid"))
            parts.append(_text(LEFT - 8, y + 4, f"{value:g}", "end"))
        return parts

    def grid_across(self, shown: Callable[[float], str]) -> list[str]:
        parts = []
        for value in ticks(self.left, self.right, 4):
            x, _ = self.at(value, self.low)
            parts.append(_line((x, TOP), (x, HEIGHT - BOTTOM), "grid"))
            parts.append(_text(x, HEIGHT - BOTTOM + 18, shown(value), "middle"))
        return parts


def runs(table: Table) -> str:
    """Every run as a point, a column a variant; the points of a seed are joined, a bar is the mean."""
    finite = [v for row in table.rows for v in row.values.values() if math.isfinite(v)]
    if not finite:
        return ""
    count = len(table.rows)
    width = max(WIDTH, LEFT + RIGHT + 90 * count)
    frame = Frame(width, None, finite)
    parts = frame.grid()

    def column(number: int) -> float:
        return (number + 0.5) / count

    for seed in table.seeds:
        there = [
            (number, row.values[seed])
            for number, row in enumerate(table.rows)
            if math.isfinite(row.values.get(seed, math.nan))
        ]
        places = [frame.at(column(number), value) for number, value in there]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline class="pair" points="{joined}"/>')
        for (number, value), (x, y) in zip(there, places):
            about = f"{table.rows[number].name}, seed {seed}: {value:.6g}"
            parts.append(_circle(x, y, 4, "run", about))
    for number, row in enumerate(table.rows):
        x, _ = frame.at(column(number), frame.low)
        if row.mean is not None:
            _, y = frame.at(column(number), row.mean)
            parts.append(_line((x - 16, y), (x + 16, y), "mean"))
        parts.append(_text(x, HEIGHT - BOTTOM + 18, _short(row.name), "middle"))
    return _svg(width, parts, table.metric)


def pareto(table: Table, label: str, cost: Callable[[Row], float | None]) -> str:
    """The mean of each row against what it costs more than the baseline, in percent.

    Rows that another one is better than in one and no worse than in the other are grey.
    """
    base = cost(table.rows[0])
    if not base:
        return ""
    shown = [
        (row, (value / base - 1) * 100, row.mean)
        for row in table.rows
        if (value := cost(row)) is not None and row.mean is not None
    ]
    if len(shown) < 2:
        return ""
    bars = {row.name: _interval(row) for row, _, _ in shown}
    reach = [end for row, _, y in shown for end in (y - bars[row.name], y + bars[row.name])]
    frame = Frame(SMALL, [x for _, x, _ in shown], reach)
    parts = frame.grid() + frame.grid_across(lambda value: f"{value:+g} %" if value else "0")
    best = front([(x, y) for _, x, y in shown], less_is_better=table.less_is_better)
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in (frame.at(*one) for one in sorted(best)))
    parts.append(f'<polyline class="front" points="{joined}"/>')
    places = [frame.at(more, middle) for _, more, middle in shown]
    taken = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in places]
    for row, more, middle in shown:
        half = bars[row.name]
        if half:
            ends = frame.at(more, middle - half), frame.at(more, middle + half)
            parts.append(_line(*ends, "interval"))
        x, y = frame.at(more, middle)
        kind = "base" if row.name == BASELINE else "run" if (more, middle) in best else "worse"
        parts.append(_circle(x, y, DOT, kind, f"{row.name}: {middle:.6g}, {more:+.3g} %"))
        parts.append(_named(x, y, _short(row.name), taken))
    parts.append(_text((LEFT + SMALL) / 2, HEIGHT - 14, label, "middle"))
    return _svg(SMALL, parts, f"{table.metric}, {label}")


def front(points: Sequence[Point], *, less_is_better: bool) -> list[Point]:
    """The points that no other is as good as in both, and better in one; less cost is better."""
    sign = -1 if less_is_better else 1

    def beaten(point: Point) -> bool:
        return any(
            x <= point[0] and sign * y >= sign * point[1] and (x, y) != point for x, y in points
        )

    return [point for point in dict.fromkeys(points) if not beaten(point)]


def amount(value: float) -> str:
    """`1.5M` for a million and a half."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:g}"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers in a range, so many or so."""
    rough = (high - low) / about
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * one for one in (1, 2, 5, 10) if size * one >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.1 or abs(high) * 0.05 or 1.0
    return low - margin, high + margin


def _interval(row: Row) -> float:
    """Half the interval of the row's own mean; 0 where it has none."""
    finite = [value for value in row.values.values() if math.isfinite(value)]
    return half_width(finite) or 0.0


def _named(x: float, y: float, name: str, taken: list[Box]) -> str:
    """The name of a point beside it, where it covers neither a point nor another name, as near as there is room."""
    long = LETTER * len(name)
    steps = [
        step for number in range(HEIGHT // 28) for step in (-8 - 14 * number, 19 + 14 * number)
    ]
    boxes = [
        (start, y + step - 11, start + long, y + step + 3)
        for step in steps
        for start in (x + 8, x - 8 - long)
    ]
    inside = [
        box
        for box in boxes
        if box[0] >= LEFT
        and box[2] <= SMALL - RIGHT
        and box[1] >= TOP
        and box[3] <= HEIGHT - BOTTOM
    ] or boxes
    box = next((box for box in inside if not any(_overlap(box, one) for one in taken)), inside[0])
    taken.append(box)
    left = box[0] < x
    return _text(x - 8 if left else x + 8, box[3] - 3, name, "end" if left else "start")


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _short(name: str) -> str:
    return name if len(name) < 15 else name[:13] + "…"


def _line(start: Point, end: Point, kind: str) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _circle(x: float, y: float, radius: int, kind: str, about: str) -> str:
    title = f"<title>{escape(about)}</title>"
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">{title}</circle>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: int, parts: Sequence[str], label: str) -> str:
    about = escape(label, quote=True)
    head = f'<svg viewBox="0 0 {width} {HEIGHT}" width="{width}" role="img" aria-label="{about}">'
    return "\n".join([head, *parts, "</svg>"])


#: What a row may be plotted against, by the word for it.
COSTS: Mapping[str, Callable[[Row], float | None]] = {
    "parameters": lambda row: row.cost.parameters,
    "macs": lambda row: row.cost.macs,
    "latency": lambda row: row.cost.seconds,
}
