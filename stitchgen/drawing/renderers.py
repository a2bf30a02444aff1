"""The kinds of file that a drawing can be, by their suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stitchgen.drawing import mermaid, page, svg
from stitchgen.drawing.graph import Graph

RENDERERS: Mapping[str, Callable[[Sequence[Graph]], str]] = {
    ".svg": svg.render,
    ".mmd": mermaid.render,
    ".html": page.render,
}
