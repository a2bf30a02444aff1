"""A graph of a model's stages, from how its tensors flow.

What happens inside a stage is not drawn. Between stages, a function of one feature (a view, an
activation) is no node; one in which several features meet is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

from stitchgen.analysis.flow import Flow
from stitchgen.drawing.graph import Edge, Graph, Node
from stitchgen.drawing.openings import visible

#: So many layers of one class in a row are drawn as one.
ROW = 3
NUMBERED = re.compile(r"^(.*\.)?(\d+)$")
JOINS = {"iadd": "add", "radd": "add", "imul": "mul", "rmul": "mul", "truediv": "div"}
CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")


def graph_of(flow: Flow, title: str, marks: Mapping[str, str], opened: Collection[str]) -> Graph:
    """The stages of a model; `marks` are stitchgen's blocks by path, `opened` the layers whose inside is
    drawn."""
    drawing = Drawing(flow, visible(flow, opened), marks)
    graph = without_dead_ends(drawing.graph(title))
    return with_rows(graph)


class Drawing:
    """The nodes and edges of one graph, gathered step by step."""

    def __init__(self, flow: Flow, shown: Collection[int], marks: Mapping[str, str]):
        self.flow = flow
        self.shown = set(shown)
        self.marks = marks
        self.nodes: dict[int, Node] = {}
        self.edges: dict[tuple[int, int], str] = {}
        #: By the number of a tensor, the nodes that it comes from.
        self.sources: dict[int, frozenset[int]] = {}

    def graph(self, title: str) -> Graph:
        steps = self.flow.steps
        root = next(index for index, step in enumerate(steps) if step.parent == -1)
        for place, number in enumerate(dict.fromkeys(steps[root].inputs)):
            several = len(set(steps[root].inputs)) > 1
            key = -1 - place
            self.nodes[key] = Node(key, "input", f"input {place + 1}" if several else "input")
            self.sources[number] = frozenset([key])
        for index in range(len(steps)):
            self.take(index)
        if root not in self.nodes:
            last = len(steps)
            self.nodes[last] = Node(last, "output", "output")
            for number in self.outputs_of(root):
                self.feed(last, number)
        edges = tuple(Edge(*ends, shape) for ends, shape in self.edges.items())
        return Graph(title, tuple(sorted(self.nodes.values(), key=lambda node: node.key)), edges)

    def outputs_of(self, index: int) -> tuple[int, ...]:
        return self.flow.steps[index].outputs

    def take(self, index: int) -> None:
        """One step: part of a node, a function between nodes, or a call that is opened."""
        step = self.flow.steps[index]
        node = self.node_around(index)
        if node is not None:
            if node not in self.nodes:
                self.nodes[node] = self.layer(node)
            for number in step.inputs:
                self.feed(node, number)
            for number in step.outputs:
                self.sources.setdefault(number, frozenset([node]))
            return
        met = frozenset().union(*(self.sources.get(one, frozenset()) for one in step.inputs))
        if not step.is_call and len(met) > 1:
            name = step.name.strip("_")
            self.nodes[index] = Node(index, "join", JOINS.get(name, name))
            for number in step.inputs:
                self.feed(index, number)
            met = frozenset([index])
        for number in step.outputs:
            if step.is_call:
                # What it returns comes of the steps inside, unless it only handed something on.
                if not self.made_inside(index, number):
                    self.sources[number] = met
            else:
                self.sources[number] = met

    def made_inside(self, index: int, number: int) -> bool:
        return any(
            number in self.flow.steps[inner].outputs or self.made_inside(inner, number)
            for inner in self.flow.inside.get(index, ())
        )

    def node_around(self, index: int) -> int | None:
        """The call that is drawn, of those around a step and the step itself."""
        while index != -1:
            if index in self.shown:
                return index
            index = self.flow.steps[index].parent
        return None

    def feed(self, node: int, number: int) -> None:
        for source in self.sources.get(number, ()):
            if source != node:
                self.edges.setdefault((source, node), shape_text(self.flow.shapes[number]))

    def layer(self, index: int) -> Node:
        path = self.flow.steps[index].name
        about = self.flow.modules[path]
        inside = Counter(name for other, name in self.marks.items() if other.startswith(f"{path}."))
        return Node(
            index,
            "layer",
            path or about.class_name,
            content(self.flow, path),
            about.parameters,
            any(path == one or path.startswith(f"{one}.") for one in self.marks),
            ", ".join(times(name, count) for name, count in inside.items()),
            (path,),
        )


def content(flow: Flow, path: str) -> str:
    """The class of a layer; of a container, what is in it."""
    name = flow.modules[path].class_name
    below = [
        flow.modules[other].class_name
        for other in flow.modules
        if other.rpartition(".")[0] == path and other
    ]
    if name not in CONTAINERS or not below:
        return name
    kinds = Counter(below)
    if len(kinds) <= 2:
        return ", ".join(times(kind, count) for kind, count in kinds.items())
    return f"{name} of {len(below)}"


def times(name: str, count: int) -> str:
    return f"{count} x {name}" if count > 1 else name


def shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def without_dead_ends(graph: Graph) -> Graph:
    """Without joins that no layer reads, as of positions and masks."""
    while True:
        dead = {n.key for n in graph.nodes if n.kind == "join" and not graph.after(n.key)}
        if not dead:
            return graph
        graph = graph.only({node.key for node in graph.nodes} - dead)


def with_rows(graph: Graph) -> Graph:
    """Rows of layers of one class, each read by the next alone, as one node each."""
    for row in rows(graph):
        graph = contracted(graph, row)
    return graph


def rows(graph: Graph) -> list[list[Node]]:
    found: list[list[Node]] = []
    row: list[Node] = []
    for node in graph.nodes:
        if row and follows(graph, row[-1], node):
            row.append(node)
            continue
        found.append(row)
        row = [node]
    return [row for row in (*found, row) if len(row) >= ROW]


def follows(graph: Graph, one: Node, two: Node) -> bool:
    """Whether two layers are alike and next to each other in a list, and nothing else is between."""
    names = NUMBERED.match(one.title), NUMBERED.match(two.title)
    return (
        one.kind == two.kind == "layer"
        and names[0] is not None
        and names[1] is not None
        and names[0][1] == names[1][1]
        and int(names[1][2]) == int(names[0][2]) + 1
        and (one.detail, one.holds, one.marked) == (two.detail, two.holds, two.marked)
        and graph.after(one.key) == [two.key]
        and graph.before(two.key) == [one.key]
    )


def contracted(graph: Graph, row: list[Node]) -> Graph:
    first, last = row[0], row[-1]
    keys = {node.key for node in row}
    node = replace(
        first,
        title=f"{first.title} .. {last.title.rpartition('.')[2]}",
        detail=f"{len(row)} x {first.detail}",
        parameters=sum(one.parameters for one in row),
        holds=f"{first.holds} in each" if first.holds else "",
        paths=tuple(path for one in row for path in one.paths),
    )
    edges = tuple(
        replace(edge, source=first.key if edge.source == last.key else edge.source)
        for edge in graph.edges
        if not {edge.source, edge.target} <= keys
    )
    nodes = tuple(node if one is first else one for one in graph.nodes)
    return replace(
        graph, nodes=tuple(n for n in nodes if n.key not in keys - {first.key}), edges=edges
    )
