"""MobileOneBlock against timm's, and against the convolution that it fuses to."""

import pytest
import torch
from timm.models.byobnet import MobileOneBlock

NAMES = {"convs.": "conv_kxk.", "scale.": "conv_scale.", "identity.": "identity."}
for _i in range(4):
    NAMES |= {f"convs.{_i}.0.": f"conv_kxk.{_i}.conv.", f"convs.{_i}.1.": f"conv_kxk.{_i}.bn."}
NAMES |= {"scale.0.": "conv_scale.conv.", "scale.1.": "conv_scale.bn."}
CASES = [  # channels in and out, kernel, stride, groups, branches
    (12, 12, 3, 1, 1, 1),
    (12, 12, 3, 1, 12, 4),
    (12, 8, 3, 1, 4, 2),
    (12, 12, 1, 1, 1, 4),
    (12, 10, 1, 1, 1, 1),
    (12, 12, 3, 2, 12, 1),
    (4, 6, 5, 2, 2, 3),
]


@pytest.mark.parametrize("width, out, kernel_size, stride, groups, branches", CASES)
def test_equals_timm(block, agree, width, out, kernel_size, stride, groups, branches):
    group_size = width // groups if groups > 1 else 0
    theirs = MobileOneBlock(
        width, out, kernel_size, stride, group_size=group_size, num_conv_branches=branches
    )
    ours = block("mobile-one")(width, out, kernel_size, stride, groups, branches)
    shapes = [(2, width, 7, 5), (3, width, 8, 8), (2, width, 17, 20)]
    agree(ours, theirs, *shapes, names=NAMES)
    agree(ours, theirs, (1, width, 9, 4), (1, width, 1, 1), modes=["eval"], names=NAMES)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("width, out, kernel_size, stride, groups, branches", CASES)
def test_fuses_to_one_convolution(block, dims, width, out, kernel_size, stride, groups, branches):
    cls = block("mobile-one", dims)
    ours = cls(width, out, kernel_size, stride, groups, branches).double().eval()
    for name, value in ours.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) - 0.3 + name.endswith("var"))
    x = torch.randn(2, width, *(7, 6, 5)[:dims], dtype=torch.float64)
    fused = ours.fuse()
    assert fused.weight.shape[2:] == (kernel_size,) * dims and fused.stride == (stride,) * dims
    torch.testing.assert_close(fused(x).relu(), ours(x), rtol=1e-10, atol=1e-10)


def test_bad_arguments(block, raises):
    raises(block("mobile-one"), "in_channels", 6, out_channels=8, groups=4)
    raises(block("mobile-one"), "out_channels", 6, in_channels=8, groups=4)
    raises(block("mobile-one"), "kernel_size", 4, 8, 8)
    raises(block("mobile-one"), "num_conv_branches", 0, 8, 8)
