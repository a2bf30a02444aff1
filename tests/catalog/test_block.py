"""What a block takes over from the layer that it replaces, and the dims that it has."""

from __future__ import annotations

import pytest

from stitchgen.catalog import folders
from stitchgen.errors import StitchError


def test_class_names_and_modules_follow_the_dims():
    cbam, swish, mhsa = (folders.get(name) for name in ("cbam", "swish", "mhsa"))
    assert [cbam.class_for(dims) for dims in (1, 2, 3)] == ["CBAM1d", "CBAM", "CBAM3d"]
    assert swish.class_for(3) == "Swish" and mhsa.class_for(1) == "MultiheadSelfAttention"
    assert cbam.module_for(2) == "cbam" and cbam.module_for(3) == "cbam3d"
    assert cbam.module_for(2, "MyCBAMBlock") == "my_cbam_block"
    assert folders.get("channel-attention").module_for(2) == "channel_attention"


def test_layouts_say_the_dims_to_render():
    cbam, mhsa, swish = (folders.get(name) for name in ("cbam", "mhsa", "swish"))
    assert [cbam.dims_for(one) for one in ("NCL", "NCHW", "NCDHW")] == [1, 2, 3]
    assert [cbam.dims_for(one) for one in ("NHWC", "NLC", "NC", "odd")] == [None] * 4
    assert mhsa.dims_for("NLC") == 1 and mhsa.dims_for("NCHW") is None
    assert all(swish.dims_for(one) for one in ("NC", "NLC", "NHWC", "NCDHW"))


def test_replacements_give_arguments_and_refuse_misfits():
    conv = {
        "in_channels": 64,
        "out_channels": 128,
        "kernel_size": (3, 3),
        "stride": (2, 2),
        "padding": (1, 1),
        "dilation": (1, 1),
        "groups": 1,
        "bias": False,
        "padding_mode": "zeros",
    }
    ghost, coord = folders.get("ghost"), folders.get("coordconv")
    expected = {"in_channels": 64, "out_channels": 128, "kernel_size": 3, "stride": 2}
    assert ghost.replacement("Conv2d").values(conv) == expected
    assert coord.replacement("Conv2d").values(conv | {"kernel_size": (3, 5)}) == {
        **expected,
        "kernel_size": (3, 5),
        "padding": 1,
        "dilation": 1,
        "groups": 1,
        "bias": False,
    }
    for misfit in ({"groups": 64}, {"dilation": (2, 2)}, {"padding": (0, 0)}):
        with pytest.raises(StitchError) as error:
            ghost.replacement("Conv2d").values(conv | misfit)
        assert error.value.code == "bad-argument" and next(iter(misfit)) in error.value.message
    with pytest.raises(StitchError):
        coord.replacement("Conv2d").values(conv | {"padding_mode": "reflect"})
    assert ghost.replacement("Linear") is None
    drop = folders.get("dropblock").replacement("Dropout2d")
    assert drop.values({"p": 0.25, "inplace": True}) == {"keep_prob": 0.75}
