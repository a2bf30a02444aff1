"""GhostV2Module against timm's GhostModuleV2, and in other dims against the formula."""

import pytest
import torch
from timm.models.ghostnet import GhostModuleV2
from torch import nn
from torch.nn import functional as F


@pytest.mark.parametrize("ratio", [2, 3, 4])
@pytest.mark.parametrize(
    "kernel_size, dw_size, stride", [(1, 3, 1), (3, 3, 2), (5, 5, 1), (1, 1, 2)]
)
@pytest.mark.parametrize("relu", [True, False])
def test_equals_timm(block, agree, ratio, kernel_size, dw_size, stride, relu):
    ours = block("ghost-v2")(12, 22, kernel_size, ratio, dw_size, stride, relu)
    act = nn.ReLU if relu else lambda inplace: nn.Identity()
    theirs = GhostModuleV2(12, 22, kernel_size, ratio, dw_size, stride, act_layer=act)
    agree(ours, theirs, (2, 12, 7, 5), (3, 12, 8, 8), (2, 12, 17, 20))
    agree(ours, theirs, (1, 12, 9, 4), (1, 12, 2, 3), modes=("eval",))


@pytest.mark.parametrize("dims", [1, 3])
def test_other_dims_follow_the_formula(block, agree, dims):
    conv = {1: F.conv1d, 3: F.conv3d}[dims]
    pool = {1: F.avg_pool1d, 3: F.avg_pool3d}[dims]

    def formula(ghost, x):
        def normalised(x, norm):
            return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True)

        first, second = ghost.primary_conv, ghost.cheap_operation
        primary = normalised(conv(x, first[0].weight), first[1]).relu()
        groups = primary.shape[1]
        ghosts = conv(primary, second[0].weight, padding=1, groups=groups)
        y = torch.cat([primary, normalised(ghosts, second[1]).relu()], 1)[:, :7]

        layers = iter(ghost.attention)
        gate = normalised(conv(pool(x, 2), next(layers).weight), next(layers))
        for axis in reversed(range(dims)):  # the last axis first
            weight, padding = next(layers).weight, [0] * dims
            padding[axis] = 2
            assert weight.shape[2 + axis] == 5
            gate = normalised(conv(gate, weight, padding=padding, groups=7), next(layers))
        gate = gate.sigmoid()
        for axis in range(2, 2 + dims):  # the nearest of the smaller map
            n, small = x.shape[axis], gate.shape[axis]
            gate = gate.index_select(axis, torch.arange(n) * small // n)
        return y * gate

    agree(block("ghost-v2", dims)(6, 7), formula, (2, 6, *(8, 5, 6)[:dims]), modes=("train",))


def test_no_known_fault(block, raises):
    ghost = block("ghost-v2")
    assert ghost(8, 7, ratio=3).to("meta")(torch.empty(2, 8, 4, 4, device="meta")).shape[1] == 7
    raises(ghost, "ratio", 1, 8, 8)
    for even in (0, 2, 4):
        raises(ghost, "dw_size", even, 8, 8)
        raises(ghost, "kernel_size", even, 8, 8)
    assert not any(isinstance(m, nn.ReLU) for m in ghost(8, 8, relu=False).modules())
