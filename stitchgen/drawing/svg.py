"""Graphs as a picture: SVG without scripts, fonts or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from itertools import pairwise

from stitchgen.drawing.graph import Graph
from stitchgen.drawing.layout import LINE, Box, Layout, Path, Point, lay_out

HEAD = 30.0  # for the title of one of several graphs
GAP = 24.0  # between graphs
TITLE_LETTER = 8.8
STYLE = """\
text{font:13px ui-sans-serif,system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1f2328}
.t{font-weight:600}.d{fill:#57606a}.s{font-size:11px;fill:#57606a;paint-order:stroke;stroke:#fff;stroke-width:4px}
.h{font-size:15px;font-weight:600}.a{fill:#8a5a00}
rect{fill:#f6f8fa;stroke:#8c959f}.input,.output{fill:#ddf4ff;stroke:#54aeff}.join{fill:#fff}
.rest{fill:#fff;stroke-dasharray:4 3}.block{fill:#fff3c4;stroke:#b7791f;stroke-width:2}.holds{stroke:#b7791f;stroke-width:2}
path{fill:none;stroke:#8c959f;stroke-width:1.4}.page{fill:#fff;stroke:none}"""


def render(graphs: Sequence[Graph]) -> str:
    """One picture; several graphs stand in it side by side."""
    head = HEAD if len(graphs) > 1 else 0.0
    layouts = [lay_out(graph) for graph in graphs]
    if head:
        layouts = [
            replace(one, width=max(one.width, len(graph.title) * TITLE_LETTER + 32))
            for one, graph in zip(layouts, graphs)
        ]
    width = sum(one.width for one in layouts) + GAP * (len(layouts) - 1)
    height = max(one.height for one in layouts) + head
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape('; '.join(graph.title for graph in graphs))}</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#8c959f;stroke:none"/>'
        "</marker></defs>",
        f'<rect class="page" width="{width:.0f}" height="{height:.0f}" rx="8"/>',
    ]
    left = 0.0
    for graph, layout in zip(graphs, layouts):
        parts.append(f'<g transform="translate({left:.0f} {head:.0f})">')
        if head:
            parts.append(f'<text class="h" x="16" y="-8">{escape(graph.title)}</text>')
        parts += [*inside(layout), "</g>"]
        left += layout.width + GAP
    return "\n".join([*parts, "</svg>"]) + "\n"


def inside(layout: Layout) -> list[str]:
    """Texts come after all lines, which would cross them out."""
    edges = [f'<path d="{curve(path)}" marker-end="url(#arrow)"/>' for path in layout.paths]
    shapes = [label_line(path) for path in layout.paths if path.edge.shape]
    return [*edges, *shapes, *(line for box in layout.boxes for line in box_lines(box))]


def label_line(path: Path) -> str:
    x, y = path.label
    return f'<text class="s" x="{x:.0f}" y="{y:.0f}">{escape(path.edge.shape)}</text>'


def curve(path: Path) -> str:
    """A straight line, a bow to another column, or a way with round corners."""
    points = path.points
    if any(abs(one[1] - two[1]) < 0.5 for one, two in pairwise(points)):
        return with_round_corners(points)
    (x, y), *rest = points
    d = f"M{x:.1f} {y:.1f}"
    for to_x, to_y in rest:
        middle = (y + to_y) / 2
        straight = abs(to_x - x) < 0.5
        d += (
            f"V{to_y:.1f}"
            if straight
            else f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
        )
        x, y = to_x, to_y
    return d


def with_round_corners(points: Sequence[Point]) -> str:
    """A way of horizontal and vertical stretches."""
    d = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for before, corner, behind in zip(points, points[1:], points[2:]):
        r = min(8.0, distance(before, corner) / 2, distance(corner, behind) / 2)
        start, end = towards(corner, before, r), towards(corner, behind, r)
        d += f"L{start[0]:.1f} {start[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {end[0]:.1f} {end[1]:.1f}"
    return f"{d}L{points[-1][0]:.1f} {points[-1][1]:.1f}"


def distance(one: Point, two: Point) -> float:
    return abs(one[0] - two[0]) + abs(one[1] - two[1])


def towards(corner: Point, other: Point, r: float) -> Point:
    """The point at that distance from a corner on the way to another point."""
    share = r / (distance(corner, other) or 1.0)
    return corner[0] + (other[0] - corner[0]) * share, corner[1] + (other[1] - corner[1]) * share


def box_lines(box: Box) -> list[str]:
    node = box.node
    role = "block" if node.marked else f"{node.kind} holds" if node.holds else node.kind
    x, y = box.x - box.width / 2, box.y - box.height / 2
    radius = box.height / 2 if node.kind in ("join", "input", "output") else 5
    lines = [
        f'<rect class="{role}" x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{radius:.1f}"/>'
    ]
    first = box.y - (len(box.lines) - 1) * LINE / 2 + 4.5
    for number, text in enumerate(box.lines):
        role = "t" if number == 0 else "a" if text.startswith("+ ") else "d"
        lines.append(
            f'<text class="{role}" x="{box.x:.1f}" y="{first + number * LINE:.1f}" '
            f'text-anchor="middle">{escape(text)}</text>'
        )
    return lines
