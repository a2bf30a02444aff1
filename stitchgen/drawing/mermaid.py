"""Graphs as the text of a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Sequence

from stitchgen.drawing.graph import Graph, Node

SHAPES = {
    "layer": ('["', '"]'),
    "join": ('(("', '"))'),
    "input": ('(["', '"])'),
    "output": ('(["', '"])'),
    "rest": ('["', '"]'),
}
CLASSES = """\
    classDef block fill:#fff3c4,stroke:#b7791f,stroke-width:2px,color:#1f2328
    classDef rest fill:#fff,stroke:#8c959f,stroke-dasharray:4 3,color:#57606a"""


def render(graphs: Sequence[Graph]) -> str:
    """One flowchart; several graphs stand in it side by side."""
    lines = ["flowchart TB"]
    for place, graph in enumerate(graphs):
        indent = "    "
        if len(graphs) > 1:
            lines.append(f'    subgraph g{place}["{graph.title}"]')
            lines.append("        direction TB")
            indent *= 2
        name = f"g{place}n"
        names = {node.key: f"{name}{number}" for number, node in enumerate(graph.nodes)}
        lines += [indent + line for node in graph.nodes for line in node_lines(node, names)]
        for edge in graph.edges:
            shape = f'|"{edge.shape}"|' if edge.shape else ""
            lines.append(f"{indent}{names[edge.source]} -->{shape} {names[edge.target]}")
        if len(graphs) > 1:
            lines.append("    end")
    return "\n".join([*lines, CLASSES]) + "\n"


def node_lines(node: Node, names: dict[int, str]) -> list[str]:
    before, behind = SHAPES[node.kind]
    texts = [node.title, node.detail, f"with {node.holds}" if node.holds else ""]
    label = "<br/>".join(quoted(text) for text in texts if text)
    lines = [f"{names[node.key]}{before}{label}{behind}"]
    if node.marked or node.holds:
        lines.append(f"class {names[node.key]} block")
    elif node.kind == "rest":
        lines.append(f"class {names[node.key]} rest")
    return lines


def quoted(text: str) -> str:
    return text.replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
