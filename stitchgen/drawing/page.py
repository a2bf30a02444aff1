"""Graphs as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from stitchgen.drawing import svg
from stitchgen.drawing.graph import Graph

STYLE = """\
body{margin:0;padding:1.5rem;font:15px/1.5 ui-sans-serif,system-ui,"Segoe UI",Roboto,sans-serif;
color:#1f2328;background:#f6f8fa}h1{font-size:1.2rem}
main{display:flex;flex-wrap:wrap;gap:1.5rem;align-items:flex-start}figure{margin:0;max-width:100%}
figcaption{font-weight:600;margin-bottom:.4rem}svg{max-width:100%;height:auto;border-radius:8px}"""


def render(graphs: Sequence[Graph]) -> str:
    """A figure for each graph, side by side where the window is wide enough."""
    title = escape(" | ".join(graph.title for graph in graphs))
    figures = [
        f"<figure><figcaption>{escape(graph.title)}</figcaption>\n{svg.render([graph])}</figure>"
        for graph in graphs
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{title}</title><style>{STYLE}</style></head><body><main>",
            *figures,
            "</main></body></html>",
            "",
        ]
    )
