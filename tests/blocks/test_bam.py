"""BAM against its formula: the authors' layers and the paper's sum of the branches."""

import pytest
import torch
from torch.nn import functional as F


def formula(dims, dilation):
    conv = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[dims]

    def normalised(norm, x):
        if not norm.training:
            statistics = norm.running_mean, norm.running_var
        else:
            axes = [0, *range(2, x.ndim)]
            statistics = x.mean(axes), x.var(axes, unbiased=False)
        form = (1, -1, *[1] * (x.ndim - 2))
        mean, var, weight, bias = (t.view(form) for t in (*statistics, norm.weight, norm.bias))
        return ((x - mean) / (var + 1e-5).sqrt() * weight + bias).relu()

    def forward(bam, x):
        linear1, norm, _, linear2 = bam.channel
        channel = normalised(norm, x.flatten(2).mean(2) @ linear1.weight.T + linear1.bias)
        channel = channel @ linear2.weight.T + linear2.bias
        spatial = conv(x, bam.spatial[0].weight, bam.spatial[0].bias)
        for i in (3, 6):
            spatial = normalised(bam.spatial[i - 2], spatial)
            layer = bam.spatial[i]
            spatial = conv(spatial, layer.weight, layer.bias, 1, dilation, dilation)
        spatial = conv(
            normalised(bam.spatial[7], spatial), bam.spatial[9].weight, bam.spatial[9].bias
        )
        gate = torch.sigmoid(channel.view(*channel.shape, *[1] * dims) + spatial)
        return x * (1 + gate)

    return forward


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("channels, reduction, dilation", [(32, 4, 4), (8, 16, 2)])
def test_follows_the_formula(block, agree, dims, channels, reduction, dilation):
    ours = block("bam", dims)(channels, reduction, dilation)
    wide = (2, channels, *(5, 9, 3)[:dims])
    agree(ours, formula(dims, dilation), wide, (3, channels, *(8, 7, 4)[:dims]))
    agree(ours, formula(dims, dilation), (1, channels, *(6, 5, 4)[:dims]), modes=["eval"])


def test_every_column_counts(block):
    """The authors' pooling leaves out the columns beyond the height."""
    bam = block("bam")(16, 1).eval()
    with torch.no_grad():
        bam.spatial[9].weight.zero_()  # only the channel branch
    x = torch.randn(1, 16, 4, 9, requires_grad=True)
    bam(x)[0, :, 0, 0].sum().backward()
    assert (x.grad[0, :, :, 8] != 0).any()
