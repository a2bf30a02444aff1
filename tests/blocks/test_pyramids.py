"""FPN against torchvision's, PAN against the paper's second path on top of it."""

from collections import OrderedDict

import pytest
import torch
from torch.nn import functional as F
from torchvision.ops import FeaturePyramidNetwork

WIDTHS = (4, 6, 8)


def pyramid(ours, *features):
    theirs = FeaturePyramidNetwork(list(WIDTHS), 5).double()
    state = {}
    for i in range(3):
        for kind in ("weight", "bias"):
            state[f"inner_blocks.{i}.0.{kind}"] = getattr(ours.lateral[i], kind)
            state[f"layer_blocks.{i}.0.{kind}"] = getattr(ours.output[i], kind)
    named = OrderedDict((str(i), x) for i, x in enumerate(features))
    return list(torch.func.functional_call(theirs, state, (named,)).values())


def aggregated(ours, *features):
    first, *others = pyramid(ours, *features)
    results = [first]
    for p, down, merge in zip(others, ours.down, ours.merge):
        reduced = F.conv2d(results[-1], down.weight, down.bias, stride=2, padding=1).relu()
        results.append(F.conv2d(p + reduced, merge.weight, merge.bias, padding=1).relu())
    return results


SIZES = [[(8, 12), (4, 6), (2, 3)], [(9, 5), (5, 3), (3, 2)]]


@pytest.mark.parametrize("name, theirs", [("fpn", pyramid), ("pan", aggregated)])
def test_equals_the_oracle(block, agree, name, theirs):
    ours = block(name)(WIDTHS, 5)
    shapes = [[(2, c, *s) for c, s in zip(WIDTHS, sizes)] for sizes in SIZES]
    agree(ours, theirs, *shapes, [(1, *shape[1:]) for shape in shapes[0]])


@pytest.mark.parametrize("name", ["fpn", "pan"])
def test_bad_arguments(block, raises, name):
    raises(block(name), "in_channels", (3, 0))
    raises(block(name), "out_channels", 0, (3, 4))
