"""What is drawn: nodes and the edges between them, as frozen data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

#: input, output: of the model; join: where features meet; rest: a part of the model that is not shown.
Kind = Literal["layer", "join", "input", "output", "rest"]


@dataclass(frozen=True)
class Node:
    """A layer, or a place at which features are joined."""

    key: int  # its place in the order in which the model runs
    kind: Kind
    title: str  # the layer's path, the function's name
    detail: str = ""  # its class, and what is in it
    parameters: int = 0
    marked: bool = False  # a block of stitchgen
    holds: str = ""  # blocks of stitchgen inside of it
    paths: tuple[str, ...] = ()  # of the layers that it stands for


@dataclass(frozen=True)
class Edge:
    """A feature on its way from one node to another."""

    source: int
    target: int
    shape: str = ""


@dataclass(frozen=True)
class Graph:
    """A model as it is drawn: nodes in the order in which they run."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def before(self, key: int) -> list[int]:
        return [edge.source for edge in self.edges if edge.target == key]

    def after(self, key: int) -> list[int]:
        return [edge.target for edge in self.edges if edge.source == key]

    def only(self, keys: Collection[int]) -> Graph:
        """The graph of these nodes alone."""
        return replace(
            self,
            nodes=tuple(node for node in self.nodes if node.key in keys),
            edges=tuple(e for e in self.edges if e.source in keys and e.target in keys),
        )

    def as_dict(self) -> dict[str, object]:
        """As `--json` has it."""
        nodes = [
            {
                "key": node.key,
                "kind": node.kind,
                "title": node.title,
                "detail": node.detail,
                "parameters": node.parameters,
                "marked": node.marked,
                "layers": list(node.paths),
            }
            for node in self.nodes
        ]
        edges = [{"from": e.source, "to": e.target, "shape": e.shape} for e in self.edges]
        return {"title": self.title, "nodes": nodes, "edges": edges}


def around(graph: Graph, path: str, reach: int) -> Graph:
    """The nodes of a layer, and those at most so many steps before or behind it; what then follows is
    only named."""
    focus = {
        node.key
        for node in graph.nodes
        if any(one == path or one.startswith(f"{path}.") for one in node.paths)
    }
    near = set(focus)
    for step in (graph.before, graph.after):
        edge = set(focus)
        for _ in range(reach):
            edge = {other for key in edge for other in step(key)}
            near |= edge
    rim = {other for key in near for other in (*graph.before(key), *graph.after(key))} - near
    cut = graph.only(near | rim)
    nodes = tuple(
        replace(node, kind="rest", detail="") if node.key in rim and node.kind == "layer" else node
        for node in cut.nodes
    )
    edges = tuple(e for e in cut.edges if e.source in near or e.target in near)
    return replace(cut, nodes=nodes, edges=edges)


def alike(graph: Graph, cut: Graph) -> Graph:
    """The nodes of a graph that have the titles of another one's, as those are drawn: the same part of the
    model before it was edited."""
    kinds = {node.title: node.kind for node in cut.nodes if node.kind != "join"}
    known = {node.key for node in graph.nodes if node.title in kinds}
    joins = {
        node.key
        for node in graph.nodes
        if node.kind == "join" and known & {*graph.before(node.key), *graph.after(node.key)}
    }
    found = graph.only(known | joins)
    nodes = tuple(
        replace(node, kind="rest", detail="") if kinds.get(node.title) == "rest" else node
        for node in found.nodes
    )
    return replace(found, nodes=nodes)
