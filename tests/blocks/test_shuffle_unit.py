"""ShuffleUnit against torchvision's InvertedResidual, and against the paper's figures 3c and 3d."""

import pytest
import torch
from torch.nn import functional as F
from torchvision.models.shufflenetv2 import InvertedResidual


@pytest.mark.parametrize(
    "width, out, stride", [(12, 12, 1), (2, 2, 1), (12, 12, 2), (5, 14, 2), (12, 8, 3)]
)
def test_equals_torchvision(block, agree, width, out, stride):
    ours, theirs = block("shuffle-unit")(width, out, stride), InvertedResidual(width, out, stride)
    agree(ours, theirs, (2, width, 7, 5), (3, width, 8, 8), (2, width, 17, 20))
    agree(ours, theirs, (1, width, 9, 4), (1, width, 1, 1), modes=["eval"])


@pytest.mark.parametrize("dims", [1, 3])
@pytest.mark.parametrize("width, out, stride", [(6, 6, 1), (5, 8, 2)])
def test_other_dims_follow_the_figures(block, agree, dims, width, out, stride):
    conv = {1: F.conv1d, 3: F.conv3d}[dims]

    def formula(unit, x):
        def run(x, layers):
            for layer in layers:
                name = type(layer).__name__
                if name.startswith("Conv"):
                    if layer.weight.shape[-1] == 3:
                        x = conv(x, layer.weight, None, stride, 1, groups=x.shape[1])
                    else:
                        x = conv(x, layer.weight)
                elif name.startswith("BatchNorm"):
                    x = F.batch_norm(x, None, None, layer.weight, layer.bias, training=True)
                else:
                    x = x.relu()
            return x

        if stride == 1:
            left, right = x[:, : width // 2], run(x[:, width // 2 :], unit.branch)
        else:
            left, right = run(x, unit.shortcut), run(x, unit.branch)
        pairs = zip(left.unbind(1), right.unbind(1))
        return torch.stack([channel for pair in pairs for channel in pair], 1)

    ours = block("shuffle-unit", dims)(width, out, stride)
    agree(ours, formula, (2, width, *(7, 5, 4)[:dims]), modes=["train"])


def test_the_channels_change_places(block):
    """At stride 1 every second channel of the output is one of the input, untouched."""
    x = torch.randn(2, 8, 5, 4)
    y = block("shuffle-unit")(8, 8)(x)
    torch.testing.assert_close(y[:, ::2], x[:, :4])


def test_bad_arguments(block, raises):
    raises(block("shuffle-unit"), "out_channels", 7, in_channels=8, stride=2)
    raises(block("shuffle-unit"), "in_channels", 6, out_channels=8)
    raises(block("shuffle-unit"), "stride", 0, 8, 8)
