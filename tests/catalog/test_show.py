"""`show`: every fact of a block, its source, and an example that can be typed."""

from __future__ import annotations

import re

import pytest

from stitchgen.catalog import folders, listing, render, show
from stitchgen.cli import report
from stitchgen.project.config import Project


def test_show_tells_all_and_gives_the_source(project):
    result = show.run(project, "cbam", source=True)
    assert result["source"] == render.block_source(folders.get("cbam"))
    assert result["paper"]["address"] == "https://arxiv.org/abs/1807.06521"
    assert result["cost"] == {"parameters": 8292, "flops": 71184, "at": "1x256x14x14"}
    assert result["caution"] and result["example"] == "stitchgen add cbam --after model.layer2"
    assert "source" not in show.run(project, "cbam")
    for name in folders.load():
        assert re.match(r"stitchgen (add|fuse|new-module) \S", show.run(project, name)["example"])


def as_read(result):
    """The report, its lines joined."""
    return " ".join(report.text(result).split())


def test_show_prints_every_fact_of_every_block(project):
    for name, block in folders.load().items():
        said = as_read(show.run(project, name))
        paper = block.paper
        address = f"https://arxiv.org/abs/{paper['arxiv']}" if "arxiv" in paper else paper["url"]
        facts = [block.summary, block.fits, paper["title"], str(paper["year"]), address]
        facts += [block.code or "none of the authors' is known", block.title_zh, block.caution]
        facts += [f"{block.cost['parameters']:,} parameters, {block.cost['flops']:,} FLOPs"]
        facts += [f"{p.name}: {p.type}" for p in block.parameters]
        facts += [f"= {p.default}" for p in block.parameters if p.default is not None]
        facts += [p.meaning for p in block.parameters]
        facts += [f"against {block.oracle}", show.example(block), *block.layouts]
        for fact in filter(None, facts):
            assert " ".join(fact.split()) in said, (name, fact)
        assert re.search(r" for 1x[\dx]*256(x[\d]+)* ", said)


@pytest.mark.parametrize(
    "name, channels, size",
    [
        ("cbam", "channels as many come out as go in", "size as large"),
        ("ghost", "channels in_channels go in, out_channels come out", "size n becomes (n - 1) //"),
        ("dense-block", "channels in_channels + growth_rate * num_layers come out", "as large"),
        ("pixel-shuffle-up", "out_channels come out", "size n becomes n * scale"),
    ],
)
def test_show_says_how_channels_and_size_change(project, name, channels, size):
    said = as_read(show.run(project, name))
    assert channels in said and size in said


def test_an_unverified_block_is_shown_as_one(lab, tmp_path):
    project = Project(root=tmp_path, catalogs=(str(lab),))
    listed = report.text(listing.run(project, family="channel-attention"))
    [line] = [line for line in listed.splitlines() if "lab/eca" in line]
    assert line.endswith("(unverified)") and listed.count("(unverified)") == 1
    assert "unverified: there is nothing to compare it with" in as_read(
        show.run(project, "lab/eca")
    )


def test_an_example_has_a_layer_for_each_input(project):
    assert show.run(project, "aff")["example"].endswith("--after model.layer1 --with model.layer2")
    assert show.run(project, "film")["example"].endswith("--with model.embedding")
