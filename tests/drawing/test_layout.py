"""Where nodes and edges are drawn: nothing lies on anything else."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from stitchgen.drawing import svg
from stitchgen.drawing.graph import Edge, Graph, Node
from stitchgen.drawing.layout import Box, lay_out


def graph_of(ends: set[tuple[int, int]], size: int) -> Graph:
    nodes = tuple(Node(n, "layer", f"layer{n}", "Conv2d" * (n % 3)) for n in range(size))
    return Graph("net", nodes, tuple(Edge(a, b, "2x64x56x56") for a, b in sorted(ends)))


def forward(size: int) -> st.SearchStrategy[set[tuple[int, int]]]:
    pairs = [(a, b) for b in range(size) for a in range(b)]
    return st.sets(st.sampled_from(pairs), max_size=3 * size)


def inside(box: Box, x: float, y: float) -> bool:
    return abs(x - box.x) < box.width / 2 - 0.1 and abs(y - box.y) < box.height / 2 - 0.1


@given(st.integers(2, 12).flatmap(lambda n: st.tuples(st.just(n), forward(n))))
def test_boxes_do_not_overlap_and_straight_edges_pass_them_by(drawn) -> None:
    size, ends = drawn
    layout = lay_out(graph_of(ends, size))
    assert len(layout.boxes) == size and len(layout.paths) == len(ends)
    for one, two in combinations(layout.boxes, 2):
        apart_x = abs(one.x - two.x) >= (one.width + two.width) / 2
        apart_y = abs(one.y - two.y) >= (one.height + two.height) / 2
        assert apart_x or apart_y
    for path in layout.paths:
        for (x1, y1), (x2, y2) in zip(path.points, path.points[1:]):
            assert 0 <= x2 <= layout.width and 0 <= y2 <= layout.height
            if x1 == x2:  # a vertical stretch
                steps = [y1 + (y2 - y1) * k / 40 for k in range(1, 40)]
                assert not any(inside(box, x1, y) for box in layout.boxes for y in steps)


@given(st.integers(2, 12).flatmap(lambda n: st.tuples(st.just(n), forward(n))))
def test_what_goes_sideways_passes_between_the_rows(drawn) -> None:
    size, ends = drawn
    layout = lay_out(graph_of(ends, size))
    for path in layout.paths:
        for (x1, y1), (x2, y2) in pairwise(path.points):
            if y1 == y2:
                steps = [x1 + (x2 - x1) * k / 60 for k in range(1, 60)]
                assert not any(inside(box, x, y1) for box in layout.boxes for x in steps)


def test_shapes_that_leave_a_layer_and_that_reach_one_are_not_written_on_each_other() -> None:
    fork = {(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)}
    labels = [path.label for path in lay_out(graph_of(fork, 5)).paths]
    for one, two in combinations(labels, 2):
        assert abs(one[0] - two[0]) > 60 or abs(one[1] - two[1]) > 12


def test_one_feature_that_takes_two_ways_has_its_shape_written_once() -> None:
    chain = {(n, n + 1) for n in range(5)}
    paths = lay_out(graph_of(chain | {(0, 3), (0, 4)}, 6)).paths
    assert [path.edge.shape for path in paths if len(path.points) == 4].count("") == 1


def test_nested_skips_lie_in_lanes_of_their_own() -> None:
    chain = {(n, n + 1) for n in range(7)}
    layout = lay_out(graph_of(chain | {(0, 7), (1, 6), (2, 5)}, 8))
    lanes = [path.points[1][0] for path in layout.paths if len(path.points) == 4]
    assert lanes == sorted(lanes) and len(set(lanes)) == 3


def test_titles_are_escaped() -> None:
    graph = Graph("net", (Node(0, "layer", "a<b", '"&"'),), ())
    assert "a&lt;b" in svg.render([graph])
