"""The gallery: a page for each family of blocks, written from the heads of the templates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from commands import escaped
from pictures import pictures

from stitchgen.catalog import folders, render, show
from stitchgen.catalog.block import Block
from stitchgen.project.config import Project

TITLES = {"mixture-of-experts": "Mixture of experts"}


def families() -> dict[str, list[Block]]:
    """The blocks of the catalog by family, both in the order of their names."""
    found: dict[str, list[Block]] = {}
    for block in folders.load().values():
        found.setdefault(block.family, []).append(block)
    return {name: sorted(found[name], key=lambda block: block.name) for name in sorted(found)}


def title_of(family: str) -> str:
    return TITLES.get(family, family.replace("-", " ").capitalize().replace("Self a", "Self-a"))


def navigation() -> list[Any]:
    return [
        "blocks/index.md",
        *({title_of(name): f"blocks/{name}.md"} for name in families()),
    ]


def pages() -> dict[str, str]:
    """Every page of the gallery and every picture, by the path in the site."""
    drawn = pictures(list(folders.load().values()))
    found = {f"blocks/pictures/{name}.svg": svg for name, svg in drawn.items()}
    found["blocks/index.md"] = index()
    for family, blocks in families().items():
        lines = [f"# {title_of(family)}", ""]
        for block in blocks:
            lines += section(block)
        found[f"blocks/{family}.md"] = "\n".join(lines)
    return found


def index() -> str:
    """All blocks in one table per family."""
    count = sum(map(len, families().values()))
    lines = [
        "# Blocks",
        "",
        f"The catalog has {count} blocks. Each is one file that you own once it is in your project; each was compared with "
        "an independent implementation of its paper, which its page names. The cost is that for 256 channels at 14x14 "
        "(196 tokens). The pictures are drawn of one run, of 64 channels at 16x16 or 256 tokens, in eval.",
        "",
        "In the formulas σ is the sigmoid, ⊙ a product element by element with sizes of one spread, ‖x‖ a norm, rms the root of "
        "the mean of squares, `[a, b]` a concatenation along the channels, W a trained matrix or 1x1 convolution, BN, LN and GN "
        "normalisations, DWConv a convolution within each channel. Biases, and normalisations and activations that belong to a "
        "convolution, are left out; the source has all.",
        "",
        "Search with `stitchgen list --search TEXT`, in English or Chinese.",
    ]
    for family, blocks in families().items():
        lines += ["", f"## [{title_of(family)}]({family}.md)", ""]
        lines += ["| block | what | paper | parameters |", "| --- | --- | --- | --- |"]
        for block in blocks:
            cost = f"{block.cost['parameters']:,}" if "parameters" in block.cost else ""
            link = f"[{block.name}]({family}.md#{block.name})"
            lines.append(f"| {link} | {block.title} | {block.paper['year']} | {cost} |")
    return "\n".join(lines) + "\n"


def section(block: Block) -> Iterator[str]:
    """One block, as its head describes it."""
    known = show.run(Project(Path(__file__).parent), block.name)
    yield from (f"## {block.name}", "", f"**{block.title}** · {block.title_zh}", "")
    yield from (block.summary, "", formula(block.formula or ""), "")
    yield from ('<div class="facts" markdown>', "")
    for name, text in facts(block, known):
        yield from (f"**{name}:** {text}", "")
    yield from ("</div>", "", "```sh", known["example"], "```", "")
    picture = f"![What {block.name} computes](pictures/{block.name}.svg){{ loading=lazy }}"
    yield from ('<div class="picture" tabindex="0" markdown>', "", picture, "", "</div>", "")
    if block.parameters:
        yield from ('??? note "Arguments"', "")
        yield from ("    | argument | type | default | meaning |", "    | --- | --- | --- | --- |")
        for one in block.parameters:
            default = f"`{one.default}`" if one.default is not None else ""
            yield f"    | `{one.name}` | `{one.type}` | {default} | {escaped(one.meaning)} |"
        yield ""
    yield from ('??? note "Source"', "", "    ```python")
    yield from (f"    {line}".rstrip() for line in render.block_source(block).splitlines())
    yield from ("    ```", "")


def facts(block: Block, known: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What there is to know of a block, with a name for each."""
    paper = known["paper"]
    said = f"{paper['authors']}, “{paper['title']}”, {paper['year']}"
    yield "Paper", f"[{said}]({paper['address']})" if paper["address"] else said
    if block.code:
        yield "Authors' code", f"<{block.code}>"
    yield "Where it fits", escaped(block.fits)
    if block.caution:
        options_as_code = re.sub(r"--fuse \w+|--[a-z][a-z-]*", r"`\g<0>`", block.caution)
        yield "Caution", escaped(options_as_code)
    dims = " (any dims)" if block.generic else f" ({', '.join(f'{one}-D' for one in block.dims)})"
    yield "Layouts", ", ".join(block.layouts) + ("" if block.layouts == ("NLC",) else dims)
    comes = {"same": "as many as go in", "in-out": "`out_channels`"}
    channels = comes.get(block.channels, f"`{block.channels}`")
    size = "the same" if block.size == "same" else f"`{block.size}`"
    yield "Channels that come out", f"{channels}; size: {size}"
    if block.cost:
        cost = known["cost"]
        flops = f", {cost['flops']:,} FLOPs" if "flops" in cost else ""
        yield "Cost", f"{cost['parameters']:,} parameters{flops} for {cost['at']}"
    checked = "not verified" if block.oracle == "none" else f"`{block.oracle}`"
    yield "Compared with", checked


def formula(text: str) -> str:
    """A formula of a head as HTML: `W_1` gets a subscript, a new line follows `;`."""
    parts = []
    for line in text.split("; "):
        shown = escape(line)
        parts.append(re.sub(r"_(\{[^}]*\}|\w+)", lambda m: f"<sub>{m[1].strip('{}')}</sub>", shown))
    return f'<p class="formula">{"<br>".join(parts)}</p>'
