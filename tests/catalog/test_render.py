"""The source of a block: dims, class names, snippets."""

from __future__ import annotations

import pytest

from stitchgen.catalog import folders, render
from stitchgen.errors import StitchError


def test_dims_and_class_names_are_checked():
    for dims, name in ((4, None), (2, "not a name"), (2, "é")):
        with pytest.raises(StitchError) as error:
            render.block_source(folders.get("cbam"), dims, name)
        assert error.value.code == "bad-argument"
    for taken in ("ChannelAttention", "Tensor", "nn", "torch", "ValueError"):
        with pytest.raises(StitchError) as error:
            render.block_source(folders.get("cbam"), 2, taken)
        assert error.value.code == "bad-argument" and taken in error.value.message
    source = render.block_source(folders.get("cbam"), 2, "MyCBAM")
    assert "class MyCBAM(nn.Module)" in source and "y = MyCBAM(64)(x)" in source


def test_snippets_are_strict():
    with pytest.raises(StitchError) as error:
        render.snippet("no-such-snippet", "init")
    assert error.value.code == "internal"


def test_a_block_of_any_dims_has_one_source():
    """It has one file, whichever dims are asked for."""
    generic = [block for block in folders.load().values() if block.generic]
    assert generic
    for block in generic:
        sources = {render.block_source(block, dims) for dims in block.dims}
        assert len(sources) == 1, block.name
        assert len({block.module_for(dims) for dims in block.dims}) == 1
