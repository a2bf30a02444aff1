"""Where nodes and edges lie: in rows by how far they are from the input, branches side by side.

A feature that passes by other rows goes straight down a column that is free, else through a lane on the
right, the shortest nearest: the skips of a U-Net lie inside one another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stitchgen.drawing.graph import Edge, Graph, Node

LETTER, LINE, PAD = 7.9, 17.0, 12.0  # of the text in a node
ROW_GAP, COLUMN_GAP = 38.0, 34.0
LANE_GAP, CORRIDOR, SMALL = 16.0, 104.0, 6.4  # SMALL: a letter of a shape
STEP = 12.0  # from a row to what passes below or above it
ASIDE = 6.0  # from the middle of a box to what leaves it below, and to what reaches it above
MARGIN = 16.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A node with its place: the middle of its box, and its size."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Path:
    """An edge with its corners, and where its shape is written."""

    edge: Edge
    points: tuple[Point, ...]
    label: Point


@dataclass(frozen=True)
class Layout:
    boxes: tuple[Box, ...]
    paths: tuple[Path, ...]
    width: float
    height: float


def lines_of(node: Node) -> tuple[str, ...]:
    return tuple(
        text for text in (node.title, node.detail, node.holds and f"+ {node.holds}") if text
    )


def size_of(node: Node) -> tuple[float, float]:
    lines = lines_of(node)
    width = max(map(len, lines)) * LETTER + 2 * PAD
    return max(width, 34.0 if node.kind == "join" else 96.0), len(lines) * LINE + PAD


class Grid:
    """Rows and columns of the nodes, before they have sizes."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.row: dict[int, int] = {}
        for node in graph.nodes:  # in the order in which they run, so that sources come first
            before = [self.row[key] for key in graph.before(node.key) if key in self.row]
            self.row[node.key] = max(before, default=-1) + 1
        #: How much follows each node: the longest way down stays straight.
        self.ahead: dict[int, int] = {}
        for node in reversed(graph.nodes):
            behind = [self.ahead.get(key, 0) for key in graph.after(node.key)]
            self.ahead[node.key] = max(behind, default=-1) + 1
        self.column: dict[int, int] = {}
        self.taken: set[tuple[int, int]] = set()
        for node in sorted(graph.nodes, key=lambda n: (self.row[n.key], -self.ahead[n.key], n.key)):
            self.place(node.key)

    def place(self, key: int) -> None:
        row = self.row[key]
        before = [self.column[one] for one in self.graph.before(key) if one in self.column]
        column = min(before, default=0)
        while (row, column) in self.taken:
            column += 1
        self.column[key] = column
        self.taken.add((row, column))

    def free_column(self, edge: Edge) -> int | None:
        """The column, of those of its ends, in which an edge reaches its target without crossing a node."""
        between = range(self.row[edge.source] + 1, self.row[edge.target])
        for column in (self.column[edge.target], self.column[edge.source]):
            cells = {(row, column) for row in between}
            if not cells & self.taken:
                self.taken |= cells
                return column
        return None


def lay_out(graph: Graph) -> Layout:
    grid = Grid(graph)
    sizes = {node.key: size_of(node) for node in graph.nodes}
    rows = max(grid.row.values(), default=-1) + 1
    columns = max(grid.column.values(), default=-1) + 1
    heights, widths = [0.0] * rows, [0.0] * columns
    for key, (width, height) in sizes.items():
        heights[grid.row[key]] = max(heights[grid.row[key]], height)
        widths[grid.column[key]] = max(widths[grid.column[key]], width)
    top, middle = MARGIN, []
    for height in heights:
        middle.append(top + height / 2)
        top += height + ROW_GAP
    left, centre = MARGIN, []
    for width in widths:
        centre.append(left + width / 2)
        left += width + COLUMN_GAP
    boxes = {
        node.key: Box(
            node,
            centre[grid.column[node.key]],
            middle[grid.row[node.key]],
            *sizes[node.key],
            lines_of(node),
        )
        for node in graph.nodes
    }
    right = left - COLUMN_GAP
    router = Router(grid, boxes, heights, centre, right)
    paths = tuple(router.route(edge) for edge in by_length(graph, grid))
    ends = [one.label[0] + label_width(one) for one in paths]
    ends += [x for one in paths for x, _ in one.points]
    return Layout(
        tuple(boxes.values()),
        paths,
        max([right, *ends]) + MARGIN,
        top - ROW_GAP + MARGIN,
    )


def by_length(graph: Graph, grid: Grid) -> list[Edge]:
    return sorted(
        graph.edges, key=lambda e: (grid.row[e.target] - grid.row[e.source], grid.row[e.source])
    )


def label_width(path: Path) -> float:
    return len(path.edge.shape) * SMALL + 4


class Router:
    """The ways of the edges, the shortest first."""

    def __init__(
        self,
        grid: Grid,
        boxes: dict[int, Box],
        heights: list[float],
        centre: list[float],
        right: float,
    ):
        self.grid, self.boxes, self.heights = grid, boxes, heights
        self.centre, self.right = centre, right
        #: The stretches that each lane is used for.
        self.lanes: list[list[tuple[int, int]]] = []
        self.written: set[tuple[int, str]] = set()

    def route(self, edge: Edge) -> Path:
        source, target = self.boxes[edge.source], self.boxes[edge.target]
        start = (source.x, source.y + source.height / 2)
        end = (target.x, target.y - target.height / 2)
        rows = self.grid.row[edge.target] - self.grid.row[edge.source]
        if rows <= 1:
            return Path(edge, (start, end), self.beside(edge, start, end))
        column = self.grid.free_column(edge)
        if column is None:
            return self.by_lane(edge, source, target)
        x = self.centre[column]
        upper = (x, start[1] + ROW_GAP)
        lower = (x, end[1] - ROW_GAP)
        return Path(edge, (start, upper, lower, end), (x + 6, upper[1] + 4))

    def beside(self, edge: Edge, start: Point, end: Point) -> Point:
        """Where the shape of a short edge is written: in the column that no other edge of its row ends in."""
        forks = len(self.grid.graph.after(edge.source)) > 1
        if abs(start[0] - end[0]) < 0.5:
            return start[0] + 6, (start[1] + end[1]) / 2 + 4
        return (end[0] + 6, end[1] - 9) if forks else (start[0] + 6, start[1] + 15)

    def by_lane(self, edge: Edge, source: Box, target: Box) -> Path:
        stretch = self.grid.row[edge.source], self.grid.row[edge.target]
        lane = self.lane_for(*stretch)
        x = self.right + CORRIDOR + lane * LANE_GAP
        shift = 3.0 * (lane % 4)  # two that leave a row do not lie on each other
        leaves, reaches = source.y + ASIDE, target.y - ASIDE
        points: list[Point] = [(source.x + source.width / 2, leaves)]
        label = self.right + 8, leaves - 5
        if self.crowded(source, edge.source):
            below = source.y + self.heights[stretch[0]] / 2 + STEP + shift
            points = [(source.x, source.y + source.height / 2), (source.x, below)]
            label = self.right + 8, below - 5
        end = (target.x + target.width / 2, reaches)
        points += [(x, points[-1][1])]
        if self.crowded(target, edge.target):
            above = target.y - self.heights[stretch[1]] / 2 - STEP - shift
            points += [(x, above), (target.x, above), (target.x, target.y - target.height / 2)]
        else:
            points += [(x, reaches), end]
        if (edge.source, edge.shape) in self.written:  # by another way of the same feature
            edge = replace(edge, shape="")
        self.written.add((edge.source, edge.shape))
        return Path(edge, tuple(points), label)

    def crowded(self, box: Box, key: int) -> bool:
        """Whether other boxes are on the right of one in its row, so that no way leads from there to a lane."""
        row = self.grid.row[key]
        return any(
            other.x > box.x for one, other in self.boxes.items() if self.grid.row[one] == row
        )

    def lane_for(self, first: int, last: int) -> int:
        for number, used in enumerate(self.lanes):
            if all(last <= one or first >= two for one, two in used):
                used.append((first, last))
                return number
        self.lanes.append([(first, last)])
        return len(self.lanes) - 1
