"""`stitchgen list`: the blocks of the catalog, by family, layout, dims and text.

Floor 5: one function; loads no heavy package.
"""

from __future__ import annotations

from typing import Any

from stitchgen import catalog
from stitchgen.catalog import FEATURES, LAYOUTS, Block
from stitchgen.config import Project
from stitchgen.errors import UsageError


def run(
    project: Project,
    *,
    family: str | None = None,
    layout: str | None = None,
    dims: int | None = None,
    search: str | None = None,
) -> dict[str, Any]:
    """The `--json` object: the blocks that fit every option given."""
    blocks = list(catalog.load(project.catalogs).values())
    if family is not None:
        families = sorted({block.family for block in blocks})
        if family not in families:
            raise _unknown("family", family, families)
        blocks = [block for block in blocks if block.family == family]
    if layout is not None:
        known = sorted({*FEATURES, *LAYOUTS} - {"any"})
        if layout.upper() not in known:
            raise _unknown("layout", layout, known)
        blocks = [block for block in blocks if _takes(block, layout.upper())]
    if dims is not None:
        blocks = [block for block in blocks if dims in block.dims]
    if search is not None:
        words = search.lower().split()
        blocks = [block for block in blocks if all(word in _text(block) for word in words)]
    return {"ok": True, "command": "list", "blocks": [block.as_dict() for block in blocks]}


def _takes(block: Block, layout: str) -> bool:
    return layout in block.layouts or block.dims_for(layout) is not None


def _text(block: Block) -> str:
    """What a search looks at, in both languages."""
    paper = " ".join(str(value) for value in block.paper.values())
    own = (block.name, block.class_name, block.title, block.title_zh, block.family, block.summary)
    return " ".join((*own, block.fits, paper)).lower()


def _unknown(option: str, value: str, known: list[str]) -> UsageError:
    from difflib import get_close_matches  # 8 ms, wanted only here

    return UsageError(
        "usage",
        f"--{option}: there is no {option} {value!r}",
        hint=f"one of {', '.join(known)}",
        suggestions=get_close_matches(value, known, 3, cutoff=0.5),
    )
