"""RepVGGBlock against timm's, and against the convolution that it fuses to."""

import pytest
import torch
from timm.models.byobnet import RepVggBlock
from torch import nn

NAMES = {
    "conv3.": "conv_kxk.conv.",
    "norm3.": "conv_kxk.bn.",
    "conv1.": "conv_1x1.conv.",
    "norm1.": "conv_1x1.bn.",
    "identity.": "identity.",
}
SHAPES = [(12, 12, 1, 1), (12, 12, 1, 3), (12, 8, 1, 4), (12, 12, 2, 1), (4, 6, 2, 2)]


@pytest.mark.parametrize("width, out, stride, groups", SHAPES)
def test_equals_timm(block, agree, width, out, stride, groups):
    theirs = RepVggBlock(width, out, stride=stride, group_size=width // groups if groups > 1 else 0)
    for module in theirs.modules():  # torch's usual eps, as in the authors' code
        if isinstance(module, nn.BatchNorm2d):
            assert module.eps == 1e-5
    ours = block("repvgg")(width, out, stride, groups)
    agree(ours, theirs, (2, width, 7, 5), (3, width, 8, 8), names=NAMES)
    agree(ours, theirs, (1, width, 9, 4), modes=["eval"], names=NAMES)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("width, out, stride, groups", SHAPES)
def test_fuses_to_one_convolution(block, dims, width, out, stride, groups):
    ours = block("repvgg", dims)(width, out, stride, groups).double().eval()
    for name, value in ours.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 * name.endswith("var"))
    x = torch.randn(2, width, *(7, 6, 5)[:dims], dtype=torch.float64)
    fused = ours.fuse()
    assert fused.weight.shape[2:] == (3,) * dims and fused.stride == (stride,) * dims
    torch.testing.assert_close(fused(x).relu(), ours(x), rtol=1e-10, atol=1e-10)


def test_bad_arguments(block, raises):
    raises(block("repvgg"), "in_channels", 6, out_channels=8, groups=4)
    raises(block("repvgg"), "out_channels", 6, in_channels=8, groups=4)
