"""GhostModule against timm's, and the faults of copies around."""

import pytest
import torch
from timm.models.ghostnet import GhostModule
from torch import nn


@pytest.mark.parametrize("ratio", [2, 3, 4])
@pytest.mark.parametrize(
    "kernel_size, dw_size, stride", [(1, 3, 1), (3, 3, 2), (5, 5, 1), (1, 1, 2)]
)
@pytest.mark.parametrize("relu", [True, False])
def test_equals_timm(block, agree, ratio, kernel_size, dw_size, stride, relu):
    ours = block("ghost")(12, 22, kernel_size, ratio, dw_size, stride, relu)
    act = nn.ReLU if relu else lambda inplace: nn.Identity()
    theirs = GhostModule(12, 22, kernel_size, ratio, dw_size, stride, act_layer=act)
    agree(ours, theirs, (2, 12, 7, 5), (3, 12, 8, 8))
    agree(ours, theirs, (1, 12, 9, 4), modes=("eval",))


@pytest.mark.parametrize("dims", [1, 3])
def test_other_dims_follow_the_formula(block, agree, dims):
    conv = {1: nn.functional.conv1d, 3: nn.functional.conv3d}[dims]

    def formula(ghost, x):
        def normalised(x, norm):
            axes = [0, *range(2, dims + 2)]
            mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
            form = (1, -1, *[1] * dims)
            scaled = (x - mean) / (var + 1e-5).sqrt() * norm.weight.view(form)
            return (scaled + norm.bias.view(form)).relu()

        first, second = ghost.primary_conv, ghost.cheap_operation
        primary = normalised(conv(x, first[0].weight), first[1])
        groups = primary.shape[1]
        ghosts = normalised(conv(primary, second[0].weight, padding=1, groups=groups), second[1])
        return torch.cat([primary, ghosts], 1)[:, :7]

    agree(block("ghost", dims)(6, 7), formula, (2, 6, *(5, 4, 3)[:dims]), modes=("train",))


def test_no_known_fault(block, raises):
    ghost = block("ghost")
    assert ghost(8, 7, ratio=3).to("meta")(torch.empty(2, 8, 4, 4, device="meta")).shape[1] == 7
    raises(ghost, "ratio", 1, 8, 8)
    for even in (0, 2, 4):
        raises(ghost, "dw_size", even, 8, 8)
        raises(ghost, "kernel_size", even, 8, 8)
    assert not any(isinstance(m, nn.ReLU) for m in ghost(8, 8, relu=False).modules())
