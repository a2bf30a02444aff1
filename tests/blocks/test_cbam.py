"""CBAM, ChannelAttention and SpatialAttention against timm, and the faults of copies around."""

import ast

import pytest
import torch
from timm.layers.cbam import CbamModule, ChannelAttn, SpatialAttn

from stitchgen.catalog import folders, render

SHAPES = [(2, 7, 5), (1, 8, 8), (3, 4, 9)]


@pytest.mark.parametrize("channels, reduction", [(64, 16), (32, 4), (48, 48), (4, 16)])
@pytest.mark.parametrize("bias", [False, True])
def test_channel_attention_equals_timm(block, agree, channels, reduction, bias):
    ours = block("channel-attention")(channels, reduction, bias=bias)
    hidden = max(1, channels // reduction)
    theirs = ChannelAttn(channels, rd_channels=hidden, mlp_bias=bias)
    agree(ours, theirs, *[(n, channels, h, w) for n, h, w in SHAPES])


@pytest.mark.parametrize("kernel_size", [1, 3, 7])
def test_spatial_attention_equals_timm(block, agree, kernel_size):
    ours, theirs = block("spatial-attention")(kernel_size), SpatialAttn(kernel_size)
    agree(ours, theirs, *[(n, 6, h, w) for n, h, w in SHAPES])


@pytest.mark.parametrize("channels, reduction, kernel_size", [(64, 16, 7), (32, 4, 3), (4, 16, 5)])
def test_cbam_equals_timm(block, agree, channels, reduction, kernel_size):
    ours = block("cbam")(channels, reduction, kernel_size)
    hidden = max(1, channels // reduction)
    theirs = CbamModule(channels, rd_channels=hidden, spatial_kernel_size=kernel_size)
    agree(ours, theirs, *[(n, channels, h, w) for n, h, w in SHAPES])


@pytest.mark.parametrize("dims", [1, 3])
def test_other_dims_equal_2d_on_flat_features(block, dims):
    """A feature with axes of length one is the same to a 2-D and to a 1-D or 3-D block."""
    other, flat = block("cbam", dims)(8, 2, 3).eval(), block("cbam")(8, 2, 3).eval()
    state = flat.state_dict()
    for key, value in other.state_dict().items():
        if key.endswith("conv.weight"):
            value.zero_()
            middle = state[key][:, :, 1]
            (value if dims == 1 else value[:, :, 1, 1]).copy_(middle)
        else:
            value.copy_(state[key].reshape(value.shape))
    x = torch.randn(2, 8, 1, 9)
    got = other(x.reshape(2, 8, *[1] * (dims - 1), 9))
    torch.testing.assert_close(got.reshape(2, 8, 1, 9), flat(x))


@pytest.mark.parametrize("name", ["channel-attention", "spatial-attention"])
def test_the_parts_are_those_of_cbam(name):
    """They are blocks of their own as well; the templates must not drift apart."""

    def code(name):
        for node in ast.parse(render.block_source(folders.get(name))).body:
            if isinstance(node, ast.ClassDef):
                yield node.name, ast.unparse(node.body[1:])  # the docstrings may differ

    assert dict(code(name)).items() <= dict(code("cbam")).items()


def test_no_known_fault(block, raises):
    cbam = block("cbam")
    assert cbam(4)(torch.randn(2, 4, 5, 5)).shape == (2, 4, 5, 5)  # channels // reduction is 0
    assert "norm.running_mean" in cbam(16).spatial.state_dict()  # the spatial gate's BatchNorm
    assert cbam(16, bias=True).channel.fc[0].bias is not None  # the authors' form
    for kernel_size in (0, 2, 4):
        raises(cbam, "kernel_size", kernel_size, 16)
    raises(cbam, "reduction", 0, 16)
    raises(cbam, "channels", 0)


def test_splice_of_128_channels_adds_2148_parameters(block):
    """design.md section 8 shows this number."""
    cbam = block("cbam")(128)
    assert sum(p.numel() for p in cbam.parameters()) == 2148
    assert "channel.fc.0.weight" in cbam.state_dict()


def test_the_authors_weights_need_flip_only(block):
    """Their code stacks the maximum first."""
    ours = block("spatial-attention")(3).eval()
    x = torch.randn(2, 6, 5, 5)
    stacked = torch.stack([x.amax(1), x.mean(1)], 1)
    theirs = torch.nn.functional.conv2d(stacked, ours.conv.weight.flip(1), padding=1)
    torch.testing.assert_close(ours(x), x * torch.sigmoid(ours.norm(theirs)))
