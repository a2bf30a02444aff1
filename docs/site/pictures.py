"""Pictures of what the blocks compute: each is run once, and the steps that were seen are drawn."""

from __future__ import annotations

import sys
import tempfile
from ast import literal_eval
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stitchgen.analysis.flow import Flow, flow_of
from stitchgen.analysis.runtime_backend import Observer
from stitchgen.analysis.subject import Subject
from stitchgen.catalog import render
from stitchgen.catalog.block import Block
from stitchgen.catalog.formula import evaluate
from stitchgen.drawing import svg
from stitchgen.drawing.graph import Edge, Graph, Node
from stitchgen.drawing.openings import visible
from stitchgen.drawing.stages import shape_text

CHANNELS, SIZE = 64, 16
#: Above this many steps the layers that hold others are closed.
MOST = 28
#: They give a tensor another form, and compute nothing: no steps of their own.
FORMS = set(
    "view reshape permute transpose unsqueeze squeeze flatten unflatten expand expand_as view_as "
    "reshape_as contiguous getitem chunk split unbind movedim swapaxes clone detach to type_as".split()
)
SIGNS = {
    "add": "+", "iadd": "+", "radd": "+", "mul": "×", "imul": "×", "rmul": "×", "sub": "−",
    "rsub": "−", "truediv": "÷", "div": "÷", "rtruediv": "÷", "matmul": "matmul", "pow": "pow",
    "neg": "−",
}  # fmt: skip


def pictures(blocks: Sequence[Block]) -> dict[str, str]:
    """An SVG for each block, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        subject = Subject(root / "none.py", "none", (root,), root, python=sys.executable)
        with Observer(subject.python, subject) as observer:
            return {block.name: picture(block, root, observer) for block in blocks}


def picture(block: Block, root: Path, observer: Observer) -> str:
    module = block.module_for(block.usual_dims)
    file = root / f"{module}.py"
    file.write_text(render.block_source(block), "utf-8")
    arguments = {name: literal_eval(text) for name, text in block.example.items()}
    known = {"channels": CHANNELS, "in": CHANNELS, "out": CHANNELS, "context": CHANNELS,
             "height": SIZE, "width": SIZE, "length": SIZE * SIZE}  # fmt: skip
    for parameter in block.parameters:
        if parameter.default is None and parameter.name not in arguments:
            value: Any = known[parameter.fact or "channels"]
            if parameter.type.startswith(("Sequence", "list", "tuple")):
                value = [value] * max(block.inputs, 1)
            arguments[parameter.name] = value
    text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    answer = observer.ask(
        "flow",
        file=str(file),
        module=module,
        build=f"{block.class_for(block.usual_dims)}({text})",
        overlay={},
        inputs=input_shapes(block, arguments),
        inputs_train=[],
        variants={},
    )
    return svg.render([graph_of(flow_of(answer), block.title)])


def input_shapes(block: Block, arguments: Mapping[str, Any]) -> list[str]:
    """Of each input as `--input` takes it."""
    defaults = {p.name: literal_eval(p.default) for p in block.parameters if p.default}
    values = {**defaults, "channels": CHANNELS, **arguments}
    found = []
    for one in block.inputs_:
        width = int(evaluate(one.channels, values)) if one.channels else CHANNELS
        n = int(SIZE * (1 if one.scale == "any" else evaluate(one.scale, {})))
        match one.layout or block.layouts[0]:
            case "NC":
                shape: tuple[int, ...] = (1, width)
            case "NLC":
                shape = (1, n * n, width)
            case "NHWC":
                shape = (1, n, n, width)
            case _:
                shape = (1, width, n, n)
        found.append(shape_text(shape))
    return found


def graph_of(flow: Flow, title: str) -> Graph:
    """All steps of a flow; where those are many, layers that hold others as one each."""
    holders = {flow.steps[i].name for i, step in enumerate(flow.steps) if flow.calls_inside(i)}
    graphs = [steps_of(flow, title, opened) for opened in (holders, *closing(holders))]
    few = (graph for graph in graphs if len(graph.nodes) <= MOST)
    return next(few, None) or with_runs(graphs[-1])


def with_runs(graph: Graph) -> Graph:
    """Functions that run one after the other, without a layer between them, as one node each."""
    leaders: dict[int, int] = {}
    sizes: Counter[int] = Counter()
    last = None
    for node in graph.nodes:
        if node.kind != "join":
            last = None
        elif last is None:
            last = node.key
        leaders[node.key] = node.key if last is None else last
        sizes[leaders[node.key]] += 1
    nodes = tuple(
        replace(node, title=f"{sizes[node.key]} functions") if sizes[node.key] > 1 else node
        for node in graph.nodes
        if leaders[node.key] == node.key
    )
    edges: dict[tuple[int, int], str] = {}
    for edge in graph.edges:
        ends = leaders[edge.source], leaders[edge.target]
        if ends[0] != ends[1]:
            edges.setdefault(ends, edge.shape)
    return Graph(graph.title, nodes, tuple(Edge(*ends, shape) for ends, shape in edges.items()))


def closing(holders: Collection[str]) -> list[set[str]]:
    """Fewer and fewer opened layers, the innermost closed first."""
    depths = sorted({name.count(".") + 1 if name else 0 for name in holders})
    return [
        {name for name in holders if (name.count(".") + 1 if name else 0) < depth}
        for depth in reversed(depths)
        if depth
    ]


def steps_of(flow: Flow, title: str, opened: Collection[str]) -> Graph:
    root = next(index for index, step in enumerate(flow.steps) if step.parent == -1)
    shown = set(visible(flow, {"", *opened})) - {root}
    nodes: dict[int, Node] = {}
    edges: dict[tuple[int, int], str] = {}
    sources: dict[int, frozenset[int]] = {}
    fed = list(dict.fromkeys(flow.steps[root].inputs))
    for place, number in enumerate(fed):
        key = place - len(fed)
        nodes[key] = Node(key, "input", f"input {place + 1}" if len(fed) > 1 else "input")
        sources[number] = frozenset([key])

    def feed(key: int, numbers: Sequence[int]) -> None:
        for number in numbers:
            for source in sources.get(number, ()):
                edges.setdefault((source, key), shape_text(flow.shapes[number]))

    def inside_of_shown(index: int) -> bool:
        while (index := flow.steps[index].parent) != -1:
            if index in shown:
                return True
        return False

    for index, step in enumerate(flow.steps):
        if inside_of_shown(index):
            continue
        met = frozenset().union(*(sources.get(one, frozenset()) for one in step.inputs))
        if index in shown:
            about = flow.modules[step.name]
            nodes[index] = Node(index, "layer", about.class_name, step.name, about.parameters)
        elif step.is_call:
            continue
        elif step.name.strip("_") in FORMS:  # what else it is fed only tells it a size
            for number in step.outputs:
                sources[number] = sources.get(step.inputs[0], frozenset())
            continue
        elif not met:
            continue
        else:
            name = step.name.strip("_")
            nodes[index] = Node(index, "join", SIGNS.get(name, name))
        feed(index, step.inputs)
        for number in step.outputs:
            sources[number] = frozenset([index])
    last = len(flow.steps)
    nodes[last] = Node(last, "output", "output")
    for number in flow.steps[root].outputs:  # what is only handed on has a number of its own
        sources.setdefault(number, frozenset(key for key in nodes if key < 0))
    feed(last, flow.steps[root].outputs)
    used = {last}
    for source, target in sorted(edges, reverse=True):
        if target in used:
            used.add(source)
    graph = Graph(
        title,
        tuple(nodes[key] for key in sorted(nodes)),
        tuple(Edge(*ends, shape) for ends, shape in edges.items()),
    )
    return graph.only(used | {key for key in nodes if key < 0})
